#include "kernel/kernel.h"

/* Keras: 'valid' uses only whole windows; 'same' gives ceil(in / stride) and puts the odd row of
 * padding after the image. */
static void axis_geometry(int in, int window, int stride, int dilation, bool same, int *out,
                          int *pad_before) {
    int reach = (window - 1) * dilation + 1;
    *pad_before = 0;
    if (!same) {
        *out = in < reach ? 0 : (in - reach) / stride + 1;
        return;
    }
    *out = in / stride + (in % stride != 0);
    int padding = (*out - 1) * stride + reach - in;
    if (padding > 0) *pad_before = padding / 2;
}

void conv2d_geometry(struct conv2d *s, bool same) {
    axis_geometry(s->in_height, s->kernel_height, s->stride_y, s->dilation_y, same, &s->out_height,
                  &s->pad_top);
    axis_geometry(s->in_width, s->kernel_width, s->stride_x, s->dilation_x, same, &s->out_width,
                  &s->pad_left);
}

void pooling_geometry(struct pooling *s, bool same) {
    axis_geometry(s->in_height, s->window_height, s->stride_y, 1, same, &s->out_height,
                  &s->pad_top);
    axis_geometry(s->in_width, s->window_width, s->stride_x, 1, same, &s->out_width, &s->pad_left);
}
