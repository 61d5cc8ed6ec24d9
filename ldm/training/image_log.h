#pragma once

#include <cstdint>
#include <string>

#include "ldm/training/task.h"
#include "ldm/training/training_state.h"

namespace ldm::training {

/// Whether main.ImageLogger logs at this count of batches or steps: at every batch_frequency-th and, with
/// increase_log_steps, at the powers of two up to it; at 0 with log_first_step.
bool logs_images_at(const ImageLogOptions& options, std::int64_t count);

/// Writes each kind of picture as a grid of four in a row, and the texts beside them:
/// FOLDER/SPLIT/samples_gs-000750_e-000000_b-000749.png. Files of that name are replaced: a resumed run makes
/// them again. Throws files::FileError.
void write_logged_images(const std::string& folder, const std::string& split, const LoggedImages& images,
                         const std::vector<std::string>& captions, const ImageLogOptions& options,
                         const Progress& progress, std::int64_t batch_index);

}  // namespace ldm::training
