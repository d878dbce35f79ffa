/* product: rows of activations times weights, as CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED
 * have them, and the way from int32 sums to int8; private to the engine.
 */
#ifndef ENGINE_PRODUCT_H
#define ENGINE_PRODUCT_H

#include "engine/planner.h"

#define PRODUCT_ROWS 48 /* rows of sums that stay in the cache */

/* From sums to the output, in each form that a kernel may want. */
struct output_stage {
    struct dot_output scale;
    void (*store)(const struct dot_output *output, size_t rows, const int32_t *acc, int8_t *out);
};

/* What CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED all have. */
struct product {
    bool has_taps;        /* `taps` is used, and activations are words; else `dot` */
    struct dot_taps taps; /* depthwise */
    struct dot dot;
    struct output_stage stage;
};

/* The operator's weights, and its bias or NULL.  They are constants: weights are int8 with zero
 * point 0, one scale or one an output channel (along `dimension`); a bias is int32, one a channel,
 * of the scale that the product has. */
bool plan_weights(struct planner *planner, int rank, const struct frozen_tensor **weights,
                  const struct frozen_tensor **bias);
bool plan_constants(struct planner *planner, const struct frozen_tensor *weights,
                    const struct frozen_tensor *bias, int channels, int dimension);

/* Depthwise: the channels of the weights are the operator's multiple of the input's. */
bool plan_depth_multiplier(struct planner *planner, int in_channels, int channels);

/* Weights w[channels][segments][count], packed, and where the sums start, to product->dot. */
bool plan_dot(struct planner *planner, struct product *product, const struct frozen_tensor *weights,
              const struct frozen_tensor *bias, int channels, int segments, int count,
              int32_t zero_in);

/* Factors input scale * weights scale / output scale. */
bool plan_output_stage(struct planner *planner, struct output_stage *stage,
                       const struct frozen_tensor *weights, int channels, struct int8_range range);
/* One factor for all channels; without the form of FULLY_CONNECTED. */
bool plan_output_stage_uniform(struct planner *planner, struct output_stage *stage, int channels,
                               struct int8_range range, struct fixed fixed, float factor);

/* Bytes of the sums of PRODUCT_ROWS rows. */
size_t product_sum_bytes(const struct product *product);
/* out[rows / window][channels]; `sums` has product_sum_bytes. */
void product_rows(const struct engine *engine, const struct product *product,
                  const unsigned char *activations, size_t rows, const uint32_t *row_offset,
                  int32_t *sums, int8_t *out);

#endif
