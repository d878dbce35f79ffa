/* ranges_views: channels, timeline and detail of one tensor. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed_point.h"
#include "run/alarms.h"
#include "ui/draw/chart.h"
#include "ui/draw/number.h"
#include "ui/panels/ranges.h"

#define MAX_TICKS 16
#define ROWS      6 /* of samples, for the charts */

void ranges_free(struct ranges *ranges) {
    free(ranges->order);
    free(ranges->block);
    ranges->order = NULL;
    ranges->block = NULL;
    ranges->capacity = 0;
    ranges->block_size = 0;
}

const char *ranges_name(const struct store *store, int tensor, char name[RANGES_NAME]) {
    const struct quant_tensor *of = &store->info->plan->tensors[tensor];
    if (of->channels > 1)
        snprintf(name, RANGES_NAME, "%s [%d]", of->name, of->channels);
    else
        snprintf(name, RANGES_NAME, "%s", of->name);
    return name;
}

/* ---- requantization */

static double scale_of(const struct store *store, int tensor) {
    if (tensor < 0 || !store->tensors[tensor].is_known) return (double)NAN;
    const struct quant_plan *plan = store->info->plan;
    const struct event_tensor *latest = &store->tensors[tensor].latest;
    if (plan->tensors[tensor].channels > 1) return (double)latest->scale;
    struct range range = {latest->min, latest->max};
    return quant_plan_qparams(plan, &plan->tensors[tensor], range).scale;
}

/* The layer whose sums an activation holds, -1 when there is none: its own, or the one whose values
 * reach it through a ReLU. */
static int kernel_layer(const struct store *store, int tensor) {
    const struct quant_plan *plan = store->info->plan;
    const struct model *model = store->info->model;
    int layer = plan->tensors[tensor].layer;
    while (plan->kernel_tensor[layer] < 0) {
        if (model->layers[layer].input_count != 1) return -1;
        layer = model->layers[layer].inputs[0];
        if (plan->activation_tensor[layer] >= 0) return -1;
    }
    return layer;
}

/* The quantized tensor that a layer reads, -1 when there is none. */
static int source_tensor(const struct store *store, int layer) {
    const struct quant_plan *plan = store->info->plan;
    const struct model *model = store->info->model;
    do {
        if (model->layers[layer].input_count != 1) return -1;
        layer = model->layers[layer].inputs[0];
    } while (plan->activation_tensor[layer] < 0);
    return plan->activation_tensor[layer];
}

struct requant {
    double source, weight, output; /* scales, NaN where one is not known */
    int channels;
};

static bool find_requant(const struct store *store, int tensor, struct requant *requant) {
    const struct quant_plan *plan = store->info->plan;
    if (plan->tensors[tensor].kind != TENSOR_ACTIVATION) return false;
    int layer = kernel_layer(store, tensor);
    if (layer < 0) return false;
    int kernel = plan->kernel_tensor[layer];
    requant->source = scale_of(store, source_tensor(store, layer));
    requant->weight = scale_of(store, kernel);
    requant->output = scale_of(store, tensor);
    requant->channels = plan->tensors[kernel].channels;
    double real = requant->source * requant->weight / requant->output;
    return real > 0 && isfinite(real);
}

void ranges_requant_text(const struct store *store, int tensor, char *text, size_t size) {
    struct requant requant;
    text[0] = 0;
    if (!find_requant(store, tensor, &requant)) return;
    struct fixed factor;
    if (!fixed_from_double(requant.source * requant.weight / requant.output, &factor)) return;
    snprintf(text, size, "0x%08" PRIx32 " >> %d", (uint32_t)factor.value, 31 - factor.shift);
}

/* ---- detail */

static int put_line(struct canvas *canvas, int row, enum color color, const char *text) {
    canvas_text(canvas, row, 1, color, text);
    return row + 1;
}

static const char *placement_text(enum placement placement) {
    switch (placement) {
    case PLACE_INPUT:
        return "the digits";
    case PLACE_KERNEL:
        return "kernel";
    case PLACE_PRE_ACTIVATION:
        return "logits, before the activation";
    case PLACE_POST_ACTIVATION:
        return "after the activation";
    case PLACE_OUTPUT:
        return "output";
    }
    return "";
}

