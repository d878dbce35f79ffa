#include "cli/layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/printable.h"
#include "cli/cli.h"
#include "cli/subject.h"
#include "quant/freeze.h"
#include "train/checkpoint.h"
#include "evaluate/comparison.h"
#include "evaluate/ptq.h"

#define NAME_SHOWN    28
#define OTHER_WEIGHTS 20.0 /* dB */

/* One comparison. */
struct job {
    const struct options *options;
    struct subject subject, against;
    struct dataset dataset;
    struct pool *pool;
    /* what was quantized, if not the subject itself */
    struct ptq ptq;
    struct checkpoint *checkpoint;
    const char *how; /* "ptq", "checkpoint", "qat", "tflite" */
    struct frozen *frozen;
    /* what is compared */
    const struct model *model;
    const float *weights;
    const struct frozen *integer;
    struct predictions results[PRECISIONS];
    struct comparison *comparison;
};

/* ---- what to compare ---- */

static enum status take_tflite(struct job *job, struct error *error) {
    if (!job->against.model)
        return error_set(error, STATUS_USAGE, job->against.path,
                         "--against requires a Keras model, .h5 or .keras");
    job->model = job->against.model;
    job->weights = job->model->weights;
    job->integer = job->subject.frozen;
    job->how = "tflite";
    return STATUS_OK;
}

static enum status take_snapshot(struct job *job, const struct snapshot *snapshot, const char *how,
                                 struct error *error) {
    job->model = snapshot->model;
    job->weights = snapshot->weights;
    job->how = how;
    enum status status = freeze(snapshot, IO_FLOAT, &job->frozen, error);
    job->integer = job->frozen;
    return status;
}

static enum status take_model(struct job *job, struct error *error) {
    const struct model *model = job->subject.model;
    enum status status = model_check_classifier(model, job->subject.path, error);
    if (status) return status;
    /* Its ranges are those of TensorFlow Model Optimization; so is the choice of tensors. */
    if (model->has_ranges) return take_snapshot(job, job->subject.qat.snapshot, "qat", error);
    status = ptq_create(&job->ptq, model, &job->dataset.train, (size_t)job->options->calibrate,
                        job->pool, error);
    return status ? status : take_snapshot(job, job->ptq.snapshot, "ptq", error);
}

/* Everything that reads HDF5, which forks: before threads are created. */
static enum status load(struct job *job, struct error *error) {
    const struct options *options = job->options;
    enum status status = subject_load(&job->subject, options->operands[0], error);
    if (!status) status = subject_load_ranges(&job->subject, error);
    if (status) return status;
    const char *path = job->subject.path;
    if (job->subject.frozen && !options->against)
        return error_set(error, STATUS_USAGE, path,
                         "--layers also needs the Keras model it was made from: --against MODEL");
    if (job->subject.frozen) return subject_load(&job->against, options->against, error);
    if (options->against)
        return error_set(error, STATUS_USAGE, "--against",
                         "requires a .tflite; a Keras model is compared with its own weights");
    return checkpoint_probe(path) ? checkpoint_load(path, &job->checkpoint, error) : STATUS_OK;
}

static enum status take(struct job *job, struct error *error) {
    if (job->subject.frozen) return take_tflite(job, error);
    if (job->checkpoint) return take_snapshot(job, job->checkpoint->snapshot, "checkpoint", error);
    return take_model(job, error);
}

static enum status compare(struct job *job, struct error *error) {
    const struct samples *samples = &job->dataset.test;
    enum runtime runtime = (enum runtime)job->options->runtime;
    const char *path = job->subject.path;
    enum status status = evaluate_float(job->model, job->weights, samples, job->pool,
                                        &job->results[PRECISION_FP32], error);
    if (!status)
        status = evaluate_frozen(job->integer, runtime, samples, job->pool, path,
                                 &job->results[PRECISION_INT8], error);
    if (status) return status;
    return comparison_create(&job->comparison, job->model, job->weights, job->integer, runtime,
                             samples, samples->count, job->pool, path, error);
}

/* ---- as text ---- */

static const char *row_name(const struct job *job, const struct compared *row, char *text,
                            size_t size) {
    return printable(job->model->layers[row->layer].name, text, size);
}

