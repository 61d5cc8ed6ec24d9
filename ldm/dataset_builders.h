#pragma once

#include "ldm/data/dataset.h"
#include "ldm/data/datasets/imagenet.h"
#include "ldm/registry.h"

namespace ldm {

/// Adds the datasets to a registry: ldm.data.captions.CaptionFolder; ldm.data.lsun.LSUNBase and its six
/// subclasses, whose txt_file and data_root the config may set, too; and, where `linear_resize` is given,
/// ldm.data.imagenet.ImageNetTrain and ImageNetValidation. They read images through `reader`. A program that
/// links ldm_images adds them with data::read_image and data::linear_resize; one that knows only PNG with
/// data::read_png's pixels.
///
/// Apart from default_registry because of these functions: the library itself reads no foreign images.
void add_datasets(Registry& registry, const data::ImageReader& reader,
                  const data::LinearResize& linear_resize = {});

}  // namespace ldm
