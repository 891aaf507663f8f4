/* What a GPU draws: a level that jumps at edges, and a power that follows it exponentially, in closed form. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gpus.h"

static double since_s(const piece *piece, int64_t t_ns) { return (double)(t_ns - piece->t_ns) * 1e-9; }

/* Kept in order of time; those at one instant in the order in which they came. */
void edges_add(edges *edges, edge one) {
    if (edges->count == edges->room) {
        edges->room = edges->room ? 2 * edges->room : 16;
        edges->at = realloc(edges->at, (size_t)edges->room * sizeof(edge));
        if (!edges->at) abort();
    }
    int place = edges->count;
    while (place > 0 && edges->at[place - 1].t_ns > one.t_ns) place--;
    memmove(edges->at + place + 1, edges->at + place, (size_t)(edges->count - place) * sizeof(edge));
    edges->at[place] = one;
    edges->count++;
}

double edges_value(const edges *edges, int64_t t_ns) {
    double value = 0;
    for (int i = 0; i < edges->count && edges->at[i].t_ns <= t_ns; i++) value = edges->at[i].watts;
    return value;
}

static const piece *latest(const gpu *gpu, int64_t t_ns) {
    int low = 0, high = gpu->piece_count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (gpu->pieces[middle].t_ns <= t_ns) low = middle;
        else high = middle - 1;
    }
    return gpu->pieces + low;
}

double power_w(const gpu *gpu, int64_t t_ns) {
    const piece *one = latest(gpu, t_ns);
    double dt_s = since_s(one, t_ns);
    return dt_s < 0 ? one->start_w : one->level_w + (one->start_w - one->level_w) * exp(-dt_s / one->tau_s);
}

double power_j(const gpu *gpu, int64_t t_ns) {
    const piece *one = latest(gpu, t_ns);
    double dt_s = since_s(one, t_ns);
    if (dt_s < 0) return one->start_w * dt_s;
    double led_j = (one->level_w - one->start_w) * one->tau_s * expm1(-dt_s / one->tau_s);
    return one->done_j + one->level_w * dt_s + led_j;
}

double power_busy_s(const gpu *gpu, int64_t t_ns) {
    const piece *one = latest(gpu, t_ns);
    double dt_s = since_s(one, t_ns);
    return one->busy_s + (dt_s > 0 && one->level_w > gpu->idle_w ? dt_s : 0);
}

/* w' = (k_per_w P(t) - w) / heat_s, for the P of one piece. */
double power_warm_k(const gpu *gpu, int64_t t_ns) {
    const piece *one = latest(gpu, t_ns);
    double dt_s = fmax(since_s(one, t_ns), 0), level_k = gpu->k_per_w * one->level_w;
    double led_k = gpu->k_per_w * (one->start_w - one->level_w) / (1 - gpu->heat_s / one->tau_s);
    double own_k = one->warm_k - level_k - led_k;
    return level_k + led_k * exp(-dt_s / one->tau_s) + own_k * exp(-dt_s / gpu->heat_s);
}

static void lead(gpu *gpu, int64_t t_ns, double level_w) {
    piece *last = gpu->pieces + gpu->piece_count - 1;
    if (level_w == last->level_w) return;
    if (gpu->piece_count == gpu->piece_room) {
        gpu->piece_room *= 2;
        gpu->pieces = realloc(gpu->pieces, (size_t)gpu->piece_room * sizeof(piece));
        if (!gpu->pieces) abort();
        last = gpu->pieces + gpu->piece_count - 1;
    }
    gpu->pieces[gpu->piece_count] = (piece){
        .t_ns = t_ns,
        .level_w = level_w,
        .start_w = power_w(gpu, t_ns),
        .tau_s = level_w > last->level_w ? gpu->rise_s : gpu->fall_s,
        .done_j = power_j(gpu, t_ns),
        .busy_s = power_busy_s(gpu, t_ns),
        .warm_k = power_warm_k(gpu, t_ns),
    };
    gpu->piece_count++;
}

/* Work out all pieces anew from the schedule and the loads; no more than the limit is drawn. */
void power_lead(gpu *gpu) {
    if (!gpu->pieces) {
        gpu->piece_room = 64;
        gpu->pieces = malloc(64 * sizeof(piece));
        if (!gpu->pieces) abort();
    }
    gpu->piece_count = 1;
    gpu->pieces[0] = (piece){
        .t_ns = gpu->origin_ns,
        .level_w = gpu->idle_w,
        .start_w = gpu->idle_w,
        .tau_s = gpu->rise_s,
        .warm_k = gpu->k_per_w * gpu->idle_w,
    };
    const edges *schedule = &gpu->schedule, *loads = &gpu->loads;
    double base_w = gpu->idle_w, more_w = 0;
    for (int i = 0, j = 0; i < schedule->count || j < loads->count;) {
        int from_schedule = j == loads->count || (i < schedule->count && schedule->at[i].t_ns <= loads->at[j].t_ns);
        int64_t t_ns = from_schedule ? schedule->at[i].t_ns : loads->at[j].t_ns;
        while (i < schedule->count && schedule->at[i].t_ns == t_ns) base_w = schedule->at[i++].watts;
        while (j < loads->count && loads->at[j].t_ns == t_ns) more_w += loads->at[j++].watts;
        lead(gpu, t_ns, fmin(base_w + more_w, gpu->limit_w));
    }
}
