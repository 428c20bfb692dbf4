// Sampling of text: a grammar and a chain.
#include "shim.h"

#include <math.h>
#include <stdlib.h>

struct ceil_sampler {
    struct llama_sampler * chain;   // truncation, temperature, draw
    struct llama_sampler * grammar; // NULL: none
    llama_token_data *     data;    // candidates, room for the vocabulary
    int32_t                n_vocab, top_k;
    float                  top_p, min_p;
    bool                   greedy;
};

static struct llama_sampler * make_chain(const struct ceil_sampling * p) {
    struct llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    if (p->temperature <= 0) {
        llama_sampler_chain_add(chain, llama_sampler_init_greedy());
        return chain;
    }
    if (p->top_k > 0) {
        llama_sampler_chain_add(chain, llama_sampler_init_top_k(p->top_k));
    }
    if (p->top_p < 1) {
        llama_sampler_chain_add(chain, llama_sampler_init_top_p(p->top_p, 1));
    }
    if (p->min_p > 0) {
        llama_sampler_chain_add(chain, llama_sampler_init_min_p(p->min_p, 1));
    }
    llama_sampler_chain_add(chain, llama_sampler_init_temp(p->temperature));
    llama_sampler_chain_add(chain, llama_sampler_init_dist(p->seed));
    return chain;
}

struct ceil_sampler * ceil_sampler_new(const struct llama_vocab * vocab, const struct ceil_sampling * p) {
    struct ceil_sampler * s = calloc(1, sizeof(*s));
    if (!s) {
        return NULL;
    }
    s->n_vocab = llama_vocab_n_tokens(vocab);
    s->top_k   = p->top_k;
    s->top_p   = p->top_p;
    s->min_p   = p->min_p;
    s->greedy  = p->temperature <= 0;
    s->chain   = make_chain(p);
    s->data    = malloc(sizeof(*s->data) * (size_t) s->n_vocab);
    if (p->grammar) {
        s->grammar = llama_sampler_init_grammar(vocab, p->grammar, "root");
    }
    if (!s->data || (p->grammar && !s->grammar)) {
        ceil_sampler_free(s);
        return NULL;
    }
    return s;
}

void ceil_sampler_free(struct ceil_sampler * s) {
    if (!s) {
        return;
    }
    if (s->grammar) {
        llama_sampler_free(s->grammar);
    }
    llama_sampler_free(s->chain);
    free(s->data);
    free(s);
}

// allowed lists the tokens with a logit of at least cut that the grammar
// takes. -infinity is no candidate.
static llama_token_data_array allowed(struct ceil_sampler * s, const float * logits, float cut) {
    llama_token_data_array a = { .data = s->data, .size = 0, .selected = -1, .sorted = false };
    for (int32_t i = 0; i < s->n_vocab; i++) {
        if (logits[i] >= cut && logits[i] > -INFINITY) {
            a.data[a.size++] = (llama_token_data) { .id = i, .logit = logits[i], .p = 0 };
        }
    }
    if (!s->grammar || a.size == 0) {
        return a;
    }
    llama_sampler_apply(s->grammar, &a);
    size_t n = 0;
    for (size_t i = 0; i < a.size; i++) {
        if (a.data[i].logit > -INFINITY) {
            a.data[n++] = a.data[i];
        }
    }
    a.size = n;
    return a;
}

// settled tells whether no token with a logit below cut could be drawn, given
// those above it that are allowed.
static bool settled(const struct ceil_sampler * s, const llama_token_data_array * a, float cut) {
    if (a->size == 0) {
        return false;
    }
    if (s->greedy || (s->top_k > 0 && a->size >= (size_t) s->top_k)) {
        return true;
    }
    if (s->min_p <= 0 || s->top_p < 1) {
        return false;
    }
    float best = -INFINITY;
    for (size_t i = 0; i < a->size; i++) {
        best = a->data[i].logit > best ? a->data[i].logit : best;
    }
    return cut <= best + logf(s->min_p);
}

int32_t ceil_sampler_draw(struct ceil_sampler * s, const float * logits) {
    // A grammar is slow over a whole vocabulary. It is asked about the likely
    // tokens first, and about all only where those do not settle what the chain
    // behind it would have to choose from: the distribution is the same.
    static const float ranges[] = { 6, 12, INFINITY };
    enum { LAST = sizeof(ranges) / sizeof(ranges[0]) - 1 };
    int32_t top = ceil_argmax(logits, s->n_vocab);
    if (top < 0) {
        return CEIL_NAN_LOGITS;
    }
    for (int r = 0; r <= LAST; r++) {
        float cut = r < LAST ? logits[top] - ranges[r] : -INFINITY;
        llama_token_data_array a = allowed(s, logits, cut);
        if (r < LAST && !settled(s, &a, cut)) {
            continue;
        }
        if (a.size == 0) {
            return CEIL_NO_TOKEN;
        }
        llama_sampler_apply(s->chain, &a);
        if (a.selected < 0 || (size_t) a.selected >= a.size) {
            return CEIL_NO_TOKEN;
        }
        llama_token id = a.data[a.selected].id;
        if (s->grammar) {
            llama_sampler_accept(s->grammar, id);
        }
        llama_sampler_accept(s->chain, id);
        return id;
    }
    return CEIL_NO_TOKEN;
}

int32_t ceil_sampler_sample(struct ceil_sampler * s, const struct ceil_session * from, int32_t i) {
    const float * logits = ceil_logits(from, i);
    return logits ? ceil_sampler_draw(s, logits) : CEIL_NO_LOGITS;
}
