#include "ldm/data/linear_resize.h"

#include <ATen/ATen.h>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <sstream>
#include <stdexcept>

namespace ldm::data {
namespace {

void check(const at::Tensor& image, std::int64_t height, std::int64_t width) {
  const bool is_image = image.defined() && image.dim() == 3 && image.scalar_type() == at::kByte &&
                        image.device().is_cpu() && image.numel() > 0 && image.size(2) == 3;
  if (is_image && height >= 1 && width >= 1) return;
  std::ostringstream message;
  message << "linear_resize: expected a uint8 image [H, W, 3] on the CPU and a target of at least 1x1 "
             "pixels, got ";
  if (image.defined()) message << image.scalar_type() << " " << image.sizes();
  message << " and width " << width << ", height " << height;
  throw std::invalid_argument(message.str());
}

/// OpenCV's view of a contiguous tensor [H, W, 3].
cv::Mat view_of(const at::Tensor& image) {
  return {static_cast<int>(image.size(0)), static_cast<int>(image.size(1)), CV_8UC3, image.data_ptr()};
}

}  // namespace

at::Tensor linear_resize(const at::Tensor& image_u8, std::int64_t height, std::int64_t width) {
  check(image_u8, height, width);
  const at::Tensor image = image_u8.contiguous();
  at::Tensor result = at::empty({height, width, 3}, image.options());
  cv::Mat target = view_of(result);
  cv::resize(view_of(image), target, target.size(), 0, 0, cv::INTER_LINEAR);
  return result;
}

}  // namespace ldm::data