static const char *row_operator(const struct job *job, const struct compared *row) {
    return row->operator_ < 0 ? "input"
                              : frozen_op_name(job->integer->operators[row->operator_].code);
}

/* "exact": no difference; "--": not measured. */
static const char *decibel_text(double value, char text[16]) {
    if (isnan(value)) return "--";
    if (value > SQNR_EXACT) return "exact";
    snprintf(text, 16, "%.1f", value);
    return text;
}

static const char *fixed_text(double value, int decimals, char text[16]) {
    if (isnan(value)) return "--";
    if (fabs(value) < 0.5 * pow(10, -decimals)) value = 0; /* no -0.0000 */
    snprintf(text, 16, "%.*f", decimals, value);
    return text;
}

static void print_row(const struct job *job, const struct compared *row, bool is_costliest,
                      int name_width) {
    char name[NAME_SHOWN + 1], sqnr[16], saturation[16], worst[16], weights[16], alone[16];
    char loss[16], share[16] = "--", lost[16] = "--";
    if (!isnan(row->alone_sqnr)) {
        snprintf(share, sizeof share, "%.1f", 100 * row->share);
        snprintf(lost, sizeof lost, "%d", row->alone_lost);
    }
    snprintf(worst, sizeof worst, "%.3g", row->worst);
    printf("%c %-*s %-17s %5s %5s %8s %7s | %5s %6s %7s %4s\n", is_costliest ? '*' : ' ',
           name_width, row_name(job, row, name, sizeof name), row_operator(job, row),
           decibel_text(row->sqnr, sqnr), fixed_text(100 * row->saturation, 2, saturation),
           isnan(row->worst) ? "--" : worst, decibel_text(row->weights_sqnr, weights),
           decibel_text(row->alone_sqnr, alone), share, fixed_text(row->alone_loss, 4, loss), lost);
}

static const char *how_text(const struct job *job, char *text, size_t size) {
    size_t all = job->dataset.train.count, asked = (size_t)job->options->calibrate;
    if (job->how[0] == 'p') {
        snprintf(text, size, "quantized after training, calibrated with %zu digits",
                 asked < all ? asked : all);
        return text;
    }
    if (job->how[0] == 't') return "compared with the float model";
    return "quantized with its own ranges";
}

/* Rounding to 8 bits keeps 30 dB or more; fewer bits or other weights do not. */
static bool has_other_weights(const struct job *job) {
    for (int i = 0; i < job->comparison->row_count; i++)
        if (job->comparison->rows[i].weights_sqnr < OTHER_WEIGHTS) return true;
    return false;
}

static void print_verdict(const struct job *job) {
    const struct comparison *comparison = job->comparison;
    const struct predictions *fp32 = &job->results[PRECISION_FP32],
                             *int8 = &job->results[PRECISION_INT8];
    if (job->against.model && has_other_weights(job))
        printf(
            "\nIts weights differ by more than rounding. If it was trained further than the model, "
            "compare it\nwith the .h5 that qatop export writes from the same weights.\n");
    printf("\nAccuracy: FP32 %.4f, INT8 %.4f\n", fp32->accuracy, int8->accuracy);
    if (comparison->costliest < 0) {
        printf("No layer costs anything.\n");
        return;
    }
    const struct compared *row = &comparison->rows[comparison->costliest];
    char name[NAME_SHOWN + 1], alone[16];
    printf(
        "Costs most: %s, %.1f %% of the error at the logits (%s dB when it alone is quantized)\n",
        row_name(job, row, name, sizeof name), 100 * row->share,
        decibel_text(row->alone_sqnr, alone));
}

