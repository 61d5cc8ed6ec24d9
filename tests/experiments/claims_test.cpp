#include "ldm/experiments/claims.h"

#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace ldm::experiments {
namespace {

constexpr const char* kKey = "0123456789abcdef01234567";
constexpr const char* kOther = "fedcba9876543210fedcba98";

// Two objects stand for two processes: a claim belongs to the open file.
TEST(Claims, AreOfOneAtATime) {
  const std::string path = testing::new_folder() + "/claims";
  Claims one(path), two(path);
  EXPECT_TRUE(one.try_claim(kKey));
  EXPECT_FALSE(two.try_claim(kKey));
  EXPECT_TRUE(two.try_claim(kOther));
  one.release(kKey);
  EXPECT_TRUE(two.try_claim(kKey));
}

TEST(Claims, EndWithTheirOwner) {
  const std::string path = testing::new_folder() + "/claims";
  Claims two(path);
  {
    Claims one(path);
    EXPECT_TRUE(one.try_claim(kKey));
    EXPECT_FALSE(two.try_claim(kKey));
  }
  EXPECT_TRUE(two.try_claim(kKey));
}

TEST(Claims, KnowWhetherTheyAreAlone) {
  const std::string path = testing::new_folder() + "/claims";
  Claims one(path);
  EXPECT_TRUE(one.is_alone());
  Claims two(path);
  EXPECT_FALSE(two.is_alone());
}

}  // namespace
}  // namespace ldm::experiments
