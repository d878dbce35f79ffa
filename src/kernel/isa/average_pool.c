#include "kernel/isa/level.h"

static int at_least(int a, int b) {
    return a > b ? a : b;
}

static int at_most(int a, int b) {
    return a < b ? a : b;
}

/* The cells [first, end) of one axis of a window that lie inside the image. */
static void cells_of(int output, int window, int stride, int pad, int in, int *first, int *end) {
    int begin = output * stride - pad;
    *first = at_least(0, begin);
    *end = at_most(in, begin + window);
}

struct cells {
    int top, bottom, left, right;
    float count;
};

static struct cells window_cells(const struct pooling *s, int y, int x) {
    struct cells w;
    cells_of(y, s->window_height, s->stride_y, s->pad_top, s->in_height, &w.top, &w.bottom);
    cells_of(x, s->window_width, s->stride_x, s->pad_left, s->in_width, &w.left, &w.right);
    w.count = (float)((w.bottom - w.top) * (w.right - w.left));
    return w;
}

void ISA(average_pool_forward)(const struct pooling *shape, size_t begin, size_t end,
                               const float *x, float *y) {
    const struct pooling s = *shape;
    size_t channels = (size_t)s.channels, width = (size_t)s.in_width;
    size_t image = (size_t)s.in_height * width * channels;
    for (size_t row = begin; row < end; row++) {
        const float *in = x + row / (size_t)s.out_height * image;
        for (int j = 0; j < s.out_width; j++) {
            const struct cells w = window_cells(&s, (int)(row % (size_t)s.out_height), j);
            float *to = y + (row * (size_t)s.out_width + (size_t)j) * channels;
            for (size_t c = 0; c < channels; c += V_LANES) {
                vfloat sum = v_set(0);
                for (int v = w.top; v < w.bottom; v++)
                    for (int u = w.left; u < w.right; u++)
                        sum += load_count(in + ((size_t)v * width + (size_t)u) * channels + c,
                                          channels - c);
                store_count(to + c, sum / v_set(w.count), channels - c);
            }
        }
    }
}

/* Windows add to their cells in ascending order, so each cell's sum has that order. */
void ISA(average_pool_backward)(const struct pooling *shape, size_t begin, size_t end,
                                const float *dy, float *dx) {
    const struct pooling s = *shape;
    size_t channels = (size_t)s.channels, width = (size_t)s.in_width;
    size_t inputs = (size_t)s.in_height * width * channels;
    for (size_t b = begin; b < end; b++) {
        float *image = dx + b * inputs;
        memset(image, 0, inputs * sizeof *image);
        for (int i = 0; i < s.out_height; i++) {
            for (int j = 0; j < s.out_width; j++) {
                const struct cells w = window_cells(&s, i, j);
                const float *from =
                    dy +
                    ((b * (size_t)s.out_height + (size_t)i) * (size_t)s.out_width + (size_t)j) *
                        channels;
                for (size_t c = 0; c < channels; c += V_LANES) {
                    size_t count = channels - c;
                    vfloat share = load_count(from + c, count) / v_set(w.count);
                    for (int v = w.top; v < w.bottom; v++)
                        for (int u = w.left; u < w.right; u++) {
                            float *to = image + ((size_t)v * width + (size_t)u) * channels + c;
                            store_count(to, load_count(to, count) + share, count);
                        }
                }
            }
        }
    }
}
