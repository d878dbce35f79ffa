/* bench: how fast each kernel is on the shapes of the bundled models, at every instruction set
 * level, as medians of 31 readings and as a share of the peak measured in the same run.
 *
 *   bench [--json] [--threads N] [--batch N] [--isa LEVEL] [FILTER]
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/pool.h"
#include "kernel/kernel.h"
#include "bench/measure.h"

enum { READINGS = 31, LABELS = 4096 };
static const double reading_seconds = 1e-3;

/* Buffers large enough for every case; conv1's output is the largest tensor. */
static struct {
    struct pool *pool;
    int batch;
    float *a, *b, *c, *d, *sparse, *scratch; /* sparse: one in 25 is not 0 */
    unsigned char *where;
    uint16_t labels[LABELS];
} room;

static const struct fake_quant quantizer = {0, 1, 1.0f / 255, 255, 0, false};
static const struct conv2d conv1 = {28, 28, 1, 26, 26, 32, 3, 3, 1, 1, 1, 1, 0, 0};
static const struct conv2d conv2 = {13, 13, 32, 11, 11, 64, 3, 3, 1, 1, 1, 1, 0, 0};
static const struct pooling pool1 = {26, 26, 32, 13, 13, 2, 2, 2, 2, 0, 0};
static const struct pooling pool2 = {11, 11, 64, 5, 5, 2, 2, 2, 2, 0, 0};

static size_t conv1_count(void) {
    return (size_t)room.batch * 26 * 26 * 32;
}

/* a [m][k] and b [k][n], or transposed. */
static void run_gemm(size_t m, size_t n, size_t k, bool a_transposed, bool b_transposed) {
    gemm(room.pool, &(struct gemm){.m = m,
                                   .n = n,
                                   .k = k,
                                   .a = room.a,
                                   .a_row = a_transposed ? 1 : k,
                                   .a_column = a_transposed ? m : 1,
                                   .b = room.b,
                                   .b_row = b_transposed ? 1 : n,
                                   .b_column = b_transposed ? k : 1,
                                   .c = room.c,
                                   .scratch = room.scratch});
}

static size_t batch(void) {
    return (size_t)room.batch;
}

