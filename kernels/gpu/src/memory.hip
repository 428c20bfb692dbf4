// Streams through memory, 16 bytes a lane and load. Sizes are in bytes, below
// 4 GiB, and a multiple of 128 times the number of threads.

// The 16 bytes at an offset: scalar base, offset of the lane.
template <class T> __device__ inline T &at(T *base, u32 offset) { return *(T *)((char *)base + offset); }
template <class T> __device__ inline const T &at(const T *base, u32 offset) { return *(const T *)((const char *)base + offset); }

__device__ inline u32 sum(u32x4 v) { return v.x + v.y + v.z + v.w; }

// N loads in flight. Each lane leaves the sum of all that it read.
template <int N>
__device__ inline void read(const u32x4 *a, u32 bytes, u32 times, u32 *sums, stamp *stamps) {
  START
  u32 s = 0;
  const u32 step = threads();
#pragma unroll 1
  for (u32 t = 0; t < times; t++)
#pragma unroll 1
    for (u32 i = thread() * 16; i < bytes; i += N * step * 16) {
      u32x4 v[N];
#pragma unroll
      for (int k = 0; k < N; k++)
        v[k] = at(a + (u64)k * step, i);
#pragma unroll
      for (int k = 0; k < N; k++)
        arrived(v[k]);
#pragma unroll
      for (int k = 0; k < N; k++)
        s += sum(v[k]);
    }
  needed(s);
  STOP(stamps)
  sums[thread()] = s;
}

#define READ(N)                                                                \
  KERNEL(1024) read_##N(const u32x4 *a, u32 bytes, u32 times, u32 *sums, stamp *stamps) { \
    read<N>(a, bytes, times, sums, stamps);                                    \
  }
READ(1)
READ(2)
READ(4)
READ(8)

// What the last round leaves tells how many there were: t is its number, from 0.

// What is written to an offset: bits that change with every store.
__device__ inline u32x4 written(u32 offset, u32 t, u32 mask) {
  const u32 x = (offset + t) * 0x9e3779b1u;
  return (u32x4{x, x ^ 0x55555555u, x ^ 0x0f0f0f0fu, ~x}) & mask;
}

KERNEL(1024) write_4(u32x4 *a, u32 bytes, u32 times, u32 mask, stamp *stamps) {
  START
  const u32 step = threads();
#pragma unroll 1
  for (u32 t = 0; t < times; t++)
#pragma unroll 1
    for (u32 i = thread() * 16; i < bytes; i += 4 * step * 16)
#pragma unroll
      for (int k = 0; k < 4; k++)
        at(a + (u64)k * step, i) = written(i + k * step * 16, t, mask);
  STOP(stamps)
}

KERNEL(1024) copy_4(const u32x4 *a, u32x4 *b, u32 bytes, u32 times, stamp *stamps) {
  START
  const u32 step = threads();
#pragma unroll 1
  for (u32 t = 0; t < times; t++)
#pragma unroll 1
    for (u32 i = thread() * 16; i < bytes; i += 4 * step * 16) {
      u32x4 v[4];
#pragma unroll
      for (int k = 0; k < 4; k++)
        v[k] = at(a + (u64)k * step, i);
#pragma unroll
      for (int k = 0; k < 4; k++)
        arrived(v[k]);
#pragma unroll
      for (int k = 0; k < 4; k++)
        at(b + (u64)k * step, i) = v[k] ^ t;
    }
  STOP(stamps)
}

// a = b + tc
__device__ inline f32x4 triad(f32x4 b, f32x4 c, u32 t) {
  f32x4 r;
#pragma unroll
  for (int k = 0; k < 4; k++)
    r[k] = __builtin_fmaf((float)t, c[k], b[k]);
  return r;
}

KERNEL(1024) triad_2(f32x4 *a, const f32x4 *b, const f32x4 *c, u32 bytes, u32 times, stamp *stamps) {
  START
  const u32 step = threads();
#pragma unroll 1
  for (u32 t = 0; t < times; t++)
#pragma unroll 1
    for (u32 i = thread() * 16; i < bytes; i += 2 * step * 16) {
      f32x4 x[2], y[2];
#pragma unroll
      for (int k = 0; k < 2; k++)
        x[k] = at(b + (u64)k * step, i), y[k] = at(c + (u64)k * step, i);
#pragma unroll
      for (int k = 0; k < 2; k++)
        arrived(x[k]), arrived(y[k]);
#pragma unroll
      for (int k = 0; k < 2; k++)
        at(a + (u64)k * step, i) = triad(x[k], y[k], t);
    }
  STOP(stamps)
}

// The four words from the i-th on, and floats between 1 and 2 of their bits.
__device__ inline u32x4 words(u64 i, u32 mask) { return u32x4{word(i), word(i + 1), word(i + 2), word(i + 3)} & mask; }
__device__ inline f32x4 floats(u64 i, u32 mask) {
  return __builtin_bit_cast(f32x4, (words(i, mask) & 0x007fffffu) | 0x3f800000u);
}

// The buffer holds the words from `first` on.
KERNEL(1024) fill(u32x4 *a, u32 bytes, u32 mask, u64 first) {
  for (u32 i = thread() * 16; i < bytes; i += threads() * 16)
    at(a, i) = words(first + i / 4, mask);
}
KERNEL(1024) fill_floats(f32x4 *a, u32 bytes, u32 mask, u64 first) {
  for (u32 i = thread() * 16; i < bytes; i += threads() * 16)
    at(a, i) = floats(first + i / 4, mask);
}

__device__ inline u32 differ(u32x4 a, u32x4 b) { return (a.x != b.x) + (a.y != b.y) + (a.z != b.z) + (a.w != b.w); }

// Each checks a buffer against what should be in it, made anew, and adds the
// words seen to found[0], those that differ to found[1].
#define CHECK(name, expected)                                                  \
  KERNEL(1024) check_##name(const u32x4 *a, u32 bytes, u32 mask, u64 first, u64 second, u32 t, u32 *found) { \
    u32 seen = 0, wrong = 0;                                                   \
    for (u32 i = thread() * 16; i < bytes; i += threads() * 16) {              \
      seen += 4;                                                               \
      wrong += differ(at(a, i), __builtin_bit_cast(u32x4, expected));          \
    }                                                                          \
    atomicAdd(&found[0], seen);                                                \
    atomicAdd(&found[1], wrong);                                               \
  }
CHECK(copy, words(first + i / 4, mask) ^ t)
CHECK(write, written(i, t, mask))
CHECK(triad, triad(floats(first + i / 4, mask), floats(second + i / 4, mask), t))
