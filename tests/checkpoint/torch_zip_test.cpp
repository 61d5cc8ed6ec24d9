#include "ldm/checkpoint/torch_zip.h"

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
using testing::state_dict_pickle;
using testing::tensor_opcodes;
using testing::text_opcodes;
using testing::torch_bytes;
using testing::write_file;
using namespace std::string_literals;
using namespace std::string_view_literals;

/// Four floats 1, 2, 3, 4.
const std::string kFloats = "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40"s;

StateDict open_bytes(const std::string& bytes) {
  return open_checkpoint(write_file("torch.ckpt", bytes));
}

at::Tensor load(std::string_view view) {
  const std::string pickle = state_dict_pickle(tensor_opcodes("0", 4, view));
  return open_bytes(torch_bytes(pickle, {{"0", kFloats}})).tensor("w").tensor;
}

std::string view_error(std::string_view view) {
  return error_of_bytes(torch_bytes(state_dict_pickle(tensor_opcodes("0", 4, view)), {{"0", kFloats}}));
}

TEST(TorchZip, ReadsViewsOfEveryKind) {
  EXPECT_TRUE(at::equal(load("K\0K\4\x85K\1\x85"sv), at::arange(1, 5, at::kFloat)));
  EXPECT_TRUE(at::equal(load("K\1K\2\x85K\2\x85"sv), at::arange(2, 5, 2, at::kFloat)));
  EXPECT_TRUE(at::equal(load("K\0K\2K\2\x86K\1K\2\x86"sv), at::arange(1, 5, at::kFloat).view({2, 2}).t()));
  EXPECT_TRUE(at::equal(load("K\3))"sv), at::scalar_tensor(4.0, at::kFloat)));
  EXPECT_TRUE(at::equal(load("K\2K\3\x85K\0\x85"sv), at::full({3}, 3.0, at::kFloat)));
  EXPECT_EQ(load("K\4K\0K\3\x86K\3K\1\x86"sv).numel(), 0);
}

TEST(TorchZip, SizesMayBeATorchSize) {
  EXPECT_TRUE(at::equal(load("K\0ctorch\nSize\n(K\4t\x85RK\1\x85"sv), at::arange(1, 5, at::kFloat)));
}

TEST(TorchZip, ViewsThatLeaveTheStorageAreRefused) {
  struct Bad {
    std::string_view view;
    const char* says;
  };
  const std::vector<Bad> table = {
      {"K\1K\4\x85K\1\x85"sv, "reaches element 5"},
      {"K\5))"sv, "reaches element 6"},
      {"K\5K\0\x85K\1\x85"sv, "reaches element 5"},
      {"K\0K\2\x85K\4\x85"sv, "reaches element 5"},
      {"J\xff\xff\xff\xff))"sv, "non-negative integer as storage offset, got -1"},
      {"K\0J\xff\xff\xff\xff\x85K\1\x85"sv, "as sizes, got -1"},
      {"K\3K\2\x85J\xff\xff\xff\xff\x85"sv, "as strides, got -1"},
      {"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f))"sv, "overflow"},
      {"K\0K\2\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"sv, "overflow"},
      {"K\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85K\0\x85"sv, "63 bits"},
      {"K\0\x8a\x05\0\0\0\0\1\x85K\0\x85"sv, "overlapping strides"},
      {"K\0K\4\x85K\4"sv, "a tuple of at most 64 integers as strides"},
      {"K\0K\4\x85)"sv, "as many strides as sizes"},
      {"K\0K\4K\4"sv, "a tuple of at most 64 integers as sizes"},
      {"K\0U\1a\x85K\1\x85"sv, "as sizes, got a text"},
  };
  for (const Bad& bad : table) {
    const std::string error = view_error(bad.view);
    EXPECT_NE(error.find(bad.says), std::string::npos) << bad.says << "\n" << error;
  }
}

TEST(TorchZip, StoragesAreWhatThePickleSays) {
  const auto view = "K\0K\4\x85K\1\x85"sv;
  const auto error = [&](std::string_view pickled_class, const testing::ZipContents& storages) {
    return error_of_bytes(
        torch_bytes(state_dict_pickle(tensor_opcodes("0", 4, view, pickled_class)), storages));
  };
  EXPECT_EQ(error("FloatStorage", {{"0", kFloats}}), "");
  EXPECT_NE(error("FloatStorage", {{"1", kFloats}}).find("got no such entry"), std::string::npos);
  EXPECT_NE(error("FloatStorage", {{"0", kFloats.substr(1)}}).find("got 15 bytes"), std::string::npos);
  EXPECT_NE(error("FloatStorage", {{"0", kFloats + kFloats}}).find("got 32 bytes"), std::string::npos);
  EXPECT_NE(error("DoubleStorage", {{"0", kFloats}}).find("4 elements of 8 bytes"), std::string::npos);
}

