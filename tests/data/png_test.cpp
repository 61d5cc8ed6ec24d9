#include "ldm/data/png.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "ldm/data/error.h"
#include "tests/data/data_test_util.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::data {
namespace {

using std::string_literals::operator""s;
using ldm::testing::error_of;
using ldm::testing::write_file;
using testing::be32;
using ::testing::HasSubstr;
using testing::noise_image;
using testing::png_bytes;
using testing::png_chunk;
using testing::PngParts;
using testing::rgb_image;

at::Tensor pixels_of(const std::string& bytes) {
  return decode_png(bytes, "test").pixels;
}

std::string decode_error(const std::string& bytes) {
  return error_of<ImageError>([&] { decode_png(bytes, "some.png"); });
}

TEST(EncodePng, RoundTripOfPixelsAndText) {
  const at::Tensor image = noise_image(33, 17);
  const std::vector<PngText> text{{"parameters", "a cat, \"quoted\"\nSteps: 20"},
                                  {"Latin", "caf\xC3\xA9"},
                                  {"Other", "\xE7\x8C\xAB \xF0\x9F\x90\xB1"},
                                  {"Empty", ""}};
  const PngImage read = decode_png(encode_png(image, text), "test");
  EXPECT_TRUE(at::equal(read.pixels, image));
  EXPECT_TRUE(read.pixels.is_contiguous());
  EXPECT_EQ(read.text, text);
}

TEST(EncodePng, EqualInputGivesEqualBytes) {
  const at::Tensor image = noise_image(8, 9);
  EXPECT_EQ(encode_png(image, {{"k", "v"}}), encode_png(image.clone(), {{"k", "v"}}));
}

// Pillow's PngInfo.add_text writes these very chunks.
TEST(EncodePng, LatinTextIsTextAndOtherTextIsInternational) {
  const std::string bytes = encode_png(noise_image(1, 1), {{"a", "\xC3\xBF!"}, {"b", "\xC4\x80"}});
  EXPECT_THAT(bytes, HasSubstr(png_chunk("tEXt", "a\0\xFF!"s)));
  EXPECT_THAT(bytes, HasSubstr(png_chunk("iTXt", "b\0\0\0\0\0\xC4\x80"s)));
}

TEST(EncodePng, WritesNothingButPixelsAndText) {
  const std::string bytes = encode_png(noise_image(2, 2), {{"a", "b"}});
  for (const char* chunk : {"tIME", "gAMA", "sRGB", "pHYs", "bKGD", "eXIf"}) {
    EXPECT_EQ(bytes.find(chunk), std::string::npos) << chunk;
  }
}

TEST(EncodePng, AcceptsAnyStrides) {
  const at::Tensor view = noise_image(3, 10, 12).permute({2, 1, 0});
  ASSERT_FALSE(view.is_contiguous());
  EXPECT_TRUE(at::equal(pixels_of(encode_png(view)), view));
}

TEST(EncodePng, RefusesOtherImages) {
  const auto error = [](const at::Tensor& image) {
    return error_of<std::invalid_argument>([&] { encode_png(image); });
  };
  EXPECT_THAT(error(at::Tensor()),
              HasSubstr("expected a uint8 image [H, W, 3] on the CPU, got an undefined"));
  EXPECT_THAT(error(noise_image(4, 4, 4)), HasSubstr("got Byte [4, 4, 4]"));
  EXPECT_THAT(error(noise_image(4, 4).to(at::kFloat)), HasSubstr("got Float [4, 4, 3]"));
  EXPECT_THAT(error(noise_image(0, 4)), HasSubstr("got Byte [0, 4, 3]"));
}

TEST(EncodePng, RefusesTextThatNoPngHolds) {
  const auto error = [](const PngText& text) {
    return error_of<std::invalid_argument>([&] { encode_png(noise_image(1, 1), {text}); });
  };
  for (const std::string& keyword :
       {""s, " a"s, "a "s, "a  b"s, "a\nb"s, "\xC3\xA9"s, std::string(80, 'k')}) {
    EXPECT_THAT(error({keyword, "v"}), HasSubstr("expected a keyword")) << keyword;
  }
  EXPECT_EQ(error({std::string(79, 'k'), "v"}), "");
  EXPECT_THAT(error({"k", "a\0b"s}), HasSubstr("without NUL"));
  EXPECT_THAT(error({"k", "a\xFF"}), HasSubstr("'k': expected text in UTF-8"));
  EXPECT_THAT(error({"k", "\xC4\x80\xED\xA0\x80"}), HasSubstr("expected text in UTF-8"));
}

/// A PNG and the pixels that Pillow 13 gives for it by `.convert("RGB")`.
struct PillowCase {
  const char* name;
  PngParts parts;
  std::vector<int> rgb;
};

class DecodePng : public ::testing::TestWithParam<PillowCase> {};

TEST_P(DecodePng, IsPillowsConvertToRgb) {
  const PngParts& parts = GetParam().parts;
  const at::Tensor pixels = pixels_of(png_bytes(parts));
  EXPECT_TRUE(at::equal(pixels, rgb_image(parts.height, parts.width, GetParam().rgb))) << pixels;
}

PngParts one_row(std::uint32_t width, int bits, int kind, const std::string& row,
                 const std::string& before = "") {
  return {width, 1, bits, kind, {row}, before, ""};
}

const std::string kPalette = png_chunk("PLTE", "\x0A\x14\x1E\x28\x32\x3C");

INSTANTIATE_TEST_SUITE_P(
    Kinds, DecodePng,
    ::testing::Values(
        PillowCase{"Grey1", one_row(4, 1, 0, "\x50"), {0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255}},
        PillowCase{"Grey2", one_row(4, 2, 0, "\x1B"), {0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255}},
        PillowCase{"Grey4", one_row(2, 4, 0, "\x3A"), {51, 51, 51, 170, 170, 170}},
        PillowCase{"Grey8Transparent",
                   one_row(2, 8, 0, "\x03\x0A", png_chunk("tRNS", "\0\x03"s)),
                   {3, 3, 3, 10, 10, 10}},
        PillowCase{"Grey16IsClipped",
                   one_row(4, 16, 0, "\0\x64\0\xFF\x01\0\x81\x80"s),
                   {100, 100, 100, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
        PillowCase{"Colour16TakesTheUpperByte",
                   one_row(2, 16, 2, "\0\x64\0\xFF\x01\0\x80\xFF\xFE\xFF\xFF\xFF"s),
                   {0, 0, 1, 128, 254, 255}},
        PillowCase{"GreyAlpha8DropsTheAlpha", one_row(2, 8, 4, "\x05\0\x06\x80"s), {5, 5, 5, 6, 6, 6}},
        PillowCase{
            "GreyAlpha16", one_row(2, 16, 4, "\x80\xFF\0\xFF\xFE\xFF\0\0"s), {128, 128, 128, 254, 254, 254}},
        PillowCase{"ColourAlpha8DropsTheAlpha",
                   one_row(2, 8, 6, "\x01\x02\x03\0\x04\x05\x06\x80"s),
                   {1, 2, 3, 4, 5, 6}},
        PillowCase{"ColourAlpha16",
                   one_row(2, 16, 6, "\x80\xFF\0\xFF\xFE\xFF\0\0\0\x01\0\x02\0\x03\x12\x34"s),
                   {128, 0, 254, 0, 0, 0}},
        PillowCase{"Colour8Transparent",
                   one_row(2, 8, 2, "\x03\x03\x03\x0A\x09\x08", png_chunk("tRNS", "\0\x03\0\x03\0\x03"s)),
                   {3, 3, 3, 10, 9, 8}},
        PillowCase{"PaletteBeyondItsEndIsBlack",
                   one_row(4, 8, 3, "\0\x01\x02\xC8"s, kPalette),
                   {10, 20, 30, 40, 50, 60, 0, 0, 0, 0, 0, 0}},
        PillowCase{"PaletteTransparent",
                   one_row(2, 8, 3, "\0\x01"s, kPalette + png_chunk("tRNS", "\0\x80"s)),
                   {10, 20, 30, 40, 50, 60}},
        PillowCase{
            "Palette2", one_row(4, 2, 3, "\x1B", kPalette), {10, 20, 30, 40, 50, 60, 0, 0, 0, 0, 0, 0}},
        PillowCase{"GammaIsIgnored",
                   one_row(1, 8, 2, "\x40\x80\xC0", png_chunk("gAMA", be32(100000))),
                   {64, 128, 192}}),
    [](const auto& param) { return param.param.name; });

// Adam7 of a 2x2 image: pass 1 is the first pixel, pass 6 the second, pass 7 the lower row.
TEST(DecodePngFile, ReadsInterlacedImages) {
  std::string bytes = png_bytes({2, 2, 8, 0, {"\x01", "\x02", "\x03\x04"}, "", ""});
  std::string header = bytes.substr(12, 17);
  header.back() = '\x01';
  bytes.replace(8, 25, png_chunk("IHDR", header.substr(4)));
  EXPECT_TRUE(at::equal(pixels_of(bytes), rgb_image(2, 2, {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4})));
}

TEST(DecodePngFile, ReadsTheGoldensInput) {
  const PngImage image = read_png(ldm::testing::golden_path("tiny_img2img_input.png"));
  EXPECT_EQ(image.pixels.size(2), 3);
  EXPECT_GT(image.pixels.to(at::kFloat).std().item<float>(), 1.0f);
}

TEST(DecodePngFile, ReadsTextsOfEveryKindBeforeAndAfterThePixels) {
  PngParts parts = one_row(1, 8, 0, "\x01");
  parts.before = png_chunk("tEXt", "latin\0caf\xE9"s) + png_chunk("iTXt", "utf\0\0\0en\0\0\xC4\x80"s);
  parts.after = png_chunk("iTXt", "bad\0\0\0\0\0\xFF"s) + png_chunk("tEXt", "parameters\0Steps: 1"s);
  const std::vector<PngText> expected{
      {"latin", "caf\xC3\xA9"}, {"utf", "\xC4\x80"}, {"bad", "\xC3\xBF"}, {"parameters", "Steps: 1"}};
  EXPECT_EQ(decode_png(png_bytes(parts), "test").text, expected);
}

TEST(DecodePngFile, DamagedTextsAndUnknownChunksDoNotCostTheImage) {
  PngParts parts = one_row(1, 8, 0, "\x07");
  std::string damaged = png_chunk("tEXt", "k\0v"s);
  damaged.back() = static_cast<char>(damaged.back() + 1);
  parts.before = damaged + png_chunk("zTXt", "z\0\0not deflated"s) + png_chunk("abCd", "?") +
                 png_chunk("iCCP", "bad\0\0profile"s);
  const PngImage image = decode_png(png_bytes(parts), "test");
  EXPECT_TRUE(at::equal(image.pixels, rgb_image(1, 1, {7, 7, 7})));
}

TEST(DecodePngFile, EveryCutIsAnError) {
  const std::string whole = encode_png(noise_image(5, 4), {{"k", "v"}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(decode_error(whole.substr(0, size)),
                HasSubstr("'some.png': expected a whole PNG image, got '"))
        << size;
  }
  EXPECT_THAT(decode_error(whole.substr(0, whole.size() / 2)), HasSubstr("the file ends early"));
}

TEST(DecodePngFile, NoChangedByteCrashes) {
  const std::string whole = encode_png(noise_image(6, 5), {{"k", "v"}, {"u", "\xC4\x80"}});
  std::size_t errors = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      errors += decode_error(damaged).empty() ? 0 : 1;
    }
  }
  EXPECT_GT(errors, whole.size());  // whatever is not a text's is noticed
}

TEST(DecodePngFile, RefusesImagesThatAreTooLarge) {
  const auto error = [](std::uint32_t width, std::uint32_t height) {
    return decode_error(png_bytes({width, height, 8, 2, {"\x01"}, "", ""}));
  };
  EXPECT_THAT(error(100000, 100000), HasSubstr("got 100000x100000 pixels, which is more than 178956970"));
  EXPECT_THAT(error(0x7FFFFFFF, 0x7FFFFFFF), HasSubstr("got 2147483647x2147483647 pixels"));
  EXPECT_NE(error(0, 1), "");
  EXPECT_NE(error(0xFFFFFFFF, 1), "");
}

TEST(DecodePngFile, RefusesTooFewPixels) {
  EXPECT_NE(decode_error(png_bytes({2, 2, 8, 0, {"\x01\x02"}, "", ""})), "");
  EXPECT_NE(decode_error(png_bytes({2, 1, 8, 3, {"\x01\x02"}, "", ""})), "") << "palette without colours";
}

TEST(DecodePngFile, TextBombsAreLeftOut) {
  PngParts parts = one_row(1, 8, 0, "\x07");
  parts.before = png_chunk("zTXt", "big\0\0"s + testing::deflate(std::string(5'000'000, 'x')));
  for (int i = 0; i < 500; ++i) parts.after += png_chunk("tEXt", "k\0v"s);
  const PngImage image = decode_png(png_bytes(parts), "test");
  EXPECT_LT(image.text.size(), 110u);
  for (const PngText& text : image.text) EXPECT_EQ(text.keyword, "k");
}

TEST(DecodePngFile, SaysWhatIsNoPng) {
  EXPECT_THAT(decode_error("not an image at all"), HasSubstr("Not a PNG file"));
  EXPECT_FALSE(is_png("\x89PN"));
  EXPECT_TRUE(is_png(encode_png(noise_image(1, 1))));
}

TEST(WritePng, NeverOverwrites) {
  const std::string path = ldm::testing::new_folder() + "/a.png";
  const at::Tensor image = noise_image(3, 3);
  write_png(path, image, {{"k", "v"}});
  EXPECT_THAT(error_of<files::FileError>([&] { write_png(path, noise_image(9, 9)); }),
              HasSubstr("'" + path + "': expected a name that is not in use"));
  const PngImage read = read_png(path);
  EXPECT_TRUE(at::equal(read.pixels, image));
  EXPECT_EQ(read.text, (std::vector<PngText>{{"k", "v"}}));
}

TEST(ReadPng, NamesTheFileInErrors) {
  const std::string folder = ldm::testing::new_folder();
  const auto error = [](const std::string& path) {
    return error_of<files::FileError>([&] { read_png(path); });
  };
  EXPECT_EQ(error(folder + "/none.png"),
            "'" + folder + "/none.png': expected a PNG image, got nothing: there is no such file");
  EXPECT_THAT(error(folder), HasSubstr("got a directory"));
  EXPECT_THAT(error(write_file(folder + "/empty.png", "")), HasSubstr("got an empty file"));
  EXPECT_THAT(error("/dev/null"), HasSubstr("not a regular file"));
  EXPECT_THAT(error(write_file(folder + "/x.png", "text")), HasSubstr(folder + "/x.png': expected"));
}

}  // namespace
}  // namespace ldm::data
