#include "ldm/weights/verification.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "tests/support/files.h"
#include "tests/weights/small_weights.h"

namespace ldm::weights {
namespace {

using checkpoint::open_checkpoint;
using ldm::testing::open_small;
using ldm::testing::read_file;
using ldm::testing::small_weights;
using ldm::testing::with;
using ldm::testing::write_file;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Flips a bit of a number of a file's tensor, leaving it finite.
void damage(const std::string& path, const std::string& name) {
  const auto place = static_cast<std::size_t>(open_checkpoint(path).info(name).offset);
  std::string bytes = read_file(path);
  bytes[place] = static_cast<char>(bytes[place] ^ 1);
  write_file(path, bytes);
}

TEST(Verification, FindsNothingInWholeFiles) {
  std::uint64_t done = 0, total = 1;
  VerificationOptions options;
  options.progress = [&](std::uint64_t now, std::uint64_t all) {
    done = now;
    total = all;
  };
  const Verification verification = verify_contents(open_small(small_weights()), options);
  EXPECT_THAT(verification.findings, IsEmpty());
  EXPECT_EQ(verification.tensors, 11);
  EXPECT_GE(verification.checksums, 11);
  EXPECT_EQ(done, total);
}

TEST(Verification, FindsAFlippedBit) {
  const std::string path = ldm::testing::write_weights(small_weights());
  damage(path, "first_stage_model.post_quant_conv.bias");
  const Verification verification = verify_contents(open_checkpoint(path));
  ASSERT_THAT(verification.findings, SizeIs(1));
  EXPECT_EQ(verification.findings[0].kind, FindingKind::checksum);
  EXPECT_THAT(verification.findings[0].subject, HasSubstr("data/8"));
}

TEST(Verification, FindsWhatIsNotFinite) {
  auto tensors = with(small_weights(), "cond_stage_model.x", at::tensor({1.0f, NAN, INFINITY, -INFINITY}));
  tensors = with(tensors, "betas", at::full({4}, NAN, at::kHalf));
  const Verification verification = verify_contents(open_small(tensors));
  ASSERT_THAT(verification.findings, SizeIs(2));
  EXPECT_EQ(verification.findings[0].subject, "betas");
  EXPECT_EQ(verification.findings[1].kind, FindingKind::not_finite);
  EXPECT_THAT(verification.findings[1].text, HasSubstr("1 NaN and 2 infinite among 4"));
}

}  // namespace
}  // namespace ldm::weights
