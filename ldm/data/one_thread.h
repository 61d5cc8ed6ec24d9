#pragma once

namespace ldm::data {

/// From now on ATen's operations on the calling thread run on it alone, instead of waking a team of threads
/// for each, which would fight with training over the cores. Other threads, and the number that new ones
/// start with, stay as they are: unlike at::set_num_threads, which changes both. For threads of our own only.
void keep_aten_on_this_thread();

}  // namespace ldm::data
