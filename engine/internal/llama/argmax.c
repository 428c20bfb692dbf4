// The index of the largest logit.
#include "shim.h"

#include <math.h>
#include <string.h>

// On x86 the loader picks the widest variant that the CPU runs.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CEIL_CLONES __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#else
#define CEIL_CLONES
#endif

#define LANES 64

// block_max: the largest of n floats, n a multiple of LANES, or NaN where one
// of them is. Independent lanes, so that the compiler can keep them in vector
// registers. A comparison with NaN is false, which would lose it; without its
// sign its bits are a larger integer than infinity's.
CEIL_CLONES static float block_max(const float * restrict x, int32_t n) {
    enum { INFINITY_BITS = 0x7f800000 };
    float   m[LANES];
    int32_t size[LANES];
    for (int j = 0; j < LANES; j++) {
        m[j]    = -INFINITY;
        size[j] = 0;
    }
    for (int32_t i = 0; i < n; i += LANES) {
        for (int j = 0; j < LANES; j++) {
            float   v = x[i + j];
            int32_t bits;
            memcpy(&bits, &v, sizeof(bits));
            bits &= INT32_MAX;
            m[j]    = v > m[j] ? v : m[j];
            size[j] = bits > size[j] ? bits : size[j];
        }
    }
    float   best    = m[0];
    int32_t largest = size[0];
    for (int j = 1; j < LANES; j++) {
        best    = m[j] > best ? m[j] : best;
        largest = size[j] > largest ? size[j] : largest;
    }
    return largest > INFINITY_BITS ? NAN : best;
}

// max_of is block_max of any number of floats.
static float max_of(const float * x, int32_t n) {
    int32_t even = n - n % LANES;
    float   m    = block_max(x, even);
    for (int32_t j = even; j < n; j++) {
        if (isnan(x[j])) {
            return NAN;
        }
        m = x[j] > m ? x[j] : m;
    }
    return m;
}

int32_t ceil_argmax(const float * x, int32_t n) {
    // Blocks small enough for the L1 cache: the winner's block is read twice,
    // every other one once.
    enum { BLOCK = 4096 };
    float   best = -INFINITY;
    int32_t at   = -1;
    for (int32_t i = 0; i < n; i += BLOCK) {
        int32_t len = n - i < BLOCK ? n - i : BLOCK;
        float   m   = max_of(x + i, len);
        if (isnan(m)) {
            return -1;
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
