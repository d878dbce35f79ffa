#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "evaluate/rescale.h"

enum { IMAGES = 2000 };

/* A model that is right as often as this table says. */
struct model_stub {
    double unit, raw, signed_;
    int calls;
    size_t count;
    uint16_t last_label;
};

static enum status evaluate(void *context, const struct samples *samples,
                            struct predictions *predictions, struct error *error) {
    struct model_stub *stub = context;
    const char *name = samples->preprocessing->name;
    (void)error;
    *predictions = (struct predictions){.count = samples->count};
    predictions->accuracy = !strcmp(name, "raw")      ? stub->raw
                            : !strcmp(name, "signed") ? stub->signed_
                                                      : stub->unit;
    stub->calls++;
    stub->count = samples->count;
    stub->last_label = samples->labels[samples->count - 1];
    return STATUS_OK;
}

static struct rescale_hint find(struct model_stub *stub) {
    struct error error;
    struct rescale_hint hint;
    unsigned char *images = calloc(IMAGES, 784);
    uint16_t *labels = calloc(IMAGES, sizeof *labels);
    assert_true(images && labels);
    for (int i = 0; i < IMAGES; i++) labels[i] = (uint16_t)(i / 200); /* sorted */
    struct samples samples = test_digits(images, labels, IMAGES);
    assert_ok(rescale_find(&hint, &samples, evaluate, stub, &error), &error);
    free(images);
    free(labels);
    return hint;
}

static void the_preprocessing_that_works_is_named(void **state) {
    (void)state;
    struct model_stub stub = {.unit = .1, .raw = .763, .signed_ = .5};
    struct rescale_hint hint = find(&stub);
    assert_string_equal(hint.name, "raw");
    assert_near(hint.accuracy, .763, 0);
    assert_near(hint.before, .1, 0);
    assert_int_equal(hint.count, RESCALE_SAMPLES);
    assert_int_equal(stub.calls, 3);
    char text[200];
    rescale_text(&hint, text, sizeof text);
    assert_string_equal(text, "accuracy 0.100 is low; with --rescale raw it is 0.763 (500 images)");
    stub = (struct model_stub){.unit = .3, .raw = .5, .signed_ = .9};
    assert_string_equal(find(&stub).name, "signed");
}

static void images_of_all_classes_are_tried(void **state) {
    (void)state;
    struct model_stub stub = {.unit = .1, .raw = .2, .signed_ = .2};
    assert_null(find(&stub).name);
    assert_int_equal(stub.count, RESCALE_SAMPLES);
    assert_int_equal(stub.last_label, 9);
}

static void nothing_is_said_without_doubt_or_gain(void **state) {
    (void)state;
    struct model_stub stub = {.unit = .75, .raw = .99, .signed_ = .99};
    assert_null(find(&stub).name);
    assert_int_equal(stub.calls, 1);
    stub = (struct model_stub){.unit = .5, .raw = .6, .signed_ = .64};
    assert_null(find(&stub).name);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_preprocessing_that_works_is_named),
    cmocka_unit_test(images_of_all_classes_are_tried),
    cmocka_unit_test(nothing_is_said_without_doubt_or_gain),
};
TEST_MAIN(tests)
