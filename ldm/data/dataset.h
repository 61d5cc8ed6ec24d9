#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>

namespace ldm::data {

/// One value of an example: a tensor (an image is [H, W, 3] float32 in [-1, 1]), a text, or a class label.
using FieldValue = std::variant<at::Tensor, std::string, std::int64_t>;

/// An item as the models read it, under the keys of the reference's dicts: image, caption, class_label,
/// human_label, file_path_, relative_file_path_, relpath, synsets. Which of them there are is the dataset's
/// to say; all examples of a dataset have the same.
using Example = std::map<std::string, FieldValue>;

/// Reads an image file: path -> [H, W, 3] uint8, RGB, on the CPU. Handed in, so that programs which read only
/// PNGs need no OpenCV: `read_image` of ldm_images, or read_png's pixels. Throws files::FileError or
/// ImageError for a file that cannot be read. Called from several threads at once.
using ImageReader = std::function<at::Tensor(const std::string& path)>;

/// A role that configs fill (the reference's torch.utils.data.Dataset): numbered examples. Immutable once
/// built; every function may be called from several threads at once.
class Dataset {
 public:
  Dataset() = default;
  virtual ~Dataset();
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  /// Number of items, at least 1.
  virtual std::int64_t size() const = 0;

  /// Reads and transforms item `index`, 0 <= index < size(). Every random choice (crop, flip, caption) comes
  /// from `random`, a CPU generator: the same index and the same state give the same example. Throws
  /// files::FileError or ImageError if the item cannot be read, std::out_of_range for another index.
  virtual Example get(std::int64_t index, at::Generator& random) const = 0;

  /// The same example without its image, which is then not read. Draws as `get` does before it turns to the
  /// image.
  virtual Example labels(std::int64_t index, at::Generator& random) const;

  /// What names the item in messages: its file.
  virtual std::string name_of(std::int64_t index) const = 0;

  /// Whether `get` always gives the same image for an index (no random crop, no flip): what a cache of
  /// latents needs.
  virtual bool has_fixed_images() const = 0;

  /// A text that changes whenever the images may have changed: made of the names, sizes and times of the
  /// files and of what is done to them. Keys a cache of latents. Asks the file system about every file, as
  /// things are at the time of the call.
  virtual std::string fingerprint() const = 0;
};

}  // namespace ldm::data
