#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <time.h>

#include "ggml-backend.h"

// Implemented in Go.
extern bool ceilProgress(float progress, uintptr_t handle);
extern void ceilAbort(char * message);

// ---------------------------------------------------------------- threads and time

// Go's monitor thread wakes up to 1000 times a second while the engine
// computes, and each time takes a core from a compute thread: 2 % of the token
// rate where every core computes. It inherits the timer slack of the process's
// first thread, so that thread is given a long one before Go's runtime starts
// and gets its own back from ceil_restore_timer_slack. Other threads may
// inherit the long one too: who has to wake in time uses ceil_sleep.
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

void ceil_sleep(int64_t ns) {
    exact_timers();
    struct timespec left = { .tv_sec = (time_t) (ns / 1000000000), .tv_nsec = (long) (ns % 1000000000) };
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

// ---------------------------------------------------------------- log

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

// ---------------------------------------------------------------- library and devices

static bool copy_text(char * out, size_t size, const char * text) {
    int n = snprintf(out, size, "%s", text ? text : "");
    return n >= 0 && (size_t) n < size;
}

bool ceil_library_dir(char * out, size_t size) {
    Dl_info info;
    if (!dladdr((void *) llama_backend_init, &info) || !info.dli_fname) {
        return false;
    }
    char real[4096];
    if (!realpath(info.dli_fname, real)) {
        return false;
    }
    char * slash = strrchr(real, '/');
    if (!slash) {
        return false;
    }
    *slash = 0;
    return copy_text(out, size, real);
}

size_t ceil_device_count(void) {
    return ggml_backend_dev_count();
}

void ceil_device_at(size_t i, struct ceil_device * out) {
    struct ggml_backend_dev_props p;
    memset(&p, 0, sizeof(p));
    ggml_backend_dev_t d   = ggml_backend_dev_get(i);
    ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(d);
    ggml_backend_dev_get_props(d, &p);
    memset(out, 0, sizeof(*out));
    copy_text(out->backend, sizeof(out->backend), ggml_backend_reg_name(reg));
    out->split_rows = ggml_backend_reg_get_proc_address(reg, "ggml_backend_split_buffer_type") != NULL;
    copy_text(out->name, sizeof(out->name), p.name);
    copy_text(out->description, sizeof(out->description), p.description);
    copy_text(out->id, sizeof(out->id), p.device_id);
    out->type         = p.type;
    out->memory_free  = p.memory_free;
    out->memory_total = p.memory_total;
}

bool ceil_backend_name(size_t i, char * out, size_t size) {
    if (i >= ggml_backend_reg_count()) {
        return false;
    }
    return copy_text(out, size, ggml_backend_reg_name(ggml_backend_reg_get(i)));
}

size_t ceil_backend_devices(size_t i) {
    return ggml_backend_reg_dev_count(ggml_backend_reg_get(i));
}

bool ceil_library_fault(const char * path, char * out, size_t size) {
    void * handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle) {
        dlclose(handle);
        return false;
    }
    const char * why = dlerror();
    copy_text(out, size, why ? why : "unknown reason");
    return true;
}

typedef ggml_backend_reg_t (*add_server_t)(const char *);

bool ceil_add_rpc(const char * endpoint) {
    ggml_backend_reg_t rpc = ggml_backend_reg_by_name("RPC");
    if (!rpc) {
        return false;
    }
    add_server_t add = (add_server_t) ggml_backend_reg_get_proc_address(rpc, "ggml_backend_rpc_add_server");
    if (!add) {
        return false;
    }
    ggml_backend_reg_t reg = add(endpoint);
    if (!reg) {
        return false;
    }
    ggml_backend_register(reg);
    return true;
}

// ---------------------------------------------------------------- model

static bool on_progress(float progress, void * user) {
    return ceilProgress(progress, (uintptr_t) user);
}

#define MAX_DEVICES 64

