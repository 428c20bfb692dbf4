// GCC's _tile_loadconfig tells the optimiser that it reads 8 bytes of the 64
// (seen in 12.2). llama.cpp's kernels fill theirs in a local just before, GCC
// drops what seems never to be read, and the next tile instruction faults.
// Included ahead of those kernels, this gives the whole configuration away.
#pragma once

#include <immintrin.h>

struct ceiling_tile_config { unsigned char bytes[64]; };

#define _tile_loadconfig(config) \
    __asm__ volatile("ldtilecfg %0" : : "m"(*(const struct ceiling_tile_config *)(config)))
