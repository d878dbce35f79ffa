#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "run/alarms.h"

static char text[200];

static bool report(struct alarms *alarms, int tensor, float saturation, float sqnr, uint64_t step) {
    struct event_tensor event = {.tensor = tensor,
                                 .stats = {.saturation = saturation, .sqnr = sqnr}};
    text[0] = 0;
    return alarms_tensor(alarms, "dense/out", &event, step, text, sizeof text);
}

static void saturation_is_told_once_after_three_reports(void **state) {
    (void)state;
    struct alarms *alarms = alarms_create(2);
    assert_false(report(alarms, 1, 0.019f, 40, 200));
    assert_false(report(alarms, 1, 0.019f, 40, 201));
    assert_true(report(alarms, 1, 0.019f, 40, 202));
    assert_non_null(strstr(text, "dense/out"));
    assert_non_null(strstr(text, "1.9 %"));
    for (uint64_t step = 203; step < 1000; step++) assert_false(report(alarms, 1, 0.02f, 40, step));
    alarms_destroy(alarms);
    alarms_destroy(NULL);
}

static void an_interrupted_condition_is_no_alarm(void **state) {
    (void)state;
    struct alarms *alarms = alarms_create(1);
    for (uint64_t step = 200; step < 300; step++)
        assert_false(report(alarms, 0, step % 3 ? 0.02f : 0.0f, 40, step));
    alarms_destroy(alarms);
}

static void nothing_is_judged_during_warm_up(void **state) {
    (void)state;
    struct alarms *alarms = alarms_create(1);
    for (uint64_t step = 1; step < ALARM_WARM_UP; step++)
        assert_false(report(alarms, 0, 0.5f, 3, step));
    alarms_destroy(alarms);
}

static void an_alarm_comes_back_after_it_was_clear_but_not_for_ever(void **state) {
    (void)state;
    struct alarms *alarms = alarms_create(1);
    int told = 0;
    uint64_t step = ALARM_WARM_UP;
    for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < 5; i++) told += report(alarms, 0, 0.02f, 40, step++);
        for (int i = 0; i < 20; i++) told += report(alarms, 0, 0.0f, 40, step++);
    }
    assert_int_equal(told, ALARM_REPEATS);
    alarms_destroy(alarms);
}

/* Nine good reports in a row are not enough. */
static void an_alarm_is_clear_after_ten_good_reports(void **state) {
    (void)state;
    struct alarms *alarms = alarms_create(1);
    uint64_t step = ALARM_WARM_UP;
    for (int turn = 0; turn < 5; turn++) {
        int told = 0, good = turn < 4 ? 9 : 10;
        for (int i = 0; i < 5; i++) told += report(alarms, 0, 0.02f, 40, step++);
        assert_int_equal(told, turn == 0);
        for (int i = 0; i < good; i++) assert_false(report(alarms, 0, 0, 40, step++));
    }
    for (int i = 0; i < 2; i++) assert_false(report(alarms, 0, 0.02f, 40, step++));
    assert_true(report(alarms, 0, 0.02f, 40, step));
    alarms_destroy(alarms);
}

static void a_low_or_undefined_sqnr_is_told(void **state) {
    (void)state;
    struct alarms *alarms = alarms_create(3);
    for (int i = 0; i < 2; i++) {
        assert_false(report(alarms, 0, 0, 19.5f, 200));
        assert_false(report(alarms, 1, 0, NAN, 200));
        assert_false(report(alarms, 2, 0, INFINITY, 200));
    }
    assert_true(report(alarms, 0, 0, 19.5f, 200));
    assert_non_null(strstr(text, "19.5 dB"));
    assert_true(report(alarms, 1, 0, NAN, 200));
    assert_false(report(alarms, 2, 0, INFINITY, 200));
    alarms_destroy(alarms);
}

static void drift_is_judged_from_the_second_epoch(void **state) {
    (void)state;
    struct alarms *alarms = alarms_create(1);
    assert_false(alarms_drift(alarms, "a", 0, 0.5f, 1, text, sizeof text));
    assert_true(alarms_drift(alarms, "a", 0, 0.11f, 2, text, sizeof text));
    assert_non_null(strstr(text, "11 %"));
    assert_false(alarms_drift(alarms, "a", 0, 0.12f, 3, text, sizeof text));
    alarms_destroy(alarms);
}

static bool evaluate(struct alarms *alarms, uint64_t step, bool is_whole, double fp32,
                     double int8) {
    struct evaluation evaluation = {.step = step, .is_whole = is_whole};
    evaluation.results[PRECISION_FP32].accuracy = fp32;
    evaluation.results[PRECISION_INT8].accuracy = int8;
    return alarms_evaluation(alarms, &evaluation, text, sizeof text);
}

static void a_gap_of_more_than_half_a_point_is_told(void **state) {
    (void)state;
    struct alarms *alarms = alarms_create(1);
    assert_false(evaluate(alarms, 0, true, 0.98, 0.1)); /* before training it means nothing */
    assert_false(evaluate(alarms, 10, false, 0.98, 0.1));
    assert_false(evaluate(alarms, 10, true, 0.980, 0.976));
    assert_true(evaluate(alarms, 20, true, 0.980, 0.974));
    assert_non_null(strstr(text, "0.60 points"));
    assert_false(evaluate(alarms, 30, true, 0.980, 0.974));
    alarms_destroy(alarms);
}

static void a_gap_is_told_with_the_layer_that_costs_most(void **state) {
    (void)state;
    static struct layer model_layers[] = {{.name = "input_1"}, {.name = "dense"}};
    struct model model = {.layers = model_layers, .layer_count = 2};
    struct snapshot snapshot = {.model = &model};
    struct comparison *layers = calloc(1, sizeof *layers + sizeof layers->rows[0]);
    assert_non_null(layers);
    layers->row_count = 1;
    layers->rows[0] = (struct compared){.layer = 1, .share = 0.938};
    struct evaluation evaluation = {
        .step = 20, .is_whole = true, .layers = layers, .snapshot = &snapshot};
    evaluation.results[PRECISION_FP32].accuracy = 0.98;
    evaluation.results[PRECISION_INT8].accuracy = 0.97;
    struct alarms *alarms = alarms_create(1);
    assert_true(alarms_evaluation(alarms, &evaluation, text, sizeof text));
    assert_non_null(
        strstr(text, "): 94 % of the error is dense's: look at its range or keep training"));
    alarms_destroy(alarms);
    free(layers);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(saturation_is_told_once_after_three_reports),
    cmocka_unit_test(an_interrupted_condition_is_no_alarm),
    cmocka_unit_test(nothing_is_judged_during_warm_up),
    cmocka_unit_test(an_alarm_comes_back_after_it_was_clear_but_not_for_ever),
    cmocka_unit_test(an_alarm_is_clear_after_ten_good_reports),
    cmocka_unit_test(a_low_or_undefined_sqnr_is_told),
    cmocka_unit_test(drift_is_judged_from_the_second_epoch),
    cmocka_unit_test(a_gap_of_more_than_half_a_point_is_told),
    cmocka_unit_test(a_gap_is_told_with_the_layer_that_costs_most),
};

TEST_MAIN(tests)
