#pragma once

/* What libldm_cuda.so offers, in plain C, so that plug-in and program share no C++ type and no symbol.
 *
 * Every function but device_count, last_error returns 0 on success and another number on failure; last_error
 * then says why, in the words of CUDA or torch. No function throws. Bytes are bytes, `index` is CUDA's number
 * of the device (after CUDA_VISIBLE_DEVICES). All may be called from any thread. */

#include <stddef.h>
#include <stdint.h>

/* Rises with every change of LdmCudaTable. */
#define LDM_CUDA_PLUGIN_VERSION 1
#define LDM_CUDA_PLUGIN_FILE "libldm_cuda.so"
#define LDM_CUDA_PLUGIN_ENTRY "ldm_cuda_plugin"

#ifdef __cplusplus
extern "C" {
#endif

struct LdmCudaTable {
  /* First for good: the caller writes the version it speaks, the plug-in answers with its own. */
  uint32_t version;
  /* LibTorch's version that the plug-in was compiled with, such as "2.11.0". */
  const char* torch_version;
  /* Devices that CUDA sees; -1 on failure (a driver too old for this CUDA, for one). */
  int (*device_count)(void);
  /* Writes the marketing name, cut to size - 1 characters and a closing 0. */
  int (*device_name)(int index, char* buffer, size_t size);
  /* Runs one small kernel: fails where this build of torch holds no code for the device. */
  int (*check_device)(int index);
  int (*memory_info)(int index, int64_t* free_bytes, int64_t* total_bytes);
  /* Highest marks of torch's caching allocator since the last reset: held by tensors, held in all. */
  int (*peak_memory)(int index, int64_t* allocated_bytes, int64_t* reserved_bytes);
  int (*reset_peak_memory)(int index);
  /* Gives cached blocks of every device back to the driver. */
  int (*empty_cache)(void);
  /* Waits until the device has done all work given to it. */
  int (*synchronize)(int index);
  /* Options of torch's caching allocator as in PYTORCH_ALLOC_CONF ("expandable_segments:True"). Before the
   * first allocation. */
  int (*set_allocator)(const char* settings);
  /* Why this thread's last failed call failed; "" before any. Valid until the thread's next failure. */
  const char* (*last_error)(void);
};

/* Fills `table` and returns 0. When table->version is not the plug-in's, writes only the plug-in's version
 * there and returns another number. */
int ldm_cuda_plugin(struct LdmCudaTable* table);

#ifdef __cplusplus
}
#endif
