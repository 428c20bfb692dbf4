extern "C" __global__ __launch_bounds__(256) void store(int *p) {
  __shared__ int s[300];
  s[threadIdx.x] = p[threadIdx.x];
  __syncthreads();
  p[threadIdx.x] = s[255 - threadIdx.x];
}
