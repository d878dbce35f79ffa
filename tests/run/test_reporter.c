#include "data/image.h"
#include "run/reporter.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { DIGITS = 8, SLOTS = 64 };

/* A trainer that has seen no batch, and a reporter with one reader. */
struct setup {
    struct dataset dataset;
    struct model *model;
    struct quant_plan *plan;
    struct trainer *trainer;
    struct range *ranges; /* [plan->range_count], for the trainer */
    struct outlet *outlet;
    struct reporter *reporter;
    int kernel; /* a tensor of several channels */
};

static void setup_begin(struct setup *setup) {
    struct training training = {.epochs = 1, .batch = DIGITS, .learning_rate = 0.001f};
    struct error error;
    memset(setup, 0, sizeof *setup);
    setup->dataset.train = test_digits(calloc(DIGITS, DIGIT_PIXELS),
                                       calloc(DIGITS, sizeof *setup->dataset.train.labels), DIGITS);
    assert_ok(model_build("cnn", 1, &setup->model, &error), &error);
    assert_ok(quant_plan_create(&setup->plan, setup->model, scheme_find("qatop"), &error), &error);
    assert_ok(trainer_create(&setup->trainer, setup->model, setup->plan, &setup->dataset, &training,
                             NULL, &error),
              &error);
    trainer_calibrate(setup->trainer);
    size_t bytes = (size_t)setup->plan->range_count * sizeof *setup->ranges;
    setup->ranges = malloc(bytes);
    memcpy(setup->ranges, trainer_ranges(setup->trainer), bytes);
    setup->outlet = outlet_create(SLOTS, setup->plan->tensor_count, 0);
    setup->reporter = reporter_create(setup->plan, setup->outlet, NULL);
    assert_true(setup->outlet && setup->reporter);
    while (setup->plan->tensors[setup->kernel].channels < 8) setup->kernel++;
}

static void setup_end(struct setup *setup) {
    reporter_destroy(setup->reporter);
    outlet_destroy(setup->outlet);
    trainer_destroy(setup->trainer);
    free(setup->ranges);
    quant_plan_free(setup->plan);
    model_free(setup->model);
    dataset_free(&setup->dataset);
}

/* What is told of tensor `index` now. */
static struct event_tensor told(struct setup *setup, int index) {
    struct event_tensor found = {.tensor = -1};
    struct event event;
    trainer_set_ranges(setup->trainer, setup->ranges);
    reporter_tensors(setup->reporter, setup->trainer, true);
    for (int i = 0; i < setup->plan->tensor_count; i++) {
        assert_true(outlet_take(setup->outlet, &event));
        assert_int_equal(event.kind, EVENT_TENSOR);
        assert_int_equal(event.tensor.tensor, i);
        if (i == index) found = event.tensor;
    }
    assert_false(outlet_take(setup->outlet, &event));
    return found;
}

/* The lowest, the highest and the widest are different ones, and none is the first. */
static void a_tensor_is_told_by_the_extremes_of_all_its_channels(void **state) {
    (void)state;
    struct setup setup;
    setup_begin(&setup);
    const struct quant_tensor *tensor = &setup.plan->tensors[setup.kernel];
    struct range *ranges = setup.ranges + tensor->offset;
    for (int c = 0; c < tensor->channels; c++) ranges[c] = (struct range){-0.5f, 0.5f};
    for (int low = 1; low < tensor->channels; low++) {
        int high = low > 1 ? low - 1 : tensor->channels - 1, wide = low > 3 ? low - 3 : low + 2;
        ranges[low] = (struct range){-9, 1};
        ranges[high] = (struct range){-1, 8};
        ranges[wide] = (struct range){-7, 7.5f};
        struct event_tensor event = told(&setup, setup.kernel);
        assert_true(event.min == -9);
        assert_true(event.max == 8);
        assert_near(event.scale, 14.5 / 254, 1e-8);
        assert_int_equal(event.zero_point, 0);
        ranges[low] = ranges[high] = ranges[wide] = (struct range){-0.5f, 0.5f};
    }
    setup_end(&setup);
}

static void drift_is_the_change_of_the_widest_span_since_the_last_epoch(void **state) {
    (void)state;
    struct setup setup;
    struct event event;
    const struct event_epoch epoch = {.epoch = 1};
    setup_begin(&setup);
    const struct quant_tensor *tensor = &setup.plan->tensors[setup.kernel];
    struct range *ranges = setup.ranges + tensor->offset;
    for (int c = 0; c < tensor->channels; c++) ranges[c] = (struct range){-1, 1};
    ranges[5] = (struct range){-6, 4};
    assert_true(told(&setup, setup.kernel).drift == 0); /* no epoch has ended */
    reporter_epoch(setup.reporter, &epoch, setup.ranges);
    while (outlet_take(setup.outlet, &event)) event_release(&event);
    assert_true(told(&setup, setup.kernel).drift == 0);
    ranges[5] = (struct range){-5, 3};
    assert_near(told(&setup, setup.kernel).drift, 0.2, 1e-7);
    ranges[2] = (struct range){-8, 4};
    assert_near(told(&setup, setup.kernel).drift, 0.2, 1e-7);
    setup_end(&setup);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_tensor_is_told_by_the_extremes_of_all_its_channels),
    cmocka_unit_test(drift_is_the_change_of_the_widest_span_since_the_last_epoch),
};

TEST_MAIN(tests)
