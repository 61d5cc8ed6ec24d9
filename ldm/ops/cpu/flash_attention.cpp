#include "ldm/ops/cpu/flash_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "ldm/ops/cpu/kernels.h"
#include "ldm/ops/cpu/parallel.h"
#include "ldm/ops/cpu/products.h"
#include "ldm/ops/cpu/scratch.h"
#include "ldm/ops/cpu/takes.h"

namespace ldm::ops::cpu {
namespace {

constexpr std::int64_t kQueries = 64, kKeys = 512;

struct Sizes {
  std::int64_t batch, heads, width, queries, keys;
  bool causal;

  std::int64_t row() const { return heads * width; }
  std::int64_t queries_at_once() const { return std::min(kQueries, round_up(queries, 16)); }
  std::int64_t key_pieces() const { return ceil_divide(keys, kKeys); }
  std::int64_t keys_of(std::int64_t piece) const { return std::min(kKeys, keys - piece * kKeys); }
  /// An even number of keys, for the products of bfloat16.
  std::int64_t padded_keys() const { return round_up(keys, 2); }
};

/// The keys and values of every head, side by side: keys [piece of keys][key, width], and values
/// [piece][width, key], where the last piece may have one key more, of zeros.
template <typename T>
struct Packed {
  T *keys, *values;

  T* keys_at(const Sizes& s, std::int64_t head, std::int64_t piece) const {
    return keys + (head * s.keys + piece * kKeys) * s.width;
  }
  T* values_at(const Sizes& s, std::int64_t head, std::int64_t piece) const {
    return values + (head * s.padded_keys() + piece * kKeys) * s.width;
  }
};

/// Where `head` (counted over the batch) has its row `position` in a tensor [B, length, heads * width].
std::int64_t offset(const Sizes& s, std::int64_t head, std::int64_t length, std::int64_t position) {
  return (head / s.heads * length + position) * s.row() + head % s.heads * s.width;
}

/// from [count, width], its rows `stride` apart -> to [width, count].
void transpose_values(const float* from, std::int64_t stride, std::int64_t count, std::int64_t width,
                      float* to) {
  kernels().of_float.transpose(from, stride, count, width, to, count);
}

/// The same with an even count in `to`. A small part of the work, so in plain steps.
void transpose_values(const Bf16* from, std::int64_t stride, std::int64_t count, std::int64_t width,
                      Bf16* to) {
  const std::int64_t even = round_up(count, 2);
  for (std::int64_t i = 0; i < even; ++i) {
    for (std::int64_t d = 0; d < width; ++d) to[d * even + i] = i < count ? from[i * stride + d] : Bf16{0};
  }
}

template <typename T>
void pack(const Sizes& s, const T* key, const T* value, std::int64_t head, std::int64_t piece,
          const Packed<T>& to) {
  const std::int64_t from = offset(s, head, s.keys, piece * kKeys), count = s.keys_of(piece);
  T* keys = to.keys_at(s, head, piece);
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(keys + i * s.width, key + from + i * s.row(), static_cast<std::size_t>(s.width) * sizeof(T));
  }
  transpose_values(value + from, s.row(), count, s.width, to.values_at(s, head, piece));
}

/// The right side of a product, [width, count], from queries that are rows: of bfloat16, words of two values.
template <typename T>
void transpose_query(const Sizes& s, const T* from, std::int64_t queries, T* to, std::int64_t count) {
  constexpr std::int64_t in_word = sizeof(float) / sizeof(T);
  kernels().of_float.transpose(reinterpret_cast<const float*>(from), s.row() / in_word, queries,
                               s.width / in_word, reinterpret_cast<float*>(to), count);
}

/// Working memory for a piece of queries of one head.
template <typename T>
struct Workspace {
  std::int64_t count;   ///< of queries, in whole vectors
  T* query;             ///< as transpose_query leaves it
  float *scores, *out;  ///< [keys, queries], [width, queries]
  T* powers;            ///< what softmax makes of the scores
  SoftmaxState softmax;

