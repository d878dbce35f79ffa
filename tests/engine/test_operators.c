/* Single operators and dilated convolutions that TFLite ran: tests/golden/make_operators.py and
 * make_dilated.py. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "tflite/tflite.h"

struct record {
    struct frozen *frozen;
    uint32_t size[3]; /* bytes of program, input, output */
    const unsigned char *input, *outputs[2];
};

/* The next record, or false at the end. */
static bool take_record(const unsigned char **at, const unsigned char *end, const char *name,
                        struct record *record) {
    struct error error;
    if (*at == end) return false;
    memcpy(record->size, *at, sizeof record->size);
    *at += sizeof record->size;
    assert_ok(tflite_parse(*at, record->size[0], name, &record->frozen, &error), &error);
    record->input = *at + record->size[0];
    for (int i = 0; i < 2; i++)
        record->outputs[i] = record->input + record->size[1] + (size_t)i * record->size[2];
    *at = record->outputs[1] + record->size[2];
    assert_true(*at <= end);
    return true;
}

/* Outputs that differ, floats by more than 1e-5. */
static size_t count_differing(const struct record *record, enum runtime runtime) {
    struct engine *engine;
    struct error error;
    size_t differ = 0;
    void *input = malloc(record->size[1]);
    unsigned char *got = malloc(record->size[2]);
    memcpy(input, record->input, record->size[1]);
    assert_ok(engine_create(&engine, record->frozen, runtime, 1, "record", &error), &error);
    engine_run(engine, NULL, 1, input, got);
    const unsigned char *want = record->outputs[runtime == RUNTIME_XNN];
    if (record->frozen->tensors[record->frozen->output].type == TYPE_FLOAT32) {
        for (size_t i = 0; i < record->size[2]; i += sizeof(float)) {
            float a, b;
            memcpy(&a, got + i, sizeof a);
            memcpy(&b, want + i, sizeof b);
            differ += !(a - b <= 1e-5f && b - a <= 1e-5f);
        }
    } else {
        for (size_t i = 0; i < record->size[2]; i++) differ += got[i] != want[i];
    }
    engine_destroy(engine);
    free(got);
    free(input);
    return differ;
}

static void every_operator_gives_what_both_of_tflites_runtimes_give(void **state) {
    (void)state;
    size_t length, wrong = 0, seen[128] = {0}, compared[128] = {0}, differ[128][2] = {{0}};
    unsigned char *bytes = test_read(test_golden("operators.bin"), &length);
    const unsigned char *at = bytes;
    struct record record;
    while (take_record(&at, bytes + length, "operators.bin", &record)) {
        enum frozen_op code = record.frozen->operators[0].code;
        seen[code]++;
        compared[code] += frozen_tensor_count(&record.frozen->tensors[record.frozen->output]);
        for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++)
            differ[code][runtime == RUNTIME_XNN] += count_differing(&record, runtime);
        frozen_free(record.frozen);
    }
    for (int code = 0; code < 128; code++) {
        if (!seen[code]) continue;
        print_message("# %-20s %2zu programs, %5zu outputs, differing: ref %zu, xnn %zu\n",
                      frozen_op_name(code), seen[code], compared[code], differ[code][0],
                      differ[code][1]);
        wrong += differ[code][0] + differ[code][1];
    }
    free(bytes);
    assert_int_equal(wrong, 0);
}

static bool has_operator(const struct frozen *frozen, enum frozen_op code) {
    for (int i = 0; i < frozen->operator_count; i++)
        if (frozen->operators[i].code == code) return true;
    return false;
}

/* With and without the converter's blocks, after QAT too; int8 to the bit. */
static void dilated_convolutions_give_what_both_of_tflites_runtimes_give(void **state) {
    (void)state;
    size_t length, seen[2] = {0}, compared[2] = {0}, differ[2] = {0}, apart = 0;
    unsigned char *bytes = test_read(test_golden("dilated.bin"), &length);
    const unsigned char *at = bytes;
    struct record record;
    while (take_record(&at, bytes + length, "dilated.bin", &record)) {
        const struct frozen_tensor *output = &record.frozen->tensors[record.frozen->output];
        bool is_int8 = output->type == TYPE_INT8;
        seen[is_int8]++;
        compared[is_int8] += frozen_tensor_count(output);
        apart += has_operator(record.frozen, OP_SPACE_TO_BATCH_ND) &&
                 has_operator(record.frozen, OP_BATCH_TO_SPACE_ND);
        for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++)
            differ[is_int8] += count_differing(&record, runtime);
        frozen_free(record.frozen);
    }
    for (int i = 0; i < 2; i++)
        print_message("# dilated, %-7s %2zu programs, %5zu outputs in two runtimes, differing: "
                      "%zu\n",
                      i ? "int8" : "float32", seen[i], compared[i], differ[i]);
    free(bytes);
    assert_int_equal(seen[0], 20);
    assert_int_equal(seen[1], 22);
    assert_int_equal(apart, 38); /* of a batch of any size */
    assert_int_equal(differ[0] + differ[1], 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_operator_gives_what_both_of_tflites_runtimes_give),
    cmocka_unit_test(dilated_convolutions_give_what_both_of_tflites_runtimes_give),
};
TEST_MAIN(tests)
