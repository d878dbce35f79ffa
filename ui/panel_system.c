/* The system panel: what the run costs and where its files go. */
#include "ui/panel.h"

#include <stdio.h>
#include <string.h>

#include "ui/format.h"

#define NAME_COLUMNS 9
#define VALUE 200

/* "..." in place of what does not fit on the left: the end of a path says most. */
static void put_path(struct canvas *canvas, int row, int column, const char *path) {
    int room = canvas->columns - column, length = (int)strlen(path);
    if (length <= room || room < 8) canvas_text(canvas, row, column, COLOR_TEXT, path);
    else canvas_printf(canvas, row, column, COLOR_TEXT, "...%s", path + length - room + 3);
}

static int put(struct canvas *canvas, int row, const char *name, const char *value) {
    canvas_text(canvas, row, 1, COLOR_DIM, name);
    canvas_text(canvas, row, 1 + NAME_COLUMNS, COLOR_TEXT, value);
    return row + 1;
}

static int draw_process(const struct store *store, struct canvas *canvas, int row) {
    const struct store_process *process = &store->process;
    char value[VALUE], text[32], more[32];
    snprintf(value, sizeof value, "%s", process->cpu[0] ? process->cpu : "--");
    row = put(canvas, row, "cpu", value);
    snprintf(value, sizeof value, "%s   threads %d   busy %.1f cores",
             store->info->isa ? store->info->isa : "--", store->info->threads,
             process->busy_share);
    row = put(canvas, row, "kernels", value);
    row = put(canvas, row, "memory",
              process->resident_bytes > 0
                  ? format_bytes(process->resident_bytes, text, sizeof text)
                  : "--");
    snprintf(value, sizeof value, "%s   %s digits/s",
             store->step ? format_time((double)store->batch.step_seconds, text, sizeof text) : "--",
             store->step ? format_count((double)store->batch.digits_per_second, more, sizeof more)
                         : "--");
    return put(canvas, row, "step", value);
}

static int draw_run(const struct store *store, struct canvas *canvas, int row) {
    const struct evaluation *evaluation = store_evaluation(store, -1);
    char value[VALUE], text[32];
    if (evaluation) {
        snprintf(value, sizeof value, "%s for %zu digits, runtime %s",
                 format_time(evaluation->seconds, text, sizeof text), evaluation->count,
                 runtime_name(evaluation->runtime));
    } else {
        snprintf(value, sizeof value, "not measured yet");
    }
    row = put(canvas, row, "evaluate", value);
    double rate = store_rate(store);
    const char *pace = store->pace > 0 ? "" : store->pace < 0 ? "auto" : "max";
    int used = store->pace > 0 ? snprintf(value, sizeof value, "at most %.0f/s", store->pace)
                               : snprintf(value, sizeof value, "%s", pace);
    if (rate > 0) {
        snprintf(value + used, sizeof value - (size_t)used, "   now %s batches/s",
                 format_count(rate, text, sizeof text));
    }
    row = put(canvas, row, "pace", value);
    snprintf(value, sizeof value, "most %u of %u   folded %llu",
             (unsigned)store->pressure.high_water, (unsigned)store->pressure.capacity,
             (unsigned long long)store->pressure.folded);
    row = put(canvas, row, "ring", value);
    snprintf(value, sizeof value, "%s   at most %.0f/s",
             store->process.frame_seconds > 0
                 ? format_time(store->process.frame_seconds, text, sizeof text)
                 : "--",
             store->process.frames_limit);
    return put(canvas, row, "frame", value);
}

static int draw_what(const struct store *store, struct canvas *canvas, int row) {
    const struct run_info *info = store->info;
    char value[VALUE];
    if (info->model) {
        snprintf(value, sizeof value, "%s   %zu weights", info->name, info->model->weight_count);
        row = put(canvas, row, "model", value);
    }
    snprintf(value, sizeof value, "%s   %d bits   %d tensors   seed %llu",
             info->plan->scheme.name ? info->plan->scheme.name : "--",
             info->plan->scheme.weight_bits, info->plan->tensor_count,
             (unsigned long long)info->config->training.seed);
    row = put(canvas, row, "scheme", value);
    if (info->dataset) {
        snprintf(value, sizeof value, "%zu train   %zu test   batch %d", info->dataset->train.count,
                 info->dataset->test.count, info->config->training.batch);
        row = put(canvas, row, "digits", value);
    }
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
    /* Two columns where there is width and no height for all twelve lines. */
    if (canvas->rows < 12 && canvas->columns >= 76) {
        struct canvas left = canvas_part(canvas, 0, 0, canvas->rows, canvas->columns / 2 - 1);
        struct canvas right = canvas_part(canvas, 0, canvas->columns / 2, canvas->rows,
                                          canvas->columns - canvas->columns / 2);
        int row = draw_process(store, &left, 0);
        draw_run(store, &right, draw_what(store, &right, 0));
        (void)row;
        return;
    }
    int row = draw_process(store, canvas, 0);
    row = draw_run(store, canvas, row);
    draw_what(store, canvas, row);
}

static void system_title(void *state, const struct store *store, const struct session *session,
                         char *left, char *right, size_t size) {
    char text[32];
    (void)state;
    (void)session;
    left[0] = 0;
    snprintf(right, size, "up %s", format_clock(store->now, text, sizeof text));
}

const struct panel panel_system = {.name = "system", .title = system_title, .draw = system_draw};
