#pragma once

#include <cstdint>
#include <string>

#include "ldm/cli/command_line.h"

namespace ldm::cli {

/// What all commands of `ckpt` that open weights take.
struct OpenOptions {
  std::string mmap = "auto";
  std::string ema_ckpt;
  bool help = false;
};

struct InspectOptions {
  OpenOptions open;
  bool json = false, keys = false, stats = false, hash = false;
};

struct ConvertOptions {
  OpenOptions open;
  std::string to;  ///< empty: by the name of OUT
  std::string dtype = "keep", ema = "keep", vae;
  std::string only_tokens;  ///< a file of prompts; empty keeps all tokens
  bool deflate = false, force = false;
};

struct DiffOptions {
  OpenOptions open;
  bool ema = false, json = false;
  std::int64_t limit = 20;
};

struct VerifyOptions {
  OpenOptions open;
  std::string config;  ///< empty: by what the weights are
};

/// THE tables of the options of each command, tied to the struct, which must outlive it.
CommandLine inspect_command_line(InspectOptions& options);
CommandLine convert_command_line(ConvertOptions& options);
CommandLine diff_command_line(DiffOptions& options);
CommandLine verify_command_line(VerifyOptions& options);

}  // namespace ldm::cli
