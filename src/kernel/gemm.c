#include "kernel/internal.h"

#include <string.h>

/* Below this many multiplications a second thread costs more than it saves. */
enum { LEAST_PRODUCTS = 32768 };

enum { EXTREMES_FLOATS = sizeof(struct extremes) / sizeof(float) };

void pack_panel(size_t rows, size_t columns, size_t width, const float *from, size_t row,
                size_t column, float *to) {
    if (column == 1) {
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < width; c++)
                to[r * width + c] = c < columns ? from[r * row + c] : 0;
        return;
    }
    size_t c = 0;
    for (; c + 4 <= columns; c += 4, from += 4 * column) {
        for (size_t r = 0; r < rows; r++) {
            const float *x = from + r * row;
            const float four[4] = {x[0], x[column], x[2 * column], x[3 * column]};
            memcpy(to + r * width + c, four, sizeof four);
        }
    }
    for (; c < width; c++, from += column)
        for (size_t r = 0; r < rows; r++) to[r * width + c] = c < columns ? from[r * row] : 0;
}

size_t gemm_scratch_size(size_t n, size_t k, int threads) {
    return k * round_up(n, MOST_STRIP_COLUMNS) + (size_t)threads * EXTREMES_FLOATS;
}

struct product {
    const struct gemm *g;
    const struct kernels *kernels;
    size_t panels, width;
    bool is_packed;
    struct extremes *extremes;
};

static size_t panel_columns(const struct product *p, size_t panel) {
    size_t rest = p->g->n - panel * p->width;
    return rest < p->width ? rest : p->width;
}

static void pack_part(void *context, int part, int parts) {
    const struct product *p = context;
    const struct gemm *g = p->g;
    size_t begin, end;
    pool_share(p->panels, 1, part, parts, &begin, &end);
    for (size_t panel = begin; panel < end; panel++)
        pack_panel(g->k, panel_columns(p, panel), p->width, g->b + panel * p->width * g->b_column,
                   g->b_row, g->b_column, g->scratch + panel * p->width * g->k);
}

/* Rows [begin, end) of one panel. */
static void multiply(const struct product *p, size_t panel, size_t begin, size_t end,
                     struct extremes *extremes) {
    const struct gemm *g = p->g;
    size_t column = panel * p->width;
    p->kernels->strip(&(struct strip){
        .rows = end - begin,
        .columns = panel_columns(p, panel),
        .outer = 1,
        .middle = 1,
        .inner = (int)g->k,
        .a = g->a + begin * g->a_row,
        .a_row = (ptrdiff_t)g->a_row,
        .a_inner = (ptrdiff_t)g->a_column,
        .b = p->is_packed ? g->scratch + column * g->k : g->b + column,
        .b_inner = (ptrdiff_t)(p->is_packed ? p->width : g->b_row),
        .c = g->c + begin * g->n + column,
        .c_row = (ptrdiff_t)g->n,
        .bias = g->bias ? g->bias + column : NULL,
        .relu = g->relu,
        .extremes = extremes,
    });
}

/* The rows of all panels, one panel after another, in equal shares. */
static void multiply_part(void *context, int part, int parts) {
    const struct product *p = context;
    size_t rows = p->g->m, begin, end;
    struct extremes *extremes = p->g->range ? &p->extremes[part] : NULL;
    if (extremes) extremes_clear(extremes);
    pool_share(p->panels * rows, 1, part, parts, &begin, &end);
    while (begin < end) {
        size_t panel = begin / rows, row = begin % rows;
        size_t count = rows - row < end - begin ? rows - row : end - begin;
        multiply(p, panel, row, row + count, extremes);
        begin += count;
    }
}

void gemm(struct pool *pool, const struct gemm *g) {
    if (g->m == 0 || g->n == 0) return;
    const struct kernels *kernels = kernels_chosen();
    struct product p = {.g = g, .kernels = kernels, .width = kernels->strip_columns};
    p.panels = round_up(g->n, p.width) / p.width;
    p.is_packed = g->b_column != 1;
    p.extremes =
        (struct extremes *)(void *)(g->scratch + g->k * round_up(g->n, MOST_STRIP_COLUMNS));
    if (p.is_packed) pool_run(pool, parts_for(pool, g->k * g->n, 4096), pack_part, &p);
    int parts = parts_for(pool, g->m * g->n * g->k, LEAST_PRODUCTS);
    pool_run(pool, parts, multiply_part, &p);
    if (g->range) extremes_range(p.extremes, parts, g->range);
}
