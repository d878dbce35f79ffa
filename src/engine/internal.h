/* internal: what the files of the engine share.
 *
 * Creating an engine turns each operator into a step: the operator checked, its constants packed,
 * its buffers known.  Running calls the steps in order for a range of samples; no step can fail.
 * A sample is one element of the batch: shapes here leave out the batch dimension.  Between
 * SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND a sample has several images; there, steps see each of
 * them as a sample.
 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include <stdbool.h>

#include "engine/dot.h"
#include "engine/engine.h"
#include "engine/fixed.h"

#define ENGINE_BYTES_MAX ((size_t)1 << 30) /* values of one batch; tables; scratch: of each */
#define ENGINE_ROWS      48                /* rows of sums that stay in the cache */

/* Values of one tensor for the whole batch. */
struct slot {
    unsigned char *data; /* [batch][images][bytes]; NULL: nothing computes it */
    size_t images;       /* of one sample: 1, or what SPACE_TO_BATCH_ND made; 0: no values */
    size_t count, bytes; /* elements, bytes of one image */
    bool owned;          /* false: the memory of another slot */
};

/* Geometry of a window that moves over an image. */
struct window_plan {
    int in_height, in_width, in_channels;
    int out_height, out_width, out_channels;
    int height, width, stride_y, stride_x, dilation_y, dilation_x;
    int pad_top, pad_left;
};

/* The part of a window that lies in the image. */
struct view {
    int top, left, height, width;
};

struct step;
typedef void step_run(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch);

struct step {
    step_run *run;
    size_t images;                             /* of one sample; the step runs on each */
    const struct slot *input, *other, *output; /* other: the second operand of ADD, */
    const void *addend;                        /* or what is added to each image */
    struct window_plan window;
    int32_t zero_in, zero_other, zero_out;
    int32_t low, high; /* clamp of the output */
    size_t scratch_bytes;

    /* matrix products and depthwise convolutions */
    struct dot dot;
    struct dot_taps taps;
    struct dot_output scale;
    void (*store)(const struct dot_output *output, size_t rows, const int32_t *acc, int8_t *out);
    size_t rows, row_count; /* rows of sums of one image; values of one packed row (dense) */
    int padded_height, padded_width;
    bool words; /* how the padded image is packed: as words or as kernels->pack does */
    uint32_t *row_offset;
    void *memory[8]; /* array_free */
    int memory_count;

    /* quantization and the rest */
    float scale_in, scale_out;
    bool half_even; /* XNNPACK's way of QUANTIZE */
    bool is_tanh, is_minimum;
    struct fixed factor, factor_out;
    const int32_t *terms;   /* ADD: [2][256] what each byte of either input adds to the sum */
    int sum_shift;          /* ADD as XNNPACK does it: the sum's fraction bits */
    struct dot_table table; /* the output for each input byte, or pixel */
    const int8_t *weights;  /* depthwise: [height][width][channels] */
    const int32_t *bias;
    int multiplier;          /* depthwise: outputs of one input channel */
    int diff_min;            /* softmax: what lies further below the largest counts as 0 */
    float *exponent;         /* [256] exp of minus that many steps */
    int32_t *exponent_fixed; /* the same in fixed point */
    int pad_before[3], pad_after[3];

    /* float32 */
    float low_float, high_float, factor_float;
    const float *weights_float, *bias_float; /* weights: [window][inputs][channels] */
};

struct engine {
    const struct frozen *frozen;
    enum runtime runtime;
    const struct dot_kernels *kernels;
    int batch;
    bool is_inspectable; /* every operator's output is kept */
    int file_batch;      /* first dimension of the file's shapes */
    struct slot *slots;
    struct step *steps;
    int step_count;
    size_t planned_bytes; /* of the steps' memory */
    size_t chunk;         /* samples that go through all steps together */
    unsigned char *scratch;
    size_t scratch_bytes; /* of one part */
    int parts;
    bool pixels_quantized;        /* only QUANTIZE reads the input */
    float pixel_floats[256];      /* pixel / 255 in the input's type: float32, */
    struct dot_table pixel_table; /* or a byte */

    /* one call */
    const unsigned char *pixels; /* NULL: `input` is used */
    const unsigned char *input;
    unsigned char *output;
    size_t count;
};

/* What a planner knows; the first refusal stays in `status`. */
struct planner {
    struct engine *engine;
    const char *where;
    struct error *error;
    enum status status;
    int index; /* of the operator */
    const struct frozen_operator *op;
    const struct frozen_tensor *input, *output;
    struct step *step;
};

