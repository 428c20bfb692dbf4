// Block products with 512-bit vectors: two blocks of a row at a time, or one block
// of 16 rows.
#include "block.h"
#include "kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define UNROLL _Pragma("GCC unroll 16")
#define INLINE __attribute__((target("avx512f,avx512bw"), always_inline)) static inline

// words are the first 16 bits of 16 blocks.
INLINE __m256i words(const uint8_t * p, int bytes) {
    const __m512i lane = _mm512_set_epi16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i at   = _mm512_mullo_epi16(lane, _mm512_set1_epi16((short) (bytes / 2)));
    __m512i       out  = _mm512_setzero_si512();
    UNROLL for (int z = 0; z < (16 * bytes + 63) / 64; z++) {
        __mmask32 here = _mm512_cmpeq_epi16_mask(_mm512_srli_epi16(at, 5), _mm512_set1_epi16((short) z));
        out            = _mm512_mask_permutexvar_epi16(out, here, at, _mm512_loadu_si512(p + 64 * z));
    }
    return _mm512_castsi512_si256(out);
}

INLINE __m512 scales(const uint8_t * p, int bytes) { return _mm512_cvtph_ps(words(p, bytes)); }

// pair is the index that gives the scales of two blocks to their lanes.
INLINE __m512i pair(int i) {
    return _mm512_add_epi32(_mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0), _mm512_set1_epi32(2 * i));
}

// Two blocks as bytes without a sign, in the order of their values.
INLINE __m512i bytes_q8_0(const uint8_t * p) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const void *) (p + 2))), _mm256_loadu_si256((const void *) (p + Q8_0 + 2)), 1);
}
INLINE __m512i unsigned_q8_0(const uint8_t * p) { return _mm512_xor_si512(bytes_q8_0(p), _mm512_set1_epi8(-128)); }
INLINE __m512i unsigned_q4_1(const uint8_t * p) {
    __m512i v = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *) (p + 4)));
    v         = _mm512_mask_broadcast_i32x4(v, 0xff00, _mm_loadu_si128((const void *) (p + Q4_1 + 4)));
    v         = _mm512_srlv_epi64(v, _mm512_set_epi64(4, 4, 0, 0, 4, 4, 0, 0));
    return _mm512_and_si512(v, _mm512_set1_epi8(15));
}

// What is added for each sum of activations.
INLINE __m512 least_q8_0(const uint8_t * p, __m512 d) {
    (void) p;
    return _mm512_mul_ps(d, _mm512_set1_ps(-128));
}
INLINE __m512 least_q4_1(const uint8_t * p, __m512 d) {
    (void) d;
    return scales(p + 2, Q4_1);
}
INLINE __m512 least_none(const uint8_t * p, __m512 d) {
    (void) p;
    (void) d;
    return _mm512_setzero_ps();
}

// sums are those of four vectors.
INLINE __m256d sums(__m512 a, __m512 b, __m512 c, __m512 d) {
    __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    __m512 x  = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
    __m256 y  = _mm256_add_ps(_mm512_castps512_ps256(x), _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)));
    return _mm256_cvtps_pd(_mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1)));
}

INLINE __m512d widened(__m512 x) {
    return _mm512_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(x)), _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1))));
}

INLINE uint64_t total(__m256d x) {
    double v[4];
    _mm256_storeu_pd(v, x);
    return (uint64_t) (int64_t) (v[0] + v[1] + v[2] + v[3]);
}

#define DOT_VNNI(u, a) _mm512_dpbusd_epi32(_mm512_setzero_si512(), u, a)
#define DOT_PAIRS(u, a) _mm512_madd_epi16(_mm512_maddubs_epi16(u, a), _mm512_set1_epi16(1))
// Without VNNI pairs are added in 16 bits, where 255 · 127 has no place twice.
#define DOT_SIGNS(x, a) DOT_PAIRS(_mm512_abs_epi8(x), _mm512_mask_sub_epi8(a, _mm512_movepi8_mask(x), _mm512_setzero_si512(), a))

#define PRODUCT(acc, u, a, s, i, DOT) _mm512_fmadd_ps(_mm512_cvtepi32_ps(DOT(u, a)), _mm512_permutexvar_ps(pair(i), s), acc)

