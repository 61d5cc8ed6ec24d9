#include "ldm/checkpoint/state_dict.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "tests/checkpoint/checkpoint_test_util.h"
#include "tests/support/paths.h"

namespace ldm::checkpoint {
namespace {

using testing::mapped_from;
using testing::safetensors_bytes;
using testing::source_of;
using testing::write_file;
using namespace std::string_view_literals;

/// A header of odd length puts every float32 at an odd position.
std::string misaligned_file() {
  const std::string header = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const std::string padded = header.size() % 2 == 0 ? header + " " : header;
  return write_file("misaligned.safetensors", safetensors_bytes(padded, "\0\0\x80\x3f\0\0\0\x40"sv));
}

std::string two_tensors() {
  const std::string path = ldm::testing::temp_dir() + "/two.ckpt";
  write_ckpt(path, {source_of("a", at::arange(6, at::kFloat).view({2, 3})),
                    source_of("b", at::ones({4}, at::kHalf))});
  return path;
}

TEST(StateDict, TensorLiesInTheMappingAtItsOffset) {
  const std::string path = two_tensors();
  const StateDict state_dict = open_checkpoint(path);
  for (const std::string& name : state_dict.names()) {
    const LoadedTensor loaded = state_dict.tensor(name);
    const auto [file, offset] = mapped_from(loaded.tensor.const_data_ptr());
    EXPECT_EQ(file, path);
    EXPECT_EQ(offset, static_cast<std::uint64_t>(state_dict.info(name).offset));
    EXPECT_EQ(loaded.copied, "");
  }
}

TEST(StateDict, TwoCallsAlias) {
  const StateDict state_dict = open_checkpoint(two_tensors());
  at::Tensor first = state_dict.tensor("a").tensor;
  const at::Tensor second = state_dict.tensor("a").tensor;
  first[1][2] = 42.0;
  EXPECT_EQ(second[1][2].item<float>(), 42.0f);
}

TEST(StateDict, WritingToATensorDoesNotReachTheFile) {
  const std::string path = two_tensors();
  const std::string before = testing::read_file(path);
  open_checkpoint(path).tensor("a").tensor.fill_(7.0);
  EXPECT_EQ(testing::read_file(path), before);
  EXPECT_EQ(open_checkpoint(path).tensor("a").tensor[0][1].item<float>(), 1.0f);
}

TEST(StateDict, TensorKeepsTheMappingAliveAndLetsGoOfIt) {
  at::Tensor tensor = open_checkpoint(two_tensors()).tensor("a").tensor;
  const void* address = tensor.const_data_ptr();
  EXPECT_EQ(tensor.sum().item<float>(), 15.0f);
  EXPECT_NE(mapped_from(address).first.find("two.ckpt"), std::string::npos);
  tensor = at::Tensor();
  EXPECT_EQ(mapped_from(address).first.find("two.ckpt"), std::string::npos);
}

TEST(StateDict, MisalignedTensorIsCopiedAndSaysWhy) {
  const StateDict state_dict = open_checkpoint(misaligned_file());
  const LoadedTensor loaded = state_dict.tensor("w");
  EXPECT_NE(loaded.copied.find("misaligned offset"), std::string::npos) << loaded.copied;
  EXPECT_NE(loaded.copied.find("4-byte"), std::string::npos) << loaded.copied;
  EXPECT_EQ(loaded.tensor[0].item<float>(), 1.0f);
  EXPECT_EQ(loaded.tensor[1].item<float>(), 2.0f);
  EXPECT_EQ(mapped_from(loaded.tensor.const_data_ptr()).first.find("misaligned"), std::string::npos);
}

TEST(StateDict, BoolBytesOtherThanZeroAndOneAreMadeTrue) {
  const std::string header = R"({"m":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})";
  const StateDict state_dict = open_checkpoint(write_file("bool", safetensors_bytes(header, "\0\1\xff"sv)));
  const LoadedTensor loaded = state_dict.tensor("m");
  EXPECT_NE(loaded.copied, "");
  EXPECT_EQ(static_cast<const std::uint8_t*>(loaded.tensor.const_data_ptr())[2], 1);
  EXPECT_EQ(loaded.tensor.sum().item<std::int64_t>(), 2);
}

TEST(StateDict, MissingNameIsToldWithTheFile) {
  const StateDict state_dict = open_checkpoint(two_tensors());
  EXPECT_FALSE(state_dict.contains("c"));
  try {
    state_dict.info("c");
    FAIL() << "no error";
  } catch (const CheckpointError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("two.ckpt"), std::string::npos) << text;
    EXPECT_NE(text.find("'c'"), std::string::npos) << text;
  }
  EXPECT_THROW(state_dict.tensor("c"), CheckpointError);
}

TEST(StateDict, InfoTellsShapeTypeAndSize) {
  const StateDict state_dict = open_checkpoint(two_tensors());
  const TensorInfo& info = state_dict.info("a");
  EXPECT_EQ(info.dtype, c10::ScalarType::Float);
  EXPECT_EQ(info.sizes, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(info.strides, (std::vector<std::int64_t>{3, 1}));
  EXPECT_EQ(info.numel(), 6);
  EXPECT_EQ(info.span(), 6);
  EXPECT_EQ(info.nbytes(), 24);
  EXPECT_EQ(info.offset % 64, 0);
}

TEST(StateDict, CopiesShareAndManyThreadsMayAsk) {
  const StateDict state_dict = open_checkpoint(ldm::testing::golden_path("nano_ema_only_f16.ckpt"));
  std::vector<std::uint64_t> sums(4);
  std::vector<std::thread> threads;
  for (std::uint64_t& sum : sums) {
    threads.emplace_back([copy = state_dict, &sum] { sum = testing::touch_everything(copy); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(sums[0], 0u);
  for (const std::uint64_t sum : sums) EXPECT_EQ(sum, sums[0]);
}

}  // namespace
}  // namespace ldm::checkpoint
