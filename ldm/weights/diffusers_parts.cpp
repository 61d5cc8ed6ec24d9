#include "ldm/weights/diffusers_parts.h"

#include <ATen/ATen.h>

#include <map>
#include <optional>

#include "ldm/checkpoint/error.h"
#include "ldm/files/text.h"
#include "ldm/weights/diffusers_names.h"
#include "ldm/weights/sd_keys.h"

namespace ldm::weights {
namespace {

using checkpoint::NamedTensorSource;
using Sources = DiffusersParts::Sources;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw checkpoint::CheckpointError("'" + path + "': expected " + what);
}

/// The names of a component's keys without their prefix; of averages those of the weights they belong to.
std::vector<std::string> bare_names(const Sources& sources, Component component,
                                    const std::map<std::string, std::string>& keys_of_average) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& key) {
    const std::string_view prefix = prefix_of(component);
    if (key.compare(0, prefix.size(), prefix) == 0) names.push_back(key.substr(prefix.size()));
  };
  for (const NamedTensorSource& source : sources) add(source.name);
  for (const auto& [average, key] : keys_of_average) add(key);
  return names;
}

/// A source under another name and in another shape of as many elements.
NamedTensorSource renamed(const NamedTensorSource& source, std::string name,
                          std::vector<std::int64_t> sizes) {
  NamedTensorSource result{std::move(name), source.dtype, std::move(sizes), source.make};
  if (result.sizes != source.sizes) {
    result.make = [make = source.make, shape = result.sizes] { return make().reshape(shape); };
  }
  return result;
}

/// Puts tensors into the parts one by one.
class Sorter {
 public:
  Sorter(const std::string& path, const Sources& sources)
      : path_(path), keys_of_average_(keys_of_averages(names_of(sources))) {
    for (const Component component : kComponents) {
      tables_.emplace(component, NameTable::for_reference_names(
                                     component, bare_names(sources, component, keys_of_average_)));
    }
  }

  DiffusersParts sort(const Sources& sources) {
    for (const NamedTensorSource& source : sources) add(source);
    // Without averages the trained weights are those to use.
    if (parts_.unet.empty()) parts_.unet.swap(parts_.trained_unet);
    return std::move(parts_);
  }

 private:
  static std::vector<std::string> names_of(const Sources& sources) {
    std::vector<std::string> names;
    for (const NamedTensorSource& source : sources) names.push_back(source.name);
    return names;
  }

  void add(const NamedTensorSource& source) {
    switch (part_of(source.name)) {
      case ModelPart::text_encoder:
        return add(source, source.name, Component::text_encoder, parts_.text_encoder);
      case ModelPart::vae:
        return add(source, source.name, Component::vae, parts_.vae);
      case ModelPart::unet:
        return add(source, source.name, Component::unet, parts_.trained_unet);
      case ModelPart::ema:
        return add_average(source);
      case ModelPart::schedule:
        parts_.extra.push_back(source);
        return;
      case ModelPart::other:
        parts_.left_out.push_back(source.name);
    }
  }

  void add_average(const NamedTensorSource& source) {
    if (!is_average(source.name)) return parts_.extra.push_back(source);
    const auto key = keys_of_average_.find(source.name);
    if (key == keys_of_average_.end()) fail_structure(source.name);
    add(source, key->second, Component::unet, parts_.unet);
  }

  void add(const NamedTensorSource& source, const std::string& key, Component component, Sources& to) {
    const std::string name = key.substr(prefix_of(component).size());
    const std::optional<std::string> renamed_to = tables_.at(component).to_diffusers(name);
    if (renamed_to) {
      to.push_back(renamed(source, *renamed_to, shape_in_diffusers(component, name, source.sizes)));
    } else if (component == Component::unet) {
      fail_structure(source.name);
    } else {
      parts_.left_out.push_back(source.name);  // a loss, a vision model
    }
  }

  [[noreturn]] void fail_structure(const std::string& name) const {
    fail(path_, "a UNet of Stable Diffusion v1's structure, got the tensor '" + files::printable(name) +
                    "'; no diffusers folder can be written from this model");
  }

  const std::string& path_;
  std::map<std::string, std::string> keys_of_average_;
  std::map<Component, NameTable> tables_;
  DiffusersParts parts_;
};

}  // namespace

DiffusersParts sort_into_parts(const std::string& path, const Sources& sources) {
  DiffusersParts parts = Sorter(path, sources).sort(sources);
  const std::pair<const char*, const Sources*> needed[] = {
      {"text encoder (cond_stage_model.transformer.text_model.*)", &parts.text_encoder},
      {"UNet (model.diffusion_model.*)", &parts.unet},
      {"VAE (first_stage_model.*)", &parts.vae}};
  for (const auto& [what, tensors] : needed) {
    if (tensors->empty()) {
      fail(path, std::string("a whole model to write as a diffusers folder, got one without a ") + what);
    }
  }
  return parts;
}

Shapes shapes_of(const Sources& sources) {
  Shapes shapes;
  for (const NamedTensorSource& source : sources) shapes.emplace(source.name, source.sizes);
  return shapes;
}

}  // namespace ldm::weights