  static std::int64_t size(const Sizes& s) {
    return s.queries_at_once() * (2 * s.width + 2 * round_up(std::min(kKeys, s.keys), 2) + 3);
  }
  Workspace(Scratch& scratch, const Sizes& s)
      : count(s.queries_at_once()),
        query(reinterpret_cast<T*>(scratch.take(count * s.width))),
        scores(scratch.take(count * round_up(std::min(kKeys, s.keys), 2))),
        out(scratch.take(count * s.width)),
        powers(reinterpret_cast<T*>(
            std::is_same_v<T, float> ? scores : scratch.take(count * round_up(std::min(kKeys, s.keys), 2)))),
        softmax{scratch.take(count), scratch.take(count), scratch.take(count)} {}
};

void hide_later_keys(float* scores, std::int64_t count, std::int64_t keys, std::int64_t first_key,
                     std::int64_t first_query) {
  for (std::int64_t i = 0; i < keys; ++i) {
    const std::int64_t hidden = std::clamp<std::int64_t>(first_key + i - first_query, 0, count);
    std::fill_n(scores + i * count, hidden, -std::numeric_limits<float>::infinity());
  }
}

/// The rows of `out` for queries from `first` on.
template <typename T>
void attend(const Sizes& s, const T* query, const Packed<T>& packed, std::int64_t head, std::int64_t first,
            const Workspace<T>& work, T* out) {
  const std::int64_t columns = work.count, queries = std::min(columns, s.queries - first);
  const std::int64_t place = offset(s, head, s.queries, first);
  const float scale = kLog2E / std::sqrt(static_cast<float>(s.width));
  if (queries < columns) std::fill_n(work.query, columns * s.width, T{});
  transpose_query(s, query + place, queries, work.query, columns);
  std::fill_n(work.softmax.maximum, columns, std::numeric_limits<float>::lowest());
  std::fill_n(work.softmax.sum, columns, 0.0f);
  for (std::int64_t piece = 0; piece < s.key_pieces(); ++piece) {
    if (s.causal && piece * kKeys >= first + queries) break;
    const std::int64_t keys = s.keys_of(piece), summed = std::is_same_v<T, float> ? keys : round_up(keys, 2);
    multiply(keys, columns, s.width, packed.keys_at(s, head, piece), work.query, work.scores, /*add=*/false);
    if (s.causal) hide_later_keys(work.scores, columns, keys, piece * kKeys, first);
    kernels().of<T>().softmax_columns(work.scores, keys, columns, scale, work.softmax, work.powers);
    if (piece > 0) kernels().scale_columns(work.out, s.width, columns, work.softmax.correction);
    multiply(s.width, columns, summed, packed.values_at(s, head, piece), work.powers, work.out,
             /*add=*/piece > 0);
  }
  for (std::int64_t q = 0; q < columns; ++q) work.softmax.correction[q] = 1.0f / work.softmax.sum[q];
  kernels().scale_columns(work.out, s.width, columns, work.softmax.correction);
  kernels().of<T>().transpose(work.out, columns, s.width, queries, out + place, s.row());
}

template <typename T>
void attend_all(const Sizes& s, const T* query, const T* key, const T* value, T* out) {
  const std::int64_t heads = s.batch * s.heads, pieces = s.key_pieces();
  const std::int64_t packed_size = round_up(heads * s.padded_keys() * s.width, 16);
  Scratch scratch(2 * packed_size);
  const Packed<T> packed{reinterpret_cast<T*>(scratch.take(packed_size)),
                         reinterpret_cast<T*>(scratch.take(packed_size))};
  parallel_for(heads * pieces, /*grain=*/1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) pack(s, key, value, i / pieces, i % pieces, packed);
  });
  const std::int64_t at_once = s.queries_at_once(), groups = ceil_divide(s.queries, at_once);
  parallel_for(heads * groups, /*grain=*/1, [&](std::int64_t begin, std::int64_t end) {
    Scratch memory(Workspace<T>::size(s));
    const Workspace<T> work(memory, s);
    for (std::int64_t i = begin; i < end; ++i) {
      attend(s, query, packed, i / groups, i % groups * at_once, work, out);
    }
    end_products<T>();
  });
}

}  // namespace

bool flash_attention_takes(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           std::int64_t heads) {
  if (!takes({query, key, value}) || query.dim() != 3 || key.dim() != 3 || value.dim() != 3) return false;
  return query.scalar_type() == at::kFloat || (query.size(2) / heads % 2 == 0 && multiplies_bf16());
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
  with_type_of(q, [&](auto type) {
    using T = decltype(type);
    attend_all(s, values_of<T>(q), values_of<T>(k), values_of<T>(v), mutable_values_of<T>(out));
  });
  return out;
}

}  // namespace ldm::ops::cpu
