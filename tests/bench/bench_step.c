/* bench_step: what a training step takes, quantization-aware and in plain float32, and where in it
 * the time goes; share of the peak that is measured in the same run.
 *
 *   bench_step [--data DIR] [--batch N] [--threads N] [--readings N] [--scheme NAME]
 *              [--brief] [MODEL...]
 * NAME: qatop by default, or tfmot.  MODEL: files; by default the two bundled ones, and with
 * $QATOP_SHARED the golden cnn_bn.  DIR: by default the bundled digits.  Both networks take turns
 * of 50 steps, so that a noisy machine treats them alike; medians of the turns, and (the least).
 * The peak's share counts all sums of the layers as work, also those that are left out because a
 * gradient is 0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "bench/measure.h"
#include "network/network.h"
#include "train/trainer.h"
#include "places.h"

enum { STEPS = 50, MAX_READINGS = 999, MAX_MODELS = 16 };

/* Images in an epoch of the whole MNIST. */
static const double epoch_images = 60000;

struct subject {
    struct trainer *trainer;
    struct step_times times;
    double readings[MAX_READINGS]; /* seconds a step */
    double median, least;
};

struct bench {
    const struct scheme *scheme;
    const char *path;
    struct model *model;
    struct quant_plan *plan;
    struct dataset *dataset;
    struct pool *pool;
    int batch, readings;
    bool is_brief;
    struct subject qat, fp32;
};

static void give_up(const struct error *error) {
    fprintf(stderr, "bench_step: %s: %s\n", error->where, error->text);
    exit(1);
}

/* Multiplications and additions per image, forward and backward; the gradient with respect to the
 * image itself is not computed. */
static double flops_of(const struct model *model) {
    double flops = 0;
    bool is_first = true;
    for (int i = 1; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        if (!layer_has_kernel(layer)) continue;
        const struct parameter *kernel = &model->parameters[layer->kernel];
        double pixels = (double)shape_count(&layer->output) / layer->units;
        flops += (is_first ? 2 : 3) * 2.0 * (double)kernel->count * pixels;
        is_first = false;
    }
    return flops;
}

static void create(struct bench *bench, struct subject *subject, const struct quant_plan *plan) {
    struct training training = {.epochs = MAX_EPOCHS,
                                .batch = bench->batch,
                                .learning_rate = 1e-3f,
                                .seed = 1,
                                .shuffle = true,
                                .dropout = true};
    struct error error;
    if (trainer_create(&subject->trainer, bench->model, plan, bench->dataset, &training,
                       bench->pool, &error))
        give_up(&error);
    trainer_calibrate(subject->trainer);
    trainer_measure(subject->trainer, &subject->times);
}

static double turn(struct subject *subject) {
    struct step_result result;
    double begin = clock_seconds();
    for (int i = 0; i < STEPS; i++) trainer_step(subject->trainer, &result);
    return (clock_seconds() - begin) / STEPS;
}

static void summarize(struct subject *subject, int readings) {
    subject->median = median_of(subject->readings, readings);
    subject->least = subject->readings[0];
}

static void print_line(const char *name, double qat, double fp32, double all, double steps) {
    if (qat <= 0 && fp32 <= 0) return;
    printf("  %-34s %9.1f us %9.1f us  %5.1f %%\n", name, qat / steps * 1e6, fp32 / steps * 1e6,
           qat / all * 100);
}

static double sum_of(const struct step_times *t) {
    double sum = t->data + t->kernels + t->loss + t->update;
    for (int i = 0; i < TIMED_LAYERS; i++) sum += t->forward[i] + t->backward[i];
    return sum;
}

static void print_profile(const struct bench *bench) {
    const struct step_times *q = &bench->qat.times, *f = &bench->fp32.times;
    double all = sum_of(q), steps = (double)bench->readings * STEPS;
    printf("  %-34s %12s %12s  %s\n", "means of all turns", "QAT", "FP32", "of QAT");
    print_line("data", q->data, f->data, all, steps);
    print_line("kernels: ranges, fake quantization", q->kernels, f->kernels, all, steps);
    for (int i = 0; i < bench->model->layer_count && i < TIMED_LAYERS; i++) {
        char name[128];
        snprintf(name, sizeof name, "%.24s forward", bench->model->layers[i].name);
        print_line(name, q->forward[i], f->forward[i], all, steps);
    }
    print_line("loss", q->loss, f->loss, all, steps);
    for (int i = bench->model->layer_count - 1; i >= 0; i--) {
        char name[128];
        if (i >= TIMED_LAYERS) continue;
        snprintf(name, sizeof name, "%.24s backward", bench->model->layers[i].name);
        print_line(name, q->backward[i], f->backward[i], all, steps);
    }
    print_line("checks, Adam", q->update, f->update, all, steps);
}

