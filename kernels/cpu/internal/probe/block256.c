// Block products with 256-bit vectors: a block of a row at a time, or one block of
// eight rows.
#include "block.h"
#include "kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define UNROLL _Pragma("GCC unroll 16")
#define INLINE __attribute__((target("avx2,fma,f16c"), always_inline)) static inline

INLINE short word(const uint8_t * p) {
    short w;
    memcpy(&w, p, sizeof(w));
    return w;
}

// scales are the first 16 bits of 8 blocks, as floats.
INLINE __m256 scales(const uint8_t * p, int bytes) {
    return _mm256_cvtph_ps(_mm_set_epi16(word(p + 7 * bytes), word(p + 6 * bytes), word(p + 5 * bytes), word(p + 4 * bytes),
                                         word(p + 3 * bytes), word(p + 2 * bytes), word(p + bytes), word(p)));
}

// A block as bytes without a sign, in the order of its values.
INLINE __m256i bytes_q8_0(const uint8_t * p) { return _mm256_loadu_si256((const void *) (p + 2)); }
INLINE __m256i unsigned_q8_0(const uint8_t * p) { return _mm256_xor_si256(bytes_q8_0(p), _mm256_set1_epi8(-128)); }
INLINE __m256i unsigned_q4_1(const uint8_t * p) {
    __m256i v = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *) (p + 4)));
    return _mm256_and_si256(_mm256_srlv_epi64(v, _mm256_set_epi64x(4, 4, 0, 0)), _mm256_set1_epi8(15));
}

// What is added for each sum of activations.
INLINE __m256 least_q8_0(const uint8_t * p, __m256 d) {
    (void) p;
    return _mm256_mul_ps(d, _mm256_set1_ps(-128));
}
INLINE __m256 least_q4_1(const uint8_t * p, __m256 d) {
    (void) d;
    return scales(p + 2, Q4_1);
}
INLINE __m256 least_none(const uint8_t * p, __m256 d) {
    (void) p;
    (void) d;
    return _mm256_setzero_ps();
}

// sums are those of four vectors.
INLINE __m256d sums(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 x = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm256_cvtps_pd(_mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)));
}

INLINE __m256d widened(__m256 x) {
    return _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(x)), _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)));
}

INLINE uint64_t total(__m256d x) {
    double v[4];
    _mm256_storeu_pd(v, x);
    return (uint64_t) (int64_t) (v[0] + v[1] + v[2] + v[3]);
}

#define DOT_VNNI(u, a) _mm256_dpbusd_avx_epi32(_mm256_setzero_si256(), u, a)
#define DOT_PAIRS(u, a) _mm256_madd_epi16(_mm256_maddubs_epi16(u, a), _mm256_set1_epi16(1))
// Without VNNI pairs are added in 16 bits, where 255 · 127 has no place twice.
#define DOT_SIGNS(x, a) DOT_PAIRS(_mm256_abs_epi8(x), _mm256_sign_epi8(a, x))

#define PRODUCT(acc, u, a, s, DOT) _mm256_fmadd_ps(_mm256_cvtepi32_ps(DOT(u, a)), _mm256_broadcast_ss(s), acc)

