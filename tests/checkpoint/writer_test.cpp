#include "ldm/checkpoint/writer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "ldm/checkpoint/crc32.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "tests/checkpoint/checkpoint_test_util.h"
#include "tests/support/paths.h"
#include "tests/support/restrictions.h"

namespace ldm::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::source_of;

using Writer = void (*)(const std::string&, const std::vector<NamedTensorSource>&);
void safetensors(const std::string& path, const std::vector<NamedTensorSource>& sources) {
  write_safetensors(path, sources);
}
void ckpt(const std::string& path, const std::vector<NamedTensorSource>& sources) {
  write_ckpt(path, sources);
}

/// What both writers must do alike, each in a folder of its own.
class WriterTest : public ::testing::TestWithParam<Writer> {
 protected:
  void SetUp() override {
    folder_ = ldm::testing::temp_dir() + "/writer";
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path() const { return folder_ + "/out"; }
  void write(const std::vector<NamedTensorSource>& sources) { GetParam()(path(), sources); }
  std::string error_of_write(const std::vector<NamedTensorSource>& sources) {
    try {
      write(sources);
    } catch (const CheckpointError& error) {
      return error.what();
    }
    return "";
  }

  std::string folder_;
};

std::vector<std::pair<std::string, at::Tensor>> samples() {
  const at::Tensor base = at::arange(-11, 13, at::kFloat);
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  tensors.emplace_back("odd.bytes",
                       base.slice(0, 0, 3).to(at::kChar));  // makes what follows misaligned if unplanned
  for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble, at::kLong, at::kInt, at::kShort,
                           at::kChar, at::kByte, at::kBool}) {
    tensors.emplace_back(std::string("t.") + c10::toString(dtype), base.abs().to(dtype).view({2, 3, 4}));
  }
  tensors.emplace_back("scalar", at::scalar_tensor(2.5, at::kDouble));
  tensors.emplace_back("empty", at::empty({0, 3}, at::kHalf));
  tensors.emplace_back("transposed", base.view({4, 6}).t());
  tensors.emplace_back("name with \"quotes\" and \xC3\xA9", base);
  return tensors;
}

TEST_P(WriterTest, RoundTripOfEveryTypeAndShape) {
  std::vector<NamedTensorSource> sources;
  for (const auto& [name, tensor] : samples()) sources.push_back(source_of(name, tensor));
  write(sources);
  const StateDict state_dict = open_checkpoint(path());
  ASSERT_EQ(state_dict.names().size(), sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    EXPECT_EQ(state_dict.names()[i], sources[i].name);
    const LoadedTensor loaded = state_dict.tensor(sources[i].name);
    EXPECT_EQ(loaded.copied, "") << sources[i].name;
    EXPECT_EQ(loaded.tensor.scalar_type(), sources[i].dtype) << sources[i].name;
    EXPECT_TRUE(loaded.tensor.is_contiguous()) << sources[i].name;
    EXPECT_TRUE(at::equal(loaded.tensor, sources[i].make())) << sources[i].name;
  }
}

TEST_P(WriterTest, NoTensorsAtAll) {
  write({});
  EXPECT_TRUE(open_checkpoint(path()).names().empty());
}

TEST_P(WriterTest, AsksEachSourceOnceAndInOrder) {
  std::vector<int> calls;
  std::vector<NamedTensorSource> sources;
  for (int i = 0; i < 4; ++i) {
    const auto dtype = i % 2 == 0 ? at::kHalf : at::kFloat;
    sources.push_back({std::to_string(i), dtype, {2}, [&calls, i, dtype] {
                         calls.push_back(i);
                         return at::ones({2}, dtype);
                       }});
  }
  write(sources);
  EXPECT_EQ(calls, (std::vector<int>{0, 1, 2, 3}));
}

TEST_P(WriterTest, EqualTensorsGiveEqualFiles) {
  write({source_of("a", at::ones({3}))});
  const std::string first = testing::read_file(path());
  write({source_of("a", at::ones({3}))});
  EXPECT_EQ(testing::read_file(path()), first);
}

