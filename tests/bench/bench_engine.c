/* bench_engine: how fast the integer engine is on the test digits, with every set of kernels that
 * the machine runs, in both runtimes.
 *
 *   bench_engine [--set NAME] [--runtime ref|xnn] [--threads N] [--data DIR] [--total]
 *                [MODEL.tflite]...
 *
 * For each model: the whole program on all digits with 1 thread and with N (2), and then, unless
 * --total, each step alone: its time, GMAC/s and share of the integer peak.  The peak is that of
 * the set's matrix kernel on operands that never leave the first cache, measured in the same run;
 * wide dense layers skip what all digits of a block have as 0, and may exceed it.
 * Medians of 7 readings; of processor time where nothing else is said.  Without arguments: the
 * goldens in QATOP_SHARED (../shared).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "data/dataset.h"
#include "engine/step.h"
#include "tflite/tflite.h"

enum { READINGS = 7, BATCH = 1000, STEPS_MOST = 64 };

static struct dataset dataset;
static void *outputs;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of this thread alone: what other programs on the machine do disturbs it less. */
static double processor_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double median(double *readings) {
    qsort(readings, READINGS, sizeof *readings, by_value);
    return readings[READINGS / 2];
}

static void fail(const char *what, const struct error *error) {
    fprintf(stderr, "bench_engine: %s: %s\n", what, error ? error->text : "out of memory");
    exit(1);
}

/* Multiply-accumulates a second of 4 groups of channels and 48 rows that are one and the same. */
static double peak_of(const struct dot_kernels *kernels) {
    enum { GROUPS = 4, ROWS = 48, LANES = 32, CALLS = 100, TRIES = 100 };
    static uint32_t row_offset[ROWS], segment_offset[1];
    unsigned char *weights = array_new(dot_weights_bytes(kernels, GROUPS, 1, LANES), 1);
    unsigned char *activations = array_new(LANES * 4, 1);
    int32_t *start = array_new(GROUPS * DOT_GROUP, sizeof *start);
    int32_t *acc = array_new((size_t)ROWS * GROUPS * DOT_GROUP, sizeof *acc);
    if (!weights || !activations || !start || !acc) fail("peak", NULL);
    struct dot dot = {weights, GROUPS, 1, LANES, segment_offset, start};
    double best = 1e9;
    for (int r = 0; r < READINGS; r++) {
        double begin = clock_seconds();
        for (int i = 0; i < CALLS; i++) kernels->multiply(&dot, activations, ROWS, row_offset, acc);
        double seconds = (clock_seconds() - begin) / CALLS;
        if (seconds < best) best = seconds;
    }
    array_free(weights);
    array_free(activations);
    array_free(start);
    array_free(acc);
    return (double)ROWS * GROUPS * DOT_GROUP * LANES * kernels->depth / best;
}

/* Multiply-accumulates of one image; 0 for operators without weights. */
static double step_macs(const struct engine *engine, int index) {
    const struct frozen_operator *op = &engine->frozen->operators[index];
    if (op->code != OP_CONV_2D && op->code != OP_FULLY_CONNECTED &&
        op->code != OP_DEPTHWISE_CONV_2D)
        return 0;
    const struct frozen_tensor *weights = &engine->frozen->tensors[op->inputs[1]];
    int channels = weights->shape[op->code == OP_DEPTHWISE_CONV_2D ? 3 : 0];
    double values = (double)engine->slots[op->outputs[0]].count;
    return values * (double)frozen_tensor_count(weights) / channels;
}

static double total_seconds(struct engine *engine, struct pool *pool, double (*clock)(void)) {
    struct error error;
    double readings[READINGS];
    for (int r = -1; r < READINGS; r++) { /* the first one warms up */
        double begin = clock();
        if (engine_run_samples(engine, pool, &dataset.test, outputs, &error))
            fail("running", &error);
        if (r >= 0) readings[r] = clock() - begin;
    }
    return median(readings);
}

/* The steps one by one, as a run of one thread calls them, on the samples of the last run. */
static void time_steps(struct engine *engine, double seconds[STEPS_MOST]) {
    size_t count = dataset.test.count / BATCH * BATCH;
    for (size_t at = 0; at < count; at += engine->chunk) {
        size_t begin = at % BATCH, end = begin + engine->chunk;
        engine->first = at - begin;
        if (end > BATCH) {
            end = BATCH;
            at -= engine->chunk - (end - begin);
        }
        for (int i = 0; i < engine->step_count; i++) {
            if (!engine->steps[i].run) continue;
            double start = processor_seconds();
            engine->steps[i].run(engine, &engine->steps[i], begin, end, engine->scratch);
            seconds[i] += processor_seconds() - start;
        }
    }
}

