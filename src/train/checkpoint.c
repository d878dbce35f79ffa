#include "train/checkpoint.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "base/json_text.h"
#include "model/h5.h"
#include "model/h5_reader.h"
#include "model/save.h"
#include "model/tfmot.h"
#include "model/variables.h"
#include "quant/variables_snapshot.h"

#define ATTRIBUTE "qatop"

void checkpoint_free(struct checkpoint *checkpoint) {
    if (!checkpoint) return;
    snapshot_release(checkpoint->snapshot);
    array_free(checkpoint->m);
    array_free(checkpoint->v);
    quant_plan_free(checkpoint->plan);
    model_free(checkpoint->model);
    free(checkpoint);
}

struct checkpoint *checkpoint_take(const struct trainer *trainer, const struct training *training,
                                   const struct model *model, bool has_pretrained) {
    struct checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    if (!checkpoint) return NULL;
    size_t count = model->weight_count;
    struct optimizer_state optimizer = trainer_optimizer(trainer);
    checkpoint->training = *training;
    checkpoint->progress = trainer_progress(trainer);
    checkpoint->snapshot = trainer_snapshot(trainer);
    checkpoint->m = array_new(count, sizeof(float));
    checkpoint->v = array_new(count, sizeof(float));
    checkpoint->has_pretrained = has_pretrained;
    if (!checkpoint->snapshot || !checkpoint->m || !checkpoint->v) {
        checkpoint_free(checkpoint);
        return NULL;
    }
    memcpy(checkpoint->m, optimizer.m, count * sizeof(float));
    memcpy(checkpoint->v, optimizer.v, count * sizeof(float));
    return checkpoint;
}

/* ---- saving --------------------------------------------------------------------------------- */

static enum status write_parameters(const struct h5 *h5, const struct model *model,
                                    const char *group, const float *values, struct error *error) {
    enum status status = STATUS_OK;
    for (int i = 0; i < model->parameter_count && !status; i++) {
        const struct parameter *parameter = &model->parameters[i];
        struct h5_shape shape = {.rank = parameter->rank, .count = parameter->count};
        char name[3 * MODEL_NAME];
        for (int j = 0; j < parameter->rank; j++) shape.size[j] = (size_t)parameter->size[j];
        snprintf(name, sizeof name, "%s/%s", group, parameter->name);
        status = h5_write_floats(h5, h5->file, name, &shape, values + parameter->offset, error);
    }
    return status;
}

static enum status write_bounds(const struct h5 *h5, const char *layer, const char *variable,
                                const struct quant_tensor *tensor, const float *values,
                                struct error *error) {
    struct h5_shape shape = {.rank = tensor->is_per_channel ? 1 : 0,
                             .size = {(size_t)tensor->channels},
                             .count = (size_t)tensor->channels};
    const char *wrapper = tensor->placement == PLACE_INPUT ? "" : TFMOT_WRAPPER;
    char name[3 * MODEL_NAME];
    snprintf(name, sizeof name, "quantized_weights/%s%s/%s", wrapper, layer, variable);
    return h5_write_floats(h5, h5->file, name, &shape, values, error);
}

/* Where TFMOT keeps them and variables_snapshot.h reads them. */
static enum status write_ranges(const struct h5 *h5, const struct snapshot *snapshot,
                                struct error *error) {
    const struct quant_plan *plan = snapshot->plan;
    size_t count = (size_t)plan->range_count;
    float *min = array_new(count, sizeof *min), *max = array_new(count, sizeof *max);
    enum status status = STATUS_OK;
    if (!min || !max) {
        status = error_memory(error, h5->path, 0);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        min[i] = snapshot->ranges[i].min;
        max[i] = snapshot->ranges[i].max;
    }
    for (int i = 0; i < plan->tensor_count && !status; i++) {
        const struct quant_tensor *tensor = &plan->tensors[i];
        struct saved_range saved = saved_range(snapshot->model, tensor);
        status = write_bounds(h5, saved.layer, saved.min, tensor, min + tensor->offset, error);
        if (!status)
            status = write_bounds(h5, saved.layer, saved.max, tensor, max + tensor->offset, error);
    }
done:
    array_free(min);
    array_free(max);
    return status;
}

static void write_trainer(struct json_text *json, const struct trainer_progress *progress) {
    json_field_integer(json, "updates", (int64_t)progress->updates);
    json_field_integer(json, "end", (int64_t)progress->end);
    json_field_integer(json, "schedule_begin", (int64_t)progress->schedule_begin);
    json_field_integer(json, "schedule_length", (int64_t)progress->schedule_length);
    json_field_double(json, "peak", progress->peak);
    json_field_float(json, "nominal", progress->nominal);
    json_field_integer(json, "set_at", (int64_t)progress->set_at);
    json_field_float(json, "set_rate", progress->set_rate);
}

