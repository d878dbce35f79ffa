#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cpu.h"
#include "engine/internal.h"

/* What the values of one chunk of samples should fit: part of a second-level cache. */
#define CHUNK_BYTES ((size_t)256 << 10)
#define CHUNK_MOST  64

const char *runtime_name(enum runtime runtime) {
    return runtime == RUNTIME_XNN ? "xnn" : "ref";
}

/* ---- planning ---- */

bool plan_refuse(struct planner *planner, enum status status, const char *text) {
    if (!planner->status)
        planner->status = error_set(planner->error, status, planner->where, "operator %d (%s): %s",
                                    planner->index, frozen_op_name(planner->op->code), text);
    return false;
}

void *plan_memory(struct planner *planner, size_t count, size_t size) {
    struct step *step = planner->step;
    size_t bytes;
    qt_assert(step->memory_count < (int)(sizeof step->memory / sizeof *step->memory));
    if (!size_multiply(count, size, &bytes) ||
        bytes > ENGINE_BYTES_MAX - planner->engine->planned_bytes) {
        plan_refuse(planner, STATUS_UNSUPPORTED, "it needs tables larger than a gigabyte");
        return NULL;
    }
    planner->engine->planned_bytes += bytes;
    void *memory = array_new(count, size);
    if (memory)
        step->memory[step->memory_count++] = memory;
    else
        planner->status = error_memory(planner->error, planner->where, count * size);
    return memory;
}

bool plan_int8(struct planner *planner, const struct frozen_tensor *tensor) {
    if (tensor->type != TYPE_INT8)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "only int8 is supported; convert with int8 quantization");
    if (tensor->scale_count != 1)
        return plan_refuse(planner, STATUS_FORMAT, "an int8 tensor wants one scale");
    return true;
}

bool plan_same_quantization(struct planner *planner) {
    if (planner->input->scale[0] != planner->output->scale[0] ||
        planner->input->zero_point[0] != planner->output->zero_point[0])
        return plan_refuse(planner, STATUS_FORMAT,
                           "input and output differ in scale or zero point");
    return true;
}

bool plan_factor(struct planner *planner, double real, struct fixed *fixed) {
    if (!fixed_from_double(real, fixed))
        return plan_refuse(planner, STATUS_FORMAT, "its scales are too far apart");
    return true;
}

bool plan_fused_activation(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_tensor *output = planner->output;
    int32_t zero = output->zero_point[0];
    step->zero_in = planner->input->zero_point ? planner->input->zero_point[0] : 0;
    step->zero_out = zero;
    step->low = -128;
    step->high = 127;
    if (planner->op->activation == FUSED_NONE) return true;
    if (zero > step->low) step->low = zero;
    if (planner->op->activation == FUSED_RELU) return true;
    /* XNNPACK rounds the limit half to even, TFLite's own kernels away from zero. */
    float six = 6.0f / output->scale[0];
    six = planner->engine->runtime == RUNTIME_XNN ? rintf(six) : roundf(six);
    if (six < (float)(step->high - zero)) step->high = zero + (int32_t)six;
    return true;
}

bool plan_output_shape(struct planner *planner, int height, int width, int channels) {
    const struct frozen_tensor *output = planner->output;
    if (output->rank != 4 || output->shape[1] != height || output->shape[2] != width ||
        output->shape[3] != channels)
        return plan_refuse(planner, STATUS_FORMAT, "its output has another shape than it computes");
    return true;
}

/* Output positions and padding before, along one axis. */
static bool window_axis(enum frozen_padding padding, int in, int window, int stride, int dilation,
                        int *out, int *before) {
    int64_t extent = ((int64_t)window - 1) * dilation + 1;
    int64_t covered = padding == FROZEN_SAME ? in : in - extent + 1;
    if (covered <= 0) return false;
    int64_t count = (covered + stride - 1) / stride;
    int64_t missing = (count - 1) * stride + extent - in;
    /* A window may reach past the image by no more than itself, or offsets could overflow. */
    if (extent > INT32_MAX / 4) return false;
    *out = (int)count;
    *before = missing > 0 ? (int)(missing / 2) : 0;
    return true;
}

