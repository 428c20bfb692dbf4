// Where the tokens of a batch go for the library.
#include "shim.h"

// Without one KV buffer for all sequences the library computes a token of each
// sequence first and what is left of the longer parts in further graphs, and
// where the wanted rows then come out in another order than the batch has them
// it swaps whole rows of logits. A batch that has the first token of every
// sequence in front and the others behind comes out as it is.
bool ceil_order(int32_t n, const int32_t * seq, int32_t n_seq, uint32_t decode, uint32_t * seen, int32_t * at) {
    int32_t k = 0;
    for (int32_t i = 0; i < n; i++) {
        if (seq[i] < 0 || seq[i] >= n_seq) {
            return false;
        }
        at[i] = seen[seq[i]] == decode ? -1 : k++;
        seen[seq[i]] = decode;
    }
    for (int32_t i = 0; i < n; i++) {
        if (at[i] < 0) {
            at[i] = k++;
        }
    }
    return true;
}
