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

/* One comparison, so that helpers need not take eight arguments. */
struct session {
    const struct options *options;
    struct subject subject, against;
    struct dataset dataset;
    struct pool *pool;
    /* what was quantized, where it is not the subject's own */
    struct ptq ptq;
    struct checkpoint *checkpoint;
    const char *how; /* "ptq", "checkpoint", "qat", "tflite" */
    struct frozen *frozen;
    /* what is compared */
    const struct model *model;
    const float *weights;
    const struct frozen *integer;
    struct predictions paths[PATHS];
    struct comparison *comparison;
};

/* ---- what to compare ---- */

static enum status take_tflite(struct session *session, struct error *error) {
    if (!session->against.model)
        return error_set(error, STATUS_USAGE, session->against.path,
                         "--against wants a Keras model, .h5 or .keras");
    session->model = session->against.model;
    session->weights = session->model->weights;
    session->integer = session->subject.frozen;
    session->how = "tflite";
    return STATUS_OK;
}

static enum status take_snapshot(struct session *session, const struct snapshot *snapshot,
                                 const char *how, struct error *error) {
    session->model = snapshot->model;
    session->weights = snapshot->weights;
    session->how = how;
    enum status status = freeze(snapshot, IO_FLOAT, &session->frozen, error);
    session->integer = session->frozen;
    return status;
}

static enum status take_model(struct session *session, struct error *error) {
    const struct model *model = session->subject.model;
    enum status status = model_check_digits(model, session->subject.path, error);
    if (status) return status;
    /* Its ranges are TensorFlow Model Optimization's, so is what it quantizes. */
    if (model->has_ranges)
        return take_snapshot(session, session->subject.qat.snapshot, "qat", error);
    status = ptq_create(&session->ptq, model, &session->dataset.train,
                        (size_t)session->options->calibrate, session->pool, error);
    return status ? status : take_snapshot(session, session->ptq.snapshot, "ptq", error);
}

/* What is read of HDF5 files, which forks, before there are threads. */
static enum status load(struct session *session, struct error *error) {
    const struct options *options = session->options;
    enum status status = subject_load(&session->subject, options->operands[0], error);
    if (!status) status = subject_load_ranges(&session->subject, error);
    if (status) return status;
    const char *path = session->subject.path;
    if (session->subject.frozen && !options->against)
        return error_set(error, STATUS_USAGE, path,
                         "--layers wants the Keras model that it was made from as well: "
                         "--against MODEL");
    if (session->subject.frozen) return subject_load(&session->against, options->against, error);
    if (options->against)
        return error_set(error, STATUS_USAGE, "--against",
                         "goes with a .tflite; a Keras model is quantized from its own weights");
    return checkpoint_probe(path) ? checkpoint_load(path, &session->checkpoint, error) : STATUS_OK;
}

static enum status take(struct session *session, struct error *error) {
    if (session->subject.frozen) return take_tflite(session, error);
    if (session->checkpoint)
        return take_snapshot(session, session->checkpoint->snapshot, "checkpoint", error);
    return take_model(session, error);
}

static enum status compare(struct session *session, struct error *error) {
    const struct digits *digits = &session->dataset.test;
    enum runtime runtime = (enum runtime)session->options->runtime;
    const char *path = session->subject.path;
    enum status status = evaluate_float(session->model, session->weights, digits, session->pool,
                                        &session->paths[PATH_FP32], error);
    if (!status)
        status = evaluate_frozen(session->integer, runtime, digits, session->pool, path,
                                 &session->paths[PATH_INT8], error);
    if (status) return status;
    return comparison_create(&session->comparison, session->model, session->weights,
                             session->integer, runtime, digits, digits->count, session->pool, path,
                             error);
}

/* ---- as text ---- */

static const char *row_name(const struct session *session, const struct compared *row, char *text,
                            size_t size) {
    return printable(session->model->layers[row->layer].name, text, size);
}

