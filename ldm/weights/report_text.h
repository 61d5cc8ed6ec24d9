#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ldm::weights {

/// "859,520,964".
std::string grouped(std::int64_t number);
/// "1 tensor", "1,131 tensors": a number with its noun.
std::string counted(std::int64_t number, const std::string& noun);
/// "4.27 GB" (of 10^9 bytes), "512 bytes".
std::string bytes_text(std::uint64_t bytes);
/// "[320, 4, 3, 3]".
std::string shape_text(const std::vector<std::int64_t>& sizes);
/// Four significant digits: "0.9999", "1.234e-05", "nan", "inf".
std::string number_text(double number);
/// `text` with blanks behind it up to `width` columns, counting bytes.
std::string padded(std::string text, std::size_t width);

}  // namespace ldm::weights
