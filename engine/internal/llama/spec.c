// A session's drafts: the library that makes them, the draft model's context, and
// what is done to both contexts alike.
#define _GNU_SOURCE
#include "session.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static pthread_once_t                  spec_once = PTHREAD_ONCE_INIT;
static const struct ceil_speculation * spec;
static char                            spec_fault[512];

static void spec_load(void) {
    char dir[4096], path[4200];
    if (!ceil_library_dir(dir, sizeof(dir))) {
        snprintf(spec_fault, sizeof(spec_fault), "the folder of libllama is not known");
        return;
    }
    snprintf(path, sizeof(path), "%s/libllama-spec.so", dir);
    void * lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct ceil_speculation * (*open)(ceil_spec_log) =
        lib ? (const struct ceil_speculation * (*)(ceil_spec_log)) dlsym(lib, "ceil_speculation_open") : NULL;
    if (!open) {
        const char * why = dlerror();
        snprintf(spec_fault, sizeof(spec_fault), "%s", why ? why : path);
        return;
    }
    spec = open(ceil_log_line);
}

const char * ceil_spec_fault(void) {
    pthread_once(&spec_once, spec_load);
    return spec ? NULL : spec_fault;
}

// open_draft makes the draft side's context: as many positions as the target's, and
// a row of logits for each sequence.
static bool open_draft(struct ceil_session * s, struct llama_model * model, const struct ceil_open * o, struct llama_context_params p) {
    if (!o->draft && !o->mtp) {
        return true;
    }
    p.n_outputs_max         = o->n_seq_max;
    p.n_outputs_max_per_seq = 1;
    p.n_rs_seq              = 0;
    p.n_samplers            = 0;
    p.samplers              = NULL;
    p.cb_eval               = NULL;
    p.type_k = p.type_v = GGML_TYPE_F16; // as llama-server has it
    p.ctx_other         = s->ctx;
    if (o->mtp) {
        p.ctx_type = LLAMA_CONTEXT_TYPE_MTP;
    }
    s->draft       = llama_init_from_model(o->draft ? o->draft : model, p);
    s->draft_loads = o->draft != NULL;
    return s->draft != NULL;
}

bool ceil_open_drafter(struct ceil_session * s, struct llama_model * model, const struct ceil_open * o, struct llama_context_params p) {
    if (!o->drafting.kind) {
        return true;
    }
    if (!open_draft(s, model, o, p)) {
        return false;
    }
    if (o->plan) {
        return true;
    }
    if (ceil_spec_fault()) {
        return false;
    }
    // The hidden states that an MTP head reads are in the order of the batch.
    s->in_order = o->mtp;
    s->drafter  = spec->open(&o->drafting, s->ctx, s->draft, s->n_seq);
    return s->drafter != NULL;
}

void ceil_free_drafter(struct ceil_session * s) {
    if (s->drafter) {
        spec->close(s->drafter);
    }
    if (s->draft) {
        llama_free(s->draft);
    }
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

// failed tells an abort from a fault of the draft side.
static int32_t failed(struct ceil_session * s) {
    return atomic_load(&s->abort) ? 2 : CEIL_NO_DRAFTS;
}

int32_t ceil_feed_drafter(struct ceil_session * s, const struct llama_batch * b) {
    s->counts.drafting_ns = 0;
    if (!s->drafter) {
        return 0;
    }
    uint64_t begun = now_ns();
    bool     ok    = spec->process(s->drafter, b);
    if (s->draft) {
        llama_synchronize(s->draft);
    }
    s->counts.drafting_ns = now_ns() - begun;
    return ok ? 0 : failed(s);
}

bool ceil_draft_begin(struct ceil_session * s, int32_t seq, const int32_t * prompt, int32_t n, int32_t first) {
    return spec->begin(s->drafter, seq, prompt, n, first);
}

int32_t ceil_draft(struct ceil_session * s, int32_t n, const int32_t * seq, const int32_t * last, const int32_t * pos,
                   const int32_t * max, int32_t * count, int32_t * tokens) {
    int32_t at = 0;
    for (int32_t i = 0; i < n; i++) {
        s->asks[i] = (struct ceil_ask) { .seq = seq[i], .last = last[i], .pos = pos[i], .max = max[i], .tokens = tokens + at };
        at += max[i];
    }
    // An aborted computation proposes less, and says nothing.
    bool ok = spec->draft(s->drafter, s->asks, n);
    for (int32_t i = 0; i < n; i++) {
        count[i] = s->asks[i].n;
    }
    return ok && !atomic_load(&s->abort) ? 0 : failed(s);
}

bool ceil_draft_accept(struct ceil_session * s, int32_t seq, int32_t drafted, const int32_t * tokens, int32_t n) {
    return spec->accept(s->drafter, seq, drafted, tokens, n);
}

struct llama_context * ceil_session_draft(const struct ceil_session * s, bool * own) {
    *own = s->draft_loads;
    return s->draft;
}

int32_t ceil_check_draft(struct ceil_session * s) {
    // An MTP head gives no logits for what it has only read.
    const float * logits = s->draft && s->draft_loads ? llama_get_logits_ith(s->draft, -1) : NULL;
    if (!s->draft || !s->draft_loads) {
        return 0;
    }
    return logits ? ceil_look_at(logits, llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(s->draft)))) : CEIL_NO_LOGITS;
}

bool ceil_seq_rm(struct ceil_session * s, int32_t seq, int32_t from, int32_t to) {
    return llama_memory_seq_rm(llama_get_memory(s->ctx), seq, from, to) &&
           (!s->draft || llama_memory_seq_rm(llama_get_memory(s->draft), seq, from, to));
}

void ceil_seq_cp(struct ceil_session * s, int32_t src, int32_t dst, int32_t from, int32_t to) {
    llama_memory_seq_cp(llama_get_memory(s->ctx), src, dst, from, to);
    if (s->draft) {
        llama_memory_seq_cp(llama_get_memory(s->draft), src, dst, from, to);
    }
}

void ceil_clear(struct ceil_session * s) {
    llama_memory_clear(llama_get_memory(s->ctx), false);
    if (s->draft) {
        llama_memory_clear(llama_get_memory(s->draft), false);
    }
}