bool plan_window(struct planner *planner, int height, int width, int out_channels) {
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *input = planner->input;
    if (input->rank != 4)
        return plan_refuse(planner, STATUS_FORMAT, "its input wants 4 dimensions");
    struct window_plan *window = &planner->step->window;
    *window = (struct window_plan){
        .in_height = input->shape[1],
        .in_width = input->shape[2],
        .in_channels = input->shape[3],
        .out_channels = out_channels,
        .height = height,
        .width = width,
        .stride_y = op->stride_y,
        .stride_x = op->stride_x,
        .dilation_y = op->dilation_y,
        .dilation_x = op->dilation_x,
    };
    if (height <= 0 || width <= 0 || op->stride_y <= 0 || op->stride_x <= 0 ||
        op->dilation_y <= 0 || op->dilation_x <= 0)
        return plan_refuse(planner, STATUS_FORMAT,
                           "its window, strides or dilation are not positive");
    if (!window_axis(op->padding, window->in_height, height, op->stride_y, op->dilation_y,
                     &window->out_height, &window->pad_top) ||
        !window_axis(op->padding, window->in_width, width, op->stride_x, op->dilation_x,
                     &window->out_width, &window->pad_left))
        return plan_refuse(planner, STATUS_FORMAT, "its window does not fit its input");
    return plan_output_shape(planner, window->out_height, window->out_width, out_channels);
}

/* RESHAPE keeps the values; the batch dimension must stay what it is. */
static bool plan_reshape(struct planner *planner) {
    struct engine *engine = planner->engine;
    struct slot *input = &engine->slots[planner->op->inputs[0]];
    struct slot *output = &engine->slots[planner->op->outputs[0]];
    if (planner->input->type != planner->output->type || input->count != output->count)
        return plan_refuse(planner, STATUS_FORMAT, "input and output differ in size or type");
    if (planner->input->scale_count && planner->output->scale_count &&
        !plan_same_quantization(planner))
        return false;
    output->data = input->data;
    output->owned = false;
    return true;
}

static bool plan_operator(struct planner *planner) {
    enum frozen_op code = planner->op->code;
    bool any_type = code == OP_QUANTIZE || code == OP_RESHAPE || code == OP_PAD ||
                    code == OP_SPACE_TO_BATCH_ND || code == OP_BATCH_TO_SPACE_ND ||
                    frozen_op_shapes(code);
    if (planner->input->type == TYPE_FLOAT32 && !any_type) return plan_float(planner);
    switch (code) {
    case OP_QUANTIZE:
        return plan_quantize(planner);
    case OP_DEQUANTIZE:
        return plan_dequantize(planner);
    case OP_CONV_2D:
    case OP_FULLY_CONNECTED:
        return plan_matrix(planner);
    case OP_DEPTHWISE_CONV_2D:
        return plan_depthwise(planner);
    case OP_MAX_POOL_2D:
    case OP_AVERAGE_POOL_2D:
        return plan_pool(planner);
    case OP_MEAN:
    case OP_REDUCE_MAX:
        return plan_reduce(planner);
    case OP_RESHAPE:
        return plan_reshape(planner);
    case OP_SOFTMAX:
        return plan_softmax(planner);
    case OP_RELU:
    case OP_RELU6:
    case OP_RELU_N1_TO_1:
        return plan_relu(planner);
    case OP_LEAKY_RELU:
        return plan_leaky_relu(planner);
    case OP_LOGISTIC:
    case OP_TANH:
        return plan_activation(planner);
    case OP_MINIMUM:
    case OP_MAXIMUM:
        return plan_minimum(planner);
    case OP_ADD:
        return plan_add(planner);
    case OP_PAD:
        return plan_pad(planner);
    case OP_SPACE_TO_BATCH_ND:
    case OP_BATCH_TO_SPACE_ND:
        return plan_space_to_batch(planner);
    case OP_SHAPE:
    case OP_STRIDED_SLICE:
    case OP_PACK:
        return true; /* the shapes that they compute are known (frozen_resolve_shapes) */
    }
    return plan_refuse(planner, STATUS_UNSUPPORTED, "is not supported");
}

/* ---- slots ---- */

