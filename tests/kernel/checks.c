#include "checks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cpu.h"
#include "base/random.h"

const size_t odd_sizes[] = {1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 63, 65};
const size_t odd_size_count = COUNT_OF(odd_sizes);

enum { GUARD = 128, GUARD_BYTE = 0xa5 };

struct tensor tensor_new(size_t count, bool misaligned) {
    struct tensor tensor = {.count = count};
    size_t bytes = count * sizeof(float) + 2 * GUARD + 64;
    tensor.memory = array_new(bytes, 1);
    assert_non_null(tensor.memory);
    memset(tensor.memory, GUARD_BYTE, bytes);
    tensor.at = (float *)(void *)(tensor.memory + GUARD + (misaligned ? sizeof(float) : 0));
    return tensor;
}

void tensor_free(struct tensor *tensor) {
    const unsigned char *begin = (const unsigned char *)tensor->at;
    const unsigned char *end = (const unsigned char *)(tensor->at + tensor->count);
    for (const unsigned char *p = tensor->memory; p < begin; p++)
        if (*p != GUARD_BYTE) fail_msg("wrote %td bytes before a tensor", begin - p);
    for (const unsigned char *p = end; p < end + GUARD; p++)
        if (*p != GUARD_BYTE) fail_msg("wrote %td bytes after a tensor", p - end + 1);
    array_free(tensor->memory);
    *tensor = (struct tensor){0};
}

static uint64_t seed(void) {
    static uint64_t value;
    static bool known;
    if (!known) {
        const char *text = getenv("QATOP_TEST_SEED");
        value = text && *text ? strtoull(text, NULL, 0) : 20240607;
        print_message("# QATOP_TEST_SEED=%llu\n", (unsigned long long)value);
        known = true;
    }
    return value;
}

static uint32_t next_word(void) {
    static uint32_t words[4], used = 4;
    static uint64_t counter;
    if (used == 4) {
        random_philox(seed(), RANDOM_TEST, counter >> 32, (uint32_t)counter, words);
        counter++;
        used = 0;
    }
    return words[used++];
}

unsigned checks_random(unsigned bound) {
    return next_word() % bound;
}

void tensor_fill(struct tensor *tensor) {
    for (size_t i = 0; i < tensor->count; i++) {
        uint32_t word = next_word();
        float x = 2 * random_unit(word) - 1;
        switch (word & 31) { /* not among the bits that random_unit takes */
        case 0:
            x = 0;
            break;
        case 1:
            x = -0.0f;
            break;
        case 2:
            x = 0.5f;
            break;
        case 3:
            x *= 1e6f;
            break;
        case 4:
            x *= 1e-30f;
            break;
        default:
            break;
        }
        tensor->at[i] = x;
    }
}

void tensor_fill_wild(struct tensor *tensor) {
    tensor_fill(tensor);
    for (size_t i = 0; i < tensor->count; i++) {
        switch (checks_random(64)) {
        case 0:
            tensor->at[i] = NAN;
            break;
        case 1:
            tensor->at[i] = INFINITY;
            break;
        case 2:
            tensor->at[i] = -INFINITY;
            break;
        default:
            break;
        }
    }
}

void tensor_poison(struct tensor *tensor) {
    memset(tensor->at, 0xc3, tensor->count * sizeof(float));
}

void assert_same(const struct tensor *got, const struct tensor *want, const char *format, ...) {
    assert_int_equal(got->count, want->count);
    if (!memcmp(got->at, want->at, got->count * sizeof(float))) return;
    for (size_t i = 0; i < got->count; i++) {
        if (!memcmp(&got->at[i], &want->at[i], sizeof(float))) continue;
        if (isnan(got->at[i]) && isnan(want->at[i])) continue;
        char text[256];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        fail_msg("%s (%s): element %zu of %zu is %.9g (%a), want %.9g (%a)", text, checks_place(),
                 i, got->count, (double)got->at[i], (double)got->at[i], (double)want->at[i],
                 (double)want->at[i]);
    }
}

static enum isa place_isa;
static int place_threads;

const char *checks_place(void) {
    static char text[64];
    snprintf(text, sizeof text, "%s, %d threads", cpu_isa_name(place_isa), place_threads);
    return text;
}

void checks_everywhere(checks_function *check, void *context) {
    enum isa best = cpu_isa();
    for (int threads = 0; threads <= 4; threads++) {
        struct pool *pool = NULL;
        struct error error;
        if (threads) assert_ok(pool_create(&pool, threads, &error), &error);
        for (enum isa isa = ISA_BASELINE; isa < ISA_LEVELS; isa++) {
            if (!cpu_force_isa(isa)) continue;
            place_isa = isa;
            place_threads = threads;
            check(pool, context);
        }
        pool_destroy(pool);
    }
    cpu_force_isa(best);
}
