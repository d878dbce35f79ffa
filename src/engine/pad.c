/* PAD, of int8 with the zero point and of float32 with 0. */
#include <string.h>

#include "engine/operators.h"

/* Channels in bytes, as they are moved. */
struct pad {
    int in_height, in_width, out_width;
    size_t in_channels, out_channels;
    int above, left;
    size_t before; /* the first channel */
    int value;     /* of a byte */
};

static void run_pad(const struct engine *engine, const struct step *step, size_t begin, size_t end,
                    unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct pad *pad = step->own;
    for (size_t image = begin; image < end; image++) {
        const int8_t *x = step_input(step, image);
        int8_t *out = step_output(step, image);
        memset(out, pad->value, step->output->bytes);
        for (int y = 0; y < pad->in_height; y++)
            for (int column = 0; column < pad->in_width; column++, x += pad->in_channels) {
                size_t at = (size_t)(y + pad->above) * (size_t)pad->out_width +
                            (size_t)(column + pad->left);
                memcpy(out + at * pad->out_channels + pad->before, x, pad->in_channels);
            }
    }
}

bool plan_pad(struct planner *planner) {
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    bool is_float = input->type == TYPE_FLOAT32 && output->type == TYPE_FLOAT32;
    struct pad *pad = plan_own(planner, sizeof *pad);
    if (!pad || (!is_float && !plan_int8_only(planner))) return false;
    if (input->rank != 4 || output->rank != 4)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "is supported only for 4 dimensions");
    const int32_t *paddings = plan_int32s(planner, 1, 8);
    if (!paddings)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its paddings are not an int32 constant of shape [4, 2]");
    for (int i = 0; i < 4; i++) {
        int32_t before = paddings[2 * i], after = paddings[2 * i + 1];
        bool is_batch = i == 0;
        if (before < 0 || after < 0 ||
            (int64_t)input->shape[i] + before + after != output->shape[i] ||
            (is_batch && (before || after)))
            return plan_refuse(planner, STATUS_FORMAT,
                               "its paddings do not give the shape of its output");
    }
    size_t size = frozen_type_size(input->type);
    *pad = (struct pad){
        .in_height = input->shape[1],
        .in_width = input->shape[2],
        .out_width = output->shape[2],
        .in_channels = (size_t)input->shape[3] * size,
        .out_channels = (size_t)output->shape[3] * size,
        .above = paddings[2],
        .left = paddings[4],
        .before = (size_t)paddings[6] * size,
        .value = is_float ? 0 : input->zero_point[0],
    };
    planner->step->run = run_pad;
    return is_float || plan_same_quantization(planner);
}
