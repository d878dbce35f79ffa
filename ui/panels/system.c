/* The system panel: what the run costs and where its files go. */
#include "ui/panel.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ui/draw/format.h"

#define NAME_COLUMNS 9
#define VALUE        200

/* "..." in place of what does not fit on the left: the end of a path says most. */
static void put_path(struct canvas *canvas, int row, int column, const char *path) {
    int room = canvas->columns - column, length = (int)strlen(path);
    if (length <= room || room < 8)
        canvas_text(canvas, row, column, COLOR_TEXT, path);
    else
        canvas_printf(canvas, row, column, COLOR_TEXT, "...%s", path + length - room + 3);
}

static int put(struct canvas *canvas, int row, const char *name, const char *value) {
    canvas_text(canvas, row, 1, COLOR_DIM, name);
    canvas_text(canvas, row, 1 + NAME_COLUMNS, COLOR_TEXT, value);
    return row + 1;
}

static int put_format(struct canvas *canvas, int row, const char *name, const char *format, ...)
    PRINTF_LIKE(4, 5);
static int put_format(struct canvas *canvas, int row, const char *name, const char *format, ...) {
    char value[VALUE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    return put(canvas, row, name, value);
}

static int draw_speed(const struct store *store, struct canvas *canvas, int row) {
    const struct store_process *process = &store->process;
    const struct evaluation *evaluation = store_evaluation(store, -1);
    char text[32], more[32];
    if (store->step) {
        row = put_format(canvas, row, "step", "%s   %s digits/s",
                         format_time((double)store->batch.step_seconds, text, sizeof text),
                         format_count((double)store->batch.samples_per_second, more, sizeof more));
    } else {
        row = put(canvas, row, "step", "no batch yet");
    }
    double rate = store_rate(store);
    if (store->pace > 0)
        snprintf(text, sizeof text, "at most %.0f/s", store->pace);
    else
        snprintf(text, sizeof text, "%s", store->pace < 0 ? "auto" : "max");
    if (rate > 0) {
        row = put_format(canvas, row, "pace", "%s batches/s   %s",
                         format_count(rate, more, sizeof more), text);
    } else {
        row = put(canvas, row, "pace", text);
    }
    if (evaluation) {
        row = put_format(canvas, row, "evaluate", "%s   %zu digits",
                         format_time(evaluation->seconds, text, sizeof text), evaluation->count);
    } else {
        row = put(canvas, row, "evaluate", "not measured yet");
    }
    row = put_format(canvas, row, "threads", "%d   %s   busy %.1f", store->info->threads,
                     store->info->isa ? store->info->isa : "--", process->busy_share);
    row = put(canvas, row, "memory",
              process->resident_bytes > 0 ? format_bytes(process->resident_bytes, text, sizeof text)
                                          : "--");
    row = put_format(canvas, row, "ring", "%u of %u   folded %s",
                     (unsigned)store->pressure.high_water, (unsigned)store->pressure.capacity,
                     format_count((double)store->pressure.folded, text, sizeof text));
    row = put_format(
        canvas, row, "frame", "%s   at most %.0f/s",
        process->frame_seconds > 0 ? format_time(process->frame_seconds, text, sizeof text) : "--",
        process->frames_limit);
    return put(canvas, row, "cpu", process->cpu[0] ? process->cpu : "--");
}

static int draw_what(const struct store *store, struct canvas *canvas, int row) {
    const struct run_info *info = store->info;
    const struct scheme *scheme = &info->plan->scheme;
    if (info->model) {
        row = put_format(canvas, row, "model", "%s   %zu weights", info->name,
                         info->model->weight_count);
    }
    row = put_format(canvas, row, "scheme", "%s   %d bits   %d tensors",
                     scheme->name ? scheme->name : "--", scheme->weight_bits,
                     info->plan->tensor_count);
    row = put_format(canvas, row, "runtime", "%s", runtime_name(info->config->runtime));
    if (info->dataset) {
        row = put_format(canvas, row, "digits", "%zu train   %zu test", info->dataset->train.count,
                         info->dataset->test.count);
    }
    row = put_format(canvas, row, "batch", "%d   seed %llu", info->config->training.batch,
                     (unsigned long long)info->config->training.seed);
    canvas_text(canvas, row, 1, COLOR_DIM, "export");
    put_path(canvas, row, 1 + NAME_COLUMNS,
             store->has_export && store->last_export.is_ok ? store->last_export.path
                                                           : info->export_path);
    return row + 1;
}

static void system_draw(void *state, const struct store *store, struct session *session,
                        struct canvas *canvas) {
    (void)state;
    (void)session;
    if (canvas->rows < 1 || canvas->columns < 1) return;
    /* Two columns where there is width and no height for all the lines. */
    if (canvas->rows < 14 && canvas->columns >= 76) {
        int half = canvas->columns / 2;
        struct canvas left = canvas_part(canvas, 0, 0, canvas->rows, half - 1);
        struct canvas right = canvas_part(canvas, 0, half, canvas->rows, canvas->columns - half);
        draw_speed(store, &left, 0);
        draw_what(store, &right, 0);
        return;
    }
    draw_what(store, canvas, draw_speed(store, canvas, 0));
}

static void system_title(void *state, const struct store *store, const struct session *session,
                         char *left, char *right, size_t size) {
    char text[32];
    (void)state;
    (void)session;
    left[0] = 0;
    snprintf(right, size, "up %s", format_clock(store->now, text, sizeof text));
}

const struct panel panel_system = {
    .name = "system",
    .events = 1U << EVENT_STATE | 1U << EVENT_BATCH | 1U << EVENT_EVALUATION | 1U << EVENT_EXPORT,
    .title = system_title,
    .draw = system_draw,
};
