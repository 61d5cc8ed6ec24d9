#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ldm/checkpoint/state_dict.h"
#include "ldm/config/config.h"
#include "ldm/models/diffusion/latent_diffusion.h"
#include "ldm/modules/state.h"
#include "ldm/ops/precision.h"
#include "ldm/registry.h"

namespace ldm {

/// Which of a checkpoint's two sets of weights the diffusion model computes with: the one that the config's
/// `use_ema` names, the averages (`model_ema.*`), or the trained ones (`model.*`).
enum class EmaChoice { config, on, off };

/// "config", "on" or "off"; throws std::invalid_argument for anything else.
EmaChoice parse_ema_choice(const std::string& text);

/// A checkpoint that does not fit the model: the message lists what is missing or of another shape.
class LoadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What loading did, for people to read.
struct LoadReport {
  std::string path, format;
  bool uses_ema = false;
  std::int64_t bound = 0;                      ///< tensors that share the file's pages
  std::map<std::string, std::int64_t> copied;  ///< tensors that had to be copied, counted by reason
  std::vector<std::string> computed;           ///< absent from the file, computed by the model itself
  std::map<std::string, std::int64_t>
      unexpected;                    ///< in the file but not in the model, counted by first word
  std::vector<std::string> remarks;  ///< what was odd in the file
  double read_seconds = 0, convert_seconds = 0, upload_seconds = 0;

  /// A few lines of text: weights used, counts, times.
  std::string summary() const;
};

struct LoadOptions {
  EmaChoice ema = EmaChoice::config;
  std::string ema_path;  ///< where the averages lie, if not in the checkpoint itself
  checkpoint::MmapChoice mmap = checkpoint::MmapChoice::automatic;
  c10::Device device = c10::kCPU;
  Precision precision = Precision::full;  ///< `half` and `bf16` convert the parameters, the others do not
  /// On the CPU: from the network's first call on, keeps the diffusion network's linear maps in the order
  /// that is fastest to multiply with, in place of their parameters, where the processor has such an order.
  /// Off for whoever wants to read or to train those.
  bool pack = false;
};

/// A model that is ready to sample, and how it came about.
struct LoadedModel {
  std::shared_ptr<LatentDiffusionImpl> model;
  LoadReport report;
};

/// A checkpoint's key for a parameter or buffer: its name, or with `use_ema`, for a parameter of the
/// diffusion network, the key of its average.
std::string checkpoint_key(const StateEntry& entry, bool use_ema);

/// Builds the config's `model` without weights and without EMA buffers: what inference needs.
/// Throws config::ConfigError; a target other than a LatentDiffusion is one.
std::shared_ptr<LatentDiffusionImpl> build_inference_model(config::Config config, const Registry& registry);

/// Whether the config's model has `use_ema` set (default true, as in the reference).
bool config_uses_ema(const config::Config& config);

/// Binds a checkpoint's tensors to `module` by name, in eval mode and without gradients.
///
/// Tensors keep sharing the mapped file's pages unless they are misaligned or of another dtype than the one
/// they get: parameters `weight_dtype`, buffers their own. With `use_ema` the parameters of `model.` come
/// from the averages. Throws LoadError when a parameter is missing or of another shape, or when averages are
/// asked for and the file has none.
LoadReport bind_checkpoint(torch::nn::Module& module, const checkpoint::StateDict& state, bool use_ema,
                           c10::ScalarType weight_dtype = c10::ScalarType::Float);

/// Builds the model of a config, loads `checkpoint_path` (anything that weights::open_weights opens) into it
/// and moves it to the device.
/// Throws config::ConfigError, checkpoint::CheckpointError and LoadError.
LoadedModel load_model(const config::Config& config, const std::string& checkpoint_path,
                       const LoadOptions& options = {});

}  // namespace ldm
