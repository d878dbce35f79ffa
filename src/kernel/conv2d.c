#include "base/array.h"
#include "kernel/conv2d_sparse.h"
#include "kernel/list.h"
#include "kernel/panel.h"

/* The forward pass and the gradient with respect to the input are the same sum over taps, seen from
 * the target pixel:
 *
 *   target[n][y][x][j] = sum over taps (k_y, k_x) and channels i of
 *                        source[n][s_y][s_x][i] * packed[k_y][k_x][i][j]
 *
 * Along an axis, neighbouring target pixels mostly have the same valid taps and sources that
 * advance evenly.  Such a `run` of rows crossed with a run of columns (and all images) is a block
 * of pixels without special cases, which strips then compute in any direction. */

enum { MIN_PRODUCTS = 32768, EXTREMES_FLOATS = sizeof(struct extremes) / sizeof(float) };

struct axis {
    int targets, sources, taps;
    int stride, dilation, pad;
    bool backward;
};

struct run {
    int target, count, target_step; /* target pixels */
    int tap, taps, tap_step;        /* valid taps; taps may be 0 */
    int source;                     /* of the first target and tap */
    int source_step, source_tap_step;
};

/* The source pixel that tap `tap` reads for `target`; false when there is none. */
static bool source_of(const struct axis *axis, int target, int tap, int *source) {
    if (axis->backward) {
        int at = target + axis->pad - tap * axis->dilation;
        *source = at / axis->stride;
        return at >= 0 && at % axis->stride == 0 && *source < axis->sources;
    }
    *source = target * axis->stride - axis->pad + tap * axis->dilation;
    return *source >= 0 && *source < axis->sources;
}

/* Valid taps are evenly spaced, and so are their sources. */
static struct run run_of_one(const struct axis *axis, int target) {
    struct run run = {.target = target, .count = 1, .tap_step = 1};
    for (int tap = 0; tap < axis->taps; tap++) {
        int source;
        if (!source_of(axis, target, tap, &source)) continue;
        if (run.taps == 0) {
            run.tap = tap;
            run.source = source;
        } else if (run.taps == 1) {
            run.tap_step = tap - run.tap;
            run.source_tap_step = source - run.source;
        }
        run.taps++;
    }
    return run;
}

/* The longest run from `target` on.  Backward, only pixels a stride apart can be alike. */
static struct run run_from(const struct axis *axis, int target) {
    struct run run = run_of_one(axis, target);
    run.target_step = axis->backward ? axis->stride : 1;
    run.source_step = axis->backward ? 1 : axis->stride;
    while (target + run.count * run.target_step < axis->targets) {
        struct run next = run_of_one(axis, target + run.count * run.target_step);
        if (next.taps != run.taps) break;
        if (run.taps && (next.tap != run.tap || next.tap_step != run.tap_step ||
                         next.source != run.source + run.count * run.source_step))
            break;
        run.count++;
    }
    return run;
}

/* All runs of an axis, one after another: start with *phase = *target = 0.  Backward, pixels are
 * visited by their remainder (phase) modulo the stride. */
static bool next_run(const struct axis *axis, int *phase, int *target, struct run *run) {
    int phases = axis->backward ? axis->stride : 1;
    while (*target >= axis->targets) {
        if (++*phase >= phases || *phase >= axis->targets) return false;
        *target = *phase;
    }
    *run = run_from(axis, *target);
    *target += run->count * run->target_step;
    return true;
}

/* One pass over all target pixels. */
struct pass {
    const struct kernels *kernels;
    struct axis y, x;
    int n, source_channels, target_channels;
    int kernel_width, kernel_taps;
    const float *source, *kernel, *bias;
    size_t tap_size, kernel_row, kernel_column; /* of the kernel before packing */
    bool relu;
    float *target, *packed;
    size_t panels, width;
    struct extremes *extremes; /* one per part, or NULL */
};

static size_t panel_columns(const struct pass *p, size_t panel) {
    size_t rest = (size_t)p->target_channels - panel * p->width;
    return rest < p->width ? rest : p->width;
}

static size_t panel_size(const struct pass *p) {
    return (size_t)p->kernel_taps * (size_t)p->source_channels * p->width;
}

