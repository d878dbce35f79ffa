#include "kernel/isa/level.h"

/* One filter a channel: output channel c reads input channel c.  Vectors are of channels. */

static ptrdiff_t pixel_at(size_t image, int y, int x, int height, int width, int channels) {
    return (((ptrdiff_t)image * height + y) * width + x) * channels;
}

static bool inside(int y, int x, int height, int width) {
    return y >= 0 && y < height && x >= 0 && x < width;
}

ALWAYS_INLINE vfloat forward_sum(const struct conv2d *s, size_t image, int y, int x, size_t c,
                                 const float *in, const float *kernel, vfloat sum) {
    size_t channels = (size_t)s->in_channels, count = channels - c;
    for (int k_y = 0; k_y < s->kernel_height; k_y++) {
        for (int k_x = 0; k_x < s->kernel_width; k_x++) {
            int in_y = y * s->stride_y - s->pad_top + k_y * s->dilation_y;
            int in_x = x * s->stride_x - s->pad_left + k_x * s->dilation_x;
            if (!inside(in_y, in_x, s->in_height, s->in_width)) continue;
            const float *from =
                in + pixel_at(image, in_y, in_x, s->in_height, s->in_width, s->in_channels) + c;
            const float *tap = kernel + (size_t)(k_y * s->kernel_width + k_x) * channels + c;
            sum = v_fma(load_count(from, count), load_count(tap, count), sum);
        }
    }
    return sum;
}

void ISA(depthwise_forward)(const struct conv2d *shape, size_t begin, size_t end, const float *x,
                            const float *kernel, const float *bias, bool relu, float *y) {
    const struct conv2d s = *shape;
    size_t channels = (size_t)s.in_channels;
    for (size_t row = begin; row < end; row++) {
        size_t image = row / (size_t)s.out_height;
        int i = (int)(row % (size_t)s.out_height);
        for (int j = 0; j < s.out_width; j++) {
            float *to = y + (row * (size_t)s.out_width + (size_t)j) * channels;
            for (size_t c = 0; c < channels; c += V_LANES) {
                size_t count = channels - c;
                vfloat sum = bias ? load_count(bias + c, count) : v_set(0);
                sum = forward_sum(&s, image, i, j, c, x, kernel, sum);
                store_count(to + c, relu ? v_max(v_set(0), sum) : sum, count);
            }
        }
    }
}

ALWAYS_INLINE vfloat input_sum(const struct conv2d *s, size_t image, int y, int x, size_t c,
                               const float *dy, const float *kernel) {
    size_t channels = (size_t)s->in_channels, count = channels - c;
    vfloat sum = v_set(0);
    for (int k_y = 0; k_y < s->kernel_height; k_y++) {
        int top = y + s->pad_top - k_y * s->dilation_y, out_y = top / s->stride_y;
        if (top < 0 || out_y * s->stride_y != top) continue;
        for (int k_x = 0; k_x < s->kernel_width; k_x++) {
            int left = x + s->pad_left - k_x * s->dilation_x, out_x = left / s->stride_x;
            if (left < 0 || out_x * s->stride_x != left) continue;
            if (!inside(out_y, out_x, s->out_height, s->out_width)) continue;
            const float *from =
                dy + c +
                pixel_at(image, out_y, out_x, s->out_height, s->out_width, s->out_channels);
            const float *tap = kernel + (size_t)(k_y * s->kernel_width + k_x) * channels + c;
            sum = v_fma(load_count(from, count), load_count(tap, count), sum);
        }
    }
    return sum;
}

void ISA(depthwise_backward_input)(const struct conv2d *shape, size_t begin, size_t end,
                                   const float *dy, const float *kernel, float *dx) {
    const struct conv2d s = *shape;
    size_t channels = (size_t)s.in_channels;
    for (size_t row = begin; row < end; row++) {
        size_t image = row / (size_t)s.in_height;
        int i = (int)(row % (size_t)s.in_height);
        for (int j = 0; j < s.in_width; j++) {
            float *to = dx + (row * (size_t)s.in_width + (size_t)j) * channels;
            for (size_t c = 0; c < channels; c += V_LANES)
                store_count(to + c, input_sum(&s, image, i, j, c, dy, kernel), channels - c);
        }
    }
}

/* Outputs [*first, *end) of one axis whose tap lies inside the image. */
static void valid_outputs(int in, int out, int stride, int offset, int *first, int *end) {
    *first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    *end = in > offset ? (in - offset + stride - 1) / stride : 0;
    if (*end > out) *end = out;
}

ALWAYS_INLINE vfloat kernel_sum(const struct conv2d *s, int n, int k_y, int k_x, size_t c,
                                const float *x, const float *dy) {
    size_t count = (size_t)s->in_channels - c;
    int offset_y = k_y * s->dilation_y - s->pad_top, offset_x = k_x * s->dilation_x - s->pad_left;
    int first_y, end_y, first_x, end_x;
    valid_outputs(s->in_height, s->out_height, s->stride_y, offset_y, &first_y, &end_y);
    valid_outputs(s->in_width, s->out_width, s->stride_x, offset_x, &first_x, &end_x);
    vfloat sum = v_set(0);
    for (int b = 0; b < n; b++) {
        for (int i = first_y; i < end_y; i++) {
            if (first_x >= end_x) continue;
            const float *from =
                x + c +
                pixel_at((size_t)b, i * s->stride_y + offset_y, first_x * s->stride_x + offset_x,
                         s->in_height, s->in_width, s->in_channels);
            const float *by =
                dy + c +
                pixel_at((size_t)b, i, first_x, s->out_height, s->out_width, s->out_channels);
            for (int j = first_x; j < end_x; j++) {
                sum = v_fma(load_count(from, count), load_count(by, count), sum);
                from += s->stride_x * s->in_channels;
                by += s->out_channels;
            }
        }
    }
    return sum;
}

void ISA(depthwise_backward_kernel)(const struct conv2d *shape, int n, size_t begin, size_t end,
                                    const float *x, const float *dy, float *dkernel) {
    const struct conv2d s = *shape;
    size_t channels = (size_t)s.in_channels;
    for (size_t tap = begin; tap < end; tap++) {
        int k_y = (int)tap / s.kernel_width, k_x = (int)tap % s.kernel_width;
        for (size_t c = 0; c < channels; c += V_LANES)
            store_count(dkernel + tap * channels + c, kernel_sum(&s, n, k_y, k_x, c, x, dy),
                        channels - c);
    }
}
