/* What every call does: the lock that a driver has too, its delay, its faults. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "nvml.h"

/* Below this a sleep is no longer punctual. */
#define SPIN_S 2e-4

lab the_lab;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int users;

int64_t now_ns(void) { return lab_now(&the_lab); }

/* The clock may be one that only tests move; then nothing waits. */
static void wait_s(double seconds) {
    if (seconds <= 0 || the_lab.clock) return;
    if (seconds > SPIN_S) {
        struct timespec whole = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
        nanosleep(&whole, NULL);
        return;
    }
    for (int64_t end_ns = now_ns() + (int64_t)(seconds * 1e9); now_ns() < end_ns;) continue;
}

int leave(int code) {
    pthread_mutex_unlock(&lock);
    return code;
}

int enter_library(const char *symbol) {
    pthread_mutex_lock(&lock);
    if (!users) return UNINITIALIZED;
    wait_s(latency_s(NULL, &the_lab.own, symbol));
    return trouble(&the_lab.own, symbol, now_ns());
}

static gpu *known(nvmlDevice_t handle) {
    for (int i = 0; i < the_lab.gpu_count; i++) {
        gpu *one = the_lab.gpus + i;
        if (handle == &one->self) return one;
        for (int k = 0; k < one->mig; k++)
            if (handle == one->instances + k) return one;
    }
    return NULL;
}

int enter(const char *symbol, nvmlDevice_t handle, int instances_too, gpu **found) {
    pthread_mutex_lock(&lock);
    if (!users) return UNINITIALIZED;
    gpu *one = *found = known(handle);
    if (!one) return INVALID_ARGUMENT;
    wait_s(latency_s(&one->own, &the_lab.own, symbol));
    if (now_ns() >= one->lost_ns) return GPU_IS_LOST;
    if (!instances_too && (one->identity_only || handle->mig >= 0)) return NOT_SUPPORTED;
    lab_follow(&the_lab);
    int code = trouble(&one->own, symbol, now_ns());
    return code ? code : trouble(&the_lab.own, symbol, now_ns());
}

/* Microseconds of the wall clock: of this query, or of the sensor's last update. */
int64_t stamp_us(const gpu *gpu) {
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t wall_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec, at_ns = now_ns();
    if (gpu->stamp_updates) wall_ns -= at_ns - tick_ns(&gpu->sensor, tick_latest(&gpu->sensor, at_ns));
    return wall_ns / 1000;
}

int put_text(char *into, unsigned room, const char *text) {
    if (strlen(text) >= room) return INSUFFICIENT_SIZE;
    strcpy(into, text);
    return SUCCESS;
}

nvmlReturn_t nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    pthread_mutex_lock(&lock);
    int code = users ? SUCCESS : lab_open(&the_lab);
    if (!code) {
        wait_s(latency_s(NULL, &the_lab.own, __func__));
        code = trouble(&the_lab.own, __func__, now_ns());
        if (!code) users++;
        else if (!users) lab_close(&the_lab);
    }
    return leave(code);
}

nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

nvmlReturn_t nvmlShutdown(void) {
    pthread_mutex_lock(&lock);
    if (!users) return leave(UNINITIALIZED);
    if (!--users) lab_close(&the_lab);
    return leave(SUCCESS);
}

const char *nvmlErrorString(nvmlReturn_t code) {
    static const char *const texts[] = {
        [SUCCESS] = "Success", [UNINITIALIZED] = "Uninitialized", [INVALID_ARGUMENT] = "Invalid Argument",
        [NOT_SUPPORTED] = "Not Supported", [4] = "Insufficient Permissions", [5] = "Already Initialized",
        [NOT_FOUND] = "Not Found", [INSUFFICIENT_SIZE] = "Insufficient Size", [8] = "Insufficient External Power",
        [DRIVER_NOT_LOADED] = "Driver Not Loaded", [10] = "Timeout", [11] = "Interrupt Request Issue",
        [12] = "NVML Shared Library Not Found", [13] = "Function Not Found", [14] = "Corrupted infoROM",
        [GPU_IS_LOST] = "GPU is lost", [16] = "GPU requires reset", [17] = "GPU access blocked by the operating system",
        [18] = "Driver/library version mismatch", [19] = "In use by another client", [20] = "Insufficient Memory",
        [NO_DATA] = "No data", [25] = "Argument version mismatch", [26] = "Deprecated",
    };
    int known_too = code >= 0 && code < (int)(sizeof texts / sizeof *texts) && texts[code];
    return known_too ? texts[code] : "Unknown Error";
}
