#include "ldm/config/params.h"

#include <algorithm>
#include <utility>

#include "ldm/closest_name.h"

namespace ldm::config {
namespace {

/// "; did you mean 'x'?" for the closest of `names`, or nothing.
std::string suggestion(const std::string& key, const std::vector<std::string>& names) {
  const std::string closest = closest_name(key, names);
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
