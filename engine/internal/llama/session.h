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
    struct ceil_drafter *   drafter;     // NULL: nothing is drafted
    struct llama_context *  draft;       // the draft side's, NULL where there is none
    bool                    draft_loads; // it is of a model of its own
    bool                    in_order;    // batches are computed as they come
    struct ceil_ask *       asks;        // one per sequence
    atomic_bool             abort;
};

// ceil_open_greedy makes a context whose back end samples, and none where that
// can't.
void ceil_open_greedy(struct ceil_session * s, struct llama_model * model, struct llama_context_params p);
void ceil_free_greedy(struct ceil_session * s);

// ceil_open_drafter makes what o asks for beside the context; true where it asks
// for nothing.
bool ceil_open_drafter(struct ceil_session * s, struct llama_model * model, const struct ceil_open * o, struct llama_context_params p);
void ceil_free_drafter(struct ceil_session * s);
// ceil_feed_drafter tells it of a computed batch, and times that. Returns 0, 2
// where it was aborted, or CEIL_NO_DRAFTS.
int32_t ceil_feed_drafter(struct ceil_session * s, const struct llama_batch * b);

// ceil_look_at looks at a row of logits: see ceil_check_logits.
int32_t ceil_look_at(const float * logits, int32_t n);

#endif
