// How many compute graphs a decode became. The library cuts a batch into
// physical batches and computes a graph for each, and nothing in its API tells
// how many. libllama hands every graph to ggml_backend_sched_graph_compute_async,
// a function of another library; the program's own function of that name is
// found first, counts, and calls the library's. Where the loader does not work
// that way (macOS) the count stays 0.
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>

#include "ggml-backend.h"

typedef enum ggml_status (*compute_t)(ggml_backend_sched_t, struct ggml_cgraph *);

static compute_t library_compute;

// A decode runs on the thread that asked for it.
static _Thread_local uint64_t graphs;

__attribute__((constructor)) static void find_library_compute(void) {
    *(void **) &library_compute = dlsym(RTLD_NEXT, "ggml_backend_sched_graph_compute_async");
}

enum ggml_status ggml_backend_sched_graph_compute_async(ggml_backend_sched_t sched, struct ggml_cgraph * graph) {
    graphs++;
    return library_compute(sched, graph);
}

uint64_t ceil_graphs(void) {
    return graphs;
}
