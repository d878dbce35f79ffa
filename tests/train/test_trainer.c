#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/random.h"
#include "chain.h"
#include "data/image.h"
#include "train/inspect.h"
#include "train/trainer.h"

/* Digits that can be learned: each class lights a block of its own, in noise. */
static void fill_digits(struct samples *samples, size_t count) {
    *samples =
        test_digits(calloc(count, DIGIT_PIXELS), malloc(count * sizeof *samples->labels), count);
    assert_non_null(samples->bytes);
    assert_non_null(samples->labels);
    for (size_t i = 0; i < count; i++) {
        int label = (int)(i * 7 % 10);
        samples->labels[i] = (uint16_t)label;
        for (int p = 0; p < DIGIT_PIXELS; p++) {
            uint32_t words[4];
            random_philox(21, RANDOM_TEST, i, (uint32_t)p, words);
            bool lit = p % 28 / 6 == label % 5 && p / 28 / 14 == label / 5;
            samples->bytes[i * DIGIT_PIXELS + (size_t)p] =
                (unsigned char)(lit ? 120 + words[0] % 136 : words[0] % 90);
        }
    }
}

static void make_dataset(struct dataset *dataset, size_t count) {
    memset(dataset, 0, sizeof *dataset);
    fill_digits(&dataset->train, count);
    fill_digits(&dataset->test, 20);
}

static struct model *small_model(void) {
    struct model *model = chain_begin();
    chain_conv2d(model, "conv", 5, 5, 2, PADDING_VALID, ACTIVATION_RELU);
    chain_max_pooling(model, "pool", 2);
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dropout(model, "dropout", 0.25f);
    chain_dense(model, "dense", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 11);
    return model;
}

struct setup {
    struct dataset dataset;
    struct model *model;
    struct quant_plan *plan;
    struct pool *pool;
    struct trainer *trainer;
};

static const struct training plain = {.epochs = 2, .batch = 8, .learning_rate = 0.002f};

static void setup_begin(struct setup *setup, const char *scheme, struct training training,
                        int threads) {
    struct error error;
    memset(setup, 0, sizeof *setup);
    make_dataset(&setup->dataset, 83);
    setup->model = small_model();
    if (scheme)
        assert_ok(quant_plan_create(&setup->plan, setup->model, scheme_find(scheme), &error),
                  &error);
    assert_ok(pool_create(&setup->pool, threads, &error), &error);
    assert_ok(trainer_create(&setup->trainer, setup->model, setup->plan, &setup->dataset, &training,
                             setup->pool, &error),
              &error);
    trainer_calibrate(setup->trainer);
}

static void setup_end(struct setup *setup) {
    trainer_destroy(setup->trainer);
    pool_destroy(setup->pool);
    quant_plan_free(setup->plan);
    model_free(setup->model);
    dataset_free(&setup->dataset);
}

static struct step_result step(struct setup *setup) {
    struct step_result result;
    trainer_step(setup->trainer, &result);
    return result;
}

static void epochs_are_counted_and_the_last_batch_is_smaller(void **state) {
    (void)state;
    struct setup setup;
    setup_begin(&setup, "tfmot", plain, 1);
    for (int i = 0; i < 22; i++) {
        struct step_result result = step(&setup);
        assert_int_equal(result.step, i + 1);
        assert_int_equal(result.epoch, i / 11);
        assert_int_equal(result.batch, i % 11 + 1);
        assert_int_equal(result.batches, 11);
        assert_int_equal(result.count, i % 11 == 10 ? 3 : 8);
        assert_true(result.correct >= 0 && result.correct <= result.count);
        assert_int_equal(result.ends_epoch, i % 11 == 10);
        assert_int_equal(result.ends_training, i == 21);
        assert_true(result.learning_rate == 0.002f);
    }
    assert_int_equal(trainer_steps(setup.trainer), 22);
    setup_end(&setup);
}

static void training_lowers_the_loss_with_every_scheme(void **state) {
    (void)state;
    static const char *const names[] = {NULL, "tfmot", "qatop"};
    for (int i = 0; i < 3; i++) {
        struct training training = plain;
        training.epochs = 12;
        training.learning_rate = 0.01f;
        training.shuffle = training.dropout = true;
        struct setup setup;
        setup_begin(&setup, names[i], training, 1);
        float first = step(&setup).loss;
        struct step_result result;
        do result = step(&setup);
        while (!result.ends_training);
        print_message("# loss %.3f to %.3f\n", (double)first, (double)result.loss);
        assert_true(first > 1.5f);
        assert_true(result.loss < 0.5f);
        setup_end(&setup);
    }
}

