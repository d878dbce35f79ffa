/* bench_ring: records a second through a ring and through an outlet, with a thread on each side.
 *
 *     make tests/bench/bench_ring && tests/bench/bench_ring
 * Prints medians of several runs; decides nothing. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "run/outlet.h"
#include "run/ring.h"

#define RUNS    7
#define RECORDS 2000000u
#define SLOTS   4096

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[RUNS]) {
    qsort(values, RUNS, sizeof *values, ascending);
    return values[RUNS / 2];
}

static void *drain_ring(void *context) {
    struct event event;
    for (unsigned taken = 0; taken < RECORDS;) {
        if (ring_pop(context, &event)) {
            taken++;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

static double ring_seconds(size_t size) {
    struct ring *ring = ring_create(SLOTS, size);
    struct event event = {.kind = EVENT_BATCH};
    pthread_t reader;
    double start = clock_seconds();
    if (!ring || pthread_create(&reader, NULL, drain_ring, ring)) exit(1);
    for (unsigned i = 0; i < RECORDS; i++)
        while (!ring_push(ring, &event)) sched_yield();
    pthread_join(reader, NULL);
    double seconds = clock_seconds() - start;
    ring_destroy(ring);
    return seconds;
}

static void *drain_outlet(void *context) {
    struct event event;
    uint64_t taken = 0;
    while (taken < RECORDS)
        if (outlet_wait(context, &event, 1)) taken += event.folded;
    return NULL;
}

/* What publishing costs the worker; `is_read`: or else the reader stands still. */
static double publish_seconds(bool is_read) {
    struct outlet *outlet = outlet_create(SLOTS, 1, 0);
    struct event event = {.kind = EVENT_BATCH, .folded = 1, .batch.finite = 1};
    pthread_t reader;
    if (!outlet || (is_read && pthread_create(&reader, NULL, drain_outlet, outlet))) exit(1);
    double start = clock_seconds();
    for (unsigned i = 1; i <= RECORDS; i++) {
        event.step = i;
        outlet_publish(outlet, &event);
    }
    double seconds = clock_seconds() - start;
    if (is_read) {
        while (!outlet_flush(outlet)) sched_yield();
        pthread_join(reader, NULL);
    }
    outlet_destroy(outlet);
    return seconds;
}

int main(void) {
    double small[RUNS], whole[RUNS], read[RUNS], stalled[RUNS];
    for (int i = 0; i < RUNS; i++) {
        small[i] = ring_seconds(16);
        whole[i] = ring_seconds(sizeof(struct event));
        read[i] = publish_seconds(true);
        stalled[i] = publish_seconds(false);
    }
    printf("%s, %d cores; medians of %d runs of %u records, %d slots\n", cpu_model(), cpu_count(),
           RUNS, RECORDS, SLOTS);
    printf("ring, 16-byte records            %8.2f million records/s\n",
           RECORDS / median(small) * 1e-6);
    printf("ring, events of %3zu bytes        %8.2f million records/s\n", sizeof(struct event),
           RECORDS / median(whole) * 1e-6);
    printf("publish, reader reads            %8.1f ns a batch\n", median(read) / RECORDS * 1e9);
    printf("publish, reader stands still     %8.1f ns a batch\n", median(stalled) / RECORDS * 1e9);
    return 0;
}
