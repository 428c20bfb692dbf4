// What a session is made of, for the files that work on it.
#ifndef CEILING_SESSION_H
#define CEILING_SESSION_H

#include <stdatomic.h>

#include "shim.h"

struct ceil_ops; // see ops.c

struct ceil_session {
    struct llama_context *  ctx;
    int32_t                 n_batch; // tokens of one decode at most, and the arrays' length
    int32_t                 n_seq, n_vocab;
    // The batch in the order that ceil_decode gives it.
    llama_token *           token;
    llama_pos *             pos;
    llama_seq_id *          seq;
    int8_t *                want;
    int32_t *               n_seq_id; // all 1
    llama_seq_id **         seq_id;   // seq_id[i] = &seq[i]
    int32_t *               at;       // at[i]: where the caller's token i is in it
    uint32_t *              seen;     // by sequence: the last decode that had it
    uint32_t                decodes;
    int32_t                 n; // tokens in it
    struct llama_sampler ** greedy;   // one chain per sequence, or NULL
    struct llama_sampler *  first;    // the first sequence's until ceil_settle
    bool                    settled;
    const float **          row;      // the wanted rows of logits
    struct ceil_rows *      rows;     // takes their argmax; NULL with greedy chains
    struct ceil_counts      counts;
    struct ceil_ops *       ops; // NULL: nodes are not timed
    atomic_bool             abort;
};

// ceil_open_greedy makes a context whose back end samples, and none where that
// can't.
void ceil_open_greedy(struct ceil_session * s, struct llama_model * model, struct llama_context_params p);
void ceil_free_greedy(struct ceil_session * s);

#endif
