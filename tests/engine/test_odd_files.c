/* .tflite files that are not as a converter writes them, but that TFLite's interpreter runs: the
 * outputs must be those of the plain file.  tests/golden/make_saved.py made the files. */
#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "engine/engine.h"
#include "tflite/summary.h"
#include "tflite/tflite.h"

#define DIGITS 200
#define BATCH  7

static struct frozen *read_file(const char *path) {
    struct error error;
    struct frozen *frozen;
    assert_ok(tflite_read(path, &frozen, &error), &error);
    return frozen;
}

static void run(const struct frozen *frozen, enum runtime runtime, float outputs[DIGITS][10]) {
    struct dataset dataset = {0};
    struct engine *engine;
    struct error error;
    assert_ok(dataset_load(&dataset, test_asset("mnist-5k"), &error), &error);
    assert_ok(engine_create(&engine, frozen, runtime, BATCH, "odd", &error), &error);
    assert_int_equal(frozen->tensors[frozen->output].type, TYPE_FLOAT32);
    assert_int_equal(engine_output_count(engine), 10);
    const struct samples samples = samples_part(&dataset.test, 0, DIGITS);
    assert_ok(engine_run_samples(engine, NULL, &samples, outputs, &error), &error);
    engine_destroy(engine);
    dataset_free(&dataset);
}

static void assert_runs_as_the_plain_file(const struct frozen *odd) {
    struct frozen *plain = read_file(test_golden("qat.tflite"));
    for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
        static float want[DIGITS][10], got[DIGITS][10];
        run(plain, runtime, want);
        run(odd, runtime, got);
        assert_memory_equal(got, want, sizeof want);
    }
    frozen_free(plain);
}

/* Written as `frozen` is now and read again. */
static struct frozen *rewrite(struct frozen *frozen) {
    struct error error;
    struct frozen *again;
    unsigned char *bytes;
    size_t length;
    assert_ok(tflite_serialize(frozen, &bytes, &length, &error), &error);
    assert_ok(tflite_parse(bytes, length, "odd", &again, &error), &error);
    free(bytes);
    frozen_free(frozen);
    return again;
}

static void clear(char **text) {
    free(*text);
    *text = calloc(1, 1);
}

/* No names, and a batch of so many digits that cannot be resized: no shape_signature. */
static struct frozen *strip(int batch) {
    struct frozen *frozen = read_file(test_golden("qat.tflite"));
    for (int i = 0; i < frozen->tensor_count; i++) {
        struct frozen_tensor *tensor = &frozen->tensors[i];
        clear(&tensor->name);
        tensor->has_batch = false;
        if (!tensor->data) tensor->shape[0] = batch;
    }
    clear(&frozen->input_name);
    clear(&frozen->output_name);
    clear(&frozen->description);
    return rewrite(frozen);
}

static void names_do_not_matter(void **state) {
    (void)state;
    struct frozen *odd = strip(1);
    assert_string_equal(odd->tensors[3].name, "");
    assert_false(odd->tensors[odd->input].has_batch);
    assert_runs_as_the_plain_file(odd);
    frozen_free(odd);
}

static void a_fixed_batch_of_any_size_is_run_digit_by_digit(void **state) {
    (void)state;
    static const int batches[] = {2, 32, 250};
    for (int i = 0; i < 3; i++) {
        struct frozen *odd = strip(batches[i]);
        assert_int_equal(odd->tensors[odd->input].shape[0], batches[i]);
        assert_runs_as_the_plain_file(odd);
        frozen_free(odd);
    }
}

static void a_layer_without_bias_has_biases_of_zero(void **state) {
    (void)state;
    struct frozen *zero = read_file(test_golden("qat.tflite")), *none, *fewer;
    none = read_file(test_golden("qat.tflite"));
    fewer = read_file(test_golden("qat.tflite"));
    for (int i = 0; i < zero->operator_count; i++) {
        if (zero->operators[i].input_count < 3) continue;
        struct frozen_tensor *bias = &zero->tensors[zero->operators[i].inputs[2]];
        memset(bias->data, 0, bias->data_bytes);
        none->operators[i].inputs[2] = -1;
        fewer->operators[i].input_count = 2;
    }
    none = rewrite(none);
    fewer = rewrite(fewer);
    for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
        static float want[DIGITS][10], got[DIGITS][10];
        run(zero, runtime, want);
        run(none, runtime, got);
        assert_memory_equal(got, want, sizeof want);
        run(fewer, runtime, got);
        assert_memory_equal(got, want, sizeof want);
    }
    frozen_free(zero);
    frozen_free(none);
    frozen_free(fewer);
}

