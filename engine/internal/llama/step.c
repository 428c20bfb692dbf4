// One step: a batch in, token ids out.
#include "session.h"

#include <math.h>
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

int32_t ceil_sample(struct ceil_session * s, int32_t i) {
    if (s->greedy) {
        // The argmax of NaN is -1 on some back ends, which is also the library's
        // word for "not sampled"; the logits are on the device.
        llama_token id = llama_get_sampled_token_ith(s->ctx, i);
        s->counts.backend++;
        return id >= 0 && id < s->n_vocab ? id : CEIL_BAD_TOKEN;
    }
    const float * logits = llama_get_logits_ith(s->ctx, i);
    if (!logits) {
        return CEIL_NO_LOGITS;
    }
    s->counts.argmax++;
    int32_t id = ceil_argmax(logits, s->n_vocab);
    return id >= 0 ? id : CEIL_NAN_LOGITS;
}

int32_t ceil_step(struct ceil_session * s, int32_t n, const int32_t * token, const int32_t * pos,
                  const int32_t * seq, const int8_t * want, int32_t * out) {
    int32_t rc = ceil_decode(s, n, token, pos, seq, want);
    for (int32_t i = 0, k = 0; rc == 0 && i < n; i++) {
        if (want[i]) {
            int32_t id = ceil_sample(s, i);
            if (id < 0) {
                rc = id;
            }
            out[k++] = id;
        }
    }
    return rc;
}

int32_t ceil_check_logits(struct ceil_session * s, int32_t i) {
    // A greedy chain leaves the logits that it chose from with what the library
    // copies to the host.
    const float * logits = s->greedy ? llama_get_sampled_logits_ith(s->ctx, i) : llama_get_logits_ith(s->ctx, i);
    if (!logits || (s->greedy && llama_get_sampled_logits_count_ith(s->ctx, i) != (uint32_t) s->n_vocab)) {
        return CEIL_NO_LOGITS;
    }
    bool equal = true;
    for (int32_t j = 0; j < s->n_vocab; j++) {
        if (!isfinite(logits[j])) {
            return CEIL_NAN_LOGITS;
        }
        equal = equal && logits[j] == logits[0];
    }
    return equal ? CEIL_FLAT_LOGITS : 0;
}
