#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ldm/data/dataset.h"
#include "ldm/data/image_transform.h"

namespace ldm::data {

/// ldm.data.lsun.LSUNBase: the images that a text file lists. Each is cut to the square in its middle,
/// resized as Pillow does, mirrored with probability flip_p.
///
/// Fields: image, file_path_, relative_file_path_.
class LSUNBase : public Dataset {
 public:
  struct Options {
    std::string txt_file;              ///< a path inside data_root, or an absolute one, in each line
    std::string data_root;             ///< relative to the working folder, as in the reference
    std::optional<std::int64_t> size;  ///< in pixels; none keeps the side of the square crop
    Filter interpolation = Filter::bicubic;
    double flip_p = 0.5;
  };

  /// Lines with nothing on them are passed over. Throws std::invalid_argument for options out of range,
  /// files::FileError if txt_file cannot be read or lists no file. The images are not looked for here.
  LSUNBase(const Options& options, ImageReader reader);

  std::int64_t size() const override { return static_cast<std::int64_t>(paths_.size()); }
  Example get(std::int64_t index, at::Generator& random) const override;
  std::string name_of(std::int64_t index) const override;
  bool has_fixed_images() const override { return options_.flip_p == 0.0; }
  std::string fingerprint() const override;

 private:
  Options options_;
  ImageReader reader_;
  std::vector<std::string> paths_;
};

}  // namespace ldm::data
