// What a decode became: compute graphs, and the memory that was laid out for
// them. The library cuts a batch into physical batches and computes a graph for
// each, and nothing in its API tells how many. libllama hands every graph to
// ggml_backend_sched_graph_compute_async, a function of another library; the
// program's own function of that name is found first, counts, and calls the
// library's. So it is with the functions that lay out a graph's tensors and
// allocate a buffer: the library's words about that are not in a release build.
// Where the loader does not work that way (macOS) the counts stay 0.
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>

#include "ggml-alloc.h"
#include "ggml-backend.h"

static enum ggml_status (*library_compute)(ggml_backend_sched_t, struct ggml_cgraph *);
static bool (*library_plan)(ggml_gallocr_t, struct ggml_cgraph *, const int *, const int *);
static ggml_backend_buffer_t (*library_alloc)(ggml_backend_buffer_type_t, size_t);

// A decode runs on the thread that asked for it.
static _Thread_local struct ceil_tally tally;
static _Thread_local uint32_t *        nodes; // where the next graph's are counted; NULL: they are not

__attribute__((constructor)) static void find_library(void) {
    *(void **) &library_compute = dlsym(RTLD_NEXT, "ggml_backend_sched_graph_compute_async");
    *(void **) &library_plan    = dlsym(RTLD_NEXT, "ggml_gallocr_reserve_n");
    *(void **) &library_alloc   = dlsym(RTLD_NEXT, "ggml_backend_buft_alloc_buffer");
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
    tally.graphs++;
    tally.splits += (uint64_t) ggml_backend_sched_get_n_splits(sched);
    if (nodes) {
        *nodes = ceil_nodes(graph);
        nodes  = NULL;
    }
    return library_compute(sched, graph);
}

bool ggml_gallocr_reserve_n(ggml_gallocr_t a, struct ggml_cgraph * graph, const int * node_ids, const int * leaf_ids) {
    tally.plans++;
    return library_plan(a, graph, node_ids, leaf_ids);
}

ggml_backend_buffer_t ggml_backend_buft_alloc_buffer(ggml_backend_buffer_type_t type, size_t size) {
    tally.buffers++;
    return library_alloc(type, size);
}

const struct ceil_tally * ceil_tally(void) {
    return &tally;
}
