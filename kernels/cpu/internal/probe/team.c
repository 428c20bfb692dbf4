// Threads that are pinned, start together and are timed.
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

struct team {
    probe_kernel kernel;
    uint64_t     rounds;
    int          n;
    atomic_int   ready;
    atomic_bool  call_off;
};

struct member {
    struct team *         team;
    struct probe_thread * t;
};

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

// clock_hz times a chain of multiplications that each wait for the one before: 3
// cycles each, 32 bits wide, on every x86-64 CPU since 2008.
static double clock_hz(void) {
#if defined(__x86_64__)
    enum { LINKS = 10, TURNS = 4000, CYCLES = 3 };
    uint32_t x = 3;
    double   start = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < TURNS; i++) {
        __asm__ volatile(
            "imul %0, %0\n imul %0, %0\n imul %0, %0\n imul %0, %0\n imul %0, %0\n"
            "imul %0, %0\n imul %0, %0\n imul %0, %0\n imul %0, %0\n imul %0, %0\n" : "+r"(x) : : "cc");
    }
    return (double) LINKS * TURNS * CYCLES / (seconds(CLOCK_MONOTONIC) - start);
#else
    return 0;
#endif
}

static bool pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu < 0 || cpu >= CPU_SETSIZE) {
        return false;
    }
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0;
}

static void * work(void * arg) {
    struct member *       m = arg;
    struct team *         team = m->team;
    struct probe_thread * t = m->t;
    t->pinned = pin(t->cpu);
    atomic_fetch_add(&team->ready, 1);
    while (atomic_load(&team->ready) < team->n) {
        if (atomic_load(&team->call_off)) {
            return NULL;
        }
        sched_yield();
    }
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    t->start = seconds(CLOCK_MONOTONIC);
    t->sum = team->kernel(t->data, t->n, team->rounds);
    t->end = seconds(CLOCK_MONOTONIC);
    t->cpu_time = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    t->clock_hz = clock_hz();
    return NULL;
}

int probe_run(probe_kernel kernel, struct probe_thread * threads, int n, uint64_t rounds) {
    struct team     team = { .kernel = kernel, .rounds = rounds, .n = n };
    struct member * members = calloc((size_t) n, sizeof(*members));
    pthread_t *     ids = calloc((size_t) n, sizeof(*ids));
    int             started = 0, rc = members && ids ? 0 : ENOMEM;
    // Go's signals are for Go's threads.
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (; rc == 0 && started < n; started++) {
        members[started] = (struct member) { &team, &threads[started] };
        rc = pthread_create(&ids[started], NULL, work, &members[started]);
        if (rc != 0) {
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    atomic_store(&team.call_off, rc != 0);
    for (int i = 0; i < started; i++) {
        pthread_join(ids[i], NULL);
    }
    free(members);
    free(ids);
    return rc;
}

void * probe_map(size_t bytes) {
    void * p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

void probe_unmap(void * p, size_t bytes) { munmap(p, bytes); }