static const char *row_operator(const struct session *session, const struct compared *row) {
    return row->operator_ < 0 ? "input"
                              : frozen_op_name(session->integer->operators[row->operator_].code);
}

/* "exact" where nothing differs, "--" where nothing was measured. */
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

static void print_row(const struct session *session, const struct compared *row, bool is_costliest,
                      int name_width) {
    char name[NAME_SHOWN + 1], sqnr[16], saturation[16], worst[16], weights[16], alone[16];
    char loss[16], share[16] = "--", lost[16] = "--";
    if (!isnan(row->alone_sqnr)) {
        snprintf(share, sizeof share, "%.1f", 100 * row->share);
        snprintf(lost, sizeof lost, "%d", row->alone_lost);
    }
    snprintf(worst, sizeof worst, "%.3g", row->worst);
    printf("%c %-*s %-17s %5s %5s %8s %7s | %5s %6s %7s %4s\n", is_costliest ? '*' : ' ',
           name_width, row_name(session, row, name, sizeof name), row_operator(session, row),
           decibel_text(row->sqnr, sqnr), fixed_text(100 * row->saturation, 2, saturation),
           isnan(row->worst) ? "--" : worst, decibel_text(row->weights_sqnr, weights),
           decibel_text(row->alone_sqnr, alone), share, fixed_text(row->alone_loss, 4, loss), lost);
}

static const char *how_text(const struct session *session, char *text, size_t size) {
    size_t all = session->dataset.train.count, asked = (size_t)session->options->calibrate;
    if (session->how[0] == 'p') {
        snprintf(text, size, "quantized after training, calibrated with %zu digits",
                 asked < all ? asked : all);
        return text;
    }
    if (session->how[0] == 't') return "beside the float model";
    return "quantized with its own ranges";
}

/* Rounding to 8 bits leaves 30 dB and more; fewer bits, or other weights, do not. */
static bool has_other_weights(const struct session *session) {
    for (int i = 0; i < session->comparison->row_count; i++)
        if (session->comparison->rows[i].weights_sqnr < OTHER_WEIGHTS) return true;
    return false;
}

static void print_verdict(const struct session *session) {
    const struct comparison *comparison = session->comparison;
    const struct predictions *fp32 = &session->paths[PATH_FP32], *int8 = &session->paths[PATH_INT8];
    if (session->against.model && has_other_weights(session))
        printf("\nIts weights are not just rounded: if it was trained further than the model, set "
               "it against\nthe .h5 that qatop export writes of the same weights.\n");
    printf("\nAccuracy: FP32 %.4f, INT8 %.4f\n", fp32->accuracy, int8->accuracy);
    if (comparison->costliest < 0) {
        printf("No layer costs anything.\n");
        return;
    }
    const struct compared *row = &comparison->rows[comparison->costliest];
    char name[NAME_SHOWN + 1], alone[16];
    printf(
        "Costs most: %s, %.1f %% of the error at the logits (%s dB when it alone is quantized)\n",
        row_name(session, row, name, sizeof name), 100 * row->share,
        decibel_text(row->alone_sqnr, alone));
}

static void print_text(const struct session *session) {
    const struct comparison *comparison = session->comparison;
    char text[80], name[NAME_SHOWN + 1], path[200];
    int width = 5;
    for (int i = 0; i < comparison->row_count; i++) {
        int length = snprintf(text, sizeof text, "%s",
                              row_name(session, &comparison->rows[i], name, sizeof name));
        if (length > width) width = length;
    }
    printf("%s: %s, %zu test digits, runtime %s\n\n",
           printable(session->subject.path, path, sizeof path),
           how_text(session, text, sizeof text), comparison->count,
           runtime_name(comparison->runtime));
    printf("%*s  %s | %s\n", width, "", "all quantized: int8 beside float              ",
           "it alone: at the logits");
    printf("  %-*s %-17s %5s %5s %8s %7s | %5s %6s %7s %4s\n", width, "layer", "operator", "SQNR",
           "sat%", "worst", "weights", "SQNR", "share%", "loss+", "lost");
    for (int i = 0; i < comparison->row_count; i++)
        print_row(session, &comparison->rows[i], i == comparison->costliest, width);
    print_verdict(session);
}

