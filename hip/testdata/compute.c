// A stand-in for the calls of AMD's HIP runtime that run kernels and move memory:
// what standin.c lacks of them. Memory is the host's, everything happens at once,
// and there are no kernels. Compiled by the tests together with standin.c.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int32_t hipError_t;

hipError_t hipMalloc(void ** p, size_t n) { return (*p = malloc(n)) ? 0 : 2; }
hipError_t hipExtMallocWithFlags(void ** p, size_t n, unsigned int flags) { (void) flags; return hipMalloc(p, n); }
hipError_t hipFree(void * p) { free(p); return 0; }
hipError_t hipMemcpy(void * to, const void * from, size_t n, int kind) { memcpy(to, from, n); return kind == 4 ? 0 : 1; }
hipError_t hipMemcpyAsync(void * to, const void * from, size_t n, int kind, void * s) { (void) s; return hipMemcpy(to, from, n, kind); }
hipError_t hipMemset(void * at, int value, size_t n) { memset(at, value, n); return 0; }
hipError_t hipDeviceSynchronize(void) { return 0; }
hipError_t hipStreamCreateWithFlags(void ** s, unsigned int flags) { *s = malloc(1); return flags == 1 ? 0 : 1; }
hipError_t hipStreamDestroy(void * s) { free(s); return 0; }
hipError_t hipStreamSynchronize(void * s) { return s ? 0 : 1; }

#define ABSENT(name) hipError_t name(void) { return 801; }
ABSENT(hipHostRegister)
ABSENT(hipHostUnregister)
ABSENT(hipMemcpyPeerAsync)
ABSENT(hipDeviceEnablePeerAccess)
ABSENT(hipStreamWaitEvent)
ABSENT(hipEventCreateWithFlags)
ABSENT(hipEventDestroy)
ABSENT(hipEventRecord)
ABSENT(hipEventSynchronize)
ABSENT(hipEventElapsedTime)
ABSENT(hipModuleLoadData)
ABSENT(hipModuleUnload)
ABSENT(hipModuleGetFunction)
ABSENT(hipModuleLaunchKernel)
ABSENT(hipStreamBeginCapture)
ABSENT(hipStreamEndCapture)
ABSENT(hipGraphInstantiateWithFlags)
ABSENT(hipGraphLaunch)
ABSENT(hipGraphExecDestroy)
ABSENT(hipGraphDestroy)
