#include "run/outlet.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "run/event_table.h"
#include "run/ring.h"

/* How long the worker sleeps between checks of a full ring while it waits for the reader. */
#define LOOK_AGAIN 0.0005

struct outlet {
    struct ring *ring;
    uint32_t slots;
    double patience;
    /* owned by the worker */
    struct event pending[OUTLET_PENDING]; /* oldest first */
    int pending_count;
    struct event *tensors; /* newest of each, where has_tensor says so */
    bool *has_tensor;
    int tensor_count, tensors_pending;
    uint64_t lost, lost_told;
    uint64_t last_step;
    double last_time;
    struct outlet_waits waits;
    /* the reader sleeps; whoever clears this posts */
    atomic_bool is_waiting;
    sem_t filled;
    /* for outlet_pressure; relaxed, because they are only displayed */
    _Atomic uint64_t folded;
    _Atomic uint32_t high_water;
};

struct outlet *outlet_create(size_t slots, int tensors, double patience) {
    struct outlet *outlet = calloc(1, sizeof *outlet);
    if (!outlet) return NULL;
    size_t count = tensors > 0 ? (size_t)tensors : 1;
    outlet->ring = ring_create(slots, sizeof(struct event));
    outlet->tensors = calloc(count, sizeof *outlet->tensors);
    outlet->has_tensor = calloc(count, sizeof *outlet->has_tensor);
    if (!outlet->ring || !outlet->tensors || !outlet->has_tensor ||
        sem_init(&outlet->filled, 0, 0)) {
        ring_destroy(outlet->ring);
        free(outlet->tensors);
        free(outlet->has_tensor);
        free(outlet);
        return NULL;
    }
    outlet->slots = (uint32_t)slots;
    outlet->patience = patience;
    outlet->tensor_count = tensors;
    atomic_init(&outlet->is_waiting, false);
    atomic_init(&outlet->folded, 0);
    atomic_init(&outlet->high_water, 0);
    return outlet;
}

void outlet_destroy(struct outlet *outlet) {
    if (!outlet) return;
    struct event event;
    while (ring_pop(outlet->ring, &event)) event_release(&event);
    for (int i = 0; i < outlet->pending_count; i++) event_release(&outlet->pending[i]);
    ring_destroy(outlet->ring);
    sem_destroy(&outlet->filled);
    free(outlet->tensors);
    free(outlet->has_tensor);
    free(outlet);
}

/* Relaxed: only the worker writes these counters. */
static void count_folded(struct outlet *outlet, uint64_t records) {
    uint64_t folded = atomic_load_explicit(&outlet->folded, memory_order_relaxed);
    atomic_store_explicit(&outlet->folded, folded + records, memory_order_relaxed);
}

static bool push(struct outlet *outlet, const struct event *event) {
    if (!ring_push(outlet->ring, event)) return false;
    uint32_t used = (uint32_t)ring_used(outlet->ring);
    if (used > atomic_load_explicit(&outlet->high_water, memory_order_relaxed))
        atomic_store_explicit(&outlet->high_water, used, memory_order_relaxed);
    /* Exchange on both sides: these two are ordered one way or the other.  Either this one finds
     * the reader waiting and posts, or the reader's own comes later, acquires what is released
     * here, and sees the record. */
    if (atomic_exchange_explicit(&outlet->is_waiting, false, memory_order_acq_rel))
        sem_post(&outlet->filled);
    return true;
}

static void forget(struct outlet *outlet, int index) {
    outlet->pending_count--;
    memmove(outlet->pending + index, outlet->pending + index + 1,
            (size_t)(outlet->pending_count - index) * sizeof *outlet->pending);
}

/* Drop the oldest of the least important events. */
static void make_room(struct outlet *outlet) {
    int victim = 0;
    for (int i = 1; i < outlet->pending_count; i++)
        if (event_worth(&outlet->pending[i]) < event_worth(&outlet->pending[victim])) victim = i;
    event_release(&outlet->pending[victim]);
    forget(outlet, victim);
    outlet->lost++;
}

static void fold_batch(struct event *into, const struct event *event) {
    struct event_batch *sum = &into->batch;
    const struct event_batch *one = &event->batch;
    if (one->finite) {
        sum->loss_min =
            sum->finite && sum->loss_min < one->loss_min ? sum->loss_min : one->loss_min;
        sum->loss_max =
            sum->finite && sum->loss_max > one->loss_max ? sum->loss_max : one->loss_max;
    }
    sum->loss_last = one->loss_last;
    sum->loss_sum += one->loss_sum;
    sum->finite += one->finite;
    sum->not_finite += one->not_finite;
    sum->count += one->count;
    sum->correct += one->correct;
    sum->epoch = one->epoch;
    sum->batch = one->batch;
    sum->batches = one->batches;
    sum->learning_rate = one->learning_rate;
    sum->samples_per_second = one->samples_per_second;
    sum->step_seconds = one->step_seconds;
    into->folded += event->folded;
    into->step = event->step;
    into->time = event->time;
}

/* The record to merge this batch into: the newest one, and only if nothing else has happened since,
 * which keeps the order, or if there is no room to keep them separate. */
static struct event *foldable_batch(struct outlet *outlet) {
    for (int i = outlet->pending_count - 1; i >= 0; i--) {
        if (outlet->pending[i].kind == EVENT_BATCH) return &outlet->pending[i];
        if (outlet->pending_count < OUTLET_PENDING) return NULL;
    }
    return NULL;
}

