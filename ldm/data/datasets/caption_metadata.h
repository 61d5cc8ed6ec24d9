#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ldm::data {

/// An image with its captions.
struct CaptionedImage {
  std::string file;                   ///< inside the folder, such as "a/b.png"
  std::vector<std::string> captions;  ///< at least one; UTF-8; may be empty texts
};

/// Which images a folder holds and what is on them, sorted by the bytes of `file`, each once.
///
/// From `metadata`, a file inside the folder; without it from metadata.jsonl, else from metadata.csv, and if
/// there is neither from a NAME.txt beside each image NAME.png (.jpg, ...), at any depth.
/// - *.jsonl, as Hugging Face's imagefolder reads it: in each line {"file_name": "a/b.png", "text": "..."};
///   `text` may also be a list of texts. Other keys are ignored.
/// - *.csv: a header that has file_name and text; RFC 4180.
/// - NAME.txt: each line that is not empty is a caption.
///
/// Several lines for one file are several captions. Throws files::FileError, with file and line, for what
/// cannot be read or is of another form, for an image that is not there or whose path leaves the folder, an
/// image without a caption, and a folder without any.
std::vector<CaptionedImage> read_captions(const std::string& folder,
                                          const std::optional<std::string>& metadata);

}  // namespace ldm::data
