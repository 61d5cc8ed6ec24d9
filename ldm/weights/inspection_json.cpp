#include "ldm/weights/inspection_report.h"
#include "ldm/weights/report_json.h"

namespace ldm::weights {
namespace {

/// The part's name as a member.
const char* member_of(ModelPart part) {
  switch (part) {
    case ModelPart::text_encoder:
      return "text_encoder";
    case ModelPart::unet:
      return "unet";
    case ModelPart::vae:
      return "vae";
    case ModelPart::ema:
      return "ema";
    case ModelPart::schedule:
      return "schedule";
    case ModelPart::other:
      break;
  }
  return "other";
}

Json amount_json(const Amount& amount) {
  return {{"tensors", amount.tensors},
          {"elements", amount.elements},
          {"parameters", amount.parameters},
          {"bytes", amount.bytes}};
}

Json family_json(const ModelFamily& family) {
  return {{"name", family.name},
          {"fits_v1", family.fits_v1},
          {"config", family.config.empty() ? Json() : Json(family.config)},
          {"advice", family.advice.empty() ? Json() : Json(family.advice)}};
}

Json ema_json(const Inspection& inspection) {
  const EmaFacts& ema = inspection.ema;
  Json json{{"kind", name_of(ema.kind)},
            {"averages", ema.averages},
            {"decay", ema.decay ? number_json(*ema.decay) : Json()},
            {"num_updates", ema.num_updates ? Json(*ema.num_updates) : Json()}};
  if (inspection.ema_distances.empty()) return json;
  json["distance"] = distance_json(inspection.ema_distance);
  json["blocks"] = Json::object();
  for (const BlockDistance& block : inspection.ema_distances) {
    json["blocks"][block.block] = distance_json(block.distance);
  }
  return json;
}

Json metadata_json(const Inspection& inspection) {
  Json json = Json::object();
  for (const checkpoint::NamedScalar& scalar : inspection.notes.scalars) {
    json[scalar.name] = scalar_json(scalar.value);
  }
  for (const auto& [name, text] : inspection.metadata) {
    if (!json.contains(name)) json[name] = text;
  }
  return json;
}

Json statistics_json(const Inspection& inspection) {
  std::int64_t nan = 0, infinite = 0;
  Json names = Json::array();
  for (const KeyFacts& key : inspection.keys) {
    nan += key.statistics->nan;
    infinite += key.statistics->infinite;
    if (!key.statistics->finite()) names.push_back(key.name);
  }
  return {{"nan", nan}, {"inf", infinite}, {"not_finite", names}};
}

Json key_json(const KeyFacts& key) {
  Json json{{"name", key.name},
            {"dtype", dtype_name(key.dtype)},
            {"shape", key.sizes},
            {"part", member_of(key.part)}};
  if (!key.statistics) return json;
  json["min"] = number_json(key.statistics->minimum);
  json["max"] = number_json(key.statistics->maximum);
  json["mean"] = number_json(key.statistics->mean);
  json["std"] = number_json(key.statistics->deviation);
  json["nan"] = key.statistics->nan;
  json["inf"] = key.statistics->infinite;
  return json;
}

}  // namespace

std::string to_json(const Inspection& inspection, bool keys) {
  Json json{{"file", inspection.path},
            {"format", inspection.format},
            {"bytes", inspection.file_bytes},
            {"total", amount_json(inspection.total)},
            {"dtypes", Json::object()},
            {"parts", Json::object()},
            {"family", family_json(inspection.family)},
            {"ema", ema_json(inspection)},
            {"metadata", metadata_json(inspection)},
            {"globals", inspection.notes.globals},
            {"inert_globals", inspection.notes.inert_globals},
            {"remarks", inspection.notes.remarks}};
  for (const auto& [dtype, amount] : inspection.by_dtype) json["dtypes"][dtype] = amount_json(amount);
  for (const auto& [part, amount] : inspection.by_part) json["parts"][member_of(part)] = amount_json(amount);
  if (inspection.has_statistics) json["statistics"] = statistics_json(inspection);
  if (inspection.hash) {
    json["hash"] = {{"sha256", inspection.hash->sha256},
                    {"short", inspection.hash->short_hash()},
                    {"old", inspection.hash->old_short}};
  }
  if (keys) {
    json["keys"] = Json::array();
    for (const KeyFacts& key : inspection.keys) json["keys"].push_back(key_json(key));
  }
  return dump(json);
}

}  // namespace ldm::weights