static void write_progress(struct json_text *json, const struct checkpoint *checkpoint) {
    const struct training *training = &checkpoint->training;
    const struct scheme *scheme = &checkpoint->snapshot->plan->scheme;
    json_text_open(json, '{');
    json_field_integer(json, "version", CHECKPOINT_VERSION);
    json_field_string(json, "scheme", scheme->name);
    json_field_integer(json, "weight_bits", scheme->weight_bits);
    json_field_integer(json, "step", (int64_t)checkpoint->snapshot->step);
    write_trainer(json, &checkpoint->progress);
    json_field_integer(json, "epochs", training->epochs);
    json_field_integer(json, "batch", training->batch);
    json_field_float(json, "learning_rate", training->learning_rate);
    json_field_string(json, "schedule", schedule_name(training->schedule));
    json_field_float(json, "label_smoothing", training->label_smoothing);
    json_field_integer(json, "warmup", training->warmup);
    json_field_integer(json, "seed", (int64_t)training->seed);
    json_field_integer(json, "max_steps", (int64_t)training->max_steps);
    json_field_bool(json, "shuffle", training->shuffle);
    json_field_bool(json, "dropout", training->dropout);
    json_field_string(json, "augment", augmentation_name(training->augment));
    json_field_string(json, "rescale", *training->rescale ? training->rescale : "unit");
    json_text_close(json, '}');
}

struct saver {
    const struct checkpoint *checkpoint;
    const char *path;
};

static enum status write_file(const char *temporary, void *context, struct error *error) {
    const struct saver *saver = context;
    const struct checkpoint *checkpoint = saver->checkpoint;
    const struct snapshot *snapshot = checkpoint->snapshot;
    struct json_text json = {0};
    struct h5 h5;
    write_progress(&json, checkpoint);
    if (json.is_failed) {
        json_text_free(&json);
        return error_memory(error, saver->path, 0);
    }
    enum status status = h5_create(&h5, temporary, saver->path, error);
    if (status) goto done;
    status = model_write(snapshot->model, snapshot->weights, &h5, error);
    if (!status) status = h5_write_text(&h5, h5.file, ATTRIBUTE, json.text, error);
    if (!status)
        status =
            write_parameters(&h5, snapshot->model, "quantized_weights", snapshot->weights, error);
    if (!status) status = write_ranges(&h5, snapshot, error);
    if (!status)
        status = write_parameters(&h5, snapshot->model, "optimizer/m", checkpoint->m, error);
    if (!status)
        status = write_parameters(&h5, snapshot->model, "optimizer/v", checkpoint->v, error);
    if (!status && checkpoint->has_pretrained)
        status =
            write_parameters(&h5, snapshot->model, "pretrained", snapshot->model->weights, error);
    enum status closed = h5_close(&h5, status ? NULL : error);
    if (!status) status = closed;
done:
    json_text_free(&json);
    return status;
}

enum status checkpoint_save(const struct checkpoint *checkpoint, const char *folder, char *path,
                            size_t size, struct error *error) {
    char own[1024], newest[1024];
    int used = snprintf(own, sizeof own, "%s/checkpoint-s%" PRIu64 ".h5", folder,
                        checkpoint->snapshot->step);
    if (used < 0 || (size_t)used >= sizeof own)
        return error_set(error, STATUS_USAGE, folder, "folder name is too long");
    snprintf(newest, sizeof newest, "%s/checkpoint.h5", folder);
    snprintf(path, size, "%s", own);
    struct saver saver = {checkpoint, own};
    enum status status = file_replace_with(own, write_file, &saver, error);
    if (status) return status;
    saver.path = newest;
    return file_replace_with(newest, write_file, &saver, error);
}

/* ---- loading -------------------------------------------------------------------------------- */

bool checkpoint_probe(const char *path) {
    struct h5_reader *reader;
    if (h5_reader_open(&reader, path, NULL)) return false;
    bool is_one = h5_reader_has_attribute(reader, "/", ATTRIBUTE);
    h5_reader_close(reader, NULL);
    return is_one;
}

/* A whole number from `low` to `high`. */
static bool get_integer(const json_t *root, const char *key, int64_t low, int64_t high,
                        int64_t *value) {
    const json_t *member = json_object_get(root, key);
    if (!json_is_integer(member)) return false;
    *value = json_integer_value(member);
    return *value >= low && *value <= high;
}

static bool get_bool(const json_t *root, const char *key, bool *value) {
    const json_t *member = json_object_get(root, key);
    *value = json_is_true(member);
    return json_is_boolean(member);
}