static void model_and_digits_stay_as_they_were(void **state) {
    (void)state;
    struct setup setup;
    setup_begin(&setup, "qatop", plain, 1);
    struct model *fresh = small_model();
    for (int i = 0; i < 5; i++) step(&setup);
    assert_memory_equal(setup.model->weights, fresh->weights, fresh->weight_count * sizeof(float));
    assert_memory_not_equal(trainer_weights(setup.trainer), fresh->weights,
                            fresh->weight_count * sizeof(float));
    model_free(fresh);
    setup_end(&setup);
}

/* Seed, shuffle and dropout decide the numbers; nothing else does. */
static void numbers_depend_on_seed_shuffle_dropout_and_augmentation_only(void **state) {
    (void)state;
    float losses[6];
    for (int kind = 0; kind < 6; kind++) {
        struct training training = plain;
        training.seed = kind == 2 ? 6 : 5;
        training.shuffle = kind != 3;
        training.dropout = kind != 4;
        training.augment = kind == 5 ? AUGMENT_SHIFT : AUGMENT_NONE;
        struct setup setup;
        setup_begin(&setup, "tfmot", training, 1);
        for (int i = 0; i < 6; i++) losses[kind] = step(&setup).loss;
        setup_end(&setup);
    }
    assert_true(losses[0] == losses[1]);
    for (int kind = 2; kind < 6; kind++) assert_true(losses[kind] != losses[0]);
}

/* Every digit of an epoch is seen once: with a rate of 0 the losses of both orders have one mean.
 */
static void shuffled_epoch_holds_every_digit_once(void **state) {
    (void)state;
    double means[2];
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        struct training training = plain;
        training.learning_rate = 0;
        training.shuffle = shuffle;
        struct setup setup;
        setup_begin(&setup, NULL, training, 1);
        double sum = 0;
        for (int i = 0; i < 11; i++) {
            struct step_result result = step(&setup);
            sum += (double)result.loss * result.count;
        }
        means[shuffle] = sum / 83;
        setup_end(&setup);
    }
    assert_near(means[0], means[1], 1e-6);
}

static void schedule_and_warmup_set_the_rate_of_each_batch(void **state) {
    (void)state;
    struct training training = plain;
    training.schedule = SCHEDULE_COSINE;
    training.warmup = 4;
    struct setup setup;
    setup_begin(&setup, "tfmot", training, 1);
    for (int i = 0; i < 22; i++) {
        double share =
            i < 4 ? (i + 1) / 4.0 : 0.5 * (1 + cos(3.14159265358979323846 * (i - 4) / 18.0));
        assert_near(step(&setup).learning_rate, 0.002 * share, 1e-9);
    }
    setup_end(&setup);
}

static void set_rate_holds_for_the_next_batch_and_the_schedule_goes_on_from_it(void **state) {
    (void)state;
    struct training training = plain;
    training.schedule = SCHEDULE_LINEAR;
    struct setup setup;
    setup_begin(&setup, "tfmot", training, 1);
    for (int i = 0; i < 11; i++) step(&setup);
    trainer_set_learning_rate(setup.trainer, 0.0007f);
    assert_true(step(&setup).learning_rate == 0.0007f);
    for (int i = 12; i < 22; i++)
        assert_near(step(&setup).learning_rate, 0.0007 * (22 - i) / 11, 1e-9);
    /* extending starts the schedule anew at the rate that was asked for last */
    trainer_extend(setup.trainer, 1);
    for (int i = 0; i < 11; i++) {
        struct step_result result = step(&setup);
        assert_int_equal(result.epoch, 2);
        assert_near(result.learning_rate, 0.0007 * (11 - i) / 11, 1e-9);
        assert_int_equal(result.ends_training, i == 10);
    }
    setup_end(&setup);
}

static void limit_of_steps_ends_training_and_extending_finishes_the_epoch(void **state) {
    (void)state;
    struct training training = plain;
    training.max_steps = 5;
    struct setup setup;
    setup_begin(&setup, "tfmot", training, 1);
    for (int i = 0; i < 5; i++) assert_int_equal(step(&setup).ends_training, i == 4);
    trainer_extend(setup.trainer, 1);
    struct step_result result;
    do result = step(&setup);
    while (!result.ends_training);
    assert_int_equal(result.step, 22);
    setup_end(&setup);
}

