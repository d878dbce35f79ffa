#include "kernel/conv2d_sparse.h"

#include <string.h>

#include "base/array.h"
#include "kernel/list.h"

/* Below a 2x2 max pooling three of four gradients are 0, and dropout and ReLU zero even more.  A
 * product with 0 changes no sum, so only the nonzero values are collected (`terms`), and each is
 * added to all the sums it takes part in, in the same order as in the dense kernels. */

enum {
    MIN_ELEMENTS = 1024, /* in one image of dy: below this, the lists do not pay */
    MIN_PRODUCTS = 32768,
    ZEROS_FOR_ONE = 1, /* zeros per nonzero value */
    MIN_WIDTH = 32,    /* sums that a value takes part in */
};

static size_t image_size(int height, int width, int channels) {
    return (size_t)height * (size_t)width * (size_t)channels;
}

static size_t dy_image(const struct conv2d *s) {
    return image_size(s->out_height, s->out_width, s->out_channels);
}

static bool input_fits(const struct conv2d *s) {
    int window = s->kernel_width;
    return (window == 3 || window == SPARSE_WINDOW) && s->stride_y == 1 && s->stride_x == 1 &&
           s->dilation_y == 1 && s->dilation_x == 1 && s->pad_left < window &&
           s->in_width + s->pad_left <= s->out_width + window - 1 &&
           window * s->in_channels >= MIN_WIDTH && dy_image(s) >= MIN_ELEMENTS;
}

static bool kernel_fits(const struct conv2d *s) {
    return s->dilation_x == 1 && s->kernel_width * s->in_channels >= MIN_WIDTH &&
           dy_image(s) >= MIN_ELEMENTS;
}

/* Judged by the first image. */
static bool is_mostly_zero(const struct conv2d *s, int n, const float *dy) {
    size_t count = n > 0 ? dy_image(s) : 0, others = 0;
    for (size_t i = 0; i < count; i++) others += dy[i] != 0;
    return others * (1 + ZEROS_FOR_ONE) < count;
}

bool conv2d_sparse_input_suits(const struct conv2d *s, int n, const float *dy) {
    return input_fits(s) && is_mostly_zero(s, n, dy);
}

bool conv2d_sparse_kernel_suits(const struct conv2d *s, int n, const float *dy) {
    return kernel_fits(s) && is_mostly_zero(s, n, dy);
}

/* ---- with respect to the input ---- */

/* One thread's memory, as offsets in floats. */
struct input_memory {
    size_t value, at, start, sums, size;
};

/* One's share of a pixel in each source row: `width` channels of the panel for each tap. */
struct input_pass {
    const struct kernels *kernels;
    const struct conv2d *shape;
    const struct conv2d_backward *b;
    float *packed, *memory;
    size_t panels, width;
    struct input_memory places;
};

static size_t input_packed_size(const struct conv2d *s, size_t panels, size_t width) {
    return panels * width * image_size(s->kernel_height, s->kernel_width, s->out_channels);
}

static struct input_memory input_memory(const struct conv2d *s, size_t width) {
    size_t terms = size_round_up(dy_image(s), MAX_LANES);
    struct input_memory m = {.at = terms, .start = 2 * terms};
    m.sums = m.start + size_round_up(image_size(s->out_height, s->out_width, 1) + 1, MAX_LANES);
    m.size = m.sums + image_size(s->in_height, s->out_width + s->kernel_width - 1, (int)width);
    return m;
}

/* Channels of a panel: whole vectors, as many as there are registers for their sums. */
static size_t panel_width(const struct conv2d *s, size_t lanes) {
    size_t most = s->kernel_width == SPARSE_WINDOW ? 2 : SPARSE_VECTORS, vectors = 1;
    while (vectors < most && vectors * lanes < (size_t)s->in_channels) vectors *= 2;
    return vectors * lanes;
}

/* Row k_y of the kernel's panel: [out_c][k_x][width]. */
static float *packed_row(const struct input_pass *p, size_t panel, size_t k_y) {
    size_t size = (size_t)p->shape->out_channels * (size_t)p->shape->kernel_width * p->width;
    return p->packed + (panel * (size_t)p->shape->kernel_height + k_y) * size;
}

