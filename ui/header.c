#include "ui/header.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "run/alarms.h"
#include "ui/draw/format.h"
#include "ui/draw/line.h"
#include "ui/keys.h"

static enum color state_color(enum run_state state) {
    switch (state) {
    case STATE_TRAIN:
        return COLOR_OK;
    case STATE_PAUSED:
    case STATE_STOPPING:
        return COLOR_WARNING;
    case STATE_FAILED:
        return COLOR_ALARM;
    case STATE_DONE:
        return COLOR_INT8;
    default:
        return COLOR_STRONG;
    }
}

static void add_state(struct line *line, const struct view *view) {
    const struct store *store = view->store;
    struct piece *state =
        line_add(line, 100, state_color(store->state), "[%s]", run_state_name(store->state));
    state->is_bold = true;
    const char *waiting = control_waiting(view->control);
    if (*waiting) line_add(line, 93, COLOR_WARNING, "%s", waiting);
    if (view->control->is_frozen) {
        struct piece *frozen = line_add(line, 95, COLOR_WARNING, " FROZEN ");
        frozen->is_bold = frozen->is_reverse = true;
    }
    if (store->not_finite_steps) {
        struct piece *alarm = line_add(line, 94, COLOR_ALARM, " NaN x%llu since step %llu ",
                                       (unsigned long long)store->not_finite_steps,
                                       (unsigned long long)store->first_not_finite);
        alarm->is_reverse = true;
    }
}

