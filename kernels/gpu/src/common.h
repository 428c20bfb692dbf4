// What all probes share. It stands before every source, and knows no header:
// hipRTC has its own.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef u32 u32x4 __attribute__((ext_vector_type(4)));
typedef float f32x4 __attribute__((ext_vector_type(4)));
typedef _Float16 f16;

// A pointer that goes through asm, or is made of a number, has to say that it is
// global memory's: the compiler would go through flat loads.
#define GLOBAL __attribute__((address_space(1)))

#define KERNEL(threads) extern "C" __global__ __launch_bounds__(threads) void

// A wave's first and last moment on two clocks: the constant one, whose rate is
// known, and the one that counts the core's cycles.
struct stamp {
  u64 wall0, wall1, core0, core1;
};

__device__ inline u64 wall() { return __builtin_amdgcn_s_memrealtime(); }
__device__ inline u64 core() { return __builtin_amdgcn_s_memtime(); }

// Every store has arrived behind this, and every load.
__device__ inline void settle() { __builtin_amdgcn_s_waitcnt(0); }

// A value that the compiler can't know, nor move across this point.
template <class T> __device__ inline void opaque(T &x) { asm volatile("" : "+v"(x)); }
// Loads stand all before this, and what is made of x behind it: the compiler
// would take turns instead, to save registers.
template <class T> __device__ inline void arrived(T &x) { asm volatile("" : "+v"(x)::"memory"); }
template <class T> __device__ inline void needed(T x) { asm volatile("" ::"v"(x)); }

__device__ inline u32 thread() { return blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline u32 threads() { return gridDim.x * blockDim.x; }
__device__ inline u32 lane() { return threadIdx.x & 63; }
__device__ inline u32 wave() { return thread() >> 6; }

// The stamp of a wave, written when all that it did is done.
#define START const u64 wall0 = wall(), core0 = core();
#define STOP(stamps)                                                           \
  {                                                                            \
    settle();                                                                  \
    const u64 core1 = core(), wall1 = wall();                                  \
    if (lane() == 0)                                                           \
      stamps[wave()] = {wall0, wall1, core0, core1};                           \
  }

// Random bits: a bijection of 32-bit numbers.
__device__ inline u32 mix(u32 x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ x >> 16;
}

// The i-th word of a buffer: random bits that repeat every 2^18 words, plus a
// number that tells the repetitions apart.
__device__ inline u32 word(u64 i) {
  return mix((u32)i & 0x3ffff) + (u32)(i >> 18) * 0x9e3779b1u;
}
