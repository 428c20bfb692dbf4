// The index of the largest logit.
#include "shim.h"

#include <math.h>

// On x86 the loader picks the widest variant that the CPU runs.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CEIL_CLONES __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3", "finite-math-only", "no-signed-zeros")))
#else
#define CEIL_CLONES
#endif

#define LANES 64

// block_max: the largest of n floats, n a multiple of LANES. Independent
// lanes, so that the compiler can keep them in vector registers.
CEIL_CLONES static float block_max(const float * restrict x, int32_t n) {
    float m[LANES];
    for (int j = 0; j < LANES; j++) {
        m[j] = x[j];
    }
    for (int32_t i = LANES; i < n; i += LANES) {
        for (int j = 0; j < LANES; j++) {
            m[j] = x[i + j] > m[j] ? x[i + j] : m[j];
        }
    }
    float best = m[0];
    for (int j = 1; j < LANES; j++) {
        best = m[j] > best ? m[j] : best;
    }
    return best;
}

int32_t ceil_argmax(const float * x, int32_t n) {
    // Blocks small enough for the L1 cache: the winner's block is read twice,
    // every other one once.
    enum { BLOCK = 4096 };
    float   best = -INFINITY;
    int32_t at   = -1;
    for (int32_t i = 0; i < n; i += BLOCK) {
        int32_t len  = n - i < BLOCK ? n - i : BLOCK;
        int32_t even = len - len % LANES;
        float   m    = even ? block_max(x + i, even) : -INFINITY;
        for (int32_t j = even; j < len; j++) {
            m = x[i + j] > m ? x[i + j] : m;
        }
        if (at >= 0 && !(m > best)) {
            continue;
        }
        for (int32_t j = 0; j < len; j++) {
            if (x[i + j] == m) {
                best = m;
                at   = i + j;
                break;
            }
        }
    }
    return at;
}
