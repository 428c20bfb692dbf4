// What joins kernels and cards: launches, flags, sums over cards.

// One node of a chain: it counts itself, and notes when it was there.
KERNEL(64) tick(u32 *counter, u64 *times, u32 node) {
  if (threadIdx.x == 0) {
    times[2 * node] = wall();
    atomicAdd(counter, 1u);
    settle();
    times[2 * node + 1] = wall();
  }
}

template <class T> __device__ inline void publish(T *p, T x) { __hip_atomic_store(p, x, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM); }
template <class T> __device__ inline T observe(T *p) { return __hip_atomic_load(p, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM); }

// A flag that another card raises, or the patience is over.
__device__ inline bool arrives(u32 *flag, u32 value, u32 patience) {
  for (u32 i = 0; i < patience; i++) {
    if ((int)(observe(flag) - value) >= 0)
      return true;
    __builtin_amdgcn_s_sleep(1);
  }
  return false;
}

// Two cards throw a number to and fro: card 0 begins. mine and yours lie in
// uncached memory of the two. caught is how often the number came.
KERNEL(64) pingpong(u32 *mine, u32 *yours, u32 *caught, u32 first, u32 rounds, u32 card, u32 patience, stamp *stamps) {
  if (threadIdx.x != 0)
    return;
  START
  u32 n = 0;
  for (u32 i = first; i < first + rounds; i++) {
    if (card == 0)
      publish(yours, i);
    if (!arrives(mine, i, patience))
      break;
    n++;
    if (card != 0)
      publish(yours, i);
  }
  STOP(stamps)
  *caught = n;
}

KERNEL(256) fill_numbers(float *v, u32 n, u32 card) {
  for (u32 i = thread(); i < n; i += threads())
    v[i] = (float)((mix(i) >> 4 & 1023) + card * 4096);
}

// r = v + w: the step of the butterfly.
KERNEL(256) add(f32x4 *r, const f32x4 *v, const f32x4 *w, u32 n) {
  for (u32 i = thread(); i < n; i += threads())
    r[i] = v[i] + w[i];
}

// One card's part in a sum over cards, by pushing. Each card has uncached memory
// for two epochs: per epoch `cards` slots of n floats, and per card and group of
// threads a flag. A group sends its piece of v to all others, raises its flag
// there, waits for theirs, and adds up. Two epochs are enough: who is one ahead
// has seen everybody's flag of the epoch before, which they raised when they had
// read the one before that. The epoch counts in memory, so a graph can repeat it.
struct peers {
  f32x4 *slots[8];
  u32 *flags[8];
};

KERNEL(256) push(const f32x4 *v, f32x4 *result, u32 *epochs, u32 *failed, peers all, u32 card, u32 cards, u32 n, u32 patience) {
  const u32 epoch = epochs[blockIdx.x] + 1;
  const u32 half = (epoch & 1) * cards;
  const u32 i = thread();
  if (i < n)
    for (u32 k = 1; k < cards; k++)
      all.slots[(card + k) % cards][(u64)(half + card) * n + i] = v[i];
  __threadfence_system();
  __syncthreads();
  if (threadIdx.x < cards && threadIdx.x != card) {
    publish(&all.flags[threadIdx.x][card * gridDim.x + blockIdx.x], epoch);
    if (!arrives(&all.flags[card][threadIdx.x * gridDim.x + blockIdx.x], epoch, patience))
      atomicAdd(failed, 1u);
  }
  __syncthreads();
  __threadfence_system();
  if (i < n) {
    f32x4 s = v[i];
    for (u32 k = 1; k < cards; k++)
      s += all.slots[card][(u64)(half + (card + k) % cards) * n + i];
    result[i] = s;
  }
  if (threadIdx.x == 0)
    epochs[blockIdx.x] = epoch;
}
