#include "ldm/data/data_loader.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>

#include "ldm/data/error.h"
#include "ldm/data/one_thread.h"
#include "ldm/data/seeds.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ::testing::HasSubstr;
using Items = std::vector<std::int64_t>;

/// Items without files: an image of the index and a random number. Some cannot be read.
class Numbers : public Dataset {
 public:
  explicit Numbers(std::int64_t size, std::set<std::int64_t> bad = {}) : size_(size), bad_(std::move(bad)) {}

  std::int64_t size() const override { return size_; }
  Example get(std::int64_t index, at::Generator& random) const override {
    ++reads;
    // Items become ready in another order than they are begun.
    std::this_thread::sleep_for(std::chrono::microseconds(index % 3 * 300));
    if (bad_.count(index) > 0) throw ImageError("'" + name_of(index) + "' is damaged");
    if (index == broken) throw std::logic_error("a fault");
    if (threads_seen_by_aten != nullptr) threads_seen_by_aten->store(at::get_num_threads());
    const std::int64_t height = index == tall ? 3 : 2;
    at::Tensor image = at::full({height, 2, 3}, static_cast<float>(index));
    image[0][0][0] = draw_uniform(random);
    return {{"image", image}, {"caption", name_of(index)}};
  }
  std::string name_of(std::int64_t index) const override { return "item" + std::to_string(index); }
  bool has_fixed_images() const override { return false; }
  std::string fingerprint() const override { return ""; }

  std::int64_t broken = -1, tall = -1;
  std::atomic<int>* threads_seen_by_aten = nullptr;
  mutable std::atomic<int> reads{0};

 private:
  std::int64_t size_;
  std::set<std::int64_t> bad_;
};

bool same(const Batch& a, const Batch& b) {
  return a.epoch == b.epoch && a.index == b.index && a.indices == b.indices &&
         a.texts("caption") == b.texts("caption") && at::equal(a.tensor("image"), b.tensor("image"));
}

std::vector<Batch> take(DataLoader& loader, int count) {
  std::vector<Batch> batches;
  for (int i = 0; i < count; ++i) batches.push_back(loader.next());
  return batches;
}

void expect_same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(same(a[i], b[i])) << i;
}

/// Two in seven items are bad.
std::shared_ptr<Numbers> some_bad() {
  return std::make_shared<Numbers>(21, std::set<std::int64_t>{2, 3, 9, 10, 16, 17});
}

TEST(DataLoader, GivesBatchesInOrderAcrossEpochs) {
  DataLoader loader(std::make_shared<Numbers>(10), BatchSampler(10, 4, 1, true), 1);
  const BatchSampler sampler(10, 4, 1, true);
  for (std::int64_t i = 0; i < 8; ++i) {
    const Batch batch = loader.next();
    EXPECT_EQ(batch.epoch, i / 3);
    EXPECT_EQ(batch.index, i % 3);
    EXPECT_EQ(batch.indices, sampler.batch(i / 3, i % 3));
    ASSERT_EQ(batch.tensor("image").sizes(), (at::IntArrayRef{batch.size(), 2, 2, 3}));
    for (std::int64_t k = 0; k < batch.size(); ++k) {
      EXPECT_EQ(batch.tensor("image")[k][1][1][2].item<float>(), static_cast<float>(batch.indices[k]));
    }
  }
}

class Workers : public ::testing::TestWithParam<std::pair<int, int>> {};

TEST_P(Workers, ChangeNothing) {
  const auto& [num_workers, prefetch] = GetParam();
  DataLoader alone(some_bad(), BatchSampler(21, 4, 1, true), 7);
  DataLoader loader(some_bad(), BatchSampler(21, 4, 1, true), 7, num_workers, prefetch);
  expect_same(take(loader, 20), take(alone, 20));
}

TEST_P(Workers, MayBeStartedAnywhereAndAgain) {
  const auto& [num_workers, prefetch] = GetParam();
  DataLoader whole(some_bad(), BatchSampler(21, 4, 1, true), 7);
  const std::vector<Batch> all = take(whole, 14);
  DataLoader loader(some_bad(), BatchSampler(21, 4, 1, true), 7, num_workers, prefetch);
  for (const std::int64_t from : {8, 3}) {
    loader.start(from / 6, from % 6);
    expect_same(take(loader, 6), {all.begin() + from, all.begin() + from + 6});
  }
}

