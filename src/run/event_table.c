#include "run/event_table.h"

#include <stddef.h>

static const struct event_field batch_fields[] = {
    {"first_step", FIELD_UINT64, offsetof(struct event, batch.first_step)},
    {"epoch", FIELD_INT, offsetof(struct event, batch.epoch)},
    {"batch", FIELD_INT, offsetof(struct event, batch.batch)},
    {"batches", FIELD_INT, offsetof(struct event, batch.batches)},
    {"loss_min", FIELD_FLOAT, offsetof(struct event, batch.loss_min)},
    {"loss_max", FIELD_FLOAT, offsetof(struct event, batch.loss_max)},
    {"loss_last", FIELD_FLOAT, offsetof(struct event, batch.loss_last)},
    {"loss_sum", FIELD_DOUBLE, offsetof(struct event, batch.loss_sum)},
    {"finite", FIELD_UINT32, offsetof(struct event, batch.finite)},
    {"not_finite", FIELD_UINT32, offsetof(struct event, batch.not_finite)},
    {"count", FIELD_UINT32, offsetof(struct event, batch.count)},
    {"correct", FIELD_UINT32, offsetof(struct event, batch.correct)},
    {"learning_rate", FIELD_FLOAT, offsetof(struct event, batch.learning_rate)},
    {"digits_per_second", FIELD_FLOAT, offsetof(struct event, batch.samples_per_second)},
    {"step_seconds", FIELD_FLOAT, offsetof(struct event, batch.step_seconds)},
    {NULL, 0, 0},
};

static const struct event_field tensor_fields[] = {
    {"tensor", FIELD_INT, offsetof(struct event, tensor.tensor)},
    {"min", FIELD_FLOAT, offsetof(struct event, tensor.min)},
    {"max", FIELD_FLOAT, offsetof(struct event, tensor.max)},
    {"scale", FIELD_FLOAT, offsetof(struct event, tensor.scale)},
    {"zero_point", FIELD_INT, offsetof(struct event, tensor.zero_point)},
    {"drift", FIELD_FLOAT, offsetof(struct event, tensor.drift)},
    {"saturation", FIELD_FLOAT, offsetof(struct event, tensor.stats.saturation)},
    {"sqnr", FIELD_FLOAT, offsetof(struct event, tensor.stats.sqnr)},
    {"histogram", FIELD_HISTOGRAM, offsetof(struct event, tensor.stats.histogram)},
    {NULL, 0, 0},
};

static const struct event_field epoch_fields[] = {
    {"epoch", FIELD_INT, offsetof(struct event, epoch.epoch)},
    {"loss", FIELD_DOUBLE, offsetof(struct event, epoch.loss)},
    {"accuracy", FIELD_DOUBLE, offsetof(struct event, epoch.accuracy)},
    {"val_loss", FIELD_DOUBLE, offsetof(struct event, epoch.val_loss)},
    {"val_accuracy", FIELD_DOUBLE, offsetof(struct event, epoch.val_accuracy)},
    {"seconds", FIELD_DOUBLE, offsetof(struct event, epoch.seconds)},
    {NULL, 0, 0},
};

static const struct event_field ptq_fields[] = {
    {"accuracy", FIELD_DOUBLE, offsetof(struct event, ptq.accuracy)},
    {"count", FIELD_UINT32, offsetof(struct event, ptq.count)},
    {"part_accuracy", FIELD_DOUBLE, offsetof(struct event, ptq.part_accuracy)},
    {"part", FIELD_UINT32, offsetof(struct event, ptq.part)},
    {NULL, 0, 0},
};

static const struct event_field export_fields[] = {
    {"is_ok", FIELD_BOOL, offsetof(struct event, export_.is_ok)},
    {"path", FIELD_TEXT, offsetof(struct event, export_.path)},
    {"bytes", FIELD_UINT32, offsetof(struct event, export_.bytes)},
    {"sha256", FIELD_TEXT, offsetof(struct event, export_.sha256)},
    {"accuracy", FIELD_DOUBLE, offsetof(struct event, export_.accuracy)},
    {"differing", FIELD_UINT32, offsetof(struct event, export_.differing)},
    {"count", FIELD_UINT32, offsetof(struct event, export_.count)},
    {NULL, 0, 0},
};