static void fc1_forward(void) {
    run_gemm(batch(), 128, 784, false, false);
}
static void fc1_kernel(void) {
    run_gemm(784, 128, batch(), true, false);
}
static void fc2_forward(void) {
    run_gemm(batch(), 10, 128, false, false);
}
static void dense_forward(void) {
    run_gemm(batch(), 10, 1600, false, false);
}
static void dense_kernel(void) {
    run_gemm(1600, 10, batch(), true, false);
}
static void dense_input(void) {
    run_gemm(batch(), 1600, 10, false, true);
}
static void square_gemm(void) {
    run_gemm(512, 512, 512, false, false);
}
static void run_forward(const struct conv2d *shape, float *range) {
    conv2d_forward(room.pool, &(struct conv2d_forward){.shape = shape,
                                                       .n = room.batch,
                                                       .x = room.a,
                                                       .kernel = room.b,
                                                       .bias = room.d,
                                                       .relu = true,
                                                       .y = room.c,
                                                       .range = range,
                                                       .scratch = room.scratch});
}
static struct conv2d_backward backward(const struct conv2d *shape, const float *dy) {
    return (struct conv2d_backward){.shape = shape,
                                    .n = room.batch,
                                    .x = room.a,
                                    .kernel = room.b,
                                    .dy = dy,
                                    .dx = room.c,
                                    .dkernel = room.c,
                                    .scratch = room.scratch};
}
static void run_input_gradient(const struct conv2d *shape, const float *dy) {
    const struct conv2d_backward b = backward(shape, dy);
    conv2d_backward_input(room.pool, &b);
}
static void run_kernel_gradient(const struct conv2d *shape, const float *dy) {
    const struct conv2d_backward b = backward(shape, dy);
    conv2d_backward_kernel(room.pool, &b);
}
static void conv1_forward(void) {
    float range[2];
    run_forward(&conv1, range);
}
static void conv1_forward_plain(void) {
    run_forward(&conv1, NULL);
}
static void conv1_kernel(void) {
    run_kernel_gradient(&conv1, room.a);
}
static void conv2_forward(void) {
    float range[2];
    run_forward(&conv2, range);
}
static void conv2_input(void) {
    run_input_gradient(&conv2, room.a);
}
static void conv2_kernel(void) {
    run_kernel_gradient(&conv2, room.a);
}
static void conv2_input_sparse(void) {
    run_input_gradient(&conv2, room.sparse);
}
static void conv2_kernel_sparse(void) {
    run_kernel_gradient(&conv2, room.sparse);
}
static void run_min_max(void) {
    float min, max;
    min_max(room.pool, conv1_count(), room.a, &min, &max);
}
static void run_fake_quant(void) {
    fake_quant_tensor(room.pool, conv1_count(), room.a, &quantizer, room.c);
}
static void run_fake_quant_channels(void) {
    struct fake_quant by[128];
    for (int i = 0; i < 128; i++) by[i] = quantizer;
    fake_quant_channels(room.pool, 784, 128, room.a, by, room.c);
}
static void run_fake_quant_backward(void) {
    fake_quant_tensor_backward(room.pool, conv1_count(), room.a, &quantizer, true, room.c, room.c);
}
static void run_relu(void) {
    relu_forward(room.pool, conv1_count(), room.a, room.c);
}
static void run_add(void) {
    float range[2];
    add_tensors(room.pool, conv1_count(), room.a, room.b, room.c, range);
}
static void run_leaky(void) {
    leaky_forward(room.pool, conv1_count(), room.a, 0.3f, room.c);
}
static void run_sigmoid(void) {
    sigmoid_forward(room.pool, conv1_count(), room.a, room.c);
}
static void run_tanh(void) {
    tanh_forward(room.pool, conv1_count(), room.a, room.c);
}
static void run_pool_forward(const struct pooling *shape, const struct fake_quant *fake_quant) {
    max_pool_forward(room.pool, &(struct max_pool_forward){.shape = shape,
                                                           .n = room.batch,
                                                           .x = room.a,
                                                           .fake_quant = fake_quant,
                                                           .y = room.c,
                                                           .where = room.where});
}
static void run_pool_backward(const struct pooling *shape, const struct fake_quant *fake_quant) {
    max_pool_backward(room.pool, &(struct max_pool_backward){.shape = shape,
                                                             .n = room.batch,
                                                             .x = room.a,
                                                             .fake_quant = fake_quant,
                                                             .relu = true,
                                                             .dy = fake_quant ? room.d : room.a,
                                                             .where = room.where,
                                                             .dx = room.c});
}
static void pool1_forward(void) {
    run_pool_forward(&pool1, NULL);
}
static void pool1_backward(void) {
    run_pool_backward(&pool1, NULL);
}
static void fused_pool1_forward(void) {
    run_pool_forward(&pool1, &quantizer);
}
static void fused_pool1_backward(void) {
    run_pool_backward(&pool1, &quantizer);
}
static void fused_pool2_forward(void) {
    run_pool_forward(&pool2, &quantizer);
}
static void fused_pool2_backward(void) {
    run_pool_backward(&pool2, &quantizer);
}
static void conv1_bias(void) {
    column_sums(room.pool, conv1_count() / 32, 32, room.a, room.c);
}
static void run_adam(void) {
    static const struct adam by = {1e-3f, 0.1f, 1e-3f, 1e-7f};
    adam_update(room.pool, 100352, &by, room.a, room.b, room.d, room.c);
}
static void run_dropout(void) {
    static const struct dropout by = {1, 1, 0.5f};
    dropout_forward(room.pool, (size_t)room.batch * 1600, &by, room.a, room.d, room.c);
}
static void run_softmax(void) {
    softmax_cross_entropy(&(struct softmax_cross_entropy){.n = room.batch,
                                                          .classes = 10,
                                                          .logits = room.a,
                                                          .labels = room.labels,
                                                          .probabilities = room.b,
                                                          .losses = room.c,
                                                          .dlogits = room.d});
}
static void nothing(void *context, int part, int parts) {
    (void)context, (void)part, (void)parts;
}
static void run_nothing(void) {
    pool_run(room.pool, pool_threads(room.pool), nothing, NULL);
}

