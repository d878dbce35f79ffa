/* The digits panel: test digits to step through, above all the misclassified ones. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image.h"
#include "ui/draw/digit.h"
#include "ui/panel.h"

#define MAX_BARS         10  /* classes */
#define UNSURE_MARGIN    .2f /* between the two most probable classes */
#define STRIP_COLUMNS    31  /* three predictions in one row */
#define MIN_INFO_COLUMNS 8   /* the least that predictions need */
#define MAX_INFO_COLUMNS 40
#define LIST_COLUMNS     25

enum predicate {
    PREDICATE_WRONG,  /* INT8 is wrong */
    PREDICATE_FLIP,   /* FP32 is right, INT8 is wrong */
    PREDICATE_UNSURE, /* INT8 gives two classes similar probabilities */
    PREDICATE_CLASS,  /* one label */
    PREDICATE_PAIR,   /* one label read as one class, from the confusion panel */
    PREDICATE_ALL,
    PREDICATES
};

struct match {
    uint32_t digit;
    float wrongness; /* how far INT8 is from the truth: large is worse */
};

struct digits_state {
    enum predicate predicate;
    int class; /* of PREDICATE_CLASS */
    int pair_truth, pair_predicted;
    enum precision pair_precision;
    bool has_pair, is_worst_first, has_chosen;
    /* Digits that match, and what they were gathered for. */
    struct match *matches;
    size_t count, capacity;
    struct {
        const struct evaluation *evaluation;
        uint64_t step;
        size_t digits;
        enum predicate predicate;
        int class, pair_truth, pair_predicted;
        enum precision pair_precision;
        bool is_worst_first;
    } gathered;
    uint64_t settled_step; /* evaluation for which the digit shown was last chosen */
};

/* ---- what matches */

static const float *probabilities(const struct evaluation *evaluation, int precision,
                                  size_t digit) {
    return evaluation->results[precision].probabilities +
           digit * (size_t)evaluation->results[precision].classes;
}

static int predicted(const struct evaluation *evaluation, int precision, size_t digit) {
    return evaluation->results[precision].labels[digit];
}

static float margin(const float *probability, int classes) {
    float first = -1, second = -1;
    for (int i = 0; i < classes; i++) {
        if (probability[i] > first) {
            second = first;
            first = probability[i];
        } else if (probability[i] > second) {
            second = probability[i];
        }
    }
    return first - second;
}

static bool does_match(const struct digits_state *digits, const struct evaluation *evaluation,
                       const uint16_t *labels, size_t digit) {
    int truth = labels[digit];
    switch (digits->predicate) {
    case PREDICATE_WRONG:
        return predicted(evaluation, PRECISION_INT8, digit) != truth;
    case PREDICATE_FLIP:
        return predicted(evaluation, PRECISION_INT8, digit) != truth &&
               predicted(evaluation, PRECISION_FP32, digit) == truth;
    case PREDICATE_UNSURE:
        return margin(probabilities(evaluation, PRECISION_INT8, digit), evaluation->classes) <=
               UNSURE_MARGIN;
    case PREDICATE_CLASS:
        return truth == digits->class;
    case PREDICATE_PAIR:
        return truth == digits->pair_truth &&
               predicted(evaluation, (int)digits->pair_precision, digit) == digits->pair_predicted;
    default:
        return true;
    }
}

static size_t evaluated(const struct store *store, const struct evaluation *evaluation) {
    size_t count = store->info->dataset->test.count;
    return evaluation && evaluation->count < count ? evaluation->count : count;
}

static float wrongness(const struct evaluation *evaluation, int truth, size_t digit) {
    const float *probability = probabilities(evaluation, PRECISION_INT8, digit);
    return probability[predicted(evaluation, PRECISION_INT8, digit)] - probability[truth];
}

/* Worst first; of equals the one that comes first. */
static int compare_matches(const void *left, const void *right) {
    const struct match *a = left, *b = right;
    if (a->wrongness > b->wrongness) return -1;
    if (a->wrongness < b->wrongness) return 1;
    return a->digit < b->digit ? -1 : a->digit > b->digit;
}