static bool get_schedule(const json_t *root, enum schedule *schedule) {
    const char *name = json_string_value(json_object_get(root, "schedule"));
    *schedule = name ? schedule_named(name) : SCHEDULES;
    return *schedule < SCHEDULES;
}

/* Early checkpoints have neither of these keys. */
static bool get_smoothing(const json_t *root, float *smoothing) {
    const json_t *member = json_object_get(root, "label_smoothing");
    double value = json_number_value(member);
    *smoothing = (float)value;
    return !member || (json_is_number(member) && value >= 0 && value < 1);
}

/* Older checkpoints are of MNIST's digits. */
static bool get_rescale(const json_t *root, char rescale[PREPROCESSING_NAME]) {
    const json_t *member = json_object_get(root, "rescale");
    const char *name = member ? json_string_value(member) : "unit";
    struct preprocessing preprocessing;
    struct error ignored;
    if (!name || strlen(name) >= PREPROCESSING_NAME ||
        preprocessing_parse(&preprocessing, name, &ignored))
        return false;
    snprintf(rescale, PREPROCESSING_NAME, "%s", name);
    return true;
}

static bool get_augmentation(const json_t *root, enum augmentation *augmentation) {
    const json_t *member = json_object_get(root, "augment");
    const char *name = json_string_value(member);
    for (int i = 0; name && i < AUGMENTATIONS; i++) {
        *augmentation = (enum augmentation)i;
        if (!strcmp(name, augmentation_name(*augmentation))) return true;
    }
    *augmentation = AUGMENT_NONE;
    return !member;
}

static bool get_float(const json_t *root, const char *key, double *value) {
    const json_t *member = json_object_get(root, key);
    *value = json_number_value(member);
    return json_is_number(member) && isfinite(*value) && *value >= 0;
}

static bool get_trainer(const json_t *root, int64_t step, struct trainer_progress *progress) {
    int64_t updates, end, begin, length, set_at;
    double nominal, set_rate;
    if (!get_integer(root, "updates", 0, step, &updates) ||
        !get_integer(root, "end", 0, INT64_MAX, &end) ||
        !get_integer(root, "schedule_begin", 0, INT64_MAX, &begin) ||
        !get_integer(root, "schedule_length", 0, INT64_MAX, &length) ||
        !get_integer(root, "set_at", INT64_MIN, INT64_MAX, &set_at) ||
        !get_float(root, "peak", &progress->peak) || !get_float(root, "nominal", &nominal) ||
        !get_float(root, "set_rate", &set_rate))
        return false;
    progress->steps = (uint64_t)step;
    progress->updates = (uint64_t)updates;
    progress->end = (uint64_t)end;
    progress->schedule_begin = (uint64_t)begin;
    progress->schedule_length = (uint64_t)length;
    progress->set_at = (uint64_t)set_at;
    progress->nominal = (float)nominal;
    progress->set_rate = (float)set_rate;
    return true;
}

struct progress {
    struct scheme scheme;
    uint64_t step;
};

static enum status read_progress(const char *text, const char *path, struct checkpoint *checkpoint,
                                 struct progress *progress, struct error *error) {
    struct training *training = &checkpoint->training;
    json_error_t where;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    int64_t version = 0, bits = 0, step = 0, epochs = 0, batch = 0, warmup = 0;
    int64_t seed = 0, most = 0;
    enum status status = STATUS_OK;
    if (!get_integer(root, "version", 1, INT64_MAX, &version)) {
        status = error_set(error, STATUS_FORMAT, path, "is not a qatop checkpoint");
        goto done;
    }
    if (version > CHECKPOINT_VERSION) {
        status = error_set(error, STATUS_UNSUPPORTED, path,
                           "is a version %lld checkpoint; this qatop supports versions up to %d",
                           (long long)version, CHECKPOINT_VERSION);
        goto done;
    }
    const char *name = json_string_value(json_object_get(root, "scheme"));
    const struct scheme *scheme = name ? scheme_find(name) : NULL;
    const json_t *rate = json_object_get(root, "learning_rate");
    if (!scheme || !get_integer(root, "weight_bits", 2, 8, &bits) ||
        !get_integer(root, "step", 0, INT64_MAX, &step) ||
        !get_trainer(root, step, &checkpoint->progress) ||
        !get_integer(root, "epochs", 1, MAX_EPOCHS, &epochs) ||
        !get_integer(root, "batch", 1, MAX_BATCH, &batch) ||
        !get_integer(root, "warmup", 0, INT32_MAX, &warmup) ||
        !get_integer(root, "seed", INT64_MIN, INT64_MAX, &seed) ||
        !get_integer(root, "max_steps", 0, INT64_MAX, &most) || !json_is_number(rate) ||
        !get_schedule(root, &training->schedule) ||
        !get_bool(root, "shuffle", &training->shuffle) ||
        !get_bool(root, "dropout", &training->dropout) ||
        !get_smoothing(root, &training->label_smoothing) ||
        !get_augmentation(root, &training->augment) || !get_rescale(root, training->rescale)) {
        status = error_set(error, STATUS_FORMAT, path,
                           "the checkpoint's description is incomplete or invalid");
        goto done;
    }
    progress->scheme = *scheme;
    progress->scheme.weight_bits = (int)bits;
    progress->step = (uint64_t)step;
    training->epochs = (int)epochs;
    training->batch = (int)batch;
    training->warmup = (int)warmup;
    training->seed = (uint64_t)seed;
    training->max_steps = (uint64_t)most;
    training->learning_rate = (float)json_number_value(rate);
done:
    json_decref(root);
    return status;
}

