#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/torch_pickle.h"
#include "tests/checkpoint/checkpoint_test_util.h"
#include "tests/support/paths.h"

namespace ldm::checkpoint {
namespace {

using testing::error_of_bytes;
using testing::read_file;
using testing::source_of;

/// A small file of each format; whatever happens to it, it must load or raise CheckpointError, and never
/// crash or throw anything else.
class DamageTest : public ::testing::TestWithParam<const char*> {
 protected:
  static std::string small_file(const std::string& format) {
    const std::string path = ldm::testing::temp_dir() + "/damage." + format;
    const std::vector<NamedTensorSource> sources = {source_of("w", at::arange(6, at::kFloat).view({2, 3})),
                                                    source_of("b", at::ones({2}, at::kBool))};
    format == "ckpt" ? write_ckpt(path, sources, 3) : write_safetensors(path, sources, {{"k", "v"}});
    return read_file(path);
  }
};

TEST_P(DamageTest, CutAtEveryLengthIsRefused) {
  const std::string whole = small_file(GetParam());
  ASSERT_EQ(error_of_bytes(whole), "");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(error_of_bytes(whole.substr(0, length)), "") << length;
  }
}

TEST_P(DamageTest, EveryByteChangedLoadsOrIsRefused) {
  const std::string whole = small_file(GetParam());
  std::size_t loaded = 0;
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0x80, 0xff, 0x20}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      std::string error;
      ASSERT_NO_THROW(error = error_of_bytes(damaged)) << "byte " << at << " mask " << mask;
      ++(error.empty() ? loaded : refused);
    }
  }
  EXPECT_GT(loaded, 0u);     // data, padding, dates
  EXPECT_GT(refused, 100u);  // headers, lengths, names, the pickle
}

TEST_P(DamageTest, EveryTwoBytesMadeFullLoadsOrIsRefused) {
  const std::string whole = small_file(GetParam());
  std::size_t refused = 0;
  for (std::size_t at = 0; at + 4 <= whole.size(); ++at) {
    for (const std::size_t width : {2, 4}) {
      std::string damaged = whole;
      damaged.replace(at, width, std::string(width, '\xff'));
      std::string error;
      ASSERT_NO_THROW(error = error_of_bytes(damaged)) << "byte " << at;
      refused += error.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 100u);
}

INSTANTIATE_TEST_SUITE_P(BothFormats, DamageTest, ::testing::Values("ckpt", "safetensors"),
                         [](const auto& param) { return std::string(param.param); });

/// Damage to the pickle itself, past the CRC that guards it in a file.
TEST(Damage, EveryByteOfAPickleChangedToEveryOtherIsReadOrRefused) {
  using namespace std::string_literals;
  using namespace std::string_view_literals;
  const std::string tensor = testing::tensor_opcodes("0", 4, "K\0K\4\x85K\1\x85"sv);
  const std::string pickle = "\x80\2}(U\nstate_dict}(U\1w" + tensor +
                             "uU\5epochK\7U\2cb}cpytorch_lightning.callbacks\nModelCheckpoint\n)R}bK\1su.";
  const auto read = [](const std::string& bytes) {
    try {
      read_torch_pickle({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "test");
    } catch (const CheckpointError&) {
      return false;
    }
    return true;
  };
  ASSERT_TRUE(read(pickle));
  std::size_t refused = 0;
  for (std::size_t at = 0; at < pickle.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = pickle;
      damaged[at] = static_cast<char>(value);
      ASSERT_NO_THROW(refused += read(damaged) ? 0 : 1) << "byte " << at << " value " << value;
    }
    EXPECT_FALSE(read(pickle.substr(0, at))) << at;
  }
  EXPECT_GT(refused, 10000u);
}

TEST(Damage, CutNanoFileIsToldAsCutShort) {
  const std::string whole = read_file(ldm::testing::golden_path("nano_ema_only_f16.ckpt"));
  for (const std::size_t length : {std::size_t{64}, whole.size() / 2, whole.size() - 1}) {
    const std::string error = error_of_bytes(whole.substr(0, length));
    EXPECT_NE(error.find("cut short"), std::string::npos) << length << ": " << error;
  }
}

}  // namespace
}  // namespace ldm::checkpoint