static bool is_gathered(const struct digits_state *digits, const struct evaluation *evaluation,
                        size_t count) {
    return digits->gathered.digits == count && digits->gathered.evaluation == evaluation &&
           digits->gathered.step == evaluation->step &&
           digits->gathered.predicate == digits->predicate &&
           digits->gathered.class == digits->class &&
           digits->gathered.pair_truth == digits->pair_truth &&
           digits->gathered.pair_predicted == digits->pair_predicted &&
           digits->gathered.pair_precision == digits->pair_precision &&
           digits->gathered.is_worst_first == digits->is_worst_first;
}

static void gather(struct digits_state *digits, const struct store *store,
                   const struct evaluation *evaluation) {
    if (!evaluation) {
        digits->count = 0;
        digits->gathered.digits = 0;
        return;
    }
    size_t count = evaluated(store, evaluation);
    if (is_gathered(digits, evaluation, count)) return;
    if (digits->capacity < count) {
        struct match *matches = realloc(digits->matches, count * sizeof *matches);
        if (!matches) return;
        digits->matches = matches;
        digits->capacity = count;
    }
    const uint16_t *labels = store->info->dataset->test.labels;
    digits->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!does_match(digits, evaluation, labels, i)) continue;
        digits->matches[digits->count++] =
            (struct match){(uint32_t)i, wrongness(evaluation, labels[i], i)};
    }
    if (digits->is_worst_first)
        qsort(digits->matches, digits->count, sizeof *digits->matches, compare_matches);
    digits->gathered.evaluation = evaluation;
    digits->gathered.step = evaluation->step;
    digits->gathered.digits = count;
    digits->gathered.predicate = digits->predicate;
    digits->gathered.class = digits->class;
    digits->gathered.pair_truth = digits->pair_truth;
    digits->gathered.pair_predicted = digits->pair_predicted;
    digits->gathered.pair_precision = digits->pair_precision;
    digits->gathered.is_worst_first = digits->is_worst_first;
}

/* Place of the digit shown among the matches; count when it is none of them. */
static size_t place_of(const struct digits_state *digits, size_t digit) {
    size_t place = 0;
    while (place < digits->count && digits->matches[place].digit != digit) place++;
    return place;
}

/* The match to go to from a digit that is none: in order of index the next one, else the first. */
static size_t place_after(const struct digits_state *digits, size_t digit) {
    size_t place = 0;
    if (digits->is_worst_first) return 0;
    while (place < digits->count && digits->matches[place].digit < digit) place++;
    return place < digits->count ? place : 0;
}

static void choose(struct digits_state *digits, struct session *session, size_t place) {
    if (place < digits->count) session->digit = digits->matches[place].digit;
    digits->settled_step = digits->gathered.step;
}

static void settle(struct digits_state *digits, struct session *session) {
    if (place_of(digits, session->digit) == digits->count)
        choose(digits, session, place_after(digits, session->digit));
}

/* Take over a pair chosen in the confusion panel, and the first match of a run. */
static const struct evaluation *update(struct digits_state *digits, const struct store *store,
                                       struct session *session) {
    const struct evaluation *evaluation = store_evaluation(store, session->evaluation);
    bool is_new_pair = session->pair_truth >= 0 && session->pair_predicted >= 0 &&
                       (!digits->has_pair || digits->pair_truth != session->pair_truth ||
                        digits->pair_predicted != session->pair_predicted ||
                        digits->pair_precision != session->pair_precision);
    if (is_new_pair) {
        digits->has_pair = true;
        digits->pair_truth = session->pair_truth;
        digits->pair_predicted = session->pair_predicted;
        digits->pair_precision = session->pair_precision;
        digits->predicate = PREDICATE_PAIR;
    }
    gather(digits, store, evaluation);
    if (evaluation && (is_new_pair || !digits->has_chosen)) {
        digits->has_chosen = true;
        settle(digits, session);
    }
    return evaluation;
}

