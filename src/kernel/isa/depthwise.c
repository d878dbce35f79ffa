#include "kernel/isa/level.h"

/* One filter per channel: output channel c reads input channel c.  Vectors are of channels. */

static ptrdiff_t pixel_at(size_t image, int y, int x, int height, int width, int channels) {
    return (((ptrdiff_t)image * height + y) * width + x) * channels;
}

static bool inside(int y, int x, int height, int width) {
    return y >= 0 && y < height && x >= 0 && x < width;
}

/* Adjacent vectors of channels: their chains fill each other's latency. */
enum { VECTORS = 2 };

/* Taps [first, end) of an axis that lie inside the image, the position that the first one reads,
 * and the step to the next. */
struct taps {
    int first, end, from, step;
};

static int divide_up(int a, int b) {
    return (a + b - 1) / b;
}

/* Forward: tap k of output `at` reads input at * stride - pad + k * dilation. */
static struct taps taps_of_output(int at, int taps, int stride, int dilation, int pad, int in) {
    int begin = at * stride - pad;
    int first = begin < 0 ? divide_up(-begin, dilation) : 0;
    int end = in > begin ? divide_up(in - begin, dilation) : 0;
    end = end < taps ? end : taps;
    return (struct taps){first, end, begin + first * dilation, dilation};
}

/* Backward, stride 1: tap k of input `at` reads output at + pad - k * dilation. */
static struct taps taps_of_input(int at, int taps, int dilation, int pad, int out) {
    int begin = at + pad;
    int first = begin >= out ? divide_up(begin - out + 1, dilation) : 0;
    int end = begin / dilation + 1 < taps ? begin / dilation + 1 : taps;
    return (struct taps){first, end, begin - first * dilation, -dilation};
}

/* One pixel of the result: to = bias + sum over the taps of image * kernel. */
struct pixel {
    struct taps y, x;
    int kernel_width, width; /* width: of the image */
    size_t channels;
    const float *image, *kernel, *bias; /* bias may be NULL */
    bool relu;
    float *to;
};

/* Some vectors of channels from c on, of `count` channels each. */
ALWAYS_INLINE void add_taps(const struct pixel *p, size_t c, const int vectors, size_t count,
                            vfloat sum[VECTORS]) {
    const ptrdiff_t channels = (ptrdiff_t)p->channels;
    for (int k_y = p->y.first, from_y = p->y.from; k_y < p->y.end; k_y++, from_y += p->y.step) {
        const float *from = p->image + c + ((ptrdiff_t)from_y * p->width + p->x.from) * channels;
        const float *tap = p->kernel + c + (k_y * p->kernel_width + p->x.first) * channels;
        for (int k_x = p->x.first; k_x < p->x.end; k_x++) {
            UNROLL
            for (int j = 0; j < vectors; j++)
                sum[j] = v_fma(load_count(from + j * V_LANES, count),
                               load_count(tap + j * V_LANES, count), sum[j]);
            from += p->x.step * channels;
            tap += channels;
        }
    }
}

ALWAYS_INLINE void sum_pixel(const struct pixel *p) {
    size_t c = 0;
    vfloat sum[VECTORS];
    for (; c + (size_t)VECTORS * V_LANES <= p->channels; c += (size_t)VECTORS * V_LANES) {
        UNROLL
        for (int j = 0; j < VECTORS; j++)
            sum[j] = p->bias ? v_load(p->bias + c + j * V_LANES) : v_set(0);
        add_taps(p, c, VECTORS, V_LANES, sum);
        UNROLL
        for (int j = 0; j < VECTORS; j++)
            v_store(p->to + c + j * V_LANES, p->relu ? v_max(v_set(0), sum[j]) : sum[j]);
    }
    for (; c < p->channels; c += V_LANES) {
        size_t count = p->channels - c;
        sum[0] = p->bias ? load_count(p->bias + c, count) : v_set(0);
        add_taps(p, c, 1, count, sum);
        store_count(p->to + c, p->relu ? v_max(v_set(0), sum[0]) : sum[0], count);
    }
}