TEST_P(WriterTest, AFileMayBeRewrittenFromItsOwnMapping) {
  write({source_of("a", at::arange(1000, at::kFloat))});
  const at::Tensor mapped = open_checkpoint(path()).tensor("a").tensor;
  write({source_of("b", mapped), source_of("c", mapped * 2)});
  EXPECT_EQ(mapped[999].item<float>(), 999.0f);
  EXPECT_EQ(open_checkpoint(path()).tensor("c").tensor[999].item<float>(), 1998.0f);
}

TEST_P(WriterTest, FailureLeavesTheOldFileAndNothingElse) {
  write({source_of("a", at::ones({3}))});
  const std::string before = testing::read_file(path());
  const NamedTensorSource thrower{"b", at::kFloat, {1}, []() -> at::Tensor { throw std::logic_error("no"); }};
  EXPECT_THROW(write({source_of("a", at::zeros({3})), thrower}), std::logic_error);
  EXPECT_EQ(testing::read_file(path()), before);
  EXPECT_EQ(testing::files_in(folder_), std::vector<std::string>{"out"});
}

TEST_P(WriterTest, TensorsThatAreNotAsToldAreRefused) {
  const auto make = [] { return at::ones({2, 2}); };
  EXPECT_NE(error_of_write({{"a", at::kHalf, {2, 2}, make}})
                .find("expected Half [2, 2] from its source, got Float [2, 2]"),
            std::string::npos);
  EXPECT_NE(error_of_write({{"a", at::kFloat, {4}, make}}).find("got Float [2, 2]"), std::string::npos);
  EXPECT_NE(error_of_write({{"a", at::kFloat, {4}, [] { return at::Tensor(); }}}).find("undefined"),
            std::string::npos);
  const auto meta = [] { return at::empty({4}, at::TensorOptions().device(at::kMeta)); };
  EXPECT_NE(error_of_write({{"a", at::kFloat, {4}, meta}}).find("meta device"), std::string::npos);
  EXPECT_TRUE(testing::files_in(folder_).empty());
}

TEST_P(WriterTest, NamesAndShapesAreChecked) {
  const auto tensor = at::ones({1});
  EXPECT_NE(error_of_write({source_of("a", tensor), source_of("a", tensor)}).find("twice"),
            std::string::npos);
  EXPECT_NE(error_of_write({source_of("", tensor)}).find("a name in UTF-8"), std::string::npos);
  EXPECT_NE(error_of_write({source_of("\xff", tensor)}).find("a name in UTF-8"), std::string::npos);
  const auto make = [tensor] { return tensor; };
  EXPECT_NE(error_of_write({{"a", at::kFloat, {-1}, make}}).find("none negative"), std::string::npos);
  EXPECT_NE(error_of_write({{"a", at::kFloat, {INT64_MAX}, make}}).find("got Float [9223372036854775807]"),
            std::string::npos);
  EXPECT_NE(error_of_write({source_of("a", at::ones({1}, at::kComplexFloat))}).find("ComplexFloat"),
            std::string::npos);
}

TEST_P(WriterTest, FoldersThatAreNotThereAndNamesOfFolders) {
  const std::vector<NamedTensorSource> sources{source_of("a", at::ones({1}))};
  EXPECT_THROW(GetParam()(folder_ + "/none/out", sources), CheckpointError);
  EXPECT_THROW(GetParam()(folder_, sources), CheckpointError);
  EXPECT_TRUE(testing::files_in(folder_).empty());
}

TEST_P(WriterTest, FullDiskSaysHowMuchIsNeededAndLeavesNothing) {
  // A limit on the size of files stands in for a full disk.
  std::string error;
  {
    const ldm::testing::FileSizeLimit limit(100000);
    error = error_of_write({source_of("a", at::ones({100000}))});
  }
  EXPECT_NE(error.find("disk full"), std::string::npos) << error;
  EXPECT_NE(error.find("bytes needed"), std::string::npos) << error;
  EXPECT_NE(error.find(path()), std::string::npos) << error;
  EXPECT_TRUE(testing::files_in(folder_).empty());
}

INSTANTIATE_TEST_SUITE_P(BothFormats, WriterTest, ::testing::Values(&safetensors, &ckpt),
                         [](const auto& param) { return param.index == 0 ? "Safetensors" : "Ckpt"; });

