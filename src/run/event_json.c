#include "run/event_json.h"

static const char *const kind_names[] = {
    [EVENT_STATE] = "state",
    [EVENT_BATCH] = "batch",
    [EVENT_TENSOR] = "tensor",
    [EVENT_EPOCH] = "epoch",
    [EVENT_EVALUATION] = "evaluation",
    [EVENT_PTQ] = "ptq",
    [EVENT_EXPORT] = "export",
    [EVENT_CHECKPOINT] = "checkpoint",
    [EVENT_LOG] = "log",
    [EVENT_ACKNOWLEDGE] = "acknowledge",
};

const char *event_kind_name(enum event_kind kind) {
    return (unsigned)kind < sizeof kind_names / sizeof *kind_names ? kind_names[kind] : "?";
}

static void text_field(struct json_text *json, const char *key, const char *value) {
    json_text_key(json, key);
    json_text_string(json, value);
}

static void float_field(struct json_text *json, const char *key, float value) {
    json_text_key(json, key);
    json_text_float(json, value);
}

static void double_field(struct json_text *json, const char *key, double value) {
    json_text_key(json, key);
    json_text_double(json, value);
}

static void integer_field(struct json_text *json, const char *key, int64_t value) {
    json_text_key(json, key);
    json_text_integer(json, value);
}

static void bool_field(struct json_text *json, const char *key, bool value) {
    json_text_key(json, key);
    json_text_bool(json, value);
}

static void batch_fields(struct json_text *json, const struct event_batch *batch) {
    integer_field(json, "first_step", (int64_t)batch->first_step);
    integer_field(json, "epoch", batch->epoch);
    integer_field(json, "batch", batch->batch);
    integer_field(json, "batches", batch->batches);
    float_field(json, "loss_min", batch->loss_min);
    float_field(json, "loss_max", batch->loss_max);
    float_field(json, "loss_last", batch->loss_last);
    double_field(json, "loss_sum", batch->loss_sum);
    integer_field(json, "finite", batch->finite);
    integer_field(json, "not_finite", batch->not_finite);
    integer_field(json, "count", batch->count);
    integer_field(json, "correct", batch->correct);
    float_field(json, "learning_rate", batch->learning_rate);
    float_field(json, "digits_per_second", batch->digits_per_second);
    float_field(json, "step_seconds", batch->step_seconds);
}

static void tensor_fields(struct json_text *json, const struct event_tensor *tensor,
                          const struct quant_plan *plan) {
    if (plan && tensor->tensor >= 0 && tensor->tensor < plan->tensor_count)
        text_field(json, "name", plan->tensors[tensor->tensor].name);
    integer_field(json, "tensor", tensor->tensor);
    float_field(json, "min", tensor->min);
    float_field(json, "max", tensor->max);
    float_field(json, "scale", tensor->scale);
    integer_field(json, "zero_point", tensor->zero_point);
    float_field(json, "drift", tensor->drift);
    float_field(json, "saturation", tensor->stats.saturation);
    float_field(json, "sqnr", tensor->stats.sqnr);
    json_text_key(json, "histogram");
    json_text_open(json, '[');
    for (int i = 0; i < TENSOR_BINS; i++) json_text_integer(json, tensor->stats.histogram[i]);
    json_text_close(json, ']');
}

static void epoch_fields(struct json_text *json, const struct event_epoch *epoch) {
    integer_field(json, "epoch", epoch->epoch);
    double_field(json, "loss", epoch->loss);
    double_field(json, "accuracy", epoch->accuracy);
    double_field(json, "val_loss", epoch->val_loss);
    double_field(json, "val_accuracy", epoch->val_accuracy);
    double_field(json, "seconds", epoch->seconds);
}

