#include "ldm/checkpoint/safetensors.h"

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
using testing::safetensors_bytes;
using testing::write_file;
using namespace std::string_literals;
using namespace std::string_view_literals;

struct BadHeader {
  const char* header;
  const char* says;
};

constexpr auto kData = "01234567"sv;

TEST(Safetensors, ReadsNamesInTheOrderOfTheHeader) {
  const auto header =
      R"({"__metadata__":{"format":"pt","a":""},"z":{"dtype":"U8","shape":[3],"data_offsets":[5,8]},)"
      R"("a":{"dtype":"I8","shape":[5,1],"data_offsets":[0,5]},"e":{"shape":[0,4],"dtype":"F32","data_offsets":[8,8]}}  )"sv;
  const StateDict state_dict = open_checkpoint(write_file("order", safetensors_bytes(header, kData)));
  EXPECT_EQ(state_dict.names(), (std::vector<std::string>{"z", "a", "e"}));
  EXPECT_EQ(state_dict.metadata().at("format"), "pt");
  EXPECT_EQ(state_dict.metadata().size(), 2u);
  EXPECT_EQ(state_dict.tensor("z").tensor[2].item<int>(), '7');
  EXPECT_EQ(state_dict.tensor("a").tensor.sizes().vec(), (std::vector<std::int64_t>{5, 1}));
  EXPECT_EQ(state_dict.tensor("e").tensor.numel(), 0);
}

TEST(Safetensors, ScalarHasNoDimensions) {
  const auto header = R"({"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]}})"sv;
  const StateDict state_dict = open_checkpoint(write_file("scalar", safetensors_bytes(header, kData)));
  EXPECT_EQ(state_dict.tensor("s").tensor.dim(), 0);
  EXPECT_EQ(state_dict.tensor("s").tensor.scalar_type(), at::kDouble);
}

TEST(Safetensors, HostileHeadersAreRefused) {
  const std::vector<BadHeader> table = {
      {R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[0],"data_offsets":[8,8]}})",
       "that key twice"},
      {R"({"a":{"dtype":"U8","dtype":"I8","shape":[8],"data_offsets":[0,8]}})", "field 'dtype' twice"},
      {R"({"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
       "'k' twice"},
      {R"({"__metadata__":{"k":1},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", "got a number"},
      {R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,9]}})", "as the header says"},
      {R"({"a":{"dtype":"U8","shape":[7],"data_offsets":[0,8]}})",
       "expected 7 bytes as dtype and shape need"},
      {R"({"a":{"dtype":"F32","shape":[8],"data_offsets":[0,8]}})", "expected 32 bytes"},
      {R"({"a":{"dtype":"U8","shape":[7],"data_offsets":[0,7]}})", "got 8"},
      {R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", "cut short"},
      {R"({"a":{"dtype":"U8","shape":[6],"data_offsets":[2,8]}})", "leave a hole"},
      {R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       "overlap"},
      {R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[8,0]}})", "data_offsets"},
      {R"({"a":{"dtype":"U8","shape":[-8],"data_offsets":[0,8]}})", "negative number"},
      {R"({"a":{"dtype":"U8","shape":[8.0],"data_offsets":[0,8]}})", "the number 8.0"},
      {R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,8]}})", "huge number"},
      {R"({"a":{"dtype":"U8","shape":[99999999999999999999999],"data_offsets":[0,8]}})", "the number 9"},
      {R"({"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]},)"
       R"("b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
       "63 bits"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,8]}})", "63 bits"},
      {R"({"a":{"dtype":"Q9","shape":[8],"data_offsets":[0,8]}})", "known dtype, got 'Q9'"},
      {R"({"a":{"shape":[8],"data_offsets":[0,8]}})", "without all of them"},
      {R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8],"x":1}})", "field 'x'"},
      {R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0]}})", "1 numbers"},
      {R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8,8]}})", "3 numbers"},
      {R"({"a":{"dtype":"U8","shape":[[8]],"data_offsets":[0,8]}})", "an array"},
      {R"({"a":{"dtype":["U8"],"shape":[8],"data_offsets":[0,8]}})", "an array"},
      {R"({"a":{"dtype":{"x":{"y":1}},"shape":[8],"data_offsets":[0,8]}})", "an object"},
      {R"({"a":[8]})", "an array"},
      {R"({"a":8})", "a number"},
      {R"({"a":null})", "null"},
      {R"({"a":"text"})", "the text 'text'"},
      {R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}x)", "expected JSON"},
      {R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]})", "expected JSON"},
      {"{\"\xff\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}", "expected JSON"},
      {"{}", "expected 0 bytes"},
      {"{", "expected JSON"},
  };
  for (const BadHeader& bad : table) {
    const std::string error = error_of_bytes(safetensors_bytes(bad.header, kData));
    EXPECT_NE(error.find(bad.says), std::string::npos) << bad.header << "\n" << error;
  }
}

TEST(Safetensors, HeaderLengthsAreChecked) {
  const std::string rest(100, ' ');
  EXPECT_NE(error_of_bytes("\xff\xff\xff\xff\xff\xff\xff\xff{"sv).find("header of at most"),
            std::string::npos);
  EXPECT_NE(error_of_bytes("\x01\xe1\xf5\x05\0\0\0\0{"sv).find("header of at most"), std::string::npos);
  EXPECT_NE(error_of_bytes("\x7f\0\0\0\0\0\0\0{"s + rest).find("cut short"), std::string::npos);
}

TEST(Safetensors, DeepNestingAndManyDimensionsAreRefused) {
  std::string deep = "{\"a\":" + std::string(100000, '[');
  EXPECT_NE(error_of_bytes(safetensors_bytes(deep, "")), "");
  std::string ones = "1";
  for (int i = 0; i < 64; ++i) ones += ",1";
  const std::string wide = R"({"a":{"dtype":"U8","shape":[)" + ones + R"(],"data_offsets":[0,1]}})";
  EXPECT_NE(error_of_bytes(safetensors_bytes(wide, "x")).find("64 dimensions"), std::string::npos);
}

}  // namespace
}  // namespace ldm::checkpoint
