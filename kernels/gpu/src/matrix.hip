// Matrix instructions, back to back. The operands are odd integers of random
// bits, and pairs of instructions nearly cancel: A then A' = E - A, where E has
// ones in its first column, negative ones in even rows. What is left after n
// pairs is n E B, exactly as long as it is below 2^24, and the registers see
// random bits all the time.
typedef f16 f16x4 __attribute__((ext_vector_type(4)));
typedef short i16x2 __attribute__((ext_vector_type(2)));
typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef int i32x4 __attribute__((ext_vector_type(4)));
typedef int i32x16 __attribute__((ext_vector_type(16)));

// An odd number from -63 to 63.
__device__ inline int odd(u32 r) { return (int)(r & 62) + 1 - (int)(r >> 6 & 1) * 64; }

// Small integers in every type, N of them in an operand.
struct as_f16 {
  typedef f16x4 operand;
  static constexpr int N = 4;
  static __device__ void put(operand &o, int k, int x) { o[k] = (f16)(float)x; }
};
struct as_bf16 {
  typedef i16x2 operand;
  static constexpr int N = 2;
  static __device__ void put(operand &o, int k, int x) { o[k] = (short)(__builtin_bit_cast(u32, (float)x) >> 16); }
};
struct as_i8 {
  typedef int operand;
  static constexpr int N = 4;
  static __device__ void put(operand &o, int k, int x) {
    if (k == 0)
      o = 0;
    o |= (x & 255) << 8 * k;
  }
};
struct as_f32 {
  typedef float operand;
  static constexpr int N = 1;
  static __device__ void put(operand &o, int, int x) { o = (float)x; }
};

// A form: its instruction, and the rows that lanes count through.
#define FORM(name, in, accumulator, rows, builtin)                             \
  struct name {                                                                \
    typedef in type;                                                           \
    typedef accumulator acc;                                                   \
    static constexpr int ROWS = rows;                                          \
    static __device__ acc mfma(in::operand a, in::operand b, acc c) { return builtin(a, b, c, 0, 0, 0); } \
  };
FORM(f16_32, as_f16, f32x16, 32, __builtin_amdgcn_mfma_f32_32x32x8f16)
FORM(f16_16, as_f16, f32x4, 16, __builtin_amdgcn_mfma_f32_16x16x16f16)
FORM(bf16_32, as_bf16, f32x16, 32, __builtin_amdgcn_mfma_f32_32x32x4bf16)
FORM(bf16_16, as_bf16, f32x4, 16, __builtin_amdgcn_mfma_f32_16x16x8bf16)
FORM(i8_32, as_i8, i32x16, 32, __builtin_amdgcn_mfma_i32_32x32x8i8)
FORM(i8_16, as_i8, i32x4, 16, __builtin_amdgcn_mfma_i32_16x16x16i8)
FORM(f32_32, as_f32, f32x16, 32, __builtin_amdgcn_mfma_f32_32x32x2f32)
FORM(f32_16, as_f32, f32x4, 16, __builtin_amdgcn_mfma_f32_16x16x4f32)

// keep is ~0, or 0 for operands of zeros. out has a wave's accumulators one
// register after the other, of the sum of all C accumulators.
template <class F, int C>
__device__ inline void loop(typename F::acc *out, u32 pairs, u32 keep, stamp *stamps) {
  typename F::type::operand a, b, back;
  const u32 seed = wave() * 1024 + lane() * 16;
#pragma unroll
  for (int k = 0; k < F::type::N; k++) {
    const int x = odd(mix(seed + k));
    const int one = lane() < F::ROWS && k == 0 ? (int)(lane() & 1) * 2 - 1 : 0;
    F::type::put(a, k, x & (int)keep);
    F::type::put(b, k, odd(mix(seed + 8 + k)) & (int)keep);
    F::type::put(back, k, (one - x) & (int)keep);
  }
  typename F::acc c[C] = {};
  START
#pragma unroll 1
  for (u32 i = 0; i < pairs; i++) {
#pragma unroll
    for (int k = 0; k < C; k++)
      c[k] = F::mfma(a, b, c[k]);
#pragma unroll
    for (int k = 0; k < C; k++)
      c[k] = F::mfma(back, b, c[k]);
  }
  for (int k = 1; k < C; k++)
    c[0] += c[k];
  needed(c[0][0]);
  STOP(stamps)
  out[thread()] = c[0];
}

#define MFMA(F)                                                                \
  KERNEL(256) mfma_##F##_1(F::acc *out, u32 pairs, u32 keep, stamp *stamps) { loop<F, 1>(out, pairs, keep, stamps); } \
  KERNEL(256) mfma_##F##_2(F::acc *out, u32 pairs, u32 keep, stamp *stamps) { loop<F, 2>(out, pairs, keep, stamps); } \
  KERNEL(256) mfma_##F##_4(F::acc *out, u32 pairs, u32 keep, stamp *stamps) { loop<F, 4>(out, pairs, keep, stamps); }
MFMA(f16_32)
MFMA(f16_16)
MFMA(bf16_32)
MFMA(bf16_16)
MFMA(i8_32)
MFMA(i8_16)
MFMA(f32_32)
MFMA(f32_16)
