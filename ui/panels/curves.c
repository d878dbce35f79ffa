/* The curves panel: loss and accuracy over the steps of the run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/draw/chart.h"
#include "ui/draw/format.h"
#include "ui/draw/number.h"
#include "ui/panel.h"
#include "ui/panels/curve_samples.h"

#define MIN_STEPS         8  /* zoomed in no further */
#define BOTH_ROWS         11 /* below this there is room for one chart only */
#define MAX_TICKS         24
#define DEFAULT_SMOOTHING 2  /* .6 */
#define MAX_SPIKES        64 /* samples that may be called spikes, at most */

enum view { VIEW_BOTH, VIEW_LOSS, VIEW_ACCURACY, VIEWS };
static const char *const x_names[X_AXES] = {"step", "epoch", "time"};

struct curves {
    bool is_started; /* the fields below have their defaults */
    enum view view;
    enum x_axis x_axis;
    bool is_log;
    int smoothing; /* index into smooth_levels */
    uint64_t span; /* steps shown, 0: all */
    uint64_t last; /* newest step shown when the view does not follow */
    bool is_following, has_cursor;
    uint64_t cursor; /* step */
    bool is_cut;     /* the axis ends below the largest loss */
    int columns;     /* of the newest plot, for the title and for moving about */
    struct curve_samples samples;
};

static void start(struct curves *curves) {
    if (curves->is_started) return;
    curves->is_started = true;
    curves->is_following = true;
    curves->smoothing = DEFAULT_SMOOTHING;
    curves->columns = 60;
}

static struct steps window_of(const struct curves *curves, const struct store *store) {
    struct steps window = {0, store->step > 0 ? store->step : 1};
    if (curves->span == 0 || curves->span > window.last) return window;
    if (!curves->is_following && curves->last < window.last) window.last = curves->last;
    if (window.last + 1 < curves->span) window.last = curves->span - 1;
    window.first = window.last + 1 - curves->span;
    return window;
}

static double steps_per_column(const struct curves *curves, struct steps window) {
    return ((double)(window.last - window.first) + 1) / (curves->columns > 0 ? curves->columns : 1);
}

/* ---- axes */

struct extent {
    double low, high;
};

static void extent_add(struct extent *extent, const float *values, int count) {
    for (int i = 0; i < count; i++) {
        if (isnan(values[i])) continue;
        if (!((double)values[i] >= extent->low)) extent->low = (double)values[i];
        if (!((double)values[i] <= extent->high)) extent->high = (double)values[i];
    }
}

/* The largest value, leaving out the highest fiftieth. */
static double largest_but_spikes(const float *values, int count) {
    float highest[MAX_SPIKES + 1] = {0}; /* descending */
    int rare = count / 50 < MAX_SPIKES ? count / 50 : MAX_SPIKES, filled = 0;
    for (int i = 0; i < count; i++) {
        if (isnan(values[i])) continue;
        if (filled > rare && values[i] <= highest[rare]) continue;
        int at = filled > rare ? rare : filled++;
        for (; at > 0 && highest[at - 1] < values[i]; at--) highest[at] = highest[at - 1];
        highest[at] = values[i];
    }
    return filled > rare ? (double)highest[rare] : 0;
}

/* Rare spikes must not flatten everything else: they are clipped and marked, and the title names
 * the highest. */
static void set_loss_axis(struct chart *chart, const struct curve_samples *samples, bool is_log) {
    struct extent seen = {HUGE_VAL, -HUGE_VAL};
    extent_add(&seen, samples->low, chart->samples);
    extent_add(&seen, samples->high, chart->samples);
    extent_add(&seen, samples->line[0], chart->samples);
    if (!(seen.high >= seen.low)) seen = (struct extent){0, 1};
    double usual = largest_but_spikes(samples->high, chart->samples);
    if (!is_log && usual > 0 && seen.high > 3 * usual) seen.high = 1.5 * usual;
    chart->low = seen.low;
    chart->high = seen.high;
    if (is_log && seen.high > 0) {
        double smallest = seen.high;
        for (int i = 0; i < chart->samples; i++)
            if (samples->low[i] > 0 && (double)samples->low[i] < smallest)
                smallest = (double)samples->low[i];
        /* Six decades are enough. */
        chart->low = smallest < seen.high * 1e-6 ? seen.high * 1e-6 : smallest;
        chart->is_log = chart->low > 0;
    } else if (seen.low >= 0 && seen.low < .6 * seen.high) {
        chart->low = 0;
    }
    if (chart->low < chart->high) return;
    if (chart->is_log)
        chart->low = chart->high / 10;
    else
        chart->high = chart->low + (fabs(chart->low) > 0 ? .1 * fabs(chart->low) : 1);
    if (!(chart->low < chart->high)) chart->high = nextafter(chart->low, HUGE_VAL);
}

