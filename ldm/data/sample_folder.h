#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "ldm/data/png.h"
#include "ldm/files/numbered_files.h"

namespace ldm::data {

/// The folder that the reference's scripts write to, with its names: OUTDIR/samples/00000.png and on,
/// numbered from the count of what is in that folder, and OUTDIR/grid-0000.png and on, from the count of what
/// is in OUTDIR (with `samples`) less one. Unlike there, a number that is in use is skipped, not written
/// over.
struct SampleFolder {
  files::NumberedFiles samples;
  files::NumberedFiles grids;
};

/// Creates OUTDIR and OUTDIR/samples where they are missing. Throws files::FileError if that cannot be done
/// or files cannot be created in both.
SampleFolder open_sample_folder(const std::string& outdir);

/// Writes a PNG (see encode_png) with the next free number and gives its path.
std::string write_png(files::NumberedFiles& to, const at::Tensor& image_u8,
                      const std::vector<PngText>& text = {});

}  // namespace ldm::data
