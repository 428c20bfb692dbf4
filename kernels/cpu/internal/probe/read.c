// Readers: every word is loaded and added.
#include "kernels.h"

// fill writes random bits, so that nothing in the way can take them for equal.
// Its own sum, of the values before they are stored, is what a reader must find.
// The words' numbers begin at the first one's address, so no two threads write
// the same.
uint64_t probe_fill(const void * data, size_t n, uint64_t rounds) {
    uint64_t * w = (uint64_t *) (uintptr_t) data;
    uint64_t   sum = 0;
    (void) rounds;
    for (size_t i = 0; i < n; i++) {
        uint64_t z = (uint64_t) (uintptr_t) &w[i] * 0x9e3779b97f4a7c15u; // splitmix64
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        w[i] = z;
        sum += z;
    }
    return sum;
}

uint64_t probe_read_plain(const void * data, size_t n, uint64_t rounds) {
    const uint64_t * w = data;
    uint64_t         a[8] = { 0 };
    for (; rounds > 0; rounds--) {
        for (size_t i = 0; i + 8 <= n; i += 8) {
            for (int k = 0; k < 8; k++) {
                a[k] += w[i + (size_t) k];
            }
        }
        OPAQUE(w);
    }
    return a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
}

#if defined(__x86_64__)

#include <immintrin.h>

// Four streams, each through a quarter of the data, keep more requests to the
// memory in flight than one.
#define READER(NAME, TARGET, V, WORDS, ADD, LOAD, ZERO, SUM)                             \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) { \
        const uint64_t * w = data;                                                        \
        const size_t     q = n / 4;                                                       \
        V                a0 = ZERO(), a1 = ZERO(), a2 = ZERO(), a3 = ZERO();              \
        for (; rounds > 0; rounds--) {                                                    \
            for (size_t i = 0; i + WORDS <= q; i += WORDS) {                              \
                a0 = ADD(a0, LOAD((const V *) (w + i)));                                  \
                a1 = ADD(a1, LOAD((const V *) (w + q + i)));                              \
                a2 = ADD(a2, LOAD((const V *) (w + 2 * q + i)));                          \
                a3 = ADD(a3, LOAD((const V *) (w + 3 * q + i)));                          \
            }                                                                             \
            OPAQUE(w);                                                                    \
        }                                                                                 \
        return SUM(ADD(ADD(a0, a1), ADD(a2, a3)));                                        \
    }

__attribute__((target("avx2"))) static uint64_t sum_avx2(__m256i v) {
    uint64_t x[4];
    _mm256_storeu_si256((__m256i *) x, v);
    return x[0] + x[1] + x[2] + x[3];
}

__attribute__((target("avx512f"))) static uint64_t sum_avx512(__m512i v) {
    return (uint64_t) _mm512_reduce_add_epi64(v);
}

READER(probe_read_avx2, "avx2", __m256i, 4, _mm256_add_epi64, _mm256_load_si256, _mm256_setzero_si256, sum_avx2)
READER(probe_read_avx512, "avx512f", __m512i, 8, _mm512_add_epi64, _mm512_load_si512, _mm512_setzero_si512, sum_avx512)

#endif
