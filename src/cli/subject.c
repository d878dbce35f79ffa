#include "cli/subject.h"

#include <stdio.h>
#include <string.h>

#include "cli/assets.h"
#include "cli/qat.h"
#include "model/archive.h"
#include "tflite/tflite.h"

/* By content if possible, so that a renamed file still works. */
static bool is_tflite(const char *path) {
    char head[8];
    FILE *file = fopen(path, "rb");
    size_t length = file ? fread(head, 1, sizeof head, file) : 0;
    if (file) fclose(file);
    if (length == sizeof head && !memcmp(head + 4, "TFL3", 4)) return true;
    size_t name = strlen(path);
    return name > 7 && !strcmp(path + name - 7, ".tflite");
}

enum status subject_load(struct subject *subject, const char *operand, struct error *error) {
    *subject = (struct subject){0};
    enum status status = assets_model(operand, subject->path, sizeof subject->path, error);
    if (!status)
        status = is_tflite(subject->path) ? tflite_read(subject->path, &subject->frozen, error)
                                          : model_load(subject->path, &subject->model, error);
    if (status) subject_free(subject);
    return status;
}

enum status subject_load_ranges(struct subject *subject, struct error *error) {
    if (!subject->model || !subject->model->has_ranges) return STATUS_OK;
    enum status status = model_check_classifier(subject->model, subject->path, error);
    return status ? status : qat_from_model(&subject->qat, subject->path, subject->model, error);
}

void subject_free(struct subject *subject) {
    qat_free(&subject->qat);
    model_free(subject->model);
    frozen_free(subject->frozen);
    *subject = (struct subject){0};
}

const char *subject_format(const struct subject *subject) {
    if (!subject->model) return "tflite";
    return archive_probe(subject->path) ? "keras" : "h5";
}

enum status subject_evaluate_float(const struct subject *subject, const struct samples *samples,
                                   struct pool *pool, struct predictions *predictions,
                                   struct error *error) {
    enum status status = model_check_classifier(subject->model, subject->path, error);
    if (status) return status;
    return evaluate_float(subject->model, subject->model->weights, samples, pool, predictions,
                          error);
}

enum status subject_evaluate(const struct subject *subject, enum runtime runtime,
                             const struct samples *samples, struct pool *pool,
                             struct predictions *predictions, struct error *error) {
    if (!subject->model)
        return evaluate_frozen(subject->frozen, runtime, samples, pool, subject->path, predictions,
                               error);
    if (subject->qat.snapshot)
        return evaluate_fake_quant(subject->qat.snapshot, samples, pool, predictions, error);
    return subject_evaluate_float(subject, samples, pool, predictions, error);
}

/* A program whose input has integer codes of more than one unit each, from the start or by the
 * QUANTIZE that reads it: it takes bytes as they are. */
static bool takes_raw(const struct frozen *frozen) {
    const struct frozen_tensor *input = &frozen->tensors[frozen->input];
    for (int i = 0; i < frozen->operator_count && input->type == TYPE_FLOAT32; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        if (op->code == OP_QUANTIZE && op->inputs[0] == frozen->input)
            input = &frozen->tensors[op->outputs[0]];
    }
    /* 255 codes that reach further than twice from 0 to 1. */
    return input->scale_count == 1 && input->scale[0] * 255 > 4;
}

enum status data_open(const struct options *options, const struct model *model,
                      const struct frozen *frozen, enum parts parts, struct dataset *dataset,
                      struct error *error) {
    char path[1024];
    enum status status = assets_data(options->data, path, sizeof path, error);
    if (status) return status;
    struct dataset_request request = {
        .path = path,
        .rescale = options->rescale,
        .is_transposed = options->is_transposed,
        .validation_split = options->validation_split,
        .needs_train = parts != PARTS_TEST,
        .needs_test = parts != PARTS_TRAIN,
    };
    if (model) {
        request.shape = model->layers[0].output;
        request.classes = model_classes(model);
    } else if (frozen) {
        request.shape = frozen_input_shape(frozen);
        request.is_raw_by_default = takes_raw(frozen);
        request.classes = (int)frozen_output_count(frozen);
    }
    return dataset_open(dataset, &request, error);
}
