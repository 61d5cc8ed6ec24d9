#include "ldm/checkpoint/pickle_machine.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "ldm/checkpoint/bytes.h"
#include "ldm/checkpoint/error.h"
#include "ldm/checkpoint/torch_hooks.h"
#include "tests/checkpoint/checkpoint_test_util.h"

namespace ldm::checkpoint {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

/// One pickle run with the hooks of torch checkpoints; `value` lives as long as this.
struct PickleRun {
  explicit PickleRun(std::string_view pickle, const PickleLimits& limits = {}) : arena(limits.values) {
    TorchHooks hooks(arena);
    const ByteView bytes{reinterpret_cast<const std::uint8_t*>(pickle.data()), pickle.size()};
    value = run_pickle(bytes, "test", hooks, arena, limits);
  }
  ValueArena arena;
  const Value* value = nullptr;
};

std::string error_of(std::string_view pickle, const PickleLimits& limits = {}) {
  try {
    PickleRun run(pickle, limits);
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "";
}

void expect_says(std::string_view pickle, std::string_view part, const PickleLimits& limits = {}) {
  const std::string error = error_of(pickle, limits);
  EXPECT_NE(error.find(part), std::string::npos)
      << printable(pickle) << "\nexpected '" << part << "' in: " << error;
}

TEST(PickleMachine, Integers) {
  EXPECT_EQ(PickleRun("K\xff."sv).value->integer, 255);
  EXPECT_EQ(PickleRun("M\x01\x02."sv).value->integer, 513);
  EXPECT_EQ(PickleRun("J\xfe\xff\xff\xff."sv).value->integer, -2);
  EXPECT_EQ(PickleRun("\x8a\0."sv).value->integer, 0);
  EXPECT_EQ(PickleRun("\x8a\x01\x80."sv).value->integer, -128);
  EXPECT_EQ(PickleRun("\x8a\x05\0\0\0\0\x01."sv).value->integer, 4294967296);
  EXPECT_EQ(PickleRun("\x8b\x01\0\0\0\x07."sv).value->integer, 7);
  EXPECT_EQ(PickleRun("I-12\n."sv).value->integer, -12);
  EXPECT_EQ(PickleRun("L34L\n."sv).value->integer, 34);
  EXPECT_EQ(PickleRun("I01\n."sv).value->kind, ValueKind::kBool);
  EXPECT_EQ(PickleRun("\x8a\x09\0\0\0\0\0\0\0\0\x01."sv).value->kind, ValueKind::kBigInt);
  EXPECT_EQ(PickleRun("L99999999999999999999999L\n."sv).value->kind, ValueKind::kBigInt);
}

TEST(PickleMachine, OtherScalars) {
  EXPECT_EQ(PickleRun("N."sv).value->kind, ValueKind::kNone);
  EXPECT_EQ(PickleRun("\x88."sv).value->integer, 1);
  EXPECT_EQ(PickleRun("\x89."sv).value->integer, 0);
  EXPECT_EQ(PickleRun("G\x3f\xf8\0\0\0\0\0\0."sv).value->real, 1.5);
  EXPECT_EQ(PickleRun("F2.25\n."sv).value->real, 2.25);
  EXPECT_EQ(PickleRun("F-1e-05\n."sv).value->real, -1e-05);
}

TEST(PickleMachine, Texts) {
  for (const auto pickle : {"X\x02\0\0\0ab."sv,
                            "\x8c\x02"sv
                            "ab."sv,
                            "\x8d\x02\0\0\0\0\0\0\0ab."sv,
                            "U\x02"sv
                            "ab."sv,
                            "T\x02\0\0\0ab."sv, "S'ab'\n."sv, "Vab\n."sv}) {
    const PickleRun run(pickle);
    EXPECT_EQ(run.value->kind, ValueKind::kText);
    EXPECT_EQ(run.value->text, "ab");
  }
  EXPECT_EQ(PickleRun("C\x01z."sv).value->kind, ValueKind::kBytes);
  EXPECT_EQ(PickleRun("B\x01\0\0\0z."sv).value->text, "z");
}

TEST(PickleMachine, ContainersOfAllProtocols) {
  EXPECT_EQ(PickleRun("(K\1K\2K\3t."sv).value->items.size(), 3u);
  EXPECT_EQ(PickleRun("(K\1K\2l."sv).value->kind, ValueKind::kList);
  EXPECT_EQ(PickleRun("(K\1K\2d."sv).value->items.size(), 2u);
  EXPECT_EQ(PickleRun("K\1K\2\x86."sv).value->items[0]->integer, 1);
  EXPECT_EQ(PickleRun("](K\1K\2e."sv).value->items.size(), 2u);
  EXPECT_EQ(PickleRun("}K\1K\2s."sv).value->items[1]->integer, 2);
  EXPECT_EQ(PickleRun("\x8f(K\1\x90."sv).value->kind, ValueKind::kSet);
  EXPECT_EQ(PickleRun("(K\1\x91."sv).value->items.size(), 1u);
}

TEST(PickleMachine, MemoInEveryForm) {
  EXPECT_EQ(PickleRun("K\5q\1"
                      "0h\1."sv)
                .value->integer,
            5);
  EXPECT_EQ(PickleRun("K\5r\1\1\1\1"
                      "0j\1\1\1\1."sv)
                .value->integer,
            5);
  EXPECT_EQ(PickleRun("K\5p77\n0g77\n."sv).value->integer, 5);
  EXPECT_EQ(PickleRun("\x80\4\x95\5\0\0\0\0\0\0\0K\5\x94"
                      "0h\0."sv)
                .value->integer,
            5);
}

TEST(PickleMachine, ObjectsOfIgnoredPackagesAreAcceptedInEveryForm) {
  const auto global = "cpytorch_lightning.callbacks\nModelCheckpoint\n"sv;
  for (const std::string& pickle :
       {std::string(global) + "."s, std::string(global) + ")R}b."s, std::string(global) + ")\x81(K\1K\2u."s,
        std::string(global) + ")}\x92]K\1ab."s, "("s + std::string(global) + "K\1o."s,
        "(K\1ilightning.x\nY\n."s,
        "\x8c\x09omegaconf\x8c\x01"
        "A\x93)R)R."s,
        "cargparse\nNamespace\n)\x81}b."s,
        "cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'f8'\nK\0K\1tRC\x08"
        "12345678tR."s}) {
    EXPECT_EQ(error_of(pickle), "") << printable(pickle);
  }
}

TEST(PickleMachine, MappingsAndSetsThatAreBuiltByCalls) {
  EXPECT_EQ(PickleRun("ccollections\ndefaultdict\n(c__builtin__\nint\ntRK\1K\2s."sv).value->kind,
            ValueKind::kDict);
  EXPECT_EQ(error_of("ccollections\ndefaultdict\n(c__builtin__\nlong\ntR."), "");
  EXPECT_EQ(error_of("ccollections\ndefaultdict\n(cbuiltins\ndict\ntR."), "");
  EXPECT_EQ(PickleRun("c__builtin__\nset\n](K\1K\2e\x85R."sv).value->items.size(), 2u);
  EXPECT_EQ(PickleRun("ccollections\nOrderedDict\n](](K\1K\2ee\x85R."sv).value->items.size(), 2u);
}

TEST(PickleMachine, EveryOtherGlobalIsRefusedByNameAndPlace) {
  struct Attack {
    std::string pickle;
    const char* name;
    const char* place;
  };
  const std::vector<Attack> table = {
      {"cos\nsystem\n(S'x'\ntR.", "'os.system'", "byte 0 "},
      {"\x80\2cposix\nsystem\nU\1x\x85R.", "'posix.system'", "byte 2 "},
      {"\x80\4\x8c\5posix\x8c\6system\x93\x8c\1x\x85R.", "'posix.system'", "byte 17 "},
      {"cbuiltins\neval\n(S'1'\ntR.", "'builtins.eval'", "byte 0 "},
      {"c__builtin__\nexec\n.", "'__builtin__.exec'", "byte 0 "},
      {"c__builtin__\ngetattr\n.", "'__builtin__.getattr'", "byte 0 "},
      {"(S'x'\nios\nsystem\n.", "'os.system'", "byte 6 "},
      {"(cos\nsystem\nS'x'\no.", "'os.system'", "byte 1 "},
      {"csubprocess\nPopen\n)\x81.", "'subprocess.Popen'", "byte 0 "},
      {"cpytorch_lightningX\nf\n.", "'pytorch_lightningX.f'", "byte 0 "},
      {"ctorch\nload\n.", "'torch.load'", "byte 0 "},
      {"ctorch.storage\n_load_from_bytes\n.", "'torch.storage._load_from_bytes'", "byte 0 "},
      {"ctorch._utils\n_rebuild_tensor_v9\n.", "'torch._utils._rebuild_tensor_v9'", "byte 0 "},
      {"cnumpy.core.multiarray\nfromfile\n.", "'numpy.core.multiarray.fromfile'", "byte 0 "},
      {"c\nsystem\n.", "'.system'", "byte 0 "},
  };
  for (const Attack& attack : table) {
    expect_says(attack.pickle, attack.name);
    expect_says(attack.pickle, attack.place);
    expect_says(attack.pickle, "nothing of the file was run");
  }
}

TEST(PickleMachine, AllowedNamesMayNotBeCalledAtWill) {
  expect_says("c__builtin__\nint\n)R.", "'__builtin__.int' to be named only");
  expect_says("ctorch\nFloatStorage\n)R.", "named only");
  expect_says("ctorch\nfloat32\n)R.", "named only");
  expect_says("U\2os)R."sv, "a call of a global, got one of a text");
  expect_says("ctorch._utils\n_rebuild_tensor_v2\n)R.", "4 to 7 arguments");
  expect_says("ctorch._utils\n_rebuild_tensor_v2\n(K\1K\1K\1K\1tR.", "a tensor's storage");
  expect_says("ctorch._utils\n_rebuild_tensor_v3\n)R.", "7 to 8 arguments");
  expect_says("ctorch._utils\n_rebuild_tensor_v3\n(NNNNNNNtR.", "a tensor's storage");
  expect_says("ccollections\nOrderedDict\nK\1\x85R.", "the pairs of an OrderedDict");
  expect_says("ccollections\nOrderedDict\n](](K\1ee\x85R.", "pairs of key and value");
  expect_says("ccollections\ndefaultdict\nU\2os\x85R."sv, "the factory of a defaultdict");
}

TEST(PickleMachine, BrokenPicklesAreRefused) {
  struct Broken {
    std::string_view pickle;
    const char* says;
  };
  const std::vector<Broken> table = {
      {""sv, "end of the pickle"},
      {"N"sv, "end of the pickle"},
      {"."sv, "a value on the stack"},
      {"0."sv, "a value on the stack"},
      {"t."sv, "a mark on the stack"},
      {"1."sv, "a mark on the stack"},
      {"K\1(."sv, "a value on the stack"},
      {"(o."sv, "expected a class"},
      {"K\1\x86."sv, "a value on the stack"},
      {"X\xff\xff\xff\xff"
       "ab"sv,
       "expected 4294967295 bytes"},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
       "ab"sv,
       "expected 18446744073709551615 bytes"},
      {"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"
       "ab"sv,
       "end of the pickle"},
      {"\x96\0\0\0\0\0\1\0\0"
       "ab"sv,
       "end of the pickle"},
      {"T\xff\xff\xff\xff"
       "ab"sv,
       "a negative number"},
      {"\x8b\xff\xff\xff\xff"
       "ab"sv,
       "a negative number"},
      {"\x8b\xff\xff\xff\x7f"
       "ab"sv,
       "end of the pickle"},
      {"h\1."sv, "memo slot 1"},
      {"g-1\n."sv, "a memo slot, got '-1'"},
      {"Ihello\n."sv, "an integer, got 'hello'"},
      {"F1.5x\n."sv, "a number, got '1.5x'"},
      {"F\n."sv, "a number, got ''"},
      {"S'a\\n'\n."sv, "without escapes"},
      {"Sabc\n."sv, "a quoted text"},
      {"cos"sv, "expected a line"},
      {"\x80\6N."sv, "protocol of at most 5"},
      {"\x82\1."sv, "got number 130"},
      {"\x97."sv, "got number 151"},
      {"Pid\n."sv, "got number 80"},
      {"\0."sv, "got number 0"},
      {"}K\1K\2K\3u."sv, "a mark on the stack"},
      {"}(K\1u."sv, "an odd number"},
      {"(K\1d."sv, "an odd number"},
      {"K\1K\2a."sv, "a list to add to, got an integer"},
      {"]K\1K\2s."sv, "a mapping to add to, got a list"},
      {"](K\1\x90."sv, "a set to add to, got a list"},
      {"K\1K\2\x93."sv, "a module and a name as texts"},
      {"cargparse\nNamespace\nK\1R."sv, "a tuple of arguments"},
      {"cargparse\nNamespace\n)K\1\x92."sv, "a mapping of keyword arguments"},
      {"K\1}b."sv, "an object to give a state to"},
      {"K\1Q."sv, "a tuple as a persistent id"},
      {")Q."sv, "expected a persistent id ("},
  };
  for (const Broken& broken : table) expect_says(broken.pickle, broken.says);
}

TEST(PickleMachine, LimitsHold) {
  PickleLimits limits;
  limits.values = 1000;
  limits.stack = 100;
  limits.memo = 50;
  limits.depth = 20;
  const std::string deep_lists = std::string(30, ']') + std::string(29, 'a') + ".";
  expect_says(deep_lists, "20 levels", limits);
  std::string deep_tuples = ")";
  for (int i = 0; i < 30; ++i) deep_tuples += '\x85';
  expect_says(deep_tuples + ".", "20 levels", limits);
  expect_says(std::string(200, ']') + ".", "100 values on the stack", limits);
  expect_says(std::string(200, '('), "100 marks", limits);
  std::string values;
  for (int i = 0; i < 2000; ++i) values += "N0";
  expect_says(values + "N.", "1000 values", limits);
  std::string slots = "N";
  for (int i = 0; i < 100; ++i) slots += "q"s + static_cast<char>(i);
  expect_says(slots + ".", "50 memo entries", limits);
}

TEST(PickleMachine, SelfContainedListsAndLoopsOfDoublingDoNoHarm) {
  EXPECT_EQ(error_of("]q\0h\0a."sv), "");
  std::string laughs = "]q"s + '\0';
  for (char i = 0; i < 40; ++i) laughs += "](h"s + i + "h"s + i + "eq"s + static_cast<char>(i + 1);
  EXPECT_EQ(error_of(laughs + "."), "");
}

TEST(PickleMachine, OneLongListMayNotBeCopiedAgainAndAgain) {
  PickleLimits limits;
  limits.values = 10000;
  std::string pickle = "](";
  for (int i = 0; i < 1000; ++i) pickle += "N";
  pickle += "e\x85q"s + '\0' + "0";
  for (int i = 0; i < 20; ++i) pickle += "cbuiltins\nset\nh"s + '\0' + "R0";
  expect_says(pickle + "N.", "10000 values", limits);
}

TEST(PickleMachine, HugeMemoSlotsTakeNoMemory) {
  EXPECT_EQ(PickleRun("K\5r\xff\xff\xff\xff"
                      "0j\xff\xff\xff\xff."sv)
                .value->integer,
            5);
  EXPECT_EQ(PickleRun("K\5p18446744073709551615\n."sv).value->integer, 5);
}

TEST(PickleMachine, PlacesInContainersCountAsValues) {
  PickleLimits limits;
  limits.values = 1000;
  std::string gets;
  for (int i = 0; i < 1001; ++i) gets += "h\0"s;
  const std::string one = "Nq\0000"s;  // None in memo slot 0
  expect_says(one + "](" + gets + "e.", "1000 values", limits);
  expect_says(one + "(" + gets + "t.", "1000 values", limits);
  expect_says(one + "(" + gets + "l.", "1000 values", limits);
  expect_says(one + "(" + gets + "\x91.", "1000 values", limits);
  expect_says(one + "\x8f(" + gets + "\x90.", "1000 values", limits);
  expect_says(one + "}(" + gets + "h\0u."s, "1000 values", limits);
  expect_says(one + "(" + gets + "h\0d."s, "1000 values", limits);
  std::string twos = one + "h\0h\0\x86q\1"s;
  for (int i = 0; i < 500; ++i) twos += "h\1h\1\x86q\1"s;
  expect_says(twos + ".", "1000 values", limits);
}

TEST(PickleMachine, LengthIsThatOfTheFirstPickle) {
  const std::string two = "K\1.K\2."s;
  ValueArena arena(10);
  TorchHooks hooks(arena);
  const ByteView bytes{reinterpret_cast<const std::uint8_t*>(two.data()), two.size()};
  std::uint64_t length = 0;
  EXPECT_EQ(run_pickle(bytes, "test", hooks, arena, {}, &length)->integer, 1);
  EXPECT_EQ(length, 3u);
  EXPECT_EQ(run_pickle(bytes.slice(length, 3), "test", hooks, arena, {}, &length)->integer, 2);
}

TEST(PickleMachine, StoragesAreNotedAsOftenAsTheyAreNamed) {
  const std::string id = "(U\7storagectorch\nFloatStorage\nU\1kU\3cpuK\4t"s;
  const std::string pickle = "](" + id + "Q" + id + "Qe.";
  ValueArena arena(100);
  TorchHooks hooks(arena);
  run_pickle({reinterpret_cast<const std::uint8_t*>(pickle.data()), pickle.size()}, "test", hooks, arena);
  ASSERT_EQ(hooks.storages().size(), 2u);
  EXPECT_EQ(hooks.storages()[1]->items[2]->text, "k");
}

/// These would take minutes or the whole memory if a step cost more than what it adds.
TEST(PickleMachine, NothingIsQuadratic) {
  constexpr int kTimes = 400000;
  std::string marks;
  std::string tuples = "N";
  std::string same_bucket = "N";
  std::string long_names = "}(X\0\0\1\0"s + std::string(65536, 'n') + "q\1"s + "N";
  for (int i = 0; i < kTimes; ++i) {
    marks += "(1";
    tuples += "0(NNNt";
    // 85229 and 172933 are numbers of buckets that a hash table takes on its way.
    if (i < 100000)
      same_bucket += "p" + std::to_string(85229ULL * 172933ULL * static_cast<unsigned>(i)) + "\n";
    long_names += "h\1N"s;
  }
  EXPECT_EQ(error_of(marks + "N."), "");
  EXPECT_EQ(error_of(tuples + "."), "");
  EXPECT_EQ(error_of(same_bucket + "."), "");
  EXPECT_EQ(error_of(long_names + "u."), "");
}

}  // namespace
}  // namespace ldm::checkpoint