TEST(WriteSafetensors, KeepsMetadata) {
  const std::string path = ldm::testing::temp_dir() + "/metadata.safetensors";
  const std::map<std::string, std::string> metadata{{"format", "pt"}, {"note", "a \"b\"\n\xC3\xA9"}};
  write_safetensors(path, {source_of("a", at::ones({1}))}, metadata);
  EXPECT_EQ(open_checkpoint(path).metadata(), metadata);
  EXPECT_THROW(write_safetensors(path, {}, {{"k", "\xff"}}), CheckpointError);
  EXPECT_THROW(write_safetensors(path, {source_of("__metadata__", at::ones({1}))}), CheckpointError);
}

TEST(WriteCkpt, KeepsTheGlobalStep) {
  const std::string path = ldm::testing::temp_dir() + "/step.ckpt";
  for (const std::int64_t step :
       {std::int64_t{0}, std::int64_t{255}, std::int64_t{470000}, std::int64_t{1} << 40}) {
    write_ckpt(path, {source_of("a", at::ones({1}))}, step);
    EXPECT_EQ(open_checkpoint(path).metadata().at("global_step"), std::to_string(step));
  }
}

TEST(WriteCkpt, KeepsScalarsWithTheirTypesAndOrder) {
  const std::string path = ldm::testing::temp_dir() + "/scalars.ckpt";
  const NamedScalars scalars{{"epoch", std::int64_t{-7}},
                             {"global_step", std::int64_t{470000}},
                             {"pytorch-lightning_version", std::string("1.10")},
                             {"resumed", true},
                             {"a rate", 1.0 / 3},
                             {"done", false}};
  write_ckpt(path, {source_of("a", at::ones({1}))}, scalars);
  const StateDict state_dict = open_checkpoint(path);
  const NamedScalars& read = state_dict.notes().scalars;
  ASSERT_EQ(read.size(), scalars.size());
  for (std::size_t i = 0; i < scalars.size(); ++i) {
    EXPECT_EQ(read[i].name, scalars[i].name);
    EXPECT_EQ(read[i].value, scalars[i].value) << scalars[i].name;
  }
  EXPECT_EQ(state_dict.metadata().at("resumed"), "True");
  EXPECT_EQ(state_dict.metadata().at("pytorch-lightning_version"), "1.10");
}

TEST(WriteCkpt, RefusesScalarsThatDoNotFit) {
  const std::string path = ldm::testing::temp_dir() + "/refused.ckpt";
  const std::vector<NamedTensorSource> sources{source_of("a", at::ones({1}))};
  for (const NamedScalars& scalars :
       {NamedScalars{{"state_dict", true}}, NamedScalars{{"k", true}, {"k", false}},
        NamedScalars{{"\xff", true}}, NamedScalars{{"k", std::string("\xff")}}}) {
    EXPECT_THROW(write_ckpt(path, sources, scalars), CheckpointError);
  }
  EXPECT_FALSE(fs::exists(path));
}

/// A tree such as training leaves beside the weights, as `open_training_state` tells it.
TEST(WriteCkpt, TreesComeBackByTheirPaths) {
  const std::string path = ldm::testing::temp_dir() + "/tree.ckpt";
  const at::Tensor average = at::arange(6, at::kFloat).view({2, 3});
  CkptValue state =
      CkptValue::dict().add(std::int64_t{0}, CkptValue::dict().add("exp_avg", source_of("average", average)));
  CkptValue group = CkptValue::dict().add("betas", CkptValue::tuple({Scalar(0.9), Scalar(0.999)}));
  group.add("foreach", CkptValue());
  CkptValue optimizer = CkptValue::dict().add("state", std::move(state));
  optimizer.add("param_groups", CkptValue::list({std::move(group)}));
  CkptValue top = CkptValue::dict().add("epoch", Scalar(std::int64_t{3}));
  top.add("state_dict", CkptValue::dict({source_of("w", at::ones({4}))}));
  top.add("optimizer_states", CkptValue::list({std::move(optimizer)}));
  write_ckpt(path, top);

  EXPECT_EQ(open_checkpoint(path).names(), std::vector<std::string>{"w"});
  const StateDict extras = open_training_state(path);
  const std::string name = "optimizer_states.0.state.0.exp_avg";
  EXPECT_EQ(extras.names(), std::vector<std::string>{name});
  EXPECT_TRUE(at::equal(extras.tensor(name).tensor, average));
  const std::map<std::string, std::string> expected{{"epoch", "3"},
                                                    {"optimizer_states.0.param_groups.0.betas.0", "0.9"},
                                                    {"optimizer_states.0.param_groups.0.betas.1", "0.999"}};
  EXPECT_EQ(extras.metadata(), expected);
}

