#include "ui/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPAN       16 /* records below one bucket of the lowest level */
#define LEVELS     40 /* 16 * 2^39 records: never reached */
#define MIN_RAW    256
#define NOT_FOLDED UINT32_MAX
#define FOLD_MASK  0x7fffffffu

const double smooth_levels[SMOOTH_LEVELS] = {0, .5, .6, .8, .9, .95, .98, .99, .999};

struct record {
    uint64_t step; /* its first */
    float value;
    uint32_t fold; /* NOT_FOLDED, or number of its bucket in folds (low 31 bits) */
};

/* Moving average up to the end of a node or record. */
struct average {
    double m;
    uint64_t n;
};

struct node {
    struct bucket bucket;
    struct average average;
};

/* Level k >= 0 of the pyramid: node i covers records [i * SPAN << k, (i + 1) * SPAN << k). */
struct level {
    struct node *nodes;
    size_t first; /* number of nodes[0]: that many were dropped; always even */
    size_t count, capacity;
};

struct history {
    size_t raw_cap, level_cap;
    struct record *raw;
    size_t base; /* number of raw[0]; a multiple of SPAN */
    size_t raw_count, raw_capacity;
    struct bucket *folds;
    size_t fold_base, fold_count, fold_capacity;
    struct level levels[LEVELS];
    struct bucket open; /* records since the last full bucket of the lowest level */
    /* The newest record stands outside, so that one that finds no memory can be folded into it. */
    struct bucket tail;
    bool has_tail;
    size_t values;
    double weight;
    struct average average; /* of everything before the tail */
};

/* ---- buckets */

static const struct bucket empty_bucket = {.min = NAN, .max = NAN, .last = NAN};

static struct bucket bucket_of(uint64_t step, float value) {
    struct bucket bucket = empty_bucket;
    bucket.first_step = bucket.last_step = step;
    if (!isfinite(value)) {
        bucket.not_finite = 1;
        bucket.infinite = isinf(value) ? 1 : 0;
        return bucket;
    }
    bucket.count = 1;
    bucket.min = bucket.max = bucket.last = value;
    bucket.sum = (double)value;
    return bucket;
}

static bool is_empty(const struct bucket *bucket) {
    return bucket->count == 0 && bucket->not_finite == 0;
}