INSTANTIATE_TEST_SUITE_P(Counts, Workers,
                         ::testing::Values(std::pair(0, 1), std::pair(1, 1), std::pair(1, 3), std::pair(4, 1),
                                           std::pair(4, 2), std::pair(7, 9)));

TEST(DataLoader, RandomChoicesDifferBetweenItemsEpochsAndSeeds) {
  std::set<float> drawn;
  for (const std::uint64_t seed : {1, 2}) {
    DataLoader loader(std::make_shared<Numbers>(6), BatchSampler(6, 3, 1, false), seed);
    for (const Batch& batch : take(loader, 4)) {
      for (std::int64_t k = 0; k < 3; ++k) drawn.insert(batch.tensor("image")[k][0][0][0].item<float>());
    }
  }
  EXPECT_EQ(drawn.size(), 24u);
}

TEST(DataLoader, WorkersKeepAtenOnTheirOwnThread) {
  std::atomic<int> seen{0};
  const int before = at::get_num_threads();
  auto dataset = std::make_shared<Numbers>(6);
  dataset->threads_seen_by_aten = &seen;
  DataLoader(dataset, BatchSampler(6, 3, 1, false), 1, 1).next();
  EXPECT_EQ(seen, 1);
  DataLoader(dataset, BatchSampler(6, 3, 1, false), 1, 0).next();
  EXPECT_EQ(seen, before) << "without workers, the caller's setting holds";
}

TEST(KeepAtenOnThisThread, LeavesOtherThreadsAlone) {
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  int here = 0, in_a_later_thread = 0;
  std::thread([&] {
    keep_aten_on_this_thread();
    here = at::get_num_threads();
  }).join();
  std::thread([&] { in_a_later_thread = at::get_num_threads(); }).join();
  EXPECT_EQ(here, 1);
  EXPECT_EQ(in_a_later_thread, 3);
  EXPECT_EQ(at::get_num_threads(), 3);
  at::set_num_threads(before);
}

TEST(DataLoader, WorkersGoNoFurtherThanPrefetch) {
  auto dataset = std::make_shared<Numbers>(100);
  DataLoader loader(dataset, BatchSampler(100, 5, 1, false), 1, 3, 2);
  loader.start(0, 0);
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(dataset->reads, 15);
}

TEST(DataLoader, ABadItemIsReplacedByTheNextOfTheEpochAndToldOnce) {
  for (const int num_workers : {0, 3}) {
    std::vector<std::string> told;
    DataLoader loader(std::make_shared<Numbers>(10, std::set<std::int64_t>{3, 9}),
                      BatchSampler(10, 5, 1, false), 1, num_workers, 2,
                      [&](const std::string& message) { told.push_back(message); });
    EXPECT_EQ(loader.next().indices, (Items{0, 1, 2, 4, 4}));
    EXPECT_EQ(told, (std::vector<std::string>{"'item3' is damaged"}));
    EXPECT_EQ(loader.next().indices, (Items{5, 6, 7, 8, 0})) << "after the last comes the first";
    EXPECT_EQ(loader.next().indices, (Items{0, 1, 2, 4, 4}));
    EXPECT_EQ(told, (std::vector<std::string>{"'item3' is damaged", "'item9' is damaged"}));
  }
}

TEST(DataLoader, SmallBatchesOutliveASingleBadItem) {
  DataLoader loader(std::make_shared<Numbers>(4, std::set<std::int64_t>{0}), BatchSampler(4, 1, 1, false), 1);
  EXPECT_EQ(loader.next().indices, (Items{1}));
}

TEST(DataLoader, GivesUpWhenManyInARowAreBad) {
  std::set<std::int64_t> bad;
  for (std::int64_t i = 1; i < 40; ++i) bad.insert(i);
  for (const int num_workers : {0, 3}) {
    auto dataset = std::make_shared<Numbers>(100, bad);
    DataLoader loader(dataset, BatchSampler(100, 2, 1, false), 1, num_workers);
    const auto message = [&] { return error_of<files::FileError>([&] { loader.next(); }); };
    EXPECT_EQ(message(),
              "expected images that can be read, got 16 in a row that cannot, the first: 'item1' is damaged");
    EXPECT_EQ(message(),
              "expected images that can be read, got 16 in a row that cannot, the first: 'item1' is damaged")
        << "it does not go on as if nothing were";
  }
}