static enum status read_parameters(struct h5_reader *reader, const char *path,
                                   const struct model *model, const char *group, float *values,
                                   struct error *error) {
    enum status status = STATUS_OK;
    for (int i = 0; i < model->parameter_count && !status; i++) {
        const struct parameter *parameter = &model->parameters[i];
        struct h5_shape shape;
        bool is_float;
        char name[3 * MODEL_NAME];
        snprintf(name, sizeof name, "%s/%s", group, parameter->name);
        if (!h5_reader_has(reader, name))
            return error_set(error, STATUS_FORMAT, path, "'%s' is missing", name);
        status = h5_reader_shape(reader, "/", name, &shape, &is_float, error);
        if (!status && shape.count != parameter->count)
            status = error_set(error, STATUS_FORMAT, path, "'%s' has %zu values, not %zu", name,
                               shape.count, parameter->count);
        if (!status)
            status = h5_reader_floats(reader, "/", name, values + parameter->offset,
                                      parameter->count, error);
    }
    return status;
}

static enum status read_h5(const char *path, struct checkpoint *checkpoint,
                           struct progress *progress, struct error *error) {
    struct h5_reader *reader;
    const struct model *model = checkpoint->model;
    char *text = NULL;
    size_t length;
    enum status status = h5_reader_open(&reader, path, error);
    if (status) return status;
    if (!h5_reader_has_attribute(reader, "/", ATTRIBUTE))
        status = error_set(error, STATUS_FORMAT, path, "is not a qatop checkpoint");
    if (!status) status = h5_reader_text(reader, "/", ATTRIBUTE, &text, &length, error);
    if (!status) status = read_progress(text, path, checkpoint, progress, error);
    if (!status) status = read_parameters(reader, path, model, "optimizer/m", checkpoint->m, error);
    if (!status) status = read_parameters(reader, path, model, "optimizer/v", checkpoint->v, error);
    checkpoint->has_pretrained = !status && h5_reader_has(reader, "pretrained");
    if (checkpoint->has_pretrained)
        status = read_parameters(reader, path, model, "pretrained", model->weights, error);
    free(text);
    enum status closed = h5_reader_close(reader, error);
    return closed ? closed : status;
}

static enum status read_snapshot(const char *path, struct checkpoint *checkpoint, uint64_t step,
                                 struct error *error) {
    struct variables *variables = NULL;
    enum status status = variables_load(path, &variables, error);
    if (status) return status;
    status = variables_snapshot(checkpoint->model, checkpoint->plan, variables,
                                &checkpoint->snapshot, error);
    if (!status) checkpoint->snapshot->step = step;
    variables_free(variables);
    return status;
}

enum status checkpoint_load(const char *path, struct checkpoint **made, struct error *error) {
    struct progress progress;
    *made = NULL;
    struct checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    if (!checkpoint) return error_memory(error, path, sizeof *checkpoint);
    enum status status = model_load(path, &checkpoint->model, error);
    if (status) goto done;
    checkpoint->m = array_new(checkpoint->model->weight_count, sizeof(float));
    checkpoint->v = array_new(checkpoint->model->weight_count, sizeof(float));
    if (!checkpoint->m || !checkpoint->v) {
        status = error_memory(error, path, checkpoint->model->weight_count);
        goto done;
    }
    status = read_h5(path, checkpoint, &progress, error);
    if (!status)
        status = quant_plan_create(&checkpoint->plan, checkpoint->model, &progress.scheme, error);
    if (!status) status = read_snapshot(path, checkpoint, progress.step, error);
done:
    if (status) {
        checkpoint_free(checkpoint);
    } else {
        *made = checkpoint;
    }
    return status;
}