// One token: each block is unpacked for it.
#define ONE(NAME, TARGET, BYTES, UNPACK, LEAST, DOT)                                                   \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) {      \
        const uint8_t * w   = data;                                                                    \
        __m256d         sum = _mm256_setzero_pd();                                                     \
        struct token    t __attribute__((aligned(64)));                                                \
        float           s[ROWS][8];                                                                    \
        if (n < ROWS * BLOCKS * BYTES + BLOCKS * Q8_0 + PADDING) {                                     \
            return 0;                                                                                  \
        }                                                                                              \
        block_token(&t, w + ROWS * BLOCKS * BYTES);                                                    \
        for (; rounds > 0; rounds--) {                                                                 \
            __m256 acc[ROWS] = { 0 };                                                                  \
            for (int g = 0; g < BLOCKS; g += 8) {                                                      \
                __m256 ad = _mm256_load_ps(t.d + g), as = _mm256_load_ps(t.s + g);                     \
                UNROLL for (int r = 0; r < ROWS; r++) {                                                \
                    const uint8_t * p = w + (r * BLOCKS + g) * BYTES;                                  \
                    __m256          d = scales(p, BYTES);                                              \
                    acc[r]            = _mm256_fmadd_ps(LEAST(p, d), as, acc[r]);                      \
                    _mm256_storeu_ps(s[r], _mm256_mul_ps(d, ad));                                      \
                }                                                                                      \
                UNROLL for (int i = 0; i < 8; i++) {                                                   \
                    __m256i a = _mm256_load_si256((const void *) (t.q + (g + i) * BLOCK));             \
                    UNROLL for (int r = 0; r < ROWS; r++) {                                            \
                        __m256i u = UNPACK(w + (r * BLOCKS + g + i) * BYTES);                          \
                        acc[r]    = PRODUCT(acc[r], u, a, &s[r][i], DOT);                              \
                    }                                                                                  \
                }                                                                                      \
            }                                                                                          \
            sum = _mm256_add_pd(sum, sums(acc[0], acc[1], acc[2], acc[3]));                            \
            OPAQUE(w);                                                                                 \
        }                                                                                              \
        return total(sum);                                                                             \
    }

// Many tokens: two at a time, with rows that were unpacked once for all.
#define MANY(NAME, TARGET, BYTES, UNPACK, LEAST, DOT)                                                  \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) {      \
        const uint8_t * w   = data;                                                                    \
        __m256d         sum = _mm256_setzero_pd();                                                     \
        struct token    t[TOKENS] __attribute__((aligned(64)));                                        \
        __m256i         u[BLOCKS][ROWS];                                                               \
        float           s[ROWS][2][BLOCKS];                                                            \
        __m256          d[ROWS][BLOCKS / 8], m[ROWS][BLOCKS / 8];                                      \
        if (n < ROWS * BLOCKS * BYTES + TOKENS * BLOCKS * Q8_0 + PADDING) {                            \
            return 0;                                                                                  \
        }                                                                                              \
        for (int k = 0; k < TOKENS; k++) {                                                             \
            block_token(&t[k], w + ROWS * BLOCKS * BYTES + k * BLOCKS * Q8_0);                         \
        }                                                                                              \
        for (; rounds > 0; rounds--) {                                                                 \
            UNROLL for (int r = 0; r < ROWS; r++) {                                                    \
                const uint8_t * p = w + r * BLOCKS * BYTES;                                            \
                UNROLL for (int g = 0; g < BLOCKS / 8; g++) {                                          \
                    d[r][g] = scales(p + 8 * g * BYTES, BYTES);                                        \
                    m[r][g] = LEAST(p + 8 * g * BYTES, d[r][g]);                                       \
                }                                                                                      \
                for (int i = 0; i < BLOCKS; i++) {                                                     \
                    u[i][r] = UNPACK(p + i * BYTES);                                                   \
                }                                                                                      \
            }                                                                                          \
            for (int k = 0; k < TOKENS; k += 2) {                                                      \
                __m256 acc[ROWS][2];                                                                   \
                UNROLL for (int r = 0; r < ROWS; r++) {                                                \
                    UNROLL for (int j = 0; j < 2; j++) {                                               \
                        acc[r][j] = _mm256_setzero_ps();                                               \
                        UNROLL for (int g = 0; g < BLOCKS / 8; g++) {                                  \
                            acc[r][j] = _mm256_fmadd_ps(m[r][g], _mm256_load_ps(t[k + j].s + 8 * g), acc[r][j]); \
                            _mm256_storeu_ps(s[r][j] + 8 * g, _mm256_mul_ps(d[r][g], _mm256_load_ps(t[k + j].d + 8 * g))); \
                        }                                                                              \
                    }                                                                                  \
                }                                                                                      \
                for (int i = 0; i < BLOCKS; i++) {                                                     \
                    UNROLL for (int j = 0; j < 2; j++) {                                               \
                        __m256i a = _mm256_load_si256((const void *) (t[k + j].q + i * BLOCK));        \
                        UNROLL for (int r = 0; r < ROWS; r++) {                                        \
                            acc[r][j] = PRODUCT(acc[r][j], u[i][r], a, &s[r][j][i], DOT);              \
                        }                                                                              \
                    }                                                                                  \
                }                                                                                      \
                UNROLL for (int j = 0; j < 2; j++) {                                                   \
                    sum = _mm256_add_pd(sum, sums(acc[0][j], acc[1][j], acc[2][j], acc[3][j]));        \
                }                                                                                      \
            }                                                                                          \
            OPAQUE(w);                                                                                 \
        }                                                                                              \
        return total(sum);                                                                             \
    }

