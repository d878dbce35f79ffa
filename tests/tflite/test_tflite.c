#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tflite/tflite.h"

static struct frozen *read_golden(const char *relative) {
    struct error error;
    struct frozen *frozen;
    assert_ok(tflite_read(test_shared(relative), &frozen, &error), &error);
    return frozen;
}

static void the_fc_golden_holds_what_its_list_of_tensors_says(void **state) {
    (void)state;
    struct frozen *frozen = read_golden("golden/fc/model_int8.tflite");
    /* golden/fc/model_int8.tensors.json */
    assert_int_equal(frozen->tensor_count, 10);
    assert_int_equal(frozen->operator_count, 5);
    assert_int_equal(frozen->input, 0);
    assert_int_equal(frozen->output, 9);
    assert_string_equal(frozen->input_name, "input_1");
    assert_string_equal(frozen->output_name, "quant_dense_1");
    assert_string_equal(frozen->description, "MLIR Converted.");
    static const int codes[] = {OP_QUANTIZE, OP_FULLY_CONNECTED, OP_FULLY_CONNECTED, OP_SOFTMAX,
                                OP_DEQUANTIZE};
    for (int i = 0; i < 5; i++) assert_int_equal(frozen->operators[i].code, codes[i]);
    const struct frozen_operator *dense = &frozen->operators[1];
    assert_int_equal(dense->input_count, 3);
    assert_int_equal(dense->inputs[0], 3);
    assert_int_equal(dense->inputs[1], 4);
    assert_int_equal(dense->inputs[2], 1);
    assert_int_equal(dense->outputs[0], 5);
    assert_int_equal(dense->activation, FUSED_RELU);
    assert_near(frozen->operators[3].beta, 1, 0);
    const struct frozen_tensor *kernel = &frozen->tensors[4];
    assert_int_equal(kernel->type, TYPE_INT8);
    assert_int_equal(kernel->rank, 2);
    assert_int_equal(kernel->shape[0], 128);
    assert_int_equal(kernel->shape[1], 784);
    assert_int_equal(kernel->data_bytes, 128 * 784);
    assert_int_equal(kernel->scale_count, 1);
    assert_near(kernel->scale[0], 0.007941327057778835, 1e-17);
    assert_int_equal(kernel->zero_point[0], 0);
    assert_false(kernel->has_batch);
    const struct frozen_tensor *logits = &frozen->tensors[7];
    assert_true(logits->has_batch);
    assert_null(logits->data);
    assert_int_equal(logits->zero_point[0], 37);
    assert_string_equal(logits->name,
                        "mnist_fc/quant_dense_1/MatMul;mnist_fc/quant_dense_1/BiasAdd");
    frozen_free(frozen);
}

static void every_golden_of_known_operators_is_read(void **state) {
    (void)state;
    static const char *const models[] = {"fc", "cnn", "cnn_bn"};
    static const char *const files[] = {"model_int8", "model_int8_io", "model_ptq", "model_fp32",
                                        "trace/model_int8_step200"};
    for (size_t m = 0; m < 3; m++)
        for (size_t f = 0; f < 5; f++) {
            char path[128];
            snprintf(path, sizeof path, "golden/%s/%s.tflite", models[m], files[f]);
            frozen_free(read_golden(path));
        }
}

static void convolution_and_pooling_options_are_read(void **state) {
    (void)state;
    struct frozen *frozen = read_golden("golden/cnn_bn/model_int8.tflite");
    const struct frozen_operator *depthwise = &frozen->operators[3];
    assert_int_equal(depthwise->code, OP_DEPTHWISE_CONV_2D);
    assert_int_equal(depthwise->depth_multiplier, 1);
    assert_int_equal(depthwise->activation, FUSED_RELU6);
    assert_int_equal(depthwise->padding, FROZEN_SAME);
    const struct frozen_operator *strided = &frozen->operators[7];
    assert_int_equal(strided->code, OP_CONV_2D);
    assert_int_equal(strided->stride_x, 2);
    assert_int_equal(strided->stride_y, 2);
    assert_int_equal(strided->dilation_x, 1);
    const struct frozen_operator *pool = &frozen->operators[2];
    assert_int_equal(pool->filter_width, 2);
    assert_int_equal(pool->filter_height, 2);
    assert_int_equal(pool->stride_x, 2);
    const struct frozen_tensor *kernel = &frozen->tensors[depthwise->inputs[1]];
    assert_int_equal(kernel->quantized_dimension, 3);
    assert_int_equal(kernel->scale_count, 16);
    frozen_free(frozen);
}