TEST(WriteCkpt, DeflatesWhatThatMakesSmaller) {
  const std::string folder = ldm::testing::temp_dir() + "/deflated";
  fs::create_directories(folder);
  auto tensors = samples();
  tensors.emplace_back("zeros", at::zeros({100, 1000}));
  tensors.emplace_back("noise", at::randint(0, 256, {3000}, at::kByte));
  std::vector<NamedTensorSource> sources;
  for (const auto& [name, tensor] : tensors) sources.push_back(source_of(name, tensor));
  write_ckpt(folder + "/out.ckpt", sources, NamedScalars{{"epoch", std::int64_t{3}}}, CkptPacking::deflated);
  EXPECT_LT(fs::file_size(folder + "/out.ckpt"), 30'000);
  const StateDict state = open_checkpoint(folder + "/out.ckpt");
  ASSERT_EQ(state.names().size(), sources.size());
  for (const NamedTensorSource& source : sources) {
    EXPECT_TRUE(at::equal(state.tensor(source.name).tensor, source.make())) << source.name;
  }
  EXPECT_NE(state.tensor("zeros").copied, "");
  EXPECT_EQ(state.tensor("noise").copied, "") << "what does not get smaller stays as it is, and mapped";
}

TEST(WriteCkpt, RefusesDictsWithAKeyTwice) {
  const std::string path = ldm::testing::temp_dir() + "/twice.ckpt";
  CkptValue inner = CkptValue::dict().add(std::int64_t{1}, Scalar(true));
  inner.add(std::int64_t{1}, Scalar(false));
  EXPECT_THROW(write_ckpt(path, CkptValue::dict().add("a", CkptValue::list({inner}))), CheckpointError);
  EXPECT_FALSE(fs::exists(path));
}

/// Lists that hold another list twice, 30 levels deep: a thousand million values in 300 bytes.
TEST(OpenTrainingState, BoundsSharedValues) {
  using std::string_literals::operator""s;
  std::string pickle = "\x80\x02}("s + testing::text_opcodes("k") + "]q\0"s;
  for (char level = 1; level <= 30; ++level) {
    const std::string below{'h', static_cast<char>(level - 1)};
    pickle += "0(" + below + below + "lq" + level;
  }
  const std::string path = testing::write_file("shared.ckpt", testing::torch_bytes(pickle + "u."));
  EXPECT_THROW(open_training_state(path), CheckpointError);
}

TEST(Crc32, OfPiecesIsThatOfTheWhole) {
  std::string bytes(5'000'001, '\0');  // several pieces and a rest
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, bytes.size() - 1, bytes.size()}) {
    const auto whole = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), size);
    EXPECT_EQ(crc32_of(bytes.data(), size), static_cast<std::uint32_t>(whole)) << size;
  }
}

TEST(WriteCkpt, WritesMoreEntriesThanAPlainZipFileHolds) {
  const std::string path = ldm::testing::temp_dir() + "/many.ckpt";
  constexpr int kCount = 66000;
  const at::Tensor values = at::arange(kCount, at::kInt);
  std::vector<NamedTensorSource> sources;
  for (int i = 0; i < kCount; ++i) {
    sources.push_back({std::to_string(i), at::kInt, {}, [&values, i] { return values[i]; }});
  }
  write_ckpt(path, sources);
  const StateDict state_dict = open_checkpoint(path);
  EXPECT_EQ(state_dict.names().size(), static_cast<std::size_t>(kCount));
  EXPECT_EQ(state_dict.tensor("65999").tensor.item<int>(), 65999);
  fs::remove(path);
}

}  // namespace
}  // namespace ldm::checkpoint
