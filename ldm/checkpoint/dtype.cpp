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

constexpr std::array kTorchDtypes{DtypeName{"float32", ScalarType::Float},
                                  DtypeName{"float", ScalarType::Float},
                                  DtypeName{"float64", ScalarType::Double},
                                  DtypeName{"double", ScalarType::Double},
                                  DtypeName{"float16", ScalarType::Half},
                                  DtypeName{"half", ScalarType::Half},
                                  DtypeName{"bfloat16", ScalarType::BFloat16},
                                  DtypeName{"int64", ScalarType::Long},
                                  DtypeName{"long", ScalarType::Long},
                                  DtypeName{"int32", ScalarType::Int},
                                  DtypeName{"int", ScalarType::Int},
                                  DtypeName{"int16", ScalarType::Short},
                                  DtypeName{"short", ScalarType::Short},
                                  DtypeName{"int8", ScalarType::Char},
                                  DtypeName{"uint8", ScalarType::Byte},
                                  DtypeName{"bool", ScalarType::Bool},
                                  DtypeName{"uint16", ScalarType::UInt16},
                                  DtypeName{"uint32", ScalarType::UInt32},
                                  DtypeName{"uint64", ScalarType::UInt64},
                                  DtypeName{"float8_e4m3fn", ScalarType::Float8_e4m3fn},
                                  DtypeName{"float8_e5m2", ScalarType::Float8_e5m2}};

// Named beside weights, but no weights are of these types.
constexpr std::array<std::string_view, 2> kOtherTorchDtypes{"complex64", "complex128"};

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

std::optional<ScalarType> dtype_of_torch_name(std::string_view name) {
  return find_dtype(kTorchDtypes, name);
}

bool is_torch_dtype_name(std::string_view name) {
  return find_dtype(kTorchDtypes, name) || name == kOtherTorchDtypes[0] || name == kOtherTorchDtypes[1];
}

}  // namespace ldm::checkpoint
