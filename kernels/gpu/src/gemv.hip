// Products of a matrix in blocks of 32 weights with a vector, as in decoding.
// The blocks lie as in GGUF files: q4_0 18 bytes, q4_1 20, q8_0 34; f16 has 64
// bytes for 32 weights. A wave works on four rows at once, so that the vector,
// which comes out of caches, is read once for four.

// 32 elements of the vector: quantised, with scale and sum; or floats.
struct q8 {
  int q[8];
  float d, sum;
};

__device__ inline f16 half_of(u32 bits) { return __builtin_bit_cast(f16, (u16)bits); }

// A scale: random mantissa and sign, exponents -7 to -4.
__device__ inline u16 scale_bits(u32 r) {
  return (u16)((r & 0x83ff) | ((8 + (r >> 10 & 3)) << 10));
}

struct q4_0 { u8 bytes[18]; };
struct q4_1 { u8 bytes[20]; };
struct q8_0 { u8 bytes[34]; };
struct f16s { u8 bytes[64]; };

// Which 2-byte words of a block are floats.
__device__ inline bool is_scale(const q4_0 *, int i) { return i == 0; }
__device__ inline bool is_scale(const q4_1 *, int i) { return i < 2; }
__device__ inline bool is_scale(const q8_0 *, int i) { return i == 0; }
__device__ inline bool is_scale(const f16s *, int) { return true; }

template <class B> __device__ inline void fill(B *w, u64 blocks) {
  for (u64 b = thread(); b < blocks; b += threads()) {
    u16 *p = (u16 *)(w + b);
    for (int i = 0; i < (int)sizeof(B) / 2; i++) {
      const u32 r = mix((u32)(b * 32 + i));
      p[i] = is_scale(w, i) ? scale_bits(r) : (u16)r;
    }
  }
}

// The vector's block b: bytes of random bits, scale 1/64.
KERNEL(256) fill_q8(q8 *x, u32 blocks) {
  for (u32 b = thread(); b < blocks; b += threads()) {
    int s = 0;
    for (int i = 0; i < 8; i++) {
      x[b].q[i] = mix(0x40000000u + b * 8 + i);
      s = __builtin_amdgcn_sdot4(x[b].q[i], 0x01010101, s, false);
    }
    x[b].d = 0.015625f;
    x[b].sum = 0.015625f * s;
  }
}

