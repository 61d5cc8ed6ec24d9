#include "ldm/data/generation_parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/data/data_test_util.h"

namespace ldm::data {
namespace {

using std::string_literals::operator""s;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

GenerationParameters plain() {
  GenerationParameters p;
  p.prompt = "a cat";
  p.steps = 20;
  p.sampler = "ddim";
  p.cfg_scale = 7.5;
  p.seed = 42;
  p.width = 512;
  p.height = 768;
  p.version = "";
  return p;
}

const std::string kPlainLine = "Steps: 20, Sampler: DDIM, CFG scale: 7.5, Seed: 42, Size: 512x768";

/// The last line, which holds one value named "Key" besides the plain ones: the value.
std::string written(const std::string& value) {
  GenerationParameters p = plain();
  p.other = {{"Key", value}};
  const std::string text = parameters_text(p), start = "a cat\n" + kPlainLine + ", Key: ";
  EXPECT_THAT(text, StartsWith(start));
  return text.substr(std::min(text.size(), start.size()));
}

TEST(ParametersText, OfThePlainestPicture) {
  EXPECT_EQ(parameters_text(plain()), "a cat\n" + kPlainLine);
}

TEST(ParametersText, OfAFullPicture) {
  GenerationParameters p = plain();
  p.negative_prompt = "dog, blurry";
  p.model = "/home/somebody/models/sd-v1-4.ckpt";
  p.model_hash = "7460a6fa57";
  p.denoising_strength = 0.75;
  p.eta = 0.5;
  p.rng = "CPU";
  p.precision = "autocast";
  p.device = "cuda";
  p.ema = false;
  p.batch_size = 3;
  p.batch_pos = 2;
  p.iteration = 1;
  p.other = {{"Init image", "cat.png"}};
  p.version = "ldm 1.2.3";
  EXPECT_EQ(
      parameters_text(p),
      "a cat\nNegative prompt: dog, blurry\n" + kPlainLine +
          ", Model hash: 7460a6fa57, Model: sd-v1-4, Batch size: 3, Batch pos: 2, Iteration: 1, "
          "Denoising strength: 0.75, Eta DDIM: 0.5, RNG: CPU, Precision: autocast, Device: cuda, EMA: off, "
          "Init image: cat.png, Version: ldm 1.2.3");
}

// What Python's json.dumps(value, ensure_ascii=False) gives for values with ',', ':' or a line end, and only
// for those.
TEST(ParametersText, QuotesAsTheWebui) {
  EXPECT_EQ(written("plain \"text\" \\ with\ttab"), "plain \"text\" \\ with\ttab");
  EXPECT_EQ(written("a, b"), R"("a, b")");
  EXPECT_EQ(written("a: b"), R"("a: b")");
  EXPECT_EQ(written("a\nb"), R"("a\nb")");
  EXPECT_EQ(written("say \"a, b\" \\ \t\r\b\f\x01\x7F"), "\"say \\\"a, b\\\" \\\\ \\t\\r\\b\\f\\u0001\x7F\"");
  EXPECT_EQ(written("\xE7\x8C\xAB, \xC3\xA9"), "\"\xE7\x8C\xAB, \xC3\xA9\"");
}

TEST(ParametersText, AValueEqualToItsNameStandsAlone) {
  GenerationParameters p = plain();
  p.other = {{"Tiling", "Tiling"}, {"Other", "x"}};
  EXPECT_EQ(parameters_text(p), "a cat\n" + kPlainLine + ", Tiling, Other: x");
}

TEST(ParametersText, ThePromptStandsAsItIs) {
  GenerationParameters p = plain();
  p.prompt = "a \"cat\", (red:1.2)\nSteps: many";
  p.negative_prompt = "b: c\nd";
  EXPECT_EQ(parameters_text(p), "a \"cat\", (red:1.2)\nSteps: many\nNegative prompt: b: c\nd\n" + kPlainLine);
}

TEST(ParametersText, IsStrippedAsAWhole) {
  GenerationParameters p = plain();
  p.prompt = "  a cat \n";
  EXPECT_EQ(parameters_text(p), "a cat \n\n" + kPlainLine);
  p.prompt = "";
  EXPECT_EQ(parameters_text(p), kPlainLine);
}

TEST(ParametersText, NumbersAreTheShortestThatReadBack) {
  GenerationParameters p = plain();
  for (const auto& [number, text] : std::vector<std::pair<double, std::string>>{
           {7.0, "7"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"}, {-2.5, "-2.5"}, {0, "0"}}) {
    p.cfg_scale = number;
    EXPECT_THAT(parameters_text(p), HasSubstr("CFG scale: " + text + ", Seed"));
  }
}

TEST(ParametersText, SamplersHaveTheWebuisNames) {
  GenerationParameters p = plain();
  for (const auto& [ours, theirs] :
       std::vector<std::pair<std::string, std::string>>{{"ddim", "DDIM"},
                                                        {"plms", "PLMS"},
                                                        {"dpm_solver", "DPM++ 2M"},
                                                        {"ddpm", "DDPM"},
                                                        {"new", "new"}}) {
    p.sampler = ours;
    EXPECT_THAT(parameters_text(p), HasSubstr("Sampler: " + theirs + ", CFG"));
  }
}

TEST(ParametersText, LeavesOutWhatSaysNothing) {
  GenerationParameters p = plain();
  p.eta = 0.0;
  p.batch_pos = 0;
  EXPECT_EQ(parameters_text(p), "a cat\n" + kPlainLine);
  p.batch_size = 4;
  p.iteration = 2;
  p.per_image_seeds = true;
  EXPECT_EQ(parameters_text(p), "a cat\n" + kPlainLine) << "the seed alone draws the picture again";
}

TEST(ParametersText, NoFolderOfTheModelIsWritten) {
  GenerationParameters p = plain();
  for (const char* path :
       {"/a/b/model-v1.4.safetensors", "C:\\models\\model-v1.4.ckpt", "model-v1.4.pt", "./model-v1.4"}) {
    p.model = path;
    EXPECT_THAT(parameters_text(p), EndsWith(", Model: model-v1.4")) << path;
    EXPECT_THAT(parameters_json(p), HasSubstr("\"model\":\"model-v1.4\"")) << path;
  }
}

TEST(ParametersText, AnyBytesBecomeTextThatAPngHolds) {
  GenerationParameters p = plain();
  p.prompt = "a\xFFz\0c"s;
  p.other = {{"Key", "\xC3,"}};
  EXPECT_EQ(parameters_text(p), "a\xEF\xBF\xBDz\xEF\xBF\xBD\x63\n" + kPlainLine + ", Key: \"\xEF\xBF\xBD,\"");
  const std::vector<PngText> chunks = parameters_chunks(p);
  EXPECT_EQ(decode_png(encode_png(testing::noise_image(1, 1), chunks), "test").text, chunks);
}

TEST(ParametersText, RefusesNamesThatTheWebuiWouldNotRead) {
  GenerationParameters p = plain();
  for (const char* name : {"", "k", "a:b", "a,b", "-a", " a", "a\n", "\xC3\xA9\xC3\xA9"}) {
    p.other = {{name, "v"}};
    EXPECT_THROW(parameters_text(p), std::invalid_argument) << name;
  }
  p.other = {{"Key 2-a/b_c", "v"}};
  EXPECT_THAT(parameters_text(p), EndsWith(", Key 2-a/b_c: v"));
}

TEST(ParametersText, TheVersionIsNoneOfTheWebuis) {
  EXPECT_THAT(GenerationParameters::library_version(), StartsWith("ldm "));
  EXPECT_THAT(parameters_text(GenerationParameters()), EndsWith(GenerationParameters::library_version()));
}

TEST(ParametersJson, HoldsEverythingByName) {
  GenerationParameters p = plain();
  p.negative_prompt = "Negative prompt: \"x\"";
  p.eta = 0.0;
  p.ema = true;
  p.per_image_seeds = true;
  p.other = {{"Init image", "a.png"}};
  p.version = "ldm 1.2.3";
  EXPECT_EQ(
      parameters_json(p),
      R"({"prompt":"a cat","negative_prompt":"Negative prompt: \"x\"","steps":20,"sampler":"ddim",)"
      R"("cfg_scale":7.5,"seed":42,"width":512,"height":768,"eta":0.0,"ema":true,"per_image_seeds":true,)"
      R"("batch_size":1,"batch_pos":0,"iteration":0,"version":"ldm 1.2.3","other":{"Init image":"a.png"}})");
}

TEST(ParametersJson, ReadsBackAsItWas) {
  GenerationParameters p = plain();
  p.prompt = "a \"cat\"\\\n\t\xE7\x8C\xAB";
  const auto json = nlohmann::json::parse(parameters_json(p));
  EXPECT_EQ(json["prompt"], p.prompt);
  EXPECT_EQ(json["cfg_scale"], p.cfg_scale);
  EXPECT_FALSE(json.contains("model"));
}

TEST(ParametersChunks, AreTheTextAndTheJson) {
  const GenerationParameters p = plain();
  EXPECT_EQ(parameters_chunks(p),
            (std::vector<PngText>{{"parameters", parameters_text(p)}, {"ldm", parameters_json(p)}}));
}

}  // namespace
}  // namespace ldm::data
