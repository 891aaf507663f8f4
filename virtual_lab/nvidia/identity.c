/* Which GPUs there are: what answers even where no sensor does. */
#include <stdio.h>
#include <string.h>

#include "nvml.h"

nvmlReturn_t nvmlSystemGetDriverVersion(char *text, unsigned room) {
    OF_LIBRARY();
    return leave(put_text(text, room, the_lab.driver));
}

nvmlReturn_t nvmlSystemGetNVMLVersion(char *text, unsigned room) {
    OF_LIBRARY();
    return leave(put_text(text, room, the_lab.nvml));
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version) {
    OF_LIBRARY();
    *version = the_lab.cuda;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count) {
    OF_LIBRARY();
    *count = (unsigned)the_lab.gpu_count;
    return leave(SUCCESS);
}

static void bus_of(const gpu *gpu, char *bus, size_t room) { snprintf(bus, room, "%08X:%02X:00.0", 0, 1 + gpu->index); }

/* Its handle; a GPU that is lost has none. */
static int handle_of(gpu *gpu, nvmlDevice_t *handle) {
    if (now_ns() >= gpu->lost_ns) return leave(GPU_IS_LOST);
    *handle = &gpu->self;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *handle) {
    OF_LIBRARY();
    if (index >= (unsigned)the_lab.gpu_count) return leave(INVALID_ARGUMENT);
    return handle_of(the_lab.gpus + index, handle);
}

static void instance_uuid(const gpu *gpu, int instance, char *uuid) {
    snprintf(uuid, TEXT, "MIG-%.4s%04d%.40s", gpu->uuid + 4, instance % 10, gpu->uuid + 12);
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *handle) {
    OF_LIBRARY();
    NEEDS(uuid);
    for (int i = 0; i < the_lab.gpu_count; i++) {
        gpu *one = the_lab.gpus + i;
        char own[TEXT];
        if (!strcmp(uuid, one->uuid)) return handle_of(one, handle);
        for (int k = 0; k < one->mig; k++) {
            instance_uuid(one, k, own);
            if (!strcmp(uuid, own)) return *handle = one->instances + k, leave(SUCCESS);
        }
    }
    return leave(NOT_FOUND);
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus, nvmlDevice_t *handle) {
    OF_LIBRARY();
    NEEDS(bus);
    for (int i = 0; i < the_lab.gpu_count; i++) {
        char own[32];
        bus_of(the_lab.gpus + i, own, sizeof own);
        if (!strcmp(bus, own) || !strcmp(bus, own + 4)) return handle_of(the_lab.gpus + i, handle);
    }
    return leave(NOT_FOUND);
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t handle, char *text, unsigned room) {
    OF_DEVICE(handle);
    return leave(put_text(text, room, one->name));
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t handle, char *text, unsigned room) {
    OF_DEVICE(handle);
    char own[TEXT];
    instance_uuid(one, handle->mig, own);
    return leave(put_text(text, room, handle->mig < 0 ? one->uuid : own));
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t handle, unsigned *index) {
    OF_DEVICE(handle);
    *index = (unsigned)one->index;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t handle, char *text, unsigned room) {
    OF_GPU(handle);
    char serial[16];
    snprintf(serial, sizeof serial, "13%011d", one->index + 1);
    return leave(put_text(text, room, serial));
}

nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t handle, unsigned *architecture) {
    OF_GPU(handle);
    *architecture = (unsigned)one->architecture;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t handle, nvmlPciInfo_t *info) {
    OF_GPU(handle);
    memset(info, 0, sizeof *info);
    info->bus = (unsigned)(1 + one->index);
    info->pciDeviceId = 0x10de;
    bus_of(one, info->busId, sizeof info->busId);
    snprintf(info->busIdLegacy, sizeof info->busIdLegacy, "%.15s", info->busId + 4);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t handle, unsigned *current, unsigned *pending) {
    OF_GPU(handle);
    if (one->architecture < 7) return leave(NOT_SUPPORTED);
    *current = *pending = one->mig > 0;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t handle, unsigned *count) {
    OF_GPU(handle);
    *count = one->mig ? MAX_MIG : 0;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t handle, unsigned index, nvmlDevice_t *instance) {
    OF_GPU(handle);
    if (index >= (unsigned)one->mig) return leave(NOT_FOUND);
    *instance = one->instances + index;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t instance, nvmlDevice_t *handle) {
    OF_DEVICE(instance);
    *handle = &one->self;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t handle, unsigned *is_instance) {
    OF_DEVICE(handle);
    *is_instance = handle->mig >= 0;
    return leave(SUCCESS);
}