/* ---- texts */

static const char *predicate_text(const struct digits_state *digits, char *text, size_t size) {
    switch (digits->predicate) {
    case PREDICATE_WRONG:
        return "wrong";
    case PREDICATE_FLIP:
        return "flip";
    case PREDICATE_UNSURE:
        return "unsure";
    case PREDICATE_CLASS:
        snprintf(text, size, "class %d", digits->class);
        return text;
    case PREDICATE_PAIR:
        snprintf(text, size, "%d->%d%s%s", digits->pair_truth, digits->pair_predicted,
                 digits->pair_precision == PRECISION_INT8 ? "" : " ",
                 digits->pair_precision == PRECISION_INT8 ? ""
                                                          : precision_name(digits->pair_precision));
        return text;
    default:
        return "all";
    }
}

static const char *predicate_meaning(enum predicate predicate) {
    static const char *const meanings[PREDICATES] = {
        "INT8 is wrong", "FP32 is right, INT8 is wrong", "INT8: best two within .20",
        "one label",     "from the confusion panel",     "all test digits"};
    return meanings[predicate];
}

/* ".534", "1.00" */
static const char *probability_text(float probability, char text[8]) {
    snprintf(text, 8, "%.3f", (double)probability);
    if (text[0] == '0') return text + 1;
    text[4] = 0;
    return text;
}

static void title(void *state, const struct store *store, const struct session *session, char *left,
                  char *right, size_t size) {
    struct digits_state *digits = state;
    const struct evaluation *evaluation = store_evaluation(store, session->evaluation);
    gather(digits, store, evaluation);
    size_t digit = session->digit;
    left[0] = right[0] = 0;
    if (digit >= store->info->dataset->test.count) return;
    int truth = store->info->dataset->test.labels[digit];
    if (!evaluation) {
        snprintf(left, size, "y=%d  #%zu", truth, digit);
        snprintf(right, size, "no evaluation yet");
        return;
    }
    /* What matters most comes first: little of it fits above a narrow panel. */
    const char *flip = "";
    int length = snprintf(left, size, "y=%d", truth);
    if (digit < evaluated(store, evaluation)) {
        int label = predicted(evaluation, PRECISION_INT8, digit);
        length += snprintf(left + length, size - (size_t)length, " int8=%d", label);
        if (label != truth && predicted(evaluation, PRECISION_FP32, digit) == truth)
            flip = "  [flip]";
    }
    char text[32], place[32] = "-";
    size_t at = place_of(digits, digit);
    if (at < digits->count) snprintf(place, sizeof place, "%zu", at + 1);
    snprintf(left + length, size - (size_t)length, "  %s %s/%zu  #%zu%s",
             predicate_text(digits, text, sizeof text), place, digits->count, digit, flip);
    if (evaluation->is_whole)
        snprintf(right, size, "step %llu", (unsigned long long)evaluation->step);
    else
        snprintf(right, size, "step %llu, first %zu", (unsigned long long)evaluation->step,
                 evaluation->count);
}

/* ---- drawing */

static const enum color precision_colors[PRECISIONS] = {COLOR_FP32, COLOR_QAT, COLOR_INT8};

static void draw_prediction(struct canvas *canvas, int row, const struct evaluation *evaluation,
                            int precision, size_t digit, int truth) {
    int label = predicted(evaluation, precision, digit);
    char text[8];
    bool is_right = label == truth;
    canvas_text(canvas, row, 0, precision_colors[precision],
                precision_name((enum precision)precision));
    canvas_printf(canvas, row, 5, is_right ? COLOR_STRONG : COLOR_ALARM, "%d", label);
    canvas_bold(canvas, row, 5, 1);
    if (!is_right) canvas_put(canvas, row, 6, '!', COLOR_ALARM);
    if (canvas->columns < 12) return;
    canvas_printf(canvas, row, 8, COLOR_TEXT, "%4s",
                  probability_text(probabilities(evaluation, precision, digit)[label], text));
    if (canvas->columns < 18) return;
    canvas_text(canvas, row, 13, is_right ? COLOR_OK : COLOR_ALARM, is_right ? "ok" : "wrong");
}

