#include "ldm/checkpoint/open_checkpoint.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/checkpoint/checkpoint_test_util.h"
#include "tests/support/paths.h"

namespace ldm::checkpoint {
namespace {

using testing::error_of;
using testing::error_of_bytes;
using testing::write_file;
using testing::zip_bytes;
using namespace std::string_literals;
using namespace std::string_view_literals;

void expect_says(const std::string& error, std::string_view part) {
  EXPECT_NE(error.find(part), std::string::npos) << "expected '" << part << "' in: " << error;
}

TEST(OpenCheckpoint, MissingFile) {
  const std::string path = ldm::testing::temp_dir() + "/none.ckpt";
  expect_says(error_of(path), "no such file");
  expect_says(error_of(path), path);
}

TEST(OpenCheckpoint, Directory) {
  expect_says(error_of(ldm::testing::temp_dir()), "a directory");
}

TEST(OpenCheckpoint, EmptyFile) {
  expect_says(error_of_bytes(""), "an empty file");
}

TEST(OpenCheckpoint, PipeDoesNotHang) {
  const std::string path = ldm::testing::temp_dir() + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_says(error_of(path), "not a regular file");
}

TEST(OpenCheckpoint, DevicesAreNoFiles) {
  expect_says(error_of("/dev/zero"), "not a regular file");
}

TEST(OpenCheckpoint, GitLfsPointer) {
  const auto pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00ff\nsize 4265380512\n"sv;
  expect_says(error_of_bytes(pointer), "Git LFS pointer: download the real file");
}

TEST(OpenCheckpoint, HtmlPages) {
  for (const auto page :
       {"<!DOCTYPE html><html>"sv, "\n  <html lang=en>"sv, "\xEF\xBB\xBF<!doctype HTML>"sv, "<HTML>"sv}) {
    expect_says(error_of_bytes(page), "HTML page");
  }
}

TEST(OpenCheckpoint, Gzip) {
  expect_says(error_of_bytes("\x1f\x8b\x08\0\0\0\0\0\0\x03"sv), "gzip");
}

TEST(OpenCheckpoint, TarOfTheFirstTorchVersions) {
  std::string tar("sys_info");
  tar.resize(257);
  tar += "ustar";
  tar.resize(1024);
  expect_says(error_of_bytes(tar), "first versions of PyTorch");
}

TEST(OpenCheckpoint, BarePickle) {
  expect_says(error_of_bytes("\x80\x04}."sv), "bare pickle");
}

TEST(OpenCheckpoint, ModelsOfOtherPrograms) {
  const std::vector<std::pair<std::string, const char*>> table = {
      {"GGUF\3\0\0\0"s, "a GGUF file"},
      {"lmgg\1\0\0\0"s, "a GGML file"},
      {"\x89HDF\r\n\x1a\n"s, "an HDF5 file"},
      {"\x93NUMPY\1\0"s, "a NumPy array"},
      {"\x1c\0\0\0TFL3"s, "a TensorFlow Lite model"},
      {"\x08\x07\x12\x07pytorch\x1a\x03"s, "an ONNX model"},
      {"\x08\x08\x12\x0cskl2onnx-1.9\x1a"s, "an ONNX model"},
      {std::string(100, '\1') + "\x57\xfb\x80\x8b\x24\x75\x47\xdb", "a TensorFlow checkpoint"},
  };
  for (const auto& [bytes, what] : table) {
    expect_says(error_of_bytes(bytes), std::string(what) + ": take the .ckpt or .safetensors file");
  }
}

TEST(OpenCheckpoint, AnswersOfServers) {
  expect_says(error_of_bytes(R"({"error":"Access is restricted"})"), "a JSON text");
  expect_says(error_of_bytes("<?xml version=\"1.0\"?><Error/>"), "an XML text");
  expect_says(error_of_bytes("Entry not found"), "a text that begins with 'Entry not found'");
}

TEST(OpenCheckpoint, DownloadsThatAreNotFinished) {
  expect_says(error_of_bytes(std::string(5000, '\0')), "nothing but zeros");
  const std::string whole = testing::read_file(ldm::testing::golden_path("nano_bare_f16.ckpt"));
  const std::string hint = "by its name the download is not finished";
  for (const char* name : {"m.ckpt.part", "m.ckpt.crdownload", "m.ckpt.aria2"}) {
    expect_says(error_of(write_file(name, whole.substr(0, 1000))), hint);
    EXPECT_EQ(error_of(write_file(name, whole)), "");
  }
  EXPECT_EQ(error_of(write_file("m.ckpt", whole.substr(0, 1000))).find(hint), std::string::npos);
}

TEST(OpenCheckpoint, UnknownFormShowsItsFirstBytes) {
  expect_says(error_of_bytes("\x01hello"sv), "unknown form that begins with '\\x01hello'");
}

TEST(OpenCheckpoint, OneByte) {
  EXPECT_NE(error_of_bytes("P"), "");
}

TEST(OpenCheckpoint, TorchScriptArchive) {
  const std::string pickle = "\x80\x02}.";
  const auto text = "TorchScript archive"sv;
  expect_says(error_of_bytes(zip_bytes({{"m/data.pkl", pickle}, {"m/constants.pkl", pickle}})), text);
  expect_says(error_of_bytes(zip_bytes({{"m/data.pkl", pickle}, {"m/code/__torch__.py", ""}})), text);
}

TEST(OpenCheckpoint, OtherZipFiles) {
  for (const char* name : {"model.ckpt", "sd/v1-5.safetensors", "a.pt", "b.pth", "c.bin"}) {
    expect_says(error_of_bytes(zip_bytes({{"readme.txt", "abc"}, {name, "abc"}})),
                "unpack it first, it holds '" + std::string(name) + "'");
  }
  expect_says(error_of_bytes(zip_bytes({{"readme.txt", "abc"}})), "none of its 1 entries is called like");
  expect_says(error_of_bytes(zip_bytes({})), "without an entry ROOT/data.pkl");
  expect_says(error_of_bytes(zip_bytes({{"a/data.pkl", "N."}, {"b/data.pkl", "N."}})), "got several");
}

TEST(OpenCheckpoint, BigEndianFile) {
  expect_says(error_of_bytes(zip_bytes({{"x/data.pkl", "N."}, {"x/byteorder", "big"}})),
              "byte order 'little'");
  expect_says(error_of_bytes(zip_bytes({{"x/data.pkl", "N."}, {"x/byteorder", "bigger"}})),
              "byte order 'little'");
}

TEST(OpenCheckpoint, TheNameOfTheFileDecidesNothing) {
  const std::string bytes = testing::read_file(ldm::testing::golden_path("nano_bare_f16.ckpt"));
  EXPECT_EQ(open_checkpoint(write_file("misnamed.safetensors", bytes)).format(), "pytorch-zip");
}

}  // namespace
}  // namespace ldm::checkpoint
