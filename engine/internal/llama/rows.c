// The argmax of several rows at once, on a few threads.
//
// They sleep between steps. The thread that asks works too and waits only for
// rows that are begun, so a helper that wakes late costs nothing.
#define _GNU_SOURCE
#include "shim.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

// ENOUGH values keep a thread busy for longer than it takes to wake another.
enum { MAX_HELPERS = 7, ENOUGH = 1 << 18 };

struct ceil_rows {
    pthread_mutex_t       lock; // of all that follows
    pthread_cond_t        work, done;
    const float * const * row;
    int32_t *             out;
    int32_t               n;    // values in a row
    int32_t               next; // the first row that nobody has begun
    int32_t               rows;
    int32_t               busy; // rows that are begun
    bool                  quit;
    int                   helpers;
    pthread_t             thread[MAX_HELPERS];
};

// take works on rows until all are begun. Called and left with the lock held.
static void take(struct ceil_rows * r) {
    while (r->next < r->rows) {
        int32_t i = r->next++;
        r->busy++;
        pthread_mutex_unlock(&r->lock);
        int32_t id = ceil_argmax(r->row[i], r->n);
        pthread_mutex_lock(&r->lock);
        r->out[i] = id;
        if (--r->busy == 0 && r->next == r->rows) {
            pthread_cond_signal(&r->done);
        }
    }
}

static void * help(void * arg) {
    struct ceil_rows * r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->quit) {
        take(r);
        pthread_cond_wait(&r->work, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

struct ceil_rows * ceil_rows_new(int threads) {
    struct ceil_rows * r = calloc(1, sizeof(*r));
    if (!r) {
        return NULL;
    }
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    pthread_cond_init(&r->done, NULL);
    // Go's signals are for Go's threads.
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (r->helpers < threads - 1 && r->helpers < MAX_HELPERS &&
           pthread_create(&r->thread[r->helpers], NULL, help, r) == 0) {
        r->helpers++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r;
}

void ceil_rows_free(struct ceil_rows * r) {
    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->quit = true;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->helpers; i++) {
        pthread_join(r->thread[i], NULL);
    }
    pthread_cond_destroy(&r->work);
    pthread_cond_destroy(&r->done);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void ceil_rows_argmax(struct ceil_rows * r, const float * const * row, int32_t rows, int32_t n, int32_t * out) {
    pthread_mutex_lock(&r->lock);
    r->row  = row;
    r->out  = out;
    r->n    = n;
    r->rows = rows;
    r->next = 0;
    for (int64_t i = 1; i <= r->helpers && i < rows && (i + 1) * ENOUGH <= (int64_t) rows * n; i++) {
        pthread_cond_signal(&r->work);
    }
    take(r);
    while (r->busy > 0) {
        pthread_cond_wait(&r->done, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
}