static const struct bench {
    const char *name;
    void (*run)(void);
    double flops, bytes; /* per image of the batch; flops or bytes */
    double fixed_flops, fixed_bytes;
} benches[] = {
    {"gemm_fc1_forward", fc1_forward, 2.0 * 784 * 128, 0, 0, 0},
    {"gemm_fc1_kernel_gradient", fc1_kernel, 2.0 * 784 * 128, 0, 0, 0},
    {"gemm_fc2_forward", fc2_forward, 2.0 * 128 * 10, 0, 0, 0},
    {"gemm_dense_forward", dense_forward, 2.0 * 1600 * 10, 0, 0, 0},
    {"gemm_dense_kernel_gradient", dense_kernel, 2.0 * 1600 * 10, 0, 0, 0},
    {"gemm_dense_input_gradient", dense_input, 2.0 * 1600 * 10, 0, 0, 0},
    {"gemm_512", square_gemm, 0, 0, 2.0 * 512 * 512 * 512, 0},
    {"conv1_forward", conv1_forward_plain, 2.0 * 676 * 32 * 9, 0, 0, 0},
    {"conv1_forward_range", conv1_forward, 2.0 * 676 * 32 * 9, 0, 0, 0},
    {"conv1_kernel_gradient", conv1_kernel, 2.0 * 676 * 32 * 9, 0, 0, 0},
    {"conv2_forward_range", conv2_forward, 2.0 * 121 * 64 * 288, 0, 0, 0},
    {"conv2_input_gradient", conv2_input, 2.0 * 121 * 64 * 288, 0, 0, 0},
    {"conv2_kernel_gradient", conv2_kernel, 2.0 * 121 * 64 * 288, 0, 0, 0},
    /* left-out sums count as work */
    {"conv2_input_gradient_sparse", conv2_input_sparse, 2.0 * 121 * 64 * 288, 0, 0, 0},
    {"conv2_kernel_gradient_sparse", conv2_kernel_sparse, 2.0 * 121 * 64 * 288, 0, 0, 0},
    {"min_max", run_min_max, 0, 4.0 * 21632, 0, 0},
    {"fake_quant_tensor", run_fake_quant, 0, 8.0 * 21632, 0, 0},
    {"fake_quant_channels", run_fake_quant_channels, 0, 0, 0, 8.0 * 100352},
    {"fake_quant_tensor_backward", run_fake_quant_backward, 0, 12.0 * 21632, 0, 0},
    {"add_tensors", run_add, 0, 12.0 * 21632, 0, 0},
    {"relu_forward", run_relu, 0, 8.0 * 21632, 0, 0},
    {"leaky_forward", run_leaky, 0, 8.0 * 21632, 0, 0},
    {"sigmoid_forward", run_sigmoid, 0, 8.0 * 21632, 0, 0},
    {"tanh_forward", run_tanh, 0, 8.0 * 21632, 0, 0},
    {"max_pool_forward", pool1_forward, 0, 5.25 * 21632, 0, 0},
    {"max_pool_backward", pool1_backward, 0, 5.25 * 21632, 0, 0},
    {"fake_quant_max_pool_forward", fused_pool1_forward, 0, 5.25 * 21632, 0, 0},
    {"fake_quant_max_pool_backward", fused_pool1_backward, 0, 9.25 * 21632, 0, 0},
    {"fake_quant_max_pool_2_forward", fused_pool2_forward, 0, 5.25 * 7744, 0, 0},
    {"fake_quant_max_pool_2_backward", fused_pool2_backward, 0, 9.25 * 7744, 0, 0},
    {"column_sums", conv1_bias, 0, 4.0 * 21632, 0, 0},
    {"adam_update", run_adam, 0, 0, 0, 28.0 * 100352},
    {"dropout_forward", run_dropout, 0, 12.0 * 1600, 0, 0},
    {"softmax_cross_entropy", run_softmax, 0, 0, 0, 0},
    {"pool_run", run_nothing, 0, 0, 0, 0},
};

struct timing {
    double median, low, high; /* seconds per call; quartiles */
};

static struct timing time_of(void (*run)(void)) {
    int calls = 1;
    for (;;) { /* warms up as well */
        double begin = clock_seconds();
        for (int i = 0; i < calls; i++) run();
        if (clock_seconds() - begin >= reading_seconds || calls > 1 << 24) break;
        calls *= 2;
    }
    double readings[READINGS];
    for (int r = 0; r < READINGS; r++) {
        double begin = clock_seconds();
        for (int i = 0; i < calls; i++) run();
        readings[r] = (clock_seconds() - begin) / calls;
    }
    double median = median_of(readings, READINGS); /* sorts them */
    return (struct timing){median, readings[READINGS / 4], readings[READINGS * 3 / 4]};
}

