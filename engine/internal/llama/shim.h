// The whole C boundary of ceiling: a thin layer over llama.h that turns the
// batch of one step into one call, and keeps C memory owned by C.
#ifndef CEILING_SHIM_H
#define CEILING_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#include "llama.h"
#include "spec.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- process.c: threads, time, memory ---

// ceil_restore_timer_slack gives the calling thread the timer slack that the
// process was started with. Called on the first thread when the monitor has
// started, and at each way into the library.
void ceil_restore_timer_slack(void);

// ceil_sleep blocks the calling thread for ns nanoseconds, to the kernel's
// best precision.
void ceil_sleep(int64_t ns);

// ceil_crash_output sets the file descriptor that gets a line when a thread that
// Go does not know calls abort; -1: none.
void ceil_crash_output(int fd);

// ceil_give_back returns freed memory to the system. glibc keeps tens of MiB of
// freed compute buffers otherwise, which a report would show as in use.
void ceil_give_back(void);

// --- devices.c, log.c ---

// ceil_library_dir writes the folder that holds libllama, where the back ends
// lie too. Returns false where it is not known or does not fit.
bool ceil_library_dir(char * out, size_t size);

// ceil_log_open sends the library's log to a file (append), or to nowhere
// with path NULL. Returns 0 or errno.
int ceil_log_open(const char * path);

// ceil_log_kept copies the lines of a kind logged since the last call of
// ceil_log_reset, oldest first, separated by '\n'. Returns bytes written.
enum ceil_kind {
    CEIL_ERRORS,
    CEIL_WARNINGS,
    CEIL_FACTS, // where layers went, which way of computing was chosen
    CEIL_KINDS
};
#define CEIL_KEPT_BYTES 16384 // at most; a model of 200 layers has 13,000 of facts
size_t ceil_log_kept(enum ceil_kind kind, char * out, size_t size);
void   ceil_log_reset(void);

// ceil_log_captures is what back ends have said of captured graphs since the
// process began.
struct ceil_captures {
    bool     told; // some back end has said a word of them
    uint64_t captured, dropped;
};
struct ceil_captures ceil_log_captures(void);

// ceil_log_line takes one line of the log. Exported for its test.
void ceil_log_line(enum ggml_log_level level, const char * text, void * unused);

// ceil_load_backends initialises the library with the back ends that lie in dir.
void ceil_load_backends(const char * dir);

struct ceil_device {
    char     name[128];
    char     description[256];
    char     id[64]; // PCI bus id, or ""
    char     backend[64];
    bool     split_rows; // can hold a part of a tensor's rows (split mode row)
    int32_t  type;   // enum ggml_backend_dev_type
    uint64_t memory_free, memory_total; // bytes
};
size_t ceil_device_count(void);
void   ceil_device_at(size_t i, struct ceil_device * out);

// ceil_backend_name writes the i-th back end's name; false past the last one.
bool ceil_backend_name(size_t i, char * out, size_t size);
// ceil_backend_devices is the number of its devices.
size_t ceil_backend_devices(size_t i);

// ceil_library_fault tries to load a shared library, and writes why it can't
// be loaded. false: it can.
bool ceil_library_fault(const char * path, char * out, size_t size);

// ceil_add_rpc makes the devices of a ggml-rpc-server known. false: no RPC
// back end, or the server does not answer.
bool ceil_add_rpc(const char * endpoint);

// --- model.c ---

struct ceil_load {
    const char *  path;
    int32_t       gpu_layers;   // < 0: all
    int32_t       split_mode;   // enum llama_split_mode
    int32_t       load_mode;    // enum llama_load_mode
    int32_t       main_gpu;
    const char *  devices;      // '\n'-separated names; NULL: all GPUs
    const float * tensor_split; // n_tensor_split shares, or NULL
    int32_t       n_tensor_split;
    bool          cpu_only;
    bool          check_tensors;
    bool          vocab_only;   // no weights
    bool          heads;        // layers that predict further tokens (MTP)
    bool          no_alloc;     // read the metadata and only add up what buffers would take
    uintptr_t     progress;     // handle passed to ceilProgress; 0: none
};
struct llama_model * ceil_model_load(const struct ceil_load * l);
void                 ceil_model_free(struct llama_model * model);

// --- session.c, order.c, step.c, argmax.c, graphs.c, memory.cpp ---

struct ceil_session; // opaque: context, batch arrays, samplers

struct ceil_open {
    uint32_t n_ctx, n_batch, n_ubatch, n_seq_max;
    uint32_t n_outputs_max; // rows of logits a step may ask for: the buffer is n_outputs_max × vocabulary
    uint32_t n_outputs_per_seq; // of one sequence at most; 0: as many
    uint32_t n_rollback; // steps that a recurrent state can go back by
    int32_t  n_threads, n_threads_batch;
    int32_t  n_threads_argmax; // of rows of logits on the host
    int32_t  flash_attn; // enum llama_flash_attn_type
    int32_t  type_k, type_v; // enum ggml_type
    bool     kv_unified;
    bool     swa_full;    // layers with a sliding window keep all positions
    bool     offload_kqv;
    bool     backend_greedy; // attach a greedy sampler to every sequence
    bool     time_ops;       // compute node by node, and time each

