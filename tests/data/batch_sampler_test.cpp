#include "ldm/data/batch_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ::testing::HasSubstr;
using Items = std::vector<std::int64_t>;

Items epoch_of(const BatchSampler& sampler, std::int64_t epoch) {
  Items items;
  for (std::int64_t i = 0; i < sampler.batches_per_epoch(); ++i) {
    const Items batch = sampler.batch(epoch, i);
    items.insert(items.end(), batch.begin(), batch.end());
  }
  return items;
}

Items first_numbers(std::int64_t count) {
  Items numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(BatchSampler, InOrderWithoutShuffling) {
  const BatchSampler sampler(7, 3, 0, false);
  EXPECT_EQ(sampler.batches_per_epoch(), 3);
  EXPECT_EQ(sampler.batch(0, 0), (Items{0, 1, 2}));
  EXPECT_EQ(sampler.batch(5, 2), (Items{6}));
}

TEST(BatchSampler, EachItemOnceInEachEpochInAnotherOrder) {
  const BatchSampler sampler(50, 7, 3, true);
  std::vector<Items> orders;
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    orders.push_back(epoch_of(sampler, epoch));
    EXPECT_TRUE(std::is_permutation(orders.back().begin(), orders.back().end(), first_numbers(50).begin()));
    for (std::int64_t before = 0; before < epoch; ++before) {
      EXPECT_NE(orders.back(), orders[static_cast<std::size_t>(before)]);
    }
  }
  EXPECT_NE(epoch_of(BatchSampler(50, 7, 4, true), 0), orders[0]) << "another seed";
}

TEST(BatchSampler, AnyBatchCanBeAskedForAtAnyTime) {
  const BatchSampler sampler(50, 7, 3, true);
  const Items late = sampler.batch(9, 4);
  epoch_of(sampler, 1);
  EXPECT_EQ(sampler.batch(9, 4), late);
  EXPECT_EQ(BatchSampler(50, 7, 3, true).batch(9, 4), late) << "also in another process";
}

TEST(BatchSampler, DropLastLeavesOutASmallerBatch) {
  EXPECT_EQ(BatchSampler(7, 3, 0, true, true).batches_per_epoch(), 2);
  EXPECT_EQ(BatchSampler(6, 3, 0, true, true).batches_per_epoch(), 2);
  EXPECT_EQ(BatchSampler(6, 3, 0, true, false).batches_per_epoch(), 2);
}

TEST(BatchSampler, RanksShareThePositionsAsTorchsDistributedSampler) {
  // DistributedSampler(range(7), 3, rank, shuffle=False): [0, 3, 6], [1, 4, 0], [2, 5, 1].
  EXPECT_EQ(epoch_of(BatchSampler(7, 2, 0, false, false, 0, 3), 0), (Items{0, 3, 6}));
  EXPECT_EQ(epoch_of(BatchSampler(7, 2, 0, false, false, 1, 3), 0), (Items{1, 4, 0}));
  EXPECT_EQ(epoch_of(BatchSampler(7, 2, 0, false, false, 2, 3), 0), (Items{2, 5, 1}));
}

TEST(BatchSampler, RanksTogetherTakeEveryItem) {
  for (const std::int64_t size : {1, 2, 30, 31}) {
    std::map<std::int64_t, int> taken;
    for (std::int64_t rank = 0; rank < 4; ++rank) {
      const BatchSampler sampler(size, 3, 8, true, false, rank, 4);
      for (const std::int64_t item : epoch_of(sampler, 2)) ++taken[item];
      EXPECT_EQ(sampler.batches_per_epoch(), ((size + 3) / 4 + 2) / 3);
    }
    EXPECT_EQ(static_cast<std::int64_t>(taken.size()), size);
    if (size < 4) continue;
    for (const auto& [item, times] : taken) EXPECT_LE(times, 2) << item;
  }
}

TEST(BatchSampler, PositionsOfAllRanksDiffer) {
  Items positions;
  for (std::int64_t rank = 0; rank < 3; ++rank) {
    const BatchSampler sampler(7, 2, 0, true, false, rank, 3);
    for (std::int64_t i = 0; i < sampler.batches_per_epoch(); ++i) {
      for (const std::int64_t position : sampler.positions(i)) positions.push_back(position);
    }
  }
  std::sort(positions.begin(), positions.end());
  EXPECT_EQ(positions, first_numbers(9));
}

TEST(BatchSampler, ThreadsMayShareOne) {
  const BatchSampler sampler(200, 8, 1, true);
  std::vector<Items> expected, got(8);
  for (std::int64_t epoch = 0; epoch < 8; ++epoch)
    expected.push_back(epoch_of(BatchSampler(200, 8, 1, true), epoch));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] { got[i] = epoch_of(sampler, static_cast<std::int64_t>(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, expected);
}

TEST(BatchSampler, RefusesNumbersOutOfRange) {
  const auto error = [](auto... numbers) {
    return error_of<std::invalid_argument>([&] { BatchSampler sampler(numbers...); });
  };
  EXPECT_THAT(error(0, 1, 0u, true), HasSubstr("a dataset of at least 1 item, got 0"));
  EXPECT_THAT(error(5, 0, 0u, true), HasSubstr("a batch_size of at least 1, got 0"));
  EXPECT_THAT(error(5, 1, 0u, true, false, 2, 2), HasSubstr("a rank from 0 to 1, got 2"));
  EXPECT_THAT(error(5, 1, 0u, true, false, 0, 0), HasSubstr("a world_size of at least 1, got 0"));
  EXPECT_THAT(error(5, 4, 0u, true, true, 0, 2),
              HasSubstr("at least 4 items for each rank, one whole batch"));
  const BatchSampler sampler(5, 2, 0, true);
  EXPECT_THROW(sampler.batch(0, 3), std::invalid_argument);
  EXPECT_THROW(sampler.batch(-1, 0), std::invalid_argument);
}

}  // namespace
}  // namespace ldm::data
