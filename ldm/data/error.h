#pragma once

#include "ldm/files/error.h"

namespace ldm::data {

/// An image that cannot be read or written: damaged, hostile, too large, of a form that we do not read. The
/// text names the image, says what was expected and what was found, and what to do. What goes wrong with the
/// file around it (missing, not permitted, a full disk) is a files::FileError, the base of this.
class ImageError : public files::FileError {
 public:
  using files::FileError::FileError;
};

}  // namespace ldm::data