/* Rows 2 * row and the next of the picture's pixels hold no ink. */
static bool is_blank(const unsigned char *image, int row) {
    for (int i = 0; i < 2 * DIGIT_SIDE; i++)
        if (image[2 * row * DIGIT_SIDE + i] > 0) return false;
    return true;
}

/* "FP32 7 .49 QAT 3!.48 INT8 3!.48" */
static void draw_strip(struct canvas *canvas, int row, const struct evaluation *evaluation,
                       size_t digit, int truth) {
    int column = 0;
    for (int precision = 0; precision < PRECISIONS; precision++) {
        int label = predicted(evaluation, precision, digit);
        bool is_right = label == truth;
        char text[8];
        /* Two digits are enough here; 1.00 is cut to 1.0. */
        snprintf(text, sizeof text, "%.2f",
                 (double)probabilities(evaluation, precision, digit)[label]);
        column = canvas_text(canvas, row, column, precision_colors[precision],
                             precision_name((enum precision)precision));
        canvas_printf(canvas, row, column + 1, is_right ? COLOR_STRONG : COLOR_ALARM, "%d%s", label,
                      is_right ? "" : "!");
        canvas_bold(canvas, row, column + 1, 1);
        canvas_printf(canvas, row, column + 3, COLOR_TEXT, "%.3s",
                      text[0] == '0' ? text + 1 : text);
        column += 7;
    }
}

/* A small panel has room for the picture only: the predictions go over a row of it without ink. */
static void draw_over(struct canvas *canvas, const unsigned char *image,
                      const struct evaluation *evaluation, size_t digit, int truth) {
    int last = DIGIT_SIDE / 2 - 1, row = is_blank(image, last) ? last : 0;
    if (canvas->columns < STRIP_COLUMNS || !is_blank(image, row)) return;
    canvas_fill(canvas, row, 0, canvas->columns, ' ', COLOR_TEXT);
    draw_strip(canvas, row, evaluation, digit, truth);
}

/* Classes that have a bar. */
static int shown_classes(const struct evaluation *evaluation) {
    return evaluation->classes < MAX_BARS ? evaluation->classes : MAX_BARS;
}

/* A line of names, then ten rows: the class, marked when it is the label, and a bar per precision.
 */
static void draw_bars(struct canvas *canvas, int row, const struct evaluation *evaluation,
                      size_t digit, int truth) {
    int room = canvas->columns - 3;
    int each = (room - 2) / PRECISIONS, first = 0;
    if (each < 4) {
        each = room;
        first = PRECISION_INT8;
    }
    if (each < 1) return;
    for (int precision = first; precision < PRECISIONS; precision++)
        canvas_text(canvas, row, 3 + (precision - first) * (each + 1), precision_colors[precision],
                    precision_name((enum precision)precision));
    row++;
    for (int class = 0; class < shown_classes(evaluation); class ++) {
        bool is_truth = class == truth;
        canvas_printf(canvas, row + class, 0, is_truth ? COLOR_STRONG : COLOR_DIM, "%d%s", class,
                      is_truth ? "y" : "");
        if (is_truth) canvas_bold(canvas, row + class, 0, 2);
        for (int precision = first; precision < PRECISIONS; precision++) {
            int column = 3 + (precision - first) * (each + 1);
            float share = probabilities(evaluation, precision, digit)[class];
            canvas_bar(canvas, row + class, column, each, (double)share,
                       precision_colors[precision]);
        }
    }
}

