#include "ldm/data/item_reader.h"

#include <algorithm>

#include "ldm/data/seeds.h"
#include "ldm/files/error.h"

namespace ldm::data {

ReadItem ItemReader::read(std::int64_t epoch, std::int64_t position) const {
  ReadItem item;
  const std::int64_t tries = std::min(kMostTries, dataset_->size());
  for (std::int64_t i = 0; i < tries; ++i) {
    item.index = sampler_.item(epoch, position + i);
    at::Generator random = make_generator(
        mix_seeds({seed_, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(position)}));
    try {
      item.example = dataset_->get(item.index, random);
      return item;
    } catch (const files::FileError& error) {  // ImageErrors are such, too
      item.passed_over.push_back({dataset_->name_of(item.index), error.what()});
    }
  }
  throw files::FileError("expected images that can be read, got " + std::to_string(tries) +
                         " in a row that cannot, the first: " + item.passed_over.front().message);
}

}  // namespace ldm::data
