#include "ldm/ops/cpu/winograd.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "ldm/ops/cpu/kernels.h"
#include "ldm/ops/cpu/parallel.h"
#include "ldm/ops/cpu/products.h"
#include "ldm/ops/cpu/scratch.h"
#include "ldm/ops/cpu/takes.h"

namespace ldm::ops::cpu {
namespace {

constexpr std::int64_t kPoints = 36;   ///< of a tile in Winograd's domain: 6x6
constexpr std::int64_t kTileSide = 4;  ///< pixels of output
// Of a product in Winograd's domain: tiles x input channels x output channels. Measured: the filters' piece
// (600 kB) stays in a core's cache while the tiles of a block pass by.
constexpr std::int64_t kTiles = 128, kIns = 64, kOuts = 64;
// Added to the distance of one point from the next, which would be a power of two and put all 36 onto the
// same lines of the cache.
constexpr std::int64_t kPadding = 16;
constexpr std::int64_t kInputBytes = 48 << 20;  ///< of transformed tiles at a time, which all threads share

/// One convolution: its sizes, and where things lie in memory.
template <typename T>
struct Convolution {
  const T *x, *weight;
  const float* bias;
  T* y;
  std::int64_t batch, ins, outs, outs_at_once;
  Map in_map, out_map;
  std::int64_t tile_rows, tile_columns;

  std::int64_t tiles() const { return batch * tile_rows * tile_columns; }
};

/// Filters of a product. Few where there must be enough tasks to share out evenly, and where so few tiles
/// pass by that the filters themselves are most of what goes through the cache.
std::int64_t outs_at_once(std::int64_t tiles, std::int64_t outs) {
  return outs < 8 * kOuts || tiles <= kTiles / 4 ? kOuts / 2 : kOuts;
}

struct TilePlace {
  std::int64_t picture;
  Tile tile;  ///< of the output
};

template <typename T>
TilePlace place_of(const Convolution<T>& c, std::int64_t index) {
  const std::int64_t per_picture = c.tile_rows * c.tile_columns, rest = index % per_picture;
  return {index / per_picture, {rest / c.tile_columns * kTileSide, rest % c.tile_columns * kTileSide, 0}};
}

constexpr std::int64_t point_stride(std::int64_t rows, std::int64_t columns) {
  return rows * columns + kPadding;
}

/// Values of a block of tiles for all input channels.
std::int64_t block_size(std::int64_t ins) {
  return kPoints * (kTiles * ins + ceil_divide(ins, kIns) * kPadding);
}

/// Tiles that are transformed together: from `first`, `count` of them, in blocks of kTiles. Their values lie
/// at `values` as [block][piece of input channels][36][kTiles][channels of the piece]: a row of the products'
/// left side is short, so that rows don't fall onto the same lines of the cache either.
struct TileGroup {
  std::int64_t first, count;
  float* values;

