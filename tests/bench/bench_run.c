/* bench_run: batches a second of a run whose screen reads everything, reads ten times a second,
 * or stands still.
 *
 *     make tests/bench/bench_run && tests/bench/bench_run [MODEL DATA]
 * The three take turns, so that a noisy machine treats them alike; prints medians, and the
 * processor time a batch, which other programs on the machine disturb less. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "run/run.h"
#include "places.h"

#define RUNS  3
#define STEPS 6000

enum screen { SCREEN_READS, SCREEN_READS_AT_TIMES, SCREEN_STANDS_STILL, SCREENS };
static const char *const screen_names[SCREENS] = {
    "screen reads everything at once",
    "screen reads ten times a second",
    "screen stands still",
};

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void read_all(struct run *run, double *start, double *end, uint64_t *folded) {
    struct event event;
    while (run_poll(run, &event)) {
        /* The worker's own times: from the first batch to the last. */
        if (event.kind == EVENT_BATCH && event.batch.first_step == 1) *start = event.time;
        if (event.kind == EVENT_BATCH && event.step == STEPS) *end = event.time;
        event_release(&event);
    }
    *folded = run_pressure(run).folded;
}

static double batches_a_second(const struct run_config *config, enum screen screen,
                               uint64_t *folded, double *cpu) {
    struct run *run = NULL;
    struct error error;
    double start = -1, end = -1;
    if (run_create(&run, config, &error) || run_start(run, &error)) {
        fprintf(stderr, "bench_run: %s: %s\n", error.where, error.text);
        exit(1);
    }
    struct outlet_pressure before = {0};
    double cpu_before = cpu_seconds();
    while (end < 0) {
        if (screen == SCREEN_READS) {
            struct event event;
            if (run_wait(run, &event, 0.1)) {
                if (event.kind == EVENT_BATCH && event.batch.first_step == 1) start = event.time;
                if (event.kind == EVENT_BATCH && event.step == STEPS) end = event.time;
                event_release(&event);
            }
            continue;
        }
        clock_sleep(0.1);
        if (screen == SCREEN_STANDS_STILL) {
            /* Nothing is read until nothing more is folded: the training is over. */
            struct outlet_pressure now = run_pressure(run);
            bool is_over = now.folded && now.folded == before.folded;
            before = now;
            if (!is_over) continue;
        }
        read_all(run, &start, &end, folded);
    }
    *folded = run_pressure(run).folded;
    *cpu = (cpu_seconds() - cpu_before) / STEPS;
    if (run_finish(run, false, &error)) exit(1);
    return (STEPS - 1) / (end - start);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    struct run_config config = run_config_default();
    config.model_path = argc > 1 ? argv[1] : ASSETS_SOURCE "/models/mnist_fc.h5";
    config.data_folder = argc > 2 ? argv[2] : ASSETS_SOURCE "/mnist-5k";
    config.training.epochs = 1000;
    config.training.max_steps = STEPS;
    config.training.batch = 4; /* small batches: as many events a second as a run can make */
    config.pace = PACE_MAX;
    config.threads = 1;
    double rates[SCREENS][RUNS], cpu[SCREENS][RUNS];
    uint64_t folded[SCREENS] = {0};
    for (int i = 0; i < RUNS; i++)
        for (int screen = 0; screen < SCREENS; screen++)
            rates[screen][i] =
                batches_a_second(&config, (enum screen)screen, &folded[screen], &cpu[screen][i]);
    printf("%s, %d cores; medians of %d runs of %d batches of %d\n", cpu_model(), cpu_count(), RUNS,
           STEPS, config.training.batch);
    for (int screen = 0; screen < SCREENS; screen++) {
        qsort(rates[screen], RUNS, sizeof rates[screen][0], ascending);
        qsort(cpu[screen], RUNS, sizeof cpu[screen][0], ascending);
        printf("%-32s %6.0f batches/s (%.0f to %.0f), %.1f us of processor a batch, %llu folded\n",
               screen_names[screen], rates[screen][RUNS / 2], rates[screen][0],
               rates[screen][RUNS - 1], cpu[screen][RUNS / 2] * 1e6,
               (unsigned long long)folded[screen]);
    }
    return 0;
}
