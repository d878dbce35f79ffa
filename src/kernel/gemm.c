#include "base/array.h"
#include "kernel/list.h"
#include "kernel/panel.h"

/* Below this many multiplications a second thread costs more than it saves. */
enum { MIN_PRODUCTS = 32768 };

enum { EXTREMES_FLOATS = sizeof(struct extremes) / sizeof(float) };

size_t gemm_scratch_size(size_t n, size_t k, int threads) {
    return k * size_round_up(n, MAX_STRIP_COLUMNS) + (size_t)threads * EXTREMES_FLOATS;
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
        panel_pack(g->k, panel_columns(p, panel), p->width, g->b + panel * p->width * g->b_column,
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
    p.panels = size_round_up(g->n, p.width) / p.width;
    p.is_packed = g->b_column != 1;
    p.extremes =
        (struct extremes *)(void *)(g->scratch + g->k * size_round_up(g->n, MAX_STRIP_COLUMNS));
    if (p.is_packed) pool_run(pool, pool_parts(pool, g->k * g->n, 4096), pack_part, &p);
    int parts = pool_parts(pool, g->m * g->n * g->k, MIN_PRODUCTS);
    pool_run(pool, parts, multiply_part, &p);
    if (g->range) extremes_range(p.extremes, parts, g->range);
}