static void verdict(const struct event_tensor *tensor, char *text, size_t size, enum color *color) {
    *color = COLOR_WARNING;
    if (ranges_is_saturated(tensor))
        snprintf(text, size,
                 "! %.1f %% of its values are clipped (more than %.0f %%): the range lags",
                 100 * (double)tensor->stats.saturation, 100 * (double)ALARM_SATURATION);
    else if (ranges_is_noisy(tensor))
        snprintf(text, size, "! signal-to-quantization-noise ratio is %.1f dB (less than %.0f)",
                 (double)tensor->stats.sqnr, (double)ALARM_SQNR);
    else if (ranges_is_drifting(tensor))
        snprintf(text, size, "! the range is still moving: %.0f %% over the last epoch",
                 100 * (double)tensor->drift);
    else {
        *color = COLOR_OK;
        double sqnr = (double)tensor->stats.sqnr;
        int length = snprintf(text, size, "ok: %.2f %% clipped, range steady",
                              100 * (double)tensor->stats.saturation);
        if (isnan(tensor->stats.saturation))
            snprintf(text, size, "clipping not measured");
        else if (sqnr > SQNR_EXACT)
            snprintf(text + length, size - (size_t)length, ", exact");
        else if (!isnan(sqnr))
            snprintf(text + length, size - (size_t)length, ", SQNR %.1f dB", sqnr);
    }
}

/* real = 0.155302 * (q - 12), with a sign that reads as arithmetic. */
static void formula(const struct event_tensor *tensor, bool is_per_channel, char *text,
                    size_t size) {
    int zero = tensor->zero_point;
    char scale[24];
    number_fit((double)tensor->scale, 10, 6, scale, sizeof scale);
    snprintf(text, size, "real = %s * (q %c %d)%s", scale, zero < 0 ? '+' : '-', abs(zero),
             is_per_channel ? "   widest channel" : "");
}

static int draw_requant(const struct store *store, int tensor, struct canvas *canvas, int row) {
    struct requant requant;
    if (!find_requant(store, tensor, &requant)) return row;
    char text[200], multiplier[64], bias[24], real[24];
    ranges_requant_text(store, tensor, multiplier, sizeof multiplier);
    number_fit(requant.source * requant.weight, 10, 6, bias, sizeof bias);
    number_fit(requant.source * requant.weight / requant.output, 10, 6, real, sizeof real);
    snprintf(text, sizeof text, "requant: sum * %s (= %s)   bias scale %s%s", multiplier, real,
             bias, requant.channels > 1 ? "   widest channel" : "");
    return put_line(canvas, row, COLOR_TEXT, text);
}

/* Tall bars, one for each bin, over a scale of codes. */
static void draw_bars(struct canvas *canvas, const uint8_t histogram[TENSOR_BINS]) {
    int rows = canvas->rows - 1, wide = canvas->columns >= 2 * TENSOR_BINS + 2 ? 2 : 1;
    if (rows < 1) return;
    for (int bin = 0; bin < TENSOR_BINS; bin++) {
        int eighths = histogram[bin] * rows * 8 / 255;
        if (histogram[bin] > 0 && eighths < 1) eighths = 1;
        for (int row = 0; row < rows && eighths > 0; row++, eighths -= 8) {
            uint32_t glyph = eighths >= 8 ? 0x2588 : 0x2580U + (uint32_t)eighths;
            if (canvas->glyphs == GLYPHS_ASCII) glyph = eighths >= 4 ? '#' : '.';
            canvas_fill(canvas, rows - 1 - row, 1 + bin * wide, wide, glyph, COLOR_BAR);
        }
    }
    canvas_fill(canvas, rows, 1, TENSOR_BINS * wide, 0x2500, COLOR_DIM);
    canvas_text(canvas, rows, 1, COLOR_DIM, "-128");
    canvas_text(canvas, rows, TENSOR_BINS * wide / 2, COLOR_DIM, " 0 ");
    canvas_text(canvas, rows, TENSOR_BINS * wide - 2, COLOR_DIM, "127");
}

