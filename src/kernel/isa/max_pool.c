#include "kernel/isa/quantizer.h"

/* The cells of a window that lie inside the image: rows [top, bottom), columns [left, right). */
struct window {
    int top, bottom, left, right;
};

static int at_least(int a, int b) {
    return a > b ? a : b;
}

static int at_most(int a, int b) {
    return a < b ? a : b;
}

static struct window window_at(const struct pooling *s, int y, int x) {
    int first_y = y * s->stride_y - s->pad_top, first_x = x * s->stride_x - s->pad_left;
    return (struct window){
        .top = at_least(0, -first_y),
        .bottom = at_most(s->window_height, s->in_height - first_y),
        .left = at_least(0, -first_x),
        .right = at_most(s->window_width, s->in_width - first_x),
    };
}

/* Input cell 0 of the window of output (y, x); may lie outside, but is only used inside. */
static ptrdiff_t window_origin(const struct pooling *s, int y, int x) {
    return ((ptrdiff_t)(y * s->stride_y - s->pad_top) * s->in_width + x * s->stride_x -
            s->pad_left) *
           s->channels;
}

/* Never writes beyond `count`. */
ALWAYS_INLINE void store_bytes_count(unsigned char *p, vfloat v, size_t count) {
    if (count >= V_LANES) {
        v_store_bytes(p, v);
        return;
    }
    unsigned char bytes[V_LANES];
    v_store_bytes(bytes, v);
    for (size_t i = 0; i < count; i++) p[i] = bytes[i];
}

ALWAYS_INLINE vfloat load_bytes_count(const unsigned char *p, size_t count) {
    if (count >= V_LANES) return v_load_bytes(p);
    unsigned char bytes[V_LANES] = {0};
    for (size_t i = 0; i < count; i++) bytes[i] = p[i];
    return v_load_bytes(bytes);
}

struct pooled {
    vfloat best, where;
};

/* The largest of the window's cells, one vector of channels. */
ALWAYS_INLINE struct pooled pool_window(const struct pooling *s, const float *x,
                                        struct window window, const struct quantizer *q,
                                        size_t count) {
    struct pooled p = {v_set(0), v_set(0)};
    bool any = false;
    UNROLL_IF_CONSTANT
    for (int i = window.top; i < window.bottom; i++) {
        UNROLL_IF_CONSTANT
        for (int j = window.left; j < window.right; j++) {
            vfloat v = load_count(x + ((ptrdiff_t)i * s->in_width + j) * s->channels, count);
            vfloat cell = v_set((float)(i * s->window_width + j));
            if (q) v = quantize(q, v);
            vmask larger = m_or(v_less(p.best, v), v_unordered(v, v));
            p.best = any ? v_select(larger, v, p.best) : v;
            p.where = any ? v_select(larger, cell, p.where) : cell;
            any = true;
        }
    }
    return p;
}

/* Two rows of two cells, quantized: the largest cell decides, and `where` is the first that rounds
 * to the same integer.  False where rounding or a NaN requires the exact computation. */
ALWAYS_INLINE bool pool_quantized(const struct pooling *s, const float *x,
                                  const struct quantizer *q, size_t count, struct pooled *p) {
    const float *row = x + (ptrdiff_t)s->in_width * s->channels;
    const float *cells[4] = {x, x + s->channels, row, row + s->channels};
    vfloat v[4], above[4];
    UNROLL
    for (int i = 0; i < 4; i++) v[i] = v_max(q->low, load_count(cells[i], count));
    vfloat largest = v_max(v_max(v[0], v[1]), v_max(v[2], v[3]));
    vmask sure;
    vfloat whole = quantizer_integer(q, v_min(q->high, largest), &sure);
    vfloat step = whole - v_set(0.5f), nearest = v_set(1);
    UNROLL
    for (int i = 0; i < 4; i++) {
        above[i] = v[i] * q->inverse + q->offset - step;
        nearest = v_min(v_abs(above[i]), nearest);
    }
    sure = m_and(sure, v_less(q->margin, nearest));
    vmask none = m_or(v_unordered(v[0], v[1]), v_unordered(v[2], v[3]));
    if (!m_all(sure) || m_any(none)) return false;
    vfloat where = v_select(v_less(above[2], v_set(0)), v_set(3), v_set(2));
    where = v_select(v_less(above[1], v_set(0)), where, v_set(1));
    p->where = v_select(v_less(above[0], v_set(0)), where, v_set(0));
    p->best = whole * q->scale;
    return true;
}