    struct ceil_drafting drafting; // kind NULL: nothing is drafted
    struct llama_model * draft;    // the draft model, of kinds that have one
    bool                 mtp;      // the model's own head drafts
    bool                 plan;     // only the contexts, to see what they take
};
struct ceil_session * ceil_session_open(struct llama_model * model, const struct ceil_open * o);
void                  ceil_session_free(struct ceil_session * s);
struct llama_context * ceil_session_context(const struct ceil_session * s);
// ceil_session_draft is the draft side's context, NULL where there is none; own
// says whether it is of a model of its own.
struct llama_context * ceil_session_draft(const struct ceil_session * s, bool * own);

// ceil_session_memory writes what the session, its model and its draft model take by
// buffer type, with the device that it lies on, in bytes. Returns the number of
// entries, or -1 where the library does not tell.
struct ceil_memory {
    char     device[128], buffer[128];
    uint64_t model, context, compute;
};
int32_t ceil_session_memory(struct ceil_session * s, struct ceil_memory * out, int32_t max);

// ceil_counts is kept by a session, and read without a call.
struct ceil_counts {
    uint64_t graphs;          // compute graphs that the last decode became; 0: not known
    uint32_t nodes;           // of the session's first graph that compute something; 0: not known
    uint64_t backend, argmax; // tokens that ceil_step took from the back end's sampler and from ceil_argmax
    uint64_t drafting_ns;     // of the last ceil_step, what the draft side took
};
const struct ceil_counts * ceil_session_counts(const struct ceil_session * s);

// ceil_tally is what the libraries have done on this thread.
struct ceil_tally {
    uint64_t graphs;  // compute graphs run
    uint64_t splits;  // parts that those were cut into, each for one device
    uint64_t plans;   // times that a graph's tensors were given their places in the buffers anew
    uint64_t buffers; // buffers of any kind allocated
};
const struct ceil_tally * ceil_tally(void);
// ceil_count_nodes has the nodes of the thread's next graph counted.
void ceil_count_nodes(uint32_t * to);
// ceil_computes tells whether a node computes something, and is no mere view.
bool ceil_computes(const struct ggml_tensor * t);

// ceil_step decodes n tokens and writes one greedily sampled id for each
// want[i] != 0 into out, in batch order. It returns when the device is done.
// Returns llama_decode's code, CEIL_NO_LOGITS where the library gave no logits,
// CEIL_NAN_LOGITS where one of a row is NaN, CEIL_BAD_TOKEN where the back
// end's sampler gave no id of the vocabulary, or CEIL_NO_DRAFTS where the draft
// side could not compute the batch.
#define CEIL_NO_LOGITS   (-1000)
#define CEIL_NAN_LOGITS  (-1001)
#define CEIL_BAD_TOKEN   (-1003)
#define CEIL_FLAT_LOGITS (-1004)
#define CEIL_NO_DRAFTS   (-1005)
int32_t ceil_step(struct ceil_session * s, int32_t n, const int32_t * token, const int32_t * pos,
                  const int32_t * seq, const int8_t * want, int32_t * out);

// ceil_decode is ceil_step without the sampling, for text by a sampler. More
// tokens than the session takes at once are refused with code -1.
int32_t ceil_decode(struct ceil_session * s, int32_t n, const int32_t * token, const int32_t * pos,
                    const int32_t * seq, const int8_t * want);

// ceil_order says where a batch's tokens go for the library: token i of sequence
// seq[i] becomes token at[i]. seen is the caller's, one number a sequence, and
// decode differs from call to call. false: a sequence beyond n_seq. Exported for
// its test.
bool ceil_order(int32_t n, const int32_t * seq, int32_t n_seq, uint32_t decode, uint32_t * seen, int32_t * at);

// ceil_logits returns the logits of batch position i of the last ceil_decode,
// NULL where that did not ask for them.
const float * ceil_logits(const struct ceil_session * s, int32_t i);

// ceil_sampled returns what the back end sampled at batch position i, or
// CEIL_BAD_TOKEN. Exported for its test.
int32_t ceil_sampled(struct ceil_session * s, int32_t i);

// ceil_settle lets the back end keep the first sequence's logits too, which it
// copies to the host until then. The next step makes the library reserve anew.
void ceil_settle(struct ceil_session * s);

// ceil_check_logits looks, on the host, at what ceil_step sampled batch position
// i from. Where the back end samples, that is the first sequence's before
// ceil_settle. 0: good; CEIL_NO_LOGITS, CEIL_NAN_LOGITS where one is no finite
// number, CEIL_FLAT_LOGITS where all are equal.
int32_t ceil_check_logits(struct ceil_session * s, int32_t i);

