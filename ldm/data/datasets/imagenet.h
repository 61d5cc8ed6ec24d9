#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ldm/data/dataset.h"

namespace ldm::data {

/// OpenCV's resize with INTER_LINEAR on 8 bits, which is not antialiased: image [H, W, 3] uint8 -> [height,
/// width, 3] uint8. Handed in as the ImageReader is: `linear_resize` of ldm_images.
using LinearResize =
    std::function<at::Tensor(const at::Tensor& image_u8, std::int64_t height, std::int64_t width)>;

/// ldm.data.imagenet.ImageNetBase with taming's ImagePaths: classes in folders named after WordNet's synsets.
///
/// The folder ROOT = data_root/NAME holds
/// - data/SYNSET/FILE.JPEG;
/// - filelist.txt, a line SYNSET/FILE.JPEG for each image. Where it is missing the files of data/ are taken,
///   sorted; unlike the reference this downloads, unpacks and writes nothing;
/// - synset_human.txt, if human labels are wanted: a line "SYNSET its names" for each synset;
/// - index_synset.yaml, for sub_indices and keep_orig_class_label: "INDEX: SYNSET" in each line.
///
/// An image is resized so that its shorter side is `size` (albumentations' SmallestMaxSize: the longer side
/// is rounded to the nearest integer, halves to the even one), and a square is cut out of it.
///
/// Fields: image; class_label, the number of the synset among the sorted ones of the list; synsets; relpath;
/// file_path_; human_label if there is synset_human.txt.
class ImageNetBase : public Dataset {
 public:
  struct Options {
    /// None is the reference's $XDG_CACHE_HOME/autoencoders/data, or ~/.cache/autoencoders/data.
    std::optional<std::string> data_root;
    std::optional<std::int64_t> size = 256;  ///< in pixels; none keeps whole images
    /// Where the square is cut; none is the subset's own default.
    std::optional<bool> random_crop;
    /// class_label is the index in index_synset.yaml, also if only some synsets are used.
    bool keep_orig_class_label = false;
    /// Only the synsets of these indices: "32-123, 256", where a range is without its end, as in taming.
    std::optional<std::string> sub_indices;
    /// Without it, examples have no image.
    bool process_images = true;
  };

  /// `name` is the folder in data_root. Throws std::invalid_argument for options out of range,
  /// files::FileError for files that are missing or of another form.
  ImageNetBase(const std::string& name, Options options, ImageReader reader, LinearResize resize);

  std::int64_t size() const override { return static_cast<std::int64_t>(relpaths_.size()); }
  Example get(std::int64_t index, at::Generator& random) const override;
  std::string name_of(std::int64_t index) const override;
  bool has_fixed_images() const override { return !options_.random_crop.value_or(false); }
  std::string fingerprint() const override;

 private:
  at::Tensor transform(const at::Tensor& image, at::Generator& random) const;
  void keep_sub_indices();
  void label_classes();

  Options options_;
  ImageReader reader_;
  LinearResize resize_;
  std::string root_, data_;
  std::vector<std::string> relpaths_;
  std::map<std::string, std::int64_t> class_of_;  // by synset
  std::map<std::string, std::string> human_of_;   // by synset; empty without synset_human.txt
};

/// ILSVRC2012_train, with random crops.
class ImageNetTrain : public ImageNetBase {
 public:
  ImageNetTrain(Options options, ImageReader reader, LinearResize resize);
};

/// ILSVRC2012_validation, with crops from the middle.
class ImageNetValidation : public ImageNetBase {
 public:
  ImageNetValidation(Options options, ImageReader reader, LinearResize resize);
};

/// taming's str_to_indices: "32-35, 256" -> 32, 33, 34, 256, sorted. Throws std::invalid_argument for
/// anything else than such a list.
std::vector<std::int64_t> parse_sub_indices(const std::string& text);

}  // namespace ldm::data
