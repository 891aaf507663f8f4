/* The part of NVML's interface that is exported: structures as the public bindings (nvidia-ml-py) lay them out. */
#ifndef EDGEWATT_NVML_H
#define EDGEWATT_NVML_H

#include <stdint.h>

#include "gpus.h"

typedef int nvmlReturn_t;
typedef device *nvmlDevice_t;

typedef struct {
    unsigned gpu, memory;
} nvmlUtilization_t;

typedef struct {
    uint64_t total, free, used;
} nvmlMemory_t;

typedef struct {
    unsigned version;
    uint64_t total, reserved, free, used;
} nvmlMemory_v2_t;

typedef union {
    double dVal;
    unsigned uiVal;
    uint64_t ullVal;
} nvmlValue_t;

typedef struct {
    unsigned fieldId, scopeId;
    int64_t timestamp, latencyUsec;
    unsigned valueType;
    nvmlReturn_t nvmlReturn;
    nvmlValue_t value;
} nvmlFieldValue_t;

typedef struct {
    uint64_t timeStamp;
    nvmlValue_t sampleValue;
} nvmlSample_t;

typedef struct {
    unsigned pid;
    uint64_t usedGpuMemory;
    unsigned gpuInstanceId, computeInstanceId;
} nvmlProcessInfo_t;

typedef struct {
    char busIdLegacy[16];
    unsigned domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;

typedef struct {
    unsigned version, sensorType;
    int temperature;
} nvmlTemperature_t;

typedef struct {
    unsigned version;
    int marginTemperature;
} nvmlMarginTemperature_t;

_Static_assert(sizeof(nvmlFieldValue_t) == 40 && sizeof(nvmlSample_t) == 16 && sizeof(nvmlProcessInfo_t) == 24, "");
_Static_assert(sizeof(nvmlPciInfo_t) == 68 && sizeof(nvmlMemory_v2_t) == 40 && sizeof(nvmlTemperature_t) == 12, "");

#pragma GCC visibility push(hidden)

/* calls.c: what every call does before and after its own work. */
extern lab the_lab;
int enter(const char *symbol, nvmlDevice_t handle, int instances_too, gpu **found);
int enter_library(const char *symbol);
int leave(int code);
int64_t now_ns(void);
int64_t stamp_us(const gpu *gpu);
int put_text(char *into, unsigned room, const char *text);

#pragma GCC visibility pop

/* Begin a call about one GPU, or return what goes wrong. Identity is known where nothing else is. */
#define OF_GPU(handle)                                     \
    gpu *one;                                              \
    int refused = enter(__func__, (handle), 0, &one);      \
    if (refused) return leave(refused)
#define OF_DEVICE(handle)                                  \
    gpu *one;                                              \
    int refused = enter(__func__, (handle), 1, &one);      \
    if (refused) return leave(refused)
#define OF_LIBRARY()                                       \
    int refused = enter_library(__func__);                 \
    if (refused) return leave(refused)
#define NEEDS(pointer) \
    if (!(pointer)) return leave(INVALID_ARGUMENT)

#endif