static enum status size_slot(struct engine *engine, int index, const char *where,
                             struct error *error) {
    const struct frozen_tensor *tensor = &engine->frozen->tensors[index];
    struct slot *slot = &engine->slots[index];
    /* Of images the converter counts all, unless it does not know the batch and writes 1. */
    if (tensor->rank < 1 ||
        (tensor->shape[0] != engine->file_batch &&
         (uint64_t)tensor->shape[0] != (uint64_t)engine->file_batch * slot->images))
        return error_set(error, STATUS_UNSUPPORTED, where,
                         "tensor %d: its first dimension is not the batch's, %d", index,
                         engine->file_batch);
    slot->count = frozen_tensor_count(tensor) / (size_t)tensor->shape[0];
    slot->bytes = slot->count * frozen_type_size(tensor->type);
    slot->owned = true;
    return STATUS_OK;
}

/* The input's and each operator's output's size; tensors that nothing writes stay empty. */
static enum status size_slots(struct engine *engine, const char *where, struct error *error) {
    const struct frozen *frozen = engine->frozen;
    engine->slots[frozen->input].images = 1;
    enum status status = size_slot(engine, frozen->input, where, error);
    for (int i = 0; i < frozen->operator_count && !status; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        status = space_to_batch_images(engine, i, where, error);
        if (!status && !frozen_op_shapes(op->code))
            status = size_slot(engine, op->outputs[0], where, error);
    }
    size_t total = 0;
    for (int i = 0; i < frozen->tensor_count && !status; i++) {
        size_t bytes;
        if (!size_multiply(engine->slots[i].bytes, (size_t)engine->batch, &bytes) ||
            !size_multiply(bytes, engine->slots[i].images, &bytes) ||
            bytes > ENGINE_BYTES_MAX - total)
            return error_set(error, STATUS_UNSUPPORTED, where,
                             "its values for %d samples take more than %zu bytes", engine->batch,
                             ENGINE_BYTES_MAX);
        total += bytes;
    }
    return status;
}

/* Fused steps leave nothing between them, and pixels that are quantized no floats. */
static void plan_chunk(struct engine *engine) {
    size_t bytes = 0;
    for (int i = 0; i < engine->frozen->tensor_count; i++)
        if (engine->slots[i].data && engine->slots[i].owned &&
            (i != engine->frozen->input || !engine->pixels_quantized))
            bytes += engine->slots[i].bytes * engine->slots[i].images;
    engine->chunk = CHUNK_BYTES / (bytes + 1);
    if (engine->chunk < 1) engine->chunk = 1;
    if (engine->chunk > CHUNK_MOST) engine->chunk = CHUNK_MOST;
}

static enum status fill_slot(struct engine *engine, int index, const char *where,
                             struct error *error) {
    struct slot *slot = &engine->slots[index];
    size_t bytes = slot->bytes * slot->images * (size_t)engine->batch;
    slot->data = array_new(bytes, 1);
    return slot->data ? STATUS_OK : error_memory(error, where, bytes);
}

static enum status plan_steps(struct engine *engine, const char *where, struct error *error) {
    const struct frozen *frozen = engine->frozen;
    enum status status = fill_slot(engine, frozen->input, where, error);
    for (int i = 0; i < frozen->operator_count && !status; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        struct step *step = &engine->steps[engine->step_count];
        struct planner planner = {
            .engine = engine,
            .where = where,
            .error = error,
            .index = i,
            .op = op,
            .input = &frozen->tensors[op->inputs[0]],
            .output = &frozen->tensors[op->outputs[0]],
            .step = step,
        };
        engine->step_count++; /* first, so that what a failed plan allocated is freed */
        bool is_shape = frozen_op_shapes(op->code);
        if (planner.input->data && !is_shape)
            plan_refuse(&planner, STATUS_UNSUPPORTED, "its input is a constant");
        if (!planner.status && op->code != OP_RESHAPE && !is_shape)
            planner.status = fill_slot(engine, op->outputs[0], where, error);
        step->input = &engine->slots[op->inputs[0]];
        step->output = &engine->slots[op->outputs[0]];
        bool is_back = op->code == OP_BATCH_TO_SPACE_ND;
        step->images = is_back ? 1 : step->input->images;
        if (!planner.status) plan_operator(&planner);
        if (step->scratch_bytes > engine->scratch_bytes)
            engine->scratch_bytes = step->scratch_bytes;
        status = planner.status;
    }
    return status;
}