static void print_row(bool json, bool first, enum isa isa, const struct bench *bench,
                      struct timing t, double peak_flops) {
    double flops = bench->flops * room.batch + bench->fixed_flops;
    double bytes = bench->bytes * room.batch + bench->fixed_bytes;
    double gflops = flops / t.median / 1e9;
    double share = flops / t.median / (peak_flops * pool_threads(room.pool));
    if (json) {
        printf("%s\n  {\"isa\":\"%s\",\"kernel\":\"%s\",\"threads\":%d,\"microseconds\":%.3f,"
               "\"quartiles\":[%.3f,%.3f],\"gflops\":%.2f,\"peak_share\":%.4f,"
               "\"gigabytes_per_second\":%.2f}",
               first ? "" : ",", cpu_isa_name(isa), bench->name, pool_threads(room.pool),
               t.median * 1e6, t.low * 1e6, t.high * 1e6, gflops, share, bytes / t.median / 1e9);
        return;
    }
    printf("%-9s %-31s %9.1f us (%.1f..%.1f)", cpu_isa_name(isa), bench->name, t.median * 1e6,
           t.low * 1e6, t.high * 1e6);
    if (flops > 0) printf("  %7.1f GFLOP/s  %3.0f %%", gflops, share * 100);
    if (bytes > 0) printf("  %7.1f GB/s", bytes / t.median / 1e9);
    printf("\n");
}

static bool allocate(int images) {
    size_t count = (size_t)images * 26 * 26 * 32 + 1024 * 1024;
    room.batch = images;
    room.a = array_new(count, sizeof(float));
    room.b = array_new(count, sizeof(float));
    room.c = array_new(count, sizeof(float));
    room.d = array_new(count, sizeof(float));
    room.sparse = array_new(count, sizeof(float));
    room.scratch = array_new(4 * 1024 * 1024, sizeof(float));
    room.where = array_new(count, 1);
    if (!room.a || !room.b || !room.c || !room.d || !room.sparse || !room.scratch || !room.where)
        return false;
    for (size_t i = 0; i < count; i++) {
        room.a[i] = (float)((uint32_t)i * 2654435761u >> 8) * 0x1p-24f;
        room.b[i] = (float)(i * 40503u % 1000) * 1e-3f - 0.5f;
        room.sparse[i] = (uint32_t)i * 2654435761u >> 8 < 0xa3d70 ? room.b[i] : 0;
    }
    return true;
}

static void run_level(enum isa isa, bool json, const char *filter, bool *first) {
    double peak_flops = peak_of_core();
    if (!json)
        printf("# %s: peak %.1f GFLOP/s a core, %d threads\n", cpu_isa_name(isa), peak_flops / 1e9,
               pool_threads(room.pool));
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++) {
        if (filter && !strstr(benches[i].name, filter)) continue;
        print_row(json, *first, isa, &benches[i], time_of(benches[i].run), peak_flops);
        *first = false;
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    bool json = false, first = true;
    int threads = 1, images = 32;
    const char *filter = NULL, *level = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            json = true;
        else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
            threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--batch") && i + 1 < argc)
            images = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--isa") && i + 1 < argc)
            level = argv[++i];
        else
            filter = argv[i];
    }
    struct error error;
    if (images < 1 || images > LABELS || pool_create(&room.pool, threads, &error) ||
        !allocate(images)) {
        fprintf(stderr, "bench: bad --batch or --threads, or out of memory\n");
        return 1;
    }
    if (json)
        printf("{\"cpu\":\"%s\",\"compiler\":\"%s\",\"batch\":%d,\"results\":[", cpu_model(),
               __VERSION__, images);
    else
        printf("# %s, %s, batch %d\n", cpu_model(), __VERSION__, images);
    for (enum isa isa = ISA_BASELINE; isa < ISA_LEVELS; isa++) {
        if (level && strcmp(level, cpu_isa_name(isa))) continue;
        if (cpu_force_isa(isa)) run_level(isa, json, filter, &first);
    }
    if (json) printf("\n]}\n");
    pool_destroy(room.pool);
    return 0;
}
