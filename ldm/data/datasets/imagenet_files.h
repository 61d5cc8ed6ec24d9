#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ldm::data {

/// The files beside ImageNet's images; see ImageNetBase.

/// The images of a subset, from ROOT/filelist.txt or else from ROOT/data, without the one file that the
/// reference leaves out (it is a PNG under a wrong name). Throws files::FileError, telling what to put where,
/// if there is neither, and for a line that is not SYNSET/FILE.
std::vector<std::string> read_imagenet_list(const std::string& root);

/// ROOT/synset_human.txt: synset -> its names; empty if there is no such file. Throws files::FileError.
std::map<std::string, std::string> read_synset_human(const std::string& root);

/// ROOT/index_synset.yaml: index -> synset. Throws files::FileError if it is missing,
/// config::ConfigError if it is of another form.
std::map<std::int64_t, std::string> read_index_synset(const std::string& root);

/// "n01440764/x.JPEG" -> "n01440764".
std::string synset_of(const std::string& relpath);

}  // namespace ldm::data
