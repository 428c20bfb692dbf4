#include "shim.h"

#include <cstdio>

// A header of llama.cpp's own that another source may not have; without it the
// answer is that nothing is known.
#if __has_include("llama-ext.h")
#include "llama-ext.h"

// device_of is the device that a buffer type's memory lies on. The host's
// pinned buffers belong to a GPU's back end and lie in the machine's memory.
static ggml_backend_dev_t device_of(ggml_backend_buffer_type_t type) {
    if (ggml_backend_buft_is_host(type)) {
        return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    }
    return ggml_backend_buft_get_device(type);
}

// list adds what a context takes, and its model where that is not counted already.
static int32_t list(struct llama_context * ctx, bool model, struct ceil_memory * out, int32_t n, int32_t max) {
    for (const auto & [type, used] : llama_get_memory_breakdown(ctx)) {
        if (n == max) {
            break;
        }
        ggml_backend_dev_t d = device_of(type);
        snprintf(out[n].device, sizeof(out[n].device), "%s", d ? ggml_backend_dev_name(d) : "");
        snprintf(out[n].buffer, sizeof(out[n].buffer), "%s", ggml_backend_buft_name(type));
        out[n].model   = model ? used.model : 0;
        out[n].context = used.context;
        out[n].compute = used.compute;
        n++;
    }
    return n;
}

int32_t ceil_session_memory(struct ceil_session * s, struct ceil_memory * out, int32_t max) {
    bool                   own;
    struct llama_context * draft = ceil_session_draft(s, &own);
    int32_t                n     = list(ceil_session_context(s), true, out, 0, max);
    return draft ? list(draft, own, out, n, max) : n;
}

#else

int32_t ceil_session_memory(struct ceil_session *, struct ceil_memory *, int32_t) {
    return -1;
}

#endif
