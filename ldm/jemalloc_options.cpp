// Compiled into programs that are linked with jemalloc (ldm_use_jemalloc), which reads this name: a step
// takes what the step before gave back, so nothing is returned to the kernel, and huge pages are asked for.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "narenas:1,dirty_decay_ms:5000,muzzy_decay_ms:5000,thp:always";
}
