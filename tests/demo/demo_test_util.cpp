#include "tests/demo/demo_test_util.h"

#include "tests/support/paths.h"

namespace ldm::testing {

const std::vector<demo::Object>& demo_objects() {
  static const std::vector<demo::Object> objects =
      demo::read_objects(project_path("configs/demo/objects.txt"));
  return objects;
}

const demo::Sprites& demo_sprites() {
  static const demo::Sprites sprites(demo::EmojiFont(demo::EmojiFont::kDefaultPath), demo_objects());
  return sprites;
}

}  // namespace ldm::testing
