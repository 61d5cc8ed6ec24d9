// Compiled into programs that are linked with jemalloc (ldm_use_jemalloc), which reads this name: a step
// takes what the step before gave back, so little is returned to the kernel, and huge pages are asked for.
// What nobody took for some seconds does go back: without that, batches of different sizes grew a long
// training to all memory.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "narenas:1,dirty_decay_ms:5000,muzzy_decay_ms:5000,thp:always";
}
