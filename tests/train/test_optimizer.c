#include "test.h"

#include <math.h>

#include "train/optimizer.h"

/* m = (1 - beta1) g = 0.05, v = (1 - beta2) g^2 = 0.00025,
 * alpha = 0.001 * sqrt(0.001) / 0.1 = 3.16227766e-4,
 * step = 0.05 * alpha / (sqrt(0.00025) + 1e-7) = 9.99993676e-4 */
static void first_step_of_adam_is_what_a_hand_computes(void **state) {
    (void)state;
    struct adam adam = adam_factors(0.001f, 1);
    assert_near(adam.alpha, 3.16227766e-4, 1e-8); /* 1 - 0.999f has 5 digits left */
    _Alignas(64) float g[1 + 16] = {0.5f}, m[1 + 16] = {0}, v[1 + 16] = {0}, w[1 + 16] = {0.25f};
    adam_update(NULL, 1, &adam, g, m, v, w);
    assert_near(m[0], 0.05, 1e-8);
    assert_near(v[0], 0.00025, 1e-9);
    assert_near(w[0], 0.25 - 9.99993676e-4, 3e-8);
}

/* The same recurrence in double over 50 steps of changing gradients. */
static void adam_follows_the_recurrence_in_double(void **state) {
    (void)state;
    _Alignas(64) float g[1 + 16] = {0}, m[1 + 16] = {0}, v[1 + 16] = {0}, w[1 + 16] = {0};
    double dm = 0, dv = 0, dw = 0;
    for (int t = 1; t <= 50; t++) {
        g[0] = (float)(sin(t * 0.7) * 0.01 + 0.003);
        struct adam adam = adam_factors(0.002f, (uint64_t)t);
        adam_update(NULL, 1, &adam, g, m, v, w);
        dm += ((double)g[0] - dm) * 0.1;
        dv += ((double)g[0] * (double)g[0] - dv) * 0.001;
        double alpha = 0.002 * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
        dw -= dm * alpha / (sqrt(dv) + 1e-7);
        assert_near(w[0], dw, 2e-6);
    }
    assert_true(fabs(dw) > 0.01);
}

static void schedules_fall_from_one_to_zero(void **state) {
    (void)state;
    for (uint64_t step = 0; step <= 1000; step++) {
        double gone = (double)step / 1000;
        assert_true(schedule_share(SCHEDULE_CONSTANT, step, 1000) == 1);
        assert_near(schedule_share(SCHEDULE_LINEAR, step, 1000), 1 - gone, 1e-15);
        assert_near(schedule_share(SCHEDULE_COSINE, step, 1000),
                    0.5 * (1 + cos(3.14159265358979323846 * gone)), 1e-15);
    }
    assert_true(schedule_share(SCHEDULE_COSINE, 0, 1000) == 1);
    assert_near(schedule_share(SCHEDULE_COSINE, 5000, 1000), 0, 1e-15);
    assert_true(schedule_share(SCHEDULE_COSINE, 999, 1000) > 0);
    assert_true(schedule_share(SCHEDULE_LINEAR, 3, 0) == 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(first_step_of_adam_is_what_a_hand_computes),
    cmocka_unit_test(adam_follows_the_recurrence_in_double),
    cmocka_unit_test(schedules_fall_from_one_to_zero),
};
TEST_MAIN(tests)
