/* A stand-in for librccl.so.1 that adds up on the host: it shows that calls,
 * types and groups are those of the public header rccl.h, nothing about RCCL.
 * cc -shared -fPIC -o librccl.so.1 rccl.c
 *   -DWRONG   the last number of the last part is left out of long sums */
#include <stddef.h>
#include <stdlib.h>

extern int hipStreamSynchronize(void *stream);
extern int hipMemcpy(void *to, const void *from, size_t bytes, int kind);

struct comm { int rank; };
static int ranks, depth, queued;
static struct { const void *send; void *receive; size_t count; void *stream; } part[8];

int ncclGetVersion(int *version) { *version = 22203; return 0; }
const char *ncclGetErrorString(int result) { return result == 4 ? "invalid argument" : "failed"; }

int ncclCommInitAll(struct comm **comms, int n, const int *devices) {
  if (n < 1 || n > 8)
    return 4;
  ranks = n;
  for (int i = 0; i < n; i++) {
    if (devices[i] < 0)
      return 4;
    comms[i] = malloc(sizeof **comms);
    comms[i]->rank = i;
  }
  return 0;
}
int ncclCommDestroy(struct comm *comm) { free(comm); return 0; }
int ncclGroupStart(void) { depth++; queued = 0; return 0; }

int ncclAllReduce(const void *send, void *receive, size_t count, int type, int op, struct comm *comm, void *stream) {
  if (type != 7 || op != 0 || depth != 1 || comm->rank >= ranks)
    return 4;
  part[comm->rank].send = send;
  part[comm->rank].receive = receive;
  part[comm->rank].count = count;
  part[comm->rank].stream = stream;
  queued++;
  return 0;
}

int ncclGroupEnd(void) {
  if (--depth != 0 || queued != ranks)
    return 4;
  size_t n = part[0].count;
  float *sum = calloc(n, sizeof *sum), *one = malloc(n * sizeof *one);
  int failed = 0;
  for (int i = 0; i < ranks; i++) {
    failed |= hipStreamSynchronize(part[i].stream) | hipMemcpy(one, part[i].send, n * sizeof *one, 4);
    for (size_t k = 0; k < n; k++)
#ifdef WRONG
      if (i < ranks - 1 || k < n - 1 || n <= 8192)
#endif
        sum[k] += one[k];
  }
  for (int i = 0; i < ranks; i++)
    failed |= hipMemcpy(part[i].receive, sum, n * sizeof *sum, 4);
  free(sum);
  free(one);
  return failed ? 1 : 0;
}
