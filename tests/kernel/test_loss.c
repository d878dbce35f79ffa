#include <math.h>
#include <string.h>

#include "checks.h"
#include "kernel/exp_log.h"
#include "kernel/kernel.h"

/* Distance from the true value in units of the last place of the float nearest to it. */
static double ulps(float got, double want) {
    float nearest = (float)want;
    if (got == nearest) return 0.5;
    double ulp = (double)nextafterf(fabsf(nearest), INFINITY) - (double)fabsf(nearest);
    return fabs((double)got - want) / ulp;
}

static void exp_is_right_to_one_unit_in_the_last_place(void **state) {
    (void)state;
    double worst = 0;
    for (uint32_t i = 0; i < 0x42d00000u; i += 4099) { /* up to 104 */
        float x;
        memcpy(&x, &i, sizeof x);
        double error = ulps(exp_float(-x), exp((double)-x));
        if (!(error <= worst)) worst = error;
        if (x > 88.7f) continue;
        error = ulps(exp_float(x), exp((double)x));
        if (!(error <= worst)) worst = error;
    }
    assert_true(worst <= 0.501);
}

static void exp_knows_its_limits(void **state) {
    (void)state;
    assert_true(exp_float(0) == 1 && exp_float(-0.0f) == 1);
    assert_true(isinf(exp_float(88.8f)) && isinf(exp_float(1000)) && isinf(exp_float(INFINITY)));
    assert_true(exp_float(-104.5f) == 0 && exp_float(-INFINITY) == 0);
    assert_true(exp_float(-103) > 0);
    assert_true(isnan(exp_float(NAN)));
}

static void log_is_right_to_one_unit_in_the_last_place(void **state) {
    (void)state;
    double worst = 0;
    for (uint32_t i = 1; i < 0x7f800000u; i += 8191) {
        float x;
        memcpy(&x, &i, sizeof x);
        double error = ulps(log_float(x), log((double)x));
        if (!(error <= worst)) worst = error;
    }
    for (int i = -100000; i < 100000; i++) { /* around 1, where the result is small */
        float x = 1 + (float)i * 0x1p-24f;
        double error = x == 1 ? 0 : ulps(log_float(x), log((double)x));
        if (!(error <= worst)) worst = error;
    }
    assert_true(worst <= 0.501);
}

static void log_knows_its_limits(void **state) {
    (void)state;
    assert_true(log_float(1) == 0);
    assert_true(log_float(0) == -INFINITY && log_float(INFINITY) == INFINITY);
    assert_true(isnan(log_float(-1)) && isnan(log_float(NAN)));
}

enum { ROWS = 33, CLASSES = 10 };

/* Logits within 4 of 0: then x - max loses at most 2^-22, and 1e-6 covers that, ten additions and
 * the division. */
static void cross_entropy_equals_the_formula_in_double(void **state) {
    (void)state;
    struct tensor logits = tensor_new(ROWS * CLASSES, false), p = tensor_new(ROWS * CLASSES, true);
    struct tensor d = tensor_new(ROWS * CLASSES, true), losses = tensor_new(ROWS, true);
    uint16_t labels[ROWS];
    for (size_t i = 0; i < logits.count; i++)
        logits.at[i] = ((float)checks_random(8001) - 4000) * 1e-3f;
    for (int i = 0; i < ROWS; i++) labels[i] = (uint16_t)checks_random(CLASSES);
    int want_correct = 0;
    int correct = softmax_cross_entropy(&(struct softmax_cross_entropy){.n = ROWS,
                                                                        .classes = CLASSES,
                                                                        .logits = logits.at,
                                                                        .labels = labels,
                                                                        .probabilities = p.at,
                                                                        .losses = losses.at,
                                                                        .dlogits = d.at});
    for (int i = 0; i < ROWS; i++) {
        const float *x = logits.at + i * CLASSES;
        double sum = 0;
        bool best = true;
        for (int c = 0; c < CLASSES; c++) {
            sum += exp((double)x[c]);
            if (x[c] > x[labels[i]] || (c < labels[i] && x[c] == x[labels[i]])) best = false;
        }
        want_correct += best;
        assert_near(losses.at[i], log(sum) - (double)x[labels[i]], 2e-6);
        for (int c = 0; c < CLASSES; c++) {
            double want = exp((double)x[c]) / sum;
            assert_near(p.at[i * CLASSES + c], want, 1e-6 * want + 1e-30);
            assert_near(d.at[i * CLASSES + c], (want - (c == labels[i])) / ROWS, 1e-8);
        }
    }
    assert_int_equal(correct, want_correct);
    tensor_free(&logits), tensor_free(&p), tensor_free(&d), tensor_free(&losses);
}