static double share_of(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

/* From 1. */
static int epoch_number(const struct store *store) {
    return store->step ? store->batch.epoch + 1 : 0;
}

/* Of the planned batches, how many are done. */
static double progress(const struct store *store) {
    uint64_t left = store_batches_left(store);
    if (store->state == STATE_DONE) return 1;
    return share_of((double)store->step, (double)(store->step + left));
}

static void first_line(const struct view *view, struct canvas *canvas) {
    const struct store *store = view->store;
    struct line line;
    char text[32];
    int width = canvas->columns;
    line_start(&line, width >= 120 ? 2 : 1);
    line_add(&line, 20, COLOR_DIM, "qatop");
    line_add(&line, 45, COLOR_STRONG, "%s", store->info->name)->is_bold = true;
    add_state(&line, view);
    int epoch = epoch_number(store), batch = store->batch.batch;
    int batches = store->batch.batches ? store->batch.batches : store->info->batches;
    line_add(&line, 90, COLOR_DIM, "%s ", width >= 100 ? "epoch" : "ep");
    line_join(&line, COLOR_STRONG, "%d/%d", epoch, store->epochs_planned);
    int bar = width >= 200 ? 32 : width >= 160 ? 24 : width >= 120 ? 12 : 14;
    line_bar(&line, 60, progress(store), bar);
    line_add(&line, 88, COLOR_STRONG, "%3.0f %%", floor(100 * progress(store)));
    line_add(&line, 50, COLOR_DIM, "%s ", width >= 100 ? "batch" : "b");
    line_join(&line, COLOR_TEXT, "%d/%d", batch, batches);
    if (width >= 100) {
        line_bar(&line, 30, share_of(batch, batches), bar);
    }
    double eta = store_eta(store);
    if (eta >= 0) {
        line_add(&line, 70, COLOR_DIM, "ETA ");
        line_join(&line, COLOR_STRONG, "%s", format_duration(eta, text, sizeof text));
    }
    line_add(&line, 35, COLOR_DIM, "%s", format_clock(store->now, text, sizeof text))->is_right =
        true;
    line_draw(&line, canvas, 0);
}

/* In points, with its sign. */
static double gap_of(const struct evaluation *evaluation) {
    return 100 * (evaluation->results[PRECISION_INT8].accuracy -
                  evaluation->results[PRECISION_FP32].accuracy);
}

/* The accuracy to beat, if it was measured on as many digits as the numbers beside it. */
static void add_ptq(struct line *line, const struct store *store, size_t count) {
    const struct event_ptq *ptq = &store->ptq;
    if (!store->has_ptq || (count != ptq->count && count != ptq->part)) return;
    line_add(line, 81, COLOR_TEXT, "PTQ %.2f",
             100 * (count == ptq->count ? ptq->accuracy : ptq->part_accuracy));
}

static void add_accuracies(struct line *line, const struct store *store) {
    static const enum color colors[PRECISIONS] = {COLOR_FP32, COLOR_QAT, COLOR_INT8};
    const struct evaluation *evaluation = store_newest(store);
    if (!evaluation) {
        line_add(line, 60, COLOR_DIM, "acc: not measured yet");
        return;
    }
    /* A part of the digits gives other numbers than all of them: the label goes last. */
    if (evaluation->is_whole)
        line_add(line, 40, COLOR_DIM, "acc%%");
    else
        line_add(line, 97, COLOR_DIM, "acc%% of %zu", evaluation->count);
    for (int precision = 0; precision < PRECISIONS; precision++) {
        line_add(line, precision == PRECISION_INT8 ? 96 : 82, colors[precision], "%s ",
                 precision_name((enum precision)precision));
        line_join(line, colors[precision], "%.2f", 100 * evaluation->results[precision].accuracy)
            ->is_bold = true;
        bool is_exported =
            precision == PRECISION_INT8 && store->has_export && store->last_export.is_ok;
        if (is_exported && store->last_export.differing)
            line_join(line, COLOR_ALARM, " !");
        else if (is_exported)
            line_join(line, COLOR_OK, " =");
        if (precision == PRECISION_FP32) add_ptq(line, store, evaluation->count);
    }
    double gap = gap_of(evaluation);
    line_add(line, 80, COLOR_DIM, "gap ");
    line_join(line, gap < -100 * ALARM_GAP ? COLOR_ALARM : COLOR_TEXT, "%+.2f", gap);
}

static void add_alarms(struct line *line, const struct store *store) {
    if (!store->alarms && !store->warnings) return;
    struct piece *piece;
    if (store->alarms) {
        piece = line_add(line, 92, COLOR_ALARM, "%d alarm%s", store->alarms,
                         store->alarms > 1 ? "s" : "");
        if (store->warnings) line_join(line, COLOR_WARNING, " %d warn", store->warnings);
    } else {
        piece = line_add(line, 78, COLOR_WARNING, "%d warning%s", store->warnings,
                         store->warnings > 1 ? "s" : "");
    }
    piece->is_bold = true;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void add_loss(struct line *line, const struct store *store) {
    if (!store->step) return;
    line_add(line, 85, COLOR_DIM, "loss ");
    line_join(line, isfinite(store->batch.loss_last) ? COLOR_STRONG : COLOR_ALARM, "%.4f",
              (double)store->batch.loss_last)
        ->is_bold = true;
}

static void second_line(const struct view *view, struct canvas *canvas) {
    const struct store *store = view->store;
    const struct event_batch *batch = &store->batch;
    struct line line;
    char text[32];
    line_start(&line, canvas->columns >= 120 ? 2 : 1);
    add_loss(&line, store);
    if (store->step) {
        line_add(&line, 55, COLOR_DIM, "lr ");
        line_join(&line, COLOR_TEXT, "%.1e", (double)batch->learning_rate);
        if (batch->samples_per_second > 0) {
            line_add(&line, 65, COLOR_TEXT, "%s",
                     format_count((double)batch->samples_per_second, text, sizeof text));
            line_join(&line, COLOR_DIM, " digits/s");
        }
    }
    if (store->pace > 0) line_add(&line, 25, COLOR_DIM, "pace %.0f/s", store->pace);
    if (store->pressure.folded) {
        line_add(&line, 15, COLOR_DIM, "folded %s",
                 format_count((double)store->pressure.folded, text, sizeof text));
    }
    line_add(&line, 5, COLOR_DIM, "|");
    add_accuracies(&line, store);
    add_alarms(&line, store);
    if (store->has_export) {
        line_add(&line, 28, store->last_export.is_ok ? COLOR_DIM : COLOR_ALARM, "%s",
                 store->last_export.is_ok ? base_name(store->last_export.path) : "export failed")
            ->is_right = true;
        if (store->last_export.is_ok) {
            line_join(&line, COLOR_OK, " %.2f %%", 100 * store->last_export.accuracy);
        }
    }
    line_draw(&line, canvas, 1);
}

/* One line for a single panel, three for less. */
static void short_lines(const struct view *view, struct canvas *canvas) {
    const struct store *store = view->store;
    const struct evaluation *evaluation = store_newest(store);
    struct line line;
    line_start(&line, 1);
    bool is_one = canvas->rows < 2;
    line_add(&line, 30, COLOR_DIM, "qatop");
    add_state(&line, view);
    line_add(&line, 80, COLOR_STRONG, "%s%d/%d", canvas->columns >= 40 ? "ep " : "",
             epoch_number(store), store->epochs_planned);
    if (!is_one) {
        line_draw(&line, canvas, 0);
        line_start(&line, 1);
    }
    line_add(&line, 85, COLOR_TEXT, "%.0f %%", floor(100 * progress(store)));
    add_loss(&line, store);
    if (!is_one) {
        line_draw(&line, canvas, 1);
        line_start(&line, 1);
    }
    if (evaluation) {
        line_add(&line, 96, COLOR_INT8, "INT8 %.2f",
                 100 * evaluation->results[PRECISION_INT8].accuracy)
            ->is_bold = true;
        if (!evaluation->is_whole) line_join(&line, COLOR_DIM, " of %zu", evaluation->count);
        line_add(&line, 70, COLOR_DIM, "gap %+.2f", gap_of(evaluation));
    } else if (!is_one) {
        line_add(&line, 60, COLOR_DIM, "not measured yet");
    }
    if (is_one) add_alarms(&line, store);
    line_draw(&line, canvas, is_one ? 0 : 2);
}

/* Less than 20x4: INT8 accuracy and how to get out; the state's letter where nothing else fits. */
static void tiny_line(const struct view *view, struct canvas *canvas) {
    const struct store *store = view->store;
    const struct evaluation *evaluation = store_newest(store);
    const char *word = run_state_name(store->state);
    if (canvas->columns < 6) {
        canvas_put(canvas, 0, 0, (unsigned char)word[0], state_color(store->state));
        canvas_bold(canvas, 0, 0, 1);
        if (canvas->columns >= 3) canvas_put(canvas, 0, 2, 'q', COLOR_KEY);
        return;
    }
    struct line line;
    line_start(&line, 1);
    if (canvas->columns < 16) {
        line_add(&line, 92, state_color(store->state), "%c", word[0])->is_bold = true;
    } else {
        line_add(&line, 92, state_color(store->state), "[%s]", word)->is_bold = true;
    }
    if (evaluation) {
        line_add(&line, 90, COLOR_INT8, "%s%.1f%%", evaluation->is_whole ? "" : "~",
                 100 * evaluation->results[PRECISION_INT8].accuracy);
    } else {
        line_add(&line, 90, COLOR_TEXT, "%.0f%%", floor(100 * progress(store)));
    }
    line_add(&line, 95, COLOR_KEY, "q");
    if (store->step) line_add(&line, 40, COLOR_TEXT, "%.3f", (double)store->batch.loss_last);
    line_draw(&line, canvas, 0);
    if (canvas->rows < 2) return;
    line_start(&line, 1);
    line_add(&line, 50, COLOR_TEXT, "%d/%d", epoch_number(store), store->epochs_planned);
    if (store->step) line_add(&line, 60, COLOR_TEXT, "%.3f", (double)store->batch.loss_last);
    line_draw(&line, canvas, 1);
}

void header_draw(const struct view *view, struct canvas *canvas) {
    if (canvas->rows < 1 || canvas->columns < 1) return;
    switch (view->layout->kind) {
    case LAYOUT_LINE:
        tiny_line(view, canvas);
        break;
    case LAYOUT_LINES:
    case LAYOUT_SINGLE:
        short_lines(view, canvas);
        break;
    default:
        first_line(view, canvas);
        second_line(view, canvas);
    }
}

void tabs_draw(const struct view *view, struct canvas *canvas) {
    static const char *const names[PANELS] = {"curves", "ranges", "digits", "confus", "log", "sys"};
    if (canvas->rows < 1) return;
    struct line line;
    line_start(&line, 1);
    for (int i = 0; i < PANELS; i++) {
        bool is_focus = i == (int)view->focus;
        const char *name = canvas->columns >= 60 || is_focus ? names[i] : "";
        struct piece *piece =
            line_add(&line, is_focus ? 100 : 50 - i, is_focus ? COLOR_FOCUS : COLOR_DIM,
                     is_focus ? "[%d %s]"
                     : *name  ? "%d %s"
                              : "%d%s",
                     i + 1, name);
        piece->is_bold = is_focus;
    }
    uint32_t rule = 0x2500;
    canvas_fill(canvas, 0, 0, canvas->columns, rule, COLOR_DIM);
    struct canvas part = canvas_part(canvas, 0, 2, 1, canvas->columns - 4);
    line_draw(&line, &part, 0);
}

void footer_draw(const struct view *view, struct canvas *canvas) {
    if (canvas->rows < 1) return;
    const char *notice = control_notice(view->control, view->now);
    if (*notice) {
        int end = canvas_text(canvas, 0, 1, view->control->notice_color, notice);
        if (end > canvas->columns) canvas_put(canvas, 0, canvas->columns - 1, '>', COLOR_DIM);
        canvas_bold(canvas, 0, 0, canvas->columns);
        return;
    }
    struct line line;
    bool is_tiny = canvas->columns < 40;
    line_start(&line, is_tiny ? 1 : 2);
    for (size_t i = 0; i < key_count; i++) {
        const struct key *key = &keys[i];
        if (!key->label || !key->priority) continue;
        if (key->panels && !(key->panels & 1U << view->focus)) {
            /* n steps through the digits from everywhere. */
            if (key->action != ACTION_NEXT) continue;
        }
        if (key->action == ACTION_TRAIN_ON && !view->store->is_over) continue;
        if (key->action == ACTION_STOP && view->store->is_over) continue;
        if (key->action == ACTION_ACKNOWLEDGE && !view->store->warnings && !view->store->alarms) {
            continue;
        }
        char name[16];
        const char *label = key->label;
        if (key->action == ACTION_PAUSE && view->store->state == STATE_PAUSED) label = "Resume";
        if (key->action == ACTION_FREEZE && view->control->is_frozen) label = "Unfreeze";
        if (key->action == ACTION_NEXT)
            snprintf(name, sizeof name, "n/N");
        else
            keycode_name(key->codes[0], name, sizeof name);
        line_add(&line, key->priority, COLOR_KEY, "%s",
                 is_tiny ? keycode_name(key->codes[0], name, sizeof name) : name);
        if (!is_tiny) line_join(&line, COLOR_TEXT, " %s", label);
    }
    line_draw(&line, canvas, 0);
}
