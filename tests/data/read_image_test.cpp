#include "ldm/data/read_image.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>

#include "ldm/checkpoint/open_checkpoint.h"
#include "ldm/data/error.h"
#include "ldm/data/jpeg_end.h"
#include "ldm/data/png.h"
#include "ldm/data/resize.h"
#include "ldm/data/tiff_alpha.h"
#include "tests/data/data_test_util.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"

namespace ldm::data {
namespace {

using std::string_literals::operator""s;
using ldm::testing::error_of;
using ldm::testing::new_folder;
using ldm::testing::write_file;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::noise_image;
using testing::rgb_image;

/// An OpenCV image over [H, W, C] pixels, which it does not own, encoded as the extension says.
std::string encoded(const at::Tensor& pixels, int depth, const std::string& extension,
                    const std::vector<int>& options = {}) {
  const auto channels = static_cast<int>(pixels.size(2));
  const cv::Mat image(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)),
                      CV_MAKETYPE(depth, channels), pixels.data_ptr());
  std::vector<uchar> bytes;
  EXPECT_TRUE(cv::imencode(extension, image, bytes, options)) << extension;
  return {bytes.begin(), bytes.end()};
}

std::string file_of(const std::string& bytes) {
  return write_file(new_folder() + "/image", bytes);
}

at::Tensor read(const std::string& bytes) {
  return read_image(file_of(bytes));
}

/// What was thrown, without the name of the file.
std::string error(const std::string& bytes) {
  const std::string path = file_of(bytes);
  const std::string text = error_of<files::FileError>([&] { read_image(path); });
  const std::string start = "'" + path + "': expected an image (PNG, JPEG, WebP, TIFF, BMP, ...), got ";
  EXPECT_THAT(text, ::testing::StartsWith(start));
  return text.substr(std::min(text.size(), start.size()));
}

class LosslessFormat : public ::testing::TestWithParam<const char*> {};

TEST_P(LosslessFormat, ColoursComeInRgbOrder) {
  const at::Tensor rgb = noise_image(7, 5);
  EXPECT_TRUE(at::equal(read(encoded(rgb.flip(2).contiguous(), CV_8U, GetParam())), rgb));
}

INSTANTIATE_TEST_SUITE_P(Formats, LosslessFormat, ::testing::Values(".png", ".bmp", ".tiff", ".ppm", ".sr"),
                         [](const auto& param) { return std::string(param.param + 1); });

TEST(ReadImage, GreyIsRepeated) {
  const at::Tensor grey = noise_image(6, 9, 1);
  for (const char* format : {".png", ".bmp", ".tiff", ".pgm"}) {
    EXPECT_TRUE(at::equal(read(encoded(grey, CV_8U, format)), grey.expand({6, 9, 3}))) << format;
  }
}

TEST(ReadImage, AlphaIsDroppedNotBlended) {
  const at::Tensor rgba = noise_image(6, 9, 4);
  const at::Tensor bgra = at::cat({rgba.slice(2, 0, 3).flip(2), rgba.slice(2, 3, 4)}, 2).contiguous();
  for (const char* format : {".png", ".tiff"}) {
    EXPECT_TRUE(at::equal(read(encoded(bgra, CV_8U, format)), rgba.slice(2, 0, 3))) << format;
  }
}

