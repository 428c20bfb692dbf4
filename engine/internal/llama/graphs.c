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
static _Thread_local uint64_t   graphs;
static _Thread_local uint32_t * nodes; // where the next graph's are counted; NULL: they are not

__attribute__((constructor)) static void find_library_compute(void) {
    *(void **) &library_compute = dlsym(RTLD_NEXT, "ggml_backend_sched_graph_compute_async");
}

bool ceil_computes(const struct ggml_tensor * t) {
    switch (t->op) {
        case GGML_OP_NONE:
        case GGML_OP_RESHAPE:
        case GGML_OP_TRANSPOSE:
        case GGML_OP_VIEW:
        case GGML_OP_PERMUTE:
            return false;
        default:
            return true;
    }
}

// ceil_nodes counts a graph's nodes that compute something, a norm and the
// multiplication right behind it as one: back ends make one of them.
static uint32_t ceil_nodes(struct ggml_cgraph * graph) {
    uint32_t n = 0;
    for (int i = 0; i < ggml_graph_n_nodes(graph); i++) {
        const struct ggml_tensor * t = ggml_graph_node(graph, i);
        bool fused = i > 0 && t->op == GGML_OP_MUL && ggml_graph_node(graph, i - 1)->op == GGML_OP_RMS_NORM;
        n += ceil_computes(t) && !fused;
    }
    return n;
}

void ceil_count_nodes(uint32_t * to) {
    nodes = to;
}

enum ggml_status ggml_backend_sched_graph_compute_async(ggml_backend_sched_t sched, struct ggml_cgraph * graph) {
    graphs++;
    if (nodes) {
        *nodes = ceil_nodes(graph);
        nodes  = NULL;
    }
    return library_compute(sched, graph);
}

uint64_t ceil_graphs(void) {
    return graphs;
}