  std::int64_t blocks() const { return ceil_divide(count, kTiles); }
  float* piece(std::int64_t all_ins, std::int64_t block, std::int64_t in) const {
    return values + block * block_size(all_ins) + in / kIns * kPoints * point_stride(kTiles, kIns);
  }
};

template <typename T>
void transform_tile(const Convolution<T>& c, const TileGroup& group, std::int64_t index) {
  TilePlace place = place_of(c, group.first + index);
  place.tile.row -= 1;
  place.tile.column -= 1;
  const T* picture = c.x + place.picture * c.in_map.height * c.in_map.width * c.ins;
  for (std::int64_t in = 0; in < c.ins; in += kIns) {
    place.tile.count = std::min(kIns, c.ins - in);
    float* out = group.piece(c.ins, index / kTiles, in) + index % kTiles * place.tile.count;
    kernels().of<T>().winograd_input(picture + in, c.in_map, place.tile, out,
                                     point_stride(kTiles, place.tile.count));
  }
}

/// The products of one block of tiles with `outs` filters from `out` on, and their way into y. `filters` and
/// `products` are working memory.
template <typename T>
void multiply_block(const Convolution<T>& c, const TileGroup& group, std::int64_t block, std::int64_t out,
                    float* filters, float* products) {
  const std::int64_t tiles = std::min(kTiles, group.count - block * kTiles);
  const std::int64_t outs = std::min(c.outs_at_once, c.outs - out);
  for (std::int64_t in = 0; in < c.ins; in += kIns) {
    const std::int64_t ins = std::min(kIns, c.ins - in);
    kernels().of<T>().winograd_filters(c.weight + (out * c.ins + in) * 9, c.ins * 9, outs, ins, filters,
                                       point_stride(ins, outs));
    const float* values = group.piece(c.ins, block, in);
    for (std::int64_t point = 0; point < kPoints; ++point) {
      multiply(tiles, outs, ins, values + point * point_stride(kTiles, ins),
               filters + point * point_stride(ins, outs), products + point * point_stride(kTiles, outs),
               /*add=*/in > 0);
    }
  }
  for (std::int64_t t = 0; t < tiles; ++t) {
    TilePlace place = place_of(c, group.first + block * kTiles + t);
    place.tile.count = outs;
    T* picture = c.y + place.picture * c.out_map.height * c.out_map.width * c.outs;
    kernels().of<T>().winograd_output(products + t * outs, point_stride(kTiles, outs), c.bias + out,
                                      picture + out, c.out_map, place.tile);
  }
}

template <typename T>
void convolve_group(const Convolution<T>& c, const TileGroup& group) {
  parallel_for(group.count, /*grain=*/4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) transform_tile(c, group, index);
  });
  const std::int64_t blocks = group.blocks();
  const std::int64_t tasks = blocks * ceil_divide(c.outs, c.outs_at_once);
  parallel_for(tasks, /*grain=*/1, [&](std::int64_t begin, std::int64_t end) {
    Scratch scratch(kPoints * (point_stride(kIns, kOuts) + point_stride(kTiles, kOuts)));
    float* filters = scratch.take(kPoints * point_stride(kIns, kOuts));
    float* products = scratch.take(kPoints * point_stride(kTiles, kOuts));
    for (std::int64_t task = begin; task < end; ++task) {
      multiply_block(c, group, task % blocks, task / blocks * c.outs_at_once, filters, products);
    }
  });
}

template <typename T>
void convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& y) {
  const std::int64_t height = x.size(2), width = x.size(3), ins = x.size(1), outs = weight.size(0);
  const std::int64_t tile_rows = ceil_divide(height, kTileSide), tile_columns = ceil_divide(width, kTileSide);
  const Convolution<T> c{values_of<T>(x),
                         values_of<T>(weight),
                         values_of<float>(bias),
                         mutable_values_of<T>(y),
                         x.size(0),
                         ins,
                         outs,
                         outs_at_once(x.size(0) * tile_rows * tile_columns, outs),
                         {height, width, ins},
                         {height, width, outs},
                         tile_rows,
                         tile_columns};
  // Groups of about equal size, in whole blocks.
  const std::int64_t tile_bytes = kPoints * ins * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t groups = ceil_divide(c.tiles() * tile_bytes, kInputBytes);
  const std::int64_t tiles = round_up(ceil_divide(c.tiles(), groups), kTiles);
  const std::int64_t values_size = tiles / kTiles * block_size(ins);
  Scratch scratch(values_size);
  float* values = scratch.take(values_size);
  for (std::int64_t first = 0; first < c.tiles(); first += tiles) {
    convolve_group(c, {first, std::min(tiles, c.tiles() - first), values});
  }
}

}  // namespace

bool winograd_takes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    std::int64_t stride, std::int64_t padding) {
  const bool shapes_fit = x.dim() == 4 && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 &&
                          stride == 1 && padding == 1 && weight.size(0) % 16 == 0 &&
                          weight.size(1) % 16 == 0 && weight.is_contiguous();
  const bool bias_fits = !bias.defined() || (takes({x, bias}) && bias.numel() == weight.size(0));
  return shapes_fit && bias_fits && takes({x, weight});
}

at::Tensor winograd_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  TORCH_CHECK(x.dim() == 4 && x.size(1) == weight.size(1), "winograd_conv2d: expected x [B, ", weight.size(1),
              ", H, W], got ", x.sizes());
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor shift = bias.defined() ? bias.to(at::kFloat).contiguous()
                                          : at::zeros({weight.size(0)}, x.options().dtype(at::kFloat));
  const at::Tensor y = at::empty({x.size(0), weight.size(0), x.size(2), x.size(3)},
                                 x.options().memory_format(at::MemoryFormat::ChannelsLast));
  with_type_of(x, [&](auto type) { convolve<decltype(type)>(input, weight, shift, y); });
  return y;
}

}  // namespace ldm::ops::cpu
