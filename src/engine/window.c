#include "engine/window.h"

struct view window_view(const struct window_plan *window, int y, int x) {
    int top = y * window->stride_y - window->pad_top;
    int left = x * window->stride_x - window->pad_left;
    int bottom = top + window->height, right = left + window->width;
    if (bottom > window->in_height) bottom = window->in_height;
    if (right > window->in_width) right = window->in_width;
    if (top < 0) top = 0;
    if (left < 0) left = 0;
    return (struct view){top, left, bottom - top, right - left};
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

bool plan_window(struct planner *planner, int height, int width, int out_channels,
                 struct window_plan *window) {
    const struct frozen_operator *op = planner->op;
    const struct frozen_tensor *input = planner->input;
    if (input->rank != 4)
        return plan_refuse(planner, STATUS_FORMAT, "its input does not have 4 dimensions");
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
