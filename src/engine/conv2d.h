/* conv2d: convolutions as products over a padded input; private to the engine.  CONV_2D, and
 * DEPTHWISE_CONV_2D where each input channel has one output.
 */
#ifndef ENGINE_CONV2D_H
#define ENGINE_CONV2D_H

#include "engine/padded_input.h"
#include "engine/product.h"

/* step->own */
struct conv2d {
    struct product product;
    struct padded_input input;
};

/* The last things that planning sets: scratch memory and what runs. */
void plan_conv2d_run(struct planner *planner, const struct conv2d *conv);

/* Let the convolution before a max pooling with this window compute only the maxima, and leave
 * nothing for the pooling to do.  false when it cannot. */
bool conv2d_fuse_pool(struct planner *planner, const struct window_plan *pool);

#endif
