#pragma once

#include <vector>

#include "ldm/demo/scene.h"

namespace ldm::testing {

/// The objects of configs/demo/objects.txt.
const std::vector<demo::Object>& demo_objects();

/// Their pictures, from the font where environment/setup.sh puts it; rendered once.
const demo::Sprites& demo_sprites();

}  // namespace ldm::testing
