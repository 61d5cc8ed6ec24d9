// Times the ops at the shapes of one guidance step of Stable Diffusion v1 at 512x512 (batch 2) and of its
// decoder: the plain version beside the fast one, and in the same run the limits of the machine.
//
// usage: bench_ops [--threads N] [--benchmark_filter=REGEX] [other options of Google Benchmark]
//
// GFLOP counts the operations of the direct algorithm, also where another one needs fewer; GB the bytes of
// inputs and outputs.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "ldm/host_memory.h"
#include "ldm/ops/attention.h"
#include "ldm/ops/conv2d.h"
#include "ldm/ops/cpu/kernels.h"
#include "ldm/ops/cpu/parallel.h"
#include "ldm/ops/geglu.h"
#include "ldm/ops/group_norm.h"
#include "ldm/ops/onednn.h"

namespace {

struct ConvolutionShape {
  std::int64_t batch, ins, outs, side;
};
constexpr ConvolutionShape kConvolutions[] = {
    {2, 320, 320, 64},   {2, 960, 320, 64},  {2, 640, 640, 32}, {2, 1920, 640, 32}, {2, 1280, 1280, 16},
    {2, 2560, 1280, 16}, {2, 1280, 1280, 8}, {1, 512, 512, 64},  // from here on the decoder's
    {1, 256, 256, 512},  {1, 128, 128, 512}};

struct LinearShape {
  std::int64_t rows, ins, outs;
};
constexpr LinearShape kLinears[] = {{8192, 320, 2560},  {8192, 1280, 320}, {2048, 640, 5120},
                                    {512, 1280, 10240}, {512, 5120, 1280}, {8192, 320, 320}};

struct AttentionShape {
  std::int64_t batch, heads, queries, keys, width;
};
constexpr AttentionShape kAttentions[] = {{2, 8, 4096, 4096, 40},
                                          {2, 8, 1024, 1024, 80},
                                          {2, 8, 256, 256, 160},
                                          {2, 8, 4096, 77, 40},
                                          {1, 1, 4096, 4096, 512}};

struct MapShape {
  std::int64_t batch, channels, side;
};
constexpr MapShape kGroupNorms[] = {{2, 320, 64}, {2, 1280, 16}, {1, 128, 512}};

struct MatrixShape {
  std::int64_t rows, columns;
};
constexpr MatrixShape kGeglus[] = {{8192, 2560}, {2048, 5120}};

using Call = std::function<at::Tensor()>;
/// Makes an op's inputs, and the call of it that is timed.
using Maker = std::function<Call()>;

/// What one call does, of what limits it; the other is 0.
struct Amount {
  double flop = 0, bytes = 0;
};

double product(std::initializer_list<std::int64_t> factors) {
  double result = 1;
  for (const std::int64_t factor : factors) result *= static_cast<double>(factor);
  return result;
}

template <typename... Parts>
std::string joined(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

/// The call of a benchmark, after a first one. It is kept until the next benchmark: the library enters each
/// several times, and to make a large map takes longer than to use it.
const Call& prepared(const std::string& name, const Maker& make) {
  static std::string name_of_call;
  static Call call;
  if (name_of_call == name) return call;
  name_of_call.clear();
  call = nullptr;  // its memory first
  call = make();
  call();
  name_of_call = name;
  return call;
}

void time_calls(benchmark::State& state, const Call& call, const Amount& amount) {
  for (auto _ : state) call();
  using benchmark::Counter;
  if (amount.flop > 0)
    state.counters["GFLOP"] = Counter(amount.flop / 1e9, Counter::kIsIterationInvariantRate);
  if (amount.bytes > 0)
    state.counters["GB"] = Counter(amount.bytes / 1e9, Counter::kIsIterationInvariantRate);
}

void add(const std::string& name, const Amount& amount, const Maker& make) {
  const auto run = [=](benchmark::State& state) {
    try {
      time_calls(state, prepared(name, make), amount);
    } catch (const std::exception& error) {
      state.SkipWithError(error.what());
    }
  };
  benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime()->Unit(benchmark::kMillisecond);
}

at::Tensor random_map(const MapShape& s) {
  return at::randn({s.batch, s.channels, s.side, s.side}).contiguous(at::MemoryFormat::ChannelsLast);
}

// ---- the machine's limits ----

// Of a product that stays in a core's cache, as often as makes a parallel region worth its start.
constexpr std::int64_t kRows = 128, kColumns = 64, kDepth = 320, kProducts = 200;

Call products_in_cache() {
  const std::int64_t threads = at::get_num_threads();
  const at::Tensor a = at::randn({threads, kRows, kDepth}), b = at::randn({threads, kDepth, kColumns});
  const at::Tensor c = at::empty({threads, kRows, kColumns});
  return [=] {
    ldm::ops::cpu::parallel_for(threads, /*grain=*/1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin * kProducts; i < end * kProducts; ++i) {
        const std::int64_t thread = i / kProducts;
        at::native::cpublas::brgemm(kRows, kColumns, kDepth, kDepth, kColumns, kColumns, /*add_C=*/false,
                                    a.const_data_ptr<float>() + thread * kRows * kDepth,
                                    b.const_data_ptr<float>() + thread * kDepth * kColumns,
                                    c.mutable_data_ptr<float>() + thread * kRows * kColumns);
      }
    });
    return c;
  };
}

