// Arithmetic kernels: independent chains that each wait for nothing but
// themselves, as many as the units need to be full.
//
// The operands lie in data as probe.go describes: A vectors, B vectors, then the
// chains' first values. Chain k adds A[k mod nA] · B[k mod nB] in each round.
#include "kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// HIDE keeps the compiler from taking a product out of the loop.
#define HIDE(x) __asm__ volatile("" : "+x"(x))
#define HIDEZ(x) __asm__ volatile("" : "+v"(x))

#define UNROLL _Pragma("GCC unroll 12")

// A float holds whole numbers up to 2^24, and a round adds 16 at most.
enum { EXACT = 1 << 19 };

static uint64_t sum_floats(const float * x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double) x[i];
    }
    return (uint64_t) (int64_t) sum;
}

static uint64_t sum_ints(const uint32_t * x, size_t n) {
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

// Float chains are emptied into the sum every EXACT rounds and begin anew.
#define FLOATS(NAME, TARGET, V, LANES, LOAD, STORE, CHAIN)                                        \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) { \
        enum { NB = 3, CHAINS = 12 };                                                             \
        const float * t = data;                                                                   \
        float         lanes[CHAINS * LANES];                                                      \
        uint64_t      sum = 0;                                                                    \
        V             a = LOAD(t), b[NB], c[CHAINS];                                              \
        (void) n;                                                                                 \
        UNROLL for (int k = 0; k < NB; k++) {                                                     \
            b[k] = LOAD(t + (1 + k) * LANES);                                                     \
        }                                                                                         \
        while (rounds > 0) {                                                                      \
            uint64_t some = rounds < EXACT ? rounds : EXACT;                                      \
            rounds -= some;                                                                       \
            UNROLL for (int k = 0; k < CHAINS; k++) {                                             \
                c[k] = LOAD(t + (1 + NB + k) * LANES);                                            \
            }                                                                                     \
            for (; some > 0; some--) {                                                            \
                UNROLL for (int k = 0; k < CHAINS; k++) {                                         \
                    c[k] = CHAIN(c[k], a, b[k % NB]);                                             \
                }                                                                                 \
            }                                                                                     \
            UNROLL for (int k = 0; k < CHAINS; k++) {                                             \
                STORE(lanes + k * LANES, c[k]);                                                   \
            }                                                                                     \
            sum += sum_floats(lanes, CHAINS * LANES);                                             \
        }                                                                                         \
        return sum;                                                                               \
    }

#define FMA256(c, a, b) _mm256_fmadd_ps(a, b, c)
#define FMA512(c, a, b) _mm512_fmadd_ps(a, b, c)
FLOATS(probe_fma_avx2, "avx2,fma", __m256, 8, _mm256_loadu_ps, _mm256_storeu_ps, FMA256)
FLOATS(probe_fma_avx512, "avx512f", __m512, 16, _mm512_loadu_ps, _mm512_storeu_ps, FMA512)

// bf16: a lane of A and B is a pair.
#define BF16(c, a, b) _mm512_dpbf16_ps(c, (__m512bh) (a), (__m512bh) (b))
FLOATS(probe_bf16_avx512, "avx512f,avx512bf16", __m512, 16, _mm512_loadu_ps, _mm512_storeu_ps, BF16)