static void pack_part(void *context, int part, int parts) {
    const struct input_pass *p = context;
    const struct conv2d *s = p->shape;
    size_t in = (size_t)s->in_channels, out = (size_t)s->out_channels, begin, end;
    size_t window = (size_t)s->kernel_width, rows = (size_t)s->kernel_height;
    pool_share(out, 1, part, parts, &begin, &end);
    for (size_t panel = 0; panel < p->panels; panel++) {
        size_t first = panel * p->width, columns = in - first < p->width ? in - first : p->width;
        for (size_t tap = 0; tap < rows * window; tap++) {
            const float *from = p->b->kernel + (tap * in + first) * out;
            for (size_t o = begin; o < end; o++) {
                float *to =
                    packed_row(p, panel, tap / window) + (o * window + tap % window) * p->width;
                for (size_t c = 0; c < columns; c++) to[c] = from[c * out + o];
                for (size_t c = columns; c < p->width; c++) to[c] = 0;
            }
        }
    }
}

static void collect_image(const struct input_pass *p, const float *dy, struct nonzeros terms,
                          int *start) {
    const struct conv2d *s = p->shape;
    size_t pixels = image_size(s->out_height, s->out_width, 1), out = (size_t)s->out_channels;
    const float *first = terms.value;
    for (size_t i = 0; i < pixels; i++) {
        start[i] = (int)(terms.value - first);
        p->kernels->terms_collect(out, dy + i * out, &terms);
    }
    start[pixels] = (int)(terms.value - first);
}

/* The channels of one panel.  A row of the kernel stays in the first-level cache for the whole
 * image. */
static void input_image(const struct input_pass *p, size_t panel, struct nonzeros terms,
                        const int *start, float *sums, float *dx) {
    const struct conv2d *s = p->shape;
    size_t in = (size_t)s->in_channels, first = panel * p->width;
    size_t columns = in - first < p->width ? in - first : p->width;
    size_t row = (size_t)(s->out_width + s->kernel_width - 1) * p->width;
    memset(sums, 0, (size_t)s->in_height * row * sizeof *sums);
    for (int k_y = 0; k_y < s->kernel_height; k_y++) {
        for (int from = 0; from < s->out_height; from++) {
            int y = from - s->pad_top + k_y;
            if (y < 0 || y >= s->in_height) continue;
            p->kernels->sparse_row(&(struct sparse_row){
                .window = s->kernel_width,
                .pixels = s->out_width,
                .width = p->width,
                .terms = terms,
                .start = start + from * s->out_width,
                .b = packed_row(p, panel, (size_t)k_y),
                .sums = sums + (size_t)y * row,
            });
        }
    }
    for (int y = 0; y < s->in_height; y++) {
        const float *from = sums + (size_t)y * row + (size_t)s->pad_left * p->width;
        for (int x = 0; x < s->in_width; x++, from += p->width, dx += in)
            memcpy(dx + first, from, columns * sizeof *dx);
    }
}

static void input_part(void *context, int part, int parts) {
    const struct input_pass *p = context;
    const struct conv2d *s = p->shape;
    size_t begin, end, size = image_size(s->in_height, s->in_width, s->in_channels);
    float *memory = p->memory + (size_t)part * p->places.size;
    struct nonzeros terms = {memory + p->places.value, (int *)(void *)(memory + p->places.at)};
    int *start = (int *)(void *)(memory + p->places.start);
    pool_share((size_t)p->b->n, 1, part, parts, &begin, &end);
    for (size_t image = begin; image < end; image++) {
        float *dx = p->b->dx + image * size;
        collect_image(p, p->b->dy + image * dy_image(s), terms, start);
        for (size_t panel = 0; panel < p->panels; panel++)
            input_image(p, panel, terms, start, memory + p->places.sums, dx);
    }
}

void conv2d_sparse_backward_input(struct pool *pool, const struct conv2d_backward *b) {
    const struct conv2d *s = b->shape;
    struct input_pass p = {.kernels = kernels_chosen(), .shape = s, .b = b, .packed = b->scratch};
    p.width = panel_width(s, (size_t)p.kernels->lanes);
    p.panels = ((size_t)s->in_channels + p.width - 1) / p.width;
    p.places = input_memory(s, p.width);
    size_t packed = input_packed_size(s, p.panels, p.width);
    p.memory = b->scratch + size_round_up(packed, MAX_LANES);
    pool_run(pool, pool_parts(pool, packed, 8192), pack_part, &p);
    size_t products = (size_t)b->n * dy_image(s) * (size_t)s->in_channels;
    pool_run(pool, pool_parts(pool, products, MIN_PRODUCTS), input_part, &p);
}

