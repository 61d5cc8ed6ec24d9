#pragma once

#include <string>

#include "ldm/experiments/results.h"

namespace ldm::experiments {

/// How the page comes by its pictures.
struct PageImages {
  bool embedded = true;     ///< in the page; else as files beside it
  std::uint64_t bytes = 0;  ///< of all
};
PageImages page_images(const Results& results);

/// The pictures as a table with the values of the axes at its sides, each with what is known of it.
std::string matrix_html(const Results& results, const PageImages& images);

/// What the page's script needs to know, as JSON that may stand in a <script> element.
std::string matrix_json(const Results& results);

}  // namespace ldm::experiments
