#include "tests/data/data_test_util.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <zlib.h>

namespace ldm::data::testing {

std::string deflate(const std::string& bytes) {
  uLongf size = ::compressBound(bytes.size());
  std::string packed(size, '\0');
  ::compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
             bytes.size());
  packed.resize(size);
  return packed;
}

at::Tensor noise_image(std::int64_t height, std::int64_t width, std::int64_t channels) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(7);
  return at::randint(0, 256, {height, width, channels}, generator, at::kByte);
}

at::Tensor rgb_image(std::int64_t height, std::int64_t width, const std::vector<int>& values) {
  return at::tensor(values).to(at::kByte).view({height, width, 3});
}

std::string be32(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

std::string png_chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string(type) + std::string(data);
  const auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return be32(static_cast<std::uint32_t>(data.size())) + body + be32(static_cast<std::uint32_t>(crc));
}

std::string png_bytes(const PngParts& parts) {
  std::string header = be32(parts.width) + be32(parts.height);
  header.push_back(static_cast<char>(parts.bits));
  header.push_back(static_cast<char>(parts.kind));
  header += std::string(3, '\0');
  std::string rows;
  for (const std::string& row : parts.rows) rows += '\0' + row;
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + parts.before + png_chunk("IDAT", deflate(rows)) +
         parts.after + png_chunk("IEND", "");
}

}  // namespace ldm::data::testing
