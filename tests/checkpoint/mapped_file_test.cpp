#include "ldm/checkpoint/mapped_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "tests/checkpoint/checkpoint_test_util.h"
#include "tests/support/memory.h"
#include "tests/support/paths.h"

namespace ldm::checkpoint {
namespace {

using ldm::testing::error_of;
using testing::mapped_from;
using testing::source_of;

constexpr std::int64_t kElements = 1 << 20;  // 4 MiB: many pages

std::string large_tensor(const std::string& name) {
  const std::string path = ldm::testing::temp_dir() + "/" + name;
  write_safetensors(path, {source_of("w", at::arange(kElements, at::kFloat))});
  return path;
}

void cut(const std::string& path) {
  ASSERT_EQ(::truncate(path.c_str(), 8192), 0);
}

TEST(MmapChoice, IsReadFromText) {
  EXPECT_EQ(parse_mmap_choice("auto"), MmapChoice::automatic);
  EXPECT_EQ(parse_mmap_choice("on"), MmapChoice::on);
  EXPECT_EQ(parse_mmap_choice("off"), MmapChoice::off);
  EXPECT_NE(error_of<std::invalid_argument>([] { parse_mmap_choice("yes"); }).find("got 'yes'"),
            std::string::npos);
}

TEST(MappedFile, OffReadsATensorIntoMemoryOfItsOwn) {
  const std::string path = large_tensor("off.safetensors");
  const LoadedTensor read = open_checkpoint(path, MmapChoice::off).tensor("w");
  EXPECT_EQ(mapped_from(read.tensor.const_data_ptr()).first.find("off.safetensors"), std::string::npos);
  EXPECT_EQ(read.copied, "read, not mapped");
  EXPECT_TRUE(at::equal(read.tensor, at::arange(kElements, at::kFloat)));
}

TEST(MappedFile, OnMapsIt) {
  const LoadedTensor mapped = open_checkpoint(large_tensor("on.safetensors"), MmapChoice::on).tensor("w");
  EXPECT_NE(mapped_from(mapped.tensor.const_data_ptr()).first.find("on.safetensors"), std::string::npos);
  EXPECT_EQ(mapped.copied, "");
}

TEST(MappedFile, BytesInMemoryAreACheckpointToo) {
  const std::string bytes = testing::read_file(large_tensor("memory.safetensors"));
  const StateDict state = read_checkpoint(MappedFile::from_bytes(bytes, "in memory"));
  EXPECT_EQ(state.path(), "in memory");
  EXPECT_TRUE(at::equal(state.tensor("w").tensor, at::arange(kElements, at::kFloat)));
}

std::int64_t file_memory() {
  return ldm::testing::process_memory("RssFile");
}

TEST(MappedFile, ReleaseLetsGoOfMemoryThatIsReadAgain) {
  const StateDict state = open_checkpoint(large_tensor("released.safetensors"), MmapChoice::on);
  const at::Tensor tensor = state.tensor("w").tensor;
  const double sum = tensor.sum(at::kDouble).item<double>();
  const std::int64_t before = file_memory();
  state.release("w");
  EXPECT_LT(file_memory(), before - 3 * kElements);  // of 4 bytes each
  EXPECT_EQ(tensor.sum(at::kDouble).item<double>(), sum);
}

TEST(MappedFile, ReleaseOfATensorLeavesMemoryThatIsNoFilesAlone) {
  const StateDict state = open_checkpoint(large_tensor("released_alone.safetensors"), MmapChoice::on);
  const at::Tensor mapped = state.tensor("w").tensor;
  const at::Tensor own = mapped.clone();
  const std::int64_t before = file_memory();
  release_mapped(own.const_data_ptr(), own.nbytes());
  EXPECT_TRUE(at::equal(own, mapped));
  release_mapped(mapped.const_data_ptr(), mapped.nbytes() + (std::size_t{1} << 40));  // beyond the file's end
  EXPECT_GT(file_memory(), before - kElements);
  release_mapped(mapped.const_data_ptr(), mapped.nbytes());
  EXPECT_LT(file_memory(), before - 3 * kElements);
  EXPECT_TRUE(at::equal(own, mapped));
}

TEST(MappedFile, OffTellsAFileThatWasCut) {
  const std::string path = large_tensor("cut_off.safetensors");
  const StateDict state = open_checkpoint(path, MmapChoice::off);
  cut(path);
  const std::string error = error_of<CheckpointError>([&] { state.tensor("w"); });
  EXPECT_NE(error.find(path), std::string::npos) << error;
  EXPECT_NE(error.find("cut short"), std::string::npos) << error;
}

/// Reads the tensor as a computation would, without asking the StateDict again.
void read_cut_mapping(const std::string& path) {
  const at::Tensor tensor = open_checkpoint(path, MmapChoice::on).tensor("w").tensor;
  cut(path);
  EXPECT_EQ(tensor[kElements - 1].item<float>(), 0.0f);  // a page of zeros in place of the lost one
  EXPECT_THROW(check_mappings(), CheckpointError);
}

TEST(MappingGuard, ACutFileIsAnErrorThatNamesIt) {
  install_mapping_guard();
  const std::string path = large_tensor("cut.safetensors");
  const StateDict state = open_checkpoint(path, MmapChoice::on);
  const at::Tensor tensor = state.tensor("w").tensor;
  EXPECT_NO_THROW(check_mappings());
  cut(path);
  EXPECT_NO_THROW(check_mappings());  // nobody has read what is gone
  EXPECT_EQ(tensor[kElements - 1].item<float>(), 0.0f);
  const std::string error = error_of<CheckpointError>([] { check_mappings(); });
  EXPECT_NE(error.find(path), std::string::npos) << error;
  EXPECT_NE(error.find("cut short"), std::string::npos) << error;
  EXPECT_THROW(state.tensor("w"), CheckpointError);
}

TEST(MappingGuard, AClosedFileIsForgotten) {
  install_mapping_guard();
  read_cut_mapping(large_tensor("forgotten.safetensors"));
  EXPECT_NO_THROW(check_mappings());
}

TEST(MappingGuard, OtherFaultsStillEndTheProcess) {
  install_mapping_guard();
  const std::string path = large_tensor("foreign");
  const auto fault = [&path] {
    FILE* file = std::fopen(path.c_str(), "r+");
    void* memory = ::mmap(nullptr, 1 << 20, PROT_READ, MAP_PRIVATE, ::fileno(file), 0);
    if (::ftruncate(::fileno(file), 0) != 0) return;
    const volatile char* byte = static_cast<const char*>(memory) + 4096;
    std::fprintf(stderr, "read %d", *byte);
  };
  EXPECT_DEATH(fault(), "");
}

}  // namespace
}  // namespace ldm::checkpoint