static void set_accuracy_axis(struct chart *chart, const struct curve_samples *samples) {
    struct extent seen = {HUGE_VAL, -HUGE_VAL};
    for (int precision = 0; precision < PRECISIONS; precision++) {
        extent_add(&seen, samples->line[precision], chart->samples);
        extent_add(&seen, samples->points[precision], chart->samples);
    }
    if (!isnan(chart->baseline)) {
        float baseline = (float)chart->baseline;
        extent_add(&seen, &baseline, 1);
    }
    if (!(seen.high >= seen.low)) seen = (struct extent){0, 100};
    double room = .1 * (seen.high - seen.low);
    if (room < .1) room = .1;
    chart->low = seen.low - room < 0 ? 0 : seen.low - room;
    chart->high = seen.high + room > 100 ? 100 : seen.high + room;
}

static int x_ticks(const struct curves *curves, const struct store *store, struct steps window,
                   int columns, struct chart_tick *ticks) {
    double values[MAX_TICKS], low = (double)window.first, high = (double)window.last;
    int max_count = columns / 12, decimals = 0, count;
    if (max_count > MAX_TICKS) max_count = MAX_TICKS;
    double batches = store->info->batches > 0 ? (double)store->info->batches : 1;
    if (curves->x_axis == X_EPOCH) {
        low /= batches;
        high /= batches;
    }
    if (curves->x_axis == X_TIME) {
        low = samples_seconds(store, window.first);
        high = samples_seconds(store, window.last);
        count = number_time_ticks(low, high, max_count, values);
    } else {
        count = number_ticks(low, high, max_count, values, &decimals);
    }
    int kept = 0;
    for (int i = 0; i < count; i++) {
        struct chart_tick *tick = &ticks[kept];
        tick->at = (values[i] - low) / (high - low);
        if (curves->x_axis == X_TIME)
            format_duration(values[i], tick->text, sizeof tick->text);
        else if (curves->x_axis == X_STEP && decimals > 0)
            continue; /* there is no half step */
        else
            snprintf(tick->text, sizeof tick->text, "%.*f", decimals, values[i] + 0.0);
        kept++;
    }
    return kept;
}

/* ---- drawing */

static void draw_loss(struct curves *curves, const struct store *store, struct canvas *canvas,
                      struct chart *chart) {
    struct curve_samples *samples = &curves->samples;
    samples_loss(samples, chart->samples, store, smooth_levels[curves->smoothing]);
    if (history_count(store->loss) == 0) {
        canvas_text(canvas, canvas->rows / 2, (canvas->columns - 27) / 2, COLOR_DIM,
                    "waiting for the first batch");
        return;
    }
    struct chart_series series = {.low = samples->low,
                                  .high = samples->high,
                                  .line = samples->line[0],
                                  .line_color = COLOR_CURVE,
                                  .span_color = COLOR_ENVELOPE,
                                  .ascii = '*'};
    struct chart loss = *chart;
    loss.series = &series;
    loss.series_count = 1;
    loss.alarms = samples->alarms;
    set_loss_axis(&loss, samples, curves->is_log);
    curves->is_cut = false;
    for (int i = 0; i < loss.samples; i++)
        if ((double)samples->high[i] > loss.high) curves->is_cut = true;
    chart_draw(canvas, &loss);
}

static const struct {
    enum color color;
    uint32_t mark;
    char ascii;
} looks[PRECISIONS] = {
    {COLOR_FP32, 0x25c6, '.'}, {COLOR_QAT, 0x25cb, 'o'}, {COLOR_INT8, 0x25cf, '*'}};

