// One step: a batch in, token ids out.
#include "session.h"

#include <string.h>

int32_t ceil_decode(struct ceil_session * s, int32_t n, const int32_t * token, const int32_t * pos,
                    const int32_t * seq, const int8_t * want) {
    if (n < 1 || n > s->n_batch) {
        return -1; // llama_decode's code; beyond the arrays' end, and where ggml would end the process
    }
    memcpy(s->seq, seq, sizeof(*seq) * (size_t) n);
    struct llama_batch b = {
        .n_tokens = n,
        .token    = (llama_token *) token,
        .pos      = (llama_pos *) pos,
        .n_seq_id = s->n_seq_id,
        .seq_id   = s->seq_id,
        .logits   = (int8_t *) want,
    };
    uint64_t before = ceil_graphs();
    int32_t  rc     = llama_decode(s->ctx, b);
    s->counts.graphs = ceil_graphs() - before;
    // Back ends compute asynchronously. Without this the time of a step that
    // samples nothing would be booked on the next one.
    llama_synchronize(s->ctx);
    return rc;
}

int32_t ceil_step(struct ceil_session * s, int32_t n, const int32_t * token, const int32_t * pos,
                  const int32_t * seq, const int8_t * want, int32_t * out) {
    int32_t rc = ceil_decode(s, n, token, pos, seq, want);
    if (rc != 0) {
        return rc;
    }
    for (int32_t i = 0, k = 0; i < n; i++) {
        if (!want[i]) {
            continue;
        }
        llama_token id = LLAMA_TOKEN_NULL;
        if (s->greedy) {
            id = llama_get_sampled_token_ith(s->ctx, i);
        }
        if (id != LLAMA_TOKEN_NULL) {
            s->counts.backend++;
        } else {
            const float * logits = llama_get_logits_ith(s->ctx, i);
            if (!logits) {
                return CEIL_NO_LOGITS;
            }
            id = ceil_argmax(logits, s->n_vocab);
            if (id < 0) {
                return CEIL_NAN_LOGITS;
            }
            s->counts.argmax++;
        }
        out[k++] = id;
    }
    return 0;
}
