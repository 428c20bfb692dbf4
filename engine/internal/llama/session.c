// Opening and freeing a session.
#include "session.h"

#include <stdlib.h>

static bool want_abort(void * user) {
    return atomic_load_explicit(&((struct ceil_session *) user)->abort, memory_order_relaxed);
}

static bool alloc_batch(struct ceil_session * s) {
    size_t n = (size_t) s->n_batch;
    s->token    = calloc(n, sizeof(*s->token));
    s->pos      = calloc(n, sizeof(*s->pos));
    s->seq      = calloc(n, sizeof(*s->seq));
    s->want     = calloc(n, sizeof(*s->want));
    s->n_seq_id = calloc(n, sizeof(*s->n_seq_id));
    s->seq_id   = calloc(n, sizeof(*s->seq_id));
    s->at       = calloc(n, sizeof(*s->at));
    s->seen     = calloc((size_t) s->n_seq, sizeof(*s->seen));
    s->row      = calloc(n, sizeof(*s->row));
    s->asks     = calloc((size_t) s->n_seq, sizeof(*s->asks));
    if (!s->token || !s->pos || !s->seq || !s->want || !s->n_seq_id || !s->seq_id || !s->at || !s->seen || !s->row || !s->asks) {
        return false;
    }
    for (int32_t i = 0; i < s->n_batch; i++) {
        s->n_seq_id[i] = 1;
        s->seq_id[i]   = &s->seq[i];
    }
    return true;
}

struct ceil_session * ceil_session_open(struct llama_model * model, const struct ceil_open * o) {
    struct ceil_session * s = calloc(1, sizeof(*s));
    if (!s) {
        return NULL;
    }
    ceil_restore_timer_slack(); // the compute threads inherit it at the first step
    struct llama_context_params p = llama_context_default_params();
    p.n_ctx               = o->n_ctx;
    p.n_batch             = o->n_batch;
    p.n_ubatch            = o->n_ubatch;
    p.n_seq_max           = o->n_seq_max;
    p.n_outputs_max       = o->n_outputs_max;
    p.n_outputs_max_per_seq = o->n_outputs_per_seq;
    p.n_rs_seq            = o->n_rollback;
    p.n_threads           = o->n_threads;
    p.n_threads_batch     = o->n_threads_batch;
    p.flash_attn_type     = (enum llama_flash_attn_type) o->flash_attn;
    p.type_k              = (enum ggml_type) o->type_k;
    p.type_v              = (enum ggml_type) o->type_v;
    p.kv_unified          = o->kv_unified;
    p.swa_full            = o->swa_full;
    p.offload_kqv         = o->offload_kqv;
    p.no_perf             = true;
    p.abort_callback      = want_abort;
    p.abort_callback_data = s;

    if (o->time_ops) {
        ceil_time_ops(s, &p);
    }
    s->n_seq   = (int32_t) o->n_seq_max;
    s->n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
    if (o->backend_greedy) {
        ceil_open_greedy(s, model, p);
    }
    if (!s->ctx) {
        s->ctx = llama_init_from_model(model, p);
    }
    s->n_batch = s->ctx ? (int32_t) llama_n_batch(s->ctx) : 0; // the context may have lowered it
    if (!s->greedy) {
        // At its outset: a thread that starts in a step would be in its time.
        s->rows = ceil_rows_new(o->n_threads_argmax);
    }
    if (!s->ctx || !alloc_batch(s) || (!s->greedy && !s->rows) || !ceil_open_drafter(s, model, o, p)) {
        ceil_session_free(s);
        return NULL;
    }
    return s;
}

void ceil_session_free(struct ceil_session * s) {
    if (!s) {
        return;
    }
    ceil_free_drafter(s); // before the context that it reads
    if (s->ctx) {
        llama_free(s->ctx); // before the samplers that it points to
    }
    ceil_free_greedy(s);
    ceil_free_ops(s);
    free(s->token);
    free(s->pos);
    free(s->seq);
    free(s->want);
    free(s->n_seq_id);
    free(s->seq_id);
    free(s->at);
    free(s->seen);
    free(s->row);
    free(s->asks);
    ceil_rows_free(s->rows);
    free(s);
    ceil_give_back();
}

struct llama_context * ceil_session_context(const struct ceil_session * s) {
    return s->ctx;
}

const struct ceil_counts * ceil_session_counts(const struct ceil_session * s) {
    return &s->counts;
}

void ceil_session_abort(struct ceil_session * s, bool on) {
    atomic_store(&s->abort, on);
}
