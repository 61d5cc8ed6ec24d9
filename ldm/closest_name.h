#pragma once

#include <string>
#include <vector>

namespace ldm {

/// What somebody who wrote `name` probably meant: the closest of `names`, at most two letters away (inserted,
/// left out or replaced); empty when none is that close. Short words are close to anything, so a word is
/// offered only when it shares at least one letter.
std::string closest_name(const std::string& name, const std::vector<std::string>& names);

}  // namespace ldm