// One token: each block is unpacked for it.
#define ONE(NAME, TARGET, BYTES, UNPACK, LEAST, DOT)                                                   \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) {      \
        const uint8_t * w   = data;                                                                    \
        __m256d         sum = _mm256_setzero_pd();                                                     \
        struct token    t __attribute__((aligned(64)));                                                \
        if (n < ROWS * BLOCKS * BYTES + BLOCKS * Q8_0 + PADDING) {                                     \
            return 0;                                                                                  \
        }                                                                                              \
        block_token(&t, w + ROWS * BLOCKS * BYTES);                                                    \
        for (; rounds > 0; rounds--) {                                                                 \
            __m512 acc[ROWS] = { 0 };                                                                  \
            for (int g = 0; g < BLOCKS; g += 16) {                                                     \
                __m512 s[ROWS], ad = _mm512_load_ps(t.d + g), as = _mm512_load_ps(t.s + g);            \
                UNROLL for (int r = 0; r < ROWS; r++) {                                                \
                    const uint8_t * p = w + (r * BLOCKS + g) * BYTES;                                  \
                    __m512          d = scales(p, BYTES);                                              \
                    acc[r]            = _mm512_fmadd_ps(LEAST(p, d), as, acc[r]);                      \
                    s[r]              = _mm512_mul_ps(d, ad);                                          \
                }                                                                                      \
                UNROLL for (int i = 0; i < 8; i++) {                                                   \
                    __m512i a = _mm512_load_si512(t.q + (g + 2 * i) * BLOCK);                          \
                    UNROLL for (int r = 0; r < ROWS; r++) {                                            \
                        __m512i u = UNPACK(w + (r * BLOCKS + g + 2 * i) * BYTES);                      \
                        acc[r]    = PRODUCT(acc[r], u, a, s[r], i, DOT);                               \
                    }                                                                                  \
                }                                                                                      \
            }                                                                                          \
            sum = _mm256_add_pd(sum, sums(acc[0], acc[1], acc[2], acc[3]));                            \
            OPAQUE(w);                                                                                 \
        }                                                                                              \
        return total(sum);                                                                             \
    }

// Many tokens: four at a time, with rows that were unpacked once for all.
#define MANY(NAME, TARGET, BYTES, UNPACK, LEAST, DOT)                                                  \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) {      \
        const uint8_t * w   = data;                                                                    \
        __m256d         sum = _mm256_setzero_pd();                                                     \
        struct token    t[TOKENS] __attribute__((aligned(64)));                                        \
        __m512i         u[BLOCKS / 2][ROWS];                                                           \
        __m512          d[ROWS][BLOCKS / 16], m[ROWS][BLOCKS / 16], s[ROWS][4][BLOCKS / 16];           \
        if (n < ROWS * BLOCKS * BYTES + TOKENS * BLOCKS * Q8_0 + PADDING) {                            \
            return 0;                                                                                  \
        }                                                                                              \
        for (int k = 0; k < TOKENS; k++) {                                                             \
            block_token(&t[k], w + ROWS * BLOCKS * BYTES + k * BLOCKS * Q8_0);                         \
        }                                                                                              \
        for (; rounds > 0; rounds--) {                                                                 \
            UNROLL for (int r = 0; r < ROWS; r++) {                                                    \
                const uint8_t * p = w + r * BLOCKS * BYTES;                                            \
                UNROLL for (int g = 0; g < BLOCKS / 16; g++) {                                         \
                    d[r][g] = scales(p + 16 * g * BYTES, BYTES);                                       \
                    m[r][g] = LEAST(p + 16 * g * BYTES, d[r][g]);                                      \
                }                                                                                      \
                for (int i = 0; i < BLOCKS / 2; i++) {                                                 \
                    u[i][r] = UNPACK(p + 2 * i * BYTES);                                               \
                }                                                                                      \
            }                                                                                          \
            for (int k = 0; k < TOKENS; k += 4) {                                                      \
                __m512 acc[ROWS][4];                                                                   \
                UNROLL for (int r = 0; r < ROWS; r++) {                                                \
                    UNROLL for (int j = 0; j < 4; j++) {                                               \
                        acc[r][j] = _mm512_setzero_ps();                                               \
                        UNROLL for (int g = 0; g < BLOCKS / 16; g++) {                                 \
                            acc[r][j]  = _mm512_fmadd_ps(m[r][g], _mm512_load_ps(t[k + j].s + 16 * g), acc[r][j]); \
                            s[r][j][g] = _mm512_mul_ps(d[r][g], _mm512_load_ps(t[k + j].d + 16 * g));  \
                        }                                                                              \
                    }                                                                                  \
                }                                                                                      \
                for (int i = 0; i < BLOCKS / 2; i++) {                                                 \
                    UNROLL for (int j = 0; j < 4; j++) {                                               \
                        __m512i a = _mm512_load_si512(t[k + j].q + 2 * i * BLOCK);                     \
                        UNROLL for (int r = 0; r < ROWS; r++) {                                        \
                            acc[r][j] = PRODUCT(acc[r][j], u[i][r], a, s[r][j][i / 8], i % 8, DOT);    \
                        }                                                                              \
                    }                                                                                  \
                }                                                                                      \
                UNROLL for (int j = 0; j < 4; j++) {                                                   \
                    sum = _mm256_add_pd(sum, sums(acc[0][j], acc[1][j], acc[2][j], acc[3][j]));        \
                }                                                                                      \
            }                                                                                          \
            OPAQUE(w);                                                                                 \
        }                                                                                              \
        return total(sum);                                                                             \
    }

