#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ldm/data/batch_sampler.h"
#include "ldm/data/dataset.h"

namespace ldm::data {

/// An item that could not be read.
struct BadItem {
  std::string name;     ///< Dataset::name_of
  std::string message;  ///< of what was thrown
};

/// What stands at a position of an epoch.
struct ReadItem {
  Example example;
  std::int64_t index = 0;            ///< in the dataset
  std::vector<BadItem> passed_over;  ///< those that came first but could not be read
};

/// Reads what stands at a position of an epoch's order: the item there, or, while one cannot be read, the
/// next in that order. A function of the arguments alone, so results do not depend on who reads what when.
/// Several threads may use one reader.
class ItemReader {
 public:
  /// Items in a row that may be unreadable before reading fails.
  static constexpr std::int64_t kMostTries = 16;

  ItemReader(std::shared_ptr<const Dataset> dataset, BatchSampler sampler, std::uint64_t seed)
      : dataset_(std::move(dataset)), sampler_(std::move(sampler)), seed_(seed) {}

  /// Every random choice comes from a generator that is seeded by (seed, epoch, position). Throws
  /// files::FileError with the first item's message if none of kMostTries items (or none of the whole
  /// dataset) can be read; passes on at once whatever else the dataset throws.
  ReadItem read(std::int64_t epoch, std::int64_t position) const;

 private:
  std::shared_ptr<const Dataset> dataset_;
  BatchSampler sampler_;
  std::uint64_t seed_;
};

}  // namespace ldm::data