TEST(TorchZip, ReadsEveryStorageClass) {
  struct Class {
    const char* name;
    at::ScalarType dtype;
    std::size_t bytes;
  };
  const std::vector<Class> table = {{"FloatStorage", at::kFloat, 4},       {"HalfStorage", at::kHalf, 2},
                                    {"BFloat16Storage", at::kBFloat16, 2}, {"DoubleStorage", at::kDouble, 8},
                                    {"LongStorage", at::kLong, 8},         {"IntStorage", at::kInt, 4},
                                    {"ShortStorage", at::kShort, 2},       {"CharStorage", at::kChar, 1},
                                    {"ByteStorage", at::kByte, 1},         {"BoolStorage", at::kBool, 1}};
  for (const Class& row : table) {
    const std::string pickle = state_dict_pickle(tensor_opcodes("0", 3, "K\1K\2\x85K\1\x85"sv, row.name));
    const StateDict state_dict = open_bytes(torch_bytes(pickle, {{"0", std::string(3 * row.bytes, '\1')}}));
    EXPECT_EQ(state_dict.tensor("w").tensor.scalar_type(), row.dtype) << row.name;
    EXPECT_EQ(state_dict.info("w").nbytes(), static_cast<std::int64_t>(2 * row.bytes)) << row.name;
  }
}

TEST(TorchZip, ParametersAreTheirTensors) {
  const std::string tensor = tensor_opcodes("0", 4, "K\0K\4\x85K\1\x85"sv);
  const std::string parameter =
      "ctorch._utils\n_rebuild_parameter\n(" + tensor + "\x88" + "ccollections\nOrderedDict\n)RtR";
  const StateDict state_dict = open_bytes(torch_bytes(state_dict_pickle(parameter), {{"0", kFloats}}));
  EXPECT_EQ(state_dict.tensor("w").tensor[3].item<float>(), 4.0f);
}

TEST(TorchZip, OnlyTensorsOfTheStateDictAreLookedAt) {
  const std::string good = tensor_opcodes("0", 4, "K\0K\4\x85K\1\x85"sv);
  const std::string absent = tensor_opcodes("99", 4, "K\0K\4\x85K\1\x85"sv);
  const std::string pickle = "}(" + text_opcodes("optimizer_states") + absent + text_opcodes("state_dict") +
                             "}(" + text_opcodes("n") + "N" + text_opcodes("w") + good + "K\1K\2" + "u" +
                             text_opcodes("epoch") + "K\7" + "u.";
  const StateDict state_dict = open_bytes(torch_bytes(pickle, {{"0", kFloats}}));
  EXPECT_EQ(state_dict.names(), std::vector<std::string>{"w"});
  EXPECT_EQ(state_dict.metadata(), (std::map<std::string, std::string>{{"epoch", "7"}}));
}

TEST(TorchZip, OfARepeatedKeyTheLastValueCounts) {
  const std::string first = tensor_opcodes("0", 4, "K\0))"sv);
  const std::string last = tensor_opcodes("0", 4, "K\2))"sv);
  const std::string pickle =
      "}(" + text_opcodes("a") + first + text_opcodes("b") + first + text_opcodes("a") + last + "u.";
  const StateDict state_dict = open_bytes(torch_bytes(pickle, {{"0", kFloats}}));
  EXPECT_EQ(state_dict.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(state_dict.tensor("a").tensor.item<float>(), 3.0f);
}

TEST(TorchZip, FilesWithoutAStateDictSayWhatTheyHold) {
  EXPECT_NE(error_of_bytes(torch_bytes("K\1."sv)).find("a mapping at the top level, got an integer"),
            std::string::npos);
  EXPECT_NE(error_of_bytes(torch_bytes("}" + text_opcodes("model") + "}s.")).find("among the keys 'model'"),
            std::string::npos);
  EXPECT_NE(error_of_bytes(torch_bytes("}" + text_opcodes("state_dict") + "Ns."))
                .find("under 'state_dict', got None"),
            std::string::npos);
  EXPECT_NE(error_of_bytes(torch_bytes("}K\1" + tensor_opcodes("0", 4, "K\0))"sv) + "s.", {{"0", kFloats}}))
                .find("a text as the name of a tensor, got an integer"),
            std::string::npos);
}

TEST(TorchZip, ErrorsOfThePickleNameFileEntryAndByte) {
  const std::string error = error_of_bytes(torch_bytes("\x80\2cposix\nsystem\nU\1x\x85R."sv));
  EXPECT_NE(error.find("x/data.pkl: byte 2 of the pickle"), std::string::npos) << error;
  EXPECT_NE(error.find("posix.system"), std::string::npos) << error;
  EXPECT_NE(error.find("nothing of the file was run"), std::string::npos) << error;
}

TEST(TorchZip, PickleThatDoesNotMatchItsCrcIsRefused) {
  std::string bytes = torch_bytes(state_dict_pickle(tensor_opcodes("0", 4, "K\0))"sv)), {{"0", kFloats}});
  bytes[bytes.find("state_dict") + 3] = 'X';
  EXPECT_NE(error_of_bytes(bytes).find("CRC-32"), std::string::npos);
}

}  // namespace
}  // namespace ldm::checkpoint