static void what_is_no_model_is_refused_by_name(void **state) {
    (void)state;
    struct error error;
    struct frozen *frozen;
    assert_int_equal(tflite_parse((const unsigned char *)"", 0, "empty.tflite", &frozen, &error),
                     STATUS_FORMAT);
    assert_null(frozen);
    assert_string_equal(error.where, "empty.tflite");
    assert_int_equal(
        tflite_parse((const unsigned char *)"\x89HDF\r\n\x1a\n", 8, "x", &frozen, &error),
        STATUS_FORMAT);
    assert_non_null(strstr(error.text, "TFL3"));
    assert_int_equal(
        tflite_parse((const unsigned char *)"\xff\xff\xff\x7fTFL3", 8, "x", &frozen, &error),
        STATUS_FORMAT);
    assert_non_null(strstr(error.text, "offset 0"));
}

/* Every prefix of a file is refused; the file itself is copied to a block of its own so that a
 * sanitizer sees a read past its end. */
static void every_truncation_is_refused(void **state) {
    (void)state;
    size_t length;
    unsigned char *bytes = test_read(test_shared("golden/cnn_bn/model_int8.tflite"), &length);
    struct error error;
    for (size_t end = 0; end < length; end += end < 4000 || end > length - 4000 ? 1 : 37) {
        unsigned char *cut = malloc(end + 1);
        memcpy(cut, bytes, end);
        unsigned char *tail = realloc(cut, end ? end : 1);
        struct frozen *frozen;
        enum status status = tflite_parse(tail, end, "cut", &frozen, &error);
        assert_int_not_equal(status, STATUS_OK);
        assert_null(frozen);
        free(tail);
    }
    free(bytes);
}

static void a_later_operator_set_is_named_with_its_index(void **state) {
    (void)state;
    size_t length;
    unsigned char *bytes = test_read(test_shared("golden/fc/model_int8.tflite"), &length);
    /* The code table of the file holds SOFTMAX (25) twice, old and new field.  Turn both into
     * TRANSPOSE (39). */
    struct error error;
    struct frozen *frozen;
    int found = 0;
    for (size_t i = 0; i + 4 <= length && found == 0; i++) {
        unsigned char saved = bytes[i];
        if (saved != 25) continue;
        bytes[i] = 39;
        if (tflite_parse(bytes, length, "x", &frozen, &error) == STATUS_UNSUPPORTED) {
            assert_non_null(strstr(error.text, "operator 3: TRANSPOSE is not supported"));
            found = 1;
        } else {
            frozen_free(frozen);
        }
        bytes[i] = saved;
    }
    assert_int_equal(found, 1);
    free(bytes);
}

/* ---- writing ---- */

static const char *const goldens[] = {
    "golden/fc/model_int8.tflite",     "golden/fc/model_int8_io.tflite",
    "golden/fc/model_ptq.tflite",      "golden/cnn/model_int8.tflite",
    "golden/cnn/model_int8_io.tflite", "golden/cnn/model_ptq.tflite",
    "golden/cnn_bn/model_int8.tflite", "golden/cnn_bn/model_int8_io.tflite",
    "golden/cnn_bn/model_ptq.tflite",  "golden/cnn/model_fp32.tflite",
};
#define GOLDENS (sizeof goldens / sizeof *goldens)

static void assert_same_tensor(const struct frozen_tensor *a, const struct frozen_tensor *b) {
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->rank, b->rank);
    assert_memory_equal(a->shape, b->shape, sizeof a->shape);
    assert_int_equal(a->has_batch, b->has_batch);
    assert_int_equal(a->scale_count, b->scale_count);
    assert_int_equal(a->quantized_dimension, b->quantized_dimension);
    size_t scales = (size_t)a->scale_count;
    if (scales) {
        assert_memory_equal(a->scale, b->scale, scales * sizeof *a->scale);
        assert_memory_equal(a->zero_point, b->zero_point, scales * sizeof *a->zero_point);
    }
    assert_int_equal(a->data_bytes, b->data_bytes);
    if (a->data_bytes) assert_memory_equal(a->data, b->data, a->data_bytes);
}

static void assert_same_operator(const struct frozen_operator *a, const struct frozen_operator *b) {
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->input_count, b->input_count);
    assert_memory_equal(a->inputs, b->inputs, sizeof a->inputs);
    assert_int_equal(a->outputs[0], b->outputs[0]);
    assert_int_equal(a->activation, b->activation);
    assert_int_equal(a->padding, b->padding);
    assert_int_equal(a->stride_x, b->stride_x);
    assert_int_equal(a->stride_y, b->stride_y);
    assert_int_equal(a->dilation_x, b->dilation_x);
    assert_int_equal(a->dilation_y, b->dilation_y);
    assert_int_equal(a->filter_width, b->filter_width);
    assert_int_equal(a->filter_height, b->filter_height);
    assert_int_equal(a->depth_multiplier, b->depth_multiplier);
    assert_near(a->beta, b->beta, 0);
    assert_int_equal(a->keep_dimensions, b->keep_dimensions);
}

