// The kernels by name, for probe_find.
#ifndef CEILING_KERNELS_H
#define CEILING_KERNELS_H

#include "probe.h"

// OPAQUE hides from the compiler that a value has not changed.
#define OPAQUE(x) __asm__ volatile("" : "+r"(x) : : "memory")

// Kernels with a defect each, for the test of the checks, are the last of a list.
#define KERNELS(X) X(fill) X(read_plain) X(read_dropped) X(read_halved)

#if defined(__x86_64__)
#define KERNELS_X86(X)                                                                              \
    X(read_avx2) X(read_avx512)                                                                     \
    X(fma_avx2) X(fma_avx512) X(bf16_avx512)                                                        \
    X(dot_avx2) X(dot_avx512) X(dot_avxvnni) X(dot_avx512vnni) X(dot_amx)                           \
    X(q4_0_avx2_one) X(q4_0_avxvnni_one) X(q4_0_avx512_one) X(q4_0_avx512vnni_one)                  \
    X(q4_0_avx2_many) X(q4_0_avxvnni_many) X(q4_0_avx512_many) X(q4_0_avx512vnni_many)              \
    X(q4_1_avx2_one) X(q4_1_avxvnni_one) X(q4_1_avx512_one) X(q4_1_avx512vnni_one)                  \
    X(q4_1_avx2_many) X(q4_1_avxvnni_many) X(q4_1_avx512_many) X(q4_1_avx512vnni_many)              \
    X(q8_0_avx2_one) X(q8_0_avxvnni_one) X(q8_0_avx512_one) X(q8_0_avx512vnni_one)                  \
    X(q8_0_avx2_many) X(q8_0_avxvnni_many) X(q8_0_avx512_many) X(q8_0_avx512vnni_many)              \
    X(f16_avx2_one) X(f16_avx512_one)                                                               \
    X(bf16_avx2_one) X(bf16_avx512_one) X(bf16_avx512bf16_one)                                      \
    X(fma_halved) X(dot_halved) X(dot_dropped) X(q4_1_halved_one) X(q4_1_dropped_one)
#else
#define KERNELS_X86(X)
#endif

#define DECLARE(x) uint64_t probe_##x(const void * data, size_t n, uint64_t rounds);
KERNELS(DECLARE)
KERNELS_X86(DECLARE)
#undef DECLARE

#endif
