#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "engine/engine.h"

/* ADD of all 65,536 pairs of int8 values, against the sums' digests that TFLite's kernels gave. */
enum { PAIRS = 65536 };

/* A program has one input: two FULLY_CONNECTED with weights (1, 0) and (0, 1) of scale s take a
 * pair of values of scale 1 apart.  Their factor is 1 * s / s, so that they move values exactly;
 * the bias takes off the zero point that the output gets. */
struct program {
    struct frozen frozen;
    struct frozen_tensor tensors[8];
    struct frozen_operator operators[3];
    float scales[8];
    int32_t zero_points[8];
    int8_t weights[2][2];
    int32_t biases[2];
    char name[1];
};

enum { INPUT, FIRST, SECOND, SUM, FIRST_WEIGHTS, SECOND_WEIGHTS, FIRST_BIAS, SECOND_BIAS };

static void set_tensor(struct program *program, int index, enum frozen_type type, int size,
                       float scale, int zero_point) {
    program->scales[index] = scale;
    program->zero_points[index] = zero_point;
    program->tensors[index] = (struct frozen_tensor){
        .name = program->name,
        .type = type,
        .rank = 2,
        .shape = {1, size},
        .scale_count = 1,
        .scale = &program->scales[index],
        .zero_point = &program->zero_points[index],
    };
}

static void set_constants(struct program *program, int which, float scale, int zero_point) {
    struct frozen_tensor *weights = &program->tensors[FIRST_WEIGHTS + which];
    struct frozen_tensor *bias = &program->tensors[FIRST_BIAS + which];
    set_tensor(program, FIRST_WEIGHTS + which, TYPE_INT8, 2, scale, 0);
    set_tensor(program, FIRST_BIAS + which, TYPE_INT32, 1, scale, 0);
    program->weights[which][which] = 1;
    program->biases[which] = -zero_point;
    weights->data = program->weights[which];
    weights->data_bytes = 2;
    bias->rank = 1;
    bias->shape[0] = 1;
    bias->data = &program->biases[which];
    bias->data_bytes = sizeof program->biases[which];
}

static void fill(struct program *program, const float scale[3], const int zero_point[3],
                 int activation) {
    memset(program, 0, sizeof *program);
    set_tensor(program, INPUT, TYPE_INT8, 2, 1, 0);
    for (int i = 0; i < 3; i++)
        set_tensor(program, FIRST + i, TYPE_INT8, 1, scale[i], zero_point[i]);
    for (int i = 0; i < 2; i++) {
        set_constants(program, i, scale[i], zero_point[i]);
        program->operators[i] = (struct frozen_operator){
            .code = OP_FULLY_CONNECTED,
            .inputs = {INPUT, FIRST_WEIGHTS + i, FIRST_BIAS + i},
            .input_count = 3,
            .outputs = {FIRST + i},
        };
    }
    program->operators[2] =
        (struct frozen_operator){.code = OP_ADD,
                                 .inputs = {FIRST, SECOND},
                                 .input_count = 2,
                                 .outputs = {SUM},
                                 .activation = (enum frozen_activation)activation};
    program->frozen = (struct frozen){.tensors = program->tensors,
                                      .tensor_count = 8,
                                      .operators = program->operators,
                                      .operator_count = 3,
                                      .input = INPUT,
                                      .output = SUM};
}

static void digest(const struct program *program, enum runtime runtime, char hex[SHA256_HEX]) {
    static int8_t pairs[PAIRS][2], sums[PAIRS];
    struct engine *engine;
    struct error error;
    for (int i = 0; i < PAIRS; i++) {
        pairs[i][0] = (int8_t)(i / 256 - 128);
        pairs[i][1] = (int8_t)(i % 256 - 128);
    }
    assert_ok(engine_create(&engine, &program->frozen, runtime, PAIRS, "add", &error), &error);
    engine_run(engine, NULL, PAIRS, pairs, sums);
    const int8_t *first = engine_tensor(engine, FIRST), *second = engine_tensor(engine, SECOND);
    for (int i = 0; i < PAIRS; i++) { /* the way there is exact */
        assert_int_equal(first[i], pairs[i][0]);
        assert_int_equal(second[i], pairs[i][1]);
    }
    sha256_hex(sums, PAIRS, hex);
    engine_destroy(engine);
}

static void every_sum_of_two_bytes_equals_both_of_tflites_runtimes(void **state) {
    (void)state;
    FILE *file = fopen(test_golden("add.txt"), "r");
    float scale[3];
    int zero[3], activation, lines = 0, wrong = 0;
    char want[2][SHA256_HEX], got[SHA256_HEX];
    assert_non_null(file);
    while (fscanf(file, "%f %d %f %d %f %d %d %64s %64s", &scale[0], &zero[0], &scale[1], &zero[1],
                  &scale[2], &zero[2], &activation, want[0], want[1]) == 9) {
        struct program program;
        fill(&program, scale, zero, activation);
        lines++;
        for (int runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
            digest(&program, (enum runtime)runtime, got);
            if (!strcmp(got, want[runtime])) continue;
            wrong++;
            print_message("# %s: %a %d, %a %d -> %a %d, activation %d\n",
                          runtime_name((enum runtime)runtime), (double)scale[0], zero[0],
                          (double)scale[1], zero[1], (double)scale[2], zero[2], activation);
        }
    }
    fclose(file);
    print_message("# %d choices of quantization x 65536 sums x 2 runtimes, choices differing: %d\n",
                  lines, wrong);
    assert_int_equal(lines, 72);
    assert_int_equal(wrong, 0);
}

/* TFLite gives those to a kernel whose 16-bit numbers overflow. */
static void a_scale_too_large_for_xnnpack_is_refused(void **state) {
    (void)state;
    struct program program;
    struct engine *engine;
    struct error error;
    fill(&program, (const float[]){1, 256, 1}, (const int[]){0, 0, 0}, FUSED_NONE);
    assert_int_equal(engine_create(&engine, &program.frozen, RUNTIME_XNN, 1, "add", &error),
                     STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.text, "operator 2 (ADD): the scale of an input is 256 times its"));
    assert_ok(engine_create(&engine, &program.frozen, RUNTIME_REF, 1, "add", &error), &error);
    engine_destroy(engine);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_sum_of_two_bytes_equals_both_of_tflites_runtimes),
    cmocka_unit_test(a_scale_too_large_for_xnnpack_is_refused),
};
TEST_MAIN(tests)