static void draw_accuracy(struct curves *curves, const struct store *store, struct canvas *canvas,
                          struct chart *chart) {
    struct curve_samples *samples = &curves->samples;
    if (store->evaluation_count == 0) {
        canvas_text(canvas, canvas->rows / 2, (canvas->columns - 17) / 2, COLOR_DIM,
                    "no evaluation yet");
        return;
    }
    samples_accuracy(samples, chart->samples, store);
    struct chart_series series[PRECISIONS];
    for (int precision = 0; precision < PRECISIONS; precision++)
        series[precision] = (struct chart_series){.line = samples->line[precision],
                                                  .points = samples->points[precision],
                                                  .is_minor = samples->is_minor,
                                                  .line_color = looks[precision].color,
                                                  .mark = looks[precision].mark,
                                                  .ascii = looks[precision].ascii};
    struct chart accuracy = *chart;
    accuracy.series = series;
    accuracy.series_count = PRECISIONS;
    const struct evaluation *baseline = samples_baseline(store);
    accuracy.baseline = baseline ? (double)samples_percent(baseline, PRECISION_FP32) : (double)NAN;
    set_accuracy_axis(&accuracy, samples);
    chart_draw(canvas, &accuracy);
}

/* "accuracy %  · FP32 97.92  ○ QAT 97.81  ● INT8 97.80 = gap -0.12" over a rule. */
static void draw_legend(const struct store *store, struct canvas *canvas) {
    canvas_fill(canvas, 0, 0, canvas->columns, 0x2500, COLOR_DIM);
    bool is_short = canvas->columns < 56;
    int column = canvas_text(canvas, 0, 1, COLOR_TITLE, is_short ? " acc% " : " accuracy % ");
    const struct evaluation *newest = store_newest(store);
    char part[24] = "";
    if (newest && !newest->is_whole) snprintf(part, sizeof part, "of %zu ", newest->count);
    /* Three names and numbers take 43 columns.  A part without its label would mislead. */
    if (column + (int)strlen(part) + 43 > canvas->columns && *part) newest = NULL;
    column = canvas_text(canvas, 0, column, COLOR_DIM, part);
    for (int precision = 0; precision < PRECISIONS; precision++) {
        canvas_put(canvas, 0, column++, ' ', COLOR_DIM);
        canvas_put(canvas, 0, column,
                   canvas->glyphs == GLYPHS_ASCII ? (uint32_t)looks[precision].ascii
                                                  : looks[precision].mark,
                   looks[precision].color);
        column = canvas_printf(canvas, 0, column + 1, looks[precision].color, " %s ",
                               precision_name((enum precision)precision));
        if (newest)
            column = canvas_printf(canvas, 0, column, COLOR_STRONG, "%.2f ",
                                   (double)samples_percent(newest, precision));
    }
    if (!newest) return;
    char gap[32];
    double int8 = newest->results[PRECISION_INT8].accuracy,
           fp32 = newest->results[PRECISION_FP32].accuracy;
    int length = snprintf(gap, sizeof gap, " gap %+.2f ", 100 * (int8 - fp32));
    if (column + length + 2 <= canvas->columns)
        canvas_text(canvas, 0, canvas->columns - length - 1, COLOR_DIM, gap);
}

