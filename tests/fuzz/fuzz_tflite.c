/* .tflite programs: read, shown, written again, planned for both runtimes and run on one input. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "fuzz/fuzz.h"
#include "tflite/summary.h"
#include "tflite/tflite.h"

static const char *const seeds[] = {"tests/golden/qat.tflite",
                                    "tests/golden/odd_subgraphs.tflite",
                                    "tests/golden/odd_unused.tflite",
                                    "tests/golden/odd_custom.tflite",
                                    "tests/golden/odd_type.tflite",
                                    "tests/golden/separable/model_int8.tflite",
                                    "tests/golden/leaky/model_ptq.tflite",
                                    "tests/golden/dilated/model_ptq.tflite",
                                    "shared/golden/cnn_bn/model_int8.tflite",
                                    "shared/golden/cnn_bn/model_int8_io.tflite",
                                    "shared/golden/cnn/model_ptq.tflite",
                                    "shared/golden/fc/model_int8.tflite",
                                    NULL};
const struct fuzz_target fuzz_target = {"tflite", seeds, 1024};

/* Well-formed programs may take for ever; those are planned, not run. */
#define MAX_VALUES ((size_t)1 << 16)

/* What SPACE_TO_BATCH_ND makes of a digit; its shapes do not say it. */
static size_t images_of(const struct frozen *frozen, const struct frozen_operator *op) {
    if (op->code != OP_SPACE_TO_BATCH_ND || op->input_count < 2) return 1;
    const struct frozen_tensor *block = &frozen->tensors[op->inputs[1]];
    int32_t sizes[2];
    if (!block->data || block->data_bytes != sizeof sizes) return 1;
    memcpy(sizes, block->data, sizeof sizes);
    return (size_t)llabs((long long)sizes[0] * sizes[1]);
}

static bool is_small(const struct frozen *frozen) {
    size_t largest = 0, total = 0;
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        size_t images = images_of(frozen, op);
        if (images > MAX_VALUES ||
            images * frozen_tensor_count(&frozen->tensors[op->outputs[0]]) > MAX_VALUES)
            return false;
    }
    for (int i = 0; i < frozen->tensor_count; i++) {
        size_t count = frozen_tensor_count(&frozen->tensors[i]);
        total += count;
        if (count > largest) largest = count;
    }
    return total <= 2 * MAX_VALUES && largest <= MAX_VALUES;
}

static void check_text(const struct frozen *frozen) {
    struct error error;
    char *text;
    fuzz_check(!tflite_summary(frozen, true, &text, &error));
    for (const char *c = text; *c; c++) fuzz_check(*c == '\n' || !iscntrl((unsigned char)*c));
    free(text);
}

static void check_written(const struct frozen *frozen) {
    struct error error;
    struct frozen *read;
    unsigned char *bytes, *again;
    size_t length, length_again;
    if (tflite_serialize(frozen, &bytes, &length, &error)) return;
    fuzz_check(!tflite_parse(bytes, length, "written", &read, &error));
    fuzz_check(!tflite_serialize(read, &again, &length_again, &error));
    fuzz_check(length == length_again && !memcmp(bytes, again, length));
    free(bytes);
    free(again);
    frozen_free(read);
}

/* The same input gives the same output, whatever ran before. */
static void run(struct engine *engine, const struct frozen *frozen) {
    const struct frozen_tensor *input_tensor = &frozen->tensors[frozen->input];
    size_t in = frozen_tensor_count(input_tensor) / (size_t)input_tensor->shape[0] *
                frozen_type_size(input_tensor->type);
    size_t out =
        engine_output_count(engine) * frozen_type_size(frozen->tensors[frozen->output].type);
    unsigned char *input = malloc(in), *first = malloc(out), *second = malloc(out);
    fuzz_check(input && first && second);
    for (size_t i = 0; i < in; i++) input[i] = (unsigned char)(i * 37);
    engine_run(engine, NULL, 1, input, first);
    engine_run(engine, NULL, 1, input, second);
    fuzz_check(!memcmp(first, second, out));
    free(input);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct error error;
    struct frozen *frozen;
    enum status status = tflite_parse(bytes, length, "program", &frozen, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!frozen);
        return 0;
    }
    check_text(frozen);
    check_written(frozen);
    for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
        struct engine *engine;
        status = engine_create(&engine, frozen, runtime, 1, "program", &error);
        if (status) {
            fuzz_check_refusal(status, &error);
            fuzz_check(!engine);
            continue;
        }
        if (is_small(frozen)) run(engine, frozen);
        engine_destroy(engine);
    }
    frozen_free(frozen);
    return 0;
}
