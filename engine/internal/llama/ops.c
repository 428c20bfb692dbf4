// The nodes of a graph, computed one by one and timed. The library asks before
// each node whether its result is wanted, and computes up to one that is, waits
// for it and tells; asking for all makes each node a graph of its own.
#define _GNU_SOURCE
#include "session.h"

#include "ggml-backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ceil_ops {
    struct ceil_op * list;
    size_t           n, room;
    double           begun;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static uint64_t elements(const struct ggml_tensor * t) { return (uint64_t) ggml_nelements(t); }

// weights are the bytes of a matrix that a node reads: of experts no more than
// are chosen.
static uint64_t weights(const struct ggml_tensor * t) {
    uint64_t all = ggml_nbytes(t->src[0]);
    if (t->op != GGML_OP_MUL_MAT_ID) {
        return all;
    }
    uint64_t experts = (uint64_t) t->src[0]->ne[2], chosen = elements(t->src[2]);
    return chosen < experts ? all / experts * chosen : all;
}

// moved are the bytes that a node must read and write.
static uint64_t moved(const struct ggml_tensor * t) {
    switch (t->op) {
        case GGML_OP_GET_ROWS: // as many as it writes
            return 2 * ggml_nbytes(t);
        case GGML_OP_SET_ROWS:
            return 2 * ggml_nbytes(t->src[0]);
        case GGML_OP_MUL_MAT:
        case GGML_OP_MUL_MAT_ID:
            return weights(t) + ggml_nbytes(t->src[1]) + ggml_nbytes(t);
        default:
            break;
    }
    uint64_t n = ggml_nbytes(t);
    for (int i = 0; i < GGML_MAX_SRC; i++) {
        n += t->src[i] ? ggml_nbytes(t->src[i]) : 0;
    }
    return n;
}

// operations counts a multiplication and an addition as two. Of a node without
// sums it is one for each result.
static uint64_t operations(const struct ggml_tensor * t) {
    switch (t->op) {
        case GGML_OP_MUL_MAT:
        case GGML_OP_MUL_MAT_ID:
            return 2 * elements(t) * (uint64_t) t->src[0]->ne[0];
        case GGML_OP_FLASH_ATTN_EXT: // queries × keys and weights × values, for each position of the cache
            return 2 * elements(t->src[0]) * (uint64_t) t->src[1]->ne[1] + 2 * elements(t) * (uint64_t) t->src[2]->ne[1];
        default:
            return elements(t);
    }
}

// device is the one that a node's result lies on; of the CPU's own memory the
// library does not name it.
static ggml_backend_dev_t device(const struct ggml_tensor * t) {
    ggml_backend_buffer_t buffer = t->view_src ? t->view_src->buffer : t->buffer;
    ggml_backend_dev_t    d      = buffer ? ggml_backend_buft_get_device(ggml_backend_buffer_get_type(buffer)) : NULL;
    return d || !buffer || !ggml_backend_buffer_is_host(buffer) ? d : ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
}

// await returns when a node is computed. The library has waited for its device
// already; of a server that only sends what is to be done, so one byte is asked for.
static void await(const struct ggml_tensor * t) {
    ggml_backend_dev_t d = device(t);
    if (d && ggml_nbytes(t) > 0 && strcmp(ggml_backend_reg_name(ggml_backend_dev_backend_reg(d)), "RPC") == 0) {
        char byte;
        ggml_backend_tensor_get(t, &byte, 0, 1);
    }
}

static void keep(struct ceil_ops * ops, const struct ggml_tensor * t, double seconds) {
    if (ops->n == ops->room) {
        size_t           room = ops->room ? 2 * ops->room : 1024;
        struct ceil_op * list = realloc(ops->list, room * sizeof(*list));
        if (!list) {
            return;
        }
        ops->list = list;
        ops->room = room;
    }
    struct ceil_op * o = &ops->list[ops->n++];
    memset(o, 0, sizeof(*o));
    snprintf(o->op, sizeof(o->op), "%s", ggml_op_name(t->op));
    snprintf(o->name, sizeof(o->name), "%s", t->name);
    snprintf(o->type, sizeof(o->type), "%s", ggml_type_name(t->src[0] ? t->src[0]->type : t->type));
    snprintf(o->device, sizeof(o->device), "%s", device(t) ? ggml_backend_dev_name(device(t)) : "");
    memcpy(o->ne, t->ne, sizeof(o->ne));
    o->inner      = t->op == GGML_OP_MUL_MAT || t->op == GGML_OP_MUL_MAT_ID ? t->src[0]->ne[0] : 0;
    o->seconds    = seconds;
    o->bytes      = moved(t);
    o->operations = operations(t);
}

static bool timed(struct ggml_tensor * t, bool ask, void * user) {
    struct ceil_ops * ops = user;
    if (ask) {
        ops->begun = now();
        return ceil_computes(t); // views go along with the next one
    }
    await(t);
    keep(ops, t, now() - ops->begun);
    return true;
}

void ceil_time_ops(struct ceil_session * s, struct llama_context_params * p) {
    s->ops = calloc(1, sizeof(*s->ops));
    if (s->ops) {
        p->cb_eval           = timed;
        p->cb_eval_user_data = s->ops;
    }
}

void ceil_forget_ops(struct ceil_session * s) {
    if (s->ops) {
        s->ops->n = 0;
    }
}

void ceil_free_ops(struct ceil_session * s) {
    if (s->ops) {
        free(s->ops->list);
        free(s->ops);
    }
}

const struct ceil_op * ceil_ops(const struct ceil_session * s, size_t * n) {
    *n = s->ops ? s->ops->n : 0;
    return s->ops ? s->ops->list : NULL;
}
