#pragma once

#include <string>

namespace ldm::experiments {

/// Compares the pictures of two runs' folders that are of the same model name, axes, prompts and seed: how
/// many are the same file, and PSNR, SSIM and mean absolute difference over the others, for each value of
/// each axis; and the means of the metrics that both have. For people, as lines of text. Pictures that only
/// one of them has are counted. Throws files::FileError for a folder without results.jsonl or a damaged one.
std::string compare_runs(const std::string& folder_a, const std::string& folder_b);

}  // namespace ldm::experiments