/* "operator 3 (CONV_2D): TEXT"; returns false for `return plan_refuse(...)`. */
bool plan_refuse(struct planner *planner, enum status status, const char *text);
/* Zeroed memory that lives as long as the step. */
void *plan_memory(struct planner *planner, size_t count, size_t size);
/* One scale, one zero point, int8. */
bool plan_int8(struct planner *planner, const struct frozen_tensor *tensor);
bool plan_same_quantization(struct planner *planner);
bool plan_factor(struct planner *planner, double real, struct fixed *fixed);
/* The step's low and high from the fused activation and the output's quantization. */
bool plan_fused_activation(struct planner *planner);
/* The output has this shape behind the batch. */
bool plan_output_shape(struct planner *planner, int height, int width, int channels);
/* Fill step->window from the operator's strides and padding and a window of this size. */
bool plan_window(struct planner *planner, int height, int width, int out_channels);

/* The weights are int8 with zero point 0, one scale or one an output channel (along `dimension`);
 * a bias, when there is one, is int32, one a channel, of the scale that the product has. */
bool plan_constants(struct planner *planner, const struct frozen_tensor *weights,
                    const struct frozen_tensor *bias, int channels, int dimension);
/* step->scale and step->store: from sums to output, in all the forms the kernels want. */
bool plan_scale(struct planner *planner, const struct frozen_tensor *weights, int channels);
/* The same with one factor for all channels; without the form of FULLY_CONNECTED. */
bool plan_scale_all(struct planner *planner, int channels, struct fixed fixed, float factor);
/* Sums of up to ENGINE_ROWS rows. */
size_t acc_bytes(const struct step *step);
/* Image after image: packed, multiplied as step->dot or (words) step->taps say, stored. */
step_run run_conv;

/* quantize.c: each byte by step->table. */
step_run run_table;

/* image.c: the input of a convolution, packed as words or as kernels->pack does, with the border
 * that its windows reach.  `taps` of them in one row of the window lie side by side. */
bool plan_padded_input(struct planner *planner, bool words);
/* Bytes (words: words) from the packed image's start to each output position's window, and from
 * there to `columns` equal parts of each row of the window. */
bool plan_padded_offsets(struct planner *planner, int columns, uint32_t *part_offset);
size_t padded_input_bytes(const struct engine *engine, const struct step *step);
void padded_input_clear(const struct engine *engine, const struct step *step,
                        unsigned char *packed);
void padded_input_pack(const struct engine *engine, const struct step *step, const int8_t *x,
                       unsigned char *packed); /* the border was cleared before */
/* Let the convolution before a max pooling give its maxima alone.  false when it cannot. */
bool conv2d_fuse_pool(struct planner *planner);

/* The axes of MEAN and REDUCE_MAX are height and width, and the output has the channels. */
bool plan_reduced_axes(struct planner *planner);
/* Of the window at output position y, x; without dilation. */
struct view view_at(const struct window_plan *window, int y, int x);

/* One for each kind of operator: check, fill the step. */
bool plan_matrix(struct planner *planner);    /* matrix.c: CONV_2D, FULLY_CONNECTED */
bool plan_depthwise(struct planner *planner); /* depthwise.c */
bool plan_pool(struct planner *planner);      /* window.c: MAX_POOL_2D, AVERAGE_POOL_2D */
bool plan_reduce(struct planner *planner);    /* reduce.c: MEAN, REDUCE_MAX */
bool plan_softmax(struct planner *planner);   /* softmax.c */
bool plan_quantize(struct planner *planner);  /* quantize.c */
bool plan_dequantize(struct planner *planner);
bool plan_relu(struct planner *planner);       /* elementwise.c: RELU, RELU6, RELU_N1_TO_1 */
bool plan_activation(struct planner *planner); /* curve.c: LOGISTIC, TANH */
bool plan_leaky_relu(struct planner *planner); /* leaky.c: LEAKY_RELU */
bool plan_minimum(struct planner *planner);    /* limit.c: MINIMUM, MAXIMUM */
bool plan_add(struct planner *planner);
/* Set step->addend to the constant `other`, repeated to the output's shape as TFLite does it. */
bool plan_addend(struct planner *planner, const struct frozen_tensor *other);
/* Of image `image`, what ADD adds to it. */
const void *addend_of(const struct step *step, size_t image);
bool plan_pad(struct planner *planner);
bool plan_space_to_batch(
    struct planner *planner); /* space.c: SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND */
/* The images of the slot of the operator's output, from those of its inputs. */
enum status space_to_batch_images(struct engine *engine, int index, const char *where,
                                  struct error *error);
/* floats.c: all that take float32, PAD and space.c apart */
bool plan_float(struct planner *planner);

/* out = step->table[in] for bytes; out may be in. */
step_run run_table;

/* pixel / 255 by QUANTIZE's arithmetic; also used for int8 and uint8 inputs. */
int32_t quantize_value(float x, float scale, int32_t zero_point, int32_t low, int32_t high,
                       bool half_even);

#endif
