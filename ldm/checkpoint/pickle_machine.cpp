#include "ldm/checkpoint/pickle_machine.h"

#include <utility>

#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/pickle_cursor.h"
#include "ldm/checkpoint/pickle_opcodes.h"
#include "ldm/checkpoint/pickle_state.h"

namespace ldm::checkpoint {
namespace {

constexpr std::uint8_t kHighestProtocol = 5;

/// One run. The step_* functions each know one family of opcodes and say whether `op` was theirs.
class Machine {
 public:
  Machine(ByteView pickle, PickleHooks& hooks, ValueArena& arena, const PickleLimits& limits)
      : cursor_(pickle), hooks_(hooks), state_(arena, limits), stack_(state_.stack()) {}

  const Value* run();
  /// Byte of the opcode at work.
  std::uint64_t position() const { return position_; }
  /// Byte behind all that was read.
  std::uint64_t end() const { return cursor_.position(); }

 private:
  bool step_number(Op op);
  bool step_text(Op op);
  bool step_stack(Op op);
  bool step_memo(Op op);
  bool step_container(Op op);
  bool step_fill(Op op);
  bool step_object(Op op);

  void push_call(const Value& callable, const Value& args);
  void push_instance();
  void push_stack_global();
  void new_object_ex();
  void build();
  static void check_protocol(std::uint8_t protocol);

