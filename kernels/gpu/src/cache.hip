// Reads that caches and LDS serve. A piece is 1 KiB: what a wave reads with one
// load of 16 bytes a lane.

__device__ inline u32 sum(u32x4 v) { return v.x + v.y + v.z + v.w; }

KERNEL(1024) fill_words(u32x4 *a, u64 n) {
  for (u64 i = thread(); i < n; i += threads())
    a[i] = u32x4{word(4 * i), word(4 * i + 1), word(4 * i + 2), word(4 * i + 3)};
}

// Every wave reads all pieces, a power of two of them, at least 128; where it begins is far
// from where the other waves of its compute unit do, so that none finds in L1
// what another left there.
KERNEL(1024) l2(const u32x4 *a, u32 pieces, u32 times, u32 *sums, stamp *stamps) {
  START
  u32 s = 0;
  const u32 bytes = pieces * 1024;
  u32 i = (blockIdx.x * 40 * 1024 + (threadIdx.x >> 6) * (bytes / 16) & bytes - 1) + lane() * 16;
#pragma unroll 1
  for (u32 t = 0; t < times; t++)
#pragma unroll 1
    for (u32 n = 0; n < pieces; n += 8) {
      u32x4 v[8];
#pragma unroll
      for (int k = 0; k < 8; k++)
        v[k] = *(const u32x4 *)((const char *)(a + k * 64) + i);
      i = i + 8 * 1024 & bytes - 1;
#pragma unroll
      for (int k = 0; k < 8; k++)
        arrived(v[k]);
#pragma unroll
      for (int k = 0; k < 8; k++)
        s += sum(v[k]);
    }
  needed(s);
  STOP(stamps)
  sums[thread()] = s;
}

// Every wave of a workgroup reads the 12 KiB of its workgroup, 12 loads in
// flight.
KERNEL(1024) l1(const u32x4 *a, u32 times, u32 *sums, stamp *stamps) {
  START
  u32 s = 0;
  const GLOBAL u32x4 *mine = (const GLOBAL u32x4 *)(a + blockIdx.x * 768 + lane());
#pragma unroll 1
  for (u32 t = 0; t < times; t++) {
    opaque(mine);
    u32x4 v[12];
#pragma unroll
    for (int k = 0; k < 12; k++)
      v[k] = mine[k * 64];
#pragma unroll
    for (int k = 0; k < 12; k++)
      arrived(v[k]);
#pragma unroll
    for (int k = 0; k < 12; k++)
      s += sum(v[k]);
  }
  needed(s);
  STOP(stamps)
  sums[thread()] = s;
}

// Lane i of a wave reads the 16 bytes i*stride on: with a stride of 1 all banks
// serve it, with 2 half of them.
template <int STRIDE>
__device__ inline void lds(u32 times, u32 *sums, stamp *stamps) {
  __shared__ u32x4 memory[1024];
  for (u32 i = threadIdx.x; i < 1024; i += blockDim.x)
    memory[i] = u32x4{word(4 * i), word(4 * i + 1), word(4 * i + 2), word(4 * i + 3)};
  __syncthreads();
  START
  u32 s = 0;
  const u32x4 *mine = memory + lane() * STRIDE;
#pragma unroll 1
  for (u32 t = 0; t < times; t++) {
    u32 zero = 0;
    opaque(zero);
    u32x4 v[8];
#pragma unroll
    for (int k = 0; k < 8; k++)
      v[k] = mine[zero + k * 64 * STRIDE];
#pragma unroll
    for (int k = 0; k < 8; k++)
      arrived(v[k]);
#pragma unroll
    for (int k = 0; k < 8; k++)
      s += sum(v[k]);
  }
  needed(s);
  STOP(stamps)
  sums[thread()] = s;
}
KERNEL(1024) lds_1(u32 times, u32 *sums, stamp *stamps) { lds<1>(times, sums, stamps); }
KERNEL(1024) lds_2(u32 times, u32 *sums, stamp *stamps) { lds<2>(times, sums, stamps); }

// A cycle of pointers: node order[k] points at node order[k+1], 64 bytes each.
KERNEL(256) link(u8 *memory, const u32 *order, u32 n) {
  for (u32 k = thread(); k < n; k += threads())
    *(u64 *)(memory + (u64)order[k] * 64) = (u64)(memory + (u64)order[k + 1 == n ? 0 : k + 1] * 64);
}

// One lane follows the pointers. starts has one address; it is loaded by lane,
// so that the way goes through vector memory.
KERNEL(64) chase(const u64 *starts, u32 steps, u64 *end, stamp *stamps) {
  START
  u64 p = starts[threadIdx.x];
#pragma unroll 1
  for (u32 i = 0; i < steps; i += 8)
#pragma unroll
    for (int k = 0; k < 8; k++)
      p = *(const GLOBAL u64 *)p;
  needed(p);
  STOP(stamps)
  end[threadIdx.x] = p;
}
