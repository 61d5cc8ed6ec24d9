#include "ldm/data/one_thread.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

namespace ldm::data {

void keep_aten_on_this_thread() {
  // ATen sets a thread up when it is first asked; later that would undo what follows.
  at::get_num_threads();
  // OpenMP keeps the number for each thread. The function is looked up in the runtime that LibTorch brought
  // along: linking another OpenMP would put two into the program.
  using SetThreads = void (*)(int);
  if (void* found = ::dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<SetThreads>(found)(1);
}

}  // namespace ldm::data
