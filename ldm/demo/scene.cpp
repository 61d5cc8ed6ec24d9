#include "ldm/demo/scene.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

namespace ldm::demo {
namespace {

using at::indexing::Slice;

constexpr std::int64_t kMargin = 2;  ///< between an object in a corner and the edge
constexpr std::array<const char*, kPlaces> kPlaceNames{"middle", "top left", "top right", "bottom left",
                                                       "bottom right"};

at::Tensor resize(const at::Tensor& sprite, std::int64_t side) {
  const at::NoGradGuard no_grad;
  return at::_upsample_bilinear2d_aa(sprite.unsqueeze(0), {side, side}, false).squeeze(0).contiguous();
}

void repeat(std::vector<std::string>& captions, int times, const std::string& text) {
  captions.insert(captions.end(), static_cast<std::size_t>(times), text);
}

std::vector<std::string> large_captions(const Object& object, const Colour& colour) {
  const std::string thing = object.phrase(), place = colour.phrase() + " background";
  std::vector<std::string> captions;
  repeat(captions, 5, thing + " on " + place);
  captions.push_back(object.noun + " on " + place);
  captions.push_back(thing + " on " + colour.name);
  captions.push_back(place + " with " + thing);
  captions.push_back(thing + ", " + colour.name + " background");
  captions.push_back(thing);
  return captions;
}

std::vector<std::string> small_captions(const Object& object, const Colour& colour, Place place) {
  const std::string thing = object.phrase("small"), where = kPlaceNames[static_cast<std::size_t>(place)];
  const std::string corner = place == Place::middle ? where : where + " corner";
  std::vector<std::string> captions;
  repeat(captions, 3, thing + " in the " + corner + " of " + colour.phrase() + " background");
  captions.push_back(thing + " on " + colour.phrase() + " background, " + where);
  if (place == Place::middle) repeat(captions, 2, thing + " on " + colour.phrase() + " background");
  return captions;
}

std::vector<std::string> pair_captions(const Object& left, const Object& right, const Colour& colour) {
  const std::string place = " on " + colour.phrase() + " background";
  std::vector<std::string> captions;
  repeat(captions, 4, left.phrase() + " and " + right.phrase() + place);
  captions.push_back(left.noun + " and " + right.noun + place);
  captions.push_back(left.phrase() + " next to " + right.phrase() + place);
  captions.push_back(left.phrase() + " to the left of " + right.phrase() + place);
  captions.push_back(left.phrase() + " and " + right.phrase() + " on " + colour.name);
  return captions;
}

}  // namespace

Sprites::Sprites(const EmojiFont& font, const std::vector<Object>& objects) {
  for (const Object& object : objects) {
    original_.push_back(font.picture(object.code_point));
    large_.push_back(resize(original_.back(), kLargeSide));
    small_.push_back(resize(original_.back(), kSmallSide));
  }
}

at::Tensor Sprites::at(std::size_t object, std::int64_t side) const {
  return (side == kLargeSide ? large_ : small_).at(object);
}

at::Tensor Sprites::resized(std::size_t object, std::int64_t side) const {
  return resize(original_.at(object), side);
}

Corner corner_of(const Scene& scene, bool is_second) {
  constexpr std::int64_t middle = (kPictureSide - kSmallSide) / 2, far = kPictureSide - kSmallSide - kMargin;
  if (scene.layout == Layout::large)
    return {(kPictureSide - kLargeSide) / 2, (kPictureSide - kLargeSide) / 2};
  // Objects of a pair stand one pixel from the middle.
  if (scene.layout == Layout::pair)
    return {middle, is_second ? kPictureSide / 2 + 1 : kPictureSide / 2 - 1 - kSmallSide};
  if (scene.place == Place::middle) return {middle, middle};
  const bool is_top = scene.place == Place::top_left || scene.place == Place::top_right;
  const bool is_left = scene.place == Place::top_left || scene.place == Place::bottom_left;
  return {is_top ? kMargin : far, is_left ? kMargin : far};
}

void lay_over(at::Tensor& picture, const at::Tensor& sprite, std::int64_t y, std::int64_t x) {
  const std::int64_t side = sprite.size(1), height = picture.size(1), width = picture.size(2);
  const std::int64_t top = std::max<std::int64_t>(0, -y), left = std::max<std::int64_t>(0, -x);
  const std::int64_t bottom = std::min(side, height - y), right = std::min(side, width - x);
  if (top >= bottom || left >= right) return;
  const at::Tensor part = sprite.index({Slice(), Slice(top, bottom), Slice(left, right)});
  at::Tensor under = picture.index({Slice(), Slice(y + top, y + bottom), Slice(x + left, x + right)});
  under.mul_(1 - part[3]).add_(part.slice(0, 0, 3));
}

at::Tensor background(const Colour& colour) {
  const at::Tensor rgb = at::tensor({colour.rgb[0] / 255.0F, colour.rgb[1] / 255.0F, colour.rgb[2] / 255.0F});
  return rgb.view({3, 1, 1}).expand({3, kPictureSide, kPictureSide}).clone();
}

at::Tensor to_pixels(const at::Tensor& picture) {
  return picture.clamp(0, 1).mul(255).round().to(at::kByte).permute({1, 2, 0}).contiguous();
}

at::Tensor draw(const Scene& scene, const Sprites& sprites) {
  at::Tensor picture = background(colours().at(scene.colour));
  const std::int64_t side = scene.layout == Layout::large ? kLargeSide : kSmallSide;
  const Corner first = corner_of(scene, false);
  lay_over(picture, sprites.at(scene.object, side), first.y, first.x);
  if (scene.layout == Layout::pair) {
    const Corner second = corner_of(scene, true);
    lay_over(picture, sprites.at(scene.second, side), second.y, second.x);
  }
  return to_pixels(picture);
}

std::string prompt_of(const Scene& scene, const std::vector<Object>& objects) {
  return captions_of(scene, objects).front();
}

std::vector<std::string> captions_of(const Scene& scene, const std::vector<Object>& objects) {
  const Object& object = objects.at(scene.object);
  const Colour& colour = colours().at(scene.colour);
  if (scene.layout == Layout::large) return large_captions(object, colour);
  if (scene.layout == Layout::small) return small_captions(object, colour, scene.place);
  return pair_captions(object, objects.at(scene.second), colour);
}

}  // namespace ldm::demo