static void restored_trainer_goes_on_from_the_snapshot(void **state) {
    (void)state;
    struct setup setup;
    setup_begin(&setup, "tfmot", plain, 1);
    for (int i = 0; i < 3; i++) step(&setup);
    struct snapshot *snapshot = trainer_snapshot(setup.trainer);
    assert_int_equal(snapshot->step, 3);
    for (int i = 0; i < 3; i++) step(&setup);
    size_t bytes = setup.model->weight_count * sizeof(float);
    assert_memory_not_equal(trainer_weights(setup.trainer), snapshot->weights, bytes);
    trainer_restore(setup.trainer, snapshot);
    assert_memory_equal(trainer_weights(setup.trainer), snapshot->weights, bytes);
    assert_memory_equal(trainer_ranges(setup.trainer), snapshot->ranges,
                        (size_t)setup.plan->range_count * sizeof(struct range));
    assert_int_equal(trainer_steps(setup.trainer), 6);
    snapshot_release(snapshot);
    setup_end(&setup);
}

/* A rate of 1e30 makes weights of 1e30, whose loss is not finite. */
static void batch_that_is_not_finite_changes_nothing_and_is_told(void **state) {
    (void)state;
    struct setup setup;
    setup_begin(&setup, "tfmot", plain, 1);
    assert_true(step(&setup).is_finite);
    struct snapshot *sound = trainer_snapshot(setup.trainer);
    trainer_set_learning_rate(setup.trainer, 3e38f);
    struct step_result result = {.is_finite = true};
    for (int i = 0; i < 4 && result.is_finite; i++) result = step(&setup);
    assert_false(result.is_finite);
    struct snapshot *before = trainer_snapshot(setup.trainer);
    uint64_t updates = trainer_optimizer(setup.trainer).steps;
    assert_false(step(&setup).is_finite);
    assert_int_equal(trainer_optimizer(setup.trainer).steps, updates);
    assert_memory_equal(trainer_weights(setup.trainer), before->weights,
                        setup.model->weight_count * sizeof(float));
    for (int i = 0; i < setup.plan->range_count; i++)
        assert_true(isfinite(trainer_ranges(setup.trainer)[i].max));
    /* and it can be taken back */
    trainer_restore(setup.trainer, sound);
    trainer_set_learning_rate(setup.trainer, 0.001f);
    assert_true(step(&setup).is_finite);
    snapshot_release(before);
    snapshot_release(sound);
    setup_end(&setup);
}

static void calibrated_ranges_fit_the_digits_before_the_first_step(void **state) {
    (void)state;
    struct setup setup;
    setup_begin(&setup, "qatop", plain, 1);
    const struct range *ranges = trainer_ranges(setup.trainer);
    for (int i = 0; i < setup.plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &setup.plan->tensors[i];
        for (int c = 0; c < tensor->channels; c++) {
            struct range range = ranges[tensor->offset + c];
            assert_true(range.min <= 0 && range.max > 0 && range.max < 5.9f);
            if (tensor->kind == TENSOR_INPUT) assert_near(range.max, 1, 1e-6);
            if (tensor->placement == PLACE_POST_ACTIVATION) assert_true(range.min == 0);
        }
    }
    setup_end(&setup);
}

/* With the scheme qatop a kernel's range is that of the weights one sees; tfmot's is a step old. */
static void kernel_ranges_are_fresh_or_one_step_old(void **state) {
    (void)state;
    static const char *const names[] = {"qatop", "tfmot"};
    for (int kind = 0; kind < 2; kind++) {
        struct setup setup;
        setup_begin(&setup, names[kind], plain, 1);
        for (int i = 0; i < 3; i++) step(&setup);
        const struct parameter *kernel = &setup.model->parameters[0];
        float largest = 0; /* of channel 2 */
        for (size_t i = 2; i < kernel->count; i += 5)
            largest = fmaxf(largest, fabsf(trainer_weights(setup.trainer)[kernel->offset + i]));
        const struct quant_tensor *tensor = &setup.plan->tensors[setup.plan->kernel_tensor[1]];
        assert_int_equal(tensor->channels, 5);
        float max = trainer_ranges(setup.trainer)[tensor->offset + 2].max;
        assert_int_equal(max == largest, kind == 0);
        assert_near(max, largest, 0.01);
        setup_end(&setup);
    }
}

