#include "kernel/isa/level.h"

/* One base pointer for every three rows ([base], [base + step], [base + 2 step]), so that the
 * pointers fit into the general registers. */
enum { BASES = (STRIP_ROWS + 2) / 3 };

ALWAYS_INLINE size_t columns_of(const struct strip *s, int vector) {
    return s->columns - (size_t)vector * V_LANES;
}

/* One vector of columns of every row. */
ALWAYS_INLINE void load_sums(const struct strip *s, const float *c, const int rows, const int j,
                             vfloat sum[STRIP_ROWS][STRIP_VECTORS]) {
    size_t count = columns_of(s, j);
    if (count >= V_LANES) {
        UNROLL
        for (int i = 0; i < rows; i++) sum[i][j] = v_load(c + i * s->c_row + j * V_LANES);
    } else {
        UNROLL
        for (int i = 0; i < rows; i++)
            sum[i][j] = v_load_part(c + i * s->c_row + j * V_LANES, count);
    }
}

ALWAYS_INLINE void start(const struct strip *s, const float *c, const int rows, const int vectors,
                         vfloat sum[STRIP_ROWS][STRIP_VECTORS]) {
    UNROLL
    for (int j = 0; j < vectors; j++) {
        if (s->accumulate) {
            load_sums(s, c, rows, j, sum);
        } else {
            vfloat bias = s->bias ? v_load(s->bias + j * V_LANES) : v_set(0);
            UNROLL
            for (int i = 0; i < rows; i++) sum[i][j] = bias;
        }
    }
}

ALWAYS_INLINE void add_products(const struct strip *s, size_t row, const int rows,
                                const int vectors, const bool table,
                                vfloat sum[STRIP_ROWS][STRIP_VECTORS]) {
    const ptrdiff_t step = s->a_row, a_inner = s->a_inner, b_inner = s->b_inner;
    const ptrdiff_t *offsets = table ? s->a_table + row : NULL;
    const float *a_first = table ? s->a : s->a + (ptrdiff_t)row * step;
    for (int o = 0; o < s->outer; o++) {
        for (int m = 0; m < s->middle; m++) {
            const float *a = a_first + o * s->a_outer + m * s->a_middle;
            const float *b = s->b + o * s->b_outer + m * s->b_middle;
            const float *base[BASES];
            UNROLL
            for (int g = 0; g < BASES; g++) base[g] = a + 3 * g * step;
            for (int k = 0; k < s->inner; k++) {
                vfloat right[STRIP_VECTORS];
                UNROLL
                for (int j = 0; j < vectors; j++) right[j] = v_load(b + j * V_LANES);
                UNROLL
                for (int i = 0; i < rows; i++) {
                    vfloat left = v_set(table ? a[offsets[i]] : base[i / 3][i % 3 * step]);
                    UNROLL
                    for (int j = 0; j < vectors; j++) sum[i][j] = v_fma(left, right[j], sum[i][j]);
                }
                /* rows of a wide matrix lie pages apart, which no hardware prefetcher foresees */
                __builtin_prefetch(b + 8 * b_inner);
                b += b_inner;
                a += a_inner;
                UNROLL
                for (int g = 0; g < BASES; g++) base[g] += a_inner;
            }
        }
    }
}

/* One comparison looks for NaN in two vectors. */
ALWAYS_INLINE void note_column(struct extremes *e, const int rows, const int j,
                               vfloat sum[STRIP_ROWS][STRIP_VECTORS]) {
    vfloat min = v_load(e->min), max = v_load(e->max);
    vmask any = m_none();
    UNROLL
    for (int i = 0; i < rows; i++) {
        min = v_min(sum[i][j], min);
        max = v_max(sum[i][j], max);
        if (i % 2) any = m_or(any, v_unordered(sum[i - 1][j], sum[i][j]));
    }
    if (rows % 2) any = m_or(any, v_unordered(sum[rows - 1][j], sum[rows - 1][j]));
    v_store(e->min, min);
    v_store(e->max, max);
    if (m_any(any)) v_store(e->nan, v_set(NAN));
}