#define T256 "avx2,fma,f16c"
#define TVNNI "avx2,fma,f16c,avxvnni"
ONE(probe_q8_0_avxvnni_one, TVNNI, Q8_0, unsigned_q8_0, least_q8_0, DOT_VNNI)
MANY(probe_q8_0_avxvnni_many, TVNNI, Q8_0, unsigned_q8_0, least_q8_0, DOT_VNNI)
ONE(probe_q8_0_avx2_one, T256, Q8_0, bytes_q8_0, least_none, DOT_SIGNS)
MANY(probe_q8_0_avx2_many, T256, Q8_0, bytes_q8_0, least_none, DOT_SIGNS)
ONE(probe_q4_1_avxvnni_one, TVNNI, Q4_1, unsigned_q4_1, least_q4_1, DOT_VNNI)
MANY(probe_q4_1_avxvnni_many, TVNNI, Q4_1, unsigned_q4_1, least_q4_1, DOT_VNNI)
ONE(probe_q4_1_avx2_one, T256, Q4_1, unsigned_q4_1, least_q4_1, DOT_PAIRS)
MANY(probe_q4_1_avx2_many, T256, Q4_1, unsigned_q4_1, least_q4_1, DOT_PAIRS)

// Rows side by side: a lane is a row, the activations are the same for all.
INLINE __m256i four(const int8_t * q) {
    int32_t v;
    memcpy(&v, q, sizeof(v));
    return _mm256_set1_epi32(v);
}
#define START_VNNI(off) _mm256_set1_epi32(off)
#define STEP_VNNI(i, u, a) _mm256_dpbusd_avx_epi32(i, u, a)
#define END_VNNI(i, off) (i)
// Eight sums of pairs of 15 · 127 have their place in 16 bits.
#define START_PAIRS(off) _mm256_setzero_si256()
#define STEP_PAIRS(i, u, a) _mm256_add_epi16(i, _mm256_maddubs_epi16(u, a))
#define END_PAIRS(i, off) _mm256_add_epi32(_mm256_madd_epi16(i, _mm256_set1_epi16(1)), _mm256_set1_epi32(off))