static void pack_part(void *context, int part, int parts) {
    const struct pass *p = context;
    size_t taps = (size_t)p->kernel_taps, begin, end;
    size_t rows = (size_t)p->source_channels;
    pool_share(p->panels * taps, 1, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t panel = i / taps, tap = i % taps;
        panel_pack(rows, panel_columns(p, panel), p->width,
                   p->kernel + tap * p->tap_size + panel * p->width * p->kernel_column,
                   p->kernel_row, p->kernel_column,
                   p->packed + panel * panel_size(p) + tap * rows * p->width);
    }
}

/* How well `count` rows fill the accumulators: the height of the blocks that a strip cuts them
 * into. */
static int block_height(const struct pass *p, int count) {
    int most = (int)p->kernels->strip_rows;
    int blocks = (count + most - 1) / most;
    return count / blocks;
}

/* A direction in a block of pixels; strips take one, and the two others are looped over. */
struct direction {
    int count;
    ptrdiff_t source_step, target_step;
};

/* Put the best direction for strips first: along the row, unless that is short and another is
 * longer. */
static void choose_direction(const struct pass *p, struct direction d[3]) {
    int enough = (int)p->kernels->strip_rows * 2 / 3, best = 0;
    for (int i = 1; i < 3; i++) {
        if (block_height(p, d[best].count) >= enough) break;
        if (block_height(p, d[i].count) > block_height(p, d[best].count)) best = i;
    }
    struct direction first = d[best];
    d[best] = d[0];
    d[0] = first;
}

/* The pixels of images [begin, end) that lie in run `y` of rows and run `x` of columns. */
static void compute_block(const struct pass *p, size_t panel, int begin, int end,
                          const struct run *y, const struct run *x, struct extremes *extremes) {
    ptrdiff_t source_pixel = p->source_channels, target_pixel = p->target_channels;
    ptrdiff_t source_row = p->x.sources * source_pixel, target_row = p->x.targets * target_pixel;
    ptrdiff_t source_image = p->y.sources * source_row, target_image = p->y.targets * target_row;
    struct direction d[3] = {
        {x->count, x->source_step * source_pixel, x->target_step * target_pixel},
        {y->count, y->source_step * source_row, y->target_step * target_row},
        {end - begin, source_image, target_image},
    };
    choose_direction(p, d);
    bool joined = x->tap_step == 1 && (x->source_tap_step == 1 || x->taps <= 1);
    ptrdiff_t tap_size = p->source_channels * (ptrdiff_t)p->width;
    const float *source =
        p->source + begin * source_image + y->source * source_row + x->source * source_pixel;
    float *target = p->target + begin * target_image + y->target * target_row +
                    x->target * target_pixel + (ptrdiff_t)(panel * p->width);
    struct strip strip = {
        .rows = (size_t)d[0].count,
        .columns = panel_columns(p, panel),
        .outer = x->taps ? y->taps : 0,
        .middle = joined ? 1 : x->taps,
        .inner = joined ? x->taps * p->source_channels : p->source_channels,
        .a_row = d[0].source_step,
        .a_outer = y->source_tap_step * source_row,
        .a_middle = x->source_tap_step * source_pixel,
        .a_inner = 1,
        .b = p->packed + panel * panel_size(p) +
             ((ptrdiff_t)y->tap * p->kernel_width + x->tap) * tap_size,
        .b_outer = (ptrdiff_t)y->tap_step * p->kernel_width * tap_size,
        .b_middle = x->tap_step * tap_size,
        .b_inner = (ptrdiff_t)p->width,
        .c_row = d[0].target_step,
        .bias = p->bias ? p->bias + panel * p->width : NULL,
        .relu = p->relu,
        .extremes = extremes,
    };
    for (int i = 0; i < d[2].count; i++) {
        for (int j = 0; j < d[1].count; j++) {
            strip.a = source + i * d[2].source_step + j * d[1].source_step;
            strip.c = target + i * d[2].target_step + j * d[1].target_step;
            p->kernels->strip(&strip);
        }
    }
}

static void compute_images(const struct pass *p, size_t panel, int begin, int end,
                           struct extremes *extremes) {
    struct run y, x;
    for (int y_phase = 0, y_target = 0; next_run(&p->y, &y_phase, &y_target, &y);)
        for (int x_phase = 0, x_target = 0; next_run(&p->x, &x_phase, &x_target, &x);)
            compute_block(p, panel, begin, end, &y, &x, extremes);
}