#define T512 "avx512f,avx512bw"
#define TVNNI "avx512f,avx512bw,avx512vnni"
ONE(probe_q8_0_avx512vnni_one, TVNNI, Q8_0, unsigned_q8_0, least_q8_0, DOT_VNNI)
MANY(probe_q8_0_avx512vnni_many, TVNNI, Q8_0, unsigned_q8_0, least_q8_0, DOT_VNNI)
ONE(probe_q8_0_avx512_one, T512, Q8_0, bytes_q8_0, least_none, DOT_SIGNS)
MANY(probe_q8_0_avx512_many, T512, Q8_0, bytes_q8_0, least_none, DOT_SIGNS)
ONE(probe_q4_1_avx512vnni_one, TVNNI, Q4_1, unsigned_q4_1, least_q4_1, DOT_VNNI)
MANY(probe_q4_1_avx512vnni_many, TVNNI, Q4_1, unsigned_q4_1, least_q4_1, DOT_VNNI)
ONE(probe_q4_1_avx512_one, T512, Q4_1, unsigned_q4_1, least_q4_1, DOT_PAIRS)
MANY(probe_q4_1_avx512_many, T512, Q4_1, unsigned_q4_1, least_q4_1, DOT_PAIRS)

// Rows side by side: a lane is a row, the activations are the same for all.
INLINE __m512i four(const int8_t * q) {
    int32_t v;
    memcpy(&v, q, sizeof(v));
    return _mm512_set1_epi32(v);
}
#define STEP_VNNI(i, u, a) _mm512_dpbusd_epi32(i, u, a)
#define STEP_PAIRS(i, u, a) _mm512_add_epi32(i, DOT_PAIRS(u, a))

#define SIDE_BY_SIDE(NAME, TARGET, COUNT, STEP)                                                        \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) {      \
        const uint8_t *     w   = data;                                                                \
        __m512d             sum = _mm512_setzero_pd();                                                 \
        struct token        t[COUNT] __attribute__((aligned(64)));                                     \
        struct side         side __attribute__((aligned(64)));                                         \
        const struct side * x = &side;                                                                 \
        if (n < SIDE * BLOCKS * Q4_0 + COUNT * BLOCKS * Q8_0 + PADDING) {                              \
            return 0;                                                                                  \
        }                                                                                              \
        block_side(&side, w);                                                                          \
        for (int k = 0; k < COUNT; k++) {                                                              \
            block_token(&t[k], w + SIDE * BLOCKS * Q4_0 + k * BLOCKS * Q8_0);                          \
        }                                                                                              \
        for (; rounds > 0; rounds--) {                                                                 \
            __m512 acc[COUNT] = { 0 };                                                                 \
            for (int b = 0; b < BLOCKS; b++) {                                                         \
                __m512  d = _mm512_cvtph_ps(_mm256_load_si256((const void *) x->d[b]));                \
                __m512i u[8];                                                                          \
                UNROLL for (int j = 0; j < 4; j++) {                                                   \
                    __m512i v = _mm512_load_si512(x->q[b][j]);                                         \
                    u[j]      = _mm512_and_si512(v, _mm512_set1_epi8(15));                             \
                    u[4 + j]  = _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(15));       \
                }                                                                                      \
                UNROLL for (int k = 0; k < COUNT; k++) {                                               \
                    __m512i i = _mm512_set1_epi32(t[k].off[b]);                                        \
                    UNROLL for (int j = 0; j < 8; j++) {                                               \
                        i = STEP(i, u[j], four(t[k].q + b * BLOCK + 4 * j));                           \
                    }                                                                                  \
                    acc[k] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(i), _mm512_mul_ps(d, _mm512_set1_ps(t[k].d[b])), acc[k]); \
                }                                                                                      \
            }                                                                                          \
            UNROLL for (int k = 0; k < COUNT; k++) {                                                   \
                sum = _mm512_add_pd(sum, widened(acc[k]));                                             \
            }                                                                                          \
            OPAQUE(x);                                                                                 \
        }                                                                                              \
        return (uint64_t) (int64_t) _mm512_reduce_add_pd(sum);                                         \
    }