// select_devices fills a NULL-terminated list from '\n'-separated names. Go
// has checked the names, so an unknown one is a bug and ends the list early.
static void select_devices(const char * names, ggml_backend_dev_t * list) {
    size_t n = 0;
    char   name[256];
    while (names && *names && n < MAX_DEVICES) {
        size_t len = strcspn(names, "\n");
        if (len < sizeof(name)) {
            memcpy(name, names, len);
            name[len] = 0;
            ggml_backend_dev_t d = ggml_backend_dev_by_name(name);
            if (d) {
                list[n++] = d;
            }
        }
        names += len + (names[len] == '\n');
    }
    list[n] = NULL;
}

struct llama_model * ceil_model_load(const struct ceil_load * l) {
    struct llama_model_params p = llama_model_default_params();
    ggml_backend_dev_t devices[MAX_DEVICES + 1] = { NULL };
    float split[MAX_DEVICES] = { 0 };

    if (l->devices) {
        select_devices(l->devices, devices);
        p.devices = devices;
    } else if (l->cpu_only) {
        p.devices = devices; // an empty list: no device but the CPU
    }
    if (l->tensor_split) {
        for (int32_t i = 0; i < l->n_tensor_split && i < MAX_DEVICES; i++) {
            split[i] = l->tensor_split[i];
        }
        p.tensor_split = split;
    }
    p.n_gpu_layers  = l->gpu_layers;
    p.split_mode    = (enum llama_split_mode) l->split_mode;
    p.load_mode     = (enum llama_load_mode) l->load_mode;
    p.main_gpu      = l->main_gpu;
    p.check_tensors = l->check_tensors;
    p.vocab_only    = l->vocab_only;
    p.no_alloc      = l->no_alloc;
    if (l->progress) {
        p.progress_callback           = on_progress;
        p.progress_callback_user_data = (void *) l->progress;
    }
    return llama_model_load_from_file(l->path, p);
}

// ---------------------------------------------------------------- session

struct ceil_session {
    struct llama_context *  ctx;
    int32_t                 n_batch, n_seq, n_vocab;
    int32_t *               n_seq_id; // all 1
    llama_seq_id *          seq;      // one id per token
    llama_seq_id **         seq_id;   // seq_id[i] = &seq[i]
    struct llama_sampler ** greedy;   // one chain per sequence, or NULL
    struct ceil_counts      counts;
    atomic_bool             abort;
};

static bool want_abort(void * user) {
    return atomic_load_explicit(&((struct ceil_session *) user)->abort, memory_order_relaxed);
}

static bool alloc_batch(struct ceil_session * s) {
    s->n_seq_id = malloc(sizeof(*s->n_seq_id) * s->n_batch);
    s->seq      = malloc(sizeof(*s->seq) * s->n_batch);
    s->seq_id   = malloc(sizeof(*s->seq_id) * s->n_batch);
    if (!s->n_seq_id || !s->seq || !s->seq_id) {
        return false;
    }
    for (int32_t i = 0; i < s->n_batch; i++) {
        s->n_seq_id[i] = 1;
        s->seq_id[i]   = &s->seq[i];
    }
    return true;
}

// make_greedy makes a greedy chain for every sequence, to run in the graph so
// that the logits stay on the device. The context takes them at its creation:
// set later, they would cost a new reservation inside the first timed step.
static struct llama_sampler_seq_config * make_greedy(struct ceil_session * s) {
    struct llama_sampler_seq_config * list = calloc(s->n_seq, sizeof(*list));
    s->greedy = calloc(s->n_seq, sizeof(*s->greedy));
    if (!list || !s->greedy) {
        free(list);
        return NULL;
    }
    for (int32_t i = 0; i < s->n_seq; i++) {
        s->greedy[i] = llama_sampler_chain_init(llama_sampler_chain_default_params());
        llama_sampler_chain_add(s->greedy[i], llama_sampler_init_greedy());
        list[i].seq_id  = i;
        list[i].sampler = s->greedy[i];
    }
    return list;
}

