/* pool2d: pooling on float32, for all that pools; private to the engine.
 */
#ifndef ENGINE_POOL2D_H
#define ENGINE_POOL2D_H

#include "engine/window.h"

/* step->own, and what runs, for these windows. */
bool plan_float_pool(struct planner *planner, const struct window_plan *window, bool is_max);

#endif