static void inspection_measures_saturation_noise_and_histogram(void **state) {
    (void)state;
    struct setup setup;
    struct tensor_stats stats;
    setup_begin(&setup, "tfmot", plain, 1);
    int out = setup.plan->activation_tensor[1];
    trainer_inspect(setup.trainer, out, &stats);
    assert_true(isnan(stats.sqnr) && stats.saturation == 0);
    step(&setup);
    /* the range is still about [-6, 6] in 255 steps: a ReLU's values take the upper half */
    trainer_inspect(setup.trainer, out, &stats);
    assert_true(stats.saturation == 0);
    assert_true(stats.sqnr > 10 && stats.sqnr < 45);
    for (int bin = 0; bin < 15; bin++) assert_int_equal(stats.histogram[bin], 0);
    assert_int_equal(stats.histogram[16], 255); /* code of 0 is 128 */
    /* pixels are 0..255 codes of 1/255: nothing is lost */
    trainer_inspect(setup.trainer, 0, &stats);
    assert_true(stats.sqnr > 100);
    /* 8 bits over a symmetric range: about 6 dB a bit */
    trainer_inspect(setup.trainer, setup.plan->kernel_tensor[1], &stats);
    assert_true(stats.sqnr > 35 && stats.sqnr < 60);
    assert_true(stats.saturation < 0.1f); /* at most each channel's largest, a step old */
    setup_end(&setup);
}

/* Codes of 0.01 from 0 to 2.55. */
static void only_what_moves_by_more_than_half_a_step_is_saturated(void **state) {
    (void)state;
    struct setup setup;
    struct tensor_stats stats;
    setup_begin(&setup, "tfmot", plain, 1);
    const struct quant_tensor *out =
        &setup.plan->tensors[setup.plan->activation_tensor[setup.model->layer_count - 1]];
    const struct range range = {0, 2.55f};
    const float inside[] = {-0.004f, 0, 0.004f, 1.2345f, 2.55f, 2.554f};
    inspect_values(setup.plan, out, &range, 6, inside, &stats);
    assert_true(stats.saturation == 0);
    const float outside[] = {-0.006f, 2.556f, 1, 100};
    inspect_values(setup.plan, out, &range, 4, outside, &stats);
    assert_true(stats.saturation == 0.75f);
    const float undefined[] = {NAN, 1};
    inspect_values(setup.plan, out, &range, 2, undefined, &stats);
    assert_true(stats.saturation == 0.5f);
    setup_end(&setup);
}

static void impossible_trainings_are_refused(void **state) {
    (void)state;
    struct setup setup;
    setup_begin(&setup, "tfmot", plain, 1);
    struct training wrong[5];
    for (int i = 0; i < 5; i++) wrong[i] = plain;
    wrong[0].batch = 0;
    wrong[1].batch = MAX_BATCH + 1;
    wrong[2].epochs = 0;
    wrong[3].learning_rate = NAN;
    wrong[4].warmup = -1;
    for (int i = 0; i < 5; i++) {
        struct trainer *trainer;
        struct error error;
        assert_int_equal(trainer_create(&trainer, setup.model, setup.plan, &setup.dataset,
                                        &wrong[i], setup.pool, &error),
                         STATUS_USAGE);
        assert_null(trainer);
    }
    setup_end(&setup);
}

/* ---- the same bits everywhere ---- */

enum { SAME_STEPS = 20 };

struct outcome {
    float losses[SAME_STEPS];
    float *weights; /* after the last step */
};

static void train(struct outcome *outcome, const struct model *model, const char *scheme,
                  const struct dataset *dataset, int threads) {
    struct error error;
    struct pool *pool;
    struct quant_plan *plan;
    struct trainer *trainer;
    struct training training = {.epochs = 1,
                                .batch = 11, /* not a multiple of anything */
                                .learning_rate = 0.001f,
                                .seed = 3,
                                .shuffle = true,
                                .dropout = true,
                                .augment = AUGMENT_AFFINE,
                                .max_steps = SAME_STEPS};
    assert_ok(pool_create(&pool, threads, &error), &error);
    assert_ok(quant_plan_create(&plan, model, scheme_find(scheme), &error), &error);
    assert_ok(trainer_create(&trainer, model, plan, dataset, &training, pool, &error), &error);
    trainer_calibrate(trainer);
    for (int i = 0; i < SAME_STEPS; i++) {
        struct step_result result;
        trainer_step(trainer, &result);
        assert_true(result.is_finite);
        outcome->losses[i] = result.loss;
    }
    size_t bytes = model->weight_count * sizeof(float);
    outcome->weights = malloc(bytes);
    assert_non_null(outcome->weights);
    memcpy(outcome->weights, trainer_weights(trainer), bytes);
    trainer_destroy(trainer);
    quant_plan_free(plan);
    pool_destroy(pool);
}