static void keep_tensor(struct outlet *outlet, const struct event *event) {
    int tensor = event->tensor.tensor;
    qt_assert(tensor >= 0 && tensor < outlet->tensor_count);
    uint32_t folded = 0;
    if (outlet->has_tensor[tensor]) {
        folded = outlet->tensors[tensor].folded;
        count_folded(outlet, 1);
    } else {
        outlet->has_tensor[tensor] = true;
        outlet->tensors_pending++;
    }
    outlet->tensors[tensor] = *event;
    outlet->tensors[tensor].folded += folded;
}

/* Remove the pending partial evaluation, if any; returns the number it stood for. */
static uint32_t replace_partial(struct outlet *outlet) {
    for (int i = 0; i < outlet->pending_count; i++) {
        struct event *older = &outlet->pending[i];
        if (older->kind != EVENT_EVALUATION || older->evaluation->is_whole) continue;
        uint32_t folded = older->folded;
        event_release(older);
        forget(outlet, i);
        count_folded(outlet, 1);
        return folded;
    }
    return 0;
}

static void append(struct outlet *outlet, const struct event *event, uint32_t folded) {
    if (outlet->pending_count == OUTLET_PENDING) make_room(outlet);
    struct event *kept = &outlet->pending[outlet->pending_count++];
    *kept = *event;
    kept->folded += folded;
}

static void keep(struct outlet *outlet, const struct event *event) {
    struct event *batch;
    switch (event_row(event->kind)->fold) {
    case FOLD_NEWEST_OF_TENSOR:
        keep_tensor(outlet, event);
        break;
    case FOLD_BATCHES:
        batch = foldable_batch(outlet);
        if (!batch) {
            append(outlet, event, 0);
            break;
        }
        fold_batch(batch, event);
        count_folded(outlet, 1);
        break;
    case FOLD_NEWEST_PARTIAL:
        append(outlet, event, event->evaluation->is_whole ? 0 : replace_partial(outlet));
        break;
    case FOLD_NEVER:
        append(outlet, event, 0);
        break;
    }
}

static bool has_pending(const struct outlet *outlet) {
    return outlet->pending_count || outlet->tensors_pending;
}

bool outlet_flush(struct outlet *outlet) {
    int pushed = 0;
    while (pushed < outlet->pending_count && push(outlet, &outlet->pending[pushed])) pushed++;
    outlet->pending_count -= pushed;
    if (pushed)
        memmove(outlet->pending, outlet->pending + pushed,
                (size_t)outlet->pending_count * sizeof *outlet->pending);
    if (outlet->pending_count) return false;
    for (int i = 0; outlet->tensors_pending && i < outlet->tensor_count; i++) {
        if (!outlet->has_tensor[i]) continue;
        if (!push(outlet, &outlet->tensors[i])) return false;
        outlet->has_tensor[i] = false;
        outlet->tensors_pending--;
    }
    if (outlet->lost > outlet->lost_told) {
        struct event note = {.kind = EVENT_LOG,
                             .folded = 1,
                             .step = outlet->last_step,
                             .time = outlet->last_time,
                             .log.level = LOG_WARNING};
        snprintf(note.log.text, sizeof note.log.text,
                 "%llu events were lost while the reader was stalled",
                 (unsigned long long)(outlet->lost - outlet->lost_told));
        if (!push(outlet, &note)) return false;
        outlet->lost_told = outlet->lost;
    }
    return true;
}

static void wait_for_room(struct outlet *outlet) {
    double start = clock_seconds(), waited = 0;
    size_t full = outlet->slots;
    while (waited < outlet->patience && ring_used(outlet->ring) == full) {
        clock_sleep(LOOK_AGAIN);
        waited = clock_seconds() - start;
    }
    outlet->waits.count++;
    outlet->waits.seconds += waited;
}

void outlet_publish(struct outlet *outlet, const struct event *event) {
    event_retain(event);
    outlet->last_step = event->step;
    outlet->last_time = event->time;
    if (has_pending(outlet)) {
        if (!outlet_flush(outlet)) {
            keep(outlet, event);
            return;
        }
    }
    if (push(outlet, event)) return;
    if (outlet->patience > 0) {
        wait_for_room(outlet);
        if (push(outlet, event)) return;
    }
    keep(outlet, event);
}

struct outlet_waits outlet_waits(const struct outlet *outlet) {
    return outlet->waits;
}

bool outlet_take(struct outlet *outlet, struct event *event) {
    return ring_pop(outlet->ring, event);
}

bool outlet_wait(struct outlet *outlet, struct event *event, double seconds) {
    if (ring_pop(outlet->ring, event)) return true;
    if (!(seconds > 0)) return false;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until); /* the only clock that sem_timedwait knows */
    double whole = seconds < 1e6 ? seconds : 1e6;
    until.tv_sec += (time_t)whole;
    until.tv_nsec += (long)((whole - (double)(time_t)whole) * 1e9);
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    bool found;
    do {
        /* Pairs with the exchange in push. */
        (void)atomic_exchange_explicit(&outlet->is_waiting, true, memory_order_acq_rel);
        found = ring_pop(outlet->ring, event);
        /* A post may be left over from a wait that found its event without sleeping: try again. */
    } while (!found && sem_timedwait(&outlet->filled, &until) == 0);
    /* An exchange here as well: a plain store would cut the chain by which the next one acquires
     * what the worker released. */
    (void)atomic_exchange_explicit(&outlet->is_waiting, false, memory_order_acq_rel);
    return found || ring_pop(outlet->ring, event);
}

struct outlet_pressure outlet_pressure(const struct outlet *outlet) {
    return (struct outlet_pressure){
        .folded = atomic_load_explicit(&outlet->folded, memory_order_relaxed),
        .high_water = atomic_load_explicit(&outlet->high_water, memory_order_relaxed),
        .capacity = outlet->slots,
    };
}
