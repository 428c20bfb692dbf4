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
    if (!s->token || !s->pos || !s->seq || !s->want || !s->n_seq_id || !s->seq_id || !s->at || !s->seen || !s->row) {
        return false;
    }
    for (int32_t i = 0; i < s->n_batch; i++) {
        s->n_seq_id[i] = 1;
        s->seq_id[i]   = &s->seq[i];
    }
    return true;
}

// make_greedy makes a greedy chain for every sequence, to run in the graph so
// that the logits stay on the device. The context takes them at its creation:
// set later, they would cost a new reservation inside the first timed step.
static struct llama_sampler_seq_config * make_greedy(struct ceil_session * s) {
    struct llama_sampler_seq_config * list = calloc(s->n_seq, sizeof(*list));
    s->greedy = calloc(s->n_seq, sizeof(*s->greedy));
    if (!list || !s->greedy) {
        free(list);
        return NULL;
    }
    for (int32_t i = 0; i < s->n_seq; i++) {
        s->greedy[i] = llama_sampler_chain_init(llama_sampler_chain_default_params());
        llama_sampler_chain_add(s->greedy[i], llama_sampler_init_greedy());
        list[i].seq_id  = i;
        list[i].sampler = s->greedy[i];
    }
    return list;
}

static void free_greedy(struct ceil_session * s) {
    for (int32_t i = 0; s->greedy && i < s->n_seq; i++) {
        llama_sampler_free(s->greedy[i]);
    }
    free(s->greedy);
    s->greedy = NULL;
}

// open_greedy makes a context whose back end samples. Where it can't, it makes
// none: a chain that is attached all the same keeps the logits from the host,
// and nobody would sample. The library marks the samplers that a back end runs
// with a plus before their names.
static void open_greedy(struct ceil_session * s, struct llama_model * model, struct llama_context_params p) {
    struct llama_sampler_seq_config * chains = make_greedy(s);
    p.samplers   = chains;
    p.n_samplers = chains ? (size_t) s->n_seq : 0;
    s->ctx       = chains ? llama_init_from_model(model, p) : NULL;
    free(chains); // the context has copied the list; the chains live on in s
    if (s->ctx && llama_sampler_name(llama_sampler_chain_get(s->greedy[0], 0))[0] == '+') {
        return;
    }
    if (s->ctx) {
        llama_free(s->ctx);
        s->ctx = NULL;
    }
    free_greedy(s);
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

    s->n_seq   = (int32_t) o->n_seq_max;
    s->n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
    if (o->backend_greedy) {
        open_greedy(s, model, p);
    }
    if (!s->ctx) {
        s->ctx = llama_init_from_model(model, p);
    }
    s->n_batch = s->ctx ? (int32_t) llama_n_batch(s->ctx) : 0; // the context may have lowered it
    if (!s->greedy) {
        // At its outset: a thread that starts in a step would be in its time.
        s->rows = ceil_rows_new((int) o->n_outputs_max < o->n_threads ? (int) o->n_outputs_max : o->n_threads);
    }
    if (!s->ctx || !alloc_batch(s) || (!s->greedy && !s->rows)) {
        ceil_session_free(s);
        return NULL;
    }
    return s;
}

void ceil_session_free(struct ceil_session * s) {
    if (!s) {
        return;
    }
    if (s->ctx) {
        llama_free(s->ctx); // before the samplers that it points to
    }
    free_greedy(s);
    free(s->token);
    free(s->pos);
    free(s->seq);
    free(s->want);
    free(s->n_seq_id);
    free(s->seq_id);
    free(s->at);
    free(s->seen);
    free(s->row);
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
