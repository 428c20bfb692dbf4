// What the kernels of block products share.
#ifndef CEILING_BLOCK_H
#define CEILING_BLOCK_H

#include <stddef.h>
#include <stdint.h>

// The data of a kernel are rows of weights in the blocks of their storage type,
// then tokens of activations in blocks of q8_0 (f16 scale, 32 bytes), of f16 or of
// bf16, and a cache line of padding. Each product is of a whole row with a whole
// token.
enum {
    BLOCK   = 32, // values
    BLOCKS  = 32, // of a row
    LENGTH  = BLOCK * BLOCKS,
    TOKENS  = 16, // of a kernel for many; others have one
    ROWS    = 4,  // whose products a kernel makes together, as they lie in a file
    SIDE    = 16, // rows that lie side by side
    PADDING = 64,
    Q4_0    = 18, // bytes of a block
    Q4_1    = 20,
    Q8_0    = 34,
};

// A token's activations as a kernel has them for all of its rows: what is made of
// them once does not count.
struct token {
    int8_t  q[LENGTH];
    float   d[BLOCKS];   // scales
    float   s[BLOCKS];   // scale times the block's sum
    int32_t off[BLOCKS]; // -8 times the block's sum
};

// Rows of q4_0 side by side, in fours of each row's bytes.
struct side {
    uint8_t  q[BLOCKS][4][4 * SIDE];
    uint16_t d[BLOCKS][SIDE];
};

float block_half(uint16_t h);
void  block_token(struct token * t, const uint8_t * blocks);
void  block_side(struct side * s, const uint8_t * rows);

#endif
