/*
 * Does one instruction set run here? Built once per set, with the flags the
 * build would use for it and -DPROBE_<SET>, and executed at configure time.
 *
 * Three things must hold: cpuid advertises the set (llama.cpp's loader asks
 * again at run time and refuses a library whose sets are not), its instructions
 * execute, and they compute what they should. On some virtual machines the
 * first holds for AMX and the second does not.
 *
 * Exit status: 0 runs, 10 not advertised, 11 the kernel refuses permission,
 * 12 illegal instruction, 13 memory fault, 14 wrong result.
 *
 * PROBE_PLANT_FAULT puts an instruction that no CPU has into the probe, and
 * takes the set as advertised: what the tests use to see a fault reported.
 */
#include <cpuid.h>
#include <immintrin.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { EAX, EBX, ECX, EDX };
enum { RUNS = 0, NOT_ADVERTISED = 10, REFUSED = 11, ILLEGAL = 12, FAULT = 13, WRONG = 14 };

static void on_fault(int sig) { _exit(sig == SIGILL ? ILLEGAL : FAULT); }

static int advertised(unsigned leaf, unsigned sub, int reg, unsigned bits) {
#ifdef PROBE_PLANT_FAULT
    (void)leaf, (void)sub, (void)reg, (void)bits;
    return 1;
#else
    unsigned r[4] = {0};
    if (!__get_cpuid_count(leaf, sub, &r[EAX], &r[EBX], &r[ECX], &r[EDX])) {
        return 0;
    }
    return (r[reg] & bits) == bits;
#endif
}

/* Kept out of main, where its instructions could be moved before the checks. */
static int works(void) __attribute__((noinline));

/* Inputs the compiler cannot see through, so that nothing is folded away. */
static volatile float two = 2.0f;
static volatile int three = 3;

#if defined(PROBE_SSE42)
#define ADVERTISED advertised(1, 0, ECX, 1u << 20)
static int works(void) {
    __m128i a = _mm_set1_epi64x(three), b = _mm_set1_epi64x(2);
    return _mm_movemask_epi8(_mm_cmpgt_epi64(a, b)) == 0xffff;
}
#elif defined(PROBE_AVX)
#define ADVERTISED advertised(1, 0, ECX, 1u << 28)
static int works(void) {
    float out[8];
    _mm256_storeu_ps(out, _mm256_mul_ps(_mm256_set1_ps(two), _mm256_set1_ps(3.0f)));
    return out[7] == 6.0f;
}
#elif defined(PROBE_F16C)
#define ADVERTISED advertised(1, 0, ECX, 1u << 29)
static int works(void) {
    float out[8];
    __m128i h = _mm256_cvtps_ph(_mm256_set1_ps(two), 0);
    _mm256_storeu_ps(out, _mm256_cvtph_ps(h));
    return out[7] == 2.0f;
}
#elif defined(PROBE_FMA)
#define ADVERTISED advertised(1, 0, ECX, 1u << 12)
static int works(void) {
    float out[8];
    __m256 x = _mm256_set1_ps(two);
    _mm256_storeu_ps(out, _mm256_fmadd_ps(x, x, x));
    return out[7] == 6.0f;
}
#elif defined(PROBE_BMI2)
#define ADVERTISED advertised(7, 0, EBX, 1u << 8)
static int works(void) { return _pdep_u32((unsigned)three, 0xf0u) == 0x30u; }
#elif defined(PROBE_AVX2)
#define ADVERTISED advertised(7, 0, EBX, 1u << 5)
static int works(void) {
    int out[8];
    _mm256_storeu_si256((__m256i *)out, _mm256_mullo_epi32(_mm256_set1_epi32(three), _mm256_set1_epi32(5)));
    return out[7] == 15;
}
#elif defined(PROBE_AVX_VNNI)
#define ADVERTISED advertised(7, 1, EAX, 1u << 4)
static int works(void) {
    int out[8];
    __m256i u = _mm256_set1_epi8((char)three), s = _mm256_set1_epi8(2);
    _mm256_storeu_si256((__m256i *)out, _mm256_dpbusd_avx_epi32(_mm256_setzero_si256(), u, s));
    return out[7] == 24;
}
#elif defined(PROBE_AVX512)
/* F, DQ, CD, BW and VL: what llama.cpp switches on together. */
#define ADVERTISED advertised(7, 0, EBX, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31)
static int works(void) {
    float f[16];
    int16_t w[32];
    int32_t lz[8];
    _mm512_storeu_ps(f, _mm512_fmadd_ps(_mm512_set1_ps(two), _mm512_set1_ps(two), _mm512_set1_ps(two)));
    _mm512_storeu_si512((void *)w, _mm512_mullo_epi16(_mm512_set1_epi16((short)three), _mm512_set1_epi16(5)));
    _mm256_storeu_si256((__m256i *)lz, _mm256_lzcnt_epi32(_mm256_set1_epi32(three)));
    __m512i q = _mm512_mullo_epi64(_mm512_set1_epi64(three), _mm512_set1_epi64(7));
    return f[15] == 6.0f && w[31] == 15 && lz[7] == 30 && _mm512_reduce_add_epi64(q) == 8 * 21;
}
#elif defined(PROBE_AVX512_VBMI)
#define ADVERTISED advertised(7, 0, ECX, 1u << 1)
static int works(void) {
    uint8_t in[64], out[64];
    for (int i = 0; i < 64; i++) {
        in[i] = (uint8_t)(i + three);
    }
    __m512i last = _mm512_set1_epi8(63);
    _mm512_storeu_si512((void *)out, _mm512_permutexvar_epi8(last, _mm512_loadu_si512((const void *)in)));
    return out[0] == 66;
}
#elif defined(PROBE_AVX512_VNNI)
#define ADVERTISED advertised(7, 0, ECX, 1u << 11)
static int works(void) {
    __m512i u = _mm512_set1_epi8((char)three), s = _mm512_set1_epi8(2);
    return _mm512_reduce_add_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), u, s)) == 16 * 24;
}
#elif defined(PROBE_AVX512_BF16)
#define ADVERTISED advertised(7, 1, EAX, 1u << 5)
static int works(void) {
    __m512 x = _mm512_set1_ps(two);
    __m512bh h = _mm512_cvtne2ps_pbh(x, x);
    return _mm512_reduce_add_ps(_mm512_dpbf16_ps(_mm512_setzero_ps(), h, h)) == 16 * 8.0f;
}
#elif defined(PROBE_AMX_TILE) || defined(PROBE_AMX_INT8) || defined(PROBE_AMX_BF16)
#include <sys/syscall.h>

