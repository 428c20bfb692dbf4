// Vector arithmetic in eight independent chains, four steps of each in the loop.
typedef f16 f16x2 __attribute__((ext_vector_type(2)));

constexpr int CHAINS = 8;

// What a chain starts from, and what it is fed.
__device__ inline u32 seed(u32 kind, int chain) { return mix((kind * CHAINS + chain) * 65536 + thread()); }

// Floats follow x = x*x + c with c from -2 to -1.5: bits that look random, and a
// step more or less is seen at the end.
struct f32 {
  typedef float value;
  typedef float input;
  static __device__ value start(u32 r) { return (float)(r >> 8) * 0x1p-24f - 0.5f; }
  static __device__ input fed(u32 r) { return -2.0f + (float)(r >> 8) * 0x1p-25f; }
  static __device__ value step(value x, input c, input) { return __builtin_fmaf(x, x, c); }
};
struct pk_f16 {
  typedef f16x2 value;
  typedef f16x2 input;
  static __device__ f16 part(u32 r, float scale, float base) { return (f16)((float)(r & 1023) * scale + base); }
  static __device__ value start(u32 r) { return {part(r, 0x1p-10f, -0.5f), part(r >> 16, 0x1p-10f, -0.5f)}; }
  static __device__ input fed(u32 r) { return {part(r / 2 & 511, 0x1p-10f, -2.0f), part(r >> 17 & 511, 0x1p-10f, -2.0f)}; }
  static __device__ value step(value x, input c, input) { return __builtin_elementwise_fma(x, x, c); }
};
// Dot products are added up: of integers with all bits random, modulo 2^32; of
// floats that are small odd integers, exactly as long as the sum is below 2^24,
// which pairs that nearly cancel see to (matrix.hip).
struct dot4 {
  typedef int value;
  typedef int input;
  static __device__ value start(u32) { return 0; }
  static __device__ input fed(u32 r) { return (int)r; }
  static __device__ value step(value x, input a, input b) { return __builtin_amdgcn_sdot4(a, b, x, false); }
};
struct dot8 {
  typedef int value;
  typedef int input;
  static __device__ value start(u32) { return 0; }
  static __device__ input fed(u32 r) { return (int)r; }
  static __device__ value step(value x, input a, input b) { return __builtin_amdgcn_sdot8(a, b, x, false); }
};
struct dot2 {
  typedef float value;
  typedef f16x2 input;
  static __device__ int odd(u32 r) { return (int)(r & 62) + 1 - (int)(r >> 6 & 1) * 64; }
  static __device__ value start(u32) { return 0; }
  static __device__ input fed(u32 r) { return {(f16)(float)odd(r), (f16)(float)odd(r >> 16)}; }
  static __device__ value step(value x, input a, input b) { return __builtin_amdgcn_fdot2(a, b, x, false); }
};

// The operand of every second step: the same, or of dot2 what nearly cancels.
template <class K> __device__ inline typename K::input second(typename K::input a) { return a; }
template <> __device__ inline f16x2 second<dot2>(f16x2 a) { return f16x2{(f16)1, (f16)0} - a; }

// keep is ~0, or 0 for operands of zeros.
template <class T> __device__ inline T masked(T x, u32 keep) {
  return __builtin_bit_cast(T, __builtin_bit_cast(u32, x) & keep);
}

template <class K>
__device__ inline void loop(typename K::value *out, u32 rounds, u32 keep, stamp *stamps) {
  typename K::value x[CHAINS];
  typename K::input a[CHAINS], b[CHAINS];
#pragma unroll
  for (int k = 0; k < CHAINS; k++) {
    x[k] = masked(K::start(seed(0, k)), keep);
    a[k] = masked(K::fed(seed(1, k)), keep);
    b[k] = masked(K::fed(seed(2, k)), keep);
  }
  START
#pragma unroll 1
  for (u32 i = 0; i < rounds; i++)
#pragma unroll
    for (int s = 0; s < 4; s++)
#pragma unroll
      for (int k = 0; k < CHAINS; k++)
        x[k] = K::step(x[k], s % 2 ? second<K>(a[k]) : a[k], b[k]);
#pragma unroll
  for (int k = 0; k < CHAINS; k++)
    needed(x[k]);
  STOP(stamps)
#pragma unroll
  for (int k = 0; k < CHAINS; k++)
    out[k * threads() + thread()] = x[k];
}

#define VALU(K)                                                                \
  KERNEL(256) valu_##K(K::value *out, u32 rounds, u32 keep, stamp *stamps) { loop<K>(out, rounds, keep, stamps); }
VALU(f32)
VALU(pk_f16)
VALU(dot2)
VALU(dot4)
VALU(dot8)