void ranges_draw_detail(struct ranges *ranges, const struct store *store, struct canvas *canvas) {
    const struct quant_plan *plan = store->info->plan;
    if (ranges->selected >= plan->tensor_count) return;
    const struct quant_tensor *tensor = &plan->tensors[ranges->selected];
    const struct store_tensor *known = &store->tensors[ranges->selected];
    const struct layer *layer = &store->info->model->layers[tensor->layer];
    char text[320], name[RANGES_NAME], low[24], high[24];
    snprintf(text, sizeof text, "%s   %s of %s %s, %s", ranges_name(store, ranges->selected, name),
             tensor_kind_name(tensor->kind), layer_class(layer->kind), layer->name,
             placement_text(tensor->placement));
    int row = put_line(canvas, 0, COLOR_STRONG, text);
    if (!known->is_known) {
        put_line(canvas, row, COLOR_DIM, "no data yet");
        return;
    }
    const struct event_tensor *latest = &known->latest;
    bool is_weight = tensor->kind == TENSOR_WEIGHT;
    int lowest = is_weight ? 1 - (1 << (plan->scheme.weight_bits - 1)) : -128;
    int highest = is_weight ? -lowest : 127;
    formula(latest, tensor->channels > 1, text, sizeof text);
    canvas_text(canvas, row, 1, COLOR_STRONG, text);
    canvas_bold(canvas, row, 1, (int)strlen(text));
    int column = 1 + (int)strlen(text) + 3;
    number_fit((double)latest->scale * (lowest - latest->zero_point), 9, 3, low, sizeof low);
    number_fit((double)latest->scale * (highest - latest->zero_point), 9, 3, high, sizeof high);
    snprintf(text, sizeof text, "q %d..%d is %s..%s", lowest, highest, low, high);
    /* Truncated, it would say something else. */
    if (column + (int)strlen(text) <= canvas->columns)
        canvas_text(canvas, row, column, COLOR_TEXT, text);
    row++;
    row = draw_requant(store, ranges->selected, canvas, row);
    enum color color;
    verdict(latest, text, sizeof text, &color);
    row = put_line(canvas, row, color, text);
    if (ranges_int8_line(store, ranges->selected, canvas->columns - 1, text, sizeof text))
        row = put_line(canvas, row, COLOR_TEXT, text);
    struct canvas rest = canvas_part(canvas, row, 0, canvas->rows - row, canvas->columns);
    struct canvas last = canvas_part(&rest, 10, 0, rest.rows - 10, rest.columns);
    if (rest.rows > 10) rest.rows = 10;
    if (rest.rows >= 4) draw_bars(&rest, latest->stats.histogram);
    if (ranges->view == RANGES_DETAIL && last.rows >= 7) ranges_draw_timeline(ranges, store, &last);
}

/* ---- charts */

/* `count` samples: steps, and rows of floats. */
static bool reserve(struct ranges *ranges, int count, uint64_t **steps, float *rows[ROWS]) {
    size_t n = (size_t)count, size = n * (sizeof(uint64_t) + ROWS * sizeof(float));
    if (size > ranges->block_size) {
        void *block = realloc(ranges->block, size);
        if (!block) return false;
        ranges->block = block;
        ranges->block_size = size;
    }
    *steps = ranges->block;
    float *next = (float *)(void *)(*steps + n);
    for (int i = 0; i < ROWS; i++) rows[i] = next + (size_t)i * n;
    return true;
}

/* An axis that shows all values and 0. */
static void set_axis(struct chart *chart, const float *low, const float *high) {
    chart->low = chart->high = 0;
    for (int i = 0; i < chart->samples; i++) {
        if ((double)low[i] < chart->low) chart->low = (double)low[i];
        if ((double)high[i] > chart->high) chart->high = (double)high[i];
    }
    if (!(chart->low < chart->high)) chart->high = chart->low + 1;
}