#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

#if defined(PROBE_AMX_TILE)
#define ADVERTISED advertised(7, 0, EDX, 1u << 24)
#elif defined(PROBE_AMX_INT8)
#define ADVERTISED advertised(7, 0, EDX, 1u << 24 | 1u << 25)
#else
#define ADVERTISED advertised(7, 0, EDX, 1u << 24 | 1u << 22)
#endif
#define NEEDS_PERMISSION

/* Layout of ldtilecfg's 64 bytes, palette 1. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes_per_row[16];
    uint8_t rows[16];
} __attribute__((packed));

static int works(void) {
    struct tile_config cfg;
    uint8_t a[1024], b[1024];
    int32_t c[256];
    memset(&cfg, 0, sizeof cfg);
    cfg.palette = 1;
    for (int t = 0; t < 3; t++) {
        cfg.bytes_per_row[t] = 64;
        cfg.rows[t] = 16;
    }
    _tile_loadconfig(&cfg);
    _tile_zero(0);
#if defined(PROBE_AMX_TILE)
    memset(a, three, sizeof a);
    _tile_loadd(1, a, 64);
    _tile_stored(1, b, 64);
    _tile_release();
    (void)c;
    return memcmp(a, b, sizeof a) == 0;
#elif defined(PROBE_AMX_INT8)
    memset(a, three, sizeof a);
    memset(b, 2, sizeof b);
    _tile_loadd(1, a, 64);
    _tile_loadd(2, b, 64);
    _tile_dpbssd(0, 1, 2);
    _tile_stored(0, c, 64);
    _tile_release();
    return c[0] == 64 * 6 && c[255] == 64 * 6;
#else
    uint16_t half = (uint16_t)(0x3f80 + (three - 3)); /* 1.0 as bf16 */
    for (int i = 0; i < 512; i++) {
        memcpy(a + 2 * i, &half, 2);
        memcpy(b + 2 * i, &half, 2);
    }
    float first;
    _tile_loadd(1, a, 64);
    _tile_loadd(2, b, 64);
    _tile_dpbf16ps(0, 1, 2);
    _tile_stored(0, c, 64);
    _tile_release();
    memcpy(&first, c, sizeof first);
    return first == 32.0f;
#endif
}
#else
#error "name the instruction set: -DPROBE_AVX2 and so on"
#endif

int main(void) {
    signal(SIGILL, on_fault);
    signal(SIGSEGV, on_fault);
    signal(SIGBUS, on_fault);
    if (!(ADVERTISED)) {
        return NOT_ADVERTISED;
    }
#ifdef PROBE_PLANT_FAULT
    __asm__ volatile("ud2");
#endif
#ifdef NEEDS_PERMISSION
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0) {
        return REFUSED;
    }
#endif
    return works() ? RUNS : WRONG;
}