// Integer chains wrap.
#define INTS(NAME, TARGET, V, LANES, NA, NB, CHAINS, HIDDEN, LOAD, STORE, CHAIN)                  \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) { \
        const uint32_t * t = data;                                                                \
        uint32_t         lanes[CHAINS * LANES];                                                   \
        V                a[NA], b[NB], c[CHAINS];                                                 \
        (void) n;                                                                                 \
        UNROLL for (int k = 0; k < NA; k++) {                                                     \
            a[k] = LOAD((const void *) (t + k * LANES));                                          \
        }                                                                                         \
        UNROLL for (int k = 0; k < NB; k++) {                                                     \
            b[k] = LOAD((const void *) (t + (NA + k) * LANES));                                   \
        }                                                                                         \
        UNROLL for (int k = 0; k < CHAINS; k++) {                                                 \
            c[k] = LOAD((const void *) (t + (NA + NB + k) * LANES));                              \
        }                                                                                         \
        for (; rounds > 0; rounds--) {                                                            \
            UNROLL for (int k = 0; k < NA; k++) {                                                 \
                HIDDEN(a[k]);                                                                     \
            }                                                                                     \
            UNROLL for (int k = 0; k < CHAINS; k++) {                                             \
                c[k] = CHAIN(c[k], a[k % NA], b[k % NB]);                                         \
            }                                                                                     \
        }                                                                                         \
        UNROLL for (int k = 0; k < CHAINS; k++) {                                                 \
            STORE((void *) (lanes + k * LANES), c[k]);                                            \
        }                                                                                         \
        return sum_ints(lanes, CHAINS * LANES);                                                   \
    }

// Bytes are multiplied and added in pairs to 16 bits, those in pairs to 32: what
// the engine's kernels do without VNNI.
#define DOT256(c, a, b) _mm256_add_epi32(c, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)))
#define DOT512(c, a, b) _mm512_add_epi32(c, _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), _mm512_set1_epi16(1)))
INTS(probe_dot_avx2, "avx2", __m256i, 8, 2, 3, 6, HIDE, _mm256_loadu_si256, _mm256_storeu_si256, DOT256)
INTS(probe_dot_avx512, "avx512f,avx512bw", __m512i, 16, 2, 3, 6, HIDEZ, _mm512_loadu_si512, _mm512_storeu_si512, DOT512)
INTS(probe_dot_avxvnni, "avx2,avxvnni", __m256i, 8, 1, 3, 12, HIDE, _mm256_loadu_si256, _mm256_storeu_si256, _mm256_dpbusd_avx_epi32)
INTS(probe_dot_avx512vnni, "avx512f,avx512vnni", __m512i, 16, 1, 3, 12, HIDEZ, _mm512_loadu_si512, _mm512_storeu_si512, _mm512_dpbusd_epi32)

// AMX: tiles of 16 rows of 64 bytes. Four products are added to four tiles, each
// of one A and one B.
enum { ROWS = 16, ROW = 64, TILE = ROWS * ROW };

struct tile_config {
    uint8_t  palette, start_row, reserved[14];
    uint16_t bytes[16];
    uint8_t  rows[16];
} __attribute__((packed));

__attribute__((target("amx-tile,amx-int8"))) uint64_t probe_dot_amx(const void * data, size_t n, uint64_t rounds) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18, TILES = 8 };
    if (n < 8 * TILE || syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) != 0) {
        return 0;
    }
    const char *       t = data;
    struct tile_config cfg = { .palette = 1 };
    for (int i = 0; i < TILES; i++) {
        cfg.bytes[i] = ROW;
        cfg.rows[i]  = ROWS;
    }
    _tile_loadconfig(&cfg);
    _tile_loadd(4, t, ROW);
    _tile_loadd(5, t + TILE, ROW);
    _tile_loadd(6, t + 2 * TILE, ROW);
    _tile_loadd(7, t + 3 * TILE, ROW);
    _tile_loadd(0, t + 4 * TILE, ROW);
    _tile_loadd(1, t + 5 * TILE, ROW);
    _tile_loadd(2, t + 6 * TILE, ROW);
    _tile_loadd(3, t + 7 * TILE, ROW);
    for (; rounds > 0; rounds--) {
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 5, 7);
        _tile_dpbusd(2, 4, 6);
        _tile_dpbusd(3, 5, 7);
    }
    uint32_t lanes[4 * TILE / sizeof(uint32_t)];
    _tile_stored(0, lanes, ROW);
    _tile_stored(1, lanes + 1 * TILE / sizeof(uint32_t), ROW);
    _tile_stored(2, lanes + 2 * TILE / sizeof(uint32_t), ROW);
    _tile_stored(3, lanes + 3 * TILE / sizeof(uint32_t), ROW);
    _tile_release();
    return sum_ints(lanes, sizeof(lanes) / sizeof(lanes[0]));
}

#endif
