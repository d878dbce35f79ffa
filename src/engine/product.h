/* product: rows of activations times weights, for CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED,
 * and the output stage that brings int32 sums to int8; private to the engine.
 */
#ifndef ENGINE_PRODUCT_H
#define ENGINE_PRODUCT_H

#include "engine/planner.h"

#define PRODUCT_ROWS 48 /* rows of sums that stay in the cache */

/* From sums to the output.  `scale` has the factors in all forms, `store` uses one of them. */
struct output_stage {
    struct dot_output scale;
    void (*store)(const struct dot_output *output, size_t rows, const int32_t *acc, int8_t *out);
};

struct product {
    bool has_taps;        /* `taps` is used, and activations are words; else `dot` */
    struct dot_taps taps; /* depthwise */
    struct dot dot;
    struct output_stage stage;
};

/* The operator's weights, of that many dimensions, and its bias or NULL. */
bool plan_weights(struct planner *planner, int rank, const struct frozen_tensor **weights,
                  const struct frozen_tensor **bias);
/* Check that they are constants: int8 weights with zero point 0 and one scale, or one for each
 * output channel (along `dimension`); a bias of one int32 for each channel, whose scale is the
 * product of those of input and weights. */
bool plan_constants(struct planner *planner, const struct frozen_tensor *weights,
                    const struct frozen_tensor *bias, int channels, int dimension);

/* Depthwise: check that `channels` is in_channels times the operator's depth multiplier. */
bool plan_depth_multiplier(struct planner *planner, int in_channels, int channels);

/* Fill product->dot: weights w[channels][segments][count], packed, and what each sum starts from.
 */
bool plan_dot(struct planner *planner, struct product *product, const struct frozen_tensor *weights,
              const struct frozen_tensor *bias, int channels, int segments, int count,
              int32_t zero_in);

/* With the factors input scale * weights scale / output scale. */
bool plan_output_stage(struct planner *planner, struct output_stage *stage,
                       const struct frozen_tensor *weights, int channels, struct int8_range range);
/* With one factor for all channels; without exact_factor. */
bool plan_output_stage_uniform(struct planner *planner, struct output_stage *stage, int channels,
                               struct int8_range range, struct fixed fixed, float factor);

/* Bytes of the sums of PRODUCT_ROWS rows. */
size_t product_sum_bytes(const struct product *product);
/* out[rows / window][channels]; `sums` has product_sum_bytes. */
void product_rows(const struct engine *engine, const struct product *product,
                  const unsigned char *activations, size_t rows, const uint32_t *row_offset,
                  int32_t *sums, int8_t *out);

#endif
