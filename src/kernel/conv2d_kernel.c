#include "base/array.h"
#include "kernel/conv2d_sparse.h"
#include "kernel/list.h"

/* The gradient with respect to the kernel: for each kernel element a sum over all pixels, whose
 * order must not change; so the elements, as rows (k_y, k_x, in_c) and columns (out_c), are divided
 * among the threads. */

enum { MIN_PRODUCTS = 32768, TABLE_ROWS = 64, CACHE_FLOATS = 8192 };

struct gradient {
    const struct conv2d_backward *b;
    const struct kernels *kernels;
    size_t rows, panels, width;
    int images; /* at a time, so that they stay in the first-level cache for all strips */
};

/* One panel of the kernel, and the images that are being added to it. */
struct addition {
    const struct gradient *g;
    size_t panel;
    int image, images;
};

/* The outputs [first, end) of an axis that a tap reaches inside the image. */
struct reach {
    int first, end;
};

static struct reach reach_of(int in, int out, int stride, int pad, int offset) {
    struct reach reach = {0, out};
    while (reach.first < out && reach.first * stride - pad + offset < 0) reach.first++;
    while (reach.end > reach.first && (reach.end - 1) * stride - pad + offset >= in) reach.end--;
    return reach;
}

/* Kernel row `row` starts at this offset from the start of the window. */
struct kernel_row {
    struct reach y, x;
    ptrdiff_t offset;
};

static struct kernel_row kernel_row(const struct conv2d *s, size_t row) {
    size_t in = (size_t)s->in_channels, width = (size_t)s->kernel_width;
    int k_x = (int)(row / in % width) * s->dilation_x;
    int k_y = (int)(row / in / width) * s->dilation_y;
    return (struct kernel_row){
        .y = reach_of(s->in_height, s->out_height, s->stride_y, s->pad_top, k_y),
        .x = reach_of(s->in_width, s->out_width, s->stride_x, s->pad_left, k_x),
        .offset = ((ptrdiff_t)k_y * s->in_width + k_x) * s->in_channels + (ptrdiff_t)(row % in),
    };
}

static bool same_reach(const struct kernel_row *a, const struct kernel_row *b) {
    return a->y.first == b->y.first && a->y.end == b->y.end && a->x.first == b->x.first &&
           a->x.end == b->x.end;
}

/* Rows [begin, begin + count), which sum over the same pixels as `first`.  table: their offsets, or
 * NULL when each is one more than the last. */
static void add_rows(const struct addition *a, size_t begin, size_t count,
                     const struct kernel_row *first, const ptrdiff_t *table) {
    const struct gradient *g = a->g;
    const struct conv2d *s = g->b->shape;
    ptrdiff_t in = s->in_channels, out = s->out_channels, out_row = s->out_width * out;
    size_t column = a->panel * g->width, rest = (size_t)out - column;
    ptrdiff_t in_image = (ptrdiff_t)s->in_height * s->in_width * in;
    ptrdiff_t out_image = s->out_height * out_row;
    ptrdiff_t in_y = (ptrdiff_t)first->y.first * s->stride_y - s->pad_top;
    ptrdiff_t in_x = (ptrdiff_t)first->x.first * s->stride_x - s->pad_left;
    g->kernels->strip(&(struct strip){
        .rows = count,
        .columns = rest < g->width ? rest : g->width,
        .outer = a->images,
        .middle = first->y.end - first->y.first,
        .inner = first->x.end - first->x.first,
        .a = g->b->x + a->image * in_image + (in_y * s->in_width + in_x) * in +
             (table ? 0 : first->offset),
        .a_row = 1,
        .a_table = table,
        .a_outer = in_image,
        .a_middle = (ptrdiff_t)s->stride_y * s->in_width * in,
        .a_inner = s->stride_x * in,
        .b = g->b->dy + a->image * out_image + first->y.first * out_row + first->x.first * out +
             (ptrdiff_t)column,
        .b_outer = out_image,
        .b_middle = out_row,
        .b_inner = out,
        .c = g->b->dkernel + begin * (size_t)out + column,
        .c_row = out,
        .accumulate = a->image > 0,
    });
}

