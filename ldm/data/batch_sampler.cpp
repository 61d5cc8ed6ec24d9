#include "ldm/data/batch_sampler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ldm/data/seeds.h"

namespace ldm::data {
namespace {

void expect(bool condition, const std::string& expected, std::int64_t got) {
  if (condition) return;
  throw std::invalid_argument("BatchSampler: expected " + expected + ", got " + std::to_string(got));
}

}  // namespace

BatchSampler::BatchSampler(std::int64_t size, std::int64_t batch_size, std::uint64_t seed, bool shuffle,
                           bool drop_last, std::int64_t rank, std::int64_t world_size)
    : size_(size),
      batch_size_(batch_size),
      seed_(seed),
      shuffle_(shuffle),
      rank_(rank),
      world_size_(world_size) {
  expect(size >= 1, "a dataset of at least 1 item", size);
  expect(batch_size >= 1, "a batch_size of at least 1", batch_size);
  expect(world_size >= 1, "a world_size of at least 1", world_size);
  expect(rank >= 0 && rank < world_size, "a rank from 0 to " + std::to_string(world_size - 1), rank);
  own_ = (size - 1) / world_size + 1;
  batches_ = drop_last ? own_ / batch_size : (own_ - 1) / batch_size + 1;
  expect(batches_ >= 1,
         "at least " + std::to_string(batch_size) +
             " items for each rank, one whole batch (or a smaller batch_size, or drop_last false)",
         own_);
}

std::vector<std::int64_t> BatchSampler::positions(std::int64_t index) const {
  expect(index >= 0 && index < batches_, "a batch from 0 to " + std::to_string(batches_ - 1), index);
  const std::int64_t begin = index * batch_size_, end = std::min(begin + batch_size_, own_);
  std::vector<std::int64_t> places;
  for (std::int64_t own = begin; own < end; ++own) places.push_back(own * world_size_ + rank_);
  return places;
}

std::vector<std::int64_t> BatchSampler::batch(std::int64_t epoch, std::int64_t index) const {
  std::vector<std::int64_t> items = positions(index);
  for (std::int64_t& place : items) place = item(epoch, place);
  return items;
}

std::int64_t BatchSampler::item(std::int64_t epoch, std::int64_t position) const {
  expect(epoch >= 0, "an epoch of at least 0", epoch);
  expect(position >= 0, "a position of at least 0", position);
  const std::int64_t place = position % size_;
  return shuffle_ ? order(epoch).const_data_ptr<std::int64_t>()[place] : place;
}

at::Tensor BatchSampler::order(std::int64_t epoch) const {
  const auto slot = static_cast<std::size_t>(epoch % 2);
  const std::lock_guard<std::mutex> lock(orders_->mutex);
  if (orders_->epochs[slot] != epoch) {
    at::Generator random = make_generator(mix_seeds({seed_, static_cast<std::uint64_t>(epoch)}));
    orders_->orders[slot] = at::randperm(size_, random, at::TensorOptions(at::kLong));
    orders_->epochs[slot] = epoch;
  }
  return orders_->orders[slot];
}

}  // namespace ldm::data
