// libllama-spec: llama.cpp's speculative decoding (its common/speculative.h) as a
// few C functions. engine/internal/speculative is its source, built by CMake;
// spec.c loads it where a session asks for it.
#ifndef CEILING_SPEC_H
#define CEILING_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ceil_drafter; // opaque: what proposes tokens for the sequences of one context

// ceil_drafting says how tokens are proposed.
struct ceil_drafting {
    const char * kind; // llama.cpp's name of it, "draft-simple"
    int32_t      max;  // tokens of a proposal at most, ≥ 1
    int32_t      min;  // a shorter one is none; of kinds that know it
    float        p_min; // least probability of a token; of kinds that know it
};

// ceil_ask asks for tokens to follow one sequence.
struct ceil_ask {
    int32_t   seq, last, pos; // the token sampled last, and the position that it will have
    int32_t   max;            // tokens wanted at most, ≥ 1
    int32_t   n;              // out: tokens proposed
    int32_t * tokens;         // out: room for max
};

// ceil_speculation's functions throw nothing. Those that return false have logged
// why as an error.
struct ceil_speculation {
    // open returns NULL where it can't. draft is the draft model's context, NULL for
    // kinds without one; both contexts outlive the drafter.
    struct ceil_drafter * (*open)(const struct ceil_drafting * how, struct llama_context * target, struct llama_context * draft, int32_t n_seq);
    void (*close)(struct ceil_drafter * d);
    // begin tells that seq has computed a prompt and that first was sampled from it.
    bool (*begin)(struct ceil_drafter * d, int32_t seq, const int32_t * prompt, int32_t n, int32_t first);
    // process is told of each batch that the target has computed.
    bool (*process)(struct ceil_drafter * d, const struct llama_batch * batch);
    // draft answers n asks, of different sequences that have begun.
    bool (*draft)(struct ceil_drafter * d, struct ceil_ask * asks, int32_t n);
    // accept tells that a step with so many drafts has given seq n tokens: the
    // accepted drafts, and the one that was sampled after them.
    bool (*accept)(struct ceil_drafter * d, int32_t seq, int32_t drafted, const int32_t * tokens, int32_t n);
};

// ceil_speculation_open is the library's one symbol.
typedef void (*ceil_spec_log)(enum ggml_log_level level, const char * text, void * unused);
const struct ceil_speculation * ceil_speculation_open(ceil_spec_log log);

#ifdef __cplusplus
}
#endif

#endif