static size_t input_scratch(const struct conv2d *s, int threads) {
    if (!input_fits(s)) return 0;
    size_t most = SPARSE_VECTORS * MAX_LANES;
    size_t packed = input_packed_size(s, 1, size_round_up((size_t)s->in_channels, most));
    return size_round_up(packed, MAX_LANES) + (size_t)threads * input_memory(s, most).size;
}

/* ---- with respect to the kernel ---- */

struct kernel_memory {
    size_t value, at, image, size; /* of one thread: the terms of a pixel, x with its padding */
};

/* For each output channel: the sums [k_y][width], and the terms of one image, whose places are
 * where the window begins in x. */
struct kernel_pass {
    const struct kernels *kernels;
    const struct conv2d *shape;
    const struct conv2d_backward *b;
    float *sums, *memory;
    struct nonzeros lists;
    int *counts;
    size_t width, pixels;
    int rows, columns; /* of x with its padding */
    struct kernel_memory places;
};

static bool is_padded(const struct conv2d *s, int rows, int columns) {
    return s->pad_top || s->pad_left || rows > s->in_height || columns > s->in_width;
}

/* How far the windows reach. */
static int reached(int out, int stride, int window, int dilation) {
    return (out - 1) * stride + (window - 1) * dilation + 1;
}

static void measure(struct kernel_pass *p) {
    const struct conv2d *s = p->shape;
    p->rows = reached(s->out_height, s->stride_y, s->kernel_height, s->dilation_y);
    p->columns = reached(s->out_width, s->stride_x, s->kernel_width, 1);
    p->pixels = image_size(s->out_height, s->out_width, 1);
    size_t terms = size_round_up((size_t)s->out_channels, MAX_LANES);
    p->places = (struct kernel_memory){.at = terms, .image = 2 * terms};
    p->places.size = p->places.image;
    if (is_padded(s, p->rows, p->columns))
        p->places.size +=
            size_round_up(image_size(p->rows, p->columns, s->in_channels) + MAX_LANES, MAX_LANES);
}

/* An image of x with its padding, or x itself where windows stay inside it. */
static const float *padded_image(const struct kernel_pass *p, const float *x, float *to) {
    const struct conv2d *s = p->shape;
    if (!is_padded(s, p->rows, p->columns)) return x;
    size_t in = (size_t)s->in_channels;
    for (int y = 0; y < p->rows; y++) {
        int from_y = y - s->pad_top;
        for (int column = 0; column < p->columns; column++, to += in) {
            int from_x = column - s->pad_left;
            bool inside =
                from_y >= 0 && from_y < s->in_height && from_x >= 0 && from_x < s->in_width;
            if (inside)
                memcpy(to, x + ((size_t)from_y * (size_t)s->in_width + (size_t)from_x) * in,
                       in * sizeof *to);
            else
                memset(to, 0, in * sizeof *to);
        }
    }
    return to - image_size(p->rows, p->columns, s->in_channels);
}

/* The terms of an image by output channel. */
static void collect_channels(const struct kernel_pass *p, size_t begin, size_t end, size_t row,
                             const float *dy, struct nonzeros found) {
    const struct conv2d *s = p->shape;
    size_t out = (size_t)s->out_channels, pixel = 0;
    memset(p->counts + begin, 0, (end - begin) * sizeof *p->counts);
    for (int y = 0; y < s->out_height; y++) {
        for (int x = 0; x < s->out_width; x++, pixel++) {
            struct nonzeros next = found;
            p->kernels->terms_collect(end - begin, dy + pixel * out + begin, &next);
            int place = y * s->stride_y * (int)row + x * s->stride_x * s->in_channels;
            for (ptrdiff_t i = 0; i < next.value - found.value; i++) {
                size_t channel = begin + (size_t)found.at[i];
                size_t to = channel * p->pixels + (size_t)p->counts[channel]++;
                p->lists.value[to] = found.value[i];
                p->lists.at[to] = place;
            }
        }
    }
}

