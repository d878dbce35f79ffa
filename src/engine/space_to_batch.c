/* SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, between which the TensorFlow converter writes dilated
 * convolutions: an image is divided into blocks of block_y x block_x positions; the first positions
 * of all blocks make one image, the second ones another, and so on; and back.
 *
 * In TFLite these images enlarge the batch.  Here they stay images of one sample, side by side in
 * its slot, in the order of their places in the block; the operators between run on each of them.
 */
#include "engine/space_to_batch.h"

#include <string.h>

#include "engine/operators.h"

static enum status refuse(const struct engine *engine, int index, const char *text,
                          const char *where, struct error *error) {
    return error_set(error, STATUS_UNSUPPORTED, where, "operator %d (%s): %s", index,
                     frozen_op_name(engine->frozen->operators[index].code), text);
}

/* Images that a block makes, 0 when it is not a valid block. */
static size_t block_images(const struct frozen *frozen, const struct frozen_operator *op) {
    const int32_t *block = frozen_int32s(frozen, op, 1, 2);
    if (!block || block[0] < 1 || block[1] < 1) return 0;
    uint64_t images = (uint64_t)block[0] * (uint64_t)block[1];
    return images > MAX_FROZEN_ELEMENTS ? 0 : (size_t)images;
}

enum status space_to_batch_images(struct engine *engine, int index, const char *where,
                                  struct error *error) {
    const struct frozen *frozen = engine->frozen;
    const struct frozen_operator *op = &frozen->operators[index];
    size_t images = engine->slots[op->inputs[0]].images;
    if (images > 1 && (op->code == OP_RESHAPE || op->code == OP_SHAPE))
        return refuse(engine, index,
                      "is not supported between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND", where,
                      error);
    if (!images || frozen_op_shapes(op->code)) return STATUS_OK;
    bool is_split = op->code == OP_SPACE_TO_BATCH_ND, is_join = op->code == OP_BATCH_TO_SPACE_ND;
    for (int i = 1; i < op->input_count; i++) {
        size_t other = op->inputs[i] < 0 ? 0 : engine->slots[op->inputs[i]].images;
        if (other && other != images)
            return refuse(engine, index, "one of its inputs is split into blocks, another is not",
                          where, error);
    }
    if (is_split || is_join) {
        size_t block = block_images(frozen, op);
        if (!block)
            return refuse(engine, index, "its block is not a constant of two positive int32", where,
                          error);
        if (images != (is_split ? 1 : block))
            return refuse(
                engine, index,
                is_split ? "its input is already split into blocks"
                         : "its input was not split by a SPACE_TO_BATCH_ND with the same block",
                where, error);
        images = is_split ? block : 1;
    }
    if (op->outputs[0] == frozen->output && images > 1)
        return refuse(engine, index,
                      "it writes the program's output, which is still split into blocks", where,
                      error);
    engine->slots[op->outputs[0]].images = images;
    return STATUS_OK;
}

/* ---- running ---- */

/* The whole image, and its parts. */
struct space_to_batch {
    int height, width, part_height, part_width;
    int block_y, block_x;
    int above, left; /* padding or crop before the image */
    size_t pixel;    /* bytes of all channels */
    int padding;     /* of a byte */
};

static void run_split(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct space_to_batch *space = step->own;
    size_t pixel = space->pixel, images = step->output->images;
    for (size_t image = begin * images; image < end * images; image++) {
        const unsigned char *x = step->input->data + image / images * step->input->bytes;
        unsigned char *out = step->output->data + image * step->output->bytes;
        int first_y = (int)(image % images) / space->block_x - space->above;
        int first_x = (int)(image % images) % space->block_x - space->left;
        for (int i = 0; i < space->part_height; i++)
            for (int j = 0; j < space->part_width; j++, out += pixel) {
                int y = first_y + i * space->block_y, column = first_x + j * space->block_x;
                bool is_inside =
                    y >= 0 && y < space->height && column >= 0 && column < space->width;
                size_t at = is_inside ? (size_t)y * (size_t)space->width + (size_t)column : 0;
                if (is_inside)
                    memcpy(out, x + at * pixel, pixel);
                else
                    memset(out, space->padding, pixel);
            }
    }
}

static void run_join(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                     unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct space_to_batch *space = step->own;
    size_t pixel = space->pixel, images = step->input->images;
    for (size_t sample = begin; sample < end; sample++) {
        const unsigned char *x = step->input->data + sample * images * step->input->bytes;
        unsigned char *out = step->output->data + sample * step->output->bytes;
        for (int i = 0; i < space->height; i++)
            for (int j = 0; j < space->width; j++, out += pixel) {
                int y = i + space->above, column = j + space->left;
                size_t image = (size_t)(y % space->block_y) * (size_t)space->block_x +
                               (size_t)(column % space->block_x);
                size_t at = (size_t)(y / space->block_y) * (size_t)space->part_width +
                            (size_t)(column / space->block_x);
                memcpy(out, x + image * step->input->bytes + at * pixel, pixel);
            }
    }
}

/* ---- planning ---- */

/* Along one axis: the image with its borders is `part` blocks long. */
static bool fits(int whole, const int32_t *border, int block, int part) {
    return border[0] >= 0 && border[1] >= 0 &&
           (int64_t)whole + border[0] + border[1] == (int64_t)part * block &&
           (int64_t)part * block <= INT32_MAX;
}

bool plan_space_to_batch(struct planner *planner) {
    bool is_split = planner->op->code == OP_SPACE_TO_BATCH_ND;
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    const struct frozen_tensor *whole = is_split ? input : output;
    const struct frozen_tensor *part = is_split ? output : input;
    bool is_float = input->type == TYPE_FLOAT32 && output->type == TYPE_FLOAT32;
    struct space_to_batch *space = plan_own(planner, sizeof *space);
    if (!space || (!is_float && (!plan_int8_only(planner) || !plan_same_quantization(planner))))
        return false;
    if (input->rank != 4 || output->rank != 4)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "is supported only for 4 dimensions");
    const int32_t *block = plan_int32s(planner, 1, 2); /* space_to_batch_images checked it */
    const int32_t *border = plan_int32s(planner, 2, 4);
    if (!border)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           is_split ? "its paddings are not an int32 constant of shape [2, 2]"
                                    : "its crops are not an int32 constant of shape [2, 2]");
    if (!fits(whole->shape[1], border, block[0], part->shape[1]) ||
        !fits(whole->shape[2], border + 2, block[1], part->shape[2]) ||
        input->shape[3] != output->shape[3])
        return plan_refuse(planner, STATUS_FORMAT,
                           is_split ? "its block and paddings do not give the shape of its output"
                                    : "its block and crops do not give the shape of its output");
    *space = (struct space_to_batch){
        .height = whole->shape[1],
        .width = whole->shape[2],
        .part_height = part->shape[1],
        .part_width = part->shape[2],
        .block_y = block[0],
        .block_x = block[1],
        .above = border[0],
        .left = border[2],
        .pixel = (size_t)input->shape[3] * frozen_type_size(input->type),
        .padding = is_float ? 0 : input->zero_point[0],
    };
    planner->step->images = 1; /* both run on the image that is whole */
    planner->step->run = is_split ? run_split : run_join;
    return true;
}
