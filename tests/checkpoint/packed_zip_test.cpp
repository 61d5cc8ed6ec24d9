#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/checkpoint/zip_contents.h"
#include "ldm/checkpoint/zip_format.h"
#include "tests/checkpoint/checkpoint_test_util.h"

namespace ldm::checkpoint {
namespace {

using testing::deflated;
using testing::error_of_bytes;
using testing::state_dict_pickle;
using testing::tensor_opcodes;
using testing::text_opcodes;
using testing::write_file;
using testing::zip_of_items;
using testing::ZipItem;
using namespace std::string_literals;
using namespace std::string_view_literals;

/// Four floats 1, 2, 3, 4.
const std::string kFloats = "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40"s;

/// {"state_dict": {"w": all four floats}}.
ZipItem pickle_item() {
  return deflated("r/data.pkl", state_dict_pickle(tensor_opcodes("0", 4, "K\0K\4\x85K\1\x85"sv)));
}

StateDict open_items(const std::vector<ZipItem>& items) {
  return open_checkpoint(write_file("packed.ckpt", zip_of_items(items)));
}

/// The error for a file whose storage is this entry.
std::string error_with(const ZipItem& storage) {
  return error_of_bytes(zip_of_items({pickle_item(), storage}));
}

TEST(PackedZip, CompressedFilesAreRead) {
  const StateDict state_dict = open_items({pickle_item(), deflated("r/data/0", kFloats)});
  EXPECT_TRUE(state_dict.info("w").packed);
  const LoadedTensor loaded = state_dict.tensor("w");
  EXPECT_TRUE(at::equal(loaded.tensor, at::arange(1, 5, at::kFloat)));
  EXPECT_EQ(loaded.copied, "compressed in the file");
}

TEST(PackedZip, TensorsOutliveTheStateDict) {
  at::Tensor tensor;
  {
    const StateDict state_dict = open_items({pickle_item(), deflated("r/data/0", kFloats)});
    tensor = state_dict.tensor("w").tensor;
  }
  EXPECT_TRUE(at::equal(tensor, at::arange(1, 5, at::kFloat)));
}

TEST(PackedZip, TensorsOfOneStorageShareItsMemory) {
  const std::string pickle = "}(" + text_opcodes("a") + tensor_opcodes("0", 4, "K\0K\2\x85K\1\x85"sv) +
                             text_opcodes("b") + tensor_opcodes("0", 4, "K\2K\2\x85K\1\x85"sv) + "u.";
  const StateDict state_dict = open_items({deflated("r/data.pkl", pickle), deflated("r/data/0", kFloats)});
  const at::Tensor a = state_dict.tensor("a").tensor;
  const at::Tensor b = state_dict.tensor("b").tensor;
  EXPECT_EQ(static_cast<const float*>(a.const_data_ptr()) + 2, b.const_data_ptr());
  EXPECT_EQ(b[0].item<float>(), 3.0f);
}

TEST(PackedZip, StoredAndPackedEntriesMayStandSideBySide) {
  ZipItem storage = deflated("r/data/0", kFloats);
  storage.packed = kFloats;
  storage.method = zip::kStored;
  const StateDict state_dict = open_items({pickle_item(), storage});
  EXPECT_FALSE(state_dict.info("w").packed);
  EXPECT_EQ(state_dict.tensor("w").tensor[3].item<float>(), 4.0f);
}

TEST(PackedZip, ChecksReadCompressedEntriesInPieces) {
  const std::string large(std::size_t{9} << 20, 'a');
  const StateDict state_dict =
      open_items({pickle_item(), deflated("r/data/0", kFloats), deflated("r/other", large)});
  ASSERT_EQ(state_dict.checks().size(), 3u);
  for (const FileCheck& check : state_dict.checks()) EXPECT_NO_THROW(check.run()) << check.what;
  ZipItem wrong = deflated("r/other", large);
  wrong.crc ^= 1;
  const StateDict damaged = open_items({pickle_item(), deflated("r/data/0", kFloats), wrong});
  EXPECT_NO_THROW(damaged.checks()[1].run());
  EXPECT_THROW(damaged.checks()[2].run(), CheckpointError);
}

TEST(PackedZip, MoreOrFewerBytesThanPromisedAreRefused) {
  ZipItem short_one = deflated("r/data/0", kFloats.substr(1));
  short_one.size = 16;
  EXPECT_NE(error_with(short_one).find("expected 16 bytes once unpacked, got 15"), std::string::npos);
  ZipItem long_one = deflated("r/data/0", kFloats + "x");
  long_one.size = 16;
  EXPECT_NE(error_with(long_one).find("16 bytes once unpacked and nothing behind them"), std::string::npos);
  ZipItem extra = deflated("r/data/0", kFloats);
  extra.packed += "x";
  EXPECT_NE(error_with(extra).find("nothing behind them, got more"), std::string::npos);
  ZipItem cut = deflated("r/data/0", kFloats);
  cut.packed.pop_back();
  EXPECT_NE(error_with(cut).find("goes on behind its packed bytes"), std::string::npos) << error_with(cut);
}

TEST(PackedZip, DamagedBytesAreRefused) {
  ZipItem wrong_crc = deflated("r/data/0", kFloats);
  wrong_crc.crc ^= 1;
  EXPECT_NE(error_with(wrong_crc).find("CRC-32"), std::string::npos);
  ZipItem no_stream = deflated("r/data/0", kFloats);
  no_stream.packed[0] = '\x07';  // a block of the type that does not exist
  EXPECT_NE(error_with(no_stream).find("expected a whole deflate stream, got damaged bytes"),
            std::string::npos)
      << error_with(no_stream);
}

TEST(PackedZip, OtherMethodsAreRefused) {
  for (const std::uint16_t method : {std::uint16_t{12}, std::uint16_t{14}, std::uint16_t{93}}) {
    ZipItem storage = deflated("r/data/0", kFloats);
    storage.method = method;
    EXPECT_NE(error_with(storage).find("compression method " + std::to_string(method)), std::string::npos);
  }
}

TEST(PackedZip, BombsAreRefusedByTheirPromise) {
  ZipItem impossible = deflated("r/data/0", kFloats);
  impossible.size = 1033 * static_cast<std::uint32_t>(impossible.packed.size());
  EXPECT_NE(error_with(impossible).find("a zip bomb"), std::string::npos) << error_with(impossible);
  // True zeros, which shrink a thousandfold: together more than a hundred times the file.
  const ZipItem zeros = deflated("r/z", std::string(std::size_t{1} << 24, '\0'));
  std::vector<ZipItem> items = {pickle_item(), deflated("r/data/0", kFloats), zeros};
  EXPECT_EQ(error_of_bytes(zip_of_items(items)), "");
  for (int i = 0; i < 3; ++i) {
    items.push_back(zeros);
    items.back().name += std::to_string(i);
  }
  EXPECT_NE(error_of_bytes(zip_of_items(items)).find("a zip bomb"), std::string::npos);
}

TEST(PackedZip, EveryByteChangedLoadsOrIsRefused) {
  const std::string whole = zip_of_items({pickle_item(), deflated("r/data/0", kFloats)});
  ASSERT_EQ(error_of_bytes(whole), "");
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0x08, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      ASSERT_NO_THROW(refused += error_of_bytes(damaged).empty() ? 0 : 1)
          << "byte " << at << " mask " << mask;
    }
    EXPECT_NE(error_of_bytes(whole.substr(0, at)), "") << at;
  }
  EXPECT_GT(refused, 500u);
}

}  // namespace
}  // namespace ldm::checkpoint
