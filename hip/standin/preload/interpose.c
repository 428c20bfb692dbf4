// What a program calls on its way to the kernel driver, taken over by name: the
// device files, ioctl, and libdrm_amdgpu. Everything else goes on to the C
// library. The rest is Go (main.go).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "_cgo_export.h"

enum kind { OTHER, KFD, DRM };

#define FILES 4096
static unsigned char kinds[FILES];

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

enum { NOT_OURS = -2 };

// device opens one of the files that stand for the cards: a descriptor, or -1
// and errno.
static int device(const char *path)
{
    enum kind k = strcmp(path, "/dev/kfd") == 0 ? KFD : strncmp(path, "/dev/dri/renderD", 16) == 0 ? DRM : OTHER;
    if (k == OTHER)
        return NOT_OURS;
    int file = standinFile();
    if (file < 0) {
        errno = EBUSY;
        return -1;
    }
    int fd = fcntl(file, F_DUPFD_CLOEXEC, 3);
    if (fd >= FILES) {
        int (*shut)(int) = next("close");
        shut(fd);
        errno = EMFILE;
        return -1;
    }
    if (fd >= 0)
        kinds[fd] = k;
    return fd;
}

#define OPEN(NAME)                                              \
    int NAME(const char *path, int flags, ...)                  \
    {                                                           \
        static int (*real)(const char *, int, ...);             \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        int mode = va_arg(rest, int), fd = device(path);        \
        va_end(rest);                                           \
        if (fd != NOT_OURS)                                     \
            return fd;                                          \
        if (!real)                                              \
            real = next(#NAME);                                 \
        return real(path, flags, mode);                         \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    static int (*real)(int);
    if (!real)
        real = next("close");
    if (fd >= 0 && fd < FILES)
        kinds[fd] = OTHER;
    return real(fd);
}

int ioctl(int fd, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, ...);
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    enum kind k = fd >= 0 && fd < FILES ? kinds[fd] : OTHER;
    int error = ENOTTY; // the cards' display side has no calls of use here
    if (k == KFD)
        error = standinIoctl(request & 0xff, argument);
    if (k != OTHER) {
        errno = error;
        return error ? -1 : 0;
    }
    if (!real)
        real = next("ioctl");
    return real(fd, request, argument);
}

// libdrm_amdgpu, as far as the runtime calls it.

struct amdgpu_device { int fd; };

int amdgpu_device_initialize(int fd, uint32_t *major, uint32_t *minor, struct amdgpu_device **device)
{
    struct amdgpu_device *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (d->fd >= 0 && d->fd < FILES)
        kinds[d->fd] = DRM;
    *major = 3;
    *minor = 54;
    *device = d;
    return 0;
}

int amdgpu_device_deinitialize(struct amdgpu_device *d)
{
    close(d->fd);
    free(d);
    return 0;
}

int amdgpu_device_get_fd(struct amdgpu_device *d) { return d->fd; }

const char *amdgpu_get_marketing_name(struct amdgpu_device *d)
{
    (void)d;
    return "AMD Instinct MI100";
}

// The first words of struct amdgpu_gpu_info: device, revisions, family.
int amdgpu_query_gpu_info(struct amdgpu_device *d, void *info)
{
    (void)d;
    const uint32_t known[4] = {0x738c, 1, 0x33, 141};
    memset(info, 0, 64);
    memcpy(info, known, sizeof known);
    return 0;
}

// A buffer that is imported only to be marked and let go: what ROCm 7 does for
// the handle of an allocation. There is no other process that could read a mark.

struct amdgpu_bo { int unused; };
struct import_result { struct amdgpu_bo *buffer; uint64_t size; };

int amdgpu_bo_import(struct amdgpu_device *d, int type, uint32_t shared, struct import_result *result)
{
    (void)d, (void)type, (void)shared;
    *result = (struct import_result){calloc(1, sizeof *result->buffer), 0};
    return result->buffer ? 0 : -ENOMEM;
}

int amdgpu_bo_free(struct amdgpu_bo *b)
{
    free(b);
    return 0;
}

// The size of struct amdgpu_bo_info.
int amdgpu_bo_query_info(struct amdgpu_bo *b, void *info)
{
    (void)b;
    memset(info, 0, 312);
    return 0;
}

int amdgpu_bo_set_metadata(struct amdgpu_bo *b, void *info)
{
    (void)b, (void)info;
    return 0;
}