static void print_summary(const struct bench *bench, double peak, const double *ratios) {
    int threads = pool_threads(bench->pool);
    double flops = flops_of(bench->model), work = flops * bench->batch;
    double epoch = epoch_images / bench->batch;
    printf("%s, batch %d, %d threads, %.2f MFLOP per image, peak %.1f GFLOP/s per core\n",
           bench->path, bench->batch, threads, flops / 1e6, peak / 1e9);
    const struct subject *subjects[] = {&bench->qat, &bench->fp32};
    for (int i = 0; i < 2; i++)
        printf(
            "  %-5s step %9.1f us (%.1f), epoch of 60,000 %7.3f s, %4.1f %% (%.1f) of the peak\n",
            i ? "FP32" : "QAT", subjects[i]->median * 1e6, subjects[i]->least * 1e6,
            subjects[i]->median * epoch, work / subjects[i]->median / peak / threads * 100,
            work / subjects[i]->least / peak / threads * 100);
    printf("  QAT / FP32  %.3f (%.3f..%.3f), goal 1.15\n", ratios[bench->readings / 2], ratios[0],
           ratios[bench->readings - 1]);
}

static void run(struct bench *bench) {
    struct error error;
    double ratios[MAX_READINGS];
    if (model_load(bench->path, &bench->model, &error) ||
        quant_plan_create(&bench->plan, bench->model, bench->scheme, &error))
        give_up(&error);
    create(bench, &bench->qat, bench->plan);
    create(bench, &bench->fp32, NULL);
    turn(&bench->qat); /* to warm up */
    turn(&bench->fp32);
    memset(&bench->qat.times, 0, sizeof bench->qat.times);
    memset(&bench->fp32.times, 0, sizeof bench->fp32.times);
    double peak = 0;
    for (int i = 0; i < bench->readings; i++) {
        double now = peak_of_core();
        peak = now > peak ? now : peak;
        bench->qat.readings[i] = turn(&bench->qat);
        bench->fp32.readings[i] = turn(&bench->fp32);
        ratios[i] = bench->qat.readings[i] / bench->fp32.readings[i];
    }
    median_of(ratios, bench->readings); /* sorts them */
    summarize(&bench->qat, bench->readings);
    summarize(&bench->fp32, bench->readings);
    print_summary(bench, peak, ratios);
    if (!bench->is_brief) print_profile(bench);
    fflush(stdout);
    trainer_destroy(bench->qat.trainer);
    trainer_destroy(bench->fp32.trainer);
    quant_plan_free(bench->plan);
    model_free(bench->model);
}

int main(int argc, char **argv) {
    const char *folder = ASSETS_SOURCE "/mnist-5k", *paths[MAX_MODELS];
    int batch = 32, threads = 0, readings = 11, count = 0;
    bool is_brief = false;
    const struct scheme *scheme = schemes;
    char golden[4096];
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--data") && more)
            folder = argv[++i];
        else if (!strcmp(argv[i], "--batch") && more)
            batch = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--threads") && more)
            threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--readings") && more)
            readings = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--scheme") && more)
            scheme = scheme_find(argv[++i]);
        else if (!strcmp(argv[i], "--brief"))
            is_brief = true;
        else if (count < MAX_MODELS)
            paths[count++] = argv[i];
    }
    if (!scheme) {
        fprintf(stderr, "bench_step: the scheme is qatop or tfmot\n");
        return 1;
    }
    if (readings < 1 || readings > MAX_READINGS) readings = 11;
    if (!count) {
        paths[count++] = ASSETS_SOURCE "/models/mnist_fc.h5";
        paths[count++] = ASSETS_SOURCE "/models/mnist_cnn.h5";
        const char *shared = getenv("QATOP_SHARED");
        snprintf(golden, sizeof golden, "%s/golden/cnn_bn/model.h5", shared ? shared : "");
        if (shared) paths[count++] = golden;
    }
    static struct dataset dataset;
    struct pool *pool;
    struct error error;
    if (dataset_load(&dataset, folder, &error) || pool_create(&pool, threads, &error))
        give_up(&error);
    printf("# %s, %s, scheme %s; medians of %d turns of %d steps (least)\n", cpu_model(),
           cpu_isa_name(cpu_isa()), scheme->name, readings, STEPS);
    for (int i = 0; i < count; i++) {
        static struct bench bench;
        bench = (struct bench){.path = paths[i],
                               .scheme = scheme,
                               .dataset = &dataset,
                               .pool = pool,
                               .batch = batch,
                               .readings = readings,
                               .is_brief = is_brief};
        run(&bench);
    }
    pool_destroy(pool);
    dataset_free(&dataset);
    return 0;
}
