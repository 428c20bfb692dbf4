// The library's log, and its last words.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ggml-backend.h"

// Implemented in Go.
extern void ceilAbort(char * message);

// kept holds the first lines of one kind since ceil_log_reset.
struct kept {
    char   text[CEIL_KEPT_BYTES];
    size_t len;
};

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *          log_file;
static struct kept     log_kept[CEIL_KINDS];
static enum ggml_log_level log_level; // of the last line: GGML_LOG_LEVEL_CONT continues it
static struct ceil_captures captures;

static void keep(struct kept * k, const char * text) {
    size_t n = strlen(text);
    if (n > sizeof(k->text) - k->len) {
        n = sizeof(k->text) - k->len;
    }
    memcpy(k->text + k->len, text, n);
    k->len += n;
}

// count counts what the CUDA back end, and HIP's, which is the same source, says
// of captured graphs. false: the line comes with every graph, and is counted only.
static bool count(const char * text) {
    bool every = strncmp(text, "CUDA Graph id ", 14) == 0;
    captures.told     |= every || strstr(text, "CUDA graph") != NULL;
    captures.captured += strstr(text, "CUDA graph warmup complete") != NULL;
    captures.dropped  += strstr(text, "CUDA graph warmup reset") != NULL;
    return !every;
}

// is_fact tells whether a line says where layers went, or which of two ways of
// computing the library has chosen.
static bool is_fact(const char * text) {
    return strstr(text, " assigned to device ") || strncmp(text, "resolve_fused_ops: ", 19) == 0;
}

void ceil_log_line(enum ggml_log_level level, const char * text, void * unused) {
    (void) unused;
    pthread_mutex_lock(&log_lock);
    if (level != GGML_LOG_LEVEL_CONT) {
        log_level = level;
    }
    if (count(text) && log_file) {
        fputs(text, log_file);
        if (log_level >= GGML_LOG_LEVEL_WARN) {
            fflush(log_file); // the process may abort next
        }
    }
    if (log_level == GGML_LOG_LEVEL_ERROR) {
        keep(&log_kept[CEIL_ERRORS], text);
    } else if (log_level == GGML_LOG_LEVEL_WARN) {
        keep(&log_kept[CEIL_WARNINGS], text);
    }
    if (is_fact(text)) {
        keep(&log_kept[CEIL_FACTS], text);
    }
    pthread_mutex_unlock(&log_lock);
}

// ggml calls this before it aborts the process, on whatever thread met the
// fault: the last chance to keep what is finished. Go does that where somebody
// has asked for it, and then does not return.
static void on_abort(const char * message) {
    pthread_mutex_lock(&log_lock);
    if (log_file) {
        fprintf(log_file, "ggml aborted: %s\n", message);
        fflush(log_file);
    }
    pthread_mutex_unlock(&log_lock);
    ceilAbort((char *) message);
    fprintf(stderr, "ceiling: the engine aborted the process: %s\n", message);
}

int ceil_log_open(const char * path) {
    FILE * f = NULL;
    if (path) {
        f = fopen(path, "ae");
        if (!f) {
            return errno;
        }
    }
    pthread_mutex_lock(&log_lock);
    if (log_file) {
        fclose(log_file);
    }
    log_file = f;
    pthread_mutex_unlock(&log_lock);
    llama_log_set(ceil_log_line, NULL);
    ggml_set_abort_callback(on_abort);
    return 0;
}

size_t ceil_log_kept(enum ceil_kind kind, char * out, size_t size) {
    pthread_mutex_lock(&log_lock);
    const struct kept * k = &log_kept[kind];
    size_t n = k->len < size ? k->len : size;
    memcpy(out, k->text, n);
    pthread_mutex_unlock(&log_lock);
    return n;
}

void ceil_log_reset(void) {
    pthread_mutex_lock(&log_lock);
    for (int kind = 0; kind < CEIL_KINDS; kind++) {
        log_kept[kind].len = 0;
    }
    pthread_mutex_unlock(&log_lock);
}

struct ceil_captures ceil_log_captures(void) {
    pthread_mutex_lock(&log_lock);
    struct ceil_captures c = captures;
    pthread_mutex_unlock(&log_lock);
    return c;
}