template <class T> __device__ inline T at(const u8 *p) {
  T v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

__device__ inline int dot(int a, int b, int c) { return __builtin_amdgcn_sdot4(a, b, c, false); }

struct nibbles { u32x4 q; u32 d; };
struct bytes { u32x4 q[2]; u32 d; };
struct halves { u32x4 q[4]; };

__device__ inline nibbles load(const q4_0 *p) { return {at<u32x4>(p->bytes + 2), at<u16>(p->bytes)}; }
__device__ inline nibbles load(const q4_1 *p) { return {at<u32x4>(p->bytes + 4), at<u32>(p->bytes)}; }
__device__ inline bytes load(const q8_0 *p) {
  return {{at<u32x4>(p->bytes + 2), at<u32x4>(p->bytes + 18)}, at<u16>(p->bytes)};
}
__device__ inline halves load(const f16s *p) {
  return {{at<u32x4>(p->bytes), at<u32x4>(p->bytes + 16), at<u32x4>(p->bytes + 32), at<u32x4>(p->bytes + 48)}};
}

__device__ inline void arrived(nibbles &v) { arrived(v.q), arrived(v.d); }
__device__ inline void arrived(bytes &v) { arrived(v.q[0]), arrived(v.q[1]), arrived(v.d); }
__device__ inline void arrived(halves &v) { arrived(v.q[0]), arrived(v.q[1]), arrived(v.q[2]), arrived(v.q[3]); }
__device__ inline void arrived(q8 &v) {
#pragma unroll
  for (int k = 0; k < 8; k++)
    arrived(v.q[k]);
  arrived(v.d), arrived(v.sum);
}

__device__ inline int dot(nibbles w, const int *q) {
  int s = 0;
#pragma unroll
  for (int k = 0; k < 4; k++) {
    s = dot(w.q[k] & 0x0f0f0f0f, q[k], s);
    s = dot(w.q[k] >> 4 & 0x0f0f0f0f, q[k + 4], s);
  }
  return s;
}

__device__ inline float product(const q4_0 *, nibbles w, const q8 &x) {
  return (float)half_of(w.d) * (x.d * dot(w, x.q) - 8 * x.sum);
}
__device__ inline float product(const q4_1 *, nibbles w, const q8 &x) {
  return (float)half_of(w.d) * (x.d * dot(w, x.q)) + (float)half_of(w.d >> 16) * x.sum;
}
__device__ inline float product(const q8_0 *, bytes w, const q8 &x) {
  int s = 0;
#pragma unroll
  for (int k = 0; k < 8; k++)
    s = dot(w.q[k / 4][k % 4], x.q[k], s);
  return (float)half_of(w.d) * (x.d * s);
}
// The vector's bytes as they are, times its scale: what a float one would hold.
typedef f16 f16x2 __attribute__((ext_vector_type(2)));
__device__ inline float product(const f16s *, halves w, const q8 &x) {
  float s = 0;
#pragma unroll
  for (int k = 0; k < 16; k++) {
    const int q = x.q[k / 2] >> (k % 2 * 16);
    const f16x2 v = {(f16)(float)(signed char)q, (f16)(float)(signed char)(q >> 8)};
    const u32 two = w.q[k / 4][k % 4]; // a bit cast of the element itself takes element 0
    s = __builtin_amdgcn_fdot2(__builtin_bit_cast(f16x2, two), v, s, false);
  }
  return x.d * s;
}

__device__ inline float over_wave(float x) {
#pragma unroll
  for (int o = 32; o; o >>= 1)
    x += __shfl_xor(x, o, 64);
  return x;
}

// R rows a wave at once. y has rows elements; rows is a multiple of R. The last
// round adds its number, from 0.
template <int R, class B>
__device__ inline void gemv(const B *w, const q8 *x, float *y, u32 row_blocks, u32 rows, u32 times, stamp *stamps) {
  START
  const u32 waves = threads() >> 6;
#pragma unroll 1
  for (u32 t = 0; t < times; t++)
#pragma unroll 1
    for (u32 row = wave() * R; row < rows; row += waves * R) {
      float s[R] = {};
      const B *p = w + (u64)row * row_blocks;
#pragma unroll 1
      for (u32 b = lane(); b < row_blocks; b += 64) {
        decltype(load(p)) v[R];
#pragma unroll
        for (int k = 0; k < R; k++)
          v[k] = load(p + (u64)k * row_blocks + b);
        q8 u = x[b];
#pragma unroll
        for (int k = 0; k < R; k++)
          arrived(v[k]);
        arrived(u);
#pragma unroll
        for (int k = 0; k < R; k++)
          s[k] += product(p, v[k], u);
      }
#pragma unroll
      for (int k = 0; k < R; k++) {
        const float r = over_wave(s[k]);
        if (lane() == 0)
          y[row + k] = r + t;
      }
    }
  STOP(stamps)
}

#define GEMV(B, R)                                                             \
  KERNEL(256) gemv_##B(const B *w, const q8 *x, float *y, u32 row_blocks, u32 rows, u32 times, stamp *stamps) { \
    gemv<R>(w, x, y, row_blocks, rows, times, stamps);                         \
  }                                                                            \
  KERNEL(256) fill_##B(B *w, u64 blocks) { fill(w, blocks); }
GEMV(q4_0, 4)
GEMV(q4_1, 4)
GEMV(q8_0, 4)
GEMV(f16s, 2)