/* Every level and number of threads against one thread of the best level. */
static void assert_same_bits(const struct model *model, const char *scheme, enum isa lowest) {
    struct dataset dataset;
    make_dataset(&dataset, 400);
    enum isa best = cpu_isa();
    struct outcome want;
    train(&want, model, scheme, &dataset, 1);
    for (int isa = lowest; isa <= (int)best; isa++) {
        assert_true(cpu_force_isa((enum isa)isa));
        for (int threads = 1; threads <= 3; threads++) {
            struct outcome got;
            train(&got, model, scheme, &dataset, threads);
            assert_memory_equal(got.losses, want.losses, sizeof want.losses);
            assert_memory_equal(got.weights, want.weights, model->weight_count * sizeof(float));
            free(got.weights);
        }
    }
    cpu_force_isa(best);
    free(want.weights);
    dataset_free(&dataset);
}

static void
a_residual_network_gives_the_same_bits_with_any_threads_and_instruction_set(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(model_load(test_golden("residual/model.h5"), &model, &error), &error);
    assert_same_bits(model, "tfmot", ISA_BASELINE);
    assert_same_bits(model, "qatop", ISA_BASELINE);
    model_free(model);
    assert_ok(model_load(test_golden("residual_keras3/model.h5"), &model, &error), &error);
    assert_same_bits(model, "tfmot", ISA_BASELINE);
    model_free(model);
}

static void cnn_gives_the_same_bits_with_any_threads_and_instruction_set(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(model_build("cnn", 5, &model, &error), &error);
    /* The baseline may lack a fused multiply-add: the small model stands in for it below. */
    enum isa lowest = cpu_isa() > ISA_BASELINE ? ISA_AVX2 : ISA_BASELINE;
    assert_same_bits(model, "tfmot", lowest);
    model_free(model);
}

static void small_model_gives_the_same_bits_on_the_baseline_too(void **state) {
    (void)state;
    struct model *model = small_model();
    assert_same_bits(model, "tfmot", ISA_BASELINE);
    assert_same_bits(model, "qatop", ISA_BASELINE);
    model_free(model);
}

static void normalized_model_gives_the_same_bits_too(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "a", 5, 5, 3, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "a_norm", true);
    chain_layer(model, LAYER_RELU, "relu", ACTIVATION_RELU6);
    chain_depthwise(model, "b", 1, 3, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "b_norm", true);
    chain_average(model, "average", 2, PADDING_SAME);
    chain_layer(model, LAYER_GLOBAL_AVERAGE_POOLING2D, "global", ACTIVATION_LINEAR);
    chain_dense(model, "c", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 12);
    assert_same_bits(model, "tfmot", ISA_BASELINE);
    assert_same_bits(model, "qatop", ISA_BASELINE);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(epochs_are_counted_and_the_last_batch_is_smaller),
    cmocka_unit_test(training_lowers_the_loss_with_every_scheme),
    cmocka_unit_test(model_and_digits_stay_as_they_were),
    cmocka_unit_test(numbers_depend_on_seed_shuffle_dropout_and_augmentation_only),
    cmocka_unit_test(shuffled_epoch_holds_every_digit_once),
    cmocka_unit_test(schedule_and_warmup_set_the_rate_of_each_batch),
    cmocka_unit_test(set_rate_holds_for_the_next_batch_and_the_schedule_goes_on_from_it),
    cmocka_unit_test(limit_of_steps_ends_training_and_extending_finishes_the_epoch),
    cmocka_unit_test(restored_trainer_goes_on_from_the_snapshot),
    cmocka_unit_test(batch_that_is_not_finite_changes_nothing_and_is_told),
    cmocka_unit_test(calibrated_ranges_fit_the_digits_before_the_first_step),
    cmocka_unit_test(kernel_ranges_are_fresh_or_one_step_old),
    cmocka_unit_test(inspection_measures_saturation_noise_and_histogram),
    cmocka_unit_test(only_what_moves_by_more_than_half_a_step_is_saturated),
    cmocka_unit_test(impossible_trainings_are_refused),
    cmocka_unit_test(a_residual_network_gives_the_same_bits_with_any_threads_and_instruction_set),
    cmocka_unit_test(cnn_gives_the_same_bits_with_any_threads_and_instruction_set),
    cmocka_unit_test(small_model_gives_the_same_bits_on_the_baseline_too),
    cmocka_unit_test(normalized_model_gives_the_same_bits_too),
};
TEST_MAIN(tests)
