/* window: a window that moves over an image, of convolutions and poolings; private to the engine.
 */
#ifndef ENGINE_WINDOW_H
#define ENGINE_WINDOW_H

#include "engine/planner.h"

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

/* A window of this size with the operator's strides, dilation and padding.  Checks that the input
 * has 4 dimensions, and that the output has the shape that follows. */
bool plan_window(struct planner *planner, int height, int width, int out_channels,
                 struct window_plan *window);

/* Of the window at output position y, x; without dilation. */
struct view window_view(const struct window_plan *window, int y, int x);

#endif
