#include "ldm/data/dataset.h"

namespace ldm::data {

Dataset::~Dataset() = default;

}  // namespace ldm::data