/* The images of all panels, one panel after another, in equal shares. */
static void compute_part(void *context, int part, int parts) {
    const struct pass *p = context;
    size_t n = (size_t)p->n, begin, end;
    struct extremes *extremes = p->extremes ? &p->extremes[part] : NULL;
    if (extremes) extremes_clear(extremes);
    pool_share(p->panels * n, 1, part, parts, &begin, &end);
    while (begin < end) {
        size_t panel = begin / n, image = begin % n;
        size_t count = n - image < end - begin ? n - image : end - begin;
        compute_images(p, panel, (int)image, (int)(image + count), extremes);
        begin += count;
    }
}

static int compute(struct pool *pool, struct pass *p) {
    p->kernels = kernels_chosen();
    p->width = p->kernels->strip_columns;
    p->panels = size_round_up((size_t)p->target_channels, p->width) / p->width;
    pool_run(pool, pool_parts(pool, p->panels * panel_size(p), 8192), pack_part, p);
    size_t products = (size_t)p->n * (size_t)p->y.targets * (size_t)p->x.targets *
                      (size_t)p->target_channels * (size_t)p->kernel_taps *
                      (size_t)p->source_channels;
    int parts = pool_parts(pool, products, MIN_PRODUCTS);
    pool_run(pool, parts, compute_part, p);
    return parts;
}

/* The packed kernel of the larger direction, followed by extremes for each thread. */
static size_t packed_size(const struct conv2d *s) {
    size_t in = (size_t)s->in_channels, out = (size_t)s->out_channels;
    size_t forward = in * size_round_up(out, MAX_STRIP_COLUMNS);
    size_t backward = out * size_round_up(in, MAX_STRIP_COLUMNS);
    return (size_t)s->kernel_height * (size_t)s->kernel_width *
           (forward > backward ? forward : backward);
}

size_t conv2d_scratch_size(const struct conv2d *s, int threads) {
    size_t dense = packed_size(s) + (size_t)threads * EXTREMES_FLOATS;
    size_t sparse = conv2d_sparse_scratch_size(s, threads);
    return dense > sparse ? dense : sparse;
}

void conv2d_forward(struct pool *pool, const struct conv2d_forward *f) {
    const struct conv2d *s = f->shape;
    struct pass p = {
        .y = {s->out_height, s->in_height, s->kernel_height, s->stride_y, s->dilation_y, s->pad_top,
              false},
        .x = {s->out_width, s->in_width, s->kernel_width, s->stride_x, s->dilation_x, s->pad_left,
              false},
        .n = f->n,
        .source_channels = s->in_channels,
        .target_channels = s->out_channels,
        .kernel_width = s->kernel_width,
        .kernel_taps = s->kernel_height * s->kernel_width,
        .source = f->x,
        .kernel = f->kernel,
        .tap_size = (size_t)s->in_channels * (size_t)s->out_channels,
        .kernel_row = (size_t)s->out_channels,
        .kernel_column = 1,
        .bias = f->bias,
        .relu = f->relu,
        .target = f->y,
        .packed = f->scratch,
        .extremes = f->range ? (struct extremes *)(void *)(f->scratch + packed_size(s)) : NULL,
    };
    int parts = compute(pool, &p);
    if (f->range) extremes_range(p.extremes, parts, f->range);
}

void conv2d_backward_input(struct pool *pool, const struct conv2d_backward *b) {
    const struct conv2d *s = b->shape;
    if (conv2d_sparse_input_suits(s, b->n, b->dy)) {
        conv2d_sparse_backward_input(pool, b);
        return;
    }
    struct pass p = {
        .y = {s->in_height, s->out_height, s->kernel_height, s->stride_y, s->dilation_y, s->pad_top,
              true},
        .x = {s->in_width, s->out_width, s->kernel_width, s->stride_x, s->dilation_x, s->pad_left,
              true},
        .n = b->n,
        .source_channels = s->out_channels,
        .target_channels = s->in_channels,
        .kernel_width = s->kernel_width,
        .kernel_taps = s->kernel_height * s->kernel_width,
        .source = b->dy,
        .kernel = b->kernel,
        .tap_size = (size_t)s->in_channels * (size_t)s->out_channels,
        .kernel_row = 1,
        .kernel_column = (size_t)s->out_channels,
        .target = b->dx,
        .packed = b->scratch,
    };
    compute(pool, &p);
}
