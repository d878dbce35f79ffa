/* bench_libraries: the products and convolutions of fc and cnn by our kernels, by oneDNN and by the
 * BLAS, on one core, in turn, as ratios.
 *
 *   bench_libraries [--batch N] [FILTER]
 * Built where configure finds oneDNN 2 (Debian: libdnnl-dev); with a BLAS where it finds one as
 * well (libopenblas-dev).  oneDNN chooses layouts itself and gets its operands in them; that
 * conversion is not counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "bench/measure.h"
#include "kernel/kernel.h"

#include <oneapi/dnnl/dnnl.h>
#ifdef HAVE_CBLAS
#include <cblas.h>
#endif

enum { READINGS = 31 };
/* Where it is missed, the line says so: the least speed that is aimed at, by oneDNN's. */
static const double goal = 0.95;
static const double reading_seconds = 2e-3;

static struct {
    int batch;
    float *a, *b, *c, *d, *scratch;
} room;

/* ---- products: c[m][n] = a[m][k] b[k][n], either operand plain or transposed ---- */

struct product {
    const char *name;
    int m, n, k; /* 0: the batch */
    bool a_transposed, b_transposed;
};
static const struct product products[] = {
    {"fc1 forward", 0, 128, 784, false, false},
    {"fc1 kernel gradient", 784, 128, 0, true, false},
    {"fc2 forward", 0, 10, 128, false, false},
    {"dense forward", 0, 10, 1600, false, false},
    {"dense kernel gradient", 1600, 10, 0, true, false},
    {"dense input gradient", 0, 1600, 10, false, true},
};
static struct product product; /* the one being measured */

static void our_product(void) {
    size_t m = (size_t)product.m, n = (size_t)product.n, k = (size_t)product.k;
    gemm(NULL, &(struct gemm){.m = m,
                              .n = n,
                              .k = k,
                              .a = room.a,
                              .a_row = product.a_transposed ? 1 : k,
                              .a_column = product.a_transposed ? m : 1,
                              .b = room.b,
                              .b_row = product.b_transposed ? 1 : n,
                              .b_column = product.b_transposed ? k : 1,
                              .c = room.c,
                              .scratch = room.scratch});
}

#ifdef HAVE_CBLAS
static void blas_product(void) {
    cblas_sgemm(CblasRowMajor, product.a_transposed ? CblasTrans : CblasNoTrans,
                product.b_transposed ? CblasTrans : CblasNoTrans, product.m, product.n, product.k,
                1, room.a, product.a_transposed ? product.m : product.k, room.b,
                product.b_transposed ? product.k : product.n, 0, room.c, product.n);
}
#endif

static void check(dnnl_status_t status, const char *what) {
    if (status == dnnl_success) return;
    fprintf(stderr, "bench_libraries: oneDNN cannot %s (%d)\n", what, (int)status);
    exit(1);
}

static void dnnl_product(void) {
    check(dnnl_sgemm(product.a_transposed ? 'T' : 'N', product.b_transposed ? 'T' : 'N', product.m,
                     product.n, product.k, 1, room.a, product.a_transposed ? product.m : product.k,
                     room.b, product.b_transposed ? product.k : product.n, 0, room.c, product.n),
          "multiply");
}

/* ---- convolutions ---- */

enum way { FORWARD, BACKWARD_INPUT, BACKWARD_KERNEL };
static const struct conv2d conv1 = {28, 28, 1, 26, 26, 32, 3, 3, 1, 1, 1, 1, 0, 0};
static const struct conv2d conv2 = {13, 13, 32, 11, 11, 64, 3, 3, 1, 1, 1, 1, 0, 0};

struct convolution {
    const char *name;
    const struct conv2d *shape;
    enum way way;
};
static const struct convolution convolutions[] = {
    {"conv1 forward", &conv1, FORWARD},
    {"conv1 kernel gradient", &conv1, BACKWARD_KERNEL},
    {"conv2 forward", &conv2, FORWARD},
    {"conv2 input gradient", &conv2, BACKWARD_INPUT},
    {"conv2 kernel gradient", &conv2, BACKWARD_KERNEL},
};
static struct convolution convolution;

static void our_convolution(void) {
    const struct conv2d *s = convolution.shape;
    struct conv2d_forward forward = {.shape = s,
                                     .n = room.batch,
                                     .x = room.a,
                                     .kernel = room.b,
                                     .bias = room.d,
                                     .y = room.c,
                                     .scratch = room.scratch};
    struct conv2d_backward backward = {
        .shape = s, .n = room.batch, .x = room.a, .kernel = room.b, .scratch = room.scratch};
    if (convolution.way == FORWARD) {
        conv2d_forward(NULL, &forward);
    } else if (convolution.way == BACKWARD_INPUT) {
        backward.dy = room.a;
        backward.dx = room.c;
        conv2d_backward_input(NULL, &backward);
    } else {
        backward.dy = room.c;
        backward.dkernel = room.b;
        conv2d_backward_kernel(NULL, &backward);
    }
}

static struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[4];
    int count;
} theirs;

static void add_argument(const_dnnl_primitive_desc_t made, dnnl_query_t what, int name) {
    const dnnl_memory_desc_t *layout = dnnl_primitive_desc_query_md(made, what, 0);
    dnnl_memory_t memory;
    check(dnnl_memory_create(&memory, layout, theirs.engine, DNNL_MEMORY_ALLOCATE), "allocate");
    void *at;
    check(dnnl_memory_get_data_handle(memory, &at), "find its memory");
    size_t count = dnnl_memory_desc_get_size(layout) / sizeof(float);
    for (size_t i = 0; i < count; i++) ((float *)at)[i] = room.b[i % 4096];
    theirs.arguments[theirs.count++] = (dnnl_exec_arg_t){name, memory};
}

static void dnnl_prepare(void) {
    const struct conv2d *s = convolution.shape;
    dnnl_dims_t x_size = {room.batch, s->in_channels, s->in_height, s->in_width};
    dnnl_dims_t y_size = {room.batch, s->out_channels, s->out_height, s->out_width};
    dnnl_dims_t kernel_size = {s->out_channels, s->in_channels, 3, 3},
                bias_size = {s->out_channels};
    dnnl_dims_t strides = {1, 1}, padding = {0, 0};
    dnnl_memory_desc_t x, y, kernel, bias;
    const dnnl_format_tag_t any = dnnl_format_tag_any;
    check(dnnl_memory_desc_init_by_tag(&x, 4, x_size, dnnl_f32, any), "describe");
    check(dnnl_memory_desc_init_by_tag(&y, 4, y_size, dnnl_f32, any), "describe");
    check(dnnl_memory_desc_init_by_tag(&kernel, 4, kernel_size, dnnl_f32, any), "describe");
    check(dnnl_memory_desc_init_by_tag(&bias, 1, bias_size, dnnl_f32, dnnl_a), "describe");
    dnnl_convolution_desc_t asked;
    dnnl_primitive_desc_t forward, made;
    check(dnnl_convolution_forward_desc_init(&asked, dnnl_forward_training, dnnl_convolution_direct,
                                             &x, &kernel, &bias, &y, strides, padding, padding),
          "describe");
    check(dnnl_primitive_desc_create(&forward, &asked, NULL, theirs.engine, NULL), "convolve");
    made = forward;
    if (convolution.way == BACKWARD_INPUT) {
        check(dnnl_convolution_backward_data_desc_init(&asked, dnnl_convolution_direct, &x, &kernel,
                                                       &y, strides, padding, padding),
              "describe");
        check(dnnl_primitive_desc_create(&made, &asked, NULL, theirs.engine, forward), "convolve");
    } else if (convolution.way == BACKWARD_KERNEL) {
        check(dnnl_convolution_backward_weights_desc_init(&asked, dnnl_convolution_direct, &x,
                                                          &kernel, NULL, &y, strides, padding,
                                                          padding),
              "describe");
        check(dnnl_primitive_desc_create(&made, &asked, NULL, theirs.engine, forward), "convolve");
    }
    theirs.count = 0;
    if (convolution.way == FORWARD) {
        add_argument(made, dnnl_query_src_md, DNNL_ARG_SRC);
        add_argument(made, dnnl_query_weights_md, DNNL_ARG_WEIGHTS);
        add_argument(made, dnnl_query_dst_md, DNNL_ARG_DST);
        const dnnl_memory_desc_t *layout =
            dnnl_primitive_desc_query_md(made, dnnl_query_weights_md, 1);
        dnnl_memory_t memory;
        check(dnnl_memory_create(&memory, layout, theirs.engine, room.d), "allocate");
        theirs.arguments[theirs.count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, memory};
    } else if (convolution.way == BACKWARD_INPUT) {
        add_argument(made, dnnl_query_diff_src_md, DNNL_ARG_DIFF_SRC);
        add_argument(made, dnnl_query_weights_md, DNNL_ARG_WEIGHTS);
        add_argument(made, dnnl_query_diff_dst_md, DNNL_ARG_DIFF_DST);
    } else {
        add_argument(made, dnnl_query_src_md, DNNL_ARG_SRC);
        add_argument(made, dnnl_query_diff_weights_md, DNNL_ARG_DIFF_WEIGHTS);
        add_argument(made, dnnl_query_diff_dst_md, DNNL_ARG_DIFF_DST);
    }
    check(dnnl_primitive_create(&theirs.primitive, made), "convolve");
    if (made != forward) dnnl_primitive_desc_destroy(made);
    dnnl_primitive_desc_destroy(forward);
}

