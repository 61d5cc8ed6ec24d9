#include "ldm/checkpoint/dtype.h"

#include <array>

#include "ldm/checkpoint/error.h"

namespace ldm::checkpoint {
namespace {

using c10::ScalarType;

struct DtypeName {
  std::string_view name;
  ScalarType dtype;
};

constexpr std::array kStorageClasses{
    DtypeName{"FloatStorage", ScalarType::Float},       DtypeName{"HalfStorage", ScalarType::Half},
    DtypeName{"BFloat16Storage", ScalarType::BFloat16}, DtypeName{"DoubleStorage", ScalarType::Double},
    DtypeName{"LongStorage", ScalarType::Long},         DtypeName{"IntStorage", ScalarType::Int},
    DtypeName{"ShortStorage", ScalarType::Short},       DtypeName{"CharStorage", ScalarType::Char},
    DtypeName{"ByteStorage", ScalarType::Byte},         DtypeName{"BoolStorage", ScalarType::Bool}};

constexpr std::array kSafetensorsNames{DtypeName{"F64", ScalarType::Double},
                                       DtypeName{"F32", ScalarType::Float},
                                       DtypeName{"F16", ScalarType::Half},
                                       DtypeName{"BF16", ScalarType::BFloat16},
                                       DtypeName{"I64", ScalarType::Long},
                                       DtypeName{"I32", ScalarType::Int},
                                       DtypeName{"I16", ScalarType::Short},
                                       DtypeName{"I8", ScalarType::Char},
                                       DtypeName{"U8", ScalarType::Byte},
                                       DtypeName{"BOOL", ScalarType::Bool},
                                       DtypeName{"U16", ScalarType::UInt16},
                                       DtypeName{"U32", ScalarType::UInt32},
                                       DtypeName{"U64", ScalarType::UInt64},
                                       DtypeName{"F8_E4M3", ScalarType::Float8_e4m3fn},
                                       DtypeName{"F8_E5M2", ScalarType::Float8_e5m2}};

constexpr std::array<std::string_view, 21> kTorchDtypes{
    "float32", "float", "float64",   "double", "float16", "half",   "bfloat16",
    "int64",   "long",  "int32",     "int",    "int16",   "short",  "int8",
    "uint8",   "bool",  "complex64", "uint16", "uint32",  "uint64", "complex128"};

template <std::size_t N>
std::optional<ScalarType> find_dtype(const std::array<DtypeName, N>& table, std::string_view name) {
  for (const DtypeName& row : table) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

template <std::size_t N>
std::string find_name(const std::array<DtypeName, N>& table, ScalarType dtype, const char* format) {
  for (const DtypeName& row : table) {
    if (row.dtype == dtype) return std::string(row.name);
  }
  throw CheckpointError(std::string("expected an element type that ") + format + " can hold, got " +
                        c10::toString(dtype) + ": convert the tensor first");
}

}  // namespace

std::optional<ScalarType> dtype_of_storage_class(std::string_view name) {
  return find_dtype(kStorageClasses, name);
}

std::string storage_class_of_dtype(ScalarType dtype) {
  return find_name(kStorageClasses, dtype, "a .ckpt file");
}

std::optional<ScalarType> dtype_of_safetensors_name(std::string_view name) {
  return find_dtype(kSafetensorsNames, name);
}

std::string safetensors_name_of_dtype(ScalarType dtype) {
  return find_name(kSafetensorsNames, dtype, "a .safetensors file");
}

bool is_torch_dtype_name(std::string_view name) {
  for (const std::string_view known : kTorchDtypes) {
    if (known == name) return true;
  }
  return false;
}

}  // namespace ldm::checkpoint