static const struct event_field checkpoint_fields[] = {
    {"is_ok", FIELD_BOOL, offsetof(struct event, checkpoint.is_ok)},
    {"path", FIELD_TEXT, offsetof(struct event, checkpoint.path)},
    {NULL, 0, 0},
};

static const struct event_field acknowledge_fields[] = {
    {"command", FIELD_UINT32, offsetof(struct event, acknowledge.command)},
    {"status", FIELD_INT, offsetof(struct event, acknowledge.status)},
    {"text", FIELD_TEXT, offsetof(struct event, acknowledge.text)},
    {NULL, 0, 0},
};

static void write_state(struct json_text *json, const struct event *event,
                        const struct quant_plan *plan) {
    (void)plan;
    json_field_string(json, "state", run_state_name(event->state));
}

static void write_log(struct json_text *json, const struct event *event,
                      const struct quant_plan *plan) {
    (void)plan;
    json_field_string(json, "level", log_level_name(event->log.level));
    json_field_string(json, "text", event->log.text);
}

static void write_tensor_name(struct json_text *json, const struct event *event,
                              const struct quant_plan *plan) {
    int tensor = event->tensor.tensor;
    if (!plan || tensor < 0 || tensor >= plan->tensor_count) return;
    json_field_string(json, "name", plan->tensors[tensor].name);
}

static void write_predicted(struct json_text *json, const struct predictions *predictions) {
    json_text_key(json, "predicted");
    json_text_open(json, '[');
    if (predictions->classes > 10) {
        for (size_t i = 0; i < predictions->count; i++)
            json_text_integer(json, predictions->labels[i]);
        json_text_close(json, ']');
        return;
    }
    /* A character each, piece by piece, so that no copy of the whole is needed. */
    char piece[257];
    for (size_t i = 0; i < predictions->count;) {
        size_t length = 0;
        while (length < sizeof piece - 1 && i < predictions->count)
            piece[length++] = (char)('0' + predictions->labels[i++]);
        piece[length] = 0;
        json_text_string(json, piece);
    }
    json_text_close(json, ']');
}

static void precision_fields(struct json_text *json, const struct evaluation *evaluation,
                             enum precision precision) {
    const struct predictions *predictions = &evaluation->results[precision];
    json_text_key(json, precision_name(precision));
    json_text_open(json, '{');
    json_field_double(json, "accuracy", predictions->accuracy);
    json_field_double(json, "loss", predictions->loss);
    json_field_integer(json, "correct", (int64_t)predictions->correct);
    json_text_key(json, "confusion");
    json_text_open(json, '[');
    for (int truth = 0; truth < evaluation->classes; truth++) {
        json_text_open(json, '[');
        for (int predicted = 0; predicted < evaluation->classes; predicted++)
            json_text_integer(json, evaluation_confused(evaluation, precision, truth, predicted));
        json_text_close(json, ']');
    }
    json_text_close(json, ']');
    if (predictions->labels) write_predicted(json, predictions);
    json_text_close(json, '}');
}

/* The keys are those of eval --layers --json. */
static void layer_fields(struct json_text *json, const struct model *model,
                         const struct compared *row) {
    json_text_open(json, '{');
    json_field_string(json, "layer", model->layers[row->layer].name);
    json_field_string(json, "last", model->layers[row->last].name);
    json_field_bool(json, "probabilities", row->is_probabilities);
    json_field_double(json, "sqnr", row->sqnr);
    json_field_double(json, "saturation", row->saturation);
    json_field_double(json, "worst", row->worst);
    json_field_double(json, "weights_sqnr", row->weights_sqnr);
    json_field_double(json, "alone_sqnr", row->alone_sqnr);
    json_field_double(json, "alone_loss", row->alone_loss);
    json_field_integer(json, "alone_lost", row->alone_lost);
    json_field_double(json, "share", row->share);
    json_text_close(json, '}');
}

