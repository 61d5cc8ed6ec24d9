#include "ldm/data/resize.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace ldm::data {
namespace {

// 8 bits of pixel and 2 bits of headroom for the kernel's negative lobes leave 22 of 32 for the weight.
constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr double kLanczosLobes = 3.0;
constexpr double kPi = 3.14159265358979323846;
// Rows (or output columns) that make it worth waking another thread.
constexpr std::int64_t kGrain = 16;

double sinc(double x) {
  if (x == 0.0) {
    return 1.0;
  }
  x *= kPi;
  return std::sin(x) / x;
}

double lanczos3(double x) {
  const bool inside = -kLanczosLobes <= x && x < kLanczosLobes;
  return inside ? sinc(x) * sinc(x / kLanczosLobes) : 0.0;
}

double triangle(double x) {
  return std::max(1.0 - std::abs(x), 0.0);
}

// Keys' cubic with a = -1/2, in Horner's form as Pillow has it: the last bits count.
double keys_cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) {
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  }
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

struct Curve {
  double radius;
  double (*weight)(double);
};

Curve curve_of(Filter filter) {
  switch (filter) {
    case Filter::bilinear:
      return {1.0, triangle};
    case Filter::bicubic:
      return {2.0, keys_cubic};
    default:
      return {kLanczosLobes, lanczos3};
  }
}

// The weights of one axis. Output i is the sum of `count[i]` inputs from `first[i]` on, times
// weights[i * stride + k].
struct Kernel {
  std::int64_t stride = 0;
  std::vector<std::int64_t> first, count;
  std::vector<std::int32_t> weights;
};

std::int32_t to_fixed_point(double weight) {
  const double scaled = weight * (1 << kPrecisionBits);
  return static_cast<std::int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

void write_weights(const Curve& curve, std::int64_t first, std::int64_t count, double center,
                   double inverse_scale, std::int32_t* out) {
  std::vector<double> weights(static_cast<std::size_t>(count));
  double sum = 0.0;
  for (std::int64_t k = 0; k < count; ++k) {
    const double weight = curve.weight((static_cast<double>(k + first) - center + 0.5) * inverse_scale);
    weights[static_cast<std::size_t>(k)] = weight;
    sum += weight;
  }
  for (std::int64_t k = 0; k < count; ++k) {
    const double weight = weights[static_cast<std::size_t>(k)];
    out[k] = to_fixed_point(sum != 0.0 ? weight / sum : weight);
  }
}

Kernel make_kernel(const Curve& curve, std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double filter_scale = std::max(scale, 1.0);
  const double support = curve.radius * filter_scale;
  Kernel kernel;
  kernel.stride = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  kernel.weights.resize(static_cast<std::size_t>(out * kernel.stride));
  for (std::int64_t i = 0; i < out; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const auto last = std::min<std::int64_t>(static_cast<std::int64_t>(center + support + 0.5), in);
    kernel.first.push_back(first);
    kernel.count.push_back(last - first);
    write_weights(curve, first, last - first, center, 1.0 / filter_scale, &kernel.weights[i * kernel.stride]);
  }
  return kernel;
}

std::uint8_t round_to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);

template <int kChannels>
void resize_row(const std::uint8_t* in, std::uint8_t* out, const Kernel& kernel) {
  for (std::size_t x = 0; x < kernel.first.size(); ++x) {
    const std::uint8_t* pixel = in + kernel.first[x] * kChannels;
    const std::int32_t* weight = &kernel.weights[x * kernel.stride];
    std::int32_t sums[kChannels];
    std::fill_n(sums, kChannels, kHalf);
    for (std::int64_t k = 0; k < kernel.count[x]; ++k, pixel += kChannels) {
      for (int c = 0; c < kChannels; ++c) {
        sums[c] += pixel[c] * weight[k];
      }
    }
    for (int c = 0; c < kChannels; ++c) {
      *out++ = round_to_byte(sums[c]);
    }
  }
}

// With the whole image as source the other pass needs every row, so all of them are computed.
template <int kChannels>
at::Tensor resize_width(const at::Tensor& image, std::int64_t width, const Curve& curve) {
  const Kernel kernel = make_kernel(curve, image.size(1), width);
  at::Tensor result = at::empty({image.size(0), width, kChannels}, image.options());
  const auto* in = image.const_data_ptr<std::uint8_t>();
  auto* out = result.mutable_data_ptr<std::uint8_t>();
  const std::int64_t in_row = image.size(1) * kChannels, out_row = width * kChannels;
  at::parallel_for(0, image.size(0), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t y = begin; y < end; ++y) {
      resize_row<kChannels>(in + y * in_row, out + y * out_row, kernel);
    }
  });
  return result;
}

