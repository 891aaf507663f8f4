/* Settings and health, and what is asked for but never known here. */
#include "nvml.h"

static unsigned in_mw(double watts) { return (unsigned)(watts * 1e3); }

nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t handle, unsigned *mw) {
    OF_GPU(handle);
    *mw = in_mw(one->limit_w);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t handle, unsigned *mw) {
    OF_GPU(handle);
    *mw = in_mw(one->most_w);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t handle, unsigned *mw) {
    OF_GPU(handle);
    *mw = in_mw(one->limit_w);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t handle, unsigned *least, unsigned *most) {
    OF_GPU(handle);
    *least = in_mw(one->least_w);
    *most = in_mw(one->most_w);
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetPersistenceMode(nvmlDevice_t handle, unsigned *mode) {
    OF_GPU(handle);
    *mode = 1;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t handle, unsigned *current, unsigned *pending) {
    OF_GPU(handle);
    *current = *pending = 1;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t handle, unsigned type, unsigned counter, uint64_t *count) {
    OF_GPU(handle);
    if (type > 1 || counter > 1) return leave(INVALID_ARGUMENT);
    *count = 0;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t handle, unsigned *corrected, unsigned *uncorrected,
                                       unsigned *pending, unsigned *failed) {
    OF_GPU(handle);
    *corrected = *uncorrected = *pending = *failed = 0;
    return leave(SUCCESS);
}

nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t handle, void *samples, unsigned *count, uint64_t seen_us) {
    OF_GPU(handle);
    (void)samples, (void)seen_us;
    *count = 0;
    return leave(NOT_FOUND);
}

nvmlReturn_t nvmlDeviceGetC2cModeInfoV(nvmlDevice_t handle, unsigned *enabled) {
    OF_GPU(handle);
    /* Chip to chip: a Grace beside it, whose module has a power of its own. */
    if (!(one->scope_share[1] > 0)) return leave(NOT_SUPPORTED);
    *enabled = 1;
    return leave(SUCCESS);
}
