// Writes a PNG with the installed library and reads it back with its library of images.
#include <ATen/ATen.h>
#include <ldm/data/png.h>
#include <ldm/data/read_image.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const at::Tensor image = at::arange(96, at::kByte).view({4, 8, 3});
  ldm::data::write_png(argv[1], image, {{"parameters", "a cat"}});
  const bool same = at::equal(ldm::data::read_image(argv[1]), image);
  std::cout << (same ? "the same image\n" : "another image\n");
  return same ? 0 : 1;
}
