#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ldm/data/dataset.h"

namespace ldm::data::testing {

/// An ImageReader of PNGs alone.
ImageReader png_reader();

/// A value of tests/goldens/dataset_images.safetensors.
at::Tensor dataset_golden(const std::string& name);

/// Writes PNGs of noise, of 8x6 pixels unless told otherwise, and the folders that they lie in. Gives the
/// folder back.
std::string write_pictures(const std::string& folder, const std::vector<std::string>& paths,
                           std::int64_t height = 6, std::int64_t width = 8);

/// Creates the folder of a file, then writes it.
std::string write_into(const std::string& folder, const std::string& path, const std::string& bytes);

/// Item `index` with a generator of this seed.
Example get(const Dataset& dataset, std::int64_t index, std::uint64_t seed = 0);

at::Tensor image_of(const Example& example);
std::string text_of(const Example& example, const std::string& field);

}  // namespace ldm::data::testing
