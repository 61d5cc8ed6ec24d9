#include "ldm/weights/diffusers_folder.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/files/text.h"
#include "ldm/weights/diffusers_layout.h"
#include "ldm/weights/diffusers_names.h"
#include "ldm/weights/key_spelling.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::weights {
namespace {

namespace fs = std::filesystem;

using checkpoint::CheckpointError;
using checkpoint::MmapChoice;
using checkpoint::StateDict;
using checkpoint::TensorAlias;

constexpr std::size_t kNamesInMessage = 12;

/// The path of a file inside a folder, if it is there.
std::optional<std::string> find(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  const fs::path path = folder / name;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  return path.string();
}

/// A component's weights: whole before sharded, safetensors before pickles, plain before variants.
std::optional<std::string> find_weights(const fs::path& folder, Component component,
                                        const std::string& variant) {
  const WeightFiles files = weight_files_of(component, variant);
  for (const std::string& name : {files.safetensors, files.safetensors_index, files.bin, files.bin_index}) {
    if (auto path = find(folder, name)) return path;
  }
  return std::nullopt;
}

std::optional<std::string> find_weights(const fs::path& folder, Component component) {
  for (const char* variant : {"", "fp16", "bf16"}) {
    if (auto path = find_weights(folder, component, variant)) return path;
  }
  return std::nullopt;
}

/// What lies in a folder, for a message.
std::string describe_contents(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const std::string name = files::printable(entry->path().filename().string());
    names.push_back(name + (entry->is_directory(ignored) ? "/" : ""));
  }
  if (error) return "one that cannot be read: " + error.message();
  if (names.empty()) return "an empty one";
  std::sort(names.begin(), names.end());
  const std::size_t shown = std::min(names.size(), kNamesInMessage);
  std::string text = "one with ";
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (shown < names.size()) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

[[noreturn]] void fail_folder(const std::string& path) {
  throw CheckpointError(
      "'" + path +
      "': expected a checkpoint file, or a folder in diffusers' layout with weights in unet/, vae/ or "
      "text_encoder/, got " +
      describe_contents(path) + "; name a file if one of these is meant");
}

/// Gathers the tensors of a folder.
class FolderReader {
 public:
  FolderReader(std::string path, MmapChoice mmap) : path_(std::move(path)), mmap_(mmap) {}

  StateDict read() {
    for (const Component component : kComponents) {
      component == Component::unet ? add_unet() : add(component, find_weights(folder(component), component));
    }
    if (aliases_.empty()) add_lone_component();
    if (const auto extra = find(path_, kExtraTensors)) add_extra(*extra);
    return view_of(path_, kDiffusersFormat, aliases_);
  }

 private:
  fs::path folder(Component component) const { return fs::path(path_) / folder_of(component); }

  StateDict open(const std::string& file) { return checkpoint::open_checkpoint(file, mmap_); }

  /// Adds a network under its keys, or, where it is of another structure, under its folder's name.
  void add(Component component, const std::optional<std::string>& file) {
    if (!file) return;
    const StateDict state = open(*file);
    const auto& names = state.names();
    const std::vector<std::string> keys = keys_of_component(component, names);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string foreign = std::string(folder_of(component)) + "." + names[i];
      aliases_.push_back(alias_of(state, names[i], keys.empty() ? foreign : keys[i]));
    }
  }

  void add_averages(const std::string& file) {
    const StateDict state = open(file);
    const std::vector<std::string> keys = keys_of_component(Component::unet, state.names());
    if (keys.empty()) {
      throw CheckpointError("'" + file +
                            "': expected the averages of a UNet of v1's structure, got other names");
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      aliases_.push_back({ema_name_of(keys[i]), state, state.names()[i], {}});
    }
  }

  void add_unet() {
    const fs::path unet = folder(Component::unet);
    const auto main = find_weights(unet, Component::unet);
    const auto trained = find_weights(unet, Component::unet, kTrainedVariant);
    const auto averages = find_weights(fs::path(path_) / kAveragesFolder, Component::unet);
    if (trained && main) {
      add(Component::unet, trained);
      add_averages(*main);
    } else {
      add(Component::unet, main ? main : trained);
      if (averages) add_averages(*averages);
    }
  }

  /// The folder of one component, which its names tell.
  void add_lone_component() {
    for (const Component component : {Component::unet, Component::text_encoder}) {
      const auto file = find_weights(path_, component);
      if (!file) continue;
      const StateDict state = in_reference_spelling(open(*file));
      for (const std::string& name : state.names()) aliases_.push_back({name, state, name, {}});
      return;
    }
    fail_folder(path_);
  }

  void add_extra(const std::string& file) {
    const StateDict state = open(file);
    for (const std::string& name : state.names()) aliases_.push_back({name, state, name, {}});
  }

  std::string path_;
  MmapChoice mmap_;
  std::vector<TensorAlias> aliases_;
};

}  // namespace

StateDict open_diffusers_folder(const std::string& path, MmapChoice mmap) {
  return FolderReader(path, mmap).read();
}

}  // namespace ldm::weights
