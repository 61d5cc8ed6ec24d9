// Builds the model of a config with the installed library and checks its size.
#include <ldm/config/config.h>
#include <ldm/modules/state.h>
#include <ldm/pipelines/load_model.h>

#include <cstdint>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto config = ldm::config::Config::from_file(argv[1]);
  const auto model = ldm::build_inference_model(config, ldm::default_registry());
  std::int64_t elements = 0;
  for (const auto& entry : ldm::parameters_of(*model)) elements += entry.tensor.numel();
  std::cout << elements << " parameters\n";
  return elements == 1066235307 ? 0 : 1;
}