static int integer_ticks(double low, double high, int columns, struct chart_tick *ticks) {
    double values[MAX_TICKS];
    int max_count = columns / 12 < MAX_TICKS ? columns / 12 : MAX_TICKS, decimals, kept = 0;
    int count = number_ticks(low, high, max_count, values, &decimals);
    for (int i = 0; i < count && decimals == 0; i++) {
        ticks[kept].at = (values[i] - low) / (high - low);
        snprintf(ticks[kept++].text, sizeof ticks->text, "%.0f", values[i]);
    }
    return kept;
}

/* Minimum and maximum over time: for each the least, the largest and the last of every sample. */
static void gather_ends(const struct store_tensor *tensor, uint64_t last, int samples,
                        uint64_t *steps, float *rows[ROWS]) {
    for (int i = 0; i < samples; i++) {
        uint64_t first = (uint64_t)((double)last * i / samples);
        uint64_t next = (uint64_t)((double)last * (i + 1) / samples);
        steps[i] = next > first ? next : first;
        for (int end = 0; end < 2; end++) {
            struct bucket bucket = history_range(end ? tensor->max : tensor->min, first, steps[i]);
            rows[3 * end][i] = bucket.min;
            rows[3 * end + 1][i] = bucket.max;
        }
    }
    steps[samples - 1] = last;
    for (int end = 0; end < 2; end++) {
        float *line = rows[3 * end + 2];
        history_smooth(end ? tensor->max : tensor->min, 0, (size_t)samples, steps, line);
        /* A tensor is reported now and then; in between it keeps its last value. */
        for (int i = 0; i < samples; i++) {
            if (!(rows[3 * end][i] <= line[i])) rows[3 * end][i] = line[i];
            if (!(rows[3 * end + 1][i] >= line[i])) rows[3 * end + 1][i] = line[i];
        }
    }
}

void ranges_draw_timeline(struct ranges *ranges, const struct store *store, struct canvas *canvas) {
    if (ranges->selected >= store->info->plan->tensor_count) return;
    const struct store_tensor *tensor = &store->tensors[ranges->selected];
    char text[320], name[RANGES_NAME], low_text[24], high_text[24], scale[24];
    ranges_name(store, ranges->selected, name);
    if (!tensor->is_known) {
        canvas_printf(canvas, 0, 1, COLOR_DIM, "%s: no data yet", name);
        return;
    }
    number_fit((double)tensor->latest.min, 9, 3, low_text, sizeof low_text);
    number_fit((double)tensor->latest.max, 9, 3, high_text, sizeof high_text);
    number_fit((double)tensor->latest.scale, 9, 6, scale, sizeof scale);
    snprintf(text, sizeof text, "%s   min %s   max %s   scale %s", name, low_text, high_text,
             scale);
    int head = canvas->rows > 4 ? put_line(canvas, 0, COLOR_STRONG, text) : 0;
    struct canvas below = canvas_part(canvas, head, 0, canvas->rows - head, canvas->columns);
    struct chart_frame frame = chart_frame(&below);
    uint64_t *steps;
    float *rows[ROWS];
    if (frame.samples < 1 || !reserve(ranges, frame.samples, &steps, rows)) return;
    uint64_t last = store->step > 0 ? store->step : 1;
    gather_ends(tensor, last, frame.samples, steps, rows);
    struct chart_series series[2];
    for (int end = 0; end < 2; end++)
        series[end] = (struct chart_series){.low = rows[3 * end],
                                            .high = rows[3 * end + 1],
                                            .line = rows[3 * end + 2],
                                            .line_color = COLOR_CURVE,
                                            .span_color = COLOR_ENVELOPE,
                                            .ascii = end ? '^' : 'v'};
    struct chart_tick ticks[MAX_TICKS];
    struct chart chart = {.samples = frame.samples,
                          .series = series,
                          .series_count = 2,
                          .baseline = 0,
                          .cursor = -1,
                          .ticks = ticks};
    set_axis(&chart, rows[0], rows[4]);
    chart.tick_count = integer_ticks(0, (double)last, frame.columns, ticks);
    chart_draw(&below, &chart);
}

