#include "test.h"

#include <string.h>

#include "data/samples.h"

static void a_part_is_a_view_of_the_same_memory(void **state) {
    (void)state;
    unsigned char bytes[5 * 12] = {0};
    float floats[5 * 12] = {0};
    uint16_t labels[5] = {4, 3, 2, 1, 0};
    for (int i = 0; i < 2; i++) {
        struct samples all = {.count = 5,
                              .shape = {3, {2, 2, 3}},
                              .element = i ? ELEMENT_FLOAT32 : ELEMENT_UINT8,
                              .bytes = i ? (unsigned char *)floats : bytes,
                              .labels = labels,
                              .classes = 5};
        assert_int_equal(samples_bytes(&all), i ? 48 : 12);
        assert_ptr_equal(samples_at(&all, 2), i ? (void *)(floats + 24) : (void *)(bytes + 24));
        struct samples part = samples_part(&all, 2, 3);
        assert_int_equal(part.count, 3);
        assert_ptr_equal(part.bytes, samples_at(&all, 2));
        assert_ptr_equal(part.labels, labels + 2);
        assert_int_equal(part.classes, 5);
        assert_true(shape_equal(&part.shape, &all.shape) && part.element == all.element);
        struct samples inner = samples_part(&part, 1, 1);
        assert_ptr_equal(samples_at(&inner, 0), samples_at(&all, 3));
        assert_int_equal(samples_part(&all, 5, 0).count, 0);
        all.labels = NULL;
        assert_null(samples_part(&all, 2, 3).labels);
    }
}

static void bytes_and_floats_become_what_the_model_takes(void **state) {
    (void)state;
    static const float mean[] = {10, 20, 30}, std[] = {1, 2, 4};
    unsigned char bytes[2 * 12];
    float floats[2 * 12], got[2 * 12 + 16];
    struct preprocessing each, all;
    struct error error;
    assert_ok(preprocessing_parse(&all, "2,1", &error), &error);
    assert_ok(preprocessing_parse(&each, "raw", &error), &error);
    assert_ok(preprocessing_normalize(&each, 3, mean, std, &error), &error);
    for (int i = 0; i < 24; i++) {
        bytes[i] = (unsigned char)(i * 10);
        floats[i] = (float)i - 7.5f;
    }
    struct samples samples = {.count = 2, .shape = {3, {2, 2, 3}}};
    for (int i = 0; i < 4; i++) {
        samples.element = i % 2 ? ELEMENT_FLOAT32 : ELEMENT_UINT8;
        samples.bytes = i % 2 ? (unsigned char *)floats : bytes;
        samples.preprocessing = i / 2 ? &each : &all;
        memset(got, 0, sizeof got);
        samples_to_float(&samples, got);
        for (int j = 0; j < 24; j++) {
            float x = i % 2 ? floats[j] : bytes[j];
            assert_true(got[j] == (i / 2 ? (x - mean[j % 3]) / std[j % 3] : 2 * x + 1));
        }
        assert_true(got[24] == 0);
    }
    /* Rows of features, whose values all are of one channel. */
    samples = (struct samples){.count = 3,
                               .shape = {1, {7}},
                               .element = ELEMENT_FLOAT32,
                               .bytes = (unsigned char *)floats,
                               .preprocessing = &all};
    samples_to_float(&samples, got);
    for (int j = 0; j < 21; j++) assert_true(got[j] == 2 * floats[j] + 1);
}

static void a_model_takes_its_own_shape_or_the_same_values_flattened(void **state) {
    (void)state;
    static const struct {
        struct shape samples, input;
        const char *refusal; /* NULL: none */
    } cases[] = {
        {{3, {28, 28, 1}}, {3, {28, 28, 1}}, NULL},
        {{3, {28, 28, 1}}, {2, {28, 28}}, NULL},
        {{3, {28, 28, 1}}, {1, {784}}, NULL},
        {{3, {32, 32, 3}}, {1, {3072}}, NULL},
        {{1, {4}}, {1, {4}}, NULL},
        {{3, {28, 28, 1}}, {1, {3}}, "holds 28x28x1; the model takes 3"},
        {{3, {28, 28, 1}}, {3, {14, 56, 1}}, "holds 28x28x1; the model takes 14x56x1"},
        {{3, {28, 28, 3}}, {3, {28, 28, 1}}, "holds 28x28x3; the model takes 28x28x1"},
        {{3, {28, 28, 3}}, {2, {28, 28}}, "holds 28x28x3; the model takes 28x28"},
        {{1, {784}}, {3, {28, 28, 1}}, "holds 784; the model takes 28x28x1"},
        {{1, {784}}, {1, {783}}, "holds 784; the model takes 783"},
    };
    struct error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct samples samples = {.count = 1, .shape = cases[i].samples};
        enum status status = samples_check_input(&samples, &cases[i].input, "here", &error);
        if (!cases[i].refusal) {
            assert_ok(status, &error);
            continue;
        }
        assert_int_equal(status, STATUS_FORMAT);
        assert_string_equal(error.where, "here");
        assert_string_equal(error.text, cases[i].refusal);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_part_is_a_view_of_the_same_memory),
    cmocka_unit_test(bytes_and_floats_become_what_the_model_takes),
    cmocka_unit_test(a_model_takes_its_own_shape_or_the_same_values_flattened),
};
TEST_MAIN(tests)
