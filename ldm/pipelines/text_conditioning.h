#pragma once

#include <string>
#include <vector>

#include "ldm/pipelines/finite_stages.h"

namespace ldm {

/// Texts -> their conditioning [B, M, D], one row each. A text that stands there several times is encoded
/// once. Throws NumericError.
at::Tensor encode_prompts(FiniteStages& stages, const std::vector<std::string>& prompts,
                          const FiniteStages::Warn& warn);

/// The end of a text that the model's text encoder does not see; empty if it sees all.
std::string unseen_text(LatentDiffusionImpl& model, const std::string& prompt);

}  // namespace ldm
