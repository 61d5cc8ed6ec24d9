#include "ldm/checkpoint/zip_plan.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/pickle_writer.h"
#include "tests/checkpoint/checkpoint_test_util.h"
#include "tests/support/paths.h"

namespace ldm::checkpoint {
namespace {

constexpr std::int64_t kHuge = (std::int64_t{1} << 32) + 8;  // bytes: more than 32 bits tell

TEST(ZipPlan, DataIsAlignedAndDoesNotOverlap) {
  ZipPlan plan;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    plan.add(std::string(i, 'n'), i * 7);
    EXPECT_EQ(plan.header_offset(i), end);
    EXPECT_EQ(plan.header_offset(i) + plan.local_header(i, 0).size(), plan.data_offset(i));
    EXPECT_EQ(plan.data_offset(i) % 64, 0u);
    end = plan.data_offset(i) + i * 7;
  }
  EXPECT_EQ(plan.directory_offset(), end);
}

TEST(ZipPlan, NamesAreLimited) {
  ZipPlan plan;
  EXPECT_EQ(plan.add(std::string(65535, 'n'), 1), 0u);
  EXPECT_THROW(plan.add(std::string(65536, 'n'), 1), CheckpointError);
}

/// A file of more than 8 GiB of which almost all are holes: two tensors of over 4 GiB each and a small one
/// behind.
TEST(ZipPlan, FilesAndEntriesBeyondFourGibibytes) {
  const std::vector<NamedTensorSource> sources = {{"big", at::kLong, {kHuge / 8}, nullptr},
                                                  {"bigger", at::kByte, {2, kHuge / 2}, nullptr},
                                                  {"last", at::kByte, {4}, nullptr}};
  const std::string pickle = make_ckpt_pickle(CkptValue::dict().add("state_dict", CkptValue::dict(sources)));
  ZipPlan plan;
  plan.add("a/data.pkl", pickle.size());
  for (std::size_t i = 0; i < 3; ++i) plan.add("a/data/" + std::to_string(i), i < 2 ? kHuge : 4);
  std::vector<std::uint32_t> crcs(4, 0);
  crcs[0] =
      static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(pickle.data()), pickle.size()));

  const std::string path = ldm::testing::temp_dir() + "/huge.ckpt";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  const auto put = [fd](std::uint64_t offset, const std::string& bytes) {
    ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
  };
  for (std::size_t i = 0; i < 4; ++i) put(plan.header_offset(i), plan.local_header(i, crcs[i]));
  put(plan.data_offset(0), pickle);
  put(plan.data_offset(1) + kHuge - 8, std::string("\x2a\0\0\0\0\0\0\0", 8));
  put(plan.data_offset(3), "\1\2\3\4");
  put(plan.directory_offset(), plan.directory(crcs));
  ::close(fd);

  const StateDict state_dict = open_checkpoint(path);
  EXPECT_GT(state_dict.info("last").offset, 2 * kHuge);
  EXPECT_EQ(state_dict.tensor("big").tensor[kHuge / 8 - 1].item<std::int64_t>(), 42);
  EXPECT_EQ(state_dict.tensor("bigger").tensor[1][5].item<int>(), 0);
  EXPECT_EQ(state_dict.tensor("last").tensor[3].item<int>(), 4);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace ldm::checkpoint
