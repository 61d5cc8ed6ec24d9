#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/zip_format.h"
#include "tests/checkpoint/checkpoint_test_util.h"

// What others' readers and scanners of checkpoints have let through, as published: each is refused here, for
// a reason that names the trick. The numbers are those of the advisories and issues.

namespace ldm::checkpoint {
namespace {

using testing::safetensors_bytes;
using testing::tensor_opcodes;
using testing::torch_bytes;
using namespace std::string_literals;
using namespace std::string_view_literals;

struct Hole {
  const char* source;
  std::string bytes;
  const char* says;
};

void expect_refused(const std::vector<Hole>& holes) {
  for (const Hole& hole : holes) {
    const std::string error = testing::error_of_bytes(hole.bytes);
    EXPECT_NE(error.find(hole.says), std::string::npos)
        << hole.source << "\nexpected '" << hole.says << "' in: " << error;
  }
}

const std::string kFloats(16, '\0');  // a storage of four
constexpr auto kView = "K\0K\4\x85K\1\x85"sv;

/// A torch file of one tensor "w" in storage "0", its pickle given.
std::string torch_file(const std::string& pickle) {
  return torch_bytes(pickle, {{"0", kFloats}});
}

std::string named(const std::string& opcodes) {
  return "}U\1w" + opcodes + "s.";
}

/// Opcodes of a tensor of a float storage that says it has a number of elements of 8 bytes.
std::string tensor_of_long_storage(std::string_view numel) {
  std::string opcodes = tensor_opcodes("0", 4, kView);
  const std::size_t at = opcodes.find("K\4tQ");
  return opcodes.replace(at, 2, "\x8a\x08"s.append(numel));
}

template <typename T>
std::string patched(std::string bytes, std::size_t at, T value) {
  std::memcpy(&bytes.at(at), &value, sizeof value);
  return bytes;
}

std::size_t find_header(const std::string& bytes, std::uint32_t signature, int number) {
  std::string text;
  append_le(text, signature);
  std::size_t at = bytes.find(text);
  for (int i = 0; i < number; ++i) at = bytes.find(text, at + 1);
  return at;
}

TEST(PublishedHoles, Safetensors) {
  const std::string good = R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})";
  const auto data = "01234567"sv;
  ASSERT_EQ(testing::error_of_bytes(safetensors_bytes(good, data)), "");
  expect_refused({
      {"fastllm #712: the header's length wraps when it is added to",
       "\xfb\xff\xff\xff\xff\xff\xff\xff{}"s + std::string(64, ' '), "header of at most"},
      {"ds4 #542: a length that needs gigabytes", "\0\0\0\x40\0\0\0\0{}"s, "header of at most"},
      {"fastllm #712: shape and data_offsets tell different sizes",
       safetensors_bytes(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,64]}})", std::string(64, 'x')),
       "expected 8 bytes as dtype and shape need"},
      {"ds4 #543: a shape larger than its bytes",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[128,128],"data_offsets":[0,8]}})", data),
       "expected 16384 bytes as dtype and shape need"},
      {"safetensors-cpp (LiteRT #9255): a shape whose product wraps to 0 skips the check of offsets",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,8]}})",
                         data),
       "63 bits"},
      {"safetensors-cpp (LiteRT #9255): a byte count that wraps to 0",
       safetensors_bytes(R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,8]}})", data),
       "63 bits"},
      {"nntrainer #4334: data_offsets beyond the file",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[1000000,1000008]}})", data),
       "leave a hole"},
      {"safetensors audit of 2023: another file's bytes behind the data (polyglot)",
       safetensors_bytes(good, std::string(data) + "PK\5\6" + std::string(18, '\0')), "expected 8 bytes"},
      {"safetensors audit of 2023: bytes that no tensor owns",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})", data), "leave a hole"},
      {"safetensors audit of 2023: a key twice, of which readers take different ones",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                         R"("a":{"dtype":"I8","shape":[8],"data_offsets":[0,8]}})",
                         data),
       "that key twice"},
      {"overlap by way of an empty tensor in the middle of another",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                         R"("z":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}})",
                         data),
       "tensors overlap"},
      {"two tensors in the same bytes",
       safetensors_bytes(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                         R"("b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
                         data),
       "tensors overlap"},
      {"a name that is no UTF-8",
       safetensors_bytes("{\"\xed\xa0\x80\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}", data),
       "expected JSON"},
  });
}