/* What a pixel is in the input's type; a program of float32 whose input is only quantized never
 * sees the floats. */
static void plan_pixels(struct engine *engine) {
    const struct frozen *frozen = engine->frozen;
    const struct frozen_tensor *input = &frozen->tensors[frozen->input];
    engine->pixels_quantized = input->type == TYPE_FLOAT32;
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        for (int j = 0; j < op->input_count; j++)
            if (op->inputs[j] == frozen->input && op->code != OP_QUANTIZE && op->code != OP_SHAPE)
                engine->pixels_quantized = false;
    }
    if (frozen->output == frozen->input) engine->pixels_quantized = false;
    for (int pixel = 0; pixel < 256; pixel++) {
        float value = (float)pixel / 255.0f;
        if (input->type == TYPE_FLOAT32) {
            engine->pixel_floats[pixel] = value;
        } else if (input->scale_count == 1) {
            bool is_signed = input->type == TYPE_INT8;
            int32_t q = quantize_value(value, input->scale[0], input->zero_point[0],
                                       is_signed ? -128 : 0, is_signed ? 127 : 255, false);
            engine->pixel_table.bytes[pixel] = (unsigned char)q;
        }
    }
    dot_table_finish(&engine->pixel_table);
}

static enum status create(struct engine **engine, const struct frozen *frozen, enum runtime runtime,
                          int batch, bool is_inspectable, const char *where, struct error *error) {
    *engine = NULL;
    if (batch < 1) return error_set(error, STATUS_USAGE, where, "a batch of %d samples", batch);
    enum status status = frozen_check(frozen, where, error);
    if (status) return status;
    struct engine *created = calloc(1, sizeof *created);
    if (!created) return error_memory(error, where, sizeof *created);
    created->frozen = frozen;
    created->runtime = runtime;
    created->batch = batch;
    created->is_inspectable = is_inspectable;
    created->kernels = dot_kernels_choose();
    created->parts = cpu_count();
    const struct frozen_tensor *input = &frozen->tensors[frozen->input];
    created->file_batch = input->rank ? input->shape[0] : 0;
    created->slots = calloc((size_t)frozen->tensor_count, sizeof *created->slots);
    created->steps = calloc((size_t)frozen->operator_count + 1, sizeof *created->steps);
    if (!created->slots || !created->steps)
        status = error_memory(error, where, (size_t)frozen->operator_count * sizeof(struct step));
    if (!status) status = size_slots(created, where, error);
    if (!status) status = plan_steps(created, where, error);
    if (!status) {
        plan_pixels(created);
        plan_chunk(created);
        created->scratch_bytes = (created->scratch_bytes + 127) / 64 * 64;
        if (created->scratch_bytes > ENGINE_BYTES_MAX / (size_t)created->parts)
            status = error_set(error, STATUS_UNSUPPORTED, where,
                               "its padded inputs on %d threads take more than %zu bytes",
                               created->parts, ENGINE_BYTES_MAX);
    }
    if (!status) {
        created->scratch = array_new((size_t)created->parts, created->scratch_bytes);
        if (!created->scratch) status = error_memory(error, where, created->scratch_bytes);
    }
    if (status)
        engine_destroy(created);
    else
        *engine = created;
    return status;
}

enum status engine_create(struct engine **engine, const struct frozen *frozen, enum runtime runtime,
                          int batch, const char *where, struct error *error) {
    return create(engine, frozen, runtime, batch, false, where, error);
}

enum status engine_create_inspectable(struct engine **engine, const struct frozen *frozen,
                                      enum runtime runtime, int batch, const char *where,
                                      struct error *error) {
    return create(engine, frozen, runtime, batch, true, where, error);
}

void engine_destroy(struct engine *engine) {
    if (!engine) return;
    for (int i = 0; engine->steps && i < engine->step_count; i++)
        for (int j = 0; j < engine->steps[i].memory_count; j++)
            array_free(engine->steps[i].memory[j]);
    for (int i = 0; engine->slots && i < engine->frozen->tensor_count; i++)
        if (engine->slots[i].owned) array_free(engine->slots[i].data);
    array_free(engine->scratch);
    free(engine->steps);
    free(engine->slots);
    free(engine);
}

