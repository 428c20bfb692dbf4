// Loading a model.
#include "shim.h"

#include <string.h>

#include "ggml-backend.h"

// Implemented in Go.
extern bool ceilProgress(float progress, uintptr_t handle);

static bool on_progress(float progress, void * user) {
    return ceilProgress(progress, (uintptr_t) user);
}

#define MAX_DEVICES 64

// select_devices fills a NULL-terminated list from '\n'-separated names. An
// unknown one is left out; Go has checked that there is none.
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
    ceil_restore_timer_slack();
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
    p.load_mtp      = l->heads;
    if (l->progress) {
        p.progress_callback           = on_progress;
        p.progress_callback_user_data = (void *) l->progress;
    }
    return llama_model_load_from_file(l->path, p);
}


void ceil_model_free(struct llama_model * model) {
    llama_model_free(model);
    ceil_give_back();
}