static void print_text(const struct job *job) {
    const struct comparison *comparison = job->comparison;
    char text[80], name[NAME_SHOWN + 1], path[200];
    int width = 5;
    for (int i = 0; i < comparison->row_count; i++) {
        int length = snprintf(text, sizeof text, "%s",
                              row_name(job, &comparison->rows[i], name, sizeof name));
        if (length > width) width = length;
    }
    printf("%s: %s, %zu test digits, runtime %s\n\n",
           printable(job->subject.path, path, sizeof path), how_text(job, text, sizeof text),
           comparison->count, runtime_name(comparison->runtime));
    printf("%*s  %s | %s\n", width, "", "all layers quantized: int8 against float      ",
           "only this layer: at the logits");
    printf("  %-*s %-17s %5s %5s %8s %7s | %5s %6s %7s %4s\n", width, "layer", "operator", "SQNR",
           "sat%", "worst", "weights", "SQNR", "share%", "loss+", "lost");
    for (int i = 0; i < comparison->row_count; i++)
        print_row(job, &comparison->rows[i], i == comparison->costliest, width);
    print_verdict(job);
}

/* ---- as JSON ---- */

/* JSON has no infinity: "exact". */
static json_t *json_decibels(double value) {
    return isinf(value) && value > 0 ? json_string("exact") : json_number(value);
}

static json_t *json_row(const struct job *job, const struct compared *row) {
    const struct frozen_tensor *tensor = &job->integer->tensors[row->tensor];
    bool is_measured = !isnan(row->alone_sqnr);
    json_t *scale = tensor->scale_count == 1 ? json_number((double)tensor->scale[0]) : json_null();
    json_t *zero = tensor->scale_count == 1 ? json_integer(tensor->zero_point[0]) : json_null();
    return json_pack("{s:s, s:s, s:s, s:b, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "layer", job->model->layers[row->layer].name, "last",
                     job->model->layers[row->last].name, "operator", row_operator(job, row),
                     "probabilities", (int)row->is_probabilities, "tensor", row->tensor, "scale",
                     scale, "zero_point", zero, "sqnr", json_decibels(row->sqnr), "saturation",
                     json_number(row->saturation), "worst", json_number(row->worst), "weights_sqnr",
                     json_decibels(row->weights_sqnr), "alone_sqnr", json_decibels(row->alone_sqnr),
                     "alone_loss", json_number(row->alone_loss), "alone_lost",
                     is_measured ? json_integer(row->alone_lost) : json_null(), "share",
                     is_measured ? json_number(row->share) : json_null());
}

static enum status print_object(const struct job *job, struct error *error) {
    const struct comparison *comparison = job->comparison;
    const struct predictions *fp32 = &job->results[PRECISION_FP32],
                             *int8 = &job->results[PRECISION_INT8];
    json_t *rows = json_array();
    for (int i = 0; rows && i < comparison->row_count; i++) {
        if (!json_array_append_new(rows, json_row(job, &comparison->rows[i]))) continue;
        json_decref(rows);
        rows = NULL;
    }
    const char *costliest =
        comparison->costliest < 0
            ? NULL
            : job->model->layers[comparison->rows[comparison->costliest].layer].name;
    return print_json(json_pack("{s:s, s:s, s:s, s:I, s:{s:f, s:o}, s:{s:f}, s:s?, s:o}", "model",
                                job->subject.path, "quantized", job->how, "runtime",
                                runtime_name(comparison->runtime), "count",
                                (json_int_t)comparison->count, "fp32", "accuracy", fp32->accuracy,
                                "loss", json_number(fp32->loss), "int8", "accuracy", int8->accuracy,
                                "costliest", costliest, "layers", rows),
                      error);
}

enum status eval_layers(const struct options *options, struct error *error) {
    struct job job = {.options = options};
    if (options->outputs)
        return error_set(error, STATUS_USAGE, "--outputs", "cannot be combined with --layers");
    enum status status = load(&job, error);
    if (!status) status = data_open(options, job.model, NULL, PARTS_BOTH, &job.dataset, error);
    if (!status) status = pool_create(&job.pool, (int)options->threads, error);
    if (!status) status = take(&job, error);
    if (!status) status = compare(&job, error);
    if (!status && options->is_json)
        status = print_object(&job, error);
    else if (!status)
        print_text(&job);
    comparison_free(job.comparison);
    for (int precision = 0; precision < PRECISIONS; precision++)
        predictions_free(&job.results[precision]);
    frozen_free(job.frozen);
    checkpoint_free(job.checkpoint);
    ptq_free(&job.ptq);
    pool_destroy(job.pool);
    dataset_free(&job.dataset);
    subject_free(&job.against);
    subject_free(&job.subject);
    return status;
}
