/*
 * Does one optional part of the ARM instruction set run here? Built with the
 * -march string that would switch it on and -DPROBE_<PART>, and executed at
 * configure time. Exit status as in isa.c: 0 runs, 10 not advertised, 12 illegal
 * instruction, 13 memory fault, 14 wrong result.
 */
#include <arm_neon.h>
#include <signal.h>
#include <sys/auxv.h>
#include <unistd.h>
#if defined(PROBE_SVE)
#include <arm_sve.h>
#endif

static void on_fault(int sig) { _exit(sig == SIGILL ? 12 : 13); }

/* Kept out of main, where its instructions could be moved before the checks. */
static int works(void) __attribute__((noinline));

static volatile int three = 3;

/* The kernel's word for what the CPU has: bits of arm64's <asm/hwcap.h>. */
#if defined(PROBE_DOTPROD)
#define ADVERTISED (getauxval(AT_HWCAP) & 1ul << 20)
static int works(void) {
    int8x16_t a = vdupq_n_s8((signed char)three), b = vdupq_n_s8(2);
    return vaddvq_s32(vdotq_s32(vdupq_n_s32(0), a, b)) == 4 * 24;
}
#elif defined(PROBE_FP16)
#define ADVERTISED (getauxval(AT_HWCAP) & 1ul << 10)
static int works(void) {
    float16x8_t x = vdupq_n_f16((float16_t)three);
    return vgetq_lane_f16(vmulq_f16(x, x), 7) == (float16_t)9;
}
#elif defined(PROBE_I8MM)
#define ADVERTISED (getauxval(AT_HWCAP2) & 1ul << 13)
static int works(void) {
    int8x16_t a = vdupq_n_s8((signed char)three), b = vdupq_n_s8(2);
    return vaddvq_s32(vmmlaq_s32(vdupq_n_s32(0), a, b)) == 4 * 48;
}
#elif defined(PROBE_SVE)
#define ADVERTISED (getauxval(AT_HWCAP) & 1ul << 22)
static int works(void) {
    svfloat32_t x = svdup_n_f32((float)three);
    return svaddv_f32(svptrue_b32(), x) == 3.0f * (float)svcntw();
}
#else
#error "name the part: -DPROBE_DOTPROD and so on"
#endif

int main(void) {
    signal(SIGILL, on_fault);
    signal(SIGSEGV, on_fault);
    signal(SIGBUS, on_fault);
#ifdef PROBE_PLANT_FAULT
    __asm__ volatile("udf #0");
#endif
    if (!(ADVERTISED)) {
        return 10;
    }
    return works() ? 0 : 14;
}
