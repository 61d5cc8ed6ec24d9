#include "ldm/checkpoint/torch_zip.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
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
  EXPECT_NE(error("FloatStorage", {{"0", kFloats + "abcd"}}).find("got 20 bytes"), std::string::npos);
  EXPECT_NE(error("FloatStorage", {{"0", kFloats.substr(12)}}).find("got 4 bytes"), std::string::npos);
  EXPECT_NE(error("IntStorage", {{"0", kFloats.substr(8)}}).find("4 elements of 4 bytes"), std::string::npos);
  EXPECT_NE(error("ByteStorage", {{"0", kFloats}}).find("4 elements of 1 bytes"), std::string::npos);
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

/// The pickle of a tensor of four elements in a storage of this class, and its storage.
StateDict with_storage(std::string_view storage_class, const std::string& bytes) {
  const std::string tensor = tensor_opcodes("0", 4, "K\0K\4\x85K\1\x85"sv, storage_class);
  return open_bytes(torch_bytes(state_dict_pickle(tensor), {{"0", bytes}}));
}

TEST(TorchZip, TheSizeOfAStorageDecidesOnItsFloatType) {
  const std::string halves = "\0\x3c\0\x40\0\x42\0\x44"s;
  std::string doubles;
  for (double value = 1; value <= 4; ++value) append_le(doubles, value);
  struct Case {
    const char* storage_class;
    const std::string& bytes;
    at::ScalarType dtype;
  };
  const std::vector<Case> table = {
      {"FloatStorage", halves, at::kHalf},    {"DoubleStorage", halves, at::kHalf},
      {"HalfStorage", kFloats, at::kFloat},   {"BFloat16Storage", kFloats, at::kFloat},
      {"DoubleStorage", kFloats, at::kFloat}, {"FloatStorage", doubles, at::kDouble},
      {"HalfStorage", doubles, at::kDouble}};
  for (const Case& row : table) {
    const StateDict state_dict = with_storage(row.storage_class, row.bytes);
    const at::Tensor loaded = state_dict.tensor("w").tensor;
    EXPECT_EQ(loaded.scalar_type(), row.dtype) << row.storage_class;
    EXPECT_TRUE(at::equal(loaded.to(at::kFloat), at::arange(1, 5, at::kFloat))) << row.storage_class;
    ASSERT_EQ(state_dict.notes().remarks.size(), 1u) << row.storage_class;
    EXPECT_NE(state_dict.notes().remarks[0].find(std::string("have the size of ") + c10::toString(row.dtype)),
              std::string::npos);
  }
  EXPECT_TRUE(with_storage("FloatStorage", kFloats).notes().remarks.empty());
}

TEST(TorchZip, RemarksCountTheStoragesOfAWrongType) {
  const auto tensor = [](const char* key) { return tensor_opcodes(key, 4, "K\0K\4\x85K\1\x85"sv); };
  const std::string pickle = "}(" + text_opcodes("a") + tensor("0") + text_opcodes("b") + tensor("0") +
                             text_opcodes("c") + tensor("1") + text_opcodes("d") + tensor("2") + "u.";
  const std::string halves(8, '\0');
  const StateDict state_dict =
      open_bytes(torch_bytes(pickle, {{"0", halves}, {"1", halves}, {"2", kFloats}}));
  EXPECT_EQ(state_dict.notes().remarks,
            std::vector<std::string>{
                "storages that are called Float, have the size of Half and are read as such: 2"});
}

/// A tensor rebuilt with a dtype of its own, over 16 bytes.
std::string typed_tensor(std::string_view dtype, std::string_view view,
                         std::string_view storage = "ctorch.storage\nUntypedStorage\n",
                         std::string_view tail = "") {
  return "ctorch._utils\n_rebuild_tensor_v3\n((" + text_opcodes("storage") + std::string(storage) +
         text_opcodes("0") + text_opcodes("cpu") + "K\x10tQ" + std::string(view) +
         "\x89"
         "ccollections\nOrderedDict\n)R" +
         std::string(dtype) + std::string(tail) + "tR";
}

