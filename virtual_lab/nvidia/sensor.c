/* What a client finds: a value published every T that is a mean over W, a counter that moves in steps, faults. */
#include <math.h>
#include <string.h>

#include "gpus.h"

/* Utilisation is a share of the last 1/6 to 1 s (NVML's documentation); this one takes 1/5 s. */
#define USE_S 0.2

/* splitmix64 (Steele, Lea, Flood 2014) as a hash: 0 to 1, the same for every process. */
double drawn(uint64_t seed, int64_t number) {
    uint64_t z = seed + 0x9e3779b97f4a7c15u * (uint64_t)(number + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

int64_t tick_ns(const ticks *ticks, int64_t number) {
    double early_s = ticks->jitter_s * (2 * drawn(ticks->seed, number) - 1);
    return ticks->first_ns + llround((double)number * ticks->period_s * 1e9 + early_s * 1e9);
}

/* Jitter is at most a quarter of the period, so that it is a neighbour of the guess. */
int64_t tick_latest(const ticks *ticks, int64_t t_ns) {
    int64_t number = (int64_t)floor((double)(t_ns - ticks->first_ns) / (ticks->period_s * 1e9)) + 1;
    while (tick_ns(ticks, number) > t_ns) number--;
    return number;
}

static double shown_w(const gpu *gpu, int64_t tick, double window_s) {
    int64_t end_ns = tick_ns(&gpu->sensor, tick), begin_ns = end_ns - llround(window_s * 1e9);
    double mean_w = (power_j(gpu, end_ns) - power_j(gpu, begin_ns)) / ((double)(end_ns - begin_ns) * 1e-9);
    /* The sum of twelve: normal enough. */
    double noise = -6;
    for (int i = 0; gpu->noise_w > 0 && i < 12; i++) noise += drawn(gpu->sensor.seed + 1, tick * 12 + i);
    return gpu->gain * mean_w + (gpu->noise_w > 0 ? gpu->noise_w * noise : 0);
}

double sensor_mw(const gpu *gpu, int64_t tick, double window_s, int scope) {
    double watts = gpu->scope_share[scope] * shown_w(gpu, tick, window_s) + gpu->scope_more_w[scope];
    return fmax(rint(watts * 1e3), 0);
}

uint64_t counter_mj(gpu *gpu, int64_t t_ns) {
    double energy_j;
    if (gpu->counter_samples) {
        int64_t tick = tick_latest(&gpu->sensor, t_ns);
        for (; gpu->summed < tick; gpu->summed++) {
            int64_t lasted_ns = tick_ns(&gpu->sensor, gpu->summed + 1) - tick_ns(&gpu->sensor, gpu->summed);
            gpu->sum_j += shown_w(gpu, gpu->summed + 1, gpu->window_s) * (double)lasted_ns * 1e-9;
        }
        energy_j = gpu->sum_j;
    } else {
        energy_j = gpu->gain * power_j(gpu, tick_ns(&gpu->counter, tick_latest(&gpu->counter, t_ns)));
    }
    return (uint64_t)floor(gpu->counter_start_mj + energy_j * 1e3);
}

unsigned sensor_use(const gpu *gpu, int64_t t_ns) {
    int64_t end_ns = tick_ns(&gpu->sensor, tick_latest(&gpu->sensor, t_ns));
    double busy_s = power_busy_s(gpu, end_ns) - power_busy_s(gpu, end_ns - llround(USE_S * 1e9));
    return (unsigned)lrint(100 * fmin(busy_s / USE_S, 1));
}

/* Idle, power cap, and what the configuration adds. */
uint64_t sensor_reasons(const gpu *gpu, int64_t t_ns) {
    double watts = power_w(gpu, t_ns);
    uint64_t own = watts > gpu->limit_w * 0.99 ? 4 : power_busy_s(gpu, t_ns) > power_busy_s(gpu, t_ns - 1000) ? 0 : 1;
    return own | (uint64_t)edges_value(&gpu->reasons, t_ns);
}

/* `*` stands for every symbol; by chance, each call has its own. */
int trouble(troubles *troubles, const char *symbol, int64_t t_ns) {
    for (int i = 0; i < troubles->fault_count; i++) {
        const fault *one = troubles->faults + i;
        int meant = !strcmp(one->symbol, symbol) || !strcmp(one->symbol, "*");
        if (meant && t_ns >= one->from_ns && drawn(17, (int64_t)troubles->calls++) < one->share) return one->code;
    }
    return SUCCESS;
}

static double longest_s(const troubles *troubles, const char *symbol) {
    double seconds = 0;
    for (int i = 0; i < troubles->delay_count; i++) {
        const delay *one = troubles->delays + i;
        if (!strcmp(one->symbol, symbol) || !strcmp(one->symbol, "*")) seconds = fmax(seconds, one->seconds);
    }
    return seconds;
}

double latency_s(const troubles *own, const troubles *all, const char *symbol) {
    return fmax(own ? longest_s(own, symbol) : 0, longest_s(all, symbol));
}
