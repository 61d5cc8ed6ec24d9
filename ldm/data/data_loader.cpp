#include "ldm/data/data_loader.h"

#include <stdexcept>

#include "ldm/data/one_thread.h"
#include "ldm/files/error.h"

namespace ldm::data {
namespace {

std::int64_t checked(const char* name, std::int64_t value, std::int64_t least) {
  if (value >= least && value <= 4096) return value;
  throw std::invalid_argument(std::string("expected ") + name + " between " + std::to_string(least) +
                              " and 4096, got " + std::to_string(value));
}

}  // namespace

struct DataLoader::Work {
  std::int64_t epoch, index;
  std::vector<std::int64_t> positions;
  std::vector<ReadItem> items;             // by place
  std::vector<std::exception_ptr> errors;  // by place
  std::size_t taken = 0, read = 0;         // number of places
  bool ready = false;
  Batch batch;
  std::exception_ptr error;
};

DataLoader::DataLoader(std::shared_ptr<const Dataset> dataset, BatchSampler sampler, std::uint64_t seed,
                       std::int64_t num_workers, std::int64_t prefetch, OnBadItem on_bad_item)
    : dataset_(std::move(dataset)),
      sampler_(std::move(sampler)),
      reader_(dataset_, sampler_, seed),
      num_workers_(static_cast<std::size_t>(checked("num_workers", num_workers, 0))),
      prefetch_(static_cast<std::size_t>(checked("prefetch", prefetch, 1))),
      on_bad_item_(std::move(on_bad_item)) {
  if (sampler_.size() == dataset_->size()) return;
  throw std::invalid_argument("expected a sampler of the dataset's " + std::to_string(dataset_->size()) +
                              " items, got one of " + std::to_string(sampler_.size()));
}

DataLoader::~DataLoader() {
  stop();
}

void DataLoader::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  works_.clear();
  worker_failure_ = nullptr;
  stopping_ = false;
}

void DataLoader::start(std::int64_t epoch, std::int64_t batch_index) {
  sampler_.positions(batch_index);  // which checks it
  if (epoch < 0) throw std::invalid_argument("expected an epoch of at least 0, got " + std::to_string(epoch));
  stop();
  next_epoch_ = epoch;
  next_index_ = batch_index;
  tried_ = bad_ = 0;
  first_bad_.clear();
  started_ = true;
  for (std::size_t i = 0; i < num_workers_; ++i) workers_.emplace_back([this] { run_worker(); });
}

void DataLoader::begin_work() {
  auto work = std::make_shared<Work>();
  work->epoch = next_epoch_;
  work->index = next_index_;
  work->positions = sampler_.positions(next_index_);
  work->items.resize(work->positions.size());
  work->errors.resize(work->positions.size());
  works_.push_back(std::move(work));
  if (++next_index_ < sampler_.batches_per_epoch()) return;
  next_index_ = 0;
  ++next_epoch_;
}

bool DataLoader::can_take_place() const {
  const bool one_is_left = !works_.empty() && works_.back()->taken < works_.back()->positions.size();
  return one_is_left || works_.size() < prefetch_;
}

std::pair<std::shared_ptr<DataLoader::Work>, std::size_t> DataLoader::take_place() {
  if (works_.empty() || works_.back()->taken == works_.back()->positions.size()) begin_work();
  return {works_.back(), works_.back()->taken++};
}

void DataLoader::read_place(Work& work, std::size_t place) const {
  try {
    work.items[place] = reader_.read(work.epoch, work.positions[place]);
  } catch (...) {
    work.errors[place] = std::current_exception();
  }
}

void DataLoader::finish(Work& work) const {
  for (const std::exception_ptr& error : work.errors) {
    if (error && !work.error) work.error = error;
  }
  if (work.error) return;
  try {
    std::vector<Example> examples;
    std::vector<std::string> names;
    for (ReadItem& item : work.items) {
      examples.push_back(std::move(item.example));
      names.push_back(dataset_->name_of(item.index));
      work.batch.indices.push_back(item.index);
    }
    work.batch.fields = collate(examples, names);
    work.batch.epoch = work.epoch;
    work.batch.index = work.index;
  } catch (...) {
    work.error = std::current_exception();
  }
}

void DataLoader::make_work_here() {
  begin_work();
  Work& work = *works_.back();
  for (std::size_t place = 0; place < work.positions.size(); ++place) read_place(work, place);
  finish(work);
  work.ready = true;
}

void DataLoader::run_worker() {
  try {
    keep_aten_on_this_thread();
    serve_until_stopped();
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    worker_failure_ = std::current_exception();
  }
  changed_.notify_all();
}

void DataLoader::serve_until_stopped() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || can_take_place(); });
    if (stopping_) return;
    const auto [work, place] = take_place();
    lock.unlock();
    read_place(*work, place);
    lock.lock();
    if (++work->read < work->positions.size()) continue;
    lock.unlock();
    finish(*work);
    lock.lock();
    work->ready = true;
    changed_.notify_all();
  }
}

std::shared_ptr<DataLoader::Work> DataLoader::wait_for_first() {
  if (num_workers_ == 0 && works_.empty()) make_work_here();
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return worker_failure_ || (!works_.empty() && works_.front()->ready); });
  if (worker_failure_) std::rethrow_exception(worker_failure_);
  return works_.front();
}

Batch DataLoader::next() {
  if (!started_) start(0, 0);
  const std::shared_ptr<Work> work = wait_for_first();
  if (!work->error) count_bad_items(*work);
  if (work->error) std::rethrow_exception(work->error);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    works_.pop_front();
  }
  changed_.notify_all();
  return std::move(work->batch);
}

void DataLoader::count_bad_items(Work& work) {
  for (const ReadItem& item : work.items) {
    tried_ += 1 + static_cast<std::int64_t>(item.passed_over.size());
    bad_ += static_cast<std::int64_t>(item.passed_over.size());
    for (const BadItem& bad : item.passed_over) {
      if (first_bad_.empty()) first_bad_ = bad.message;
      if (reported_.insert(bad.name).second && on_bad_item_) on_bad_item_(bad.message);
    }
  }
  if (tried_ < ItemReader::kMostTries || 2 * bad_ <= tried_) return;
  work.error = std::make_exception_ptr(
      files::FileError("expected images that can be read, got " + std::to_string(bad_) + " of " +
                       std::to_string(tried_) + " tried that cannot, the first: " + first_bad_));
}

}  // namespace ldm::data