static void draw(void *state, const struct store *store, struct session *session,
                 struct canvas *canvas) {
    (void)session;
    struct curves *curves = state;
    start(curves);
    if (canvas->rows < 1 || canvas->columns < 1) return;
    struct steps window = window_of(curves, store);
    struct chart_frame frame = chart_frame(canvas);
    struct curve_samples *samples = &curves->samples;
    if (!samples_reserve(samples, frame.samples)) {
        canvas_text(canvas, 0, 0, COLOR_ALARM, "out of memory");
        return;
    }
    curves->columns = frame.columns;
    samples_spread(samples, frame.samples, store, window, curves->x_axis);
    samples_epochs(samples, frame.samples, store);
    struct chart_tick ticks[MAX_TICKS];
    struct chart chart = {.samples = frame.samples,
                          .baseline = (double)NAN,
                          .cursor = -1,
                          .verticals = samples->verticals,
                          .ticks = ticks};
    chart.tick_count = x_ticks(curves, store, window, frame.columns, ticks);
    if (curves->has_cursor) chart.cursor = samples_of_step(samples, frame.samples, curves->cursor);

    bool is_both = curves->view == VIEW_BOTH && canvas->rows >= BOTH_ROWS;
    if (curves->view == VIEW_ACCURACY) {
        struct canvas legend = canvas_part(canvas, 0, 0, canvas->rows > 3 ? 1 : 0, canvas->columns);
        draw_legend(store, &legend);
        struct canvas rest =
            canvas_part(canvas, legend.rows, 0, canvas->rows - legend.rows, canvas->columns);
        draw_accuracy(curves, store, &rest, &chart);
        return;
    }
    int rows = is_both ? (canvas->rows * 5 + 4) / 9 : canvas->rows;
    struct canvas above = canvas_part(canvas, 0, 0, rows, canvas->columns);
    draw_loss(curves, store, &above, &chart);
    if (!is_both) return;
    struct canvas legend = canvas_part(canvas, rows, 0, 1, canvas->columns);
    draw_legend(store, &legend);
    struct canvas below =
        canvas_part(canvas, rows + 1, 0, canvas->rows - rows - 1, canvas->columns);
    draw_accuracy(curves, store, &below, &chart);
}

/* ".60", ".999", "off" */
static const char *weight_text(double weight, char *text, size_t size) {
    if (!(weight > 0)) return "off";
    snprintf(text, size, weight > .99 ? "%.3f" : "%.2f", weight);
    return text + 1;
}

static void cursor_text(const struct curves *curves, const struct store *store, char *text,
                        size_t size) {
    struct bucket bucket = history_range(store->loss, curves->cursor, curves->cursor);
    double epoch =
        store->info->batches > 0 ? (double)curves->cursor / (double)store->info->batches : 0;
    float smooth = NAN;
    history_smooth(store->loss, smooth_levels[curves->smoothing], 1, &curves->cursor, &smooth);
    char value[16], average[16];
    if (bucket.count)
        number_fit((double)bucket.last, 7, 4, value, sizeof value);
    else
        snprintf(value, sizeof value, "%s", bucket.not_finite ? "not finite" : "--");
    number_fit((double)smooth, 7, 4, average, sizeof average);
    snprintf(text, size, "step %llu  epoch %.2f  loss %s  ema %s",
             (unsigned long long)curves->cursor, epoch, value, isnan(smooth) ? "--" : average);
}

static void title(void *state, const struct store *store, const struct session *session, char *left,
                  char *right, size_t size) {
    (void)session;
    struct curves *curves = state;
    start(curves);
    char weight[16];
    const char *what = curves->view == VIEW_ACCURACY ? "accuracy" : "loss";
    snprintf(left, size, "%s  ema %s  y:%s  x:%s", what,
             weight_text(smooth_levels[curves->smoothing], weight, sizeof weight),
             curves->is_log ? "log" : "lin", x_names[curves->x_axis]);
    if (curves->has_cursor) {
        cursor_text(curves, store, right, size);
        return;
    }
    struct steps window = window_of(curves, store);
    double each = steps_per_column(curves, window);
    char per_column[16];
    snprintf(per_column, sizeof per_column, each < 10 ? "%.1f" : "%.0f", each);
    char max[24] = "", value[16];
    if (curves->is_cut) {
        struct bucket all = history_range(store->loss, window.first, window.last);
        snprintf(max, sizeof max, "max %s  ",
                 number_fit((double)all.max, 7, 2, value, sizeof value));
    }
    snprintf(right, size, "%s[%llu..%llu] %s/col%s", max, (unsigned long long)window.first,
             (unsigned long long)window.last, per_column, curves->is_following ? "" : "  F:follow");
}

/* ---- keys */

static void move_window(struct curves *curves, const struct store *store, double steps) {
    struct steps window = window_of(curves, store);
    double last = (double)window.last + steps, newest = (double)store->step;
    double fewest = (double)curves->span - 1;
    if (last < fewest) last = fewest;
    curves->is_following = last >= newest;
    curves->last = curves->is_following ? store->step : (uint64_t)last;
}