static __attribute__((noinline)) struct pooled
pool_closely(const struct pooling *s, const float *x, const struct quantizer *q, size_t count) {
    return pool_window(s, x, (struct window){0, 2, 0, 2}, q, count);
}

static void pool_two_by_two(const struct pooling *s, const float *x, const struct quantizer *q,
                            float *y, unsigned char *where) {
    size_t channels = (size_t)s->channels;
    for (size_t c = 0; c < channels; c += V_LANES) {
        struct pooled p;
        size_t count = channels - c;
        if (q->is_zero || q->divide || !pool_quantized(s, x + c, q, count, &p))
            p = pool_closely(s, x + c, q, count);
        store_count(y + c, p.best, count);
        if (where) store_bytes_count(where + c, p.where, count);
    }
}

ALWAYS_INLINE void pool_pixel(const struct pooling *s, const float *x, struct window window,
                              const struct quantizer *q, float *y, unsigned char *where) {
    size_t channels = (size_t)s->channels;
    for (size_t c = 0; c < channels; c += V_LANES) {
        struct pooled p = pool_window(s, x + c, window, q, channels - c);
        store_count(y + c, p.best, channels - c);
        if (where) store_bytes_count(where + c, p.where, channels - c);
    }
}

static bool is_two_by_two(const struct pooling *s, struct window w) {
    return s->window_width == 2 && w.top == 0 && w.left == 0 && w.bottom == 2 && w.right == 2;
}

void ISA(max_pool_forward)(const struct max_pool_forward *forward, size_t begin, size_t end) {
    const struct max_pool_forward f = *forward;
    const struct pooling s = *f.shape;
    struct quantizer q;
    if (f.fake_quant) q = quantizer_of(f.fake_quant);
    size_t image = (size_t)s.in_height * (size_t)s.in_width * (size_t)s.channels;
    size_t row_size = (size_t)s.out_width * (size_t)s.channels;
    for (size_t row = begin; row < end; row++) {
        const float *in = f.x + row / (size_t)s.out_height * image;
        int i = (int)(row % (size_t)s.out_height);
        for (int j = 0; j < s.out_width; j++) {
            const struct window w = window_at(&s, i, j), two = {0, 2, 0, 2};
            size_t at = row * row_size + (size_t)j * (size_t)s.channels;
            const float *cells = in + window_origin(&s, i, j);
            unsigned char *cell = f.where ? f.where + at : NULL;
            if (f.fake_quant && is_two_by_two(&s, w))
                pool_two_by_two(&s, cells, &q, f.y + at, cell);
            else if (f.fake_quant)
                pool_pixel(&s, cells, w, &q, f.y + at, cell);
            else if (is_two_by_two(&s, w))
                pool_pixel(&s, cells, two, NULL, f.y + at, cell);
            else
                pool_pixel(&s, cells, w, NULL, f.y + at, cell);
        }
    }
}

struct gradient {
    const float *x; /* the image before fake quantization; NULL: plain pooling */
    const struct quantizer *q;
    bool relu;
};

/* The values at index `cell` of a window. */
ALWAYS_INLINE vfloat chosen(const struct pooling *s, struct window window, const float *x,
                            vfloat cell, size_t count) {
    vfloat v = v_set(0);
    UNROLL_IF_CONSTANT
    for (int i = window.top; i < window.bottom; i++) {
        UNROLL_IF_CONSTANT
        for (int j = window.left; j < window.right; j++) {
            vmask here = v_equal(cell, v_set((float)(i * s->window_width + j)));
            v = v_select(here,
                         load_count(x + ((ptrdiff_t)i * s->in_width + j) * s->channels, count), v);
        }
    }
    return v;
}