static uint32_t add_saturated(uint32_t a, uint32_t b) {
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* `later` follows `into`. */
static void merge(struct bucket *into, const struct bucket *later) {
    if (is_empty(later)) return;
    if (is_empty(into)) {
        *into = *later;
        return;
    }
    if (later->count > 0) {
        if (into->count == 0 || later->min < into->min) into->min = later->min;
        if (into->count == 0 || later->max > into->max) into->max = later->max;
        into->last = later->last;
        into->sum += later->sum;
    }
    into->count = add_saturated(into->count, later->count);
    into->not_finite = add_saturated(into->not_finite, later->not_finite);
    into->infinite = add_saturated(into->infinite, later->infinite);
    into->last_step = later->last_step;
}

static void average_add(struct average *average, const struct bucket *bucket, double weight) {
    if (bucket->count == 0) return;
    double mean = bucket->sum / bucket->count;
    double keep = bucket->count == 1 ? weight : pow(weight, bucket->count);
    average->m = keep * average->m + (1 - keep) * mean;
    average->n += bucket->count;
}

static float average_value(const struct average *average, double weight) {
    if (average->n == 0) return NAN;
    return (float)(average->m / (1 - pow(weight, (double)average->n)));
}

/* ---- storage */

static struct bucket record_bucket(const struct history *history, const struct record *record) {
    if (record->fold == NOT_FOLDED) return bucket_of(record->step, record->value);
    return history->folds[(record->fold - (uint32_t)history->fold_base) & FOLD_MASK];
}

/* A power of two, so that alignment needs only a look at the low bits. */
static size_t level_span(int level) {
    return (size_t)SPAN << level;
}

/* A place in the history is the number of the record there.  What is left of old records are nodes,
 * so places before `base` are ends of the finest nodes that remain: zone k, the places that level k
 * resolves but the level below does not. */
static size_t zone_end(const struct history *history, int level) {
    return level == 0 ? history->base : history->levels[level - 1].first * level_span(level - 1);
}

/* A larger copy of `array`; NULL, and nothing changed, at the limit or when memory is short. */
static void *grown(void *array, size_t *capacity, size_t limit, size_t size) {
    size_t wanted = *capacity ? *capacity * 2 : 32;
    if (wanted > limit) wanted = limit;
    if (wanted <= *capacity) return NULL;
    void *larger = realloc(array, wanted * size);
    if (larger) *capacity = wanted;
    return larger;
}

static void drop_oldest_raw(struct history *history) {
    size_t drop = history->raw_count / 2 / SPAN * SPAN, folds = 0;
    for (size_t i = 0; i < drop; i++) folds += history->raw[i].fold != NOT_FOLDED;
    history->raw_count -= drop;
    history->base += drop;
    memmove(history->raw, history->raw + drop, history->raw_count * sizeof *history->raw);
    if (folds == 0) return;
    history->fold_count -= folds;
    history->fold_base += folds;
    memmove(history->folds, history->folds + folds, history->fold_count * sizeof *history->folds);
}

static bool reserve_raw(struct history *history) {
    if (history->raw_count < history->raw_capacity) return true;
    struct record *raw =
        grown(history->raw, &history->raw_capacity, history->raw_cap, sizeof *history->raw);
    if (raw)
        history->raw = raw;
    else if (history->raw_count < 4 * SPAN)
        return false;
    else
        drop_oldest_raw(history);
    return true;
}

static bool reserve_fold(struct history *history) {
    if (history->fold_count < history->fold_capacity) return true;
    struct bucket *folds =
        grown(history->folds, &history->fold_capacity, history->raw_cap, sizeof *history->folds);
    if (folds) history->folds = folds;
    return folds != NULL;
}

static bool reserve_node(struct history *history, int k) {
    struct level *level = &history->levels[k];
    if (level->count < level->capacity) return true;
    struct node *nodes =
        grown(level->nodes, &level->capacity, history->level_cap, sizeof *level->nodes);
    if (nodes) {
        level->nodes = nodes;
        return true;
    }
    /* Never reach less far back than the level below. */
    size_t drop = level->count / 4 * 2;
    if (drop == 0 || (level->first + drop) * level_span(k) > zone_end(history, k)) return false;
    level->count -= drop;
    level->first += drop;
    memmove(level->nodes, level->nodes + drop, level->count * sizeof *level->nodes);
    return true;
}

/* Move the tail into the arrays.  All memory is found first, so that failure changes nothing. */
static bool commit_tail(struct history *history) {
    bool is_fold = history->tail.count + history->tail.not_finite != 1 ||
                   history->tail.first_step != history->tail.last_step;
    if (!reserve_raw(history) || (is_fold && !reserve_fold(history))) return false;
    size_t total = history->base + history->raw_count + 1;
    for (int k = 0; k < LEVELS && total % level_span(k) == 0; k++)
        if (!reserve_node(history, k)) return false;

    float value = history->tail.count      ? history->tail.last
                  : history->tail.infinite ? INFINITY
                                           : NAN;
    struct record record = {history->tail.first_step, value, NOT_FOLDED};
    if (is_fold) {
        record.fold = (uint32_t)(history->fold_base + history->fold_count) & FOLD_MASK;
        history->folds[history->fold_count++] = history->tail;
    }
    history->raw[history->raw_count++] = record;
    average_add(&history->average, &history->tail, history->weight);
    merge(&history->open, &history->tail);
    history->has_tail = false;

    struct bucket bucket = history->open;
    for (int k = 0; k < LEVELS && total % level_span(k) == 0; k++) {
        struct level *level = &history->levels[k];
        level->nodes[level->count++] = (struct node){bucket, history->average};
        history->open = empty_bucket;
        if (level->count < 2) break;
        bucket = level->nodes[level->count - 2].bucket;
        merge(&bucket, &level->nodes[level->count - 1].bucket);
    }
    return true;
}

struct history *history_create(size_t raw_cap) {
    struct history *history = calloc(1, sizeof *history);
    if (!history) return NULL;
    if (raw_cap < MIN_RAW) raw_cap = MIN_RAW;
    history->raw_cap = raw_cap;
    /* After its older half is dropped, a level still reaches as far back as the one below. */
    history->level_cap = raw_cap / SPAN * 2 + 64;
    history->open = empty_bucket;
    return history;
}

void history_destroy(struct history *history) {
    if (!history) return;
    for (int k = 0; k < LEVELS; k++) free(history->levels[k].nodes);
    free(history->raw);
    free(history->folds);
    free(history);
}

/* A copy of an array; false when memory is short. */
static bool copy_array(void **copy, const void *array, size_t count, size_t *capacity,
                       size_t size) {
    *copy = NULL;
    *capacity = count;
    if (!count) return true;
    *copy = malloc(count * size);
    if (*copy) memcpy(*copy, array, count * size);
    return *copy;
}

struct history *history_copy(const struct history *history) {
    struct history *copy = malloc(sizeof *copy);
    if (!copy) return NULL;
    *copy = *history;
    void *raw, *folds, *nodes;
    bool is_whole = copy_array(&raw, history->raw, history->raw_count, &copy->raw_capacity,
                               sizeof *history->raw);
    is_whole &= copy_array(&folds, history->folds, history->fold_count, &copy->fold_capacity,
                           sizeof *history->folds);
    copy->raw = raw;
    copy->folds = folds;
    for (int k = 0; k < LEVELS; k++) {
        const struct level *level = &history->levels[k];
        is_whole &= copy_array(&nodes, level->nodes, level->count, &copy->levels[k].capacity,
                               sizeof *level->nodes);
        copy->levels[k].nodes = nodes;
    }
    if (is_whole) return copy;
    history_destroy(copy);
    return NULL;
}

bool history_add(struct history *history, uint64_t step, float value) {
    struct bucket bucket = bucket_of(step, value);
    return history_add_bucket(history, &bucket);
}

bool history_add_bucket(struct history *history, const struct bucket *bucket) {
    if (is_empty(bucket)) return true;
    history->values += (size_t)bucket->count + bucket->not_finite;
    struct bucket record = *bucket;
    if (history->has_tail) {
        uint64_t newest = history->tail.last_step;
        if (record.first_step < newest) record.first_step = newest;
        if (record.last_step < record.first_step) record.last_step = record.first_step;
        if (!commit_tail(history)) {
            merge(&history->tail, &record);
            return false;
        }
    }
    history->tail = record;
    history->has_tail = true;
    return true;
}

size_t history_count(const struct history *history) {
    return history->values;
}

/* ---- looking up */

static size_t zone_nodes(const struct history *history, int level) {
    size_t end = zone_end(history, level) / level_span(level);
    const struct level *here = &history->levels[level];
    return end > here->first ? end - here->first : 0;
}

/* The first place whose record or node begins at `step` or later. */
static size_t place_of(const struct history *history, uint64_t step) {
    if (history->raw_count > 0 && history->raw[0].step < step) {
        size_t low = 0, high = history->raw_count;
        while (high - low > 1) {
            size_t middle = low + (high - low) / 2;
            if (history->raw[middle].step < step)
                low = middle;
            else
                high = middle;
        }
        return history->base + high;
    }
    for (int k = 0; k < LEVELS; k++) {
        const struct level *level = &history->levels[k];
        size_t count = zone_nodes(history, k);
        if (count == 0 || level->nodes[0].bucket.first_step >= step) {
            if (zone_end(history, k) == 0) return 0;
            if (level->first == 0) return 0;
            continue;
        }
        size_t low = 0, high = count;
        while (high - low > 1) {
            size_t middle = low + (high - low) / 2;
            if (level->nodes[middle].bucket.first_step < step)
                low = middle;
            else
                high = middle;
        }
        return (level->first + high) * level_span(k);
    }
    return 0;
}

/* The node of `level` that begins at `place`, or NULL. */
static struct node *node_at(const struct history *history, int level, size_t place) {
    const struct level *here = &history->levels[level];
    if (place % level_span(level) != 0) return NULL;
    size_t number = place / level_span(level);
    if (number < here->first || number - here->first >= here->count) return NULL;
    return &here->nodes[number - here->first];
}

/* The node of `level` that ends at `place`, or NULL. */
static struct node *node_before(const struct history *history, int level, size_t place) {
    return place < level_span(level) ? NULL : node_at(history, level, place - level_span(level));
}

struct bucket history_range(const struct history *history, uint64_t first, uint64_t last) {
    struct bucket all = empty_bucket;
    if (first > last) return all;
    size_t total = history->base + history->raw_count;
    size_t end = last == UINT64_MAX ? total : place_of(history, last + 1);
    size_t place = place_of(history, first);
    while (place < end) {
        const struct node *node = NULL;
        int level = -1;
        for (int k = 0; k < LEVELS; k++) {
            if (place % level_span(k) != 0 || end - place < level_span(k)) break;
            const struct node *wider = node_at(history, k, place);
            if (wider) {
                node = wider;
                level = k;
            }
        }
        if (node) {
            merge(&all, &node->bucket);
            place += level_span(level);
        } else {
            struct bucket one = record_bucket(history, &history->raw[place - history->base]);
            merge(&all, &one);
            place++;
        }
    }
    if (history->has_tail && history->tail.first_step >= first && history->tail.first_step <= last)
        merge(&all, &history->tail);
    return all;
}

/* ---- smoothing */

static void set_averages(struct history *history, size_t place) {
    for (int k = 0; k < LEVELS && place % level_span(k) == 0; k++) {
        struct node *node = node_before(history, k, place);
        if (node) node->average = history->average;
    }
}

static void smooth_again(struct history *history, double weight) {
    history->weight = weight;
    history->average = (struct average){0, 0};
    for (int k = LEVELS - 1; k >= 0; k--) {
        const struct level *level = &history->levels[k];
        size_t count = zone_nodes(history, k);
        for (size_t i = 0; i < count; i++) {
            average_add(&history->average, &level->nodes[i].bucket, weight);
            set_averages(history, (level->first + i + 1) * level_span(k));
        }
    }
    for (size_t i = 0; i < history->raw_count; i++) {
        struct bucket bucket = record_bucket(history, &history->raw[i]);
        average_add(&history->average, &bucket, weight);
        set_averages(history, history->base + i + 1);
    }
}

/* The average of everything before `place`. */
static struct average average_at(const struct history *history, size_t place) {
    size_t start = place / SPAN * SPAN;
    struct average average = {0, 0};
    for (int k = 0; k < LEVELS && start > 0 && start % level_span(k) == 0; k++) {
        const struct node *node = node_before(history, k, start);
        if (!node) continue;
        average = node->average;
        break;
    }
    for (size_t i = start; i < place; i++) {
        struct bucket bucket = record_bucket(history, &history->raw[i - history->base]);
        average_add(&average, &bucket, history->weight);
    }
    return average;
}

void history_smooth(struct history *history, double weight, size_t count, const uint64_t *steps,
                    float *smooth) {
    /* A negated comparison, so that NaN turns smoothing off. */
    if (!(weight >= 0 && weight < 1)) weight = 0;
    bool is_same = !(history->weight < weight) && !(history->weight > weight);
    if (!is_same) smooth_again(history, weight);
    for (size_t i = 0; i < count; i++) {
        struct average average;
        if (history->has_tail && steps[i] >= history->tail.first_step) {
            average = history->average;
            average_add(&average, &history->tail, weight);
        } else {
            average = average_at(history, place_of(history, steps[i] + 1));
        }
        smooth[i] = average_value(&average, weight);
    }
}