static void draw_notes(const struct digits_state *digits, struct canvas *canvas, int row,
                       const struct evaluation *evaluation, size_t digit) {
    if (row >= canvas->rows) return;
    bool is_match = place_of(digits, digit) < digits->count;
    char text[32];
    if (digits->count == 0) {
        canvas_printf(canvas, row, 0, COLOR_DIM, "no digit matches: %s",
                      predicate_text(digits, text, sizeof text));
    } else if (!is_match) {
        canvas_printf(canvas, row, 0, COLOR_WARNING, "no longer %s; n: next",
                      predicate_text(digits, text, sizeof text));
    } else {
        canvas_text(canvas, row, 0, COLOR_DIM, predicate_meaning(digits->predicate));
    }
    if (evaluation->is_whole || canvas->columns < 24) return;
    canvas_printf(canvas, row + 1, 0, COLOR_DIM, "of the first %zu digits", evaluation->count);
}

static void draw_info(const struct digits_state *digits, const struct store *store,
                      struct canvas *canvas, const struct evaluation *evaluation, size_t digit) {
    int truth = store->info->dataset->test.labels[digit];
    if (!evaluation) {
        canvas_printf(canvas, 0, 0, COLOR_STRONG, "label %d", truth);
        canvas_text(canvas, 1, 0, COLOR_DIM, "no evaluation yet");
        return;
    }
    if (digit >= evaluated(store, evaluation)) {
        canvas_printf(canvas, 0, 0, COLOR_STRONG, "label %d", truth);
        canvas_printf(canvas, 1, 0, COLOR_DIM, "not among the first %zu", evaluation->count);
        return;
    }
    int row = 0;
    bool has_bars = canvas->rows >= PRECISIONS + 1 + shown_classes(evaluation);
    if (!has_bars && canvas->rows >= shown_classes(evaluation) + 2 &&
        canvas->columns >= STRIP_COLUMNS) {
        draw_strip(canvas, 0, evaluation, digit, truth);
        draw_bars(canvas, 1, evaluation, digit, truth);
        return;
    }
    if (canvas->rows >= PRECISIONS + 1 + (has_bars ? shown_classes(evaluation) + 1 : 0))
        canvas_printf(canvas, row++, 0, COLOR_STRONG, "label %d", truth);
    /* With less room the most important one comes first. */
    for (int i = 0; i < PRECISIONS && row < canvas->rows; i++, row++)
        draw_prediction(canvas, row, evaluation, canvas->rows < PRECISIONS ? PRECISION_INT8 - i : i,
                        digit, truth);
    if (has_bars) {
        if (canvas->rows >= row + shown_classes(evaluation) + 4) row++;
        draw_bars(canvas, row, evaluation, digit, truth);
        row += shown_classes(evaluation) + 1;
        if (canvas->rows > row + 1) row++;
    }
    draw_notes(digits, canvas, row, evaluation, digit);
}

static void draw_list(const struct digits_state *digits, const struct store *store,
                      struct canvas *canvas, const struct evaluation *evaluation, size_t digit) {
    if (!evaluation || canvas->rows < 2) return;
    int column = canvas_text(canvas, 0, 0, COLOR_DIM, "   idx  y ");
    for (int precision = 0; precision < PRECISIONS; precision++)
        column = canvas_printf(canvas, 0, column, precision_colors[precision], " %s",
                               precision == PRECISION_FP32   ? "fp32"
                               : precision == PRECISION_INT8 ? "int8"
                                                             : " qat");
    size_t rows = (size_t)canvas->rows - 1, place = place_of(digits, digit);
    if (place == digits->count) place = place_after(digits, digit);
    size_t top = place > rows / 2 ? place - rows / 2 : 0;
    if (top + rows > digits->count) top = digits->count > rows ? digits->count - rows : 0;
    for (size_t i = 0; i < rows && top + i < digits->count; i++) {
        size_t here = digits->matches[top + i].digit;
        int row = (int)i + 1, truth = store->info->dataset->test.labels[here];
        bool is_here = here == digit;
        if (is_here) canvas_put(canvas, row, 0, 0x25b8, COLOR_SELECTED);
        canvas_printf(canvas, row, 1, is_here ? COLOR_SELECTED : COLOR_TEXT, "%5zu  %d", here,
                      truth);
        for (int precision = 0; precision < PRECISIONS; precision++) {
            int label = predicted(evaluation, precision, here);
            canvas_printf(canvas, row, 10 + 5 * precision, label == truth ? COLOR_DIM : COLOR_ALARM,
                          "%4d%s", label, label == truth ? "" : "!");
        }
        if (is_here) canvas_bold(canvas, row, 0, LIST_COLUMNS);
    }
}

