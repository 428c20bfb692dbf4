// The kernels by name, for probe_find.
#ifndef CEILING_KERNELS_H
#define CEILING_KERNELS_H

#include "probe.h"

// OPAQUE hides from the compiler that a value has not changed.
#define OPAQUE(x) __asm__ volatile("" : "+r"(x) : : "memory")

uint64_t probe_fill(const void * data, size_t n, uint64_t rounds);
uint64_t probe_read_plain(const void * data, size_t n, uint64_t rounds);

// Kernels with a defect each, for the test of the checks.
uint64_t probe_read_dropped(const void * data, size_t n, uint64_t rounds);
uint64_t probe_read_halved(const void * data, size_t n, uint64_t rounds);

#if defined(__x86_64__)
uint64_t probe_read_avx2(const void * data, size_t n, uint64_t rounds);
uint64_t probe_read_avx512(const void * data, size_t n, uint64_t rounds);
uint64_t probe_fma_avx2(const void * data, size_t n, uint64_t rounds);
uint64_t probe_fma_avx512(const void * data, size_t n, uint64_t rounds);
uint64_t probe_bf16_avx512(const void * data, size_t n, uint64_t rounds);
uint64_t probe_dot_avx2(const void * data, size_t n, uint64_t rounds);
uint64_t probe_dot_avx512(const void * data, size_t n, uint64_t rounds);
uint64_t probe_dot_avxvnni(const void * data, size_t n, uint64_t rounds);
uint64_t probe_dot_avx512vnni(const void * data, size_t n, uint64_t rounds);
uint64_t probe_dot_amx(const void * data, size_t n, uint64_t rounds);

uint64_t probe_fma_halved(const void * data, size_t n, uint64_t rounds);
uint64_t probe_dot_halved(const void * data, size_t n, uint64_t rounds);
uint64_t probe_dot_dropped(const void * data, size_t n, uint64_t rounds);
#endif

#endif
