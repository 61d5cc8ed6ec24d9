#include "ldm/experiments/option_names.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "ldm/cli/generation_command_line.h"
#include "ldm/closest_name.h"

namespace ldm::experiments {
namespace {

enum class Use { both, txt2img, img2img, model };

struct Known {
  const char* name;
  Use use;
  bool is_switch;
};

/// What an experiment may set.
constexpr Known kKnown[] = {{"H", Use::txt2img, false},
                            {"W", Use::txt2img, false},
                            {"init-img", Use::img2img, false},
                            {"strength", Use::img2img, false},
                            {"picture-side", Use::img2img, false},
                            {"ddim_steps", Use::both, false},
                            {"plms", Use::both, true},
                            {"dpm_solver", Use::txt2img, true},
                            {"sampler", Use::txt2img, false},
                            {"ddim_eta", Use::both, false},
                            {"scale", Use::both, false},
                            {"fixed_code", Use::both, true},
                            {"C", Use::both, false},
                            {"f", Use::both, false},
                            {"negative-prompt", Use::both, false},
                            {"config", Use::model, false},
                            {"ckpt", Use::model, false},
                            {"ema", Use::model, false},
                            {"ema-ckpt", Use::model, false},
                            {"mmap", Use::model, false},
                            {"precision", Use::model, false},
                            {"device", Use::model, false},
                            {"threads", Use::model, false}};

const std::map<std::string, std::string>& short_forms() {
  static const std::map<std::string, std::string> forms{
      {"steps", "ddim_steps"}, {"eta", "ddim_eta"}, {"negative", "negative-prompt"}};
  return forms;
}

/// Where things stand that are options of the programs, but no settings.
const std::map<std::string, std::string>& elsewhere() {
  static const std::map<std::string, std::string> places{
      {"prompt", "prompts belong under the key 'prompts'"},
      {"from-file", "prompts belong under the key 'prompts' ({file: ...})"},
      {"seed", "seeds belong under the key 'seeds'"},
      {"n-samples", "a cell is one picture; more come from 'seeds'"},
      {"n-iter", "a cell is one picture; more come from 'seeds'"},
      {"per-image-seeds", "a cell is one picture with one seed"},
      {"n-rows", "the report lays the pictures out"},
      {"preview", "an experiment keeps no previews"},
      {"laion400m", "another model is a matter of 'config' and 'ckpt'"},
      {"model-hash", "the hash of the weights is always taken"},
      {"skip-grid", "an experiment keeps each picture and writes a grid"},
      {"skip-save", "an experiment keeps each picture and writes a grid"},
      {"outdir", "the run's folder is named on the command line, by --outdir"}};
  return places;
}

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

const Known* find(const std::string& name) {
  const auto* found = std::find_if(std::begin(kKnown), std::end(kKnown),
                                   [&](const Known& one) { return dashed(one.name) == dashed(name); });
  return found == std::end(kKnown) ? nullptr : found;
}

[[noreturn]] void refuse(const std::string& written) {
  std::vector<std::string> names;
  for (const Known& known : kKnown) names.emplace_back(known.name);
  for (const auto& [form, name] : short_forms()) names.push_back(form);
  const auto place = elsewhere().find(dashed(written));
  const std::string guess = closest_name(written, names);
  std::string hint;
  if (place != elsewhere().end()) {
    hint = ": " + place->second;
  } else if (!guess.empty()) {
    hint = "; did you mean " + guess + "?";
  }
  throw std::invalid_argument(
      "expected an option of a picture or of a model, or an override with a dot, got '" + written + "'" +
      hint);
}

}  // namespace

std::string option_name(GenerationKind kind, const std::string& written) {
  if (written.find('.') != std::string::npos) return written;
  const auto form = short_forms().find(written);
  const Known* known = find(form == short_forms().end() ? written : form->second);
  if (known == nullptr) refuse(written);
  const bool from_image = kind == GenerationKind::img2img;
  if ((known->use == Use::txt2img && from_image) || (known->use == Use::img2img && !from_image)) {
    throw std::invalid_argument(std::string("expected an option of ") + (from_image ? "img2img" : "txt2img") +
                                ", got '" + written + "', which is one of " +
                                (from_image ? "txt2img" : "img2img") +
                                "; the key 'program' says which of the two paints");
  }
  return known->name;
}

bool is_model_option(const std::string& name) {
  const Known* known = find(name);
  return name.find('.') != std::string::npos || (known != nullptr && known->use == Use::model);
}

std::string argument_of(const Setting& setting) {
  if (setting.name.find('.') != std::string::npos) return setting.name + "=" + setting.value;
  const Known* known = find(setting.name);
  if (known == nullptr || !known->is_switch) return "--" + setting.name + "=" + setting.value;
  return setting.value == "on" ? "--" + setting.name : "";
}

void check_value(GenerationKind kind, const Setting& setting) {
  const Known* known = find(setting.name);
  if (known != nullptr && known->is_switch && setting.value != "on" && setting.value != "off") {
    throw OptionError("--" + setting.name + ": expected on or off, got '" + setting.value + "'");
  }
  const std::string argument = argument_of(setting);
  if (argument.empty()) return;
  GenerationOptions scratch = default_options(kind);
  cli::ProgramOptions program;
  cli::generation_command_line(scratch, program).parse({argument});
}

void put(std::vector<Setting>& settings, const Setting& setting) {
  const auto same = std::find_if(settings.begin(), settings.end(),
                                 [&](const Setting& one) { return one.name == setting.name; });
  if (same == settings.end()) {
    settings.push_back(setting);
  } else {
    *same = setting;
  }
}

}  // namespace ldm::experiments
