// One step: a batch in, token ids out.
#include "session.h"

#include <math.h>

// batch_of is the batch that the arrays hold.
static struct llama_batch batch_of(struct ceil_session * s) {
    return (struct llama_batch) {
        .n_tokens = s->n,
        .token    = s->token,
        .pos      = s->pos,
        .n_seq_id = s->n_seq_id,
        .seq_id   = s->seq_id,
        .logits   = s->want,
    };
}

int32_t ceil_decode(struct ceil_session * s, int32_t n, const int32_t * token, const int32_t * pos,
                    const int32_t * seq, const int8_t * want) {
    // llama_decode's own code for a batch that can't be; these would go beyond
    // the arrays' ends, or ggml would end the process over them.
    if (n < 1 || n > s->n_batch || !ceil_order(n, seq, s->n_seq, ++s->decodes, s->seen, s->at)) {
        s->n = 0;
        return -1;
    }
    s->n = n;
    for (int32_t i = 0; s->in_order && i < n; i++) {
        s->at[i] = i;
    }
    for (int32_t i = 0; i < n; i++) {
        int32_t j = s->at[i];
        s->token[j] = token[i];
        s->pos[j]   = pos[i];
        s->seq[j]   = seq[i];
        s->want[j]  = want[i];
    }
    if (s->counts.nodes == 0) {
        ceil_count_nodes(&s->counts.nodes);
    }
    ceil_forget_ops(s);
    uint64_t before = ceil_tally()->graphs;
    int32_t  rc     = llama_decode(s->ctx, batch_of(s));
    s->counts.graphs = ceil_tally()->graphs - before;
    // Back ends compute asynchronously. Without this the time of a step that
    // samples nothing would be booked on the next one.
    llama_synchronize(s->ctx);
    return rc;
}

const float * ceil_logits(const struct ceil_session * s, int32_t i) {
    return i >= 0 && i < s->n ? llama_get_logits_ith(s->ctx, s->at[i]) : NULL;
}

int32_t ceil_sampled(struct ceil_session * s, int32_t i) {
    // The argmax of NaN is -1 on some back ends, which is also the library's word
    // for "not sampled"; the logits are on the device.
    llama_token id = i >= 0 && i < s->n ? llama_get_sampled_token_ith(s->ctx, s->at[i]) : LLAMA_TOKEN_NULL;
    return id >= 0 && id < s->n_vocab ? id : CEIL_BAD_TOKEN;
}

static int32_t take_sampled(struct ceil_session * s, int32_t n, const int8_t * want, int32_t * out) {
    int32_t k = 0;
    for (int32_t i = 0; i < n; i++) {
        if (want[i]) {
            out[k] = ceil_sampled(s, i);
            if (out[k++] < 0) {
                return CEIL_BAD_TOKEN;
            }
        }
    }
    s->counts.backend += (uint64_t) k;
    return 0;
}

static int32_t take_argmax(struct ceil_session * s, int32_t n, const int8_t * want, int32_t * out) {
    int32_t rows = 0;
    for (int32_t i = 0; i < n; i++) {
        if (want[i]) {
            s->row[rows] = ceil_logits(s, i);
            if (!s->row[rows++]) {
                return CEIL_NO_LOGITS;
            }
        }
    }
    ceil_rows_argmax(s->rows, s->row, rows, s->n_vocab, out);
    for (int32_t k = 0; k < rows; k++) {
        if (out[k] < 0) {
            return CEIL_NAN_LOGITS;
        }
    }
    s->counts.argmax += (uint64_t) rows;
    return 0;
}

int32_t ceil_step(struct ceil_session * s, int32_t n, const int32_t * token, const int32_t * pos,
                  const int32_t * seq, const int8_t * want, int32_t * out) {
    int32_t rc = ceil_decode(s, n, token, pos, seq, want);
    if (rc != 0) {
        return rc;
    }
    rc = s->greedy ? take_sampled(s, n, want, out) : take_argmax(s, n, want, out);
    if (rc != 0) {
        return rc;
    }
    struct llama_batch b = batch_of(s);
    return ceil_feed_drafter(s, &b);
}

int32_t ceil_look_at(const float * logits, int32_t n) {
    bool equal = true;
    for (int32_t j = 0; j < n; j++) {
        if (!isfinite(logits[j])) {
            return CEIL_NAN_LOGITS;
        }
        equal = equal && logits[j] == logits[0];
    }
    return equal ? CEIL_FLAT_LOGITS : 0;
}

int32_t ceil_check_logits(struct ceil_session * s, int32_t i) {
    if (i < 0 || i >= s->n) {
        return CEIL_NO_LOGITS;
    }
    // The library's own greedy chain leaves what it chose from with the logits
    // that are copied to the host.
    const float * logits = s->greedy ? llama_get_sampled_logits_ith(s->ctx, s->at[i]) : ceil_logits(s, i);
    if (!logits || (s->greedy && llama_get_sampled_logits_count_ith(s->ctx, s->at[i]) != (uint32_t) s->n_vocab)) {
        return CEIL_NO_LOGITS;
    }
    return ceil_look_at(logits, s->n_vocab);
}
