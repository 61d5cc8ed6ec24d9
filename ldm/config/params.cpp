#include "ldm/config/params.h"

#include <algorithm>
#include <utility>

namespace ldm::config {
namespace {

constexpr std::size_t kCloseEnough = 2;

/// Levenshtein's distance: letters inserted, left out or replaced.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

/// "; did you mean 'x'?" for the closest of `names`, or nothing. Short words are close to anything.
std::string suggestion(const std::string& key, const std::vector<std::string>& names) {
  std::size_t best = kCloseEnough + 1;
  std::string closest;
  for (const std::string& name : names) {
    const bool comparable =
        name.size() <= key.size() + kCloseEnough && key.size() <= name.size() + kCloseEnough;
    const std::size_t distance = comparable ? edit_distance(key, name) : best;
    if (distance < best && distance < name.size()) {
      best = distance;
      closest = name;
    }
  }
  return closest.empty() ? "" : "; did you mean '" + closest + "'?";
}

template <typename T>
std::vector<T> read_list(const Node& node, T (Node::*read)() const) {
  std::vector<T> values;
  for (const Node& item : node.items()) values.push_back((item.*read)());
  return values;
}

}  // namespace

Params::Params(Node params, std::string target) : params_(std::move(params)), target_(std::move(target)) {
  if (params_.defined() && !params_.is_map() && !params_.is_null()) {
    params_.fail("expected a map with the parameters of " + target_ + ", got " +
                 (params_.is_list() ? "a list" : "a single value"));
  }
}

Node Params::lookup(const std::string& key) {
  if (std::find(asked_.begin(), asked_.end(), key) == asked_.end()) asked_.push_back(key);
  return params_.find(key);
}

Node Params::required(const std::string& key, const std::string& expected) {
  Node found = lookup(key);
  if (found.defined()) return found;
  std::string there;
  if (params_.is_map()) {
    for (const std::string& name : params_.keys()) there += (there.empty() ? "" : ", ") + name;
  }
  const std::string text = "expected the key '" + key + "' (" + expected + "), which " + target_ +
                           " needs, got only the keys " + (there.empty() ? "none" : there);
  if (!params_.defined()) throw ConfigError(target_ + " without params: " + text);
  params_.fail(text);
}

std::int64_t Params::integer(const std::string& key) {
  return required(key, "an integer").as_integer();
}
std::int64_t Params::integer(const std::string& key, std::int64_t otherwise) {
  const Node found = optional_node(key);
  return found.defined() ? found.as_integer() : otherwise;
}

double Params::real(const std::string& key) {
  return required(key, "a number").as_real();
}
double Params::real(const std::string& key, double otherwise) {
  const Node found = optional_node(key);
  return found.defined() ? found.as_real() : otherwise;
}

bool Params::boolean(const std::string& key, bool otherwise) {
  const Node found = optional_node(key);
  return found.defined() ? found.as_boolean() : otherwise;
}

std::string Params::text(const std::string& key) {
  return required(key, "a text").as_text();
}
std::string Params::text(const std::string& key, const std::string& otherwise) {
  const Node found = optional_node(key);
  return found.defined() ? found.as_text() : otherwise;
}

std::vector<std::int64_t> Params::integers(const std::string& key) {
  return read_list(required(key, "a list of integers"), &Node::as_integer);
}
std::vector<std::int64_t> Params::integers(const std::string& key,
                                           const std::vector<std::int64_t>& otherwise) {
  const Node found = optional_node(key);
  return found.defined() ? read_list(found, &Node::as_integer) : otherwise;
}

std::vector<double> Params::reals(const std::string& key) {
  return read_list(required(key, "a list of numbers"), &Node::as_real);
}
std::vector<double> Params::reals(const std::string& key, const std::vector<double>& otherwise) {
  const Node found = optional_node(key);
  return found.defined() ? read_list(found, &Node::as_real) : otherwise;
}

std::optional<std::int64_t> Params::optional_integer(const std::string& key) {
  const Node found = optional_node(key);
  return found.defined() ? std::optional<std::int64_t>(found.as_integer()) : std::nullopt;
}

std::optional<std::string> Params::optional_text(const std::string& key) {
  const Node found = optional_node(key);
  return found.defined() ? std::optional<std::string>(found.as_text()) : std::nullopt;
}

Node Params::node(const std::string& key) {
  return required(key, "a value");
}

Node Params::optional_node(const std::string& key) {
  const Node found = lookup(key);
  return found.is_null() ? Node() : found;
}

void Params::known(std::initializer_list<const char*> keys) {
  for (const char* key : keys) lookup(key);
}

void Params::finish() const {
  if (!params_.is_map()) return;
  std::string names;
  for (const std::string& key : asked_) names += (names.empty() ? "" : ", ") + key;
  for (const std::string& key : params_.keys()) {
    if (std::find(asked_.begin(), asked_.end(), key) != asked_.end()) continue;
    params_.at(key).fail("expected a key that " + target_ + " knows (" + (names.empty() ? "none" : names) +
                         "), got '" + key + "'" + suggestion(key, asked_));
  }
}

}  // namespace ldm::config
