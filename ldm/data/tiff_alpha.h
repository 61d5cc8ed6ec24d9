#pragma once

#include <string>

namespace ldm::data {

/// libtiff, which OpenCV asks for 8-bit TIFFs, multiplies colours by their alpha, so that transparent places
/// lose them. Where the first image of a TIFF says that its alpha is of that kind ("unassociated", tag
/// ExtraSamples 338), this changes the word in place to "unspecified", and the colours stay. Leaves all other
/// bytes as they are, whatever they are.
void keep_colours_under_alpha(std::string& bytes);

}  // namespace ldm::data
