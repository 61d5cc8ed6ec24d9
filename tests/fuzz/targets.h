#pragma once

#include <string_view>

namespace ldm::fuzz {

// Each function does with its input all that a program might do with such a file. An error of the documented
// kind passes; anything else leaves the function as an exception, or ends the process by a sanitizer.

/// A checkpoint file of any form: names, places, tensors, checksums, notes.
void fuzz_checkpoint(std::string_view input);

/// The pickle of a torch checkpoint, without the zip file around it, with the usual limits and with small
/// ones.
void fuzz_pickle(std::string_view input);

/// The index of a checkpoint in several files; the files are not opened.
void fuzz_index(std::string_view input);

/// A config and its overrides, each behind a zero byte: every value read as every type.
void fuzz_yaml(std::string_view input);

}  // namespace ldm::fuzz