static void print_steps(struct engine *engine, double peak) {
    static double readings[STEPS_MOST][READINGS];
    size_t count = dataset.test.count / BATCH * BATCH;
    if (engine->step_count > STEPS_MOST || !count || !engine->input_only_quantized) return;
    for (int r = 0; r < READINGS; r++) {
        double seconds[STEPS_MOST] = {0};
        time_steps(engine, seconds);
        for (int i = 0; i < engine->step_count; i++) readings[i][r] = seconds[i];
    }
    for (int i = 0; i < engine->step_count; i++) {
        if (!engine->steps[i].run) continue;
        double each = median(readings[i]) / (double)count, macs = step_macs(engine, i);
        printf("    %2d %-18s %8.3f us per image", i,
               frozen_op_name(engine->frozen->operators[i].code), each * 1e6);
        if (macs > 0)
            printf("  %6.1f GMAC/s  %3.0f %%", macs / each / 1e9, macs / each / peak * 100);
        printf("\n");
    }
}

static void bench_model(const char *path, const struct dot_kernels *kernels, enum runtime runtime,
                        struct pool *pool, double peak, bool steps) {
    struct error error;
    struct frozen *frozen;
    struct engine *engine;
    dot_kernels_force(kernels);
    if (tflite_read(path, &frozen, &error)) fail(path, &error);
    if (engine_create(&engine, frozen, runtime, BATCH, path, &error)) fail(path, &error);
    array_free(outputs);
    outputs = array_new(dataset.test.count * engine_output_count(engine), 4);
    if (!outputs) fail(path, NULL);
    double processor = total_seconds(engine, NULL, processor_seconds);
    double one = total_seconds(engine, NULL, clock_seconds);
    double many = total_seconds(engine, pool, clock_seconds);
    printf("%-8s %s %9.2f ms of processor time; 1 thread %9.2f ms, %d threads %9.2f ms  %s\n",
           kernels->name, runtime_name(runtime), processor * 1e3, one * 1e3, pool_threads(pool),
           many * 1e3, path);
    if (steps) print_steps(engine, peak);
    fflush(stdout);
    dot_kernels_force(NULL);
    engine_destroy(engine);
    frozen_free(frozen);
}

static const char *shared(const char *relative) {
    static char paths[4][1024];
    static int next;
    const char *folder = getenv("QATOP_SHARED");
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder && *folder ? folder : "../shared", relative);
    return path;
}

int main(int argc, char **argv) {
    const char *set = NULL, *runtime = NULL, *data = shared("data/mnist");
    const char *models[16];
    int threads = 2, model_count = 0;
    bool steps = true;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--set") && i + 1 < argc)
            set = argv[++i];
        else if (!strcmp(argv[i], "--runtime") && i + 1 < argc)
            runtime = argv[++i];
        else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
            threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--data") && i + 1 < argc)
            data = argv[++i];
        else if (!strcmp(argv[i], "--total"))
            steps = false;
        else if (model_count < 16)
            models[model_count++] = argv[i];
    }
    if (!model_count) {
        models[model_count++] = shared("golden/fc/model_int8.tflite");
        models[model_count++] = shared("golden/cnn/model_int8.tflite");
        models[model_count++] = shared("golden/cnn_bn/model_int8.tflite");
    }
    struct error error;
    struct pool *pool;
    if (dataset_load(&dataset, data, &error)) {
        printf("bench_engine: SKIPPED: %s: %s (give --data DIR and models, or set QATOP_SHARED)\n",
               data, error.text);
        return 0;
    }
    if (pool_create(&pool, threads, &error)) fail("threads", &error);
    printf("# %s, %s, %zu images\n", cpu_model(), __VERSION__, dataset.test.count);
    const struct dot_kernels *kernels;
    for (int i = 0; (kernels = dot_kernels_set(i)); i++) {
        if (set && strcmp(set, kernels->name)) continue;
        double peak = peak_of(kernels);
        printf("# %s: peak %.1f GMAC/s a core\n", kernels->name, peak / 1e9);
        for (int m = 0; m < model_count; m++)
            for (enum runtime r = RUNTIME_REF; r <= RUNTIME_XNN; r++)
                if (!runtime || !strcmp(runtime, runtime_name(r)))
                    bench_model(models[m], kernels, r, pool, peak, steps);
    }
    pool_destroy(pool);
    array_free(outputs);
    dataset_free(&dataset);
    return 0;
}
