/* What a GPU's sensors answer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nvml.h"

enum { VALUE_UNSIGNED = 1, VALUE_ULL = 3, SCOPE_GPU = 0, RING = 120 };
enum { SLOWDOWN_C = 90 };

static double window_s(const gpu *gpu, int averages) { return averages ? gpu->average_s : gpu->window_s; }

static unsigned power_mw(const gpu *gpu, int averages, int scope) {
    return (unsigned)sensor_mw(gpu, tick_latest(&gpu->sensor, now_ns()), window_s(gpu, averages), scope);
}

static int celsius(const gpu *gpu) { return (int)lrint(gpu->ambient_c + power_warm_k(gpu, now_ns())); }

static int busy(const gpu *gpu) { return sensor_use(gpu, now_ns()) > 0; }

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t handle, unsigned *mw) {
    OF_GPU(handle);
    *mw = power_mw(one, one->usage_averages, SCOPE_GPU);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t handle, uint64_t *mj) {
    OF_GPU(handle);
    if (!one->has_counter) return leave(NOT_SUPPORTED);
    *mj = counter_mj(one, now_ns());
    return leave(SUCCESS);
}

static int field_of(gpu *gpu, nvmlFieldValue_t *field) {
    const double limits_w[] = {gpu->least_w, gpu->most_w, gpu->most_w, gpu->limit_w, 0, gpu->limit_w};
    unsigned id = field->fieldId, scope = field->scopeId;
    field->valueType = VALUE_UNSIGNED;
    if (id == 82 && gpu->architecture >= 8) return field->value.uiVal = (unsigned)celsius(gpu) + 4, SUCCESS;
    if (id == 83) {
        field->valueType = VALUE_ULL;
        return gpu->has_counter ? (field->value.ullVal = counter_mj(gpu, now_ns()), SUCCESS) : NOT_SUPPORTED;
    }
    if (id == 185 || id == 186) {
        if (scope >= MAX_SCOPES || !(gpu->scope_share[scope] > 0)) return NOT_SUPPORTED;
        /* Memory's power is only known as an average (Zeus's documentation, of an H100). */
        if (scope == 2 && id == 186) return NOT_SUPPORTED;
        return field->value.uiVal = power_mw(gpu, id == 185, (int)scope), SUCCESS;
    }
    if ((id >= 187 && id <= 190) || id == 192) return field->value.uiVal = (unsigned)(limits_w[id - 187] * 1e3), SUCCESS;
    if (id >= 269 && id <= 271) return field->valueType = VALUE_ULL, field->value.ullVal = 0, SUCCESS;
    return NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t handle, int count, nvmlFieldValue_t *fields) {
    OF_GPU(handle);
    NEEDS(fields);
    if (count < 1) return leave(INVALID_ARGUMENT);
    for (int i = 0; i < count; i++) {
        nvmlFieldValue_t *field = fields + i;
        char own[TEXT];
        field->timestamp = stamp_us(one);
        field->latencyUsec = 0;
        field->value.ullVal = 0;
        snprintf(own, sizeof own, "field:%u", field->fieldId);
        field->nvmlReturn = trouble(&one->own, own, now_ns());
        if (!field->nvmlReturn) field->nvmlReturn = trouble(&the_lab.own, own, now_ns());
        if (!field->nvmlReturn) field->nvmlReturn = field_of(one, field);
    }
    return leave(SUCCESS);
}

