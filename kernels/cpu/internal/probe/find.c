// The kernels by name.
#include "kernels.h"

#include <string.h>

#define ENTRY(x) { #x, probe_##x },
static const struct {
    const char * name;
    probe_kernel kernel;
} all[] = { KERNELS(ENTRY) KERNELS_X86(ENTRY) };

probe_kernel probe_find(const char * name) {
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].name, name) == 0) {
            return all[i].kernel;
        }
    }
    return NULL;
}
