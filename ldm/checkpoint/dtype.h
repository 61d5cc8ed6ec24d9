#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>
#include <string_view>

namespace ldm::checkpoint {

/// The element type of a storage class of Python's torch ("FloatStorage" -> float32); none if there is no
/// such class among those a checkpoint may hold.
std::optional<c10::ScalarType> dtype_of_storage_class(std::string_view name);

/// The storage class that holds elements of a type ("HalfStorage" for float16). Throws CheckpointError for a
/// type that a .ckpt of ours cannot hold.
std::string storage_class_of_dtype(c10::ScalarType dtype);

/// The element type of a .safetensors dtype ("BF16" -> bfloat16); none if it is unknown.
std::optional<c10::ScalarType> dtype_of_safetensors_name(std::string_view name);

/// The .safetensors name of an element type. Throws CheckpointError for a type that the format does not have.
std::string safetensors_name_of_dtype(c10::ScalarType dtype);

/// The element type of a dtype of Python's torch ("float16"), if a checkpoint may hold it.
std::optional<c10::ScalarType> dtype_of_torch_name(std::string_view name);

/// Whether `name` is one of the dtypes of Python's torch ("float32", "bfloat16", ...).
bool is_torch_dtype_name(std::string_view name);

}  // namespace ldm::checkpoint
