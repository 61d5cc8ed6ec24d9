#pragma once

#include <string>
#include <vector>

namespace ldm::data {

/// The files below `folder`, at any depth, whose names end in one of `extensions` (".png"; upper and lower
/// case alike): paths inside the folder, sorted by their bytes. Names that begin with a dot are passed over,
/// with what is inside them. Links to files are followed, links to folders are not. Throws files::FileError
/// if the folder, or one in it, cannot be read.
std::vector<std::string> find_files(const std::string& folder, const std::vector<std::string>& extensions);

/// The extensions of images that ImageReaders know, lower case.
const std::vector<std::string>& image_extensions();

/// The text of a file, which must be UTF-8; a byte order mark at its start is dropped. `what` names the kind
/// of file in messages. Throws files::FileError as files::read_file does, and, with the line, for bytes that
/// are not UTF-8.
std::string read_text(const std::string& path, const std::string& what);

/// The lines of a text without their ends ("\n" or "\r\n"). An end of line at the end begins no further line.
std::vector<std::string> split_lines(const std::string& text);

/// A text that changes when a file (paths inside `folder`) has another name, size or time of change, or
/// `options` another text: their number, their bytes and a 64-bit hash. Files that are missing count as such.
std::string fingerprint_of(const std::string& folder, const std::vector<std::string>& paths,
                           const std::string& options);

/// "FILE:LINE", as messages begin.
std::string line_of(const std::string& path, std::size_t line);

}  // namespace ldm::data
