#include "ldm/checkpoint/pickle_writer.h"

#include <limits>
#include <string_view>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/dtype.h"
#include "ldm/checkpoint/pickle_opcodes.h"
#include "ldm/checkpoint/tensor_view.h"

namespace ldm::checkpoint {
namespace {

/// Appends opcodes with their arguments. Nothing is memoised: the text of a tensor's entry is some 250 bytes.
class PickleText {
 public:
  PickleText& op(Op code) {
    out_ += static_cast<char>(code);
    return *this;
  }
  PickleText& protocol(std::uint8_t number) { return byte(Op::kProto, number); }
  PickleText& text(std::string_view value) {
    op(Op::kBinUnicode);
    append_le(out_, static_cast<std::uint32_t>(value.size()));
    out_ += value;
    return *this;
  }
  PickleText& global(std::string_view module, std::string_view name) {
    op(Op::kGlobal);
    out_.append(module).append("\n").append(name).append("\n");
    return *this;
  }
  PickleText& integer(std::int64_t value) {
    if (value >= 0 && value <= 0xff) return byte(Op::kBinInt1, static_cast<std::uint8_t>(value));
    if (value >= std::numeric_limits<std::int32_t>::min() &&
        value <= std::numeric_limits<std::int32_t>::max()) {
      op(Op::kBinInt);
      append_le(out_, static_cast<std::int32_t>(value));
      return *this;
    }
    byte(Op::kLong1, sizeof value);
    append_le(out_, value);
    return *this;
  }
  /// Big-endian, unlike all other numbers of a pickle.
  PickleText& real(double value) {
    op(Op::kBinFloat);
    std::string bytes;
    append_le(bytes, value);
    out_.append(bytes.rbegin(), bytes.rend());
    return *this;
  }
  PickleText& truth(bool value) { return op(value ? Op::kNewTrue : Op::kNewFalse); }
  PickleText& integers(const std::vector<std::int64_t>& values) {
    op(Op::kMark);
    for (const std::int64_t value : values) integer(value);
    return op(Op::kTuple);
  }
  std::string take() { return std::move(out_); }

 private:
  PickleText& byte(Op code, std::uint8_t value) {
    op(code);
    out_ += static_cast<char>(value);
    return *this;
  }

  std::string out_;
};

std::int64_t element_count(const NamedTensorSource& source) {
  return contiguous_bytes(source.sizes, c10::elementSize(source.dtype)) /
         static_cast<std::int64_t>(c10::elementSize(source.dtype));
}

void append_tensor(PickleText& pickle, const NamedTensorSource& source, std::size_t key) {
  pickle.global("torch._utils", "_rebuild_tensor_v2").op(Op::kMark);
  pickle.op(Op::kMark).text("storage").global("torch", storage_class_of_dtype(source.dtype));
  pickle.text(std::to_string(key)).text("cpu").integer(element_count(source));
  pickle.op(Op::kTuple).op(Op::kBinPersId);
  pickle.integer(0).integers(source.sizes).integers(contiguous_strides(source.sizes));
  pickle.truth(false);                                                              // requires_grad
  pickle.global("collections", "OrderedDict").op(Op::kEmptyTuple).op(Op::kReduce);  // backward hooks
  pickle.op(Op::kTuple).op(Op::kReduce);
}

struct AppendScalar {
  PickleText& pickle;
  void operator()(bool value) const { pickle.truth(value); }
  void operator()(std::int64_t value) const { pickle.integer(value); }
  void operator()(double value) const { pickle.real(value); }
  void operator()(const std::string& value) const { pickle.text(value); }
};

/// Walks a tree and counts its tensors on the way.
class TreeWriter {
 public:
  explicit TreeWriter(PickleText& pickle) : pickle_(pickle) {}

  void append(const CkptValue& value) {
    switch (value.kind) {
      case CkptValue::Kind::none:
        pickle_.op(Op::kNone);
        return;
      case CkptValue::Kind::scalar:
        std::visit(AppendScalar{pickle_}, value.scalar);
        return;
      case CkptValue::Kind::tensor:
        append_tensor(pickle_, value.tensor, tensors_++);
        return;
      case CkptValue::Kind::list:
        return append_filled(Op::kEmptyList, value, Op::kAppends);
      case CkptValue::Kind::dict:
        return append_filled(Op::kEmptyDict, value, Op::kSetItems);
      case CkptValue::Kind::tuple:
        pickle_.op(Op::kMark);
        for (const CkptValue& item : value.items) append(item);
        pickle_.op(Op::kTuple);
        return;
    }
  }

 private:
  void append_filled(Op empty, const CkptValue& value, Op fill) {
    pickle_.op(empty).op(Op::kMark);
    for (const CkptValue& item : value.items) append(item);
    pickle_.op(fill);
  }

  PickleText& pickle_;
  std::size_t tensors_ = 0;
};

}  // namespace

std::string make_ckpt_pickle(const CkptValue& top) {
  PickleText pickle;
  pickle.protocol(2);
  TreeWriter(pickle).append(top);
  pickle.op(Op::kStop);
  return pickle.take();
}

}  // namespace ldm::checkpoint