static void predicted_digits(struct json_text *json, const struct predictions *predictions) {
    /* Piece by piece, so that no copy of the whole is needed. */
    char piece[257];
    json_text_key(json, "predicted");
    json_text_open(json, '[');
    for (size_t i = 0; i < predictions->count;) {
        size_t length = 0;
        while (length < sizeof piece - 1 && i < predictions->count)
            piece[length++] = (char)('0' + predictions->labels[i++]);
        piece[length] = 0;
        json_text_string(json, piece);
    }
    json_text_close(json, ']');
}

static void path_fields(struct json_text *json, const struct evaluation *evaluation,
                        enum path path) {
    const struct predictions *predictions = &evaluation->paths[path];
    json_text_key(json, path_name(path));
    json_text_open(json, '{');
    double_field(json, "accuracy", predictions->accuracy);
    double_field(json, "loss", predictions->loss);
    integer_field(json, "correct", (int64_t)predictions->correct);
    json_text_key(json, "confusion");
    json_text_open(json, '[');
    for (int truth = 0; truth < DIGIT_CLASSES; truth++) {
        json_text_open(json, '[');
        for (int predicted = 0; predicted < DIGIT_CLASSES; predicted++)
            json_text_integer(json, evaluation->confusion[path][truth][predicted]);
        json_text_close(json, ']');
    }
    json_text_close(json, ']');
    if (predictions->labels) predicted_digits(json, predictions);
    json_text_close(json, '}');
}

/* What eval --layers --json tells of a layer, in the same words. */
static void layer_fields(struct json_text *json, const struct model *model,
                         const struct compared *row) {
    json_text_open(json, '{');
    text_field(json, "layer", model->layers[row->layer].name);
    text_field(json, "last", model->layers[row->last].name);
    bool_field(json, "probabilities", row->is_probabilities);
    double_field(json, "sqnr", row->sqnr);
    double_field(json, "saturation", row->saturation);
    double_field(json, "worst", row->worst);
    double_field(json, "weights_sqnr", row->weights_sqnr);
    double_field(json, "alone_sqnr", row->alone_sqnr);
    double_field(json, "alone_loss", row->alone_loss);
    integer_field(json, "alone_lost", row->alone_lost);
    double_field(json, "share", row->share);
    json_text_close(json, '}');
}

static void layers_field(struct json_text *json, const struct evaluation *evaluation) {
    const struct comparison *layers = evaluation->layers;
    const struct model *model = evaluation->snapshot->model;
    json_text_key(json, "layers");
    json_text_open(json, '{');
    integer_field(json, "count", (int64_t)layers->count);
    if (layers->costliest >= 0)
        text_field(json, "costliest", model->layers[layers->rows[layers->costliest].layer].name);
    json_text_key(json, "rows");
    json_text_open(json, '[');
    for (int i = 0; i < layers->row_count; i++) layer_fields(json, model, &layers->rows[i]);
    json_text_close(json, ']');
    json_text_close(json, '}');
}

static void evaluation_fields(struct json_text *json, const struct evaluation *evaluation) {
    integer_field(json, "evaluated_step", (int64_t)evaluation->step);
    integer_field(json, "epoch", evaluation->epoch);
    bool_field(json, "is_whole", evaluation->is_whole);
    integer_field(json, "count", (int64_t)evaluation->count);
    text_field(json, "runtime", runtime_name(evaluation->runtime));
    double_field(json, "seconds", evaluation->seconds);
    for (int path = 0; path < PATHS; path++) path_fields(json, evaluation, (enum path)path);
    if (evaluation->layers && evaluation->snapshot) layers_field(json, evaluation);
}

static void export_fields(struct json_text *json, const struct export_result *export_) {
    bool_field(json, "is_ok", export_->is_ok);
    text_field(json, "path", export_->path);
    integer_field(json, "bytes", export_->bytes);
    text_field(json, "sha256", export_->sha256);
    double_field(json, "accuracy", export_->accuracy);
    integer_field(json, "differing", export_->differing);
    integer_field(json, "count", export_->count);
}

