/* conv2d: CONV_2D, and DEPTHWISE_CONV_2D of depth multiplier 1, as products over a padded input;
 * private to the engine.
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

/* Set the step's run and scratch_bytes, after all else. */
void plan_conv2d_run(struct planner *planner, const struct conv2d *conv);

/* Let the convolution before a max pooling with this window compute the maxima itself, so that
 * nothing is left for the pooling to do.  false when it cannot. */
bool conv2d_fuse_pool(struct planner *planner, const struct window_plan *pool);

#endif
