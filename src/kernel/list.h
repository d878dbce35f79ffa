/* list: the kernels that exist once per instruction set level, and the one list of them.
 *
 * The sources in src/kernel/isa are compiled once per level, each time into an archive of its own;
 * ISA(name) gives each function the level's suffix.  Declarations, dispatch tables, tests and
 * benchmarks all come from KERNEL_LIST.  These functions run on one thread; kernel.c and its
 * neighbours divide the work into parts.
 */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include "base/cpu.h"
#include "kernel/kernel.h"

/* Upper bounds over all levels; scratch sizes use them. */
#define MAX_LANES         16
#define MAX_STRIP_COLUMNS 32

/* Running extremes, one per lane, so that several passes over a tensor can share them. */
struct extremes {
    float min[MAX_LANES], max[MAX_LANES];
    float nan[MAX_LANES]; /* NaN once one was seen, else 0 */
};
void extremes_clear(struct extremes *e); /* before any value */
/* The smallest and largest of `count` sets, as min_max gives them. */
void extremes_range(const struct extremes *e, int count, float range[2]);

/* A strip of a matrix product, rows x columns, all sums over three nested loops:
 *
 *   c[r][j] = start + sum over (o, m, i) in order of a(r, o, m, i) * b(o, m, i, j)
 *   a(r, o, m, i) = a[row(r) + o a_outer + m a_middle + i a_inner],
 *   row(r) = a_table ? a_table[r] : r a_row
 *   b(o, m, i, j) = b[o b_outer + m b_middle + i b_inner + j]
 *
 * `start` is c itself (accumulate), bias[j], or 0.  A convolution's taps and a gradient's images
 * are such loops, so this one kernel computes them all.  Up to one vector is read past columns. */
struct strip {
    size_t rows, columns; /* columns <= the level's strip_columns */
    int outer, middle, inner;
    const float *a;
    ptrdiff_t a_row, a_outer, a_middle, a_inner;
    const ptrdiff_t *a_table;
    const float *b;
    ptrdiff_t b_outer, b_middle, b_inner;
    float *c;
    ptrdiff_t c_row;
    const float *bias; /* readable up to a whole vector, like all tensors */
    bool accumulate, relu;
    struct extremes *extremes; /* of what is stored in c; may be NULL */
};

/* Nonzero values and their indices.  terms_collect writes those of x and advances `terms` past the
 * last. */
struct nonzeros {
    float *value;
    int *at;
};

/* Limits on the sums that fit into registers: pixels of a window, vectors of a pixel, all
 * vectors. */
#define SPARSE_WINDOW       5
#define SPARSE_VECTORS      4
#define SPARSE_ACCUMULATORS 12

/* Pixel i of a row (from the last to the first) adds to the sums of `window` pixels side by side,
 * for each of its terms [start[i], start[i + 1]) in order:
 *
 *   sums[i + k][j] = fma(value, b[at][k][j], sums[i + k][j])    k < window, j < width
 *
 * window is 3 or 5; width is 1, 2 or, with window 3, 4 vectors. */
struct sparse_row {
    int window, pixels;
    size_t width;
    struct nonzeros terms;
    const int *start;
    const float *b;
    float *sums;
};

/* sums[j] = fma(value, a[at + j], sums[j]), j < width, for each term in order; width is a multiple
 * of a vector, so that up to one vector of `a` is read past the end. */
struct sparse_sums {
    int count;
    struct nonzeros terms;
    const float *a;
    size_t width;
    float *sums;
};

/* Rows that channel_sums adds in one chain. */
#define CHANNEL_BLOCK 128