/// A TIFF of one strip whose fourth channel is an extra sample of this kind (2: unassociated alpha).
std::string tiff_with_alpha(const at::Tensor& rgba, std::uint32_t kind, bool big_endian) {
  const auto number = [big_endian](std::size_t value, int size) {
    std::string bytes;
    for (int i = 0; i < size; ++i)
      bytes.push_back(static_cast<char>(value >> 8 * (big_endian ? size - 1 - i : i)));
    return bytes;
  };
  const std::string pixels(static_cast<const char*>(rgba.data_ptr()), static_cast<std::size_t>(rgba.numel()));
  constexpr std::size_t kEntries = 10, kLong = 4, kShort = 3, kBits = 8, kPixels = kBits + 8;
  const auto entry = [&](std::size_t tag, std::size_t type, std::size_t count, std::size_t value) {
    const bool word = type == kShort && count == 1;
    return number(tag, 2) + number(type, 2) + number(count, 4) + number(value, word ? 2 : 4) +
           (word ? "\0\0"s : "");
  };
  const auto height = static_cast<std::size_t>(rgba.size(0)), width = static_cast<std::size_t>(rgba.size(1));
  return (big_endian ? "MM" : "II") + number(42, 2) + number(kPixels + pixels.size(), 4) + number(8, 2) +
         number(8, 2) + number(8, 2) + number(8, 2) + pixels + number(kEntries, 2) +
         entry(256, kLong, 1, width) + entry(257, kLong, 1, height) + entry(258, kShort, 4, kBits) +
         entry(259, kShort, 1, 1) + entry(262, kShort, 1, 2) + entry(273, kLong, 1, kPixels) +
         entry(277, kShort, 1, 4) + entry(278, kLong, 1, height) + entry(279, kLong, 1, pixels.size()) +
         entry(338, kShort, 1, kind) + number(0, 4);
}

TEST(ReadImage, TransparentPlacesOfATiffKeepTheirColours) {
  const at::Tensor rgba = noise_image(6, 8, 4);
  for (const bool big_endian : {false, true}) {
    for (const std::uint32_t kind : {0, 2}) {
      EXPECT_TRUE(at::equal(read(tiff_with_alpha(rgba, kind, big_endian)), rgba.slice(2, 0, 3)))
          << "kind " << kind << ", big endian " << big_endian;
    }
  }
}

TEST(KeepColoursUnderAlpha, ChangesNothingElse) {
  const std::string tiff = tiff_with_alpha(noise_image(2, 2, 4), 2, false);
  for (std::size_t size = 0; size < tiff.size() - 6; ++size) {  // the word stands 8 bytes before the end
    std::string bytes = tiff.substr(0, size);
    keep_colours_under_alpha(bytes);
    EXPECT_EQ(bytes, tiff.substr(0, size));
  }
  for (const std::string& other :
       {tiff_with_alpha(noise_image(2, 2, 4), 1, false), "II*\0\xFF\xFF\xFF\xFF"s, "MM\0*"s}) {
    std::string bytes = other;
    keep_colours_under_alpha(bytes);
    EXPECT_EQ(bytes, other);
  }
}

// The two rules of Pillow for 16 bits.
TEST(ReadImage, OfSixteenBitsColourKeepsTheUpperEightAndGreyIsClipped) {
  const at::Tensor wide = at::tensor({0x0064, 0x01FF, 0xFEDC}).to(at::kUInt16).view({1, 1, 3});
  const at::Tensor grey = at::tensor({100, 255, 256, 0x8180}).to(at::kUInt16).view({2, 2, 1});
  for (const char* format : {".png", ".tiff", ".ppm"}) {
    EXPECT_TRUE(at::equal(read(encoded(wide, CV_16U, format)), rgb_image(1, 1, {254, 1, 0}))) << format;
  }
  for (const char* format : {".png", ".tiff", ".pgm"}) {
    EXPECT_TRUE(at::equal(read(encoded(grey, CV_16U, format)).select(2, 0),
                          at::tensor({100, 255, 255, 255}).to(at::kByte).view({2, 2})))
        << format;
  }
}

TEST(ReadImage, FloatingPointIsTakenForUnitRange) {
  const at::Tensor values = at::tensor({-1.0f, 0.5f, 2.0f}).view({1, 3, 1});
  EXPECT_TRUE(at::equal(read(encoded(values, CV_32F, ".tiff")),
                        rgb_image(1, 3, {0, 0, 0, 128, 128, 128, 255, 255, 255})));
}