static void dnnl_convolve(void) {
    check(dnnl_primitive_execute(theirs.primitive, theirs.stream, theirs.count, theirs.arguments),
          "convolve");
    check(dnnl_stream_wait(theirs.stream), "finish");
}

static void dnnl_release(void) {
    dnnl_primitive_destroy(theirs.primitive);
    for (int i = 0; i < theirs.count; i++) dnnl_memory_destroy(theirs.arguments[i].memory);
}

/* ---- in turn ---- */

static double reading(void (*run)(void), int calls) {
    double begin = clock_seconds();
    for (int i = 0; i < calls; i++) run();
    return (clock_seconds() - begin) / calls;
}

static void compare(const char *name, const char *library, double flops, double peak,
                    void (*ours)(void), void (*other)(void)) {
    double own[READINGS], their[READINGS], ratios[READINGS];
    int calls = 1;
    while (reading(ours, calls) * calls < reading_seconds) calls *= 2;
    reading(other, calls);
    for (int i = 0; i < READINGS; i++) {
        own[i] = reading(ours, calls);
        their[i] = reading(other, calls);
        ratios[i] = their[i] / own[i];
    }
    double a = median_of(own, READINGS), b = median_of(their, READINGS);
    double ratio = median_of(ratios, READINGS);
    printf("%-24s %-9s %8.1f us %3.0f %% of the peak, qatop %8.1f us %3.0f %%, %5.2f times its"
           " speed (%.2f..%.2f)%s\n",
           name, library, b * 1e6, flops / b / peak * 100, a * 1e6, flops / a / peak * 100, ratio,
           ratios[READINGS / 4], ratios[READINGS * 3 / 4],
           ratio < goal && !strcmp(library, "oneDNN") ? "; below the goal of 0.95" : "");
    fflush(stdout);
}

static void run_products(const char *filter, double peak) {
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        product = products[i];
        if (filter && !strstr(product.name, filter)) continue;
        if (!product.m) product.m = room.batch;
        if (!product.k) product.k = room.batch;
        double flops = 2.0 * product.m * product.n * product.k;
        compare(product.name, "oneDNN", flops, peak, our_product, dnnl_product);
#ifdef HAVE_CBLAS
        compare(product.name, "BLAS", flops, peak, our_product, blas_product);
#endif
    }
}

static void run_convolutions(const char *filter, double peak) {
    for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++) {
        convolution = convolutions[i];
        if (filter && !strstr(convolution.name, filter)) continue;
        const struct conv2d *s = convolution.shape;
        double flops =
            2.0 * room.batch * s->out_height * s->out_width * s->out_channels * 9 * s->in_channels;
        dnnl_prepare();
        compare(convolution.name, "oneDNN", flops, peak, our_convolution, dnnl_convolve);
        dnnl_release();
    }
}

int main(int argc, char **argv) {
    const char *filter = NULL;
    room.batch = 32;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--batch") && i + 1 < argc)
            room.batch = atoi(argv[++i]);
        else
            filter = argv[i];
    }
    if (room.batch < 1 || room.batch > 4096) {
        fprintf(stderr, "bench_libraries: a batch of 1 to 4096 is possible\n");
        return 2;
    }
    /* One core, as ours; the libraries look before main begins. */
    const char *threads = getenv("OMP_NUM_THREADS");
    if (!threads || strcmp(threads, "1")) {
        setenv("OMP_NUM_THREADS", "1", 1);
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
        execvp(argv[0], argv);
        fprintf(stderr, "bench_libraries: cannot start itself anew\n");
        return 1;
    }
    size_t count = (size_t)room.batch * 26 * 26 * 32 + 1024 * 1024;
    float **arrays[] = {&room.a, &room.b, &room.c, &room.d, &room.scratch};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i] = array_new(count, sizeof(float));
        if (!*arrays[i]) return 1;
        for (size_t j = 0; j < count; j++)
            (*arrays[i])[j] = (float)((uint32_t)j * 2654435761u >> 8) * 0x1p-24f - 0.5f;
    }
    check(dnnl_engine_create(&theirs.engine, dnnl_cpu, 0), "start");
    check(dnnl_stream_create(&theirs.stream, theirs.engine, dnnl_stream_default_flags), "start");
#ifndef HAVE_CBLAS
    printf("SKIPPED BLAS: configure did not find cblas (Debian: libopenblas-dev)\n");
#endif
    double peak = peak_of_core();
    printf("# %s, %s, batch %d, one core, peak %.1f GFLOP/s; medians of %d turns (quartiles)\n",
           cpu_model(), cpu_isa_name(cpu_isa()), room.batch, peak / 1e9, READINGS);
    run_products(filter, peak);
    run_convolutions(filter, peak);
    return 0;
}