  PickleCursor cursor_;
  PickleHooks& hooks_;
  PickleState state_;
  PickleStack& stack_;
  std::uint64_t position_ = 0;
};

const Value* Machine::run() {
  for (;;) {
    position_ = cursor_.position();
    const Op op{cursor_.number<std::uint8_t>()};
    if (op == Op::kStop) return stack_.pop();
    const bool known = step_memo(op) || step_number(op) || step_text(op) || step_stack(op) ||
                       step_container(op) || step_fill(op) || step_object(op);
    if (!known) {
      throw PickleRefusal{"expected an opcode that a checkpoint uses, got number " +
                          std::to_string(static_cast<int>(op)) + "; nothing of the file was run"};
    }
  }
}

bool Machine::step_number(Op op) {
  switch (op) {
    case Op::kNone:
      state_.push_none();
      return true;
    case Op::kNewTrue:
      state_.push_bool(true);
      return true;
    case Op::kNewFalse:
      state_.push_bool(false);
      return true;
    case Op::kBinInt:
      state_.push_int(cursor_.number<std::int32_t>());
      return true;
    case Op::kBinInt1:
      state_.push_int(cursor_.number<std::uint8_t>());
      return true;
    case Op::kBinInt2:
      state_.push_int(cursor_.number<std::uint16_t>());
      return true;
    case Op::kLong1:
      state_.push_long(cursor_.counted<std::uint8_t>());
      return true;
    case Op::kLong4:
      state_.push_long(cursor_.counted<std::int32_t>());
      return true;
    case Op::kInt:
    case Op::kLong:
      state_.push_int_line(cursor_.line());
      return true;
    case Op::kFloat:
      state_.push_real_line(cursor_.line());
      return true;
    case Op::kBinFloat:
      state_.push_real(cursor_.big_endian_double());
      return true;
    default:
      return false;
  }
}

bool Machine::step_text(Op op) {
  switch (op) {
    case Op::kBinUnicode:
      state_.push_text(ValueKind::kText, cursor_.counted<std::uint32_t>());
      return true;
    case Op::kShortBinUnicode:
      state_.push_text(ValueKind::kText, cursor_.counted<std::uint8_t>());
      return true;
    case Op::kBinUnicode8:
      state_.push_text(ValueKind::kText, cursor_.counted<std::uint64_t>());
      return true;
    case Op::kBinString:  // Python 2's str, which is text to Python 3
      state_.push_text(ValueKind::kText, cursor_.counted<std::int32_t>());
      return true;
    case Op::kShortBinString:
      state_.push_text(ValueKind::kText, cursor_.counted<std::uint8_t>());
      return true;
    case Op::kUnicode:
      state_.push_text(ValueKind::kText, cursor_.line());
      return true;
    case Op::kString:
      state_.push_quoted(cursor_.line());
      return true;
    case Op::kBinBytes:
      state_.push_text(ValueKind::kBytes, cursor_.counted<std::uint32_t>());
      return true;
    case Op::kShortBinBytes:
      state_.push_text(ValueKind::kBytes, cursor_.counted<std::uint8_t>());
      return true;
    case Op::kBinBytes8:
    case Op::kByteArray8:
      state_.push_text(ValueKind::kBytes, cursor_.counted<std::uint64_t>());
      return true;
    default:
      return false;
  }
}

bool Machine::step_stack(Op op) {
  switch (op) {
    case Op::kMark:
      stack_.mark();
      return true;
    case Op::kPop:
      stack_.drop();
      return true;
    case Op::kPopMark:
      stack_.pop_mark();
      return true;
    case Op::kDup:
      stack_.push(stack_.top());
      return true;
    case Op::kProto:
      check_protocol(cursor_.number<std::uint8_t>());
      return true;
    case Op::kFrame:  // a hint on buffering; what lies in the frame follows as usual
      cursor_.number<std::uint64_t>();
      return true;
    default:
      return false;
  }
}

bool Machine::step_memo(Op op) {
  switch (op) {
    case Op::kPut:
      state_.put(memo_slot(cursor_.line()));
      return true;
    case Op::kBinPut:
      state_.put(cursor_.number<std::uint8_t>());
      return true;
    case Op::kLongBinPut:
      state_.put(cursor_.number<std::uint32_t>());
      return true;
    case Op::kMemoize:
      state_.memoize();
      return true;
    case Op::kGet:
      state_.get(memo_slot(cursor_.line()));
      return true;
    case Op::kBinGet:
      state_.get(cursor_.number<std::uint8_t>());
      return true;
    case Op::kLongBinGet:
      state_.get(cursor_.number<std::uint32_t>());
      return true;
    default:
      return false;
  }
}

bool Machine::step_container(Op op) {
  switch (op) {
    case Op::kEmptyDict:
      state_.push_container(ValueKind::kDict, {});
      return true;
    case Op::kEmptyList:
      state_.push_container(ValueKind::kList, {});
      return true;
    case Op::kEmptySet:
      state_.push_container(ValueKind::kSet, {});
      return true;
    case Op::kEmptyTuple:
      state_.push_container(ValueKind::kTuple, {});
      return true;
    case Op::kList:
      state_.push_container(ValueKind::kList, stack_.pop_mark());
      return true;
    case Op::kTuple:
      state_.push_container(ValueKind::kTuple, stack_.pop_mark());
      return true;
    case Op::kFrozenSet:
      state_.push_container(ValueKind::kSet, stack_.pop_mark());
      return true;
    case Op::kTuple1:
      state_.push_tuple_of(1);
      return true;
    case Op::kTuple2:
      state_.push_tuple_of(2);
      return true;
    case Op::kTuple3:
      state_.push_tuple_of(3);
      return true;
    default:
      return false;
  }
}

bool Machine::step_fill(Op op) {
  switch (op) {
    case Op::kDict: {
      const std::vector<const Value*> items = stack_.pop_mark();
      state_.push_container(ValueKind::kDict, {});
      state_.set_items(items);
      return true;
    }
    case Op::kSetItem: {
      const Value* value = stack_.pop();
      const Value* key = stack_.pop();
      state_.set_item(key, value);
      return true;
    }
    case Op::kSetItems:
      state_.set_items(stack_.pop_mark());
      return true;
    case Op::kAppend: {
      const Value* item = stack_.pop();
      state_.append(item, ValueKind::kList);
      return true;
    }
    case Op::kAppends:
      for (const Value* item : stack_.pop_mark()) state_.append(item, ValueKind::kList);
      return true;
    case Op::kAddItems:
      for (const Value* item : stack_.pop_mark()) state_.append(item, ValueKind::kSet);
      return true;
    default:
      return false;
  }
}

bool Machine::step_object(Op op) {
  switch (op) {
    case Op::kGlobal: {
      const std::string_view module = cursor_.line();
      stack_.push(hooks_.find_global(module, cursor_.line()));
      return true;
    }
    case Op::kStackGlobal:
      push_stack_global();
      return true;
    case Op::kInst:
    case Op::kObj:
      if (op == Op::kInst) {
        const std::string_view module = cursor_.line();
        const Value* callable = hooks_.find_global(module, cursor_.line());
        push_call(*callable, *state_.make_tuple(stack_.pop_mark()));
      } else {
        push_instance();
      }
      return true;
    case Op::kReduce:
    case Op::kNewObj: {
      const Value* args = stack_.pop();
      push_call(*stack_.pop(), *args);
      return true;
    }
    case Op::kNewObjEx:
      new_object_ex();
      return true;
    case Op::kBinPersId:
      stack_.push(hooks_.load_persistent(*stack_.pop()));
      return true;
    case Op::kBuild:
      build();
      return true;
    default:
      return false;
  }
}

void Machine::push_call(const Value& callable, const Value& args) {
  if (args.kind != ValueKind::kTuple) {
    throw PickleRefusal{std::string("expected a tuple of arguments, got ") + describe(args.kind)};
  }
  Value* result = hooks_.call(callable, args);
  state_.nest(*result, args);
  stack_.push(result);
}

void Machine::push_instance() {
  std::vector<const Value*> items = stack_.pop_mark();
  if (items.empty()) throw PickleRefusal{"expected a class on the stack, got a mark"};
  const Value* callable = items.front();
  items.erase(items.begin());
  push_call(*callable, *state_.make_tuple(std::move(items)));
}

void Machine::push_stack_global() {
  const Value* name = stack_.pop();
  const Value* module = stack_.pop();
  if (name->kind != ValueKind::kText || module->kind != ValueKind::kText) {
    throw PickleRefusal{std::string("expected a module and a name as texts, got ") + describe(module->kind) +
                        " and " + describe(name->kind)};
  }
  stack_.push(hooks_.find_global(module->text, name->text));
}

void Machine::new_object_ex() {
  const Value* keywords = stack_.pop();
  const Value* args = stack_.pop();
  if (keywords->kind != ValueKind::kDict) {
    throw PickleRefusal{std::string("expected a mapping of keyword arguments, got ") +
                        describe(keywords->kind)};
  }
  push_call(*stack_.pop(), *args);
}

void Machine::build() {
  stack_.pop();
  const ValueKind kind = stack_.top()->kind;
  const bool has_state = kind == ValueKind::kInert || kind == ValueKind::kDict || kind == ValueKind::kSet;
  if (!has_state)
    throw PickleRefusal{std::string("expected an object to give a state to, got ") + describe(kind)};
}

void Machine::check_protocol(std::uint8_t protocol) {
  if (protocol <= kHighestProtocol) return;
  throw PickleRefusal{"expected a pickle protocol of at most 5, got " + std::to_string(protocol)};
}

}  // namespace

const Value* run_pickle(ByteView pickle, const std::string& label, PickleHooks& hooks, ValueArena& arena,
                        const PickleLimits& limits, std::uint64_t* length) {
  Machine machine(pickle, hooks, arena, limits);
  try {
    const Value* value = machine.run();
    if (length != nullptr) *length = machine.end();
    return value;
  } catch (const PickleRefusal& refusal) {
    throw CheckpointError(label + ": byte " + std::to_string(machine.position()) +
                          " of the pickle: " + refusal.what);
  }
}

}  // namespace ldm::checkpoint
