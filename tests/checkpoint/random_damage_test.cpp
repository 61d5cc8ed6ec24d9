#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/dtype.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/mapped_file.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/pickle_machine.h"
#include "ldm/checkpoint/torch_hooks.h"
#include "tests/checkpoint/checkpoint_test_util.h"
#include "tests/support/paths.h"

// Whole files of every form are damaged at random, the same way in each run. A damaged file is refused with a
// CheckpointError, or loads to the same tensors; nothing else may happen, nor take 5 seconds or 1 GB. What
// "the same" means depends on what a form knows about its data:
// - zip, stored or deflated: every entry has a CRC-32, which StateDict::checks() verifies. A file that passes
//   holds the tensors of a whole file, every bit.
// - .safetensors: no checksum. The tensors are those that the header in the damaged file describes, and their
//   bytes are the ones at the place that it tells. An independent reading of the header says which.
// - legacy: no checksum. The tensors lie behind the pickles and inside the file, and their bytes are the ones
//   there.

namespace ldm::checkpoint {
namespace {

constexpr int kCases = 10000;
constexpr unsigned kMaxSeconds = 5;
constexpr long kMaxKilobytes = 1L << 20;

using Random = std::mt19937_64;
using Contents = std::map<std::string, std::string>;  // name -> type, sizes and bytes of the tensor

std::size_t below(Random& random, std::size_t limit) {
  return limit == 0 ? 0 : static_cast<std::size_t>(random() % limit);
}

std::string describe(c10::ScalarType dtype, const std::vector<std::int64_t>& sizes,
                     const std::string& bytes) {
  std::string text = c10::toString(dtype);
  for (const std::int64_t size : sizes) text += " " + std::to_string(size);
  return text + ": " + bytes;
}

Contents contents_of(const StateDict& state_dict) {
  Contents contents;
  for (const std::string& name : state_dict.names()) {
    const at::Tensor tensor = state_dict.tensor(name).tensor.contiguous();
    const std::string bytes(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
    contents[name] = describe(tensor.scalar_type(), tensor.sizes().vec(), bytes);
  }
  return contents;
}

StateDict open_bytes(const std::string& bytes) {
  return read_checkpoint(MappedFile::from_bytes(bytes, "damaged"));
}

/// Elements of a strided view of a file, in row-major order; `at` is the byte of the first one.
std::string gather(const std::string& file, const TensorInfo& info) {
  const auto item = static_cast<std::int64_t>(c10::elementSize(info.dtype));
  std::string out;
  std::vector<std::int64_t> place(info.sizes.size(), 0);
  for (std::int64_t i = 0; i < info.numel(); ++i) {
    std::int64_t element = 0;
    for (std::size_t d = 0; d < place.size(); ++d) element += place[d] * info.strides[d];
    out += file.substr(static_cast<std::size_t>(info.offset + element * item), item);
    for (std::size_t d = place.size(); d-- > 0 && ++place[d] == info.sizes[d];) place[d] = 0;
  }
  if (info.dtype != c10::ScalarType::Bool) return out;
  for (char& byte : out) byte = byte != 0 ? 1 : 0;  // as bools are loaded
  return out;
}

// What a damaged file that loads must hold. `wholes` are the contents of the undamaged files.

void check_zip(const StateDict& state_dict, const std::string&, const std::vector<Contents>& wholes) {
  for (const FileCheck& check : state_dict.checks()) check.run();  // throws: then it is refused after all
  EXPECT_NE(std::find(wholes.begin(), wholes.end(), contents_of(state_dict)), wholes.end());
}

void check_safetensors(const StateDict& state_dict, const std::string& file, const std::vector<Contents>&) {
  const ByteView bytes{reinterpret_cast<const std::uint8_t*>(file.data()), file.size()};
  const std::size_t begin = 8 + load_le<std::uint64_t>(bytes, 0);
  const auto header = nlohmann::json::parse(file.substr(8, begin - 8));
  Contents expected;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    TensorInfo info;
    info.dtype = dtype_of_safetensors_name(entry.at("dtype").get<std::string>()).value();
    info.sizes = entry.at("shape").get<std::vector<std::int64_t>>();
    info.strides.assign(info.sizes.size(), 1);
    for (std::size_t d = info.sizes.size(); d-- > 1;) info.strides[d - 1] = info.strides[d] * info.sizes[d];
    info.offset = static_cast<std::int64_t>(begin) + entry.at("data_offsets").at(0).get<std::int64_t>();
    expected[name] = describe(info.dtype, info.sizes, gather(file, info));
  }
  EXPECT_EQ(contents_of(state_dict), expected);
}

/// The byte behind the fifth pickle, where the storages begin.
std::uint64_t end_of_pickles(const std::string& file) {
  std::uint64_t at = 0;
  for (int i = 0; i < 5; ++i) {
    ValueArena arena(PickleLimits{}.values);
    TorchHooks hooks(arena, kLegacyStorageParts);
    std::uint64_t length = 0;
    const ByteView rest{reinterpret_cast<const std::uint8_t*>(file.data()) + at, file.size() - at};
    run_pickle(rest, "damaged", hooks, arena, {}, &length);
    at += length;
  }
  return at;
}

void check_legacy(const StateDict& state_dict, const std::string& file, const std::vector<Contents>&) {
  const auto begin = static_cast<std::int64_t>(end_of_pickles(file));
  const auto end = static_cast<std::int64_t>(file.size());
  Contents expected;
  for (const std::string& name : state_dict.names()) {
    const TensorInfo& info = state_dict.info(name);
    const auto item = static_cast<std::int64_t>(c10::elementSize(info.dtype));
    ASSERT_TRUE(info.offset >= begin && info.offset + info.span() * item <= end) << name;
    expected[name] = describe(info.dtype, info.sizes, gather(file, info));
  }
  EXPECT_EQ(contents_of(state_dict), expected);
}

struct Form {
  const char* name;
  const char* folder;  // of tests/fuzz/seeds
  const char* suffix;  // of the files in it
  void (*check)(const StateDict&, const std::string&, const std::vector<Contents>&);
};

void PrintTo(const Form& form, std::ostream* out) {
  *out << form.name;
}

bool ends_with(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

std::vector<std::string> whole_files(const Form& form) {
  const std::string folder = ldm::testing::project_path(std::string("tests/fuzz/seeds/") + form.folder);
  std::vector<std::string> files;
  for (const std::string& name : testing::files_in(folder)) {
    const bool deflated = name.find("deflated") != std::string::npos;
    if (deflated != (std::string(form.name) == "deflated") || !ends_with(name, form.suffix)) continue;
    files.push_back(testing::read_file(folder + "/" + name));
  }
  return files;
}

void flip(std::string& bytes, Random& random) {
  const std::size_t count = 1 + below(random, 8);
  for (std::size_t i = 0; i < count; ++i) {
    bytes[below(random, bytes.size())] ^= static_cast<char>(1u << below(random, 8));
  }
}

/// Takes out a piece, every fourth time the end of the file.
void cut(std::string& bytes, Random& random) {
  const std::size_t begin = below(random, bytes.size());
  const std::size_t most = below(random, 2) == 0 ? 16 : bytes.size();
  const std::size_t count = below(random, 4) == 0 ? bytes.size() : 1 + below(random, most);
  bytes.erase(begin, count);
}

/// Puts a piece of another file (or of this one) over the bytes at a place, or between them. Half of the time
/// it comes from the same place.
void splice(std::string& bytes, const std::string& other, Random& random) {
  const std::size_t from = below(random, other.size());
  const std::size_t most = below(random, 2) == 0 ? 16 : other.size();
  const std::string piece = other.substr(from, 1 + below(random, most));
  const std::size_t to = std::min(below(random, 2) == 0 ? from : below(random, bytes.size()), bytes.size());
  bytes.replace(to, below(random, 2) == 0 ? piece.size() : 0, piece);
}

std::string damaged(const std::vector<std::string>& files, Random& random) {
  std::string bytes = files[below(random, files.size())];
  const std::size_t rounds = 1 + below(random, 2);
  for (std::size_t i = 0; i < rounds && !bytes.empty(); ++i) {
    switch (below(random, 3)) {
      case 0:
        flip(bytes, random);
        break;
      case 1:
        cut(bytes, random);
        break;
      default:
        splice(bytes, files[below(random, files.size())], random);
    }
  }
  return bytes;
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

class RandomDamageTest : public ::testing::TestWithParam<Form> {};

TEST_P(RandomDamageTest, LoadsToTheSameTensorsOrIsRefused) {
  const std::vector<std::string> files = whole_files(GetParam());
  ASSERT_GE(files.size(), 3u);
  std::vector<Contents> wholes;
  for (const std::string& file : files) wholes.push_back(contents_of(open_bytes(file)));
  const long before = peak_kilobytes();
  Random random(20261124);
  int loaded = 0;
  for (int i = 0; i < kCases && !HasFailure(); ++i) {
    const std::string file = damaged(files, random);
    SCOPED_TRACE("case " + std::to_string(i) + ", " + std::to_string(file.size()) + " bytes");
    alarm(kMaxSeconds);  // ends the process
    try {
      GetParam().check(open_bytes(file), file, wholes);
      ++loaded;
    } catch (const CheckpointError&) {
    }
    alarm(0);
  }
  EXPECT_LT(peak_kilobytes() - before, kMaxKilobytes);
  // Neither outcome is rare, or the test looks at one of them only.
  EXPECT_GT(loaded, kCases / 100);
  EXPECT_GT(kCases - loaded, kCases / 4);
}

INSTANTIATE_TEST_SUITE_P(Forms, RandomDamageTest,
                         ::testing::Values(Form{"stored", "zip", ".ckpt", check_zip},
                                           Form{"deflated", "zip", "_deflated.ckpt", check_zip},
                                           Form{"legacy", "legacy", ".ckpt", check_legacy},
                                           Form{"safetensors", "safetensors", ".safetensors",
                                                check_safetensors}),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace ldm::checkpoint