TEST(ReadImage, LossyFormatsComeClose) {
  const at::Tensor rgb = at::tensor({200, 100, 40}).to(at::kByte).expand({64, 96, 3}).contiguous();
  for (const char* format : {".jpg", ".webp", ".jp2"}) {
    const at::Tensor got = read(encoded(rgb.flip(2).contiguous(), CV_8U, format));
    ASSERT_EQ(got.sizes(), rgb.sizes()) << format;
    EXPECT_LE(got.to(at::kInt).sub(rgb).abs().max().item<int>(), 4) << format;
  }
}

TEST(ReadImage, JpegsOfAllFormsComeClose) {
  const at::Tensor rgb = at::tensor({200, 100, 40}).to(at::kByte).expand({33, 21, 3}).contiguous();
  for (const int progressive : {0, 1}) {
    const std::string bytes =
        encoded(rgb.flip(2).contiguous(), CV_8U, ".jpg",
                {cv::IMWRITE_JPEG_PROGRESSIVE, progressive, cv::IMWRITE_JPEG_RST_INTERVAL, 1});
    EXPECT_FALSE(is_truncated_jpeg(bytes));
    EXPECT_LE(read(bytes).to(at::kInt).sub(rgb).abs().max().item<int>(), 4) << progressive;
  }
}

/// A JPEG with the EXIF orientation "rotated by 90 degrees" put in after its first marker.
TEST(ReadImage, ExifOrientationIsNotApplied) {
  const std::string jpeg = encoded(noise_image(8, 16), CV_8U, ".jpg");
  const std::string exif = "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"s;
  const auto length = static_cast<char>(exif.size() + 2);
  const std::string turned = jpeg.substr(0, 2) + "\xFF\xE1\0"s + length + exif + jpeg.substr(2);
  std::vector<uchar> buffer(turned.begin(), turned.end());
  ASSERT_EQ(cv::imdecode(buffer, cv::IMREAD_COLOR).rows, 16) << "OpenCV understands the orientation";
  EXPECT_TRUE(at::equal(read(turned), read(jpeg)));
}

// Through our own reader: OpenCV makes an image of it, too, but not Pillow's.
TEST(ReadImage, PngsAreReadByReadPng) {
  const std::string path = ldm::testing::golden_path("tiny_img2img_input.png");
  EXPECT_TRUE(at::equal(read_image(path), read_png(path).pixels));
  EXPECT_THAT(error_of<ImageError>([&] { read(encode_png(noise_image(9, 9)).substr(0, 100)); }),
              HasSubstr("expected a whole PNG image, got 'the file ends early'"));
}

TEST(ReadImage, SaysWhatTheFileLooksLike) {
  EXPECT_EQ(error("<!DOCTYPE html><html><body>Not found</body></html>"),
            "an HTML page: the download gave a web page (a login or an error?), not the file");
  EXPECT_EQ(error("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n"),
            "a Git LFS pointer: download the real file");
  EXPECT_EQ(error("PK\x03\x04 and so on"), "a zip archive: unpack it first");
  EXPECT_EQ(error("GIF89a\x01\0\x01\0"s), "a GIF: convert it to PNG first");
  EXPECT_EQ(error("<?xml version='1.0'?><svg xmlns='x'/>"), "an SVG drawing: convert it to PNG first");
  EXPECT_EQ(error("\0\0\0\x18"
                  "ftypheic"s),
            "a HEIC, AVIF or video file: convert it to PNG first");
  EXPECT_EQ(error("%PDF-1.7"), "a PDF document: convert the page to PNG first");
  EXPECT_EQ(error("\x10\0\0\0\0\0\0\0{\"a\":{}}"s), "a .safetensors file: weights, not an image");
  EXPECT_EQ(error("hello\n"), "a file of unknown form that begins with 'hello\\x0a'");
}

TEST(ReadImage, SaysWhichFilesCannotBeRead) {
  const std::string folder = new_folder();
  const auto message = [](const std::string& path) {
    return error_of<files::FileError>([&] { read_image(path); });
  };
  EXPECT_EQ(message(folder + "/none.jpg"),
            "'" + folder + "/none.jpg': expected an image file, got nothing: there is no such file");
  EXPECT_THAT(message(folder), HasSubstr("expected an image file, got a directory"));
  EXPECT_THAT(message(write_file(folder + "/empty", "")), HasSubstr("got an empty file"));
}

