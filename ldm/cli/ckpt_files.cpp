#include "ldm/cli/ckpt_files.h"

#include <iostream>

#include "ldm/checkpoint/mapping_guard.h"
#include "ldm/pipelines/generation_options.h"
#include "ldm/weights/open_weights.h"

namespace ldm::cli {

bool parse_or_help(CommandLine& line, const std::vector<std::string>& arguments, const OpenOptions& options,
                   const char* ending) {
  line.parse(arguments);
  if (options.help) std::cout << line.help(ending);
  return !options.help;
}

void require_files(const CommandLine& line, std::size_t count, const std::string& wanted) {
  const std::vector<std::string>& files = line.files();
  if (files.size() == count) return;
  std::string got = files.empty() ? "none" : "";
  for (const std::string& file : files) got += (got.empty() ? "'" : ", '") + file + "'";
  throw OptionError("expected " + wanted + ", got " + got);
}

checkpoint::StateDict open_file(const std::string& path, const OpenOptions& options) {
  return weights::open_weights(path, {checkpoint::parse_mmap_choice(options.mmap), options.ema_ckpt});
}

void print_result(const std::string& text) {
  checkpoint::check_mappings();
  std::cout << text << std::flush;
}

}  // namespace ldm::cli