struct ceil_session * ceil_session_open(struct llama_model * model, const struct ceil_open * o) {
    struct ceil_session * s = calloc(1, sizeof(*s));
    if (!s) {
        return NULL;
    }
    struct llama_context_params p = llama_context_default_params();
    p.n_ctx               = o->n_ctx;
    p.n_batch             = o->n_batch;
    p.n_ubatch            = o->n_ubatch;
    p.n_seq_max           = o->n_seq_max;
    p.n_outputs_max       = o->n_outputs_max;
    p.n_threads           = o->n_threads;
    p.n_threads_batch     = o->n_threads_batch;
    p.flash_attn_type     = (enum llama_flash_attn_type) o->flash_attn;
    p.type_k              = (enum ggml_type) o->type_k;
    p.type_v              = (enum ggml_type) o->type_v;
    p.kv_unified          = o->kv_unified;
    p.offload_kqv         = o->offload_kqv;
    p.no_perf             = true;
    p.abort_callback      = want_abort;
    p.abort_callback_data = s;

    s->n_batch = (int32_t) o->n_batch;
    s->n_seq   = (int32_t) o->n_seq_max;
    s->n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
    struct llama_sampler_seq_config * chains = NULL;
    if (o->backend_greedy) {
        chains       = make_greedy(s);
        p.samplers   = chains;
        p.n_samplers = chains ? o->n_seq_max : 0;
    }
    s->ctx = llama_init_from_model(model, p);
    free(chains); // the context has copied the list; the chains live on in s
    if (!s->ctx || !alloc_batch(s)) {
        ceil_session_free(s);
        return NULL;
    }
    return s;
}

