#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ldm/data/batch.h"
#include "ldm/data/batch_sampler.h"
#include "ldm/data/dataset.h"
#include "ldm/data/item_reader.h"

namespace ldm::data {

/// The batches of a dataset one after another, epoch after epoch without an end: torch.utils.data.DataLoader
/// with threads. What it gives depends on the dataset, the sampler, the seed and where it starts, not on the
/// number of workers and not on timing.
///
/// Workers read single items (so a batch is ready as soon as may be) and run ATen's operations on their own
/// thread alone; without workers `next` reads in the caller's thread. Up to `prefetch` batches are in memory
/// besides the one that the caller has.
///
/// An item that cannot be read (files::FileError, ImageError) is passed over, as ItemReader does. Reading
/// gives up, with a files::FileError that quotes the first of them, when ItemReader::kMostTries in a row
/// cannot be read, or, from as many items on, more than half of those tried since the start.
///
/// The functions are for one thread at a time.
class DataLoader {
 public:
  /// Called by `next`, in its thread, once for each name of an item that cannot be read, with the message.
  using OnBadItem = std::function<void(const std::string& message)>;

  /// `seed` is that of the items' random choices (the sampler has one of its own). `num_workers` threads, or
  /// 0; `prefetch` at least 1, of no account without workers. Threads begin with `start`. Throws
  /// std::invalid_argument for numbers out of range and for a sampler of another size than the dataset.
  DataLoader(std::shared_ptr<const Dataset> dataset, BatchSampler sampler, std::uint64_t seed,
             std::int64_t num_workers = 0, std::int64_t prefetch = 2, OnBadItem on_bad_item = {});
  /// Waits for items that are being read.
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  const BatchSampler& sampler() const { return sampler_; }

  /// The next batch will be `batch_index` of `epoch`; whatever was prepared is dropped. Throws
  /// std::invalid_argument for a place that there is not.
  void start(std::int64_t epoch, std::int64_t batch_index);

  /// The next batch; the first of epoch 0 if nothing was started. Throws what reading its items or putting
  /// them together threw, and again at each further call: the place does not move on.
  Batch next();

 private:
  struct Work;  // a batch that is being made

  void begin_work();
  bool can_take_place() const;
  std::pair<std::shared_ptr<Work>, std::size_t> take_place();
  void read_place(Work& work, std::size_t place) const;
  void finish(Work& work) const;
  void make_work_here();
  void run_worker();
  void serve_until_stopped();
  void stop();
  std::shared_ptr<Work> wait_for_first();
  void count_bad_items(Work& work);

  const std::shared_ptr<const Dataset> dataset_;
  const BatchSampler sampler_;
  const ItemReader reader_;
  const std::size_t num_workers_, prefetch_;
  const OnBadItem on_bad_item_;

  std::mutex mutex_;  // of what the workers share
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Work>> works_;  // in order; only the last can have places that nobody has taken
  std::int64_t next_epoch_ = 0, next_index_ = 0;  // of the batch to begin next
  bool stopping_ = false;
  std::exception_ptr worker_failure_;

  bool started_ = false;
  std::vector<std::thread> workers_;
  std::int64_t tried_ = 0, bad_ = 0;
  std::string first_bad_;
  std::set<std::string> reported_;
};

}  // namespace ldm::data
