// The CPU's probes: loops of loads, multiplications and additions whose results
// are known, run by pinned threads that start together.
#ifndef CEILING_PROBE_H
#define CEILING_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A kernel works through rounds of its work and returns a checksum.
//
// Of a reader, the data are 64-bit words: the checksum is the sum of all n words,
// modulo 2^64, times rounds.
//
// Of an arithmetic kernel they are its operands, n bytes (see arith.go of package
// cpu): the checksum is the sum of its accumulators' lanes, of integers modulo 2^32.
//
// Of block products they are rows of weights and tokens of activations, n bytes
// (see block.h): the checksum is the sum of all products, times rounds.
typedef uint64_t (*probe_kernel)(const void * data, size_t n, uint64_t rounds);

// probe_find returns the kernel of that name, NULL where this build has none.
probe_kernel probe_find(const char * name);

// What one thread does, and what came of it. Times in seconds.
struct probe_thread {
    int          cpu; // to be pinned to
    const void * data;
    size_t       n;
    uint64_t     sum;      // checksum
    double       start;    // on the monotonic clock
    double       end;
    double       cpu_time; // that it got between the two
    double       clock_hz; // right behind, 0 where it is not known
    bool         pinned;
};

// probe_run runs a kernel on all threads at once. 0, or errno.
int probe_run(probe_kernel kernel, struct probe_thread * threads, int n, uint64_t rounds);

// probe_map returns zeroed memory in large pages where the system has them, NULL
// for none.
void * probe_map(size_t bytes);
void   probe_unmap(void * p, size_t bytes);

#endif