// give_back returns freed memory to the system. glibc keeps tens of MiB of
// freed compute buffers otherwise, which a report would show as in use.
static void give_back(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void ceil_model_free(struct llama_model * model) {
    llama_model_free(model);
    give_back();
}

void ceil_session_free(struct ceil_session * s) {
    if (!s) {
        return;
    }
    if (s->ctx) {
        llama_free(s->ctx); // before the samplers that it points to
    }
    for (int32_t i = 0; s->greedy && i < s->n_seq; i++) {
        llama_sampler_free(s->greedy[i]);
    }
    free(s->greedy);
    free(s->n_seq_id);
    free(s->seq);
    free(s->seq_id);
    free(s);
    give_back();
}

struct llama_context * ceil_session_context(const struct ceil_session * s) {
    return s->ctx;
}

const struct ceil_counts * ceil_session_counts(const struct ceil_session * s) {
    return &s->counts;
}

void ceil_session_abort(struct ceil_session * s, bool on) {
    atomic_store(&s->abort, on);
}

int32_t ceil_decode(struct ceil_session * s, int32_t n, const int32_t * token, const int32_t * pos,
                    const int32_t * seq, const int8_t * want) {
    memcpy(s->seq, seq, sizeof(*seq) * (size_t) n);
    struct llama_batch b = {
        .n_tokens = n,
        .token    = (llama_token *) token,
        .pos      = (llama_pos *) pos,
        .n_seq_id = s->n_seq_id,
        .seq_id   = s->seq_id,
        .logits   = (int8_t *) want,
    };
    uint64_t before = ceil_graphs();
    int32_t  rc     = llama_decode(s->ctx, b);
    s->counts.graphs = ceil_graphs() - before;
    // Back ends compute asynchronously. Without this the time of a step that
    // samples nothing would be booked on the next one.
    llama_synchronize(s->ctx);
    return rc;
}

int32_t ceil_step(struct ceil_session * s, int32_t n, const int32_t * token, const int32_t * pos,
                  const int32_t * seq, const int8_t * want, int32_t * out) {
    int32_t rc = ceil_decode(s, n, token, pos, seq, want);
    if (rc != 0) {
        return rc;
    }
    for (int32_t i = 0, k = 0; i < n; i++) {
        if (!want[i]) {
            continue;
        }
        llama_token id = LLAMA_TOKEN_NULL;
        if (s->greedy) {
            id = llama_get_sampled_token_ith(s->ctx, i);
        }
        if (id != LLAMA_TOKEN_NULL) {
            s->counts.backend++;
        } else {
            const float * logits = llama_get_logits_ith(s->ctx, i);
            if (!logits) {
                return CEIL_NO_LOGITS;
            }
            id = ceil_argmax(logits, s->n_vocab);
            if (id < 0) {
                return CEIL_NAN_LOGITS;
            }
            s->counts.argmax++;
        }
        out[k++] = id;
    }
    return 0;
}

// ---------------------------------------------------------------- argmax

// On x86 the loader picks the widest variant that the CPU runs.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CEIL_CLONES __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3", "finite-math-only", "no-signed-zeros")))
#else
#define CEIL_CLONES
#endif

#define LANES 64

// block_max: the largest of n floats, n a multiple of LANES. Independent
// lanes, so that the compiler can keep them in vector registers.
CEIL_CLONES static float block_max(const float * restrict x, int32_t n) {
    float m[LANES];
    for (int j = 0; j < LANES; j++) {
        m[j] = x[j];
    }
    for (int32_t i = LANES; i < n; i += LANES) {
        for (int j = 0; j < LANES; j++) {
            m[j] = x[i + j] > m[j] ? x[i + j] : m[j];
        }
    }
    float best = m[0];
    for (int j = 1; j < LANES; j++) {
        best = m[j] > best ? m[j] : best;
    }
    return best;
}

int32_t ceil_argmax(const float * x, int32_t n) {
    // Blocks small enough for the L1 cache: the winner's block is read twice,
    // every other one once.
    enum { BLOCK = 4096 };
    float   best = -INFINITY;
    int32_t at   = -1;
    for (int32_t i = 0; i < n; i += BLOCK) {
        int32_t len  = n - i < BLOCK ? n - i : BLOCK;
        int32_t even = len - len % LANES;
        float   m    = even ? block_max(x + i, even) : -INFINITY;
        for (int32_t j = even; j < len; j++) {
            m = x[i + j] > m ? x[i + j] : m;
        }
        if (at >= 0 && !(m > best)) {
            continue;
        }
        for (int32_t j = 0; j < len; j++) {
            if (x[i + j] == m) {
                best = m;
                at   = i + j;
                break;
            }
        }
    }
    return at;
}

// ---------------------------------------------------------------- text sampling

struct ceil_sampler {
    struct llama_sampler * chain;   // truncation, temperature, draw
    struct llama_sampler * grammar; // NULL: none
    llama_token_data *     data;    // candidates, room for the vocabulary
    int32_t                n_vocab, top_k;
    float                  top_p, min_p;
    bool                   greedy;
};

static struct llama_sampler * make_chain(const struct ceil_sampling * p) {
    struct llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    if (p->temperature <= 0) {
        llama_sampler_chain_add(chain, llama_sampler_init_greedy());
        return chain;
    }
    if (p->top_k > 0) {
        llama_sampler_chain_add(chain, llama_sampler_init_top_k(p->top_k));
    }
    if (p->top_p < 1) {
        llama_sampler_chain_add(chain, llama_sampler_init_top_p(p->top_p, 1));
    }
    if (p->min_p > 0) {
        llama_sampler_chain_add(chain, llama_sampler_init_min_p(p->min_p, 1));
    }
    llama_sampler_chain_add(chain, llama_sampler_init_temp(p->temperature));
    llama_sampler_chain_add(chain, llama_sampler_init_dist(p->seed));
    return chain;
}

struct ceil_sampler * ceil_sampler_new(const struct llama_vocab * vocab, const struct ceil_sampling * p) {
    struct ceil_sampler * s = calloc(1, sizeof(*s));
    if (!s) {
        return NULL;
    }
    s->n_vocab = llama_vocab_n_tokens(vocab);
    s->top_k   = p->top_k;
    s->top_p   = p->top_p;
    s->min_p   = p->min_p;
    s->greedy  = p->temperature <= 0;
    s->chain   = make_chain(p);
    s->data    = malloc(sizeof(*s->data) * (size_t) s->n_vocab);
    if (p->grammar) {
        s->grammar = llama_sampler_init_grammar(vocab, p->grammar, "root");
    }
    if (!s->data || (p->grammar && !s->grammar)) {
        ceil_sampler_free(s);
        return NULL;
    }
    return s;
}

void ceil_sampler_free(struct ceil_sampler * s) {
    if (!s) {
        return;
    }
    if (s->grammar) {
        llama_sampler_free(s->grammar);
    }
    llama_sampler_free(s->chain);
    free(s->data);
    free(s);
}

// allowed lists the tokens with a logit of at least cut that the grammar
// takes. NaN and -infinity are no candidates.
static llama_token_data_array allowed(struct ceil_sampler * s, const float * logits, float cut) {
    llama_token_data_array a = { .data = s->data, .size = 0, .selected = -1, .sorted = false };
    for (int32_t i = 0; i < s->n_vocab; i++) {
        if (logits[i] >= cut && logits[i] > -INFINITY) {
            a.data[a.size++] = (llama_token_data) { .id = i, .logit = logits[i], .p = 0 };
        }
    }
    if (!s->grammar || a.size == 0) {
        return a;
    }
    llama_sampler_apply(s->grammar, &a);
    size_t n = 0;
    for (size_t i = 0; i < a.size; i++) {
        if (a.data[i].logit > -INFINITY) {
            a.data[n++] = a.data[i];
        }
    }
    a.size = n;
    return a;
}

// settled tells whether no token with a logit below cut could be drawn, given
// those above it that are allowed.
static bool settled(const struct ceil_sampler * s, const llama_token_data_array * a, float cut) {
    if (a->size == 0) {
        return false;
    }
    if (s->greedy || (s->top_k > 0 && a->size >= (size_t) s->top_k)) {
        return true;
    }
    if (s->min_p <= 0 || s->top_p < 1) {
        return false;
    }
    float best = -INFINITY;
    for (size_t i = 0; i < a->size; i++) {
        best = a->data[i].logit > best ? a->data[i].logit : best;
    }
    return cut <= best + logf(s->min_p);
}

int32_t ceil_sampler_draw(struct ceil_sampler * s, const float * logits) {
    // A grammar is slow over a whole vocabulary. It is asked about the likely
    // tokens first, and about all only where those do not settle what the chain
    // behind it would have to choose from: the distribution is the same.
    static const float ranges[] = { 6, 12, INFINITY };
    enum { LAST = sizeof(ranges) / sizeof(ranges[0]) - 1 };
    int32_t top = ceil_argmax(logits, s->n_vocab);
    if (top < 0) {
        return CEIL_NAN_LOGITS;
    }
    for (int r = 0; r <= LAST; r++) {
        float cut = r < LAST ? logits[top] - ranges[r] : -INFINITY;
        llama_token_data_array a = allowed(s, logits, cut);
        if (r < LAST && !settled(s, &a, cut)) {
            continue;
        }
        if (a.size == 0) {
            return CEIL_NO_TOKEN;
        }
        llama_sampler_apply(s->chain, &a);
        if (a.selected < 0 || (size_t) a.selected >= a.size) {
            return CEIL_NO_TOKEN;
        }
        llama_token id = a.data[a.selected].id;
        if (s->grammar) {
            llama_sampler_accept(s->grammar, id);
        }
        llama_sampler_accept(s->chain, id);
        return id;
    }
    return CEIL_NO_TOKEN;
}

int32_t ceil_sampler_sample(struct ceil_sampler * s, const struct ceil_session * from, int32_t i) {
    const float * logits = llama_get_logits_ith(from->ctx, i);
    return logits ? ceil_sampler_draw(s, logits) : CEIL_NO_LOGITS;
}