constexpr std::int64_t kStreamed =
    16 << 20;  ///< float32 of each operand: 64 MB, more than a core's share of cache

Call sum_out_of_cache() {
  const at::Tensor a = at::randn({kStreamed}), b = at::randn({kStreamed}), c = at::empty({kStreamed});
  return [=] {
    at::Tensor out = c;
    at::add_out(out, a, b);
    return out;
  };
}

void add_limits() {
  const double flop = 2 * product({at::get_num_threads(), kProducts, kRows, kColumns, kDepth});
  add("limit/fp32", {flop, 0}, products_in_cache);
  add("limit/memory", {0, 3 * product({kStreamed, sizeof(float)})}, sum_out_of_cache);
}

// ---- the ops ----

using Convolve = at::Tensor (*)(const at::Tensor&, const at::Tensor&, const at::Tensor&, std::int64_t,
                                std::int64_t);

Maker convolution(const ConvolutionShape& s, Convolve convolve) {
  return [=]() -> Call {
    const at::Tensor x = random_map({s.batch, s.ins, s.side});
    const at::Tensor weight = at::randn({s.outs, s.ins, 3, 3}), bias = at::randn({s.outs});
    return [=] { return convolve(x, weight, bias, /*stride=*/1, /*padding=*/1); };
  };
}

void add_convolutions() {
  for (const ConvolutionShape& s : kConvolutions) {
    const std::string name = joined("conv2d/", s.batch, 'x', s.ins, 'x', s.side, 'x', s.side, "_to_", s.outs);
    const Amount amount{2 * product({s.batch, s.outs, s.side, s.side, s.ins, 9}), 0};
    add(name + "/plain", amount, convolution(s, ldm::ops::conv2d_reference));
    add(name + "/fast", amount, convolution(s, ldm::ops::conv2d));
  }
}

Call plain_linear(const LinearShape& s) {
  const at::Tensor x = at::randn({s.rows, s.ins}), weight = at::randn({s.outs, s.ins}),
                   bias = at::randn({s.outs});
  return [=] { return at::linear(x, weight, bias); };
}

Call fast_linear(const LinearShape& s) {
  const at::Tensor x = at::randn({s.rows, s.ins}), bias = at::randn({s.outs});
  const at::Tensor weight = at::randn({s.outs, s.ins}), packed = ldm::ops::onednn_pack_linear(weight);
  return [=] { return ldm::ops::onednn_linear(x, packed.defined() ? packed : weight, bias); };
}

void add_linears() {
  for (const LinearShape& s : kLinears) {
    const std::string name = joined("linear/", s.rows, 'x', s.ins, "_to_", s.outs);
    const Amount amount{2 * product({s.rows, s.ins, s.outs}), 0};
    add(name + "/plain", amount, [=] { return plain_linear(s); });
    add(name + "/fast", amount, [=] { return fast_linear(s); });
  }
}

using Attend =
    std::function<at::Tensor(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value)>;

