#include "ldm/experiments/result_folder.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "ldm/checkpoint/writer.h"
#include "ldm/experiments/record_file.h"
#include "ldm/files/error.h"
#include "ldm/files/input_file.h"
#include "ldm/files/output_file.h"
#include "ldm/files/output_folder.h"
#include "ldm/weights/sha256.h"

namespace ldm::experiments {
namespace {

namespace fs = std::filesystem;

constexpr const char* kImages = "images";
constexpr const char* kLatents = "latents";
constexpr const char* kRecords = "records";
constexpr std::uint64_t kLongestRecord = 1 << 20;
constexpr std::uint64_t kLongestPicture = std::uint64_t{1} << 32;

std::string record_name(const std::string& key) {
  return std::string(kRecords) + "/" + key + ".json";
}

}  // namespace

void ResultFolder::create() const {
  files::create_output_folder(path_);
  for (const char* name : {kImages, kLatents, kRecords}) files::create_output_folder(file(name));
}

void ResultFolder::remove_temporaries() const {
  for (const char* name : {".", kImages, kLatents, kRecords}) {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(file(name), ignored)) {
      if (files::is_temporary_name(entry.path().filename().string())) fs::remove(entry.path(), ignored);
    }
  }
}

std::string ResultFolder::file(const std::string& name) const {
  return files::join(path_, name);
}

std::optional<Record> ResultFolder::find(const std::string& key) const {
  const std::string path = file(record_name(key));
  if (!fs::exists(path)) return std::nullopt;
  try {
    Record record = read_record(files::read_file(path, "a record", kLongestRecord), path);
    const std::string png = files::read_file(file(record.picture), "a picture", kLongestPicture);
    const bool whole = record.key == key && weights::sha256_of(png) == record.picture_sha256 &&
                       (record.latents.empty() || fs::exists(file(record.latents)));
    return whole ? std::optional<Record>(std::move(record)) : std::nullopt;
  } catch (const files::FileError&) {
    return std::nullopt;
  }
}

Record ResultFolder::keep(Record record, std::string_view png, const at::Tensor& latents) const {
  record.picture = std::string(kImages) + "/" + record.key + ".png";
  record.picture_sha256 = weights::sha256_of(png);
  if (latents.defined()) {
    record.latents = std::string(kLatents) + "/" + record.key + ".safetensors";
    const auto make = [&] { return latents; };
    checkpoint::write_safetensors(file(record.latents), {{"x", at::kFloat, latents.sizes().vec(), make}});
  }
  write(record.picture, png);
  write(record_name(record.key), record_json(record));
  return record;
}

void ResultFolder::write(const std::string& name, std::string_view bytes) const {
  files::replace_file(file(name), bytes);
}

Results collect(const Plan& plan, const std::vector<std::string>& keys, const ResultFolder& folder) {
  Results results;
  results.plan = &plan;
  results.folder = folder.path();
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    std::optional<Record> record = folder.find(keys[i]);
    if (!record) continue;
    Result result;
    result.cell = i;
    result.record = std::move(*record);
    results.pictures.push_back(std::move(result));
  }
  return results;
}

}  // namespace ldm::experiments
