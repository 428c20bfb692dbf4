// The kernels by name.
#include "kernels.h"

#include <string.h>

#define ENTRY(x) { #x, probe_##x }
static const struct {
    const char * name;
    probe_kernel kernel;
} all[] = {
    ENTRY(fill), ENTRY(read_plain), ENTRY(read_dropped), ENTRY(read_halved),
#if defined(__x86_64__)
    ENTRY(read_avx2), ENTRY(read_avx512), ENTRY(fma_avx2), ENTRY(fma_avx512), ENTRY(bf16_avx512),
    ENTRY(dot_avx2), ENTRY(dot_avx512), ENTRY(dot_avxvnni), ENTRY(dot_avx512vnni), ENTRY(dot_amx),
    ENTRY(fma_halved), ENTRY(dot_halved), ENTRY(dot_dropped),
#endif
};

probe_kernel probe_find(const char * name) {
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].name, name) == 0) {
            return all[i].kernel;
        }
    }
    return NULL;
}
