// Kernels that do less than they are timed for: what the checks must find.
#include "kernels.h"

#include <string.h>

// Every second cache line is left out.
uint64_t probe_read_dropped(const void * data, size_t n, uint64_t rounds) {
    const uint64_t * w = data;
    uint64_t         sum = 0;
    for (; rounds > 0; rounds--) {
        for (size_t i = 0; i + 16 <= n; i += 16) {
            for (size_t k = 0; k < 8; k++) {
                sum += w[i + k];
            }
        }
        OPAQUE(w);
    }
    return sum;
}

uint64_t probe_read_halved(const void * data, size_t n, uint64_t rounds) {
    return probe_read_plain(data, n / 2, rounds);
}

#if defined(__x86_64__)
uint64_t probe_fma_halved(const void * data, size_t n, uint64_t rounds) {
    return probe_fma_avx2(data, n, rounds / 2);
}

uint64_t probe_dot_halved(const void * data, size_t n, uint64_t rounds) {
    return probe_dot_avx2(data, n, rounds / 2);
}

// One of the products is missing: its factor is 0.
uint64_t probe_dot_dropped(const void * data, size_t n, uint64_t rounds) {
    unsigned char copy[4096];
    if (n > sizeof(copy)) {
        return 0;
    }
    memcpy(copy, data, n);
    memset(copy, 0, 32);
    return probe_dot_avx2(copy, n, rounds);
}

uint64_t probe_q4_1_halved_one(const void * data, size_t n, uint64_t rounds) {
    return probe_q4_1_avx2_one(data, n, rounds / 2);
}

// The least value of one block is missing.
uint64_t probe_q4_1_dropped_one(const void * data, size_t n, uint64_t rounds) {
    unsigned char copy[8192];
    if (n > sizeof(copy)) {
        return 0;
    }
    memcpy(copy, data, n);
    memset(copy + 2, 0, 2);
    return probe_q4_1_avx2_one(copy, n, rounds);
}
#endif