void ISA(depthwise_forward)(const struct conv2d_forward *f, size_t begin, size_t end) {
    const struct conv2d s = *f->shape;
    struct pixel p = {.kernel_width = s.kernel_width,
                      .width = s.in_width,
                      .channels = (size_t)s.in_channels,
                      .kernel = f->kernel,
                      .bias = f->bias,
                      .relu = f->relu,
                      .to = f->y + begin * (size_t)s.out_width * (size_t)s.in_channels};
    for (size_t row = begin; row < end; row++) {
        size_t image = row / (size_t)s.out_height;
        p.image = f->x + pixel_at(image, 0, 0, s.in_height, s.in_width, s.in_channels);
        p.y = taps_of_output((int)(row % (size_t)s.out_height), s.kernel_height, s.stride_y,
                             s.dilation_y, s.pad_top, s.in_height);
        for (int j = 0; j < s.out_width; j++, p.to += p.channels) {
            p.x =
                taps_of_output(j, s.kernel_width, s.stride_x, s.dilation_x, s.pad_left, s.in_width);
            sum_pixel(&p);
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

/* With a stride, only some of the taps meet an output. */
static void backward_row_with_stride(const struct conv2d *s, size_t row, const float *dy,
                                     const float *kernel, float *dx) {
    size_t channels = (size_t)s->in_channels, image = row / (size_t)s->in_height;
    int i = (int)(row % (size_t)s->in_height);
    for (int j = 0; j < s->in_width; j++) {
        float *to = dx + (row * (size_t)s->in_width + (size_t)j) * channels;
        for (size_t c = 0; c < channels; c += V_LANES)
            store_count(to + c, input_sum(s, image, i, j, c, dy, kernel), channels - c);
    }
}

void ISA(depthwise_backward_input)(const struct conv2d_backward *b, size_t begin, size_t end) {
    const struct conv2d s = *b->shape;
    struct pixel p = {.kernel_width = s.kernel_width,
                      .width = s.out_width,
                      .channels = (size_t)s.in_channels,
                      .kernel = b->kernel,
                      .to = b->dx + begin * (size_t)s.in_width * (size_t)s.in_channels};
    for (size_t row = begin; row < end; row++) {
        if (s.stride_y != 1 || s.stride_x != 1) {
            backward_row_with_stride(&s, row, b->dy, b->kernel, b->dx);
            continue;
        }
        size_t image = row / (size_t)s.in_height;
        p.image = b->dy + pixel_at(image, 0, 0, s.out_height, s.out_width, s.out_channels);
        p.y = taps_of_input((int)(row % (size_t)s.in_height), s.kernel_height, s.dilation_y,
                            s.pad_top, s.out_height);
        for (int j = 0; j < s.in_width; j++, p.to += p.channels) {
            p.x = taps_of_input(j, s.kernel_width, s.dilation_x, s.pad_left, s.out_width);
            sum_pixel(&p);
        }
    }
}

/* Outputs [*first, *end) of one axis whose tap lies inside the image. */
static void valid_outputs(int in, int out, int stride, int offset, int *first, int *end) {
    *first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    *end = in > offset ? (in - offset + stride - 1) / stride : 0;
    if (*end > out) *end = out;
}

/* At most this many adjacent taps of a kernel row are summed at once, each in its own chain. */
enum { MAX_TAPS = 3 };

struct pair {
    const float *x, *dy; /* of output 0 of a row, at the first tap */
    ptrdiff_t x_step;    /* from one output to the next */
    ptrdiff_t tap_step;  /* from one tap to the next */
    size_t channels;
};

/* Outputs [first, end) of a row: add each tap's products to its sum. */
ALWAYS_INLINE void add_row(const struct pair *p, int first, int end, const int taps,
                           const int vectors, size_t count, vfloat sum[MAX_TAPS][VECTORS]) {
    const float *x = p->x + first * p->x_step, *dy = p->dy + (size_t)first * p->channels;
    for (int o = first; o < end; o++, x += p->x_step, dy += p->channels) {
        UNROLL
        for (int j = 0; j < vectors; j++) {
            vfloat by = load_count(dy + j * V_LANES, count);
            UNROLL
            for (int t = 0; t < taps; t++)
                sum[t][j] =
                    v_fma(load_count(x + t * p->tap_step + j * V_LANES, count), by, sum[t][j]);
        }
    }
}

/* One of the taps alone, where the others lie outside. */
ALWAYS_INLINE void add_row_of_tap(const struct pair *p, int tap, int first, int end,
                                  const int vectors, size_t count, vfloat sum[MAX_TAPS][VECTORS]) {
    struct pair one = *p;
    one.x += tap * p->tap_step;
    add_row(&one, first, end, 1, vectors, count, sum + tap);
}

/* The outputs of a row that each tap reaches, and those that all of them reach. */
struct reach {
    int first[MAX_TAPS], end[MAX_TAPS], common, common_end;
};

static int least_of(int a, int b) {
    return a < b ? a : b;
}

static struct reach reach_of(const struct conv2d *s, int offset_x, int taps) {
    struct reach r = {.common_end = s->out_width};
    for (int t = 0; t < taps; t++) {
        valid_outputs(s->in_width, s->out_width, s->stride_x, offset_x + t * s->dilation_x,
                      &r.first[t], &r.end[t]);
        if (r.end[t] < r.first[t]) r.end[t] = r.first[t];
        if (r.first[t] > r.common) r.common = r.first[t];
        r.common_end = least_of(r.common_end, r.end[t]);
    }
    if (r.common_end < r.common) r.common_end = r.common;
    return r;
}

/* dkernel of taps [tap, tap + taps) of one row of the kernel, some vectors of channels from c on.
 * Each sum runs over n, y, x: in a row first what only some of the taps reach, then what all do,
 * then the rest. */
ALWAYS_INLINE void kernel_sums(const struct conv2d_backward *b, size_t tap, const int taps,
                               size_t c, const int vectors, size_t count) {
    const struct conv2d *s = b->shape;
    int k_y = (int)tap / s->kernel_width, k_x = (int)tap % s->kernel_width;
    int offset_y = k_y * s->dilation_y - s->pad_top, first_y, end_y;
    int offset_x = k_x * s->dilation_x - s->pad_left;
    valid_outputs(s->in_height, s->out_height, s->stride_y, offset_y, &first_y, &end_y);
    const struct reach reach = reach_of(s, offset_x, taps);
    vfloat sum[MAX_TAPS][VECTORS];
    UNROLL
    for (int t = 0; t < taps; t++) {
        UNROLL
        for (int j = 0; j < vectors; j++) sum[t][j] = v_set(0);
    }
    for (size_t n = 0; n < (size_t)b->n; n++) {
        for (int i = first_y; i < end_y; i++) {
            const struct pair p = {
                .x = b->x + (ptrdiff_t)c +
                     pixel_at(n, i * s->stride_y + offset_y, offset_x, s->in_height, s->in_width,
                              s->in_channels),
                .dy = b->dy + c + pixel_at(n, i, 0, s->out_height, s->out_width, s->out_channels),
                .x_step = (ptrdiff_t)s->stride_x * s->in_channels,
                .tap_step = (ptrdiff_t)s->dilation_x * s->in_channels,
                .channels = (size_t)s->in_channels,
            };
            UNROLL
            for (int t = 0; t < taps; t++)
                add_row_of_tap(&p, t, reach.first[t], least_of(reach.end[t], reach.common), vectors,
                               count, sum);
            add_row(&p, reach.common, reach.common_end, taps, vectors, count, sum);
            UNROLL
            for (int t = 0; t < taps; t++)
                add_row_of_tap(&p, t, reach.common_end, reach.end[t], vectors, count, sum);
        }
    }
    float *to = b->dkernel + tap * (size_t)s->in_channels + c;
    UNROLL
    for (int t = 0; t < taps; t++, to += s->in_channels) {
        UNROLL
        for (int j = 0; j < vectors; j++) store_count(to + j * V_LANES, sum[t][j], count);
    }
}

ALWAYS_INLINE void taps_gradient(const struct conv2d_backward *b, size_t tap, const int taps) {
    size_t channels = (size_t)b->shape->in_channels, c = 0;
    for (; c + (size_t)VECTORS * V_LANES <= channels; c += (size_t)VECTORS * V_LANES)
        kernel_sums(b, tap, taps, c, VECTORS, V_LANES);
    for (; c < channels; c += V_LANES) kernel_sums(b, tap, taps, c, 1, channels - c);
}

void ISA(depthwise_backward_kernel)(const struct conv2d_backward *b, size_t begin, size_t end) {
    size_t width = (size_t)b->shape->kernel_width;
    for (size_t tap = begin; tap < end;) {
        size_t rest = width - tap % width;
        if (rest > end - tap) rest = end - tap;
        if (rest >= 3) {
            taps_gradient(b, tap, 3);
            tap += 3;
        } else if (rest == 2) {
            taps_gradient(b, tap, 2);
            tap += 2;
        } else {
            taps_gradient(b, tap, 1);
            tap++;
        }
    }
}
