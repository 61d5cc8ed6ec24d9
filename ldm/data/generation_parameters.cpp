#include "ldm/data/generation_parameters.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace ldm::data {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string dump(const Json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

/// Well-formed UTF-8 without NUL, which a PNG cannot hold.
std::string clean(const std::string& text) {
  std::string valid = Json::parse(dump(text)).get<std::string>();
  for (std::size_t at = valid.find('\0'); at != std::string::npos; at = valid.find('\0', at)) {
    valid.replace(at, 1, kReplacement);
  }
  return valid;
}

std::string strip(const std::string& text) {
  constexpr const char* kSpace = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

/// The shortest text that reads back as the same number; "7" for 7.0.
std::string to_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

std::string model_name(const std::string& checkpoint) {
  std::string name = checkpoint.substr(checkpoint.find_last_of("/\\") + 1);
  for (const std::string extension : {".ckpt", ".safetensors", ".pt", ".pth", ".bin"}) {
    const std::size_t length = name.size() - std::min(name.size(), extension.size());
    if (length > 0 && name.compare(length, std::string::npos, extension) == 0) return name.substr(0, length);
  }
  return name;
}

/// The webui's name of a sampler; DPM-Solver here is what it calls DPM++ 2M.
std::string webui_name(const std::string& sampler) {
  static const std::map<std::string, std::string> names{
      {"ddim", "DDIM"}, {"plms", "PLMS"}, {"dpm_solver", "DPM++ 2M"}, {"ddpm", "DDPM"}};
  const auto found = names.find(sampler);
  return found == names.end() ? sampler : found->second;
}

/// The line of the numbers.
class ParameterLine {
 public:
  void add(const std::string& name, const std::string& value) {
    if (value.empty()) return;
    line_ += line_.empty() ? "" : ", ";
    line_ += name == value ? name : name + ": " + quoted(clean(value));
  }
  void add(const std::string& name, const std::optional<double>& value) {
    if (value) add(name, to_text(*value));
  }
  void add(const std::string& name, std::int64_t value) { add(name, std::to_string(value)); }
  const std::string& text() const { return line_; }

 private:
  static std::string quoted(const std::string& value) {
    return value.find_first_of(",:\n") == std::string::npos ? value : dump(value);
  }

  std::string line_;
};

/// What the webui's regular expression takes for a name.
bool is_name(const std::string& name) {
  const auto fits = [](unsigned char c) { return c < 0x80 && (std::isalnum(c) != 0 || c == '_'); };
  const auto follows = [&](unsigned char c) { return fits(c) || c == ' ' || c == '-' || c == '/'; };
  return name.size() >= 2 && fits(name[0]) && std::all_of(name.begin(), name.end(), follows);
}

void add_run(const GenerationParameters& p, ParameterLine& line) {
  if (!p.per_image_seeds && p.batch_size > 1) {
    line.add("Batch size", p.batch_size);
    line.add("Batch pos", p.batch_pos);
  }
  if (!p.per_image_seeds && p.iteration > 0) line.add("Iteration", p.iteration);
  line.add("Denoising strength", p.denoising_strength);
  if (p.eta && *p.eta != 0) line.add(p.sampler == "ddim" ? "Eta DDIM" : "Eta", p.eta);
  line.add("RNG", p.rng);
  line.add("Precision", p.precision);
  line.add("Device", p.device);
  if (p.ema) line.add("EMA", std::string(*p.ema ? "on" : "off"));
}

void check_names(const GenerationParameters& p) {
  for (const auto& [name, value] : p.other) {
    if (is_name(name)) continue;
    throw std::invalid_argument(
        "parameters_text: expected a name of two or more letters, digits, spaces, '-', '_' or '/', got '" +
        name + "'");
  }
}

template <typename Value>
void set_if(Json& json, const char* name, const Value& value) {
  if (value) json[name] = *value;
}

void set_if(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = clean(value);
}

}  // namespace

std::string GenerationParameters::library_version() {
  return "ldm " LDM_VERSION;
}

std::string parameters_text(const GenerationParameters& parameters) {
  const GenerationParameters& p = parameters;
  check_names(p);
  ParameterLine line;
  line.add("Steps", p.steps);
  line.add("Sampler", webui_name(p.sampler));
  line.add("CFG scale", to_text(p.cfg_scale));
  line.add("Seed", p.seed);
  line.add("Size", std::to_string(p.width) + "x" + std::to_string(p.height));
  line.add("Model hash", p.model_hash);
  line.add("Model", model_name(p.model));
  add_run(p, line);
  for (const auto& [name, value] : p.other) line.add(name, value);
  line.add("Version", p.version);
  const std::string negative =
      p.negative_prompt.empty() ? "" : "\nNegative prompt: " + clean(p.negative_prompt);
  return strip(clean(p.prompt) + negative + "\n" + line.text());
}

std::string parameters_json(const GenerationParameters& parameters) {
  const GenerationParameters& p = parameters;
  Json json;
  json["prompt"] = clean(p.prompt);
  json["negative_prompt"] = clean(p.negative_prompt);
  json["steps"] = p.steps;
  set_if(json, "sampler", p.sampler);
  json["cfg_scale"] = p.cfg_scale;
  json["seed"] = p.seed;
  json["width"] = p.width;
  json["height"] = p.height;
  set_if(json, "model", model_name(p.model));
  set_if(json, "model_hash", p.model_hash);
  set_if(json, "denoising_strength", p.denoising_strength);
  set_if(json, "eta", p.eta);
  set_if(json, "precision", p.precision);
  set_if(json, "device", p.device);
  set_if(json, "rng", p.rng);
  set_if(json, "ema", p.ema);
  json["per_image_seeds"] = p.per_image_seeds;
  json["batch_size"] = p.batch_size;
  json["batch_pos"] = p.batch_pos;
  json["iteration"] = p.iteration;
  set_if(json, "version", p.version);
  for (const auto& [name, value] : p.other) json["other"][clean(name)] = clean(value);
  return dump(json);
}

std::vector<PngText> parameters_chunks(const GenerationParameters& parameters) {
  return {{"parameters", parameters_text(parameters)}, {"ldm", parameters_json(parameters)}};
}

}  // namespace ldm::data