TEST(PublishedHoles, TorchsRestrictedUnpickler) {
  ASSERT_EQ(testing::error_of_bytes(torch_file(named(tensor_opcodes("0", 4, kView)))), "");
  expect_refused({
      {"CVE-2026-24747: SETITEM on something that is no mapping",
       torch_file(named(tensor_opcodes("0", 4, kView) + "U\1kK\1s")),
       "expected a mapping to add to, got a tensor"},
      {"CVE-2026-24747: SETITEMS on a list", torch_file(named("](K\0K\1u"s)),
       "expected a mapping to add to, got a list"},
      {"CVE-2026-24747: a storage larger than the bytes in the archive",
       torch_file(named(tensor_opcodes("0", 64, "K\0K\x40\x85K\1\x85"sv))), "got 16 bytes"},
      {"CVE-2025-32434: the tar form of the first versions, read past the restrictions",
       "pickle"s + std::string(251, '\0') + "ustar" + std::string(250, '\0'), "tar file"},
      {"pytorch #181310: a count of elements whose bytes wrap to 4",
       torch_file(named(tensor_of_long_storage("\1\0\0\0\0\0\0\x40"sv))), "4611686018427387905 elements"},
      {"pytorch #181310: a negative count of elements",
       torch_file(named(tensor_of_long_storage("\xff\xff\xff\xff\xff\xff\xff\xff"sv))),
       "non-negative integer as storage size, got -1"},
      {"pytorch #184652: a quantized tensor, whose strides nobody checks",
       torch_file(named("ctorch._utils\n_rebuild_qtensor\n)R")), "'torch._utils._rebuild_qtensor'"},
      {"pytorch #109791: strides that leave the storage",
       torch_file(named(tensor_opcodes("0", 4, "K\0K\2\x85M\xff\xff\x85"sv))), "reaches element 65536"},
      {"pytorch #169570: a rebuild that expects globals which never come",
       torch_file(named("ctorch._tensor\n_rebuild_from_type_v2\n)R")),
       "'torch._tensor._rebuild_from_type_v2'"},
      {"pytorch #103667: a mapping of an odd number of items", torch_file(named("(K\0K\1K\2d"s)),
       "an odd number"},
      {"pytorch #194647: an object that is made and never given its state",
       torch_file(named("ctorch.distributed.tensor.placement_types\nShard\n)\x81")), "Shard'"},
      {"a tuple that is asked for from an empty stack", torch_file("\x87."),
       "a value on the stack, got none"},
  });
}