TEST(TorchZip, TensorsWithADtypeOfTheirOwn) {
  const auto load_typed = [](const std::string& tensor) {
    return open_bytes(torch_bytes(state_dict_pickle(tensor), {{"0", kFloats}})).tensor("w").tensor;
  };
  const at::Tensor floats = load_typed(typed_tensor("ctorch\nfloat32\n", "K\1K\3\x85K\1\x85"sv));
  EXPECT_TRUE(at::equal(floats, at::arange(2, 5, at::kFloat)));
  const at::Tensor shorts = load_typed(typed_tensor("ctorch\nuint16\n", "K\0K\x08\x85K\1\x85"sv));
  EXPECT_EQ(shorts.scalar_type(), at::kUInt16);
  EXPECT_EQ(load_typed(typed_tensor("ctorch\nfloat8_e4m3fn\n", "K\0K\x10\x85K\1\x85"sv)).numel(), 16);
}

TEST(TorchZip, BadTensorsWithADtypeAreRefused) {
  const auto error = [](const std::string& tensor) {
    return error_of_bytes(torch_bytes(state_dict_pickle(tensor), {{"0", kFloats}}));
  };
  const auto all = "K\0K\4\x85K\1\x85"sv;
  const auto expect = [&](const std::string& tensor, const char* says) {
    EXPECT_NE(error(tensor).find(says), std::string::npos) << says << "\n" << error(tensor);
  };
  expect(typed_tensor("ctorch\nfloat32\n", "K\0K\5\x85K\1\x85"sv),
         "of 4 elements, got one that reaches element 5");
  expect(typed_tensor("ctorch\ncomplex64\n", all), "a dtype that we know, got 'torch.complex64'");
  expect(typed_tensor("ctorch\ndevice\n", all), "expected a dtype");
  expect(typed_tensor("N", all), "expected a dtype, got None");
  expect(typed_tensor("ctorch\nfloat32\n", all, "ctorch\nFloatStorage\n"), "expected an untyped storage");
  expect(typed_tensor("ctorch\nfloat32\n", all, "ctorch.storage\nUntypedStorage\n", "}U\3neg\x88s"),
         "one that is conjugate or negative");
}

TEST(TorchZip, GlobalsAreNoted) {
  const std::string pickle = "}(" + text_opcodes("w") + tensor_opcodes("0", 4, "K\0))"sv) +
                             text_opcodes("callbacks") + "cpytorch_lightning.callbacks\nModelCheckpoint\n)R" +
                             text_opcodes("args") + "cargparse\nNamespace\n)\x81u.";
  const FileNotes notes = open_bytes(torch_bytes(pickle, {{"0", kFloats}})).notes();
  EXPECT_EQ(notes.globals, (std::vector<std::string>{"collections.OrderedDict", "torch.FloatStorage",
                                                     "torch._utils._rebuild_tensor_v2"}));
  EXPECT_EQ(notes.inert_globals,
            (std::vector<std::string>{"argparse.Namespace", "pytorch_lightning.callbacks.ModelCheckpoint"}));
}

TEST(TorchZip, NotedGlobalsAreBounded) {
  std::string pickle = "}(" + text_opcodes("w") + tensor_opcodes("0", 4, "K\0))"sv);
  for (int i = 0; i < 1100; ++i) {
    pickle += text_opcodes("k" + std::to_string(i)) + "comegaconf\n" + std::string(300, 'n') + "\n";
    pickle += text_opcodes("l" + std::to_string(i)) + "comegaconf\nn" + std::to_string(i) + "\n";
  }
  const FileNotes notes = open_bytes(torch_bytes(pickle + "u.", {{"0", kFloats}})).notes();
  EXPECT_EQ(notes.inert_globals.size(), 1000u);
  for (const std::string& name : notes.inert_globals) EXPECT_LE(name.size(), 200u);
}

