#pragma once

#include <string_view>

namespace ldm::data {

/// Whether the bytes are those of a JPEG file that is cut short: its segments, followed from the start, do
/// not come to an end-of-image marker. Decoders fill the missing part with grey and say nothing. False for
/// what is no JPEG.
bool is_truncated_jpeg(std::string_view bytes);

}  // namespace ldm::data
