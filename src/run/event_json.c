#include "run/event_json.h"

#include "run/event_table.h"
#include "train/optimizer.h"

static void write_histogram(struct json_text *json, const char *key, const uint8_t *histogram) {
    json_text_key(json, key);
    json_text_open(json, '[');
    for (int i = 0; i < TENSOR_BINS; i++) json_text_integer(json, histogram[i]);
    json_text_close(json, ']');
}

static void write_field(struct json_text *json, const struct event_field *field,
                        const struct event *event) {
    const void *value = (const char *)event + field->offset;
    switch (field->type) {
    case FIELD_INT:
        json_field_integer(json, field->key, *(const int *)value);
        break;
    case FIELD_UINT32:
        json_field_integer(json, field->key, *(const uint32_t *)value);
        break;
    case FIELD_UINT64:
        json_field_integer(json, field->key, (int64_t) * (const uint64_t *)value);
        break;
    case FIELD_FLOAT:
        json_field_float(json, field->key, *(const float *)value);
        break;
    case FIELD_DOUBLE:
        json_field_double(json, field->key, *(const double *)value);
        break;
    case FIELD_BOOL:
        json_field_bool(json, field->key, *(const bool *)value);
        break;
    case FIELD_TEXT:
        json_field_string(json, field->key, value);
        break;
    case FIELD_HISTOGRAM:
        write_histogram(json, field->key, value);
        break;
    }
}

void event_json(struct json_text *json, const struct event *event, const struct quant_plan *plan) {
    const struct event_row *row = event_row(event->kind);
    json_text_clear(json);
    json_text_open(json, '{');
    json_field_string(json, "event", row->name);
    json_field_integer(json, "step", (int64_t)event->step);
    json_field_double(json, "time", event->time);
    json_field_integer(json, "folded", event->folded);
    if (row->write) row->write(json, event, plan);
    for (const struct event_field *field = row->fields; field && field->key; field++)
        write_field(json, field, event);
    json_text_close(json, '}');
}

static void training_fields(struct json_text *json, const struct training *training) {
    json_text_key(json, "training");
    json_text_open(json, '{');
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
    json_text_close(json, '}');
}

void event_json_schema(struct json_text *json, const struct run_info *info) {
    json_text_clear(json);
    json_text_open(json, '{');
    json_field_string(json, "schema", "qatop-run");
    json_field_integer(json, "version", EVENT_JSON_VERSION);
    json_field_string(json, "model", info->name);
    json_field_string(json, "model_path", info->config->model_path);
    json_field_string(json, "data", info->dataset->path);
    json_field_integer(json, "train_digits", (int64_t)info->dataset->train.count);
    json_field_integer(json, "test_digits", (int64_t)info->dataset->test.count);
    json_field_string(json, "scheme", info->plan->scheme.name);
    json_field_integer(json, "weight_bits", info->plan->scheme.weight_bits);
    json_field_string(json, "runtime", runtime_name(info->config->runtime));
    json_field_string(json, "isa", info->isa);
    json_field_integer(json, "threads", info->threads);
    json_field_integer(json, "batches", info->batches);
    training_fields(json, &info->config->training);
    json_text_key(json, "tensors");
    json_text_open(json, '[');
    for (int i = 0; i < info->plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &info->plan->tensors[i];
        json_text_open(json, '{');
        json_field_string(json, "name", tensor->name);
        json_field_string(json, "kind", tensor_kind_name(tensor->kind));
        json_field_integer(json, "channels", tensor->channels);
        json_text_close(json, '}');
    }
    json_text_close(json, ']');
    json_text_close(json, '}');
}
