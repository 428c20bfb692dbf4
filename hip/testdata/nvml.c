// A stand-in for NVIDIA's management library: the functions that are called,
// with their real signatures and structures, and two invented cards. What the
// second draws and how its clocks are held changes with every reading.
// Compiled by the tests with
//   -DCOUNT=n     cards, 2 by default
//   -DINIT=n      what nvmlInit answers
//   -DOLD         no energy counter, no temperature and no reasons, as some releases
//   -DLOST        the first card is lost
//   -DNO_POWER    the cards have no power sensor
//   -DDEAF        no sensor answers
//   -DPROCESSES=n that compute on each card, 0 by default: of card i the numbers
//                 100 i + 1 …, the first of them this process, with 1 GB each
//   -DHOST        process numbers are those of another namespace
//   -DNO_COUNT    nvmlDeviceGetCount_v2 is missing
#include <stdio.h>
#include <string.h>

#include <unistd.h>

#ifndef COUNT
#define COUNT 2
#endif
#ifndef PROCESSES
#define PROCESSES 0
#endif
#ifndef INIT
#define INIT 0
#endif
#ifdef DEAF
#define SENSOR return NVML_ERROR_NOT_SUPPORTED;
#else
#define SENSOR
#endif

typedef enum {
    NVML_SUCCESS = 0, NVML_ERROR_UNINITIALIZED = 1, NVML_ERROR_INVALID_ARGUMENT = 2, NVML_ERROR_NOT_SUPPORTED = 3,
    NVML_ERROR_INSUFFICIENT_SIZE = 7, NVML_ERROR_DRIVER_NOT_LOADED = 9, NVML_ERROR_GPU_IS_LOST = 15
} nvmlReturn_t;
typedef enum { NVML_CLOCK_GRAPHICS = 0, NVML_CLOCK_SM = 1, NVML_CLOCK_MEM = 2 } nvmlClockType_t;
typedef enum { NVML_TEMPERATURE_GPU = 0 } nvmlTemperatureSensors_t;
typedef struct nvmlDevice_st * nvmlDevice_t;
typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;

struct nvmlDevice_st { int index, readings; };
static struct nvmlDevice_st cards[] = { { 0, 0 }, { 1, 0 }, { 2, 0 }, { 3, 0 } };
static int up;

static int bad(nvmlDevice_t d) { return !up || d < cards || d >= cards + COUNT; }

nvmlReturn_t nvmlInit_v2(void) { up = INIT == 0; return INIT; }
nvmlReturn_t nvmlShutdown(void) { up = 0; return NVML_SUCCESS; }
const char * nvmlErrorString(nvmlReturn_t r) { return r == NVML_ERROR_DRIVER_NOT_LOADED ? "Driver Not Loaded" : "Unknown Error"; }
nvmlReturn_t nvmlSystemGetDriverVersion(char * s, unsigned int n) { snprintf(s, n, "550.54.15"); return NVML_SUCCESS; }
#ifndef NO_COUNT
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int * n) { *n = COUNT; return up ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED; }
#endif
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int i, nvmlDevice_t * d) {
    if (i >= COUNT) return NVML_ERROR_INVALID_ARGUMENT;
#ifdef LOST
    if (i == 0) return NVML_ERROR_GPU_IS_LOST;
#endif
    *d = &cards[i];
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t d, char * s, unsigned int n) {
    if (bad(d)) return NVML_ERROR_INVALID_ARGUMENT;
    return snprintf(s, n, "Stand-in H200 number %d", d->index) < (int) n ? NVML_SUCCESS : NVML_ERROR_INSUFFICIENT_SIZE;
}
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t d, nvmlPciInfo_t * p) {
    if (bad(d)) return NVML_ERROR_INVALID_ARGUMENT;
    memset(p, 0, sizeof *p);
    p->domain = 0; p->bus = 0x1b + 0x20 * d->index; p->device = 0; p->pciDeviceId = 0x233510de; p->pciSubSystemId = 0x18be10de;
    snprintf(p->busIdLegacy, sizeof p->busIdLegacy, "%04X:%02X:%02X.0", p->domain, p->bus, p->device);
    snprintf(p->busId, sizeof p->busId, "%08X:%02X:%02X.0", p->domain, p->bus, p->device);
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t d, nvmlMemory_t * m) {
    SENSOR
    if (bad(d)) return NVML_ERROR_INVALID_ARGUMENT;
    m->total = 150754820096ULL; m->used = 6442450944ULL + d->index; m->free = m->total - m->used;
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t d, unsigned int * mW) {
    SENSOR
#ifdef NO_POWER
    return NVML_ERROR_NOT_SUPPORTED;
#endif
    *mW = d->index ? 300000 + 100000 * d->readings++ : 76543;
    return bad(d) ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}
#ifndef OLD
nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t d, unsigned long long * mJ) {
    static unsigned long long n;
    SENSOR
    *mJ = 0x100000000ULL + (d->index ? 150000ULL * n++ : 5000); // beyond 32 bits
    return bad(d) ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t d, nvmlTemperatureSensors_t of, unsigned int * c) {
    SENSOR
    *c = 41 + d->index;
    return bad(d) || of != NVML_TEMPERATURE_GPU ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t d, unsigned long long * r) {
    SENSOR
    *r = d->index ? 0x4 | 0x8 | 0x40 : 0x1; // power cap and heat; idle
    return bad(d) ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}
#endif
static nvmlReturn_t clocks(nvmlDevice_t d, nvmlClockType_t of, unsigned int * mhz, unsigned int sm) {
    SENSOR
    if (bad(d) || (of != NVML_CLOCK_SM && of != NVML_CLOCK_MEM)) return NVML_ERROR_INVALID_ARGUMENT;
    *mhz = of == NVML_CLOCK_MEM ? 3201 : sm;
    return NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t d, nvmlClockType_t of, unsigned int * mhz) { return clocks(d, of, mhz, 1755); }
nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t d, nvmlClockType_t of, unsigned int * mhz) { return clocks(d, of, mhz, 1980); }
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t d, nvmlUtilization_t * u) {
    SENSOR
    u->gpu = 97; u->memory = 64;
    return bad(d) ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}
#ifndef OLD
typedef struct { unsigned int pid; unsigned long long usedGpuMemory; unsigned int gpuInstanceId, computeInstanceId; } nvmlProcessInfo_t;
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t d, unsigned int * n, nvmlProcessInfo_t * list) {
    SENSOR
    if (bad(d)) return NVML_ERROR_INVALID_ARGUMENT;
    unsigned int room = *n;
    *n = PROCESSES;
    if (room < PROCESSES) return NVML_ERROR_INSUFFICIENT_SIZE;
    for (int i = 0; i < PROCESSES; i++) {
        list[i] = (nvmlProcessInfo_t) { 100 * d->index + i + 1, 1000000000ULL + i, 0xffffffff, 0xffffffff };
#ifndef HOST
        if (i == 0) list[i].pid = getpid();
#endif
    }
    if (PROCESSES > 2) list[2].usedGpuMemory = ~0ULL; // NVML_VALUE_NOT_AVAILABLE
    return NVML_SUCCESS;
}
#endif
nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t d, unsigned int * mW) {
    SENSOR
    *mW = d->index ? 500000 : 700000;
    return bad(d) ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}
nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t d, unsigned int * mW) {
    SENSOR
    *mW = 700000;
    return bad(d) ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}