static void what_is_written_reads_back_as_the_same_program(void **state) {
    (void)state;
    for (size_t g = 0; g < GOLDENS; g++) {
        struct frozen *first = read_golden(goldens[g]), *second;
        struct error error;
        unsigned char *bytes;
        size_t length;
        assert_ok(tflite_serialize(first, &bytes, &length, &error), &error);
        assert_ok(tflite_parse(bytes, length, "written", &second, &error), &error);
        assert_int_equal(first->tensor_count, second->tensor_count);
        assert_int_equal(first->operator_count, second->operator_count);
        for (int i = 0; i < first->tensor_count; i++)
            assert_same_tensor(&first->tensors[i], &second->tensors[i]);
        for (int i = 0; i < first->operator_count; i++)
            assert_same_operator(&first->operators[i], &second->operators[i]);
        assert_int_equal(first->input, second->input);
        assert_int_equal(first->output, second->output);
        assert_string_equal(first->input_name, second->input_name);
        assert_string_equal(first->output_name, second->output_name);
        assert_string_equal(first->description, second->description);
        free(bytes);
        frozen_free(first);
        frozen_free(second);
    }
}

static void the_same_program_gives_the_same_bytes(void **state) {
    (void)state;
    struct frozen *frozen = read_golden("golden/cnn/model_int8.tflite");
    struct error error;
    unsigned char *a, *b;
    size_t a_length, b_length;
    assert_ok(tflite_serialize(frozen, &a, &a_length, &error), &error);
    assert_ok(tflite_serialize(frozen, &b, &b_length, &error), &error);
    assert_int_equal(a_length, b_length);
    assert_memory_equal(a, b, a_length);
    free(a);
    free(b);
    frozen_free(frozen);
}

static void check_alignment(struct frozen *frozen) {
    struct error error;
    unsigned char *bytes;
    size_t length;
    assert_ok(tflite_serialize(frozen, &bytes, &length, &error), &error);
    for (int i = 0; i < frozen->tensor_count; i++) {
        const struct frozen_tensor *tensor = &frozen->tensors[i];
        if (tensor->data_bytes < 32) continue; /* too short to be found without doubt */
        const unsigned char *at = memmem(bytes, length, tensor->data, tensor->data_bytes);
        assert_non_null(at);
        assert_int_equal((size_t)(at - bytes) % 16, 0);
    }
    free(bytes);
    frozen_free(frozen);
}

static void the_data_of_every_constant_is_aligned_to_16_bytes(void **state) {
    (void)state;
    struct error error;
    struct frozen *frozen;
    assert_ok(tflite_read(test_golden("qat.tflite"), &frozen, &error), &error);
    check_alignment(frozen);
    check_alignment(read_golden("golden/cnn/model_int8.tflite"));
}

/* An offset, a size or a count of such a size would lead far out of the file. */
static void a_number_that_is_too_large_leads_nowhere(void **state) {
    (void)state;
    static const unsigned char large[] = {0xf0, 0xff, 0xff, 0x7f};
    size_t length;
    unsigned char *bytes = test_read(test_golden("qat.tflite"), &length), kept[4];
    struct error error;
    int refused = 0;
    for (size_t at = 0; at + 4 <= length; at += 4) {
        struct frozen *frozen;
        memcpy(kept, bytes + at, 4);
        memcpy(bytes + at, large, 4);
        if (tflite_parse(bytes, length, "large", &frozen, &error)) refused++;
        frozen_free(frozen);
        memcpy(bytes + at, kept, 4);
    }
    assert_true(refused > 100);
    free(bytes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_fc_golden_holds_what_its_list_of_tensors_says),
    cmocka_unit_test(every_golden_of_known_operators_is_read),
    cmocka_unit_test(convolution_and_pooling_options_are_read),
    cmocka_unit_test(what_is_no_model_is_refused_by_name),
    cmocka_unit_test(every_truncation_is_refused),
    cmocka_unit_test(a_later_operator_set_is_named_with_its_index),
    cmocka_unit_test(what_is_written_reads_back_as_the_same_program),
    cmocka_unit_test(the_same_program_gives_the_same_bytes),
    cmocka_unit_test(the_data_of_every_constant_is_aligned_to_16_bytes),
    cmocka_unit_test(a_number_that_is_too_large_leads_nowhere),
};
TEST_MAIN(tests)