SIDE_BY_SIDE(probe_q4_0_avx512vnni_one, TVNNI, 1, STEP_VNNI)
SIDE_BY_SIDE(probe_q4_0_avx512vnni_many, TVNNI, TOKENS, STEP_VNNI)
SIDE_BY_SIDE(probe_q4_0_avx512_one, T512, 1, STEP_PAIRS)
SIDE_BY_SIDE(probe_q4_0_avx512_many, T512, TOKENS, STEP_PAIRS)

// Floats of 16 bits, with two chains of sums for each row.
INLINE __m512 wide_f16(const uint8_t * p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const void *) p)); }
INLINE __m512 wide_bf16(const uint8_t * p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *) p)), 16));
}

#define FLOATS(NAME, TARGET, WIDE)                                                                     \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) {      \
        const uint8_t * w   = data;                                                                    \
        __m256d         sum = _mm256_setzero_pd();                                                     \
        float           a[LENGTH] __attribute__((aligned(64)));                                        \
        if (n < 2 * (ROWS + 1) * LENGTH + PADDING) {                                                   \
            return 0;                                                                                  \
        }                                                                                              \
        for (int i = 0; i < LENGTH; i += 16) {                                                         \
            _mm512_store_ps(a + i, WIDE(w + 2 * (ROWS * LENGTH + i)));                                 \
        }                                                                                              \
        for (; rounds > 0; rounds--) {                                                                 \
            __m512 acc[ROWS][2] = { 0 };                                                               \
            for (int i = 0; i < LENGTH; i += 32) {                                                     \
                UNROLL for (int k = 0; k < 2; k++) {                                                   \
                    __m512 x = _mm512_load_ps(a + i + 16 * k);                                         \
                    UNROLL for (int r = 0; r < ROWS; r++) {                                            \
                        acc[r][k] = _mm512_fmadd_ps(WIDE(w + 2 * (r * LENGTH + i + 16 * k)), x, acc[r][k]); \
                    }                                                                                  \
                }                                                                                      \
            }                                                                                          \
            sum = _mm256_add_pd(sum, sums(_mm512_add_ps(acc[0][0], acc[0][1]), _mm512_add_ps(acc[1][0], acc[1][1]), \
                                          _mm512_add_ps(acc[2][0], acc[2][1]), _mm512_add_ps(acc[3][0], acc[3][1]))); \
            OPAQUE(w);                                                                                 \
        }                                                                                              \
        return total(sum);                                                                             \
    }
FLOATS(probe_f16_avx512_one, T512, wide_f16)
FLOATS(probe_bf16_avx512_one, T512, wide_bf16)

#define PAIRS(p) ((__m512bh) _mm512_loadu_si512(p))
__attribute__((target("avx512f,avx512bw,avx512bf16"))) uint64_t probe_bf16_avx512bf16_one(const void * data, size_t n, uint64_t rounds) {
    const uint8_t * w   = data;
    __m256d         sum = _mm256_setzero_pd();
    if (n < 2 * (ROWS + 1) * LENGTH + PADDING) {
        return 0;
    }
    for (; rounds > 0; rounds--) {
        __m512 acc[ROWS][2] = { 0 };
        for (int i = 0; i < LENGTH; i += 64) {
            UNROLL for (int k = 0; k < 2; k++) {
                __m512bh x = PAIRS(w + 2 * (ROWS * LENGTH + i + 32 * k));
                UNROLL for (int r = 0; r < ROWS; r++) {
                    acc[r][k] = _mm512_dpbf16_ps(acc[r][k], PAIRS(w + 2 * (r * LENGTH + i + 32 * k)), x);
                }
            }
        }
        sum = _mm256_add_pd(sum, sums(_mm512_add_ps(acc[0][0], acc[0][1]), _mm512_add_ps(acc[1][0], acc[1][1]),
                                      _mm512_add_ps(acc[2][0], acc[2][1]), _mm512_add_ps(acc[3][0], acc[3][1])));
        OPAQUE(w);
    }
    return total(sum);
}

#endif