/* ---- as JSON ---- */

/* JSON knows no infinity: "exact" says it. */
static json_t *json_decibels(double value) {
    return isinf(value) && value > 0 ? json_string("exact") : json_number(value);
}

static json_t *json_row(const struct session *session, const struct compared *row) {
    const struct frozen_tensor *tensor = &session->integer->tensors[row->tensor];
    bool is_measured = !isnan(row->alone_sqnr);
    json_t *scale = tensor->scale_count == 1 ? json_number((double)tensor->scale[0]) : json_null();
    json_t *zero = tensor->scale_count == 1 ? json_integer(tensor->zero_point[0]) : json_null();
    return json_pack("{s:s, s:s, s:s, s:b, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "layer", session->model->layers[row->layer].name, "last",
                     session->model->layers[row->last].name, "operator", row_operator(session, row),
                     "probabilities", (int)row->is_probabilities, "tensor", row->tensor, "scale",
                     scale, "zero_point", zero, "sqnr", json_decibels(row->sqnr), "saturation",
                     json_number(row->saturation), "worst", json_number(row->worst), "weights_sqnr",
                     json_decibels(row->weights_sqnr), "alone_sqnr", json_decibels(row->alone_sqnr),
                     "alone_loss", json_number(row->alone_loss), "alone_lost",
                     is_measured ? json_integer(row->alone_lost) : json_null(), "share",
                     is_measured ? json_number(row->share) : json_null());
}

static enum status print_object(const struct session *session, struct error *error) {
    const struct comparison *comparison = session->comparison;
    const struct predictions *fp32 = &session->paths[PATH_FP32], *int8 = &session->paths[PATH_INT8];
    json_t *rows = json_array();
    for (int i = 0; rows && i < comparison->row_count; i++) {
        if (!json_array_append_new(rows, json_row(session, &comparison->rows[i]))) continue;
        json_decref(rows);
        rows = NULL;
    }
    const char *costliest =
        comparison->costliest < 0
            ? NULL
            : session->model->layers[comparison->rows[comparison->costliest].layer].name;
    return print_json(json_pack("{s:s, s:s, s:s, s:I, s:{s:f, s:o}, s:{s:f}, s:s?, s:o}", "model",
                                session->subject.path, "quantized", session->how, "runtime",
                                runtime_name(comparison->runtime), "count",
                                (json_int_t)comparison->count, "fp32", "accuracy", fp32->accuracy,
                                "loss", json_number(fp32->loss), "int8", "accuracy", int8->accuracy,
                                "costliest", costliest, "layers", rows),
                      error);
}

enum status eval_layers(const struct options *options, struct error *error) {
    struct session session = {.options = options};
    if (options->outputs)
        return error_set(error, STATUS_USAGE, "--outputs", "does not go with --layers");
    enum status status = load(&session, error);
    if (!status) status = subject_digits(options, &session.dataset, error);
    if (!status) status = pool_create(&session.pool, (int)options->threads, error);
    if (!status) status = take(&session, error);
    if (!status) status = compare(&session, error);
    if (!status && options->is_json)
        status = print_object(&session, error);
    else if (!status)
        print_text(&session);
    comparison_free(session.comparison);
    for (int path = 0; path < PATHS; path++) predictions_free(&session.paths[path]);
    frozen_free(session.frozen);
    checkpoint_free(session.checkpoint);
    ptq_free(&session.ptq);
    pool_destroy(session.pool);
    dataset_free(&session.dataset);
    subject_free(&session.against);
    subject_free(&session.subject);
    return status;
}
