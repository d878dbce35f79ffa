#include "test.h"

#include <math.h>
#include <string.h>

#include "tflite/frozen.h"

/* y = tanh(x) + constant, of 4 int8 values, by hand. */
enum { INPUT, MIDDLE, CONSTANT, OUTPUT, TENSORS };

struct program {
    struct frozen frozen;
    struct frozen_tensor tensors[TENSORS];
    struct frozen_operator operators[2];
    float scale[TENSORS];
    int32_t zero_point[TENSORS];
    int8_t data[4];
    char name[1];
};

static void begin(struct program *program) {
    memset(program, 0, sizeof *program);
    for (int i = 0; i < TENSORS; i++) {
        program->scale[i] = 0.5f;
        program->tensors[i] = (struct frozen_tensor){.name = program->name,
                                                     .type = TYPE_INT8,
                                                     .rank = 2,
                                                     .shape = {1, 4},
                                                     .scale_count = 1,
                                                     .scale = &program->scale[i],
                                                     .zero_point = &program->zero_point[i]};
    }
    program->tensors[CONSTANT].data = program->data;
    program->tensors[CONSTANT].data_bytes = sizeof program->data;
    program->operators[0] = (struct frozen_operator){
        .code = OP_TANH, .inputs = {INPUT}, .input_count = 1, .outputs = {MIDDLE}};
    program->operators[1] = (struct frozen_operator){
        .code = OP_ADD, .inputs = {MIDDLE, CONSTANT}, .input_count = 2, .outputs = {OUTPUT}};
    program->frozen = (struct frozen){.tensors = program->tensors,
                                      .tensor_count = TENSORS,
                                      .operators = program->operators,
                                      .operator_count = 2,
                                      .input = INPUT,
                                      .output = OUTPUT};
}

static void assert_refused(const struct program *program, const char *text) {
    struct error error;
    assert_int_not_equal(frozen_check(&program->frozen, "x.tflite", &error), STATUS_OK);
    if (!strstr(error.text, text)) fail_msg("got '%s', want '%s'", error.text, text);
}

static void a_sound_program_passes(void **state) {
    (void)state;
    struct program program;
    struct error error;
    begin(&program);
    assert_ok(frozen_check(&program.frozen, "x.tflite", &error), &error);
}

static void operators_run_in_order_and_write_once(void **state) {
    (void)state;
    struct program program;
    begin(&program);
    program.operators[0].inputs[0] = OUTPUT;
    assert_refused(&program, "operator 0 (TANH): reads tensor 3, which nothing has written yet");
    begin(&program);
    program.operators[1].outputs[0] = MIDDLE;
    assert_refused(&program, "operator 1 (ADD): writes tensor 1");
    begin(&program);
    program.operators[1].outputs[0] = CONSTANT;
    assert_refused(&program, "operator 1 (ADD): writes tensor 2");
    begin(&program);
    program.operators[1].outputs[0] = TENSORS;
    assert_refused(&program, "operator 1 (ADD): its output is tensor 4");
    begin(&program);
    program.operators[1].inputs[1] = TENSORS;
    assert_refused(&program, "operator 1 (ADD): input 1 is tensor 4");
    begin(&program);
    program.frozen.operator_count = 1;
    assert_refused(&program, "nothing writes it");
    begin(&program);
    program.frozen.input = CONSTANT;
    assert_refused(&program, "a constant");
}

static void shapes_and_data_agree_and_have_a_limit(void **state) {
    (void)state;
    struct program program;
    for (int more = -1; more <= 1; more += 2) {
        begin(&program);
        program.tensors[CONSTANT].data_bytes += (size_t)more;
        assert_refused(&program, "tensor 2: the size of its data does not match its shape");
    }
    begin(&program);
    program.tensors[MIDDLE].shape[1] = 0;
    assert_refused(&program, "tensor 1: a dimension is not positive");
    begin(&program);
    program.tensors[MIDDLE].shape[0] = program.tensors[MIDDLE].shape[1] = 1 << 30;
    assert_refused(&program, "tensor 1: its shape is too large");
}

static void quantization_has_positive_scales_and_zero_points_of_its_type(void **state) {
    (void)state;
    static const float wrong[] = {0, -1, (float)INFINITY, (float)NAN};
    struct program program;
    for (int i = 0; i < 4; i++) {
        begin(&program);
        program.scale[OUTPUT] = wrong[i];
        assert_refused(&program, "tensor 3: a scale is not a positive number");
    }
    for (int zero_point = -129; zero_point <= 128; zero_point += 257) {
        begin(&program);
        program.zero_point[OUTPUT] = zero_point;
        assert_refused(&program, "tensor 3: a zero point is outside its type");
    }
    begin(&program);
    program.tensors[OUTPUT].scale_count = 3;
    assert_refused(&program, "tensor 3: it has neither one scale nor one for each channel");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_sound_program_passes),
    cmocka_unit_test(operators_run_in_order_and_write_once),
    cmocka_unit_test(shapes_and_data_agree_and_have_a_limit),
    cmocka_unit_test(quantization_has_positive_scales_and_zero_points_of_its_type),
};

TEST_MAIN(tests)