// One output row: a weighted sum of whole input rows, `sums` being room for one row.
void blend_rows(const std::uint8_t* in, std::int64_t row, const std::int32_t* weights, std::int64_t count,
                std::vector<std::int32_t>& sums, std::uint8_t* out) {
  std::fill(sums.begin(), sums.end(), kHalf);
  for (std::int64_t k = 0; k < count; ++k, in += row) {
    for (std::int64_t i = 0; i < row; ++i) {
      sums[i] += in[i] * weights[k];
    }
  }
  std::transform(sums.begin(), sums.end(), out, round_to_byte);
}

at::Tensor resize_height(const at::Tensor& image, std::int64_t height, const Curve& curve) {
  const Kernel kernel = make_kernel(curve, image.size(0), height);
  at::Tensor result = at::empty({height, image.size(1), image.size(2)}, image.options());
  const auto* in = image.const_data_ptr<std::uint8_t>();
  auto* out = result.mutable_data_ptr<std::uint8_t>();
  const std::int64_t row = image.size(1) * image.size(2);
  at::parallel_for(0, height, kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> sums(static_cast<std::size_t>(row));
    for (std::int64_t y = begin; y < end; ++y) {
      blend_rows(in + kernel.first[y] * row, row, &kernel.weights[y * kernel.stride], kernel.count[y], sums,
                 out + y * row);
    }
  });
  return result;
}

// Pillow 13's choice of order, seen from outside: columns first when the height loses more than twice as many
// pixels as the width. Rounding to 8 bits between the passes makes the order visible.
bool columns_first(Size from, Size to) {
  return to.height < from.height && from.height - to.height > 2 * (from.width - to.width);
}

at::Tensor with_width(const at::Tensor& image, std::int64_t width, const Curve& curve) {
  if (width == image.size(1)) {
    return image;
  }
  switch (image.size(2)) {
    case 1:
      return resize_width<1>(image, width, curve);
    case 2:
      return resize_width<2>(image, width, curve);
    case 3:
      return resize_width<3>(image, width, curve);
    default:
      return resize_width<4>(image, width, curve);
  }
}

at::Tensor with_height(const at::Tensor& image, std::int64_t height, const Curve& curve) {
  return height == image.size(0) ? image : resize_height(image, height, curve);
}

void check_image(const char* function, const at::Tensor& image) {
  const bool good = image.defined() && image.dim() == 3 && image.scalar_type() == at::kByte &&
                    image.device().is_cpu() && image.numel() > 0 && image.size(2) <= 4;
  if (good) {
    return;
  }
  std::ostringstream message;
  message << function << ": expected a uint8 image [H, W, C] on the CPU with 1 to 4 channels, got ";
  if (image.defined()) {
    message << image.scalar_type() << " " << image.sizes() << " on " << image.device();
  } else {
    message << "an undefined tensor";
  }
  throw std::invalid_argument(message.str());
}

}  // namespace

Size floor_to_multiple(Size size, std::int64_t multiple) {
  if (multiple < 1) {
    throw std::invalid_argument("floor_to_multiple: expected a multiple of at least 1, got " +
                                std::to_string(multiple));
  }
  return {size.height - size.height % multiple, size.width - size.width % multiple};
}

Filter parse_filter(const std::string& name) {
  if (name == "linear" || name == "bilinear") return Filter::bilinear;
  if (name == "bicubic") return Filter::bicubic;
  if (name == "lanczos") return Filter::lanczos;
  throw std::invalid_argument("expected interpolation linear, bilinear, bicubic or lanczos, got '" + name +
                              "'");
}

at::Tensor pillow_resize(const at::Tensor& image_u8, std::int64_t height, std::int64_t width, Filter filter) {
  check_image("pillow_resize", image_u8);
  if (height < 1 || width < 1) {
    throw std::invalid_argument("pillow_resize: expected a target of at least 1x1 pixels, got width " +
                                std::to_string(width) + ", height " + std::to_string(height));
  }
  const Curve curve = curve_of(filter);
  at::Tensor image = image_u8.contiguous();
  if (columns_first({image.size(0), image.size(1)}, {height, width})) {
    image = with_width(with_height(image, height, curve), width, curve);
  } else {
    image = with_height(with_width(image, width, curve), height, curve);
  }
  return image.is_alias_of(image_u8) ? image.clone() : image;
}

at::Tensor lanczos_resize(const at::Tensor& image_u8, std::int64_t height, std::int64_t width) {
  return pillow_resize(image_u8, height, width, Filter::lanczos);
}

at::Tensor image_to_tensor(const at::Tensor& image_u8) {
  check_image("image_to_tensor", image_u8);
  const at::Tensor channels_first = image_u8.permute({2, 0, 1}).unsqueeze(0).contiguous();
  // Divided, not multiplied by a reciprocal: numpy divides, and the two differ in the last bit.
  return channels_first.to(at::kFloat).div_(255.0).mul_(2.0).sub_(1.0);
}

}  // namespace ldm::data
