// A stand-in for AMD's HIP runtime: the functions that are called, with their
// real signatures, and four invented devices. Compiled by the tests with
//   -DCOUNT=n     devices, 4 by default
//   -DZERO_OK     no device is not an error of the device count
//   -DINIT=n      what hipInit answers
//   -DBROKEN      the calls behind the device count fail
//   -DOLD         the functions of ROCm 5: no link types, and the old property layout
//   -DNO_COUNT    hipGetDeviceCount is missing
//   -DLAYOUT_BAD  the properties hold no architecture where it should be
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef COUNT
#define COUNT 4
#endif
#ifndef INIT
#define INIT 0
#endif
#ifdef BROKEN
#define CALL 999
#else
#define CALL 0
#endif

typedef int32_t hipError_t;
static __thread int current;
static const int buses[] = { 0x83, 0xA3, 0xC3, 0xE3 };

static int bad(int device) { return device < 0 || device >= COUNT; }

hipError_t hipInit(unsigned int flags) { return flags == 0 ? INIT : 1; }
#ifndef NO_COUNT
#ifdef ZERO_OK
hipError_t hipGetDeviceCount(int * n) { *n = COUNT; return 0; }
#else
hipError_t hipGetDeviceCount(int * n) { *n = COUNT; return COUNT ? 0 : 100; }
#endif
#endif
hipError_t hipRuntimeGetVersion(int * v) { *v = 70251831; return CALL; }
hipError_t hipSetDevice(int device) { if (bad(device)) return 101; current = device; return CALL; }

hipError_t hipDeviceGetName(char * name, int len, int device) {
    if (bad(device) || len < 64) return 101;
    snprintf(name, len, "Stand-in MI100 number %d", device);
    return CALL;
}

hipError_t hipDeviceGetPCIBusId(char * id, int len, int device) {
    if (bad(device) || len < 13) return 101;
    snprintf(id, len, "0000:%02X:00.0", buses[device]);
    return CALL;
}

hipError_t hipDeviceGetAttribute(int * value, int attribute, int device) {
    if (bad(device)) return 101;
    switch (attribute) {
        case 5:  *value = 1502000; return CALL;
        case 19: *value = 8388608; return CALL;
        case 59: *value = 4096;    return CALL;
        case 60: *value = 1200000; return CALL;
        case 63: *value = 120;     return CALL;
        case 87: *value = 64;      return CALL;
    }
    return 1;
}

hipError_t hipMemGetInfo(size_t * free, size_t * total) {
    *free  = 34000000000ull - current;
    *total = 34342961152ull;
    return CALL;
}

hipError_t hipDeviceTotalMem(size_t * bytes, int device) {
    if (bad(device)) return 101;
    *bytes = 34342961152ull + device;
    return CALL;
}

hipError_t hipDeviceCanAccessPeer(int * can, int device, int peer) {
    if (bad(device) || bad(peer) || device == peer) return 101;
    *can = !(device == 0 && peer == 3); // one pair is cut
    return CALL;
}

const char * hipGetErrorName(hipError_t e) {
    return e == 100 ? "hipErrorNoDevice" : e == 101 ? "hipErrorInvalidDevice" : "hipErrorUnknown";
}

#ifdef OLD
hipError_t hipGetDevicePropertiesR0000(char * p, int device) {
    if (bad(device)) return 101;
    memset(p, 0xff, 792);
    strcpy(p + 396, "gfx908:sramecc+:xnack-");
    return CALL;
}
#else
hipError_t hipExtGetLinkTypeAndHopCount(int a, int b, uint32_t * type, uint32_t * hops) {
    if (bad(a) || bad(b)) return 101;
    *type = a == 2 || b == 2 ? 2 : a == 1 && b == 3 ? 1 : 4; // HSA: 1 other, 2 PCIe, 4 xGMI
    *hops = *type == 2 ? 2 : 1;
    return CALL;
}

hipError_t hipGetDevicePropertiesR0600(char * p, int device) {
    if (bad(device)) return 101;
    memset(p, 0xff, 1472);
#ifdef LAYOUT_BAD
    strcpy(p + 1160, "MI100");
#else
    strcpy(p + 1160, "gfx908:sramecc+:xnack-");
#endif
    return CALL;
}

// The trap: the plain name is the old layout's in every library.
hipError_t hipGetDeviceProperties(char * p, int device) { (void) device; memset(p, 'X', 792); return 0; }
#endif
