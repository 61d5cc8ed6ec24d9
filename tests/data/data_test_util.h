#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ldm::data::testing {

/// Random pixels, the same at each call. [height, width, channels] uint8.
at::Tensor noise_image(std::int64_t height, std::int64_t width, std::int64_t channels = 3);

/// [H, W, 3] uint8 from the values of its pixels, row by row.
at::Tensor rgb_image(std::int64_t height, std::int64_t width, const std::vector<int>& values);

/// A big-endian number of four bytes.
std::string be32(std::uint32_t value);

/// A zlib stream, as PNG's compressed chunks hold it.
std::string deflate(const std::string& bytes);

/// A PNG chunk with its length and the right CRC.
std::string png_chunk(std::string_view type, std::string_view data);

/// What a PNG is made of. `rows` are the packed bytes of each row, unfiltered.
struct PngParts {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  int bits = 8;
  int kind = 2;  ///< 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha
  std::vector<std::string> rows;
  std::string before;  ///< chunks between IHDR and IDAT
  std::string after;   ///< chunks between IDAT and IEND
};
std::string png_bytes(const PngParts& parts);

}  // namespace ldm::data::testing