static size_t least_of(size_t a, size_t b) {
    return a < b ? a : b;
}

/* How many rows from `begin` on can be computed together: adjacent ones or, where these are few, up
 * to TABLE_ROWS whose offsets go into a table.  Advances tap by tap. */
static size_t rows_alike(const struct gradient *g, size_t begin, size_t end,
                         const struct kernel_row *first, ptrdiff_t table[TABLE_ROWS],
                         bool *side_by_side) {
    size_t in = (size_t)g->b->shape->in_channels, count = 0, more = in - begin % in;
    struct kernel_row next = *first;
    *side_by_side = true;
    for (;;) {
        more = least_of(more, end - begin - count);
        if (!*side_by_side) more = least_of(more, TABLE_ROWS - count);
        for (size_t i = 0; i < more && count + i < TABLE_ROWS; i++)
            table[count + i] = next.offset + (ptrdiff_t)i;
        count += more;
        if (begin + count == end || (!*side_by_side && count == TABLE_ROWS)) return count;
        next = kernel_row(g->b->shape, begin + count);
        more = in;
        if (!same_reach(first, &next)) return count;
        if (next.offset == first->offset + (ptrdiff_t)count && *side_by_side) continue;
        if (*side_by_side && count >= g->kernels->strip_rows) return count;
        *side_by_side = false;
    }
}

static void add_images(const struct addition *a, size_t begin, size_t end) {
    while (begin < end) {
        struct kernel_row first = kernel_row(a->g->b->shape, begin);
        ptrdiff_t table[TABLE_ROWS];
        bool side_by_side;
        size_t count = rows_alike(a->g, begin, end, &first, table, &side_by_side);
        add_rows(a, begin, count, &first, side_by_side ? NULL : table);
        begin += count;
    }
}

/* The rows of all panels, one panel after another, in equal shares. */
static void gradient_part(void *context, int part, int parts) {
    const struct gradient *g = context;
    size_t begin, end;
    pool_share(g->panels * g->rows, 1, part, parts, &begin, &end);
    for (int image = 0; image < g->b->n; image += g->images) {
        struct addition a = {.g = g, .image = image};
        a.images = g->b->n - image < g->images ? g->b->n - image : g->images;
        for (size_t at = begin; at < end;) {
            size_t row = at % g->rows;
            size_t count = g->rows - row < end - at ? g->rows - row : end - at;
            a.panel = at / g->rows;
            add_images(&a, row, row + count);
            at += count;
        }
    }
}

void conv2d_backward_kernel(struct pool *pool, const struct conv2d_backward *b) {
    const struct conv2d *s = b->shape;
    if (conv2d_sparse_kernel_suits(s, b->n, b->dy)) {
        conv2d_sparse_backward_kernel(pool, b);
        return;
    }
    const struct kernels *kernels = kernels_chosen();
    size_t pixels = (size_t)s->out_height * (size_t)s->out_width, out = (size_t)s->out_channels;
    size_t image =
        (size_t)s->in_height * (size_t)s->in_width * (size_t)s->in_channels + pixels * out;
    struct gradient g = {
        .b = b,
        .kernels = kernels,
        .rows = (size_t)s->kernel_height * (size_t)s->kernel_width * (size_t)s->in_channels,
        .width = kernels->strip_columns,
        .images = image < CACHE_FLOATS ? (int)(CACHE_FLOATS / (image ? image : 1)) : 1,
    };
    int parts = pool_parts(pool, (size_t)b->n * pixels * g.rows * out, MIN_PRODUCTS);
    /* With few rows, give each thread its own columns, or all would read all of dy. */
    bool is_flat = g.rows < 2 * kernels->strip_rows;
    if (parts > 1 && is_flat && (out + g.width - 1) / g.width < (size_t)parts)
        g.width = (size_t)kernels->lanes;
    g.panels = size_round_up(out, g.width) / g.width;
    if (b->n == 0)
        for (size_t i = 0; i < g.rows * out; i++) b->dkernel[i] = 0;
    pool_run(pool, parts, gradient_part, &g);
}
