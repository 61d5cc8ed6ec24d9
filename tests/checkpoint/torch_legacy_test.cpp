#include "ldm/checkpoint/torch_legacy.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/open_checkpoint.h"
#include "tests/checkpoint/checkpoint_test_util.h"

namespace ldm::checkpoint {
namespace {

using testing::error_of_bytes;
using testing::legacy_bytes;
using testing::legacy_head;
using testing::LegacyStorage;
using testing::state_dict_pickle;
using testing::tensor_opcodes;
using testing::text_opcodes;
using testing::write_file;
using namespace std::string_literals;
using namespace std::string_view_literals;

/// Four floats 1, 2, 3, 4.
const std::string kFloats = "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40"s;
const auto kAllFour = "K\0K\4\x85K\1\x85"sv;

/// A tensor of storage `key` as legacy files name it; `part` is the opcodes of the view of the storage.
std::string legacy_tensor(std::string_view key, std::string_view view, std::string_view part = "N",
                          std::string_view storage_class = "FloatStorage") {
  return tensor_opcodes(key, 4, view, storage_class, part);
}

/// A good file with one tensor "w".
std::string small_file() {
  return legacy_bytes(state_dict_pickle(legacy_tensor("7", kAllFour)), {{"7", 4, kFloats}});
}

StateDict open_bytes(const std::string& bytes) {
  return open_checkpoint(write_file("legacy.ckpt", bytes));
}

void expect_says(const std::string& bytes, std::string_view part) {
  const std::string error = error_of_bytes(bytes);
  EXPECT_NE(error.find(part), std::string::npos) << "expected '" << part << "' in: " << error;
}

TEST(TorchLegacy, ReadsTensorsOfTheStateDict) {
  const StateDict state_dict = open_bytes(small_file());
  EXPECT_EQ(state_dict.format(), "pytorch-legacy");
  EXPECT_EQ(state_dict.names(), std::vector<std::string>{"w"});
  EXPECT_TRUE(at::equal(state_dict.tensor("w").tensor, at::arange(1, 5, at::kFloat)));
}

TEST(TorchLegacy, BeginsWithTheMagicNumberOfEveryProtocol) {
  EXPECT_TRUE(begins_torch_legacy(small_file()));
  const std::string magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s;
  EXPECT_TRUE(begins_torch_legacy("\x80\4\x95\x0d\0\0\0\0\0\0\0"s + magic));
  EXPECT_FALSE(begins_torch_legacy("\x80\4\x95\x0d\0\0\0\0\0\0\0"s));
  EXPECT_FALSE(begins_torch_legacy("\x80\2"s + magic.substr(0, 8)));
  EXPECT_FALSE(begins_torch_legacy("\x80"sv));
  EXPECT_FALSE(begins_torch_legacy(""));
}

TEST(TorchLegacy, StoragesLieInTheOrderOfTheKeys) {
  const std::string pickle = "}(" + text_opcodes("a") + legacy_tensor("1", "K\0))"sv) + text_opcodes("b") +
                             legacy_tensor("2", "K\3))"sv, "N", "HalfStorage") + text_opcodes("c") +
                             legacy_tensor("1", "K\2))"sv) + "u.";
  const std::string halves = "\0\x3c\0\x40\0\x42\0\x44"s;
  for (const bool swapped : {false, true}) {
    std::vector<LegacyStorage> storages = {{"1", 4, kFloats}, {"2", 4, halves}};
    if (swapped) std::swap(storages[0], storages[1]);
    const StateDict state_dict = open_bytes(legacy_bytes(pickle, storages));
    EXPECT_EQ(state_dict.tensor("a").tensor.item<float>(), 1.0f);
    EXPECT_EQ(state_dict.tensor("b").tensor.scalar_type(), at::kHalf);
    EXPECT_EQ(state_dict.tensor("b").tensor.item<float>(), 4.0f);
    EXPECT_EQ(state_dict.tensor("c").tensor.item<float>(), 3.0f);
  }
}

TEST(TorchLegacy, ViewsOfStoragesAreFollowed) {
  const std::string part = "(" + text_opcodes("8") + "K\1K\3t";  // elements 1 to 3
  const auto bytes = [&](std::string_view view) {
    return legacy_bytes(state_dict_pickle(legacy_tensor("7", view, part)), {{"7", 4, kFloats}});
  };
  EXPECT_TRUE(
      at::equal(open_bytes(bytes("K\0K\3\x85K\1\x85"sv)).tensor("w").tensor, at::arange(2, 5, at::kFloat)));
  EXPECT_EQ(open_bytes(bytes("K\2))"sv)).tensor("w").tensor.item<float>(), 4.0f);
  expect_says(bytes("K\3))"sv), "inside its storage of 3 elements, got one that reaches element 4");
}

TEST(TorchLegacy, BadViewsOfStoragesAreRefused) {
  const auto error = [](const std::string& part) {
    const std::string tensor = legacy_tensor("7", "K\0))"sv, part);
    return error_of_bytes(legacy_bytes(state_dict_pickle(tensor), {{"7", 4, kFloats}}));
  };
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"s;
  EXPECT_NE(error("(U\1vK\2K\3t"s).find("got 3 from element 2 on"), std::string::npos);
  EXPECT_NE(error("(U\1vK\5K\0t"s).find("got 0 from element 5 on"), std::string::npos);
  EXPECT_NE(error("(U\1v" + huge + huge + "t").find("a view inside its storage"), std::string::npos);
  EXPECT_NE(error("(U\1vJ\xff\xff\xff\xffK\1t"s).find("offset of a storage view, got -1"), std::string::npos);
  EXPECT_NE(error("(U\1vK\1t"s).find("None or a tuple of 3"), std::string::npos);
  EXPECT_NE(error("K\1"s).find("None or a tuple of 3"), std::string::npos);
}

TEST(TorchLegacy, StoragesOutsideTheStateDictArePassedOver) {
  const std::string pickle = "}(" + text_opcodes("optimizer_states") + legacy_tensor("1", "K\0))"sv) +
                             text_opcodes("state_dict") + "}" + text_opcodes("w") +
                             legacy_tensor("2", "K\1))"sv) + "s" + text_opcodes("epoch") + "K\7u.";
  const StateDict state_dict =
      open_bytes(legacy_bytes(pickle, {{"1", 4, std::string(16, '\x7f')}, {"2", 4, kFloats}}));
  EXPECT_EQ(state_dict.names(), std::vector<std::string>{"w"});
  EXPECT_EQ(state_dict.tensor("w").tensor.item<float>(), 2.0f);
  EXPECT_EQ(state_dict.metadata().at("epoch"), "7");
}

TEST(TorchLegacy, TensorsAtAnOddPlaceAreCopied) {
  for (int pad = 0; pad < 4; ++pad) {
    const std::string head = "}(" + text_opcodes(std::string(static_cast<std::size_t>(pad), 'x')) + "N";
    const std::string pickle = head + text_opcodes("w") + legacy_tensor("7", kAllFour) + "u.";
    const StateDict state_dict = open_bytes(legacy_bytes(pickle, {{"7", 4, kFloats}}));
    const LoadedTensor loaded = state_dict.tensor("w");
    EXPECT_EQ(loaded.copied.empty(), state_dict.info("w").offset % 4 == 0);
    EXPECT_TRUE(at::equal(loaded.tensor, at::arange(1, 5, at::kFloat)));
  }
}

TEST(TorchLegacy, FileCutInTheStoragesTellsHowMuchIsMissing) {
  const std::string whole = small_file();
  for (std::size_t missing = 1; missing <= 24; ++missing) {
    expect_says(whole.substr(0, whole.size() - missing),
                "cut short, " + std::to_string(missing) + " bytes are missing");
  }
  for (std::size_t length = 16; length < whole.size() - 24; ++length) {
    expect_says(whole.substr(0, length), "cut short");
  }
}

TEST(TorchLegacy, HostileFilesAreRefused) {
  struct Bad {
    std::string bytes;
    const char* says;
  };
  const std::string good = state_dict_pickle(legacy_tensor("7", kAllFour));
  const std::string head = legacy_head();
  const std::string magic = head.substr(0, head.find('.') + 1);
  const std::string version = "M\xe9\3."s;
  const std::string two_types = "}(" + text_opcodes("a") + legacy_tensor("7", "K\0))"sv) + text_opcodes("b") +
                                legacy_tensor("7", "K\0))"sv, "N", "HalfStorage") + "u.";
  std::string huge = good;
  huge.replace(huge.find("K\4N"), 2, "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"s);
  std::string large = good;
  large.replace(large.find("K\4N"), 2, "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x1f"s);
  const std::vector<Bad> table = {
      {small_file() + "x", "got 1 bytes more"},
      {legacy_bytes(good, {{"7", 3, kFloats}}), "4 elements as the pickle says, got a count of 3"},
      {legacy_bytes(good, {{"7", -1, kFloats}}), "got a count of -1"},
      {legacy_bytes(good, {{"8", 4, kFloats}}), "storage keys that the pickle names, got '8'"},
      {legacy_bytes(good, {}), "a list of the 1 storage keys that the pickle names, got a list of 0"},
      {legacy_bytes(good, {{"7", 4, kFloats}, {"7", 4, kFloats}}), "got a list of 2"},
      {legacy_bytes(two_types, {{"7", 4, kFloats}}), "expected one type and size"},
      {legacy_bytes(huge, {{"7", 4, kFloats}}), "a size that fits into 63 bits"},
      {legacy_bytes(large, {{"7", 4, kFloats}}), "bytes are missing"},
      {head + good + "\x80\2}.", "of the 1 storage keys that the pickle names, got a mapping"},
      {head + good + "\x80\2](K\1e.", "storage keys that the pickle names"},
      {head + good + "\x80\2cos\nsystem\n.", "'os.system', which is not on the allow-list"},
      {head + "cos\nsystem\n(S'x'\ntR.", "'os.system', which is not on the allow-list"},
      {head + state_dict_pickle(tensor_opcodes("7", 4, kAllFour)), "size, view), got another tuple of 5"},
      {magic + "M\xea\3."s, "version 1001 of the legacy PyTorch protocol, got 1002"},
      {magic + "N.", "got None"},
      {magic + version + "}" + text_opcodes("little_endian") + "\x89s.", "a little-endian machine"},
      {magic + version + "}.", "a little-endian machine"},
      {magic + version + "].", "a little-endian machine"},
      {magic + "cos\nsystem\n.", "'os.system', which is not on the allow-list"},
  };
  for (const Bad& bad : table) expect_says(bad.bytes, bad.says);
}

TEST(TorchLegacy, ARepeatedKeyIsRefused) {
  const std::string pickle = "}(" + text_opcodes("a") + legacy_tensor("1", "K\0))"sv) + text_opcodes("b") +
                             legacy_tensor("2", "K\0))"sv) + "u.";
  expect_says(legacy_bytes(pickle, {{"1", 4, kFloats}, {"1", 4, kFloats}}), "'1': expected its key once");
}

TEST(TorchLegacy, EveryByteChangedLoadsOrIsRefused) {
  const std::string whole = small_file();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0x02, 0x80, 0xff, 0x20}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      ASSERT_NO_THROW(refused += error_of_bytes(damaged).empty() ? 0 : 1)
          << "byte " << at << " mask " << mask;
    }
  }
  EXPECT_GT(refused, 500u);
}

}  // namespace
}  // namespace ldm::checkpoint