/* Keras: y' = y (1 - e) + e / N.  By differences of -sum y' log p, in double. */
static double smoothed_loss(const double x[3], int label, double smoothing) {
    double sum = exp(x[0]) + exp(x[1]) + exp(x[2]), loss = 0;
    for (int c = 0; c < 3; c++)
        loss -= ((c == label) * (1 - smoothing) + smoothing / 3) * (x[c] - log(sum));
    return loss;
}

/* One row's results; 1 when it is correct. */
static int one_row(int classes, const float *logits, uint16_t label, float smoothing, float *p,
                   float *loss, float *dlogits) {
    return softmax_cross_entropy(&(struct softmax_cross_entropy){.n = 1,
                                                                 .classes = classes,
                                                                 .logits = logits,
                                                                 .labels = &label,
                                                                 .smoothing = smoothing,
                                                                 .probabilities = p,
                                                                 .losses = loss,
                                                                 .dlogits = dlogits});
}

static void smoothing_moves_the_gradient_and_leaves_the_loss(void **state) {
    (void)state;
    const float logits[] = {0.5f, -1.25f, 2};
    const uint16_t label = 1;
    float p[3], plain_p[3], loss, plain_loss, d[3];
    one_row(3, logits, label, 0, plain_p, &plain_loss, d);
    one_row(3, logits, label, 0.25f, p, &loss, d);
    assert_true(loss == plain_loss);
    assert_memory_equal(p, plain_p, sizeof p);
    for (int c = 0; c < 3; c++) {
        double low[] = {0.5, -1.25, 2}, high[] = {0.5, -1.25, 2};
        low[c] -= 1e-5;
        high[c] += 1e-5;
        double slope = (smoothed_loss(high, 1, 0.25) - smoothed_loss(low, 1, 0.25)) / 2e-5;
        assert_near(d[c], slope, 1e-6);
    }
}

/* TensorFlow does not clip: a gap of 100 between logits costs 100. */
static void a_hopeless_row_costs_its_gap(void **state) {
    (void)state;
    float logits[2] = {100, 0}, p[2], loss;
    assert_int_equal(one_row(2, logits, 1, 0, p, &loss, NULL), 0);
    assert_true(loss == 100.0f);
    assert_true(p[0] == 1.0f);
}

static void a_row_with_nan_shows_everywhere_and_is_never_correct(void **state) {
    (void)state;
    for (int at = 0; at < 3; at++) {
        float logits[3] = {1, 1, 1}, p[3], d[3], loss;
        logits[at] = NAN;
        assert_int_equal(one_row(3, logits, 0, 0, p, &loss, d), 0);
        assert_true(isnan(loss));
        for (int c = 0; c < 3; c++) assert_true(isnan(p[c]) && isnan(d[c]));
    }
}

static void equal_logits_count_for_the_first_class(void **state) {
    (void)state;
    float logits[6] = {2, 2, 2, 2, 2, 2}, p[6], losses[2];
    const uint16_t labels[2] = {0, 1};
    int correct = softmax_cross_entropy(&(struct softmax_cross_entropy){.n = 2,
                                                                        .classes = 3,
                                                                        .logits = logits,
                                                                        .labels = labels,
                                                                        .probabilities = p,
                                                                        .losses = losses});
    assert_int_equal(correct, 1);
    assert_near(losses[0], log(3.0), 1e-7);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(exp_is_right_to_one_unit_in_the_last_place),
    cmocka_unit_test(exp_knows_its_limits),
    cmocka_unit_test(log_is_right_to_one_unit_in_the_last_place),
    cmocka_unit_test(log_knows_its_limits),
    cmocka_unit_test(cross_entropy_equals_the_formula_in_double),
    cmocka_unit_test(smoothing_moves_the_gradient_and_leaves_the_loss),
    cmocka_unit_test(a_hopeless_row_costs_its_gap),
    cmocka_unit_test(a_row_with_nan_shows_everywhere_and_is_never_correct),
    cmocka_unit_test(equal_logits_count_for_the_first_class),
};
TEST_MAIN(tests)
