#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/layers.h"
#include "cli/subject.h"
#include "config.h"
#include "evaluate/rescale.h"
#include "engine/outputs.h"

/* Files are little-endian on every machine. */
static void swap_to_little_endian(unsigned char *bytes, size_t count, size_t size) {
    const union {
        unsigned short word;
        unsigned char first;
    } order = {1};
    if (order.first) return;
    for (; count--; bytes += size) {
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char byte = bytes[i];
            bytes[i] = bytes[size - 1 - i];
            bytes[size - 1 - i] = byte;
        }
    }
}

static enum status write_values(const char *path, void *values, size_t count, size_t size,
                                struct error *error) {
    swap_to_little_endian(values, count, size);
    return file_replace(path, values, count * size, NULL, NULL, error);
}

static enum status write_raw_outputs(const struct subject *subject, enum runtime runtime,
                                     const struct samples *samples, struct pool *pool,
                                     const char *path, struct error *error) {
    struct outputs outputs;
    enum status status =
        outputs_compute(&outputs, subject->frozen, runtime, pool, samples, subject->path, error);
    if (status) return status;
    status = write_values(path, outputs.bytes, outputs.rows * outputs.columns,
                          frozen_type_size(outputs.type), error);
    outputs_free(&outputs);
    return status;
}

static enum status write_outputs(const struct subject *subject, const struct options *options,
                                 const struct samples *samples, struct pool *pool,
                                 const struct predictions *predictions, struct error *error) {
    if (!options->outputs) return STATUS_OK;
    if (!subject->model)
        return write_raw_outputs(subject, (enum runtime)options->runtime, samples, pool,
                                 options->outputs, error);
    return write_values(options->outputs, predictions->probabilities,
                        predictions->count * (size_t)predictions->classes, sizeof(float), error);
}

/* `plain`: those of the float weights of a saved QAT model; NULL for any other file. */
static enum status report_json(const struct subject *subject, const struct predictions *predictions,
                               const struct predictions *plain, double seconds,
                               struct error *error) {
    json_t *root =
        json_pack("{s:s, s:s, s:o, s:f, s:I, s:I, s:f}", "model", subject->path, "format",
                  subject_format(subject), "loss", json_number(predictions->loss), "accuracy",
                  predictions->accuracy, "correct", (json_int_t)predictions->correct, "count",
                  (json_int_t)predictions->count, "seconds", seconds);
    if (root && plain &&
        json_object_set_new(root, "fp32",
                            json_pack("{s:o, s:f, s:I}", "loss", json_number(plain->loss),
                                      "accuracy", plain->accuracy, "correct",
                                      (json_int_t)plain->correct))) {
        json_decref(root);
        root = NULL;
    }
    return print_json(root, error);
}

static enum status report(const struct options *options, const struct subject *subject,
                          const struct predictions *predictions, const struct predictions *plain,
                          double seconds, struct error *error) {
    if (options->is_json) return report_json(subject, predictions, plain, seconds, error);
    printf("%zu/%zu - %.1fs", predictions->count, predictions->count, seconds);
    if (predictions->loss == predictions->loss) printf(" - loss: %.4f", predictions->loss);
    printf(" - accuracy: %.4f\n", predictions->accuracy);
    if (plain)
        printf("float weights without quantization - loss: %.4f - accuracy: %.4f\n", plain->loss,
               plain->accuracy);
    return STATUS_OK;
}

struct tried {
    const struct subject *subject;
    enum runtime runtime;
    struct pool *pool;
};

static enum status evaluate_tried(void *context, const struct samples *samples,
                                  struct predictions *predictions, struct error *error) {
    const struct tried *tried = context;
    return subject_evaluate(tried->subject, tried->runtime, samples, tried->pool, predictions,
                            error);
}

/* One line on standard error where another --rescale suits the model better. */
static enum status doubt_rescale(const struct options *options, const struct subject *subject,
                                 const struct samples *samples, struct pool *pool,
                                 struct error *error) {
    struct tried tried = {subject, (enum runtime)options->runtime, pool};
    struct rescale_hint hint;
    char text[200];
    enum status status = rescale_find(&hint, samples, evaluate_tried, &tried, error);
    if (status || !hint.name || options->is_quiet) return status;
    rescale_text(&hint, text, sizeof text);
    fprintf(stderr, PACKAGE_NAME ": %s\n", text);
    return STATUS_OK;
}

enum status command_eval(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    if (options->by_layers) return eval_layers(options, error);
    if (options->against) return error_set(error, STATUS_USAGE, "--against", "requires --layers");
    struct subject subject;
    struct dataset dataset = {0};
    struct predictions predictions = {0}, plain = {0};
    struct pool *pool = NULL;
    enum status status = subject_load(&subject, options->operands[0], error);
    if (status) return status;
    if ((status = subject_load_ranges(&subject, error))) goto done;
    if ((status = data_open(options, subject.model, subject.frozen, PARTS_TEST, &dataset, error)))
        goto done;
    if ((status = pool_create(&pool, (int)options->threads, error))) goto done;
    if (*dataset.remark && !options->is_quiet)
        fprintf(stderr, PACKAGE_NAME ": %s\n", dataset.remark);
    double start = clock_seconds();
    status = subject_evaluate(&subject, (enum runtime)options->runtime, &dataset.test, pool,
                              &predictions, error);
    if (status) goto done;
    double seconds = clock_seconds() - start;
    status = write_outputs(&subject, options, &dataset.test, pool, &predictions, error);
    if (!status && predictions.accuracy < RESCALE_DOUBTFUL)
        status = doubt_rescale(options, &subject, &dataset.test, pool, error);
    if (status) goto done;
    bool is_qat = subject.model && subject.model->has_ranges;
    if (is_qat) status = subject_evaluate_float(&subject, &dataset.test, pool, &plain, error);
    if (!status)
        status = report(options, &subject, &predictions, is_qat ? &plain : NULL, seconds, error);
done:
    predictions_free(&plain);
    predictions_free(&predictions);
    pool_destroy(pool);
    dataset_free(&dataset);
    subject_free(&subject);
    return status;
}
