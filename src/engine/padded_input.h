/* padded_input: the input of a convolution, packed for the kernels with the border that its windows
 * reach, and where the windows lie in it; private to the engine.
 */
#ifndef ENGINE_PADDED_INPUT_H
#define ENGINE_PADDED_INPUT_H

#include "engine/window.h"

struct padded_input {
    struct window_plan window;
    int32_t zero_point;
    bool is_words;             /* packed by kernels->pack_words, else by kernels->pack */
    int height, width;         /* with the border */
    size_t positions;          /* of the window */
    uint32_t *position_offset; /* [positions] from the packed input's start to each window */
};

/* Set the size with the border and all before it.  The caller has set `window`. */
bool plan_padded_input(struct planner *planner, struct padded_input *padded, int32_t zero_point,
                       bool is_words);
/* Set position_offset, and part_offset[window height][columns]: from a window's start to `columns`
 * equal parts of each of its rows.  In bytes, or in words if the input is words. */
bool plan_padded_offsets(struct planner *planner, struct padded_input *padded, int columns,
                         uint32_t *part_offset);

size_t padded_input_bytes(const struct engine *engine, const struct padded_input *padded);
/* Fill the border, which packing leaves as it is. */
void padded_input_clear(const struct engine *engine, const struct padded_input *padded,
                        unsigned char *packed);
void padded_input_pack(const struct engine *engine, const struct padded_input *padded,
                       const int8_t *x, unsigned char *packed);

#endif
