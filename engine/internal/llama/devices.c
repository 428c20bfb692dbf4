// Back ends and their devices.
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ggml-backend.h"

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

void ceil_load_backends(const char * dir) {
    ceil_restore_timer_slack();
    ggml_backend_load_all_from_path(dir);
    llama_backend_init();
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
    ceil_restore_timer_slack();
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