// ceil_session_abort makes a running step end early where the back end can.
void ceil_session_abort(struct ceil_session * s, bool on);

// ceil_argmax returns the index of the first largest of n floats, -1 where one
// of them is NaN. Vectorised; exported for its test.
int32_t ceil_argmax(const float * x, int32_t n);

// --- spec.c ---

// ceil_spec_fault says why this build can't draft; NULL: it can.
const char * ceil_spec_fault(void);

// These are for a session that drafts; see struct ceil_speculation.
bool ceil_draft_begin(struct ceil_session * s, int32_t seq, const int32_t * prompt, int32_t n, int32_t first);
bool ceil_draft_accept(struct ceil_session * s, int32_t seq, int32_t drafted, const int32_t * tokens, int32_t n);
// ceil_draft answers n asks, at most one a sequence: count[i] tokens each, at
// tokens + max[0] + … + max[i-1]. Returns 0, 2 where it was aborted, or CEIL_NO_DRAFTS.
int32_t ceil_draft(struct ceil_session * s, int32_t n, const int32_t * seq, const int32_t * last, const int32_t * pos,
                   const int32_t * max, int32_t * count, int32_t * tokens);

// ceil_check_draft is ceil_check_logits of the draft model's last row; 0 without one.
int32_t ceil_check_draft(struct ceil_session * s);

// These hold for the draft side's context as well: positions in [from, to), to < 0:
// to the end.
bool ceil_seq_rm(struct ceil_session * s, int32_t seq, int32_t from, int32_t to);
void ceil_seq_cp(struct ceil_session * s, int32_t src, int32_t dst, int32_t from, int32_t to);
void ceil_clear(struct ceil_session * s);

// --- ops.c ---

// ceil_op is one node of the last decode's graphs, computed by itself.
struct ceil_op {
    char     op[32], name[64], type[16]; // "MUL_MAT", "ffn_down-3", of the weights: "q4_0"
    char     device[64];                 // that its result lies on
    int64_t  ne[4];                      // of the result
    int64_t  inner;                      // length of the sums of a MUL_MAT; 0: none
    double   seconds;
    uint64_t bytes;      // that it must read and write
    uint64_t operations; // that it must make
};
// ceil_ops returns the nodes of the last decode of a session that times them.
const struct ceil_op * ceil_ops(const struct ceil_session * s, size_t * n);

// ceil_time_ops makes a context compute node by node for the session.
void ceil_time_ops(struct ceil_session * s, struct llama_context_params * p);
void ceil_forget_ops(struct ceil_session * s);
void ceil_free_ops(struct ceil_session * s);

// --- chain.c ---

// ceil_chain computes a graph of n nodes on the CPU back end's threads, each of
// which adds 1 to the one before, and writes the seconds that it took and the
// number that it ended with. false: the back end could not.
bool ceil_chain(int32_t threads, int32_t n, double * seconds, float * end);

// ceil_cpu_feature writes the i-th instruction set that the CPU back end uses;
// false past the last one.
bool ceil_cpu_feature(size_t i, char * out, size_t size);

// --- rows.c ---

// ceil_rows is up to so many threads that take the argmax of rows together, the
// caller's counted. NULL: no memory.
struct ceil_rows;
struct ceil_rows * ceil_rows_new(int threads);
void               ceil_rows_free(struct ceil_rows * r);
// ceil_rows_argmax writes ceil_argmax of each row of n floats into out.
void ceil_rows_argmax(struct ceil_rows * r, const float * const * row, int32_t rows, int32_t n, int32_t * out);

// --- sampler.c ---

struct ceil_sampling {
    float        temperature; // <= 0: greedy
    int32_t      top_k;       // <= 0: off
    float        top_p;       // >= 1: off
    float        min_p;       // <= 0: off
    uint32_t     seed;
    const char * grammar;     // GBNF with the rule "root"; NULL: none
};
struct ceil_sampler;
// ceil_sampler_new returns NULL where the grammar does not parse.
struct ceil_sampler * ceil_sampler_new(const struct llama_vocab * vocab, const struct ceil_sampling * p);
void                  ceil_sampler_free(struct ceil_sampler * s);

// ceil_sampler_draw draws a token from a vocabulary's logits and remembers that
// it was taken: grammar, top-k, top-p, min-p, temperature, draw. Returns its id,
// CEIL_NAN_LOGITS, or CEIL_NO_TOKEN where no token may follow.
#define CEIL_NO_TOKEN (-1002)
int32_t ceil_sampler_draw(struct ceil_sampler * s, const float * logits);
// ceil_sampler_sample draws from batch position i of the last ceil_decode;
// CEIL_NO_LOGITS where that did not ask for any.
int32_t ceil_sampler_sample(struct ceil_sampler * s, const struct ceil_session * from, int32_t i);

#ifdef __cplusplus
}
#endif

#endif
