// What a kernel has before it begins: activations, and weights in the order that
// it reads them in.
#include "block.h"

#include <string.h>

// block_half is the value of a 16-bit float that is 0 or normal.
float block_half(uint16_t h) {
    uint32_t sign = (uint32_t) (h & 0x8000) << 16, rest = h & 0x7fff;
    uint32_t bits = rest == 0 ? sign : sign | ((rest << 13) + (112u << 23));
    float    f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

static uint16_t word(const uint8_t * p) {
    uint16_t w;
    memcpy(&w, p, sizeof(w));
    return w;
}

void block_token(struct token * t, const uint8_t * blocks) {
    for (int b = 0; b < BLOCKS; b++, blocks += Q8_0) {
        int32_t sum = 0;
        memcpy(t->q + b * BLOCK, blocks + 2, BLOCK);
        for (int i = 0; i < BLOCK; i++) {
            sum += t->q[b * BLOCK + i];
        }
        t->d[b]   = block_half(word(blocks));
        t->s[b]   = t->d[b] * (float) sum;
        t->off[b] = -8 * sum;
    }
}

void block_side(struct side * s, const uint8_t * rows) {
    for (int r = 0; r < SIDE; r++) {
        for (int b = 0; b < BLOCKS; b++, rows += Q4_0) {
            s->d[b][r] = word(rows);
            for (int j = 0; j < 4; j++) {
                memcpy(&s->q[b][j][4 * r], rows + 2 + 4 * j, 4);
            }
        }
    }
}
