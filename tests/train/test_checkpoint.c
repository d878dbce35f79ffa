#include "data/image.h"
#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "test.h"

enum { DIGITS = 36, STEPS = 10 };

static struct dataset dataset; /* noise: what is learned does not matter */

static const struct training training = {
    .epochs = 2,
    .batch = 8, /* 5 batches an epoch, the last one smaller */
    .learning_rate = 0.002f,
    .schedule = SCHEDULE_COSINE,
    .label_smoothing = 0.1f,
    .warmup = 3,
    .seed = 5,
    .shuffle = true,
    .dropout = true,
    .augment = AUGMENT_SHIFT,
};

static int make_digits(void **state) {
    (void)state;
    dataset.train = test_digits(calloc(DIGITS, DIGIT_PIXELS),
                                malloc(DIGITS * sizeof *dataset.train.labels), DIGITS);
    if (!dataset.train.bytes || !dataset.train.labels) return -1;
    uint32_t noise = 1;
    for (size_t i = 0; i < DIGITS * DIGIT_PIXELS; i++) {
        noise = noise * 1664525u + 1013904223u;
        dataset.train.bytes[i] = (unsigned char)(noise >> 24);
    }
    for (int i = 0; i < DIGITS; i++) dataset.train.labels[i] = (uint16_t)(i % 10);
    return 0;
}

static int free_digits(void **state) {
    (void)state;
    dataset_free(&dataset);
    return 0;
}

static struct trainer *trainer_of(const struct model *model, const struct quant_plan *plan,
                                  const struct training *how) {
    struct trainer *trainer;
    struct error error;
    assert_ok(trainer_create(&trainer, model, plan, &dataset, how, NULL, &error), &error);
    return trainer;
}

static void train_to(struct trainer *trainer, uint64_t steps) {
    struct step_result result;
    while (trainer_steps(trainer) < steps) trainer_step(trainer, &result);
}

/* Where a checkpoint of `trainer` was written. */
static const char *save(const struct trainer *trainer, const struct model *model) {
    static char path[1200];
    char folder[1100];
    struct error error;
    struct checkpoint *checkpoint = checkpoint_take(trainer, &training, model, true);
    assert_non_null(checkpoint);
    snprintf(folder, sizeof folder, "%s", test_scratch("checkpoint/x"));
    *strrchr(folder, '/') = 0;
    assert_ok(checkpoint_save(checkpoint, folder, path, sizeof path, &error), &error);
    checkpoint_free(checkpoint);
    return path;
}

/* Interrupted after each step, right after a rate was asked for, against not interrupted. */
static void a_resumed_training_gives_the_bits_of_one_that_was_not_interrupted(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    struct quant_plan *plan;
    assert_ok(model_build("fc", 3, &model, &error), &error);
    assert_ok(quant_plan_create(&plan, model, scheme_find("qatop"), &error), &error);
    size_t bytes = model->weight_count * sizeof(float);
    for (uint64_t stop = 1; stop < STEPS; stop += 2) {
        struct trainer *whole = trainer_of(model, plan, &training);
        trainer_calibrate(whole);
        train_to(whole, stop);
        trainer_set_learning_rate(whole, 0.004f);
        struct checkpoint *checkpoint;
        assert_ok(checkpoint_load(save(whole, model), &checkpoint, &error), &error);
        assert_true(checkpoint->has_pretrained);
        assert_memory_equal(checkpoint->model->weights, model->weights, bytes);
        struct trainer *rest =
            trainer_of(checkpoint->model, checkpoint->plan, &checkpoint->training);
        trainer_resume(rest, checkpoint->snapshot, checkpoint->m, checkpoint->v,
                       &checkpoint->progress);
        train_to(whole, STEPS);
        train_to(rest, STEPS);
        struct optimizer_state want = trainer_optimizer(whole), got = trainer_optimizer(rest);
        assert_int_equal(got.steps, want.steps);
        assert_memory_equal(trainer_weights(rest), trainer_weights(whole), bytes);
        assert_memory_equal(got.m, want.m, bytes);
        assert_memory_equal(got.v, want.v, bytes);
        assert_memory_equal(trainer_ranges(rest), trainer_ranges(whole),
                            (size_t)plan->range_count * sizeof(struct range));
        trainer_destroy(rest);
        checkpoint_free(checkpoint);
        trainer_destroy(whole);
    }
    quant_plan_free(plan);
    model_free(model);
}

/* In the file's description, which is text of its own. */
static void write_over(const char *path, const char *from, const char *to, const char *copy) {
    struct error error;
    size_t length;
    unsigned char *bytes = test_read(path, &length);
    unsigned char *at = memmem(bytes, length, from, strlen(from));
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    assert_ok(file_replace(copy, bytes, length, NULL, NULL, &error), &error);
    free(bytes);
}

static void what_a_checkpoint_cannot_hold_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *text;
    } cases[] = {
        {"\"version\":1", "\"version\":2",
         "is a version 2 checkpoint; this qatop supports versions up to 1"},
        {"\"version\":1", "\"version\":0", "is not a qatop checkpoint"},
        {"\"batch\":8", "\"batch\":0", "is incomplete or invalid"},
        {"\"epochs\":2", "\"epochs\":0", "is incomplete or invalid"},
        {"\"updates\":4", "\"updates\":5",
         "is incomplete or invalid"}, /* more than there were steps */
        {"\"weight_bits\":8", "\"weight_bits\":9", "is incomplete or invalid"},
        {"\"cosine\"", "\"cosina\"", "is incomplete or invalid"},
        {"\"qatop\"", "\"qatip\"", "is incomplete or invalid"},
    };
    struct error error;
    struct model *model;
    struct quant_plan *plan;
    assert_ok(model_build("fc", 3, &model, &error), &error);
    assert_ok(quant_plan_create(&plan, model, scheme_find("qatop"), &error), &error);
    struct trainer *trainer = trainer_of(model, plan, &training);
    trainer_calibrate(trainer);
    train_to(trainer, 4);
    const char *path = save(trainer, model), *copy = test_scratch("checkpoint/wrong.h5");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct checkpoint *checkpoint;
        write_over(path, cases[i].from, cases[i].to, copy);
        assert_int_not_equal(checkpoint_load(copy, &checkpoint, &error), STATUS_OK);
        assert_null(checkpoint);
        if (!strstr(error.text, cases[i].text))
            fail_msg("got '%s', want '%s'", error.text, cases[i].text);
    }
    trainer_destroy(trainer);
    quant_plan_free(plan);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_resumed_training_gives_the_bits_of_one_that_was_not_interrupted),
    cmocka_unit_test(what_a_checkpoint_cannot_hold_is_refused),
};

int main(int argc, char **argv) {
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, make_digits, free_digits);
}