Maker attention(const AttentionShape& s, const Attend& attend) {
  return [=]() -> Call {
    const std::int64_t row = s.heads * s.width;
    const at::Tensor query = at::randn({s.batch, s.queries, row});
    const at::Tensor key = at::randn({s.batch, s.keys, row}), value = at::randn({s.batch, s.keys, row});
    return [=] { return attend(query, key, value); };
  };
}

void add_attentions() {
  for (const AttentionShape& s : kAttentions) {
    const auto split = [=](const at::Tensor& x) {
      return x.view({s.batch, x.size(1), s.heads, s.width}).transpose(1, 2);
    };
    const Attend plain = [=](const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
      return at::scaled_dot_product_attention(split(query), split(key), split(value));
    };
    const Attend fast = [=](const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
      return ldm::ops::attention(query, key, value, s.heads);
    };
    const std::string name =
        joined("attention/", s.batch, 'x', s.heads, 'x', s.queries, 'x', s.width, "_over_", s.keys);
    const Amount amount{4 * product({s.batch, s.heads, s.queries, s.keys, s.width}), 0};
    add(name + "/plain", amount, attention(s, plain));
    add(name + "/fast", amount, attention(s, fast));
  }
}

using Normalize = at::Tensor (*)(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                                 const at::Tensor& bias, double eps);

at::Tensor plain_group_norm_silu(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                                 const at::Tensor& bias, double eps) {
  return at::silu(at::group_norm(x, groups, weight, bias, eps));
}

Maker group_norm_silu(const MapShape& s, Normalize normalize) {
  return [=]() -> Call {
    const at::Tensor x = random_map(s), weight = at::randn({s.channels}), bias = at::randn({s.channels});
    return [=] { return normalize(x, /*groups=*/32, weight, bias, /*eps=*/1e-5); };
  };
}

void add_group_norms() {
  for (const MapShape& s : kGroupNorms) {
    const std::string name = joined("group_norm_silu/", s.batch, 'x', s.channels, 'x', s.side, 'x', s.side);
    const Amount amount{0, 2 * product({s.batch, s.channels, s.side, s.side, sizeof(float)})};
    add(name + "/plain", amount, group_norm_silu(s, plain_group_norm_silu));
    add(name + "/fast", amount, group_norm_silu(s, ldm::ops::group_norm_silu));
  }
}

at::Tensor plain_geglu(const at::Tensor& projected) {
  const auto halves = projected.chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

Maker geglu(const MatrixShape& s, at::Tensor (*gate)(const at::Tensor&)) {
  return [=]() -> Call {
    const at::Tensor projected = at::randn({s.rows, s.columns});
    return [=] { return gate(projected); };
  };
}

void add_geglus() {
  for (const MatrixShape& s : kGeglus) {
    const std::string name = joined("geglu/", s.rows, 'x', s.columns);
    const Amount amount{0, 1.5 * product({s.rows, s.columns, sizeof(float)})};
    add(name + "/plain", amount, geglu(s, plain_geglu));
    add(name + "/fast", amount, geglu(s, ldm::ops::geglu));
  }
}

// ---- the program ----

/// Takes `--threads N` out of the arguments: the library refuses what it doesn't know.
int take_threads(int* argc, char** argv) {
  for (int i = 1; i < *argc; ++i) {
    if (std::string(argv[i]) != "--threads") continue;
    const std::string value = i + 1 < *argc ? argv[i + 1] : "";
    if (value.empty() || value.size() > 4 || value.find_first_not_of("0123456789") != std::string::npos ||
        std::stoi(value) < 1) {
      throw std::invalid_argument("--threads: expected a whole number from 1, got '" + value + "'");
    }
    std::copy(argv + i + 2, argv + *argc, argv + i);
    *argc -= 2;
    return std::stoi(value);
  }
  return 2;
}

int run(int argc, char** argv) {
  const int threads = take_threads(&argc, argv);
  at::set_num_threads(threads);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("threads", std::to_string(threads));
  benchmark::AddCustomContext("kernels", ldm::ops::cpu::kernels().name);
  const c10::InferenceMode inference;
  add_limits();
  add_convolutions();
  add_linears();
  add_attentions();
  add_group_norms();
  add_geglus();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  ldm::keep_freed_memory();
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "bench_ops: " << error.what() << '\n';
    return 2;
  }
}
