#include "ldm/ops/cpu/flash_attention.h"

#include <ATen/ATen.h>
#include <ATen/native/CPUBlas.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "ldm/ops/cpu/kernels.h"
#include "ldm/ops/cpu/parallel.h"
#include "ldm/ops/cpu/scratch.h"
#include "ldm/ops/cpu/takes.h"

namespace ldm::ops::cpu {
namespace {

constexpr std::int64_t kQueries = 64, kKeys = 512;
constexpr float kLog2E = 1.44269504f;  ///< the kernels' softmax takes powers of two

struct Sizes {
  std::int64_t batch, heads, width, queries, keys;
  bool causal;

  std::int64_t row() const { return heads * width; }
  std::int64_t queries_at_once() const { return std::min(kQueries, round_up(queries, 16)); }
  std::int64_t key_pieces() const { return ceil_divide(keys, kKeys); }
  std::int64_t keys_of(std::int64_t piece) const { return std::min(kKeys, keys - piece * kKeys); }
};

/// The keys and values of every head, side by side: keys [piece of keys][key, width], and values
/// [piece][width, key].
struct Packed {
  float *keys, *values;

  float* keys_at(const Sizes& s, std::int64_t head, std::int64_t piece) const {
    return keys + (head * s.keys + piece * kKeys) * s.width;
  }
  float* values_at(const Sizes& s, std::int64_t head, std::int64_t piece) const {
    return values + (head * s.keys + piece * kKeys) * s.width;
  }
};

/// Where `head` (counted over the batch) has its row `position` in a tensor [B, length, heads * width].
std::int64_t offset(const Sizes& s, std::int64_t head, std::int64_t length, std::int64_t position) {
  return (head / s.heads * length + position) * s.row() + head % s.heads * s.width;
}

void pack(const Sizes& s, const float* key, const float* value, std::int64_t head, std::int64_t piece,
          const Packed& to) {
  const std::int64_t from = offset(s, head, s.keys, piece * kKeys), count = s.keys_of(piece);
  float* keys = to.keys_at(s, head, piece);
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(keys + i * s.width, key + from + i * s.row(), static_cast<std::size_t>(s.width) * sizeof(float));
  }
  kernels().transpose(value + from, s.row(), count, s.width, 1.0f, to.values_at(s, head, piece), count);
}

/// Working memory for a piece of queries of one head.
struct Workspace {
  float *query, *scores, *out;  ///< [width, queries], [keys, queries], [width, queries]
  SoftmaxState softmax;

  std::int64_t count;  ///< of queries, in whole vectors

  static std::int64_t size(const Sizes& s) {
    return s.queries_at_once() * (2 * s.width + std::min(kKeys, s.keys) + 3);
  }
  Workspace(Scratch& scratch, const Sizes& s)
      : query(scratch.take(s.queries_at_once() * s.width)),
        scores(scratch.take(s.queries_at_once() * std::min(kKeys, s.keys))),
        out(scratch.take(s.queries_at_once() * s.width)),
        softmax{scratch.take(s.queries_at_once()), scratch.take(s.queries_at_once()),
                scratch.take(s.queries_at_once())},
        count(s.queries_at_once()) {}
};

void hide_later_keys(const Workspace& work, std::int64_t keys, std::int64_t first_key,
                     std::int64_t first_query) {
  for (std::int64_t i = 0; i < keys; ++i) {
    const std::int64_t hidden = std::clamp<std::int64_t>(first_key + i - first_query, 0, work.count);
    std::fill_n(work.scores + i * work.count, hidden, -std::numeric_limits<float>::infinity());
  }
}

/// The rows of `out` for queries from `first` on.
void attend(const Sizes& s, const float* query, const Packed& packed, std::int64_t head, std::int64_t first,
            const Workspace& work, float* out) {
  const std::int64_t queries = std::min(work.count, s.queries - first), columns = work.count;
  const std::int64_t place = offset(s, head, s.queries, first);
  if (queries < columns) std::fill_n(work.query, columns * s.width, 0.0f);
  const float scale = kLog2E / std::sqrt(static_cast<float>(s.width));
  kernels().transpose(query + place, s.row(), queries, s.width, scale, work.query, columns);
  std::fill_n(work.softmax.maximum, columns, std::numeric_limits<float>::lowest());
  std::fill_n(work.softmax.sum, columns, 0.0f);
  for (std::int64_t piece = 0; piece < s.key_pieces(); ++piece) {
    if (s.causal && piece * kKeys >= first + queries) break;
    const std::int64_t keys = s.keys_of(piece);
    at::native::cpublas::brgemm(keys, columns, s.width, s.width, columns, columns, /*add_C=*/false,
                                packed.keys_at(s, head, piece), work.query, work.scores);
    if (s.causal) hide_later_keys(work, keys, piece * kKeys, first);
    kernels().softmax_columns(work.scores, keys, columns, work.softmax);
    if (piece > 0) kernels().scale_columns(work.out, s.width, columns, work.softmax.correction);
    at::native::cpublas::brgemm(s.width, columns, keys, keys, columns, columns, /*add_C=*/piece > 0,
                                packed.values_at(s, head, piece), work.scores, work.out);
  }
  for (std::int64_t q = 0; q < columns; ++q) work.softmax.correction[q] = 1.0f / work.softmax.sum[q];
  kernels().scale_columns(work.out, s.width, columns, work.softmax.correction);
  kernels().transpose(work.out, columns, s.width, queries, 1.0f, out + place, s.row());
}

}  // namespace

bool flash_attention_takes(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  return takes_float32({query, key, value}) && query.dim() == 3 && key.dim() == 3 && value.dim() == 3;
}

at::Tensor flash_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           std::int64_t heads, bool causal) {
  TORCH_CHECK(query.size(2) % heads == 0 && key.size(2) == query.size(2) && key.sizes() == value.sizes() &&
                  key.size(0) == query.size(0),
              "attention: expected [B, N, heads * D] with ", heads, " heads, got ", query.sizes(), ", ",
              key.sizes(), " and ", value.sizes());
  const Sizes s{query.size(0), heads, query.size(2) / heads, query.size(1), key.size(1), causal};
  const at::Tensor q = query.contiguous(), k = key.contiguous(), v = value.contiguous();
  const at::Tensor out = at::empty_like(q);
  Scratch scratch(2 * k.numel() + 16);
  const Packed packed{scratch.take(round_up(k.numel(), 16)), scratch.take(k.numel())};
  const std::int64_t all_heads = s.batch * s.heads, pieces = s.key_pieces();
  parallel_for(all_heads * pieces, /*grain_size=*/1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      pack(s, k.const_data_ptr<float>(), v.const_data_ptr<float>(), i / pieces, i % pieces, packed);
    }
  });
  const std::int64_t at_once = s.queries_at_once(), groups = ceil_divide(s.queries, at_once);
  parallel_for(all_heads * groups, /*grain_size=*/1, [&](std::int64_t begin, std::int64_t end) {
    Scratch memory(Workspace::size(s));
    const Workspace work(memory, s);
    for (std::int64_t i = begin; i < end; ++i) {
      attend(s, q.const_data_ptr<float>(), packed, i / groups, i % groups * at_once, work,
             out.mutable_data_ptr<float>());
    }
  });
  return out;
}

}  // namespace ldm::ops::cpu
