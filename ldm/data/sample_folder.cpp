#include "ldm/data/sample_folder.h"

#include <algorithm>

#include "ldm/files/output_folder.h"

namespace ldm::data {

SampleFolder open_sample_folder(const std::string& outdir) {
  files::create_output_folder(outdir);
  const std::string samples = files::join(outdir, "samples");
  files::create_output_folder(samples);
  const std::int64_t grids = files::count_entries(outdir) - 1;
  return {files::NumberedFiles(samples, "%05d.png", files::count_entries(samples)),
          files::NumberedFiles(outdir, "grid-%04d.png", std::max<std::int64_t>(grids, 0))};
}

std::string write_png(files::NumberedFiles& to, const at::Tensor& image_u8,
                      const std::vector<PngText>& text) {
  return to.write(encode_png(image_u8, text));
}

}  // namespace ldm::data
