#include "engine/samples_input.h"

#include <string.h>

#include "engine/quantize.h"

#define BLOCK 256 /* values that are converted at once */

static const struct frozen_tensor *input_of(const struct engine *engine) {
    return &engine->frozen->tensors[engine->frozen->input];
}

void samples_input_plan(struct engine *engine) {
    const struct frozen *frozen = engine->frozen;
    bool only_quantized = input_of(engine)->type == TYPE_FLOAT32;
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        for (int j = 0; j < op->input_count; j++)
            if (op->inputs[j] == frozen->input && op->code != OP_QUANTIZE && op->code != OP_SHAPE)
                only_quantized = false;
    }
    if (frozen->output == frozen->input) only_quantized = false;
    engine->input_only_quantized = only_quantized;
}

static unsigned char code_of(const struct frozen_tensor *input, float value) {
    int32_t low = input->type == TYPE_INT8 ? -128 : 0;
    return (unsigned char)quantize_value(value, input->scale[0], input->zero_point[0], low,
                                         low + 255, false);
}

/* The table is the preprocessing's own, or that of its codes, or QUANTIZE's. */
static void set_table(struct engine *engine, const float values[256]) {
    const struct frozen_tensor *input = input_of(engine);
    if (engine->input_only_quantized) {
        for (int i = 0; i < engine->step_count; i++)
            quantize_tabulate(engine, &engine->steps[i], values);
        return;
    }
    if (input->type == TYPE_FLOAT32) return;
    for (int byte = 0; byte < 256; byte++)
        engine->byte_table.bytes[byte] = code_of(input, values[byte]);
    dot_table_finish(&engine->byte_table);
}

enum status samples_input_set(struct engine *engine, const struct samples *samples,
                              struct error *error) {
    const struct frozen_tensor *input = input_of(engine);
    size_t takes = engine->slots[engine->frozen->input].count;
    if (takes != shape_count(&samples->shape))
        return error_set(error, STATUS_UNSUPPORTED, "",
                         "the model takes %zu values; a sample has %zu", takes,
                         shape_count(&samples->shape));
    if (input->type != TYPE_FLOAT32 &&
        !((input->type == TYPE_INT8 || input->type == TYPE_UINT8) && input->scale_count == 1))
        return error_set(error, STATUS_UNSUPPORTED, "", "the model takes %s; a sample has numbers",
                         frozen_type_name(input->type));
    engine->samples = *samples;
    engine->has_table = samples->element == ELEMENT_UINT8 && samples->preprocessing->channels == 1;
    if (engine->has_table) set_table(engine, samples->preprocessing->table[0]);
    return STATUS_OK;
}

/* Value by value, in blocks of whole pixels where channels differ. */
static void fill_codes(const struct engine *engine, const struct samples *part, unsigned char *to) {
    float block[BLOCK + 16];
    size_t count = part->count * shape_count(&part->shape);
    int channels = part->preprocessing->channels; /* MAX_CHANNELS at most */
    size_t step = BLOCK / (size_t)channels * (size_t)channels;
    for (size_t at = 0; at < count; at += step) {
        size_t n = count - at < step ? count - at : step;
        if (part->element == ELEMENT_UINT8)
            preprocessing_bytes(part->preprocessing, channels, n, part->bytes + at, block);
        else
            preprocessing_floats(part->preprocessing, channels, n,
                                 (const float *)(const void *)part->bytes + at, block);
        for (size_t i = 0; i < n; i++) to[at + i] = code_of(input_of(engine), block[i]);
    }
}

void samples_input_fill(const struct engine *engine, size_t begin, size_t end) {
    const struct slot *slot = &engine->slots[engine->frozen->input];
    struct samples part = samples_part(&engine->samples, engine->first + begin, end - begin);
    unsigned char *to = slot->data + begin * slot->bytes;
    size_t count = part.count * slot->count;
    bool is_float = input_of(engine)->type == TYPE_FLOAT32;
    if (engine->has_table && is_float) {
        const float *values = part.preprocessing->table[0];
        for (size_t i = 0; i < count; i++) memcpy(to + i * 4, &values[part.bytes[i]], 4);
    } else if (engine->has_table) {
        engine->kernels->look_up(&engine->byte_table, count, part.bytes, to);
    } else if (is_float) {
        samples_to_float(&part, (float *)(void *)to);
    } else {
        fill_codes(engine, &part, to);
    }
}