static void layers_field(struct json_text *json, const struct evaluation *evaluation) {
    const struct comparison *layers = evaluation->layers;
    const struct model *model = evaluation->snapshot->model;
    json_text_key(json, "layers");
    json_text_open(json, '{');
    json_field_integer(json, "count", (int64_t)layers->count);
    if (layers->costliest >= 0)
        json_field_string(json, "costliest",
                          model->layers[layers->rows[layers->costliest].layer].name);
    json_text_key(json, "rows");
    json_text_open(json, '[');
    for (int i = 0; i < layers->row_count; i++) layer_fields(json, model, &layers->rows[i]);
    json_text_close(json, ']');
    json_text_close(json, '}');
}

static void write_evaluation(struct json_text *json, const struct event *event,
                             const struct quant_plan *plan) {
    const struct evaluation *evaluation = event->evaluation;
    (void)plan;
    json_field_integer(json, "evaluated_step", (int64_t)evaluation->step);
    json_field_integer(json, "epoch", evaluation->epoch);
    json_field_bool(json, "is_whole", evaluation->is_whole);
    json_field_integer(json, "count", (int64_t)evaluation->count);
    json_field_string(json, "runtime", runtime_name(evaluation->runtime));
    json_field_double(json, "seconds", evaluation->seconds);
    for (int precision = 0; precision < PRECISIONS; precision++)
        precision_fields(json, evaluation, (enum precision)precision);
    if (evaluation->layers && evaluation->snapshot) layers_field(json, evaluation);
}

/* Dropping an evaluation costs a reader one point of a curve; anything else it cannot make up for.
 * Log lines that are no more than remarks go before both. */
enum worth { WORTH_REMARK, WORTH_EVALUATION, WORTH_MOST };

static const struct event_row rows[] = {
    [EVENT_STATE] = {"state", FOLD_NEVER, WORTH_MOST, write_state, NULL},
    [EVENT_BATCH] = {"batch", FOLD_BATCHES, WORTH_MOST, NULL, batch_fields},
    [EVENT_TENSOR] = {"tensor", FOLD_NEWEST_OF_TENSOR, WORTH_MOST, write_tensor_name,
                      tensor_fields},
    [EVENT_EPOCH] = {"epoch", FOLD_NEVER, WORTH_MOST, NULL, epoch_fields},
    [EVENT_EVALUATION] = {"evaluation", FOLD_NEWEST_PARTIAL, WORTH_EVALUATION, write_evaluation,
                          NULL},
    [EVENT_PTQ] = {"ptq", FOLD_NEVER, WORTH_MOST, NULL, ptq_fields},
    [EVENT_EXPORT] = {"export", FOLD_NEVER, WORTH_MOST, NULL, export_fields},
    [EVENT_CHECKPOINT] = {"checkpoint", FOLD_NEVER, WORTH_MOST, NULL, checkpoint_fields},
    [EVENT_LOG] = {"log", FOLD_NEVER, WORTH_REMARK, write_log, NULL},
    [EVENT_ACKNOWLEDGE] = {"acknowledge", FOLD_NEVER, WORTH_MOST, NULL, acknowledge_fields},
};

const struct event_row *event_row(enum event_kind kind) {
    static const struct event_row unknown = {"?", FOLD_NEVER, WORTH_MOST, NULL, NULL};
    return (unsigned)kind < sizeof rows / sizeof *rows ? &rows[kind] : &unknown;
}

int event_worth(const struct event *event) {
    int worth = event_row(event->kind)->worth;
    if (event->kind == EVENT_LOG && event->log.level > LOG_WARNING) worth = WORTH_MOST;
    return worth;
}
