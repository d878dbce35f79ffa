#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "evaluate/evaluate.h"
#include "train/trainer.h"

/* Whole trainings on all of MNIST, the way a user runs them.  They take long under a sanitizer, so
 * they run only when asked for:  QATOP_LONG=1 tests/train/test_accuracy  (QATOP_SEED=N) */

static void report(const char *name, const struct scheme *scheme, const struct trainer *trainer,
                   const struct dataset *dataset, struct pool *pool, double seconds,
                   double *accuracy) {
    struct predictions predictions;
    struct error error;
    struct snapshot *snapshot = trainer_snapshot(trainer);
    assert_ok(evaluate_fake_quant(snapshot, &dataset->test, pool, &predictions, &error), &error);
    print_message("# %s %s: %llu steps, %.2f s trained, accuracy %.4f, loss %.4f\n", name,
                  scheme->name, (unsigned long long)trainer_steps(trainer), seconds,
                  predictions.accuracy, predictions.loss);
    *accuracy = predictions.accuracy;
    predictions_free(&predictions);
    snapshot_release(snapshot);
}

static double train_whole(const char *name, const char *scheme_name, enum schedule schedule) {
    struct error error;
    struct dataset dataset;
    struct model *model;
    struct quant_plan *plan;
    struct pool *pool;
    struct trainer *trainer;
    if (!getenv("QATOP_LONG")) {
        print_message("# SKIP: a whole training; set QATOP_LONG=1 to run it\n");
        skip();
    }
    char folder[1024], path[128];
    snprintf(folder, sizeof folder, "%s", test_shared("data/mnist/t10k-images-idx3-ubyte.gz"));
    *strrchr(folder, '/') = 0;
    snprintf(path, sizeof path, "data/models/mnist_%s.h5", name);
    const struct scheme *scheme = scheme_find(scheme_name);
    const char *seed = getenv("QATOP_SEED");
    struct training training = {.epochs = 3,
                                .batch = 32,
                                .learning_rate = 0.001f,
                                .schedule = schedule,
                                .seed = seed ? strtoull(seed, NULL, 10) : 0,
                                .shuffle = true,
                                .dropout = true};
    assert_ok(dataset_load(&dataset, folder, &error), &error);
    assert_ok(model_load(test_shared(path), &model, &error), &error);
    assert_ok(quant_plan_create(&plan, model, scheme, &error), &error);
    assert_ok(pool_create(&pool, 0, &error), &error);
    assert_ok(trainer_create(&trainer, model, plan, &dataset, &training, pool, &error), &error);
    trainer_calibrate(trainer);
    struct step_result result;
    double seconds = 0, accuracy = 0;
    do {
        double began = clock_seconds();
        trainer_step(trainer, &result);
        seconds += clock_seconds() - began;
        if (result.ends_epoch) report(name, scheme, trainer, &dataset, pool, seconds, &accuracy);
    } while (!result.ends_training);
    trainer_destroy(trainer);
    pool_destroy(pool);
    quant_plan_free(plan);
    model_free(model);
    dataset_free(&dataset);
    return accuracy;
}

/* TFMOT itself, 3 epochs from these models: fc .9771 .9782 .9771, cnn .9902 .9915 .9900; with a
 * cosine schedule fc .9815 .9811 .9822, cnn .9904 .9913. */
static void fc_trained_as_tfmot_is_as_good(void **state) {
    (void)state;
    assert_true(train_whole("fc", "tfmot", SCHEDULE_CONSTANT) >= 0.974);
}

static void fc_trained_by_default_is_better(void **state) {
    (void)state;
    assert_true(train_whole("fc", "qatop", SCHEDULE_COSINE) >= 0.979);
}

static void cnn_trained_as_tfmot_is_as_good(void **state) {
    (void)state;
    assert_true(train_whole("cnn", "tfmot", SCHEDULE_CONSTANT) >= 0.988);
}

static void cnn_trained_by_default_is_better(void **state) {
    (void)state;
    assert_true(train_whole("cnn", "qatop", SCHEDULE_COSINE) >= 0.990);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fc_trained_as_tfmot_is_as_good),
    cmocka_unit_test(fc_trained_by_default_is_better),
    cmocka_unit_test(cnn_trained_as_tfmot_is_as_good),
    cmocka_unit_test(cnn_trained_by_default_is_better),
};
TEST_MAIN(tests)