/* Windows that do not overlap: each cell is written once.  0 + dy, because -0 becomes 0 there. */
ALWAYS_INLINE void scatter(const struct pooling *s, struct window window, ptrdiff_t origin,
                           const struct gradient *g, const float *dy, const unsigned char *where,
                           float *dx) {
    size_t channels = (size_t)s->channels;
    const vfloat none = v_set(0);
    for (size_t c = 0; c < channels; c += V_LANES) {
        size_t count = channels - c;
        vfloat d = none + load_count(dy + c, count), cell = load_bytes_count(where + c, count);
        if (g->x)
            d = quantizer_gradient(g->q, chosen(s, window, g->x + origin + c, cell, count), g->relu,
                                   d);
        UNROLL_IF_CONSTANT
        for (int i = window.top; i < window.bottom; i++) {
            UNROLL_IF_CONSTANT
            for (int j = window.left; j < window.right; j++) {
                ptrdiff_t at =
                    origin + ((ptrdiff_t)i * s->in_width + j) * s->channels + (ptrdiff_t)c;
                vmask here = v_equal(cell, v_set((float)(i * s->window_width + j)));
                store_count(dx + at, v_select(here, d, none), count);
            }
        }
    }
}

static void scatter_add(const struct pooling *s, ptrdiff_t origin, const float *dy,
                        const unsigned char *where, float *dx) {
    for (int c = 0; c < s->channels; c++) {
        int i = where[c] / s->window_width, j = where[c] % s->window_width;
        dx[origin + ((ptrdiff_t)i * s->in_width + j) * s->channels + c] += dy[c];
    }
}

/* Whether every cell of the image lies in some window. */
static bool windows_cover(const struct pooling *s) {
    return s->stride_y <= s->window_height && s->stride_x <= s->window_width &&
           s->out_height * s->stride_y >= s->in_height + s->pad_top &&
           s->out_width * s->stride_x >= s->in_width + s->pad_left;
}

void ISA(max_pool_backward)(const struct max_pool_backward *backward, size_t begin, size_t end) {
    const struct max_pool_backward b = *backward;
    const struct pooling s = *b.shape;
    struct quantizer q;
    if (b.fake_quant) q = quantizer_of(b.fake_quant);
    bool overlap = s.stride_y < s.window_height || s.stride_x < s.window_width;
    bool clear = overlap || !windows_cover(&s);
    size_t channels = (size_t)s.channels;
    size_t inputs = (size_t)s.in_height * (size_t)s.in_width * channels;
    size_t outputs = (size_t)s.out_height * (size_t)s.out_width * channels;
    for (size_t n = begin; n < end; n++) {
        const struct gradient g = {b.fake_quant ? b.x + n * inputs : NULL, &q, b.relu};
        float *image = b.dx + n * inputs;
        size_t at = n * outputs;
        if (clear) memset(image, 0, inputs * sizeof *image);
        for (int i = 0; i < s.out_height; i++) {
            for (int j = 0; j < s.out_width; j++, at += channels) {
                const struct window w = window_at(&s, i, j), two = {0, 2, 0, 2};
                ptrdiff_t origin = window_origin(&s, i, j);
                if (overlap)
                    scatter_add(&s, origin, b.dy + at, b.where + at, image);
                else if (is_two_by_two(&s, w))
                    scatter(&s, two, origin, &g, b.dy + at, b.where + at, image);
                else
                    scatter(&s, w, origin, &g, b.dy + at, b.where + at, image);
            }
        }
        if (overlap && b.fake_quant)
            ISA(fake_quant_tensor_backward)(inputs, g.x, b.fake_quant, b.relu, image, image);
    }
}
