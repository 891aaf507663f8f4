/* The GPUs of the stand-in library: what they draw, what their sensors show, and what goes wrong. */
#ifndef EDGEWATT_GPUS_H
#define EDGEWATT_GPUS_H

#include <stdint.h>

enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9, GPU_IS_LOST = 15, NO_DATA = 21, ARGUMENT_VERSION_MISMATCH = 25, UNKNOWN = 999
};

enum { MAX_GPUS = 16, MAX_MIG = 7, MAX_SCOPES = 4, TEXT = 96 };

/* Watts from t_ns on: of a schedule, or added by a load, whose process is `pid`. */
typedef struct {
    int64_t t_ns;
    double watts;
    int32_t gpu, pid;
} edge;

/* A list that grows. */
typedef struct {
    edge *at;
    int count, room;
} edges;

/* From t_ns on the power goes from start_w to level_w with the time constant tau_s; the rest is as of t_ns. */
typedef struct {
    int64_t t_ns;
    double level_w, start_w, tau_s, done_j, busy_s, warm_k;
} piece;

/* Something happens every period_s, each time up to jitter_s early or late, the same for every process. */
typedef struct {
    int64_t first_ns;
    double period_s, jitter_s;
    uint64_t seed;
} ticks;

typedef struct {
    char symbol[TEXT];
    int code;
    int64_t from_ns;
    double share;
} fault;

typedef struct {
    char symbol[TEXT];
    double seconds;
} delay;

/* Faults and delays of one GPU, or of all and of the library. */
typedef struct {
    fault *faults;
    delay *delays;
    int fault_count, delay_count;
    uint64_t calls;
} troubles;

struct gpu;

/* What a client holds: a GPU (mig < 0), or one of its instances. */
typedef struct {
    struct gpu *gpu;
    int mig;
} device;

typedef struct gpu {
    char name[TEXT], uuid[TEXT];
    int index, architecture, identity_only, mig, usage_averages, counter_samples, has_counter, samples, stamp_updates;
    int64_t origin_ns, lost_ns;
    double idle_w, limit_w, least_w, most_w, rise_s, fall_s, window_s, average_s, gain, noise_w, counter_start_mj;
    double scope_share[MAX_SCOPES], scope_more_w[MAX_SCOPES];
    double memory_b, used_b, busy_b, ambient_c, k_per_w, heat_s, clock_idle_mhz, clock_mhz, memory_mhz;
    ticks sensor, counter;
    troubles own;
    edges schedule, loads, reasons;
    piece *pieces;
    int piece_count, piece_room;
    int64_t summed;
    double sum_j;
    device self, instances[MAX_MIG];
} gpu;

typedef struct {
    char driver[TEXT], nvml[TEXT], loads_path[4096];
    int cuda, gpu_count;
    troubles own;
    int64_t *clock;
    int loads_file;
    int64_t loads_read;
    gpu gpus[MAX_GPUS];
} lab;

#pragma GCC visibility push(hidden)

/* lab.c: what the configuration says, and what loads have said since. */
int lab_open(lab *lab);
void lab_close(lab *lab);
int64_t lab_now(const lab *lab);
void lab_follow(lab *lab);

/* power.c: exact, by instants of the clock in ns. */
void edges_add(edges *edges, edge one);
void power_lead(gpu *gpu);
double power_w(const gpu *gpu, int64_t t_ns);
double power_j(const gpu *gpu, int64_t t_ns);
double power_busy_s(const gpu *gpu, int64_t t_ns);
double power_warm_k(const gpu *gpu, int64_t t_ns);
double edges_value(const edges *edges, int64_t t_ns);

/* sensor.c: as a client finds it. */
double drawn(uint64_t seed, int64_t number);
int64_t tick_ns(const ticks *ticks, int64_t number);
int64_t tick_latest(const ticks *ticks, int64_t t_ns);
double sensor_mw(const gpu *gpu, int64_t tick, double window_s, int scope);
uint64_t counter_mj(gpu *gpu, int64_t t_ns);
unsigned sensor_use(const gpu *gpu, int64_t t_ns);
uint64_t sensor_reasons(const gpu *gpu, int64_t t_ns);
int trouble(troubles *troubles, const char *symbol, int64_t t_ns);
double latency_s(const troubles *own, const troubles *all, const char *symbol);

#pragma GCC visibility pop

#endif