#define SIDE_BY_SIDE(NAME, TARGET, COUNT, AT_ONCE, HOW)                                                \
    __attribute__((target(TARGET))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) {      \
        const uint8_t *     w   = data;                                                                \
        __m256d             sum = _mm256_setzero_pd();                                                 \
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
            for (int half = 0; half < 2; half++) {                                                     \
                for (int first = 0; first < COUNT; first += AT_ONCE) {                                 \
                    __m256 acc[AT_ONCE] = { 0 };                                                       \
                    for (int b = 0; b < BLOCKS; b++) {                                                 \
                        __m256  d = _mm256_cvtph_ps(_mm_load_si128((const void *) (x->d[b] + 8 * half))); \
                        __m256i u[8];                                                                  \
                        UNROLL for (int j = 0; j < 4; j++) {                                           \
                            __m256i v = _mm256_load_si256((const void *) (x->q[b][j] + 32 * half));    \
                            u[j]      = _mm256_and_si256(v, _mm256_set1_epi8(15));                     \
                            u[4 + j]  = _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15)); \
                        }                                                                              \
                        UNROLL for (int k = 0; k < AT_ONCE; k++) {                                     \
                            const struct token * y = &t[first + k];                                    \
                            __m256i              i = START_##HOW(y->off[b]);                           \
                            UNROLL for (int j = 0; j < 8; j++) {                                       \
                                i = STEP_##HOW(i, u[j], four(y->q + b * BLOCK + 4 * j));               \
                            }                                                                          \
                            i      = END_##HOW(i, y->off[b]);                                          \
                            acc[k] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(i), _mm256_mul_ps(d, _mm256_broadcast_ss(&y->d[b])), acc[k]); \
                        }                                                                              \
                    }                                                                                  \
                    UNROLL for (int k = 0; k < AT_ONCE; k++) {                                         \
                        sum = _mm256_add_pd(sum, widened(acc[k]));                                     \
                    }                                                                                  \
                }                                                                                      \
            }                                                                                          \
            OPAQUE(x);                                                                                 \
        }                                                                                              \
        return total(sum);                                                                             \
    }

SIDE_BY_SIDE(probe_q4_0_avxvnni_one, TVNNI, 1, 1, VNNI)
SIDE_BY_SIDE(probe_q4_0_avxvnni_many, TVNNI, TOKENS, 4, VNNI)
SIDE_BY_SIDE(probe_q4_0_avx2_one, T256, 1, 1, PAIRS)
SIDE_BY_SIDE(probe_q4_0_avx2_many, T256, TOKENS, 4, PAIRS)

// Floats of 16 bits, with two chains of sums for each row.
INLINE __m256 wide_f16(const uint8_t * p) { return _mm256_cvtph_ps(_mm_loadu_si128((const void *) p)); }
INLINE __m256 wide_bf16(const uint8_t * p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *) p)), 16));
}

#define FLOATS(NAME, WIDE)                                                                             \
    __attribute__((target(T256))) uint64_t NAME(const void * data, size_t n, uint64_t rounds) {        \
        const uint8_t * w   = data;                                                                    \
        __m256d         sum = _mm256_setzero_pd();                                                     \
        float           a[LENGTH] __attribute__((aligned(64)));                                        \
        if (n < 2 * (ROWS + 1) * LENGTH + PADDING) {                                                   \
            return 0;                                                                                  \
        }                                                                                              \
        for (int i = 0; i < LENGTH; i += 8) {                                                          \
            _mm256_store_ps(a + i, WIDE(w + 2 * (ROWS * LENGTH + i)));                                 \
        }                                                                                              \
        for (; rounds > 0; rounds--) {                                                                 \
            __m256 acc[ROWS][2] = { 0 };                                                               \
            for (int i = 0; i < LENGTH; i += 16) {                                                     \
                UNROLL for (int k = 0; k < 2; k++) {                                                   \
                    __m256 x = _mm256_load_ps(a + i + 8 * k);                                          \
                    UNROLL for (int r = 0; r < ROWS; r++) {                                            \
                        acc[r][k] = _mm256_fmadd_ps(WIDE(w + 2 * (r * LENGTH + i + 8 * k)), x, acc[r][k]); \
                    }                                                                                  \
                }                                                                                      \
            }                                                                                          \
            sum = _mm256_add_pd(sum, sums(_mm256_add_ps(acc[0][0], acc[0][1]), _mm256_add_ps(acc[1][0], acc[1][1]), \
                                          _mm256_add_ps(acc[2][0], acc[2][1]), _mm256_add_ps(acc[3][0], acc[3][1]))); \
            OPAQUE(w);                                                                                 \
        }                                                                                              \
        return total(sum);                                                                             \
    }
FLOATS(probe_f16_avx2_one, wide_f16)
FLOATS(probe_bf16_avx2_one, wide_bf16)

#endif