TEST(TorchZip, NamesOfTensorsAreShortAndUtf8) {
  const auto error = [](const std::string& name) {
    const std::string text =
        "X" + std::string{static_cast<char>(name.size() & 0xff), static_cast<char>(name.size() >> 8), 0, 0} +
        name;
    return error_of_bytes(
        torch_bytes("}" + text + tensor_opcodes("0", 4, "K\0))"sv) + "s.", {{"0", kFloats}}));
  };
  EXPECT_EQ(error(std::string(1000, 'n')), "");
  EXPECT_EQ(error("\xc3\xa9"), "");
  EXPECT_NE(error(std::string(1001, 'n')).find("at most 1000 bytes, got one of 1001"), std::string::npos);
  EXPECT_NE(error("\xff").find("names of tensors in UTF-8"), std::string::npos);
}

TEST(TorchZip, EveryEntryHasACheck) {
  const std::string whole =
      torch_bytes(state_dict_pickle(tensor_opcodes("0", 4, "K\0))"sv)), {{"0", kFloats}});
  const StateDict state_dict = open_bytes(whole);
  ASSERT_EQ(state_dict.checks().size(), 3u);
  EXPECT_EQ(state_dict.checks()[2].what, "zip entry 'x/data/0'");
  EXPECT_EQ(state_dict.checks()[2].bytes, 16u);
  for (const FileCheck& check : state_dict.checks()) EXPECT_NO_THROW(check.run()) << check.what;
  std::string damaged = whole;
  damaged[damaged.find(kFloats) + 5] ^= 1;
  const StateDict loaded = open_bytes(damaged);  // the storage is not looked at
  EXPECT_NO_THROW(loaded.checks()[0].run());
  EXPECT_THROW(loaded.checks()[2].run(), CheckpointError);
}

TEST(TorchZip, ACutFileTellsHowMuchIsMissingAtLeast) {
  const std::string storage(5000, 'x');
  const std::string tensor = tensor_opcodes("0", 250, "K\0))"sv, "DoubleStorage");
  const std::string whole = torch_bytes(state_dict_pickle(tensor), {{"0", storage.substr(0, 2000)}});
  ASSERT_EQ(error_of_bytes(whole), "");
  const std::size_t pickle_end = whole.find("ss.") + 3;
  std::size_t last = whole.size();
  for (std::size_t length = pickle_end; length < whole.size() - 500; length += 97) {
    const std::string error = error_of_bytes(whole.substr(0, length));
    const std::string at_least =
        "cut short (" + std::to_string(length) + " bytes, and no end-of-central-directory record); at least ";
    const std::size_t at = error.find(at_least);
    ASSERT_NE(at, std::string::npos) << error;
    const std::size_t missing = std::stoul(error.substr(at + at_least.size()));
    EXPECT_LE(missing, whole.size() - length);
    EXPECT_GE(missing, whole.size() - length - 500);  // alignment and other entries
    EXPECT_LT(missing, last);
    last = missing;
  }
  EXPECT_EQ(error_of_bytes(whole.substr(0, pickle_end - 1)).find("at least"), std::string::npos);
}

TEST(TorchZip, OneLongTextNamedAgainAndAgainCostsNothing) {
  std::string pickle = "}(" + text_opcodes("w") + tensor_opcodes("0", 4, "K\0))"sv);
  pickle += "X\0\0\1\0"s + std::string(65536, 'n') + "q\1N"s;
  for (int i = 0; i < 400000; ++i) pickle += "h\1h\1"s;  // key and value
  const StateDict state_dict = open_bytes(torch_bytes(pickle + "u.", {{"0", kFloats}}));
  EXPECT_EQ(state_dict.names(), std::vector<std::string>{"w"});
  EXPECT_TRUE(state_dict.metadata().empty());
}

}  // namespace
}  // namespace ldm::checkpoint
