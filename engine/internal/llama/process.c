// What this package changes for the whole process: the timer slack of its first
// thread, the size from which malloc maps memory, and what SIGPIPE and SIGABRT do. The
// constructors run before Go's runtime starts.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <time.h>
#include <unistd.h>

// Go's monitor thread wakes up to 1000 times a second while the engine
// computes, and each time takes a core from a compute thread: 2 % of the token
// rate where every core computes. It inherits the timer slack of the process's
// first thread, so that thread is given a long one before Go's runtime starts.
// Threads that the monitor starts inherit it too, and any of them may come to
// drive the engine: each way into the library gives the calling thread, and with
// it all that the library then creates, the process's own slack back. Goroutines
// elsewhere that have to wake in time use ceil_sleep.
#ifdef __linux__
enum { MONITOR_SLACK_NS = 20 * 1000 * 1000 };
static int first_slack_ns;

__attribute__((constructor)) static void slow_monitor(void) {
    first_slack_ns = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    prctl(PR_SET_TIMERSLACK, (unsigned long) MONITOR_SLACK_NS, 0, 0, 0);
}

void ceil_restore_timer_slack(void) {
    if (first_slack_ns > 0) {
        prctl(PR_SET_TIMERSLACK, (unsigned long) first_slack_ns, 0, 0, 0);
    }
}

static void exact_timers(void) {
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
}
#else
void        ceil_restore_timer_slack(void) {}
static void exact_timers(void) {}
#endif

// Every session's buffers are to be fresh pages of their own. By default glibc
// takes the first freed one as a sign to serve such sizes from its heap from
// then on, and the sessions of all scenarios but the first then decode 2 to 3 %
// slower: the order of the scenarios would be in their results. A threshold
// that is set is fixed; one of the user's own stays.
__attribute__((constructor)) static void fix_mmap_threshold(void) {
#ifdef __GLIBC__
    const char * tunables = getenv("GLIBC_TUNABLES");
    if (!getenv("MALLOC_MMAP_THRESHOLD_") && !(tunables && strstr(tunables, "glibc.malloc.mmap_threshold"))) {
        mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    }
#endif
}

// The library's threads write to sockets, and a peer may be gone. Go's handler
// passes a SIGPIPE of such a thread on to what it found when the runtime
// started, which would end the process in silence; ignored, it becomes an
// error of the write. What Go's own writes do is not changed by this.
__attribute__((constructor)) static void ignore_broken_pipes(void) {
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
        signal(SIGPIPE, SIG_IGN);
    }
}

// A library's thread that calls abort ends the process past Go's runtime, which
// hands the signal on to what it found when it started. One line in a file is
// what can still be left then.
static volatile sig_atomic_t crash_fd = -1;

static void leave_word(int sig) {
    static const char word[] = "SIGABRT: a library aborted on a thread of its own, as ROCm's does on a memory fault of a GPU\n";
    ssize_t written  = crash_fd >= 0 ? write(crash_fd, word, sizeof word - 1) : 0;
    (void) written; // there is no other place to say it
    signal(sig, SIG_DFL);
    raise(sig);
}

__attribute__((constructor)) static void notice_aborts(void) {
    struct sigaction now;
    if (sigaction(SIGABRT, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
        signal(SIGABRT, leave_word);
    }
}

void ceil_crash_output(int fd) {
    crash_fd = fd;
}

void ceil_sleep(int64_t ns) {
    exact_timers();
    struct timespec left = { .tv_sec = (time_t) (ns / 1000000000), .tv_nsec = (long) (ns % 1000000000) };
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}


void ceil_give_back(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
