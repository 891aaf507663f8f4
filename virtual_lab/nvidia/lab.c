/* The configuration (lines of `key values`, written by Python), the clock, and the file to which loads write. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "gpus.h"

/* One record of the file of loads, as Python packs it. */
typedef struct {
    int64_t t_ns;
    double watts;
    int32_t gpu, pid;
} record;

int64_t lab_now(const lab *lab) {
    struct timespec now;
    if (lab->clock) return __atomic_load_n(lab->clock, __ATOMIC_ACQUIRE);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Loads since the last look: appended whole, read whole. */
void lab_follow(lab *lab) {
    record one;
    int changed[MAX_GPUS] = {0};
    while (lab->loads_file >= 0 && pread(lab->loads_file, &one, sizeof one, lab->loads_read) == sizeof one) {
        lab->loads_read += (int64_t)sizeof one;
        if (one.gpu < 0 || one.gpu >= lab->gpu_count || !isfinite(one.watts)) continue;
        edges_add(&lab->gpus[one.gpu].loads, (edge){one.t_ns, one.watts, one.gpu, one.pid});
        changed[one.gpu] = 1;
    }
    for (int i = 0; i < lab->gpu_count; i++)
        if (changed[i]) power_lead(lab->gpus + i);
}

/* Named in the environment, or beside this library. */
static int path_of(char *path, size_t size) {
    const char *named = getenv("EDGEWATT_LAB_NVML");
    Dl_info here;
    if (named && *named) return (size_t)snprintf(path, size, "%s", named) < size;
    if (!dladdr((void *)(intptr_t)&lab_open, &here) || !here.dli_fname) return 0;
    const char *slash = strrchr(here.dli_fname, '/');
    int folder = slash ? (int)(slash - here.dli_fname) + 1 : 0;
    return (size_t)snprintf(path, size, "%.*sgpus.conf", folder, here.dli_fname) < size;
}

static void add_fault(troubles *troubles, const char *text) {
    troubles->faults = realloc(troubles->faults, (size_t)(troubles->fault_count + 1) * sizeof(fault));
    if (!troubles->faults) abort();
    fault *one = troubles->faults + troubles->fault_count;
    *one = (fault){.share = 1};
    if (sscanf(text, "%95s %d %ld %lf", one->symbol, &one->code, &one->from_ns, &one->share) >= 2)
        troubles->fault_count++;
}

static void add_delay(troubles *troubles, const char *text) {
    troubles->delays = realloc(troubles->delays, (size_t)(troubles->delay_count + 1) * sizeof(delay));
    if (!troubles->delays) abort();
    delay *one = troubles->delays + troubles->delay_count;
    if (sscanf(text, "%95s %lf", one->symbol, &one->seconds) == 2) troubles->delay_count++;
}

static gpu *add_gpu(lab *lab, const char *name) {
    if (lab->gpu_count == MAX_GPUS) return NULL;
    gpu *one = lab->gpus + lab->gpu_count;
    *one = (gpu){.index = lab->gpu_count++, .lost_ns = INT64_MAX, .gain = 1, .average_s = 1};
    snprintf(one->name, TEXT, "%s", name);
    one->self = (device){one, -1};
    for (int i = 0; i < MAX_MIG; i++) one->instances[i] = (device){one, i};
    return one;
}

static void read_ticks(ticks *ticks, const char *text) {
    sscanf(text, "%ld %lf %lf %lu", &ticks->first_ns, &ticks->period_s, &ticks->jitter_s, &ticks->seed);
}

static int number_of(gpu *gpu, const char *key, const char *text) {
    const struct {
        const char *key;
        double *value;
    } numbers[] = {
        {"idle_w", &gpu->idle_w}, {"limit_w", &gpu->limit_w}, {"least_w", &gpu->least_w}, {"most_w", &gpu->most_w},
        {"rise_s", &gpu->rise_s}, {"fall_s", &gpu->fall_s}, {"window_s", &gpu->window_s},
        {"average_s", &gpu->average_s}, {"gain", &gpu->gain}, {"noise_w", &gpu->noise_w},
        {"counter_start_mj", &gpu->counter_start_mj}, {"memory_b", &gpu->memory_b}, {"used_b", &gpu->used_b},
        {"busy_b", &gpu->busy_b}, {"ambient_c", &gpu->ambient_c}, {"k_per_w", &gpu->k_per_w},
        {"heat_s", &gpu->heat_s}, {"clock_idle_mhz", &gpu->clock_idle_mhz}, {"clock_mhz", &gpu->clock_mhz},
        {"memory_mhz", &gpu->memory_mhz},
    };
    const struct {
        const char *key;
        int *value;
    } wholes[] = {
        {"architecture", &gpu->architecture}, {"identity_only", &gpu->identity_only}, {"mig", &gpu->mig},
        {"usage_averages", &gpu->usage_averages}, {"counter_samples", &gpu->counter_samples},
        {"has_counter", &gpu->has_counter}, {"samples", &gpu->samples}, {"stamp_updates", &gpu->stamp_updates},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(key, numbers[i].key)) return *numbers[i].value = strtod(text, NULL), 1;
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        if (!strcmp(key, wholes[i].key)) return *wholes[i].value = atoi(text), 1;
    return 0;
}

static void read_gpu(gpu *gpu, const char *key, const char *text) {
    edge one = {0};
    int scope;
    double share, more_w;
    if (number_of(gpu, key, text)) return;
    if (!strcmp(key, "uuid")) snprintf(gpu->uuid, TEXT, "%s", text);
    else if (!strcmp(key, "origin_ns")) gpu->origin_ns = atoll(text);
    else if (!strcmp(key, "lost_ns")) gpu->lost_ns = atoll(text);
    else if (!strcmp(key, "sensor")) read_ticks(&gpu->sensor, text);
    else if (!strcmp(key, "counter")) read_ticks(&gpu->counter, text);
    else if (!strcmp(key, "power") && sscanf(text, "%ld %lf", &one.t_ns, &one.watts) == 2)
        edges_add(&gpu->schedule, one);
    else if (!strcmp(key, "reasons") && sscanf(text, "%ld %lf", &one.t_ns, &one.watts) == 2)
        edges_add(&gpu->reasons, one);
    else if (!strcmp(key, "scope") && sscanf(text, "%d %lf %lf", &scope, &share, &more_w) == 3 && scope >= 0 &&
             scope < MAX_SCOPES)
        gpu->scope_share[scope] = share, gpu->scope_more_w[scope] = more_w;
}

static int64_t *clock_at(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return NULL;
    void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return mapped == MAP_FAILED ? NULL : mapped;
}

static void read_line(lab *lab, gpu **current, char *line) {
    line[strcspn(line, "\n")] = 0;
    char *text = strchr(line, ' ');
    if (!text) return;
    *text++ = 0;
    troubles *own = *current ? &(*current)->own : &lab->own;
    if (!strcmp(line, "gpu")) *current = add_gpu(lab, text);
    else if (!strcmp(line, "error")) add_fault(own, text);
    else if (!strcmp(line, "latency")) add_delay(own, text);
    else if (*current) read_gpu(*current, line, text);
    else if (!strcmp(line, "driver")) snprintf(lab->driver, TEXT, "%s", text);
    else if (!strcmp(line, "nvml")) snprintf(lab->nvml, TEXT, "%s", text);
    else if (!strcmp(line, "cuda")) lab->cuda = atoi(text);
    else if (!strcmp(line, "clock")) lab->clock = clock_at(text);
    else if (!strcmp(line, "loads")) snprintf(lab->loads_path, sizeof lab->loads_path, "%s", text);
}

int lab_open(lab *lab) {
    char path[4096], line[8192];
    memset(lab, 0, sizeof *lab);
    lab->loads_file = -1;
    FILE *file = path_of(path, sizeof path) ? fopen(path, "re") : NULL;
    if (!file) return DRIVER_NOT_LOADED;
    for (gpu *current = NULL; fgets(line, sizeof line, file);) read_line(lab, &current, line);
    fclose(file);
    if (*lab->loads_path) lab->loads_file = open(lab->loads_path, O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < lab->gpu_count; i++) power_lead(lab->gpus + i);
    lab_follow(lab);
    return SUCCESS;
}

static void forget(troubles *troubles) {
    free(troubles->faults);
    free(troubles->delays);
}

void lab_close(lab *lab) {
    if (lab->loads_file >= 0) close(lab->loads_file);
    if (lab->clock) munmap(lab->clock, sizeof(int64_t));
    for (int i = 0; i < lab->gpu_count; i++) {
        gpu *one = lab->gpus + i;
        free(one->pieces), free(one->schedule.at), free(one->loads.at), free(one->reasons.at);
        forget(&one->own);
    }
    forget(&lab->own);
    lab->gpu_count = 0;
}
