/* SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, between which the TensorFlow converter writes dilated
 * convolutions: of each block of an image's positions the first ones make an image, the second ones
 * another, and so on; and back.
 *
 * TFLite makes a larger batch of them.  Here they stay images of one sample, side by side in its
 * slot, in the order of their places in the block; operators between run on each image as on a
 * sample. */
#include <string.h>

#include "engine/internal.h"

static enum status refuse(const struct engine *engine, int index, const char *text,
                          const char *where, struct error *error) {
    return error_set(error, STATUS_UNSUPPORTED, where, "operator %d (%s): %s", index,
                     frozen_op_name(engine->frozen->operators[index].code), text);
}

/* Input `index` as `count` int32; NULL when it is no such constant. */
static const int32_t *numbers(const struct frozen *frozen, const struct frozen_operator *op,
                              int index, size_t count) {
    if (index >= op->input_count || op->inputs[index] < 0) return NULL;
    const struct frozen_tensor *tensor = &frozen->tensors[op->inputs[index]];
    if (!tensor->data || tensor->type != TYPE_INT32 ||
        tensor->data_bytes != count * sizeof(int32_t))
        return NULL;
    return tensor->data;
}

/* Images that a block makes, 0 when that is no number of them. */
static size_t block_images(const struct frozen *frozen, const struct frozen_operator *op) {
    const int32_t *block = numbers(frozen, op, 1, 2);
    if (!block || block[0] < 1 || block[1] < 1) return 0;
    uint64_t images = (uint64_t)block[0] * (uint64_t)block[1];
    return images > FROZEN_ELEMENTS_MAX ? 0 : (size_t)images;
}

enum status space_to_batch_images(struct engine *engine, int index, const char *where,
                                  struct error *error) {
    const struct frozen *frozen = engine->frozen;
    const struct frozen_operator *op = &frozen->operators[index];
    size_t images = engine->slots[op->inputs[0]].images;
    if (images > 1 && (op->code == OP_RESHAPE || op->code == OP_SHAPE))
        return refuse(engine, index, "is not supported of what SPACE_TO_BATCH_ND made", where,
                      error);
    if (!images || frozen_op_shapes(op->code)) return STATUS_OK;
    bool is_apart = op->code == OP_SPACE_TO_BATCH_ND, is_back = op->code == OP_BATCH_TO_SPACE_ND;
    for (int i = 1; i < op->input_count; i++) {
        size_t other = op->inputs[i] < 0 ? 0 : engine->slots[op->inputs[i]].images;
        if (other && other != images)
            return refuse(engine, index, "one of its inputs is apart in blocks, another is not",
                          where, error);
    }
    if (is_apart || is_back) {
        size_t block = block_images(frozen, op);
        if (!block)
            return refuse(engine, index, "its block is no constant of two positive int32", where,
                          error);
        if (images != (is_apart ? 1 : block))
            return refuse(engine, index,
                          is_apart ? "its input is apart in blocks already"
                                   : "its input was not made by a SPACE_TO_BATCH_ND of its block",
                          where, error);
        images = is_apart ? block : 1;
    }
    if (op->outputs[0] == frozen->output && images > 1)
        return refuse(engine, index, "it makes the output, which is still apart in blocks", where,
                      error);
    engine->slots[op->outputs[0]].images = images;
    return STATUS_OK;
}

/* ---- running: window->in_height, in_width and stride are of the image that is whole ---- */

static void run_apart(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct window_plan *window = &step->window;
    size_t pixel = (size_t)window->in_channels, images = step->output->images;
    for (size_t image = begin * images; image < end * images; image++) {
        const unsigned char *x = step->input->data + image / images * step->input->bytes;
        unsigned char *out = step->output->data + image * step->output->bytes;
        int first_y = (int)(image % images) / window->stride_x - window->pad_top;
        int first_x = (int)(image % images) % window->stride_x - window->pad_left;
        for (int i = 0; i < window->out_height; i++)
            for (int j = 0; j < window->out_width; j++, out += pixel) {
                int y = first_y + i * window->stride_y, column = first_x + j * window->stride_x;
                bool is_inside =
                    y >= 0 && y < window->in_height && column >= 0 && column < window->in_width;
                size_t at = is_inside ? (size_t)y * (size_t)window->in_width + (size_t)column : 0;
                if (is_inside)
                    memcpy(out, x + at * pixel, pixel);
                else
                    memset(out, step->zero_in, pixel);
            }
    }
}

static void run_back(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                     unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct window_plan *window = &step->window;
    size_t pixel = (size_t)window->in_channels, images = step->input->images;
    for (size_t sample = begin; sample < end; sample++) {
        const unsigned char *x = step->input->data + sample * images * step->input->bytes;
        unsigned char *out = step->output->data + sample * step->output->bytes;
        for (int i = 0; i < window->in_height; i++)
            for (int j = 0; j < window->in_width; j++, out += pixel) {
                int y = i + window->pad_top, column = j + window->pad_left;
                size_t image = (size_t)(y % window->stride_y) * (size_t)window->stride_x +
                               (size_t)(column % window->stride_x);
                size_t at = (size_t)(y / window->stride_y) * (size_t)window->out_width +
                            (size_t)(column / window->stride_x);
                memcpy(out, x + image * step->input->bytes + at * pixel, pixel);
            }
    }
}

/* ---- planning ---- */

/* Along one axis a whole image with its borders is as long as the parts of the blocks. */
static bool fits(int whole, const int32_t *border, int block, int part) {
    return border[0] >= 0 && border[1] >= 0 &&
           (int64_t)whole + border[0] + border[1] == (int64_t)part * block &&
           (int64_t)part * block <= INT32_MAX;
}

bool plan_space_to_batch(struct planner *planner) {
    struct step *step = planner->step;
    bool is_apart = planner->op->code == OP_SPACE_TO_BATCH_ND;
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    const struct frozen_tensor *whole = is_apart ? input : output;
    const struct frozen_tensor *part = is_apart ? output : input;
    bool is_float = input->type == TYPE_FLOAT32 && output->type == TYPE_FLOAT32;
    if (!is_float && (!plan_int8(planner, input) || !plan_int8(planner, output) ||
                      !plan_same_quantization(planner)))
        return false;
    if (input->rank != 4 || output->rank != 4)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "is supported for 4 dimensions");
    const int32_t *block = numbers(planner->engine->frozen, planner->op, 1, 2);
    const int32_t *border = numbers(planner->engine->frozen, planner->op, 2, 4);
    if (!border)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           is_apart ? "its paddings are no int32 constant [2, 2]"
                                    : "its crops are no int32 constant [2, 2]");
    if (!fits(whole->shape[1], border, block[0], part->shape[1]) ||
        !fits(whole->shape[2], border + 2, block[1], part->shape[2]) ||
        input->shape[3] != output->shape[3])
        return plan_refuse(planner, STATUS_FORMAT,
                           is_apart ? "its block and paddings do not lead to its output"
                                    : "its block and crops do not lead to its output");
    step->zero_in = is_float ? 0 : input->zero_point[0];
    step->window = (struct window_plan){
        .in_height = whole->shape[1],
        .in_width = whole->shape[2],
        .out_height = part->shape[1],
        .out_width = part->shape[2],
        .stride_y = block[0],
        .stride_x = block[1],
        .pad_top = border[0],
        .pad_left = border[2],
        /* Bytes, as they are moved. */
        .in_channels = input->shape[3] * (int)frozen_type_size(input->type),
    };
    step->run = is_apart ? run_apart : run_back;
    return true;
}