/* The picture for so much room: a large one only where text fits beside or below it as well. */
static struct digit_size picture_size(int columns, int rows) {
    struct digit_size size = digit_fit(columns, rows);
    bool is_large = size.columns > DIGIT_SIDE;
    if (is_large && columns < size.columns + MIN_INFO_COLUMNS + 2 && rows < size.rows + 6)
        size = digit_fit(DIGIT_SIDE, rows);
    return size;
}

/* Grey and of the size of a digit, whatever the samples are. */
static void digit_picture(const struct samples *samples, size_t index,
                          unsigned char image[DIGIT_PIXELS]) {
    const struct shape *shape = &samples->shape;
    const unsigned char *from = samples_at(samples, index);
    int channels = shape_channels(shape), height = shape->size[0], width = shape->size[1];
    memset(image, 0, DIGIT_PIXELS);
    if (samples->element != ELEMENT_UINT8 || shape->rank < 2) return;
    for (int y = 0; y < DIGIT_SIDE; y++)
        for (int x = 0; x < DIGIT_SIDE; x++) {
            const unsigned char *pixel = from + ((size_t)(y * height / DIGIT_SIDE) * (size_t)width +
                                                 (size_t)(x * width / DIGIT_SIDE)) *
                                                    (size_t)channels;
            int sum = 0;
            for (int c = 0; c < channels; c++) sum += pixel[c];
            image[y * DIGIT_SIDE + x] = (unsigned char)(sum / channels);
        }
}

static void draw(void *state, const struct store *store, struct session *session,
                 struct canvas *canvas) {
    struct digits_state *digits = state;
    const struct evaluation *evaluation = update(digits, store, session);
    const struct samples *test = &store->info->dataset->test;
    if (canvas->rows < 1 || canvas->columns < 1 || test->count == 0) return;
    if (session->digit >= test->count) session->digit = 0;
    size_t digit = session->digit;
    struct digit_size size = picture_size(canvas->columns, canvas->rows);
    int right = canvas->columns - size.columns - 1, below = canvas->rows - size.rows;
    bool is_beside = size.columns == 0 || right >= MIN_INFO_COLUMNS;
    /* Alone, the picture stands in the middle. */
    int column = is_beside ? 0 : (canvas->columns - size.columns) / 2;
    unsigned char image[DIGIT_PIXELS];
    digit_picture(test, digit, image);
    digit_draw(canvas, 0, column, size, image);
    if (size.columns == 0) right = canvas->columns;
    bool is_alone = !is_beside && below < 1 && size.columns == DIGIT_SIDE;
    if (is_alone && evaluation && digit < evaluated(store, evaluation))
        draw_over(canvas, image, evaluation, digit, test->labels[digit]);

    struct canvas info = {0}, list = {0};
    int left = size.columns ? size.columns + 1 : 0;
    if (is_beside) {
        bool is_split = right >= MIN_INFO_COLUMNS + LIST_COLUMNS + 3;
        int width = right;
        if (is_split) {
            width = right - LIST_COLUMNS - 3 < MAX_INFO_COLUMNS ? right - LIST_COLUMNS - 3
                                                                : MAX_INFO_COLUMNS;
            list = canvas_part(canvas, 0, left + width + 2, canvas->rows, canvas->columns);
        } else if (below >= 5 && canvas->columns >= LIST_COLUMNS && size.rows >= 14) {
            list = canvas_part(canvas, size.rows + 1, 0, below - 1, canvas->columns);
        }
        int rows = is_split || list.rows == 0 ? canvas->rows : size.rows;
        info = canvas_part(canvas, 0, left, rows, width);
    } else {
        bool is_split = below >= 8 && canvas->columns >= 2 * LIST_COLUMNS + 1;
        int width = is_split ? canvas->columns - LIST_COLUMNS - 1 : canvas->columns;
        info = canvas_part(canvas, size.rows, 0, below, width);
        if (is_split) list = canvas_part(canvas, size.rows, width + 1, below, canvas->columns);
    }
    draw_info(digits, store, &info, evaluation, digit);
    draw_list(digits, store, &list, evaluation, digit);
}

