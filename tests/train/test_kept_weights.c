/* Layers that Keras was told not to train ("trainable": false).  tests/golden/frozen* is what
 * tf_keras and TFMOT made of such a model: six steps of QAT (tests/golden/make_saved.py). */
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/variables.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#define STEPS 6

struct lesson {
    struct model *model;
    struct quant_plan *plan;
    struct dataset dataset;
    struct trainer *trainer;
    float losses[STEPS];
};

/* `all`: no layer at all is to be trained. */
static void learn(struct lesson *lesson, const char *scheme, bool all) {
    struct training training = {
        .epochs = 1, .batch = 32, .learning_rate = 0.001f, .seed = 1, .max_steps = STEPS};
    struct error error;
    assert_ok(model_load(test_golden("frozen.h5"), &lesson->model, &error), &error);
    if (all)
        for (int i = 0; i < lesson->model->layer_count; i++)
            lesson->model->layers[i].trainable = false;
    lesson->plan = NULL;
    if (scheme)
        assert_ok(quant_plan_create(&lesson->plan, lesson->model, scheme_find(scheme), &error),
                  &error);
    assert_ok(dataset_load(&lesson->dataset, test_asset("mnist-5k"), &error), &error);
    assert_ok(trainer_create(&lesson->trainer, lesson->model, lesson->plan, &lesson->dataset,
                             &training, NULL, &error),
              &error);
    trainer_calibrate(lesson->trainer);
    for (int i = 0; i < STEPS; i++) {
        struct step_result result;
        trainer_step(lesson->trainer, &result);
        assert_true(result.is_finite);
        lesson->losses[i] = result.loss;
    }
}

static void forget(struct lesson *lesson) {
    trainer_destroy(lesson->trainer);
    dataset_free(&lesson->dataset);
    quant_plan_free(lesson->plan);
    model_free(lesson->model);
}

/* free_norm, fixed and fixed_norm keep their parameters; free and logits do not.  TFMOT trains what
 * kernels it fake-quantizes all the same. */
static void check_kept(const struct lesson *lesson, bool all, bool as_tfmot) {
    const struct model *model = lesson->model;
    const float *weights = trainer_weights(lesson->trainer);
    int kept = 0;
    for (int i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        const char *layer = model->layers[parameter->layer].name;
        bool keeps = all || strstr(layer, "norm") || !strcmp(layer, "fixed");
        if (as_tfmot && strstr(parameter->name, "/kernel")) keeps = false;
        bool is_same = !memcmp(weights + parameter->offset, model->weights + parameter->offset,
                               parameter->count * sizeof(float));
        if (is_same != keeps) print_error("%s\n", parameter->name);
        assert_int_equal(is_same, keeps);
        kept += keeps;
    }
    assert_int_equal(kept, (all ? 14 : 10) - (as_tfmot ? all ? 3 : 1 : 0));
}

static void layers_that_are_not_trainable_keep_their_weights_to_the_bit(void **state) {
    (void)state;
    static const char *const schemes_[] = {"tfmot", "qatop", NULL};
    for (int i = 0; i < 6; i++) {
        struct lesson lesson;
        learn(&lesson, schemes_[i % 3], i >= 3);
        check_kept(&lesson, i >= 3, i % 3 == 0);
        forget(&lesson);
    }
}

static void losses_are_those_of_keras(void **state) {
    (void)state;
    struct lesson lesson;
    json_t *root = json_load_file(test_golden("frozen.json"), 0, NULL);
    json_t *losses = json_object_get(root, "losses");
    assert_int_equal(json_array_size(losses), STEPS);
    learn(&lesson, "tfmot", false);
    for (size_t i = 0; i < STEPS; i++) {
        double wanted = json_number_value(json_array_get(losses, i));
        assert_near(lesson.losses[i], wanted, 1e-4 * wanted);
    }
    json_decref(root);
    forget(&lesson);
}

static void weights_and_ranges_are_those_of_keras(void **state) {
    (void)state;
    struct lesson lesson;
    struct variables *after;
    struct error error;
    assert_ok(variables_load(test_golden("frozen_after.h5"), &after, &error), &error);
    learn(&lesson, "tfmot", false);
    const float *weights = trainer_weights(lesson.trainer);
    for (int i = 0; i < lesson.model->parameter_count; i++) {
        const struct parameter *parameter = &lesson.model->parameters[i];
        const struct variable *variable = variables_find(
            after, lesson.model->layers[parameter->layer].name, strrchr(parameter->name, '/') + 1);
        assert_non_null(variable);
        for (size_t j = 0; j < parameter->count; j++)
            assert_near(weights[parameter->offset + j], variable->values[j], 1e-5);
    }
    /* A layer that is not trainable goes on observing, as its wrapper does. */
    const struct range *ranges = trainer_ranges(lesson.trainer);
    for (int i = 0; i < lesson.plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &lesson.plan->tensors[i];
        const char *layer = lesson.model->layers[tensor->layer].name;
        if (strcmp(layer, "fixed_relu") && strcmp(layer, "free_relu")) continue;
        assert_near(ranges[tensor->offset].max,
                    variables_find(after, layer, "output_max")->values[0], 1e-4);
        assert_near(ranges[tensor->offset].min,
                    variables_find(after, layer, "output_min")->values[0], 1e-4);
    }
    variables_free(after);
    forget(&lesson);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(layers_that_are_not_trainable_keep_their_weights_to_the_bit),
    cmocka_unit_test(losses_are_those_of_keras),
    cmocka_unit_test(weights_and_ranges_are_those_of_keras),
};
TEST_MAIN(tests)