/* Lanes beyond the last column are undefined; the first lane replaces them. */
ALWAYS_INLINE void note_extremes(const struct strip *s, const int rows, const int vectors,
                                 vfloat sum[STRIP_ROWS][STRIP_VECTORS]) {
    const int last = vectors - 1;
    if (columns_of(s, last) < V_LANES) {
        vmask valid = v_less(lane_numbers(), v_set((float)columns_of(s, last)));
        UNROLL
        for (int i = 0; i < rows; i++)
            sum[i][last] = v_select(valid, sum[i][last], v_set(sum[i][last][0]));
    }
    note_column(s->extremes, rows, 0, sum);
    if (vectors > 1) note_column(s->extremes, rows, 1, sum);
}

ALWAYS_INLINE void finish(const struct strip *s, float *c, const int rows, const int vectors,
                          vfloat sum[STRIP_ROWS][STRIP_VECTORS]) {
    if (s->relu) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int j = 0; j < vectors; j++) sum[i][j] = v_max(v_set(0), sum[i][j]);
        }
    }
    if (s->extremes) note_extremes(s, rows, vectors, sum);
    UNROLL
    for (int j = 0; j < vectors; j++) {
        float *to = c + j * V_LANES;
        size_t count = columns_of(s, j);
        if (count >= V_LANES) {
            UNROLL
            for (int i = 0; i < rows; i++) v_store(to + i * s->c_row, sum[i][j]);
        } else {
            UNROLL
            for (int i = 0; i < rows; i++) v_store_part(to + i * s->c_row, sum[i][j], count);
        }
    }
}

ALWAYS_INLINE void block(const struct strip *s, size_t row, const int rows, const int vectors,
                         const bool table) {
    vfloat sum[STRIP_ROWS][STRIP_VECTORS];
    float *c = s->c + (ptrdiff_t)row * s->c_row;
    start(s, c, rows, vectors, sum);
    add_products(s, row, rows, vectors, table, sum);
    finish(s, c, rows, vectors, sum);
}

/* One function for each number of rows, vectors, and way of finding rows. */
#define BLOCK(rows)                                                                                \
    static void block_##rows##_1(const struct strip *s, size_t row) {                              \
        block(s, row, rows, 1, false);                                                             \
    }                                                                                              \
    static void block_##rows##_2(const struct strip *s, size_t row) {                              \
        block(s, row, rows, 2, false);                                                             \
    }                                                                                              \
    static void table_block_##rows##_1(const struct strip *s, size_t row) {                        \
        block(s, row, rows, 1, true);                                                              \
    }                                                                                              \
    static void table_block_##rows##_2(const struct strip *s, size_t row) {                        \
        block(s, row, rows, 2, true);                                                              \
    }
#define ENTRY(rows)                                                                                \
    {                                                                                              \
        {block_##rows##_1, block_##rows##_2}, {                                                    \
            table_block_##rows##_1, table_block_##rows##_2                                         \
        }                                                                                          \
    }

#if STRIP_ROWS == 14
#define EACH(X, separator)                                                                         \
    X(1)                                                                                           \
    separator X(2) separator X(3) separator X(4) separator X(5) separator X(6) separator X(7)      \
        separator X(8) separator X(9) separator X(10) separator X(11) separator X(12)              \
            separator X(13) separator X(14)
#else
#define EACH(X, separator)                                                                         \
    X(1) separator X(2) separator X(3) separator X(4) separator X(5) separator X(6)
#endif
#define NOTHING
#define COMMA ,

EACH(BLOCK, NOTHING)

typedef void block_function(const struct strip *s, size_t row);
static block_function *const blocks[STRIP_ROWS][2][STRIP_VECTORS] = {EACH(ENTRY, COMMA)};

/* Blocks of nearly equal height: 26 rows are 13 + 13, not 14 + 12. */
void ISA(strip)(const struct strip *s) {
    size_t count = (s->rows + STRIP_ROWS - 1) / STRIP_ROWS;
    size_t each = count ? s->rows / count : 0, more = count ? s->rows % count : 0;
    size_t vector = (s->columns - 1) / V_LANES;
    for (size_t i = 0, row = 0; i < count; i++) {
        size_t height = each + (i < more);
        blocks[height - 1][s->a_table != NULL][vector](s, row);
        row += height;
    }
}
