/* A training step asks for no memory, and takes no lock unless threads wait for each other.  The
 * linker sends every call of malloc, calloc, realloc, aligned_alloc, free and pthread_mutex_lock in
 * this program to the counting ones below (-Wl,--wrap). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/random.h"
#include "chain.h"
#include "test.h"
#include "data/image.h"
#include "train/trainer.h"

static atomic_int allocations, locks; /* since they were cleared */

/* WRAP(type of the result, name, parameters, arguments, counter) */
#define WRAP(type, name, parameters, arguments, counter)                                           \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters {                                                                \
        atomic_fetch_add(&counter, 1);                                                             \
        return __real_##name arguments;                                                            \
    }
WRAP(void *, malloc, (size_t size), (size), allocations)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), allocations)
WRAP(void *, realloc, (void *old, size_t size), (old, size), allocations)
WRAP(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), allocations)
WRAP(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex), locks)

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory) {
    atomic_fetch_add(&allocations, 1);
    __real_free(memory);
}

enum { DIGITS = 70, BATCH = 16, STEPS = 12 }; /* more than two epochs, the last batch is smaller */

static void fill_digits(struct samples *samples) {
    *samples =
        test_digits(calloc(DIGITS, DIGIT_PIXELS), malloc(DIGITS * sizeof *samples->labels), DIGITS);
    assert_true(samples->bytes && samples->labels);
    uint32_t words[4];
    for (uint32_t i = 0; i < DIGITS * DIGIT_PIXELS; i++) {
        if (i % 4 == 0) random_philox(3, RANDOM_TEST, 0, i / 4, words);
        samples->bytes[i] = (unsigned char)words[i % 4];
    }
    for (int i = 0; i < DIGITS; i++) samples->labels[i] = (uint16_t)(i % DIGIT_CLASSES);
}

/* With a NULL scheme in plain float32. */
static void count_in_steps(const struct model *model, const char *scheme, int threads) {
    struct error error;
    struct dataset dataset = {0};
    struct pool *pool;
    struct quant_plan *plan = NULL;
    struct trainer *trainer;
    const struct training training = {.epochs = 3,
                                      .batch = BATCH,
                                      .learning_rate = 0.001f,
                                      .schedule = SCHEDULE_COSINE,
                                      .seed = 1,
                                      .shuffle = true,
                                      .dropout = true};
    fill_digits(&dataset.train);
    fill_digits(&dataset.test);
    assert_ok(pool_create(&pool, threads, &error), &error);
    if (scheme) assert_ok(quant_plan_create(&plan, model, scheme_find(scheme), &error), &error);
    assert_ok(trainer_create(&trainer, model, plan, &dataset, &training, pool, &error), &error);
    trainer_calibrate(trainer);
    atomic_store(&allocations, 0);
    atomic_store(&locks, 0);
    for (int i = 0; i < STEPS; i++) {
        struct step_result result;
        trainer_step(trainer, &result);
    }
    int allocated = atomic_load(&allocations), locked = atomic_load(&locks);
    trainer_destroy(trainer);
    quant_plan_free(plan);
    pool_destroy(pool);
    dataset_free(&dataset);
    if (allocated)
        fail_msg("%d calls for memory in %d steps, %d threads", allocated, STEPS, threads);
    if (threads == 1 && locked) fail_msg("%d locks taken in %d steps", locked, STEPS);
    print_message("# %s, %s, %d threads: %d locks in %d steps\n", model->name,
                  scheme ? scheme : "float32", threads, locked, STEPS);
}

static void count_in_all(const struct model *model) {
    for (int threads = 1; threads <= 3; threads++) {
        count_in_steps(model, "qatop", threads);
        count_in_steps(model, "tfmot", threads);
        count_in_steps(model, NULL, threads);
    }
}

static void the_counters_count(void **state) {
    (void)state;
    atomic_store(&allocations, 0);
    atomic_store(&locks, 0);
    void *array = array_new(3, sizeof(float));
    struct model *model = chain_begin();
    struct pool *pool;
    struct error error;
    assert_ok(pool_create(&pool, 2, &error), &error);
    pool_destroy(pool);
    assert_true(model && array && atomic_load(&allocations) >= 3);
    model_free(model);
    array_free(array);
}

static void a_step_of_the_built_in_models_allocates_nothing(void **state) {
    (void)state;
    static const char *const names[] = {"fc", "cnn"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct error error;
        struct model *model;
        assert_ok(model_build(names[i], 5, &model, &error), &error);
        count_in_all(model);
        model_free(model);
    }
}

static void a_step_through_the_other_layers_allocates_nothing(void **state) {
    (void)state;
    const int margins[4] = {1, 0, 2, 1};
    struct model *model = chain_begin();
    chain_padding(model, "padding", margins);
    chain_conv2d(model, "a", 5, 5, 2, PADDING_VALID, ACTIVATION_LINEAR);
    chain_normalization(model, "a_norm", true);
    chain_layer(model, LAYER_RELU, "relu", ACTIVATION_RELU6);
    chain_depthwise(model, "b", 2, 3, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "b_norm", true);
    chain_average(model, "average", 2, PADDING_SAME);
    chain_dropout(model, "dropout", 0.25f);
    chain_layer(model, LAYER_GLOBAL_AVERAGE_POOLING2D, "global", ACTIVATION_LINEAR);
    chain_dense(model, "c", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 12);
    count_in_all(model);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_counters_count),
    cmocka_unit_test(a_step_of_the_built_in_models_allocates_nothing),
    cmocka_unit_test(a_step_through_the_other_layers_allocates_nothing),
};
TEST_MAIN(tests)
