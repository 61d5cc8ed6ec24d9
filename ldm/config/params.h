#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "ldm/config/config.h"

namespace ldm::config {

/// Typed reading of one `params` map, with every key accounted for.
///
/// A builder asks for each key that its target knows, once, with or without a default, and then `finish`
/// refuses the first key of the map that nobody asked for: Python's constructors would refuse it too, or
/// worse swallow it in **kwargs. Every read throws ConfigError, with file, line and key, for a value of the
/// wrong type; reads without a default throw it also when the key is missing. Null counts as absent wherever
/// there is a default, and for the optional reads; for the others it is a wrong type.
class Params {
 public:
  /// `params` may be undefined or null: then the map is empty. Throws ConfigError if it is no map.
  /// `target` is named in messages, such as "ldm.models.autoencoder.AutoencoderKL".
  Params(Node params, std::string target);
  Params(const Params&) = delete;
  Params& operator=(const Params&) = delete;

  const std::string& target() const { return target_; }

  std::int64_t integer(const std::string& key);
  std::int64_t integer(const std::string& key, std::int64_t otherwise);
  double real(const std::string& key);
  double real(const std::string& key, double otherwise);
  bool boolean(const std::string& key, bool otherwise);
  std::string text(const std::string& key);
  std::string text(const std::string& key, const std::string& otherwise);
  std::vector<std::int64_t> integers(const std::string& key);
  std::vector<std::int64_t> integers(const std::string& key, const std::vector<std::int64_t>& otherwise);
  std::vector<double> reals(const std::string& key);
  std::vector<double> reals(const std::string& key, const std::vector<double>& otherwise);

  /// Nothing if the key is absent or null.
  std::optional<std::int64_t> optional_integer(const std::string& key);
  std::optional<std::string> optional_text(const std::string& key);

  /// The value as it is: required, be it null; or undefined if absent or null.
  Node node(const std::string& key);
  Node optional_node(const std::string& key);

  /// Marks as read the keys that the reference's constructor takes and that change nothing here.
  void known(std::initializer_list<const char*> keys);

  /// Throws ConfigError for the first key that was never asked for: where it stands, the target, the keys
  /// that the target knows, and the one that was probably meant (at most two letters away).
  void finish() const;

 private:
  Node required(const std::string& key, const std::string& expected);
  Node lookup(const std::string& key);

  Node params_;
  std::string target_;
  std::vector<std::string> asked_;  // in the order of asking, each once
};

}  // namespace ldm::config
