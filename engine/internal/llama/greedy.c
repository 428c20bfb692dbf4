// A greedy sampler for the back end's graph that leaves the logits there. The
// library's own hands them on, and what is handed on is copied to the host: a
// row of the vocabulary for every token.
#include "session.h"

#include <stdlib.h>

static const char * greedy_name(const struct llama_sampler * s) {
    (void) s;
    return "greedy, logits left behind";
}

static void greedy_apply(struct llama_sampler * s, llama_token_data_array * a) {
    (void) s;
    a->selected = 0;
    for (size_t i = 1; i < a->size; i++) {
        if (a->data[i].logit > a->data[a->selected].logit) {
            a->selected = (int64_t) i;
        }
    }
}

static bool greedy_init(struct llama_sampler * s, ggml_backend_buffer_type_t type, uint32_t outputs) {
    (void) s, (void) type, (void) outputs;
    return true; // the library's own was asked: see open_greedy
}

static void greedy_graph(struct llama_sampler * s, struct ggml_context * ctx, struct ggml_cgraph * graph, struct llama_sampler_data * data) {
    (void) s, (void) graph;
    data->sampled = ggml_argmax(ctx, ggml_reshape_1d(ctx, data->logits, ggml_nelements(data->logits)));
    data->logits  = NULL;
}

static struct llama_sampler_i greedy = {
    .name          = greedy_name,
    .apply         = greedy_apply,
    .backend_init  = greedy_init,
    .backend_apply = greedy_graph,
};

static struct llama_sampler * chain_of(struct llama_sampler * s) {
    struct llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    llama_sampler_chain_add(chain, s);
    return chain;
}

// make makes a chain for every sequence. The context takes them at its creation:
// set later, they would cost a new reservation inside the first timed step. The
// first sequence begins with the library's own, so that there are logits on the
// host to look at; ceil_settle takes it away.
static struct llama_sampler_seq_config * make(struct ceil_session * s) {
    struct llama_sampler_seq_config * list = calloc((size_t) s->n_seq, sizeof(*list));
    s->greedy = calloc((size_t) s->n_seq, sizeof(*s->greedy));
    if (!list || !s->greedy) {
        free(list);
        return NULL;
    }
    for (int32_t i = 0; i < s->n_seq; i++) {
        s->greedy[i] = chain_of(llama_sampler_init(&greedy, NULL));
        list[i].seq_id  = i;
        list[i].sampler = s->greedy[i];
    }
    s->first = chain_of(llama_sampler_init_greedy());
    list[0].sampler = s->first;
    return list;
}

void ceil_free_greedy(struct ceil_session * s) {
    for (int32_t i = 0; s->greedy && i < s->n_seq; i++) {
        llama_sampler_free(s->greedy[i]);
    }
    free(s->greedy);
    llama_sampler_free(s->first);
    s->greedy = NULL;
    s->first  = NULL;
}

void ceil_open_greedy(struct ceil_session * s, struct llama_model * model, struct llama_context_params p) {
    struct llama_sampler_seq_config * chains = make(s);
    p.samplers   = chains;
    p.n_samplers = chains ? (size_t) s->n_seq : 0;
    s->ctx       = chains ? llama_init_from_model(model, p) : NULL;
    free(chains); // the context has copied the list; the chains live on in s
    // The library marks a sampler that the back end runs with a plus. Attached
    // without, a chain keeps the logits from the host, and nobody would sample.
    if (s->ctx && llama_sampler_name(llama_sampler_chain_get(s->first, 0))[0] == '+') {
        return;
    }
    if (s->ctx) {
        llama_free(s->ctx);
        s->ctx = NULL;
    }
    ceil_free_greedy(s);
}

void ceil_settle(struct ceil_session * s) {
    if (s->greedy && !s->settled) {
        s->settled = llama_set_sampler(s->ctx, 0, s->greedy[0]);
    }
}