TEST(ReadImage, CutFilesAreErrors) {
  const at::Tensor rgb = noise_image(40, 30);
  EXPECT_EQ(error(encoded(rgb, CV_8U, ".jpg").substr(0, 1500)),
            "a JPEG that is cut short: download or copy it again");
  for (const auto& [format, name] : std::vector<std::pair<std::string, std::string>>{
           {".bmp", "a BMP"}, {".webp", "a WebP"}, {".tiff", "a TIFF"}}) {
    const std::string whole = encoded(rgb, CV_8U, format);
    EXPECT_EQ(error(whole.substr(0, whole.size() / 2)),
              name + " that is damaged, cut short or of a kind that cannot be read");
  }
}

TEST(ReadImage, SizesThatAreLiesAreErrors) {
  std::string bmp = encoded(noise_image(4, 4), CV_8U, ".bmp");
  bmp.replace(18, 8, "\xFF\xFF\xFF\x7F\xFF\xFF\xFF\x7F");
  EXPECT_NE(error(bmp), "");
  EXPECT_NE(error("P6 1000000 1000000 255\nxxx"), "");
}

TEST(IsTruncatedJpeg, KnowsEveryCut) {
  for (const int progressive : {0, 1}) {
    const std::string whole =
        encoded(noise_image(20, 20), CV_8U, ".jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, progressive});
    EXPECT_FALSE(is_truncated_jpeg(whole));
    EXPECT_FALSE(is_truncated_jpeg(whole + "trailing bytes"));
    for (std::size_t size = 3; size < whole.size(); ++size)
      EXPECT_TRUE(is_truncated_jpeg(whole.substr(0, size)));
  }
  EXPECT_FALSE(is_truncated_jpeg("no JPEG"));
  EXPECT_FALSE(is_truncated_jpeg(""));
}

// A thumbnail inside the EXIF data is a whole JPEG of its own.
TEST(IsTruncatedJpeg, IsNotMisledByAThumbnail) {
  const std::string jpeg = encoded(noise_image(8, 8), CV_8U, ".jpg");
  const std::string size{static_cast<char>((jpeg.size() + 2) >> 8), static_cast<char>(jpeg.size() + 2)};
  const std::string with_thumbnail = "\xFF\xD8\xFF\xE1" + size + jpeg + jpeg.substr(2);
  EXPECT_FALSE(is_truncated_jpeg(with_thumbnail));
  EXPECT_TRUE(is_truncated_jpeg(with_thumbnail.substr(0, with_thumbnail.size() - 10)));
}

TEST(LoadImg, IsTheReferencesPipeline) {
  auto golden = ldm::checkpoint::open_checkpoint(ldm::testing::golden_path("load_img_lanczos.safetensors"));
  const at::Tensor in = golden.tensor("333x211.in").tensor;
  const std::string path = new_folder() + "/image.png";
  write_png(path, in);
  const at::Tensor got = load_img(path);
  EXPECT_TRUE(at::equal(got, image_to_tensor(golden.tensor("333x211.out").tensor)));
  EXPECT_EQ(got.scalar_type(), at::kFloat);
  EXPECT_EQ(load_img(path, 8).sizes(), (at::IntArrayRef{1, 3, 208, 328}));
  EXPECT_EQ(load_img(path, 64).sizes(), (at::IntArrayRef{1, 3, 192, 320}));
}

TEST(LoadImg, RefusesImagesThatAreTooSmall) {
  const std::string path = new_folder() + "/image.png";
  write_png(path, noise_image(31, 100));
  EXPECT_EQ(error_of<ImageError>([&] { load_img(path); }),
            "'" + path + "': expected an image of at least 32x32 pixels, got 100x31");
  EXPECT_EQ(load_img(path, 8).sizes(), (at::IntArrayRef{1, 3, 24, 96}));
  EXPECT_THROW(load_img(path, 0), std::invalid_argument);
}

}  // namespace
}  // namespace ldm::data
