// libllama-spec: see spec.h. The rest of the library are files of llama.cpp's
// common folder; what they log comes through here.
#include "spec.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <exception>
#include <memory>
#include <vector>

#include "common.h"
#include "log.h"
#include "speculative.h"

// --- the log of llama.cpp's common folder, without its thread and its files ---

static ceil_spec_log log_to;

int common_log_get_verbosity_thold() {
    return LOG_LEVEL_INFO;
}

common_log * common_log_main() {
    return nullptr;
}

void common_log_add(common_log *, ggml_log_level level, const char * format, ...) {
    char    text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_to(level, text, nullptr);
}

// --- a drafter ---

// sequence is what has been read of one.
struct sequence {
    llama_tokens tokens;   // all but the last
    llama_token  last = 0; // sampled, not computed yet
    llama_tokens proposed;
};

struct ceil_drafter {
    std::unique_ptr<common_speculative, common_speculative_deleter> spec;
    llama_context *       draft;
    int32_t               n_vocab; // the target's
    std::vector<sequence> seqs;
};

// guarded turns what is thrown into false.
template <typename F> static bool guarded(const char * what, F f) {
    try {
        return f();
    } catch (const std::exception & e) {
        common_log_add(nullptr, GGML_LOG_LEVEL_ERROR, "%s: %s\n", what, e.what());
    } catch (...) {
        common_log_add(nullptr, GGML_LOG_LEVEL_ERROR, "%s: unknown exception\n", what);
    }
    return false;
}

// params_of leaves the lengths of n-grams as llama.cpp has them. A proposal of
// its n-gram kinds is cut to what an ask wants, and is never shorter than an
// n-gram: a smaller max must not make their m-grams shorter.
static common_params_speculative params_of(const ceil_drafting & how, llama_context * target, llama_context * draft) {
    common_params_speculative p;
    p.types         = { common_speculative_type_from_name(how.kind) };
    p.draft.n_max   = how.max;
    p.draft.n_min   = how.min;
    p.draft.p_min   = how.p_min;
    p.draft.ctx_tgt = target;
    p.draft.ctx_dft = draft;
    p.ngram_mod.n_max = how.max;
    p.ngram_mod.n_min = how.min;
    for (auto * map : { &p.ngram_simple, &p.ngram_map_k, &p.ngram_map_k4v }) {
        map->size_m = (uint16_t) std::max<int32_t>(map->size_m, how.max);
    }
    return p;
}

static ceil_drafter * open(const ceil_drafting * how, llama_context * target, llama_context * draft, int32_t n_seq) {
    std::unique_ptr<ceil_drafter> d;
    guarded("speculation", [&] {
        d.reset(new ceil_drafter{});
        auto params = params_of(*how, target, draft);
        d->spec.reset(common_speculative_init(params, (uint32_t) n_seq));
        d->draft   = draft;
        d->n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(target)));
        d->seqs.resize((size_t) n_seq);
        return true;
    });
    return d && d->spec ? d.release() : nullptr;
}

static void close(ceil_drafter * d) {
    guarded("speculation", [&] {
        delete d;
        return true;
    });
}

static bool begin(ceil_drafter * d, int32_t seq, const int32_t * prompt, int32_t n, int32_t first) {
    return guarded("beginning to draft", [&] {
        sequence & s = d->seqs.at((size_t) seq);
        s.tokens.assign(prompt, prompt + n);
        s.last = first;
        common_speculative_begin(d->spec.get(), seq, s.tokens);
        return true;
    });
}

static bool process(ceil_drafter * d, const llama_batch * batch) {
    return guarded("computing the batch for drafts", [&] { return common_speculative_process(d->spec.get(), *batch); });
}

// give hands over the tokens that the target knows: its vocabulary may be a few
// tokens smaller than a draft model's.
static void give(const ceil_drafter & d, const sequence & s, ceil_ask & a) {
    a.n = 0;
    for (llama_token id : s.proposed) {
        if (a.n == a.max || id < 0 || id >= d.n_vocab) {
            return;
        }
        a.tokens[a.n++] = id;
    }
}

static bool draft(ceil_drafter * d, ceil_ask * asks, int32_t n) {
    return guarded("drafting", [&] {
        for (int32_t i = 0; i < n; i++) {
            ceil_ask & a = asks[i];
            sequence & s = d->seqs.at((size_t) a.seq);
            s.proposed.clear();
            auto & p   = common_speculative_get_draft_params(d->spec.get(), a.seq);
            p.drafting = true;
            p.n_max    = a.max;
            p.pos0     = a.pos;
            p.id_last  = a.last;
            p.prompt   = &s.tokens;
            p.result   = &s.proposed;
        }
        common_speculative_draft(d->spec.get());
        for (int32_t i = 0; i < n; i++) {
            ceil_ask & a = asks[i];
            give(*d, d->seqs[(size_t) a.seq], a);
            // The draft model computes the step's batch again, drafts and all.
            if (d->draft && !llama_memory_seq_rm(llama_get_memory(d->draft), a.seq, a.pos, -1)) {
                return false;
            }
        }
        return true;
    });
}

static bool accept(ceil_drafter * d, int32_t seq, int32_t drafted, const int32_t * tokens, int32_t n) {
    return guarded("accepting drafts", [&] {
        sequence & s = d->seqs.at((size_t) seq);
        s.tokens.push_back(s.last);
        s.tokens.insert(s.tokens.end(), tokens, tokens + n - 1);
        s.last = tokens[n - 1];
        if (drafted > 0) {
            common_speculative_accept(d->spec.get(), seq, (uint16_t) (n - 1));
        }
        return true;
    });
}

__attribute__((visibility("default"))) const ceil_speculation * ceil_speculation_open(ceil_spec_log log) {
    static const ceil_speculation functions = { open, close, begin, process, draft, accept };
    log_to = log;
    return &functions;
}
