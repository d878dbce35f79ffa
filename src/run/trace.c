#include "run/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "run/reporter.h"

struct trace {
    FILE *file;
    char *path;
    const struct quant_plan *plan;
    struct json_text json;
};

enum status trace_create(struct trace **made, const char *path, const struct quant_plan *plan,
                         struct error *error) {
    enum status status = file_make_parents(path, error);
    if (status) return status;
    struct trace *trace = calloc(1, sizeof *trace);
    if (!trace) return error_memory(error, path, sizeof *trace);
    trace->plan = plan;
    trace->path = strdup(path);
    if (!trace->path) {
        status = error_memory(error, path, strlen(path) + 1);
        goto done;
    }
    trace->file = fopen(path, "we");
    if (!trace->file) {
        status = error_errno(error, path, "cannot create");
        goto done;
    }
    *made = trace;
    trace = NULL;
done:
    if (trace) {
        free(trace->path);
        free(trace);
    }
    return status;
}

enum column { COLUMN_MIN, COLUMN_MAX, COLUMN_SCALE, COLUMN_ZERO_POINT, COLUMNS };
static const char *const column_names[COLUMNS] = {"min", "max", "scale", "zero_point"};

static void write_value(struct trace *trace, const struct quant_tensor *tensor, struct range range,
                        enum column column) {
    struct qparams qparams = reporter_qparams(trace->plan, tensor, range);
    switch (column) {
    case COLUMN_MIN:
        json_text_float(&trace->json, range.min);
        break;
    case COLUMN_MAX:
        json_text_float(&trace->json, range.max);
        break;
    case COLUMN_SCALE:
        json_text_float(&trace->json, (float)qparams.scale);
        break;
    default:
        json_text_integer(&trace->json, qparams.zero_point);
    }
}

static void write_tensor(struct trace *trace, const struct quant_tensor *tensor,
                         const struct range *ranges) {
    struct json_text *json = &trace->json;
    json_text_open(json, '{');
    json_field_string(json, "name", tensor->name);
    json_field_string(json, "kind", tensor_kind_name(tensor->kind));
    for (int column = 0; column < COLUMNS; column++) {
        json_text_key(json, column_names[column]);
        if (tensor->is_per_channel) json_text_open(json, '[');
        for (int c = 0; c < tensor->channels; c++)
            write_value(trace, tensor, ranges[tensor->offset + c], (enum column)column);
        if (tensor->is_per_channel) json_text_close(json, ']');
    }
    json_text_close(json, '}');
}

enum status trace_step(struct trace *trace, const struct step_result *result,
                       const struct range *ranges, struct error *error) {
    struct json_text *json = &trace->json;
    json_text_clear(json);
    json_text_open(json, '{');
    json_field_integer(json, "step", (int64_t)result->step);
    json_field_float(json, "loss", result->loss);
    json_field_double(json, "accuracy",
                      result->count ? (double)result->correct / result->count : 0);
    json_text_key(json, "tensors");
    json_text_open(json, '[');
    for (int i = 0; i < trace->plan->tensor_count; i++)
        write_tensor(trace, &trace->plan->tensors[i], ranges);
    json_text_close(json, ']');
    json_text_close(json, '}');
    if (json->is_failed) return error_memory(error, trace->path, json->room);
    if (fwrite(json->text, 1, json->length, trace->file) != json->length ||
        putc('\n', trace->file) == EOF)
        return error_errno(error, trace->path, "cannot write");
    return STATUS_OK;
}

enum status trace_close(struct trace *trace, struct error *error) {
    if (!trace) return STATUS_OK;
    enum status status = STATUS_OK;
    bool has_failed = ferror(trace->file);
    if (fclose(trace->file)) {
        status = error_errno(error, trace->path, "cannot write");
    } else if (has_failed) {
        errno = EIO;
        status = error_errno(error, trace->path, "cannot write");
    }
    json_text_free(&trace->json);
    free(trace->path);
    free(trace);
    return status;
}
