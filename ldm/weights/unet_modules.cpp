#include "ldm/weights/unet_modules.h"

namespace ldm::weights {
namespace {

constexpr int kMaxBlocks = 40;

/// The parts of a SpatialTransformer of depth 1, as both spell them.
constexpr const char* kTransformer[] = {"norm",
                                        "proj_in",
                                        "proj_out",
                                        "transformer_blocks.0.norm1",
                                        "transformer_blocks.0.norm2",
                                        "transformer_blocks.0.norm3",
                                        "transformer_blocks.0.ff.net.0.proj",
                                        "transformer_blocks.0.ff.net.2",
                                        "transformer_blocks.0.attn1.to_q",
                                        "transformer_blocks.0.attn1.to_k",
                                        "transformer_blocks.0.attn1.to_v",
                                        "transformer_blocks.0.attn1.to_out.0",
                                        "transformer_blocks.0.attn2.to_q",
                                        "transformer_blocks.0.attn2.to_k",
                                        "transformer_blocks.0.attn2.to_v",
                                        "transformer_blocks.0.attn2.to_out.0"};

void add_tensors(std::vector<std::string>& names, const std::string& module) {
  names.push_back(module + ".weight");
  names.push_back(module + ".bias");
}

void add_res_block(std::vector<std::string>& names, const std::string& place) {
  for (const ModuleNames& module : kUnetResBlock) add_tensors(names, place + "." + module.reference);
}

void add_transformer(std::vector<std::string>& names, const std::string& place) {
  for (const char* module : kTransformer) add_tensors(names, place + "." + module);
}

}  // namespace

std::vector<std::string> possible_unet_names() {
  std::vector<std::string> names;
  for (const ModuleNames& module : kUnetEnds) add_tensors(names, module.reference);
  for (const char* place : {"middle_block.0", "middle_block.2"}) add_res_block(names, place);
  add_transformer(names, "middle_block.1");
  for (int i = 0; i < kMaxBlocks; ++i) {
    const std::string input = "input_blocks." + std::to_string(i);
    const std::string output = "output_blocks." + std::to_string(i);
    for (const std::string& block : {input, output}) {
      add_res_block(names, block + ".0");
      add_transformer(names, block + ".1");
    }
    add_tensors(names, input + ".0.op");
    // The upsampling follows the attention where there is one.
    for (const char* place : {".1", ".2"}) add_tensors(names, output + place + ".conv");
  }
  return names;
}

}  // namespace ldm::weights
