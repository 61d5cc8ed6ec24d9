#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace ldm::data {

/// Which items make which batch: the RandomSampler (or SequentialSampler), BatchSampler and
/// DistributedSampler of torch.utils.data in one, but without a state. The order of an epoch depends on the
/// seed and the number of the epoch alone, so training resumes at any batch of any epoch.
///
/// With several ranks, which must be given the same seed, the positions of an epoch's order are dealt out in
/// turn: rank r gets r, r + world_size, ... They are padded by wrapping round, so that all ranks have the
/// same number. Copies share what they remember; any number of threads may use one.
class BatchSampler {
 public:
  /// `size` items, at least 1; `batch_size` of them for each rank in a batch; with `drop_last` a last batch
  /// that would be smaller is left out. Throws std::invalid_argument for numbers out of range, and if there
  /// would be no batch at all.
  BatchSampler(std::int64_t size, std::int64_t batch_size, std::uint64_t seed, bool shuffle,
               bool drop_last = false, std::int64_t rank = 0, std::int64_t world_size = 1);

  std::int64_t size() const { return size_; }

  /// Batches that this rank gets in an epoch; the same for all ranks.
  std::int64_t batches_per_epoch() const { return batches_; }

  /// The items of batch `index` of an epoch: `batch_size` of them, or fewer in the last batch. Throws
  /// std::invalid_argument for an epoch below 0 or an index that there is not.
  std::vector<std::int64_t> batch(std::int64_t epoch, std::int64_t index) const;

  /// The places of these items in the order of the epoch, over all ranks: 0 <= position, and from size() on
  /// for those that pad. Throws as batch does.
  std::vector<std::int64_t> positions(std::int64_t index) const;

  /// The item at a position >= 0 of an epoch's order, which begins anew after size() positions.
  std::int64_t item(std::int64_t epoch, std::int64_t position) const;

 private:
  /// The orders used last: of two epochs, since batches are prepared across the end of one.
  struct Orders {
    std::mutex mutex;
    std::array<std::int64_t, 2> epochs{-1, -1};
    std::array<at::Tensor, 2> orders;
  };
  at::Tensor order(std::int64_t epoch) const;

  std::int64_t size_, batch_size_;
  std::uint64_t seed_;
  bool shuffle_;
  std::int64_t rank_, world_size_;
  std::int64_t own_ = 0, batches_ = 0;
  std::shared_ptr<Orders> orders_ = std::make_shared<Orders>();
};

}  // namespace ldm::data
