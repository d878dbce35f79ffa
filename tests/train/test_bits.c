/* Weights of fewer than 8 bits: trained at that width, exported as int8. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "quant/freeze.h"
#include "evaluate/evaluate.h"
#include "train/trainer.h"

static const struct dataset *samples(void) {
    static struct dataset dataset;
    struct error error;
    if (!dataset.train.count)
        assert_ok(dataset_load(&dataset, test_asset("mnist-5k"), &error), &error);
    return &dataset;
}

struct result {
    double simulated, integer; /* accuracy */
    int largest;               /* of the integer weights */
};

static int largest_weight(const struct frozen *frozen) {
    int largest = 0;
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        bool has_weights = op->code == OP_CONV_2D || op->code == OP_DEPTHWISE_CONV_2D ||
                           op->code == OP_FULLY_CONNECTED;
        if (!has_weights) continue;
        const struct frozen_tensor *weights = &frozen->tensors[op->inputs[1]];
        const int8_t *q = weights->data;
        for (size_t j = 0; j < frozen_tensor_count(weights); j++)
            if (abs(q[j]) > largest) largest = abs(q[j]);
    }
    return largest;
}

/* So many steps of 32 digits with scheme qatop. */
static struct result train(const char *path, int bits, int steps) {
    struct error error;
    struct model *model;
    struct quant_plan *plan;
    struct pool *pool;
    struct trainer *trainer;
    struct frozen *frozen;
    struct predictions simulated, integer;
    struct scheme scheme = schemes[0];
    struct training training = {.epochs = 1,
                                .batch = 32,
                                .learning_rate = 0.001f,
                                .schedule = SCHEDULE_COSINE,
                                .shuffle = true,
                                .seed = 1};
    scheme.weight_bits = bits;
    assert_ok(model_load(path, &model, &error), &error);
    assert_ok(quant_plan_create(&plan, model, &scheme, &error), &error);
    assert_ok(pool_create(&pool, 2, &error), &error);
    assert_ok(trainer_create(&trainer, model, plan, samples(), &training, pool, &error), &error);
    trainer_calibrate(trainer);
    for (int i = 0; i < steps; i++) {
        struct step_result result;
        trainer_step(trainer, &result);
        assert_true(result.is_finite);
    }
    struct snapshot *snapshot = trainer_snapshot(trainer);
    const struct samples *test = &samples()->test;
    assert_ok(evaluate_fake_quant(snapshot, test, pool, &simulated, &error), &error);
    assert_ok(freeze(snapshot, IO_FLOAT, &frozen, &error), &error);
    assert_ok(evaluate_frozen(frozen, RUNTIME_REF, test, pool, path, &integer, &error), &error);
    struct result result = {simulated.accuracy, integer.accuracy, largest_weight(frozen)};
    predictions_free(&simulated);
    predictions_free(&integer);
    frozen_free(frozen);
    snapshot_release(snapshot);
    trainer_destroy(trainer);
    pool_destroy(pool);
    quant_plan_free(plan);
    model_free(model);
    return result;
}

static void all_kinds_of_kernels_train_at_every_width(void **state) {
    (void)state;
    static const char *const names[] = {"separable", "sigmoid", "dilated"};
    for (int i = 0; i < 3; i++)
        for (int bits = 2; bits <= 8; bits += bits < 4 ? 1 : 2) {
            char file[64];
            snprintf(file, sizeof file, "%s/model.h5", names[i]);
            struct result result = train(test_golden(file), bits, 25);
            print_message("# %s, %d bits: accuracy %.3f simulated, %.3f in integers\n", names[i],
                          bits, result.simulated, result.integer);
            /* All codes are in use: the largest weight of a channel is the end of its range. */
            assert_int_equal(result.largest, (1 << (bits - 1)) - 1);
            assert_near(result.integer, result.simulated, 0.01);
        }
}

static void four_bits_cost_little_and_two_do_not_break_a_model(void **state) {
    (void)state;
    static const struct {
        const char *path;
        int bits;
        double before, loss; /* accuracy in float32, what may be lost of it */
    } cases[] = {
        {"models/mnist_fc.h5", 4, 0.974, 0.01},
        {"models/mnist_fc.h5", 2, 0.974, 0.08},
        {"models/mnist_cnn.h5", 4, 0.987, 0.01},
        {"models/mnist_cnn.h5", 2, 0.987, 0.05},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct result result = train(test_asset(cases[i].path), cases[i].bits, 125);
        print_message("# %s, %d bits, one epoch: accuracy %.3f simulated, %.3f in integers\n",
                      cases[i].path, cases[i].bits, result.simulated, result.integer);
        assert_int_equal(result.largest, (1 << (cases[i].bits - 1)) - 1);
        assert_true(result.integer >= cases[i].before - cases[i].loss);
        assert_near(result.integer, result.simulated, 0.005);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_kinds_of_kernels_train_at_every_width),
    cmocka_unit_test(four_bits_cost_little_and_two_do_not_break_a_model),
};
TEST_MAIN(tests)