static void add_image(const struct kernel_pass *p, size_t begin, size_t end, size_t row,
                      const float *x) {
    const struct conv2d *s = p->shape;
    for (size_t o = begin; o < end; o++) {
        struct sparse_sums sums = {
            .count = p->counts[o],
            .terms = {p->lists.value + o * p->pixels, p->lists.at + o * p->pixels},
            .width = p->width,
        };
        for (int k_y = 0; k_y < s->kernel_height; k_y++) {
            sums.a = x + (size_t)(k_y * s->dilation_y) * row;
            sums.sums = p->sums + (o * (size_t)s->kernel_height + (size_t)k_y) * p->width;
            p->kernels->sparse_sums(&sums);
        }
    }
}

/* [out_c][k_y][k_x][in_c] to [k_y][k_x][in_c][out_c]. */
static void give_sums(const struct kernel_pass *p, size_t begin, size_t end) {
    const struct conv2d *s = p->shape;
    size_t out = (size_t)s->out_channels, rows = (size_t)s->kernel_height;
    size_t used = (size_t)s->kernel_width * (size_t)s->in_channels;
    for (size_t k_y = 0; k_y < rows; k_y++)
        for (size_t i = 0; i < used; i++)
            for (size_t o = begin; o < end; o++)
                p->b->dkernel[(k_y * used + i) * out + o] =
                    p->sums[(o * rows + k_y) * p->width + i];
}

/* Output channels are divided among the threads: a sum has one order. */
static void kernel_part(void *context, int part, int parts) {
    const struct kernel_pass *p = context;
    const struct conv2d *s = p->shape;
    size_t begin, end, rows = (size_t)s->kernel_height;
    size_t image = image_size(s->in_height, s->in_width, s->in_channels);
    float *memory = p->memory + (size_t)part * p->places.size;
    struct nonzeros found = {memory + p->places.value, (int *)(void *)(memory + p->places.at)};
    bool padded = is_padded(s, p->rows, p->columns);
    size_t row = (size_t)(padded ? p->columns : s->in_width) * (size_t)s->in_channels;
    pool_share((size_t)s->out_channels, MAX_LANES, part, parts, &begin, &end);
    memset(p->sums + begin * rows * p->width, 0, (end - begin) * rows * p->width * sizeof *p->sums);
    for (size_t i = 0; i < (size_t)p->b->n; i++) {
        const float *x = padded_image(p, p->b->x + i * image, memory + p->places.image);
        collect_channels(p, begin, end, row, p->b->dy + i * dy_image(s), found);
        add_image(p, begin, end, row, x);
    }
    give_sums(p, begin, end);
}

/* [sums][values][places][counts][memory of each thread] */
static size_t kernel_places(struct kernel_pass *p, float *scratch) {
    const struct conv2d *s = p->shape;
    size_t out = (size_t)s->out_channels;
    size_t sums = size_round_up(out * (size_t)s->kernel_height * p->width, MAX_LANES);
    size_t terms = size_round_up(out * p->pixels, MAX_LANES),
           counts = size_round_up(out, MAX_LANES);
    if (scratch) {
        p->sums = scratch;
        p->lists.value = scratch + sums;
        p->lists.at = (int *)(void *)(scratch + sums + terms);
        p->counts = (int *)(void *)(scratch + sums + 2 * terms);
        p->memory = scratch + sums + 2 * terms + counts;
    }
    return sums + 2 * terms + counts;
}

static size_t sums_width(const struct conv2d *s, size_t lanes) {
    return size_round_up((size_t)s->kernel_width * (size_t)s->in_channels, lanes);
}

void conv2d_sparse_backward_kernel(struct pool *pool, const struct conv2d_backward *b) {
    const struct conv2d *s = b->shape;
    const struct kernels *kernels = kernels_chosen();
    struct kernel_pass p = {
        .kernels = kernels,
        .shape = s,
        .b = b,
        .width = sums_width(s, (size_t)kernels->lanes),
    };
    measure(&p);
    kernel_places(&p, b->scratch);
    size_t products = (size_t)b->n * dy_image(s) * p.width;
    pool_run(pool, pool_parts(pool, products, MIN_PRODUCTS), kernel_part, &p);
}

static size_t kernel_scratch(const struct conv2d *s, int threads) {
    if (!kernel_fits(s)) return 0;
    struct kernel_pass p = {.shape = s, .width = sums_width(s, MAX_LANES)};
    measure(&p);
    return kernel_places(&p, NULL) + (size_t)threads * p.places.size;
}

size_t conv2d_sparse_scratch_size(const struct conv2d *s, int threads) {
    size_t input = input_scratch(s, threads), kernel = kernel_scratch(s, threads);
    return input > kernel ? input : kernel;
}