/* Powers of the last updates, by the wall clock in us. */
nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t handle, unsigned type, uint64_t seen_us, unsigned *value_type,
                                  unsigned *count, nvmlSample_t *samples) {
    OF_GPU(handle);
    if (!one->samples || type != 0) return leave(NOT_SUPPORTED);
    int64_t last = tick_latest(&one->sensor, now_ns()), last_ns = tick_ns(&one->sensor, last);
    int64_t last_us = stamp_us(one) - (one->stamp_updates ? 0 : (now_ns() - last_ns) / 1000);
    unsigned found = 0, room = samples ? *count : RING;
    for (int64_t tick = last - RING + 1; tick <= last && found < room; tick++) {
        uint64_t stamp = (uint64_t)(last_us - (last_ns - tick_ns(&one->sensor, tick)) / 1000);
        if (stamp <= seen_us) continue;
        if (samples) {
            samples[found].timeStamp = stamp;
            samples[found].sampleValue.ullVal = 0;
            samples[found].sampleValue.uiVal =
                (unsigned)sensor_mw(one, tick, window_s(one, one->usage_averages), SCOPE_GPU);
        }
        found++;
    }
    *value_type = VALUE_UNSIGNED;
    *count = found;
    return leave(found ? SUCCESS : NOT_FOUND);
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t handle, unsigned sensor, unsigned *found_c) {
    OF_GPU(handle);
    if (sensor) return leave(INVALID_ARGUMENT);
    *found_c = (unsigned)celsius(one);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t handle, nvmlTemperature_t *temperature) {
    OF_GPU(handle);
    if (temperature->version != 0x0100000c) return leave(ARGUMENT_VERSION_MISMATCH);
    if (temperature->sensorType) return leave(INVALID_ARGUMENT);
    temperature->temperature = celsius(one);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t handle, nvmlMarginTemperature_t *margin) {
    OF_GPU(handle);
    if (margin->version != 0x01000008) return leave(ARGUMENT_VERSION_MISMATCH);
    margin->marginTemperature = SLOWDOWN_C - celsius(one);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t handle, nvmlUtilization_t *use) {
    OF_GPU(handle);
    if (one->mig) return leave(NOT_SUPPORTED);
    use->gpu = sensor_use(one, now_ns());
    use->memory = use->gpu / 2;
    return leave(SUCCESS);
}

static double used_b(const gpu *gpu) { return gpu->used_b + (busy(gpu) ? gpu->busy_b : 0); }

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t handle, nvmlMemory_t *memory) {
    OF_GPU(handle);
    if (!(one->memory_b > 0)) return leave(NOT_SUPPORTED);
    uint64_t total = (uint64_t)one->memory_b, used = (uint64_t)used_b(one);
    *memory = (nvmlMemory_t){total, total - used, used};
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t handle, nvmlMemory_v2_t *memory) {
    OF_GPU(handle);
    if (!(one->memory_b > 0)) return leave(NOT_SUPPORTED);
    if (memory->version != 0x02000028) return leave(ARGUMENT_VERSION_MISMATCH);
    uint64_t total = (uint64_t)one->memory_b, used = (uint64_t)used_b(one), reserved = (uint64_t)one->used_b / 2;
    *memory = (nvmlMemory_v2_t){memory->version, total, reserved, total - used, used - reserved};
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t handle, unsigned type, unsigned *mhz) {
    OF_GPU(handle);
    if (type > 3) return leave(INVALID_ARGUMENT);
    double core_mhz = busy(one) ? one->clock_mhz : one->clock_idle_mhz;
    *mhz = (unsigned)(type == 2 ? one->memory_mhz : type == 3 ? core_mhz * 0.9 : core_mhz);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t handle, unsigned type, unsigned *mhz) {
    OF_GPU(handle);
    if (type > 3) return leave(INVALID_ARGUMENT);
    *mhz = (unsigned)(type == 2 ? one->memory_mhz : type == 3 ? one->clock_mhz * 0.9 : one->clock_mhz);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t handle, uint64_t *reasons) {
    OF_GPU(handle);
    *reasons = sensor_reasons(one, now_ns());
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t handle, uint64_t *reasons) {
    OF_GPU(handle);
    *reasons = sensor_reasons(one, now_ns());
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetPerformanceState(nvmlDevice_t handle, unsigned *state) {
    OF_GPU(handle);
    *state = busy(one) ? 0 : 8;
    return leave(SUCCESS);
}

/* Those whose load is on; each is said to hold the memory that a busy GPU uses. */
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t handle, unsigned *count, nvmlProcessInfo_t *found) {
    OF_GPU(handle);
    unsigned room = found ? *count : 0, running = 0;
    int64_t t_ns = now_ns();
    const edges *loads = &one->loads;
    for (int i = 0; i < loads->count && loads->at[i].t_ns <= t_ns; i++) {
        int32_t pid = loads->at[i].pid;
        double watts = 0;
        int seen = 0;
        for (int j = 0; j < loads->count && loads->at[j].t_ns <= t_ns; j++) {
            if (loads->at[j].pid != pid) continue;
            watts += loads->at[j].watts;
            seen |= j < i;
        }
        if (seen || watts < 1e-6) continue;
        if (running < room) found[running] = (nvmlProcessInfo_t){(unsigned)pid, (uint64_t)one->busy_b, ~0u, ~0u};
        running++;
    }
    *count = running;
    return leave(running > room ? INSUFFICIENT_SIZE : SUCCESS);
}