TEST(PublishedHoles, TricksAgainstScannersOfPickles) {
  expect_refused({
      {"picklescan #14: MEMOIZE and BINPUT mixed, so that a scanner sees another name",
       torch_file(
           "U\2osq\0U\6systemq\1U\x0ctorch._utils\x94U\x12_rebuild_tensor_v2\x94h\0h\1\x93U\1x\x85R."s),
       "'os.system'"},
      {"modelscan #85: attributes put on an allowed global by BUILD",
       torch_file("cnumpy\ndtype\nN}U\1aU\2oss\x86"
                  "b."),
       "to give a state to, got a global"},
      {"modelscan #85: STACK_GLOBAL of values that are no texts", torch_file("cnumpy\ndtype\nU\1a\x93."),
       "expected a module and a name as texts, got a global"},
      {"modelscan #330: the builtins of an allowed package", torch_file("cnumpy\n__builtins__\n."),
       "'numpy.__builtins__'"},
      {"modelscan #331: names put together by getattr", torch_file("cbuiltins\ngetattr\n."),
       "'builtins.getattr'"},
      {"picklescan #74: modules that no list of bad ones names",
       torch_file("cimportlib\nimport_module\nU\2os\x85R."), "'importlib.import_module'"},
      {"CVE-2025-10157: a submodule of what is listed",
       torch_file("casyncio.unix_events\n_UnixSubprocessTransport\n)R."),
       "'asyncio.unix_events._UnixSubprocessTransport'"},
      {"a name that only begins like an ignored package", torch_file("cpytorch_lightning_x\nsystem\n)R."),
       "'pytorch_lightning_x.system'"},
      {"an attribute of an allowed class",
       torch_file("\x8c\x0b"
                  "collections\x8c\x16OrderedDict.__reduce__\x93."),
       "'collections.OrderedDict.__reduce__'"},
      {"modelscan #267: a pickle inside a pickle", torch_file("cpickle\nloads\nC\1.\x85R."),
       "'pickle.loads'"},
      {"CVE-2025-1889: the payload under another name than data.pkl, loaded by its global",
       torch_file("ctorch\nload\nU\3"
                  "abc\x85R."),
       "'torch.load'"},
      {"payload first, and then a stream that breaks off", torch_file("cposix\nsystem\nU\1x\x85R\xff"),
       "byte 0 of the pickle: expected a global that a checkpoint needs, got 'posix.system'"},
      {"an extension code in place of a name", torch_file("\x82\1)R."), "got number 130"},
      {"a persistent id as text", torch_file("P0\n."), "got number 80"},
      {"an out-of-band buffer", torch_file("\x97."), "got number 151"},
      {"CVE-2025-10155: a bare pickle under the name of a checkpoint", "\x80\4\x8c\5posix\x8c\6system\x93.",
       "a bare pickle"},
      {"nullifAI: PyTorch's archive packed as 7z", "7z\xbc\xaf\x27\x1c"s + std::string(64, '\0'),
       "7z archive"},
  });
}

TEST(PublishedHoles, TricksWithZipFiles) {
  const std::string good = torch_file(named(tensor_opcodes("0", 4, kView)));
  const std::size_t pickle_central = find_header(good, zip::kCentralHeader, 0);
  const std::size_t storage_central = find_header(good, zip::kCentralHeader, 2);
  const std::size_t storage_local = find_header(good, zip::kLocalHeader, 2);
  ASSERT_EQ(good.substr(pickle_central + 46, 10), "x/data.pkl");
  ASSERT_EQ(good.substr(storage_central + 46, 8), "x/data/0");
  expect_refused({
      {"CVE-2025-1944: another name in the local header than in the directory",
       patched(good, storage_local + 30, 'y'), "expected its header"},
      {"CVE-2025-1945: flag bits that make scanners stop",
       patched(good, pickle_central + 8, std::uint16_t{1}), "got encrypted"},
      {"CVE-2025-10156: a wrong checksum that makes scanners stop",
       patched(good, pickle_central + 16, std::uint32_t{7}), "CRC-32"},
      {"two pickles, of which readers take different ones",
       testing::zip_bytes({{"x/data.pkl", "}."}, {"y/data.pkl", "}."}}), "got several"},
      {"zip bomb of overlapping entries", patched(good, storage_central + 42, std::uint32_t{0}), "overlap"},
      {"zip bomb of one entry",
       testing::zip_of_items({testing::deflated("x/data.pkl", named(tensor_opcodes("0", 4, kView))),
                              {"x/data/0", std::string(64, 'x'), 1u << 30, 0, zip::kDeflated}}),
       "zip bomb"},
      {"an entry whose name leads out of the folder",
       testing::zip_bytes({{"x/data.pkl", "}."}, {"x/../../evil", "x"}}),
       "expected a relative path as its name"},
      {"sizes that disagree", patched(good, storage_central + 24, std::uint32_t{1u << 30}), "got "},
      {"a storage by a path that leaves the folder",
       torch_bytes(named(tensor_opcodes("../byteorder", 6, "K\0K\6\x85K\1\x85"sv, "ByteStorage"))),
       "got no such entry"},
      {"an archive behind the archive, which readers from the end find first", good + torch_file("}."),
       "expected"},
      {"bytes behind the archive", good + "x", "cut short"},
  });
}

}  // namespace
}  // namespace ldm::checkpoint