#define KERNEL_LIST(K)                                                                             \
    K(strip, (const struct strip *s))                                                              \
    K(terms_collect, (size_t count, const float *x, struct nonzeros *terms))                       \
    K(sparse_row, (const struct sparse_row *r))                                                    \
    K(sparse_sums, (const struct sparse_sums *s))                                                  \
    K(column_sums,                                                                                 \
      (size_t rows, size_t columns, size_t begin, size_t end, const float *dy, float *dbias))      \
    K(extremes, (size_t count, const float *x, struct extremes *e))                                \
    K(fake_quant_tensor, (size_t count, const float *x, const struct fake_quant *by, float *y))    \
    K(fake_quant_channels,                                                                         \
      (size_t rows, size_t channels, const float *x, const struct fake_quant *by, float *y))       \
    K(fake_quant_tensor_backward, (size_t count, const float *x, const struct fake_quant *by,      \
                                   bool relu, const float *dy, float *dx))                         \
    K(fake_quant_channels_backward, (size_t rows, size_t channels, const float *x,                 \
                                     const struct fake_quant *by, const float *dy, float *dx))     \
    K(add_tensors, (size_t count, const float *a, const float *b, float *y))                       \
    K(relu_forward, (size_t count, const float *x, float *y))                                      \
    K(relu_backward, (size_t count, const float *x, const float *dy, float *dx))                   \
    K(adam_update, (size_t count, const struct adam *by, const float *gradient, float *m,          \
                    float *v, float *weights))                                                     \
    K(clip_forward, (size_t count, const float *x, float limit, float *y))                         \
    K(clip_backward, (size_t count, const float *x, float limit, const float *dy, float *dx))      \
    K(leaky_forward, (size_t count, const float *x, float slope, float *y))                        \
    K(leaky_backward, (size_t count, const float *x, float slope, const float *dy, float *dx))     \
    K(sigmoid_forward, (size_t count, const float *x, float *y))                                   \
    K(sigmoid_backward, (size_t count, const float *y, const float *dy, float *dx))                \
    K(tanh_forward, (size_t count, const float *x, float *y))                                      \
    K(tanh_backward, (size_t count, const float *y, const float *dy, float *dx))                   \
    K(channel_sums, (const struct channel_sums *s, size_t begin, size_t end))                      \
    K(channel_magnitudes,                                                                          \
      (size_t rows, size_t row, size_t channels, const float *x, float *largest))                  \
    K(channel_normalize, (const struct channel_normalize *n, struct extremes *e))                  \
    K(channel_normalize_backward, (const struct channel_normalize_backward *b))                    \
    K(depthwise_forward, (const struct conv2d_forward *f, size_t begin, size_t end))               \
    K(depthwise_backward_input, (const struct conv2d_backward *b, size_t begin, size_t end))       \
    K(depthwise_backward_kernel, (const struct conv2d_backward *b, size_t begin, size_t end))      \
    K(average_pool_forward,                                                                        \
      (const struct pooling *shape, size_t begin, size_t end, const float *x, float *y))           \
    K(average_pool_backward,                                                                       \
      (const struct pooling *shape, size_t begin, size_t end, const float *dy, float *dx))         \
    K(dropout_factors, (const struct dropout *by, size_t begin, size_t end, float *factors))       \
    K(dropout_multiply, (size_t count, const float *x, const float *by, float *y))                 \
    K(pixels_to_float, (size_t count, const unsigned char *pixels, float *x))                      \
    K(max_pool_forward, (const struct max_pool_forward *f, size_t begin, size_t end))              \
    K(max_pool_backward, (const struct max_pool_backward *b, size_t begin, size_t end))

struct kernels {
    int lanes;
    size_t strip_columns; /* widest strip: what the accumulators hold */
    size_t strip_rows;    /* rows computed at once; calls may have any number */
#define K(name, arguments) void(*name) arguments;
    KERNEL_LIST(K)
#undef K
};

#define DECLARE_LEVEL(isa) extern const struct kernels kernels_##isa;
DECLARE_LEVEL(baseline)
#ifdef HAVE_AVX2
DECLARE_LEVEL(avx2)
#endif
#ifdef HAVE_AVX512
DECLARE_LEVEL(avx512)
#endif
#undef DECLARE_LEVEL

/* The kernels of the level that cpu_isa() returns. */
const struct kernels *kernels_chosen(void);

#endif