/* ---- running ---- */

static void take_pixels(const struct engine *engine, const struct slot *slot, size_t begin,
                        size_t end) {
    size_t size = slot->bytes / slot->count;
    const unsigned char *pixels = engine->pixels + begin * slot->count;
    unsigned char *to = slot->data + begin * slot->bytes;
    size_t count = (end - begin) * slot->count;
    if (size == 1)
        engine->kernels->look_up(&engine->pixel_table, count, pixels, to);
    else
        for (size_t i = 0; i < count; i++) memcpy(to + i * 4, &engine->pixel_floats[pixels[i]], 4);
}

static void run_chunk(const struct engine *engine, size_t begin, size_t end,
                      unsigned char *scratch) {
    const struct frozen *frozen = engine->frozen;
    const struct slot *input = &engine->slots[frozen->input];
    const struct slot *output = &engine->slots[frozen->output];
    if (engine->input)
        memcpy(input->data + begin * input->bytes, engine->input + begin * input->bytes,
               (end - begin) * input->bytes);
    else if (!engine->pixels_quantized)
        take_pixels(engine, input, begin, end);
    for (int i = 0; i < engine->step_count; i++) {
        const struct step *step = &engine->steps[i];
        if (step->run) step->run(engine, step, begin * step->images, end * step->images, scratch);
    }
    memcpy(engine->output + begin * output->bytes, output->data + begin * output->bytes,
           (end - begin) * output->bytes);
}

static void run_part(void *context, int part, int parts) {
    const struct engine *engine = context;
    unsigned char *scratch = engine->scratch + (size_t)part * engine->scratch_bytes;
    size_t begin, end;
    pool_share(engine->count, 1, part, parts, &begin, &end);
    for (size_t at = begin; at < end; at += engine->chunk)
        run_chunk(engine, at, end - at < engine->chunk ? end : at + engine->chunk, scratch);
}

static void run(struct engine *engine, struct pool *pool) {
    int parts = pool_threads(pool);
    pool_run(pool, parts < engine->parts ? parts : engine->parts, run_part, engine);
}

void engine_run(struct engine *engine, struct pool *pool, int n, const void *input, void *output) {
    qt_assert(n >= 0 && n <= engine->batch);
    engine->pixels = NULL;
    engine->input = input;
    engine->output = output;
    engine->count = (size_t)n;
    run(engine, pool);
}

size_t engine_input_count(const struct engine *engine) {
    return engine->slots[engine->frozen->input].count;
}

size_t engine_output_count(const struct engine *engine) {
    return engine->slots[engine->frozen->output].count;
}

enum status engine_run_digits(struct engine *engine, struct pool *pool, size_t count,
                              const unsigned char *images, void *output, struct error *error) {
    const struct frozen_tensor *input = &engine->frozen->tensors[engine->frozen->input];
    const struct slot *in = &engine->slots[engine->frozen->input];
    const struct slot *out = &engine->slots[engine->frozen->output];
    if (in->count != 784)
        return error_set(error, STATUS_UNSUPPORTED, "",
                         "the model takes %zu values; a digit has 784", in->count);
    if (input->type != TYPE_FLOAT32 &&
        !((input->type == TYPE_INT8 || input->type == TYPE_UINT8) && input->scale_count == 1))
        return error_set(error, STATUS_UNSUPPORTED, "", "the model takes %s; a digit has pixels",
                         frozen_type_name(input->type));
    engine->input = NULL;
    for (size_t at = 0; at < count; at += engine->count) {
        size_t rest = count - at;
        engine->pixels = images + at * in->count;
        engine->output = (unsigned char *)output + at * out->bytes;
        engine->count = rest < (size_t)engine->batch ? rest : (size_t)engine->batch;
        run(engine, pool);
    }
    return STATUS_OK;
}

const void *engine_tensor(const struct engine *engine, int tensor) {
    const struct frozen *frozen = engine->frozen;
    if (tensor < 0 || tensor >= frozen->tensor_count) return NULL;
    if (tensor == frozen->input && engine->pixels && engine->pixels_quantized) return NULL;
    return engine->slots[tensor].data;
}