static void move_cursor(struct curves *curves, const struct store *store, double columns) {
    struct steps window = window_of(curves, store);
    double each = steps_per_column(curves, window);
    double step = columns * (each < 1 ? 1 : each), to = (double)curves->cursor + step;
    if (to < 0) to = 0;
    if (to > (double)store->step) to = (double)store->step;
    curves->cursor = (uint64_t)to;
    if (curves->span == 0) return;
    if (curves->cursor < window.first)
        move_window(curves, store, (double)curves->cursor - (double)window.first);
    if (curves->cursor > window.last)
        move_window(curves, store, (double)curves->cursor - (double)window.last);
}

static void zoom(struct curves *curves, const struct store *store, bool is_in) {
    struct steps window = window_of(curves, store);
    double steps = (double)(window.last - window.first) + 1;
    double wanted = is_in ? floor(steps / 2) : steps * 2;
    if (wanted < MIN_STEPS) wanted = MIN_STEPS;
    if (wanted > (double)store->step) {
        curves->span = 0;
        curves->is_following = true;
        return;
    }
    /* The step that keeps its place: the cursor's, the newest when following, else the middle. */
    double share = curves->has_cursor     ? ((double)curves->cursor - (double)window.first) / steps
                   : curves->is_following ? 1
                                          : .5;
    double fixed = (double)window.first + share * steps;
    curves->span = (uint64_t)wanted;
    curves->last = window.last;
    double last = fixed + (1 - share) * wanted - 1;
    move_window(curves, store, last - (double)window_of(curves, store).last);
}

static void move(struct curves *curves, const struct store *store, double columns) {
    struct steps window = window_of(curves, store);
    double each = steps_per_column(curves, window);
    if (curves->has_cursor)
        move_cursor(curves, store, columns);
    else if (curves->span > 0)
        move_window(curves, store, columns * 4 * (each < 1 ? 1 : each));
}

static bool act(void *state, const struct store *store, struct session *session,
                enum action action) {
    (void)session;
    struct curves *curves = state;
    start(curves);
    switch (action) {
    case ACTION_LEFT:
        move(curves, store, -1);
        return true;
    case ACTION_RIGHT:
        move(curves, store, 1);
        return true;
    case ACTION_PAGE_UP:
        move(curves, store, -curves->columns / 8.0);
        return true;
    case ACTION_PAGE_DOWN:
        move(curves, store, curves->columns / 8.0);
        return true;
    case ACTION_FIRST:
        move(curves, store, -1e18);
        return true;
    case ACTION_LAST:
        move(curves, store, 1e18);
        return true;
    case ACTION_ENTER:
        curves->has_cursor = !curves->has_cursor;
        curves->cursor = window_of(curves, store).last;
        return true;
    case ACTION_FOLLOW:
        curves->is_following = true;
        curves->has_cursor = false;
        return true;
    case ACTION_ZOOM_IN:
        zoom(curves, store, true);
        return true;
    case ACTION_ZOOM_OUT:
        zoom(curves, store, false);
        return true;
    case ACTION_ZOOM_RESET:
        curves->span = 0;
        curves->is_following = true;
        return true;
    case ACTION_SMOOTH_LESS:
        if (curves->smoothing > 0) curves->smoothing--;
        return true;
    case ACTION_SMOOTH_MORE:
        if (curves->smoothing < SMOOTH_LEVELS - 1) curves->smoothing++;
        return true;
    case ACTION_LOG_SCALE:
        curves->is_log = !curves->is_log;
        return true;
    case ACTION_X_AXIS:
        curves->x_axis = (curves->x_axis + 1) % X_AXES;
        return true;
    case ACTION_VIEW:
        curves->view = (curves->view + 1) % VIEWS;
        return true;
    default:
        return false;
    }
}

static void release(void *state) {
    struct curves *curves = state;
    samples_free(&curves->samples);
}

const struct panel panel_curves = {
    .name = "curves",
    .events = 1U << EVENT_BATCH | 1U << EVENT_EPOCH | 1U << EVENT_EVALUATION,
    .title = title,
    .draw = draw,
    .act = act,
    .state_size = sizeof(struct curves),
    .release = release,
};
