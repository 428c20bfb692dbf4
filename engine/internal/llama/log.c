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

// kept holds the first lines of one level since ceil_log_reset.
struct kept {
    char   text[4096];
    size_t len;
};

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *          log_file;
static struct kept     log_errors, log_warnings;
static enum ggml_log_level log_level; // of the last line: GGML_LOG_LEVEL_CONT continues it

static void keep(struct kept * k, const char * text) {
    size_t n = strlen(text);
    if (n > sizeof(k->text) - k->len) {
        n = sizeof(k->text) - k->len;
    }
    memcpy(k->text + k->len, text, n);
    k->len += n;
}

static void log_line(enum ggml_log_level level, const char * text, void * unused) {
    (void) unused;
    pthread_mutex_lock(&log_lock);
    if (level != GGML_LOG_LEVEL_CONT) {
        log_level = level;
    }
    if (log_file) {
        fputs(text, log_file);
        if (log_level >= GGML_LOG_LEVEL_WARN) {
            fflush(log_file); // the process may abort next
        }
    }
    if (log_level == GGML_LOG_LEVEL_ERROR) {
        keep(&log_errors, text);
    } else if (log_level == GGML_LOG_LEVEL_WARN) {
        keep(&log_warnings, text);
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
    llama_log_set(log_line, NULL);
    ggml_set_abort_callback(on_abort);
    return 0;
}

size_t ceil_log_kept(bool warnings, char * out, size_t size) {
    pthread_mutex_lock(&log_lock);
    const struct kept * k = warnings ? &log_warnings : &log_errors;
    size_t n = k->len < size ? k->len : size;
    memcpy(out, k->text, n);
    pthread_mutex_unlock(&log_lock);
    return n;
}

void ceil_log_reset(void) {
    pthread_mutex_lock(&log_lock);
    log_errors.len   = 0;
    log_warnings.len = 0;
    pthread_mutex_unlock(&log_lock);
}