/* One bar a channel, with gaps where there is room; where there is not, several channels in one
 * sample.  Returns the sample of `channel`. */
static int spread_channels(const struct range *of, int channels, int channel, int samples,
                           float *rows[ROWS]) {
    int cursor = 0;
    for (int i = 0; i < samples; i++) {
        int here = (int)((int64_t)i * channels / samples);
        int next = (int)((int64_t)(i + 1) * channels / samples);
        bool is_gap = samples >= 3 * channels && next != here;
        rows[0][i] = is_gap ? NAN : of[here].min;
        rows[1][i] = is_gap ? NAN : of[here].max;
        for (int more = here + 1; more < next; more++) {
            if (of[more].min < rows[0][i]) rows[0][i] = of[more].min;
            if (of[more].max > rows[1][i]) rows[1][i] = of[more].max;
        }
        if (here <= channel) cursor = i;
    }
    return cursor;
}

static void draw_channels_head(const struct quant_plan *plan, const struct quant_tensor *tensor,
                               const struct range *of, int channel, struct canvas *canvas) {
    char low[24], high[24], scale[24];
    double widest = 0, narrowest = HUGE_VAL;
    for (int i = 0; i < tensor->channels; i++) {
        double width = quant_plan_qparams(plan, tensor, of[i]).scale;
        if (width > widest) widest = width;
        if (width < narrowest) narrowest = width;
    }
    number_fit((double)of[channel].min, 9, 3, low, sizeof low);
    number_fit((double)of[channel].max, 9, 3, high, sizeof high);
    number_fit(quant_plan_qparams(plan, tensor, of[channel]).scale, 9, 6, scale, sizeof scale);
    canvas_printf(canvas, 0, 1, COLOR_STRONG,
                  "channel %d of %d: %s..%s  scale %s   widest %.1f x narrowest", channel,
                  tensor->channels, low, high, scale, widest / narrowest);
}

void ranges_draw_channels(struct ranges *ranges, const struct store *store,
                          const struct session *session, struct canvas *canvas) {
    const struct quant_plan *plan = store->info->plan;
    if (ranges->selected >= plan->tensor_count) return;
    const struct quant_tensor *tensor = &plan->tensors[ranges->selected];
    const struct evaluation *evaluation = store_evaluation(store, session->evaluation);
    char name[RANGES_NAME];
    ranges_name(store, ranges->selected, name);
    if (tensor->channels <= 1) {
        canvas_printf(canvas, 0, 1, COLOR_DIM, "%s has a single range", name);
        struct canvas rest = canvas_part(canvas, 1, 0, canvas->rows - 1, canvas->columns);
        ranges_draw_detail(ranges, store, &rest);
        return;
    }
    if (!evaluation || !evaluation->snapshot) {
        canvas_printf(canvas, 0, 1, COLOR_DIM, "%s: per-channel ranges come with an evaluation",
                      name);
        return;
    }
    const struct range *of = evaluation->snapshot->ranges + tensor->offset;
    int channel = ranges->channel < tensor->channels ? ranges->channel : 0;
    int head = canvas->rows > 4;
    if (head) draw_channels_head(plan, tensor, of, channel, canvas);
    struct canvas below = canvas_part(canvas, head, 0, canvas->rows - head, canvas->columns);
    struct chart_frame frame = chart_frame(&below);
    uint64_t *steps;
    float *rows[ROWS];
    if (frame.samples < 1 || !reserve(ranges, frame.samples, &steps, rows)) return;
    int cursor = spread_channels(of, tensor->channels, channel, frame.samples, rows);
    struct chart_series series = {.low = rows[0], .high = rows[1], .span_color = COLOR_BAR};
    struct chart_tick ticks[MAX_TICKS];
    struct chart chart = {.samples = frame.samples,
                          .series = &series,
                          .series_count = 1,
                          .baseline = 0,
                          .cursor = cursor,
                          .ticks = ticks};
    set_axis(&chart, rows[0], rows[1]);
    chart.tick_count = integer_ticks(0, tensor->channels, frame.columns, ticks);
    chart_draw(&below, &chart);
}
