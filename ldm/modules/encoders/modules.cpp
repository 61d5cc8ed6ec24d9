#include "ldm/modules/encoders/modules.h"

#include <ATen/ATen.h>

#include <stdexcept>

#include "ldm/modules/encoders/clip_merges.h"

namespace ldm {

FrozenCLIPEmbedderImpl::FrozenCLIPEmbedderImpl(const FrozenClipEmbedderOptions& options)
    : max_length_(options.max_length), tokenizer_(std::make_shared<ClipTokenizer>(clip_merges())) {
  if (max_length_ < 2 || max_length_ > options.text_config.max_position_embeddings) {
    throw std::invalid_argument("expected max_length from 2 to " +
                                std::to_string(options.text_config.max_position_embeddings) +
                                " (the text transformer's positions), got " + std::to_string(max_length_));
  }
  transformer_ = register_module("transformer", ClipTextModel(options.text_config));
}

torch::Tensor FrozenCLIPEmbedderImpl::tokenize(const std::vector<std::string>& texts) const {
  const auto rows = static_cast<std::int64_t>(texts.size());
  torch::Tensor ids = at::empty({rows, max_length_}, at::kLong);
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto encoded = tokenizer_->encode(texts[static_cast<std::size_t>(row)], max_length_);
    std::copy(encoded.ids.begin(), encoded.ids.end(), ids[row].data_ptr<std::int64_t>());
  }
  return ids;
}

torch::Tensor FrozenCLIPEmbedderImpl::forward(const torch::Tensor& ids) {
  return transformer_(ids);
}

torch::Tensor FrozenCLIPEmbedderImpl::encode(const ConditioningInput& input) {
  const auto* texts = std::get_if<std::vector<std::string>>(&input);
  if (texts == nullptr) throw std::invalid_argument("FrozenCLIPEmbedder: expected texts, got a tensor");
  const auto device = transformer_->parameters().front().device();
  return observed(forward(tokenize(*texts).to(device)));
}

std::string FrozenCLIPEmbedderImpl::truncated(const std::string& text) const {
  return tokenizer_->encode(text, max_length_).truncated;
}

}  // namespace ldm