TEST(DataLoader, GivesUpAtOnceWhereEveryItemIsBad) {
  DataLoader loader(std::make_shared<Numbers>(2, std::set<std::int64_t>{0, 1}), BatchSampler(2, 2, 1, false),
                    1);
  EXPECT_THAT(error_of<files::FileError>([&] { loader.next(); }), HasSubstr("got 2 in a row that cannot"));
}

TEST(DataLoader, GivesUpWhenMoreThanHalfOfThoseTriedAreBad) {
  std::set<std::int64_t> bad;
  for (std::int64_t i = 0; i < 60; ++i) {
    if (i % 4 != 3) bad.insert(i);
  }
  for (const int num_workers : {0, 3}) {
    DataLoader loader(std::make_shared<Numbers>(60, bad), BatchSampler(60, 4, 1, false), 1, num_workers);
    // Each batch tries 4 + 3 + 2 + 1 of them.
    EXPECT_EQ(loader.next().indices, (Items{3, 3, 3, 3})) << "too few to judge";
    EXPECT_EQ(
        error_of<files::FileError>([&] { loader.next(); }),
        "expected images that can be read, got 12 of 20 tried that cannot, the first: 'item0' is damaged");
  }
}

TEST(DataLoader, OtherExceptionsReachNext) {
  for (const int num_workers : {0, 3}) {
    auto dataset = std::make_shared<Numbers>(12);
    dataset->broken = 5;
    DataLoader loader(dataset, BatchSampler(12, 4, 1, false), 1, num_workers);
    EXPECT_EQ(loader.next().indices, (Items{0, 1, 2, 3}));
    EXPECT_EQ(error_of<std::logic_error>([&] { loader.next(); }), "a fault");
    EXPECT_EQ(error_of<std::logic_error>([&] { loader.next(); }), "a fault");
    loader.start(0, 2);
    EXPECT_EQ(loader.next().indices, (Items{8, 9, 10, 11}));
  }
}

TEST(DataLoader, ImagesOfDifferentSizesNameBoth) {
  auto dataset = std::make_shared<Numbers>(4);
  dataset->tall = 2;
  DataLoader loader(dataset, BatchSampler(4, 4, 1, false), 1, 2);
  EXPECT_THAT(
      error_of<ImageError>([&] { loader.next(); }),
      ::testing::AllOf(HasSubstr("'item0'"), HasSubstr("'item2'"), HasSubstr("set the dataset's size")));
}

TEST(DataLoader, MayBeLeftAtAnyTime) {
  auto dataset = std::make_shared<Numbers>(100);
  DataLoader unused(dataset, BatchSampler(100, 5, 1, true), 1, 3);
  EXPECT_EQ(dataset->reads, 0) << "threads begin with start";
  DataLoader busy(dataset, BatchSampler(100, 5, 1, true), 1, 3, 4);
  busy.start(0, 0);
}

TEST(DataLoader, RefusesNumbersOutOfRange) {
  const auto dataset = std::make_shared<Numbers>(10);
  const BatchSampler sampler(10, 5, 1, true);
  EXPECT_THROW(DataLoader(dataset, sampler, 1, -1), std::invalid_argument);
  EXPECT_THROW(DataLoader(dataset, sampler, 1, 1, 0), std::invalid_argument);
  EXPECT_THAT(error_of<std::invalid_argument>([&] { DataLoader(dataset, BatchSampler(9, 5, 1, true), 1); }),
              HasSubstr("a sampler of the dataset's 10 items, got one of 9"));
  DataLoader loader(dataset, sampler, 1);
  EXPECT_THROW(loader.start(0, 2), std::invalid_argument);
  EXPECT_THROW(loader.start(-1, 0), std::invalid_argument);
}

}  // namespace
}  // namespace ldm::data
