#include "evaluate/predictions.h"

#include <math.h>
#include <string.h>

#include "test.h"

static void the_most_probable_class_is_the_answer_and_of_equal_ones_the_first(void **state) {
    (void)state;
    static const float rows[4][10] = {
        {0.1f, 0.2f, 0.7f},
        {0, 0.5f, 0, 0, 0.5f},
        {0}, /* all are equal */
        {0, 0, 0, 0, 0, 0, 0, 0, 0.25f, 0.75f},
    };
    static const uint16_t truth[] = {2, 4, 0, 9}, answers[] = {2, 1, 0, 9};
    struct predictions predictions;
    struct error error;
    assert_ok(predictions_create(&predictions, 4, 10, &error), &error);
    assert_true(isnan(predictions.loss));
    memcpy(predictions.probabilities, rows, sizeof rows);
    predictions_judge(&predictions, truth);
    assert_memory_equal(predictions.labels, answers, sizeof answers);
    assert_int_equal(predictions.correct, 3);
    assert_true(predictions.accuracy == 0.75);
    predictions_free(&predictions);
    assert_null(predictions.labels);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_most_probable_class_is_the_answer_and_of_equal_ones_the_first),
};

TEST_MAIN(tests)
