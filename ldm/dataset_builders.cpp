#include "ldm/dataset_builders.h"

#include <memory>
#include <string>

#include "ldm/config/params.h"
#include "ldm/data/datasets/caption_folder.h"
#include "ldm/data/datasets/lsun.h"

namespace ldm {
namespace {

using config::Node;
using config::Params;
using data::CaptionFolder;
using data::ImageNetBase;
using data::LSUNBase;

CaptionFolder::Options read_caption_folder(Params& params) {
  CaptionFolder::Options options;
  options.data_root = params.text("data_root");
  options.metadata = params.optional_text("metadata");
  options.size = params.optional_integer("size");
  options.interpolation = data::parse_filter(params.text("interpolation", "bicubic"));
  options.flip_p = params.real("flip_p", options.flip_p);
  options.crop = data::parse_crop_place(params.text("crop", "center"));
  options.crop_size = params.optional_integer("crop_size");
  return options;
}

/// `options` holds the subclass's defaults; LSUNBase has none for its paths.
LSUNBase::Options read_lsun(Params& params, LSUNBase::Options options) {
  const bool is_base = options.txt_file.empty();
  options.txt_file = is_base ? params.text("txt_file") : params.text("txt_file", options.txt_file);
  options.data_root = is_base ? params.text("data_root") : params.text("data_root", options.data_root);
  options.size = params.optional_integer("size");
  options.interpolation = data::parse_filter(params.text("interpolation", "bicubic"));
  options.flip_p = params.real("flip_p", options.flip_p);
  return options;
}

/// The reference looks "ImageNetTrain/random_crop" up as random_crop in a map ImageNetTrain.
std::optional<bool> read_random_crop(Params& config, const std::string& class_name) {
  const Node nested = config.optional_node(class_name);
  const Node flat = config.optional_node(class_name + "/random_crop");
  if (flat.defined()) return flat.as_boolean();
  if (!nested.defined()) return std::nullopt;
  Params params(nested, class_name);
  const Node value = params.optional_node("random_crop");
  params.finish();
  return value.defined() ? std::optional<bool>(value.as_boolean()) : std::nullopt;
}

ImageNetBase::Options read_imagenet(Params& params, const std::string& class_name) {
  ImageNetBase::Options options;
  options.data_root = params.optional_text("data_root");
  options.process_images = params.boolean("process_images", true);
  const Node node = params.optional_node("config");
  Params config(node, class_name + "'s config");
  const bool size_is_null = node.has("size") && node.at("size").is_null();
  const std::int64_t size = config.integer("size", *options.size);
  // taming takes 0 and null for "as they are".
  options.size = size_is_null || size == 0 ? std::nullopt : std::optional<std::int64_t>(size);
  options.random_crop = read_random_crop(config, class_name);
  options.keep_orig_class_label = config.boolean("keep_orig_class_label", false);
  options.sub_indices = config.optional_text("sub_indices");
  config.finish();
  return options;
}

void add_lsun(Registry& registry, const data::ImageReader& reader, const std::string& class_name,
              const LSUNBase::Options& defaults) {
  registry.add<data::Dataset>("ldm.data.lsun." + class_name,
                              [reader, defaults](Params& params, const Registry&) {
                                return std::make_shared<LSUNBase>(read_lsun(params, defaults), reader);
                              });
}

/// A subclass of LSUNBase: only its paths, and that validation images are not mirrored.
LSUNBase::Options lsun_defaults(const std::string& list, const std::string& folder, double flip_p) {
  LSUNBase::Options options;
  options.txt_file = "data/lsun/" + list + ".txt";
  options.data_root = "data/lsun/" + folder;
  options.flip_p = flip_p;
  return options;
}

template <typename ImageNet>
void add_imagenet(Registry& registry, const data::ImageReader& reader, const data::LinearResize& resize,
                  const std::string& class_name) {
  registry.add<data::Dataset>(
      "ldm.data.imagenet." + class_name, [reader, resize, class_name](Params& params, const Registry&) {
        return std::make_shared<ImageNet>(read_imagenet(params, class_name), reader, resize);
      });
}

}  // namespace

void add_datasets(Registry& registry, const data::ImageReader& reader,
                  const data::LinearResize& linear_resize) {
  registry.add<data::Dataset>("ldm.data.captions.CaptionFolder", [reader](Params& params, const Registry&) {
    return std::make_shared<CaptionFolder>(read_caption_folder(params), reader);
  });
  add_lsun(registry, reader, "LSUNBase", {});
  add_lsun(registry, reader, "LSUNChurchesTrain", lsun_defaults("church_outdoor_train", "churches", 0.5));
  add_lsun(registry, reader, "LSUNChurchesValidation", lsun_defaults("church_outdoor_val", "churches", 0.0));
  add_lsun(registry, reader, "LSUNBedroomsTrain", lsun_defaults("bedrooms_train", "bedrooms", 0.5));
  add_lsun(registry, reader, "LSUNBedroomsValidation", lsun_defaults("bedrooms_val", "bedrooms", 0.0));
  add_lsun(registry, reader, "LSUNCatsTrain", lsun_defaults("cat_train", "cats", 0.5));
  add_lsun(registry, reader, "LSUNCatsValidation", lsun_defaults("cat_val", "cats", 0.0));
  if (!linear_resize) return;
  add_imagenet<data::ImageNetTrain>(registry, reader, linear_resize, "ImageNetTrain");
  add_imagenet<data::ImageNetValidation>(registry, reader, linear_resize, "ImageNetValidation");
}

}  // namespace ldm
