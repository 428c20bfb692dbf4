// What a node of a graph takes at least on the CPU back end, and the
// instructions that the back end uses.
#define _GNU_SOURCE
#include "shim.h"

#include <stdio.h>
#include <time.h>

#include "ggml-backend.h"

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static ggml_backend_t cpu_backend(int32_t threads) {
    ggml_backend_dev_t d = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (!d) {
        return NULL;
    }
    ggml_backend_set_n_threads_t set =
        (ggml_backend_set_n_threads_t) ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(d), "ggml_backend_set_n_threads");
    ggml_backend_t b = set ? ggml_backend_dev_init(d, NULL) : NULL;
    if (b) {
        set(b, threads);
    }
    return b;
}

// compute runs the chain twice: the first time wakes the threads.
static bool compute(ggml_backend_t backend, struct ggml_context * ctx, int32_t n, double * seconds, float * end) {
    struct ggml_tensor * first = ggml_new_tensor_1d(ctx, GGML_TYPE_F32, 1);
    struct ggml_tensor * one   = ggml_new_tensor_1d(ctx, GGML_TYPE_F32, 1);
    struct ggml_tensor * last  = first;
    for (int32_t i = 0; i < n; i++) {
        last = ggml_add(ctx, last, one);
    }
    struct ggml_cgraph * graph = ggml_new_graph_custom(ctx, (size_t) n + 2, false);
    ggml_build_forward_expand(graph, last);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(ctx, backend);
    if (!buffer) {
        return false;
    }
    const float zero = 0, step = 1;
    ggml_backend_tensor_set(first, &zero, 0, sizeof(zero));
    ggml_backend_tensor_set(one, &step, 0, sizeof(step));
    bool   ok    = ggml_backend_graph_compute(backend, graph) == GGML_STATUS_SUCCESS;
    double begun = seconds_now();
    ok           = ok && ggml_backend_graph_compute(backend, graph) == GGML_STATUS_SUCCESS;
    *seconds     = seconds_now() - begun;
    ggml_backend_tensor_get(last, end, 0, sizeof(*end));
    ggml_backend_buffer_free(buffer);
    return ok;
}

bool ceil_chain(int32_t threads, int32_t n, double * seconds, float * end) {
    ceil_restore_timer_slack(); // the compute threads inherit it
    ggml_backend_t backend = cpu_backend(threads);
    if (!backend) {
        return false;
    }
    struct ggml_init_params p = {
        .mem_size = ((size_t) n + 8) * ggml_tensor_overhead() + ggml_graph_overhead_custom((size_t) n + 2, false),
        .no_alloc = true,
    };
    struct ggml_context * ctx = ggml_init(p);
    bool                  ok  = ctx && compute(backend, ctx, n, seconds, end);
    ggml_free(ctx);
    ggml_backend_free(backend);
    return ok;
}

bool ceil_cpu_feature(size_t i, char * out, size_t size) {
    ggml_backend_dev_t d = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (!d) {
        return false;
    }
    ggml_backend_reg_t          reg = ggml_backend_dev_backend_reg(d);
    ggml_backend_get_features_t get =
        (ggml_backend_get_features_t) ggml_backend_reg_get_proc_address(reg, "ggml_backend_get_features");
    if (!get) {
        return false;
    }
    for (struct ggml_backend_feature * f = get(reg); f->name; f++) {
        if (f->value[0] == '1' && i-- == 0) {
            return snprintf(out, size, "%s", f->name) < (int) size;
        }
    }
    return false;
}
