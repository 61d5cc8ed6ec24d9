#pragma once

#include <cstddef>
#include <string>

namespace ldm::checkpoint {

/// Makes a file that is cut short while it is mapped an error instead of the end of the process: for `main`,
/// once, before any checkpoint is opened. Installs a handler of SIGBUS that, for a fault inside a mapping of
/// this folder and nowhere else, puts a page of zeros there and marks the mapping. `StateDict` looks at the
/// mark when it opens and reads, and programs must call `check_mappings` before they believe a result that
/// was computed from mapped weights. Faults elsewhere go to the handler that was there before. The library
/// itself never installs it: signals belong to the program.
void install_mapping_guard();

/// Gives the calling thread a stack for signal handlers (those with SA_ONSTACK), unless it has one.
///
/// oneDNN's sgemm for AVX points the stack register into a block of the heap: a handler that ran there would
/// write over the heap's own data. install_mapping_guard does this for the thread that calls it, load_model
/// for torch's threads.
void use_signal_stack();

/// Throws CheckpointError naming the file if any mapping that is open was cut short. Cheap: for every step of
/// a sampler.
void check_mappings();

/// Lets go of the memory of bytes in a mapping of this folder that nobody has written to; they are read again
/// when they are touched. Does nothing for bytes that lie elsewhere or in a mapping that is not on the
/// guard's list.
void release_mapped(const void* data, std::size_t size);

/// For MappedFile. Enters a mapping in the guard's list and gives its place there, or -1 if the list is full
/// (then a cut file ends the process, as without a guard). Thread-safe.
int guard_mapping(const void* data, std::size_t size, const std::string& path);
/// Takes it off the list; to be called before the memory is unmapped.
void unguard_mapping(int place);
/// Whether a fault has marked the mapping.
bool is_mapping_cut(int place);
/// Throws the CheckpointError for a file that was cut.
[[noreturn]] void throw_cut_file(const std::string& path);

}  // namespace ldm::checkpoint