/* The Python converter aligns to 4 bytes only, whatever the schema asks for. */
static void data_may_stand_at_any_multiple_of_4(void **state) {
    (void)state;
    size_t length, odd = 0;
    unsigned char *bytes = test_read(test_golden("qat.tflite"), &length);
    struct frozen *frozen = read_file(test_golden("qat.tflite"));
    for (int i = 0; i < frozen->tensor_count; i++) {
        const struct frozen_tensor *tensor = &frozen->tensors[i];
        if (tensor->data_bytes < 32) continue; /* too short to be found without doubt */
        const unsigned char *at = memmem(bytes, length, tensor->data, tensor->data_bytes);
        assert_non_null(at);
        assert_int_equal((size_t)(at - bytes) % 4, 0);
        odd += (size_t)(at - bytes) % 16 != 0;
        assert_int_equal((uintptr_t)tensor->data % 64, 0);
    }
    assert_true(odd > 0);
    free(bytes);
    frozen_free(frozen);
}

static void the_first_of_several_subgraphs_is_run_and_all_signatures_are_named(void **state) {
    (void)state;
    struct frozen *odd = read_file(test_golden("odd_subgraphs.tflite"));
    struct error error;
    char *text;
    assert_int_equal(odd->subgraph_count, 2);
    assert_int_equal(odd->signature_count, 3);
    assert_string_equal(odd->input_name, "input_1");
    assert_runs_as_the_plain_file(odd);
    assert_ok(tflite_summary(odd, false, &text, &error), &error);
    assert_non_null(strstr(text,
                           "Subgraph: the first of 2, which an interpreter's invoke() runs\n"
                           "Input: tensor 0, input_1\nOutput: tensor 19, quant_classes\n\n"
                           "Signatures\n"
                           "   0  shorter: input_1 is tensor 0 -> quant_classes is tensor 18, of "
                           "subgraph 1\n"
                           "   1  serving_default: input_1 is tensor 0 -> quant_classes is "
                           "tensor 19, of subgraph 0\n"
                           "   2  again: input_1 is tensor 0 -> quant_classes is tensor 19, of "
                           "subgraph 0\n\nOperators\n"));
    free(text);
    frozen_free(odd);
    odd = read_file(test_golden("qat.tflite"));
    assert_ok(tflite_summary(odd, false, &text, &error), &error);
    assert_null(strstr(text, "Subgraph:"));
    assert_non_null(strstr(text, "\nSignatures\n   0  serving_default: input_1 is tensor 0 -> "
                                 "quant_classes is tensor 19\n\n"));
    free(text);
    frozen_free(odd);
}

static void a_type_that_is_not_supported_is_refused_where_it_is_used(void **state) {
    (void)state;
    struct frozen *odd = read_file(test_golden("odd_unused.tflite"));
    struct error error;
    struct engine *engine;
    char *text;
    int spare = odd->tensor_count - 1;
    assert_runs_as_the_plain_file(odd);
    assert_ok(tflite_summary(odd, false, &text, &error), &error);
    assert_non_null(strstr(text, " bool    []"));
    assert_non_null(strstr(text, " int4    [3, 5]"));
    free(text);
    odd = rewrite(odd);
    assert_int_equal(odd->tensors[spare].type, 17);
    for (int i = 0; i < 2; i++) {
        int *use = i ? &odd->output : &odd->operators[2].inputs[1], before = *use;
        *use = spare;
        assert_int_equal(engine_create(&engine, odd, RUNTIME_REF, 1, "odd", &error),
                         STATUS_UNSUPPORTED);
        char want[64];
        snprintf(want, sizeof want, "tensor %d (spare): type int4 is not supported", spare);
        assert_string_equal(error.text, want);
        *use = before;
    }
    frozen_free(odd);
}

static void assert_refused(const char *path, const char *text) {
    struct error error;
    struct frozen *frozen;
    assert_int_equal(tflite_read(path, &frozen, &error), STATUS_UNSUPPORTED);
    assert_null(frozen);
    assert_string_equal(error.where, path);
    assert_non_null(strstr(error.text, text));
}

static void what_cannot_be_run_is_named_with_its_index(void **state) {
    (void)state;
    assert_refused(test_golden("odd_custom.tflite"),
                   "operator 0: the custom operator 'Wobble' is not supported; 'man qatop' lists");
    assert_refused(test_golden("odd_type.tflite"), "tensor 0: type int4 is not supported");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(names_do_not_matter),
    cmocka_unit_test(a_fixed_batch_of_any_size_is_run_digit_by_digit),
    cmocka_unit_test(a_layer_without_bias_has_biases_of_zero),
    cmocka_unit_test(data_may_stand_at_any_multiple_of_4),
    cmocka_unit_test(the_first_of_several_subgraphs_is_run_and_all_signatures_are_named),
    cmocka_unit_test(a_type_that_is_not_supported_is_refused_where_it_is_used),
    cmocka_unit_test(what_cannot_be_run_is_named_with_its_index),
};
TEST_MAIN(tests)