/* ---- keys */

static size_t wrapped(size_t place, int step, size_t count) {
    long long at = ((long long)place + step) % (long long)count;
    return (size_t)(at < 0 ? at + (long long)count : at);
}

static void step_to(struct digits_state *digits, struct session *session,
                    const struct evaluation *evaluation, size_t test_count, int step) {
    if (!evaluation) session->digit = wrapped(session->digit, step, test_count);
    if (digits->count == 0) return;
    size_t place = place_of(digits, session->digit);
    if (place == digits->count) {
        place = place_after(digits, session->digit);
        if (step < 0) place = wrapped(place, -1, digits->count);
    } else {
        place = wrapped(place, step, digits->count);
    }
    choose(digits, session, place);
}

static void next_predicate(struct digits_state *digits, const struct store *store,
                           struct session *session, const struct evaluation *evaluation) {
    digits->predicate = (digits->predicate + 1) % PREDICATES;
    if (digits->predicate == PREDICATE_PAIR && !digits->has_pair) digits->predicate++;
    if (digits->predicate == PREDICATE_CLASS)
        digits->class = store->info->dataset->test.labels[session->digit];
    gather(digits, store, evaluation);
    settle(digits, session);
}

static bool act(void *state, const struct store *store, struct session *session,
                enum action action) {
    struct digits_state *digits = state;
    const struct evaluation *evaluation = update(digits, store, session);
    size_t count = store->info->dataset->test.count;
    if (count == 0) return false;
    if (session->digit >= count) session->digit = 0;
    switch (action) {
    case ACTION_NEXT:
    case ACTION_NEXT_DIGIT:
    case ACTION_DOWN:
    case ACTION_RIGHT:
        step_to(digits, session, evaluation, count, 1);
        return true;
    case ACTION_PREVIOUS:
    case ACTION_PREVIOUS_DIGIT:
    case ACTION_UP:
    case ACTION_LEFT:
        step_to(digits, session, evaluation, count, -1);
        return true;
    case ACTION_PAGE_DOWN:
        step_to(digits, session, evaluation, count, 10);
        return true;
    case ACTION_PAGE_UP:
        step_to(digits, session, evaluation, count, -10);
        return true;
    case ACTION_FIRST:
        choose(digits, session, 0);
        return true;
    case ACTION_LAST:
        choose(digits, session, digits->count - 1);
        return true;
    case ACTION_FILTER:
        next_predicate(digits, store, session, evaluation);
        return true;
    case ACTION_SORT_RIGHT:
    case ACTION_SORT_LEFT:
        digits->is_worst_first = !digits->is_worst_first;
        gather(digits, store, evaluation);
        return true;
    case ACTION_EARLIER:
        session_walk(session, store, -1);
        return true;
    case ACTION_LATER:
        session_walk(session, store, 1);
        return true;
    case ACTION_FOLLOW:
        session->evaluation = -1;
        return true;
    default:
        return false;
    }
}

static void release(void *state) {
    struct digits_state *digits = state;
    free(digits->matches);
    digits->matches = NULL;
    digits->capacity = digits->count = 0;
}

const struct panel panel_digits = {
    .name = "digits",
    .events = 1U << EVENT_EVALUATION,
    .title = title,
    .draw = draw,
    .act = act,
    .state_size = sizeof(struct digits_state),
    .release = release,
};