void event_json(struct json_text *json, const struct event *event, const struct quant_plan *plan) {
    json_text_clear(json);
    json_text_open(json, '{');
    text_field(json, "event", event_kind_name(event->kind));
    integer_field(json, "step", (int64_t)event->step);
    double_field(json, "time", event->time);
    integer_field(json, "folded", event->folded);
    switch (event->kind) {
    case EVENT_STATE:
        text_field(json, "state", run_state_name(event->state));
        break;
    case EVENT_BATCH:
        batch_fields(json, &event->batch);
        break;
    case EVENT_TENSOR:
        tensor_fields(json, &event->tensor, plan);
        break;
    case EVENT_EPOCH:
        epoch_fields(json, &event->epoch);
        break;
    case EVENT_EVALUATION:
        evaluation_fields(json, event->evaluation);
        break;
    case EVENT_PTQ:
        double_field(json, "accuracy", event->ptq.accuracy);
        integer_field(json, "count", event->ptq.count);
        double_field(json, "part_accuracy", event->ptq.part_accuracy);
        integer_field(json, "part", event->ptq.part);
        break;
    case EVENT_EXPORT:
        export_fields(json, &event->export_);
        break;
    case EVENT_CHECKPOINT:
        bool_field(json, "is_ok", event->checkpoint.is_ok);
        text_field(json, "path", event->checkpoint.path);
        break;
    case EVENT_LOG:
        text_field(json, "level", log_level_name(event->log.level));
        text_field(json, "text", event->log.text);
        break;
    case EVENT_ACKNOWLEDGE:
        integer_field(json, "command", event->acknowledge.command);
        integer_field(json, "status", (int64_t)event->acknowledge.status);
        text_field(json, "text", event->acknowledge.text);
        break;
    }
    json_text_close(json, '}');
}

static void training_fields(struct json_text *json, const struct training *training) {
    static const char *const schedules[] = {
        [SCHEDULE_CONSTANT] = "constant",
        [SCHEDULE_COSINE] = "cosine",
        [SCHEDULE_LINEAR] = "linear",
    };
    json_text_key(json, "training");
    json_text_open(json, '{');
    integer_field(json, "epochs", training->epochs);
    integer_field(json, "batch", training->batch);
    float_field(json, "learning_rate", training->learning_rate);
    text_field(json, "schedule", schedules[training->schedule]);
    float_field(json, "label_smoothing", training->label_smoothing);
    integer_field(json, "warmup", training->warmup);
    integer_field(json, "seed", (int64_t)training->seed);
    integer_field(json, "max_steps", (int64_t)training->max_steps);
    bool_field(json, "shuffle", training->shuffle);
    bool_field(json, "dropout", training->dropout);
    text_field(json, "augment", augmentation_name(training->augment));
    json_text_close(json, '}');
}

void event_json_schema(struct json_text *json, const struct run_info *info) {
    json_text_clear(json);
    json_text_open(json, '{');
    text_field(json, "schema", "qatop-run");
    integer_field(json, "version", EVENT_JSON_VERSION);
    text_field(json, "model", info->name);
    text_field(json, "model_path", info->config->model_path);
    text_field(json, "data", info->dataset->folder);
    integer_field(json, "train_digits", (int64_t)info->dataset->train.count);
    integer_field(json, "test_digits", (int64_t)info->dataset->test.count);
    text_field(json, "scheme", info->plan->scheme.name);
    integer_field(json, "weight_bits", info->plan->scheme.weight_bits);
    text_field(json, "runtime", runtime_name(info->config->runtime));
    text_field(json, "isa", info->isa);
    integer_field(json, "threads", info->threads);
    integer_field(json, "batches", info->batches);
    training_fields(json, &info->config->training);
    json_text_key(json, "tensors");
    json_text_open(json, '[');
    for (int i = 0; i < info->plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &info->plan->tensors[i];
        json_text_open(json, '{');
        text_field(json, "name", tensor->name);
        text_field(json, "kind", tensor_kind_name(tensor->kind));
        integer_field(json, "channels", tensor->channels);
        json_text_close(json, '}');
    }
    json_text_close(json, ']');
    json_text_close(json, '}');
}
