#include "data/image.h"
#include "ui/fixture.h"

#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/random.h"
#include "ui/dump.h"

#define GUARD       3
#define GUARD_GLYPH 0x47u

static struct cell *guarded;
static int guarded_rows, guarded_columns;

static float unit(uint64_t high, uint32_t low) {
    uint32_t out[4];
    random_philox(7, RANDOM_TEST, high, low, out);
    return random_unit(out[0]);
}

/* A ring for even labels, a stroke for odd ones: not digits, but pictures one can tell apart. */
static void paint(unsigned char *image, int label) {
    for (int y = 0; y < DIGIT_SIDE; y++) {
        for (int x = 0; x < DIGIT_SIDE; x++) {
            double dy = y - 13.5, dx = x - 13.5, from = sqrt(dx * dx + dy * dy);
            double near = label % 2 == 0 ? fabs(from - 5 - label / 2.0)
                                         : fabs(dx + dy * (label - 5) / 6.0) + (fabs(dy) > 10) * 9;
            double ink = 255 * (1.6 - near / 1.6);
            image[y * DIGIT_SIDE + x] = (unsigned char)(ink < 0 ? 0 : ink > 255 ? 255 : ink);
        }
    }
}

void fixture_create(struct fixture *fixture, const char *architecture, const char *scheme) {
    memset(fixture, 0, sizeof *fixture);
    struct error error;
    assert_ok(model_build(architecture, 1, &fixture->model, &error), &error);
    assert_ok(quant_plan_create(&fixture->plan, fixture->model, scheme_find(scheme), &error),
              &error);
    struct samples *test = &fixture->dataset.test;
    *test = test_digits(malloc(FIXTURE_DIGITS * DIGIT_PIXELS),
                        malloc(FIXTURE_DIGITS * sizeof *test->labels), FIXTURE_DIGITS);
    assert_true(test->bytes && test->labels);
    for (size_t i = 0; i < FIXTURE_DIGITS; i++) {
        test->labels[i] = (uint16_t)((i * 7 + i / 10) % DIGIT_CLASSES);
        paint(test->bytes + i * DIGIT_PIXELS, test->labels[i]);
    }
    fixture->config.training.epochs = 5;
    fixture->config.scheme = scheme_find(scheme);
    fixture->info = (struct run_info){.config = &fixture->config,
                                      .model = fixture->model,
                                      .plan = fixture->plan,
                                      .dataset = &fixture->dataset,
                                      .batches = 250,
                                      .isa = "plain",
                                      .threads = 1};
    assert_true(store_create(&fixture->store, &fixture->info));
    fixture->session = (struct session){
        .evaluation = -1, .pair_truth = -1, .pair_predicted = -1, .wants_focus = PANELS};
}

void fixture_free(struct fixture *fixture) {
    store_free(&fixture->store);
    free(fixture->dataset.test.bytes);
    free(fixture->dataset.test.labels);
    quant_plan_free(fixture->plan);
    model_free(fixture->model);
    free(guarded);
    guarded = NULL;
}

void fixture_batch(struct fixture *fixture, uint64_t step, float loss) {
    bool is_finite = isfinite(loss);
    struct event event = {
        .kind = EVENT_BATCH, .folded = 1, .step = step, .time = .04 * (double)step};
    event.batch = (struct event_batch){.first_step = step,
                                       .epoch = (int)((step - 1) / 250),
                                       .batch = (int)((step - 1) % 250 + 1),
                                       .batches = 250,
                                       .loss_min = loss,
                                       .loss_max = loss,
                                       .loss_last = loss,
                                       .loss_sum = is_finite ? (double)loss : 0,
                                       .finite = is_finite,
                                       .not_finite = !is_finite,
                                       .count = 32,
                                       .correct = 30,
                                       .learning_rate = .001f};
    store_feed(&fixture->store, &event);
}

void fixture_tensors(struct fixture *fixture, uint64_t step) {
    for (int i = 0; i < fixture->plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &fixture->plan->tensors[i];
        struct event event = {
            .kind = EVENT_TENSOR, .folded = 1, .step = step, .time = .04 * (double)step};
        struct event_tensor *out = &event.tensor;
        out->tensor = i;
        float grown = 1 - .5f * expf(-(float)step / 300);
        if (tensor->kind == TENSOR_INPUT) *out = (struct event_tensor){.tensor = i, .max = 1};
        if (tensor->kind == TENSOR_WEIGHT) {
            out->min = -.53f * grown;
            out->max = .53f * grown;
        }
        if (tensor->kind == TENSOR_ACTIVATION) {
            bool is_relu = tensor->placement == PLACE_POST_ACTIVATION;
            out->min = is_relu ? 0 : -21.74f * grown;
            out->max = (is_relu ? 3.504f : 17.862f) * grown;
        }
        struct qparams qparams =
            quant_plan_qparams(fixture->plan, tensor, (struct range){out->min, out->max});
        out->scale = (float)qparams.scale;
        out->zero_point = qparams.zero_point;
        out->drift = tensor->placement == PLACE_PRE_ACTIVATION ? .11f : .01f * (float)i;
        out->stats.saturation =
            tensor->placement == PLACE_PRE_ACTIVATION ? .019f : .001f * (float)i;
        out->stats.sqnr = tensor->kind == TENSOR_INPUT ? INFINITY : 43.1f - 3 * (float)i;
        for (int bin = 0; bin < TENSOR_BINS; bin++) {
            float at = ((float)bin - 15.5f) / (3 + (float)i);
            out->stats.histogram[bin] = (uint8_t)(255 * expf(-at * at / 2));
        }
        store_feed(&fixture->store, &event);
    }
}

/* Probabilities in steps of 1/256, as INT8 has them: the predicted class gets `share`. */
static void predict(struct predictions *predictions, size_t digit, int truth, int label,
                    float share) {
    float *probability = predictions->probabilities + digit * DIGIT_CLASSES;
    share = floorf(share * 256) / 256;
    float rest = 1 - share;
    for (int class = 0; class < DIGIT_CLASSES; class ++) probability[class] = 0;
    probability[label] = share;
    int second = label == truth ? (truth + 5) % DIGIT_CLASSES : truth;
    probability[second] = floorf(rest * 230) / 256;
    probability[(second + 1) % DIGIT_CLASSES == label ? (second + 2) % DIGIT_CLASSES
                                                      : (second + 1) % DIGIT_CLASSES] =
        rest - probability[second];
    predictions->labels[digit] = (uint16_t)label;
    predictions->correct += label == truth;
}

/* Made-up numbers: the later a layer, the more it costs. */
static struct comparison *compare_layers(const struct model *model) {
    size_t layers = (size_t)model->layer_count;
    struct comparison *comparison =
        calloc(1, sizeof *comparison + layers * sizeof *comparison->rows);
    assert_non_null(comparison);
    comparison->count = 256;
    for (int i = 0; i < model->layer_count; i++) {
        bool has_kernel = layer_has_kernel(&model->layers[i]);
        if (i && !has_kernel) continue;
        struct compared *row = &comparison->rows[comparison->row_count++];
        *row = (struct compared){.layer = i,
                                 .last = i,
                                 .sqnr = i ? 46 - 2.5 * i : 145,
                                 .saturation = 0.002 * i,
                                 .worst = 0.1 * i,
                                 .weights_sqnr = has_kernel ? 48 - i : (double)NAN,
                                 .alone_sqnr = i ? 60 - 3 * i : 138};
    }
    double sum = 0;
    for (int i = 0; i < comparison->row_count; i++)
        sum += pow(10, -comparison->rows[i].alone_sqnr / 10);
    for (int i = 0; i < comparison->row_count; i++)
        comparison->rows[i].share = pow(10, -comparison->rows[i].alone_sqnr / 10) / sum;
    comparison->costliest = comparison->row_count - 1;
    return comparison;
}

void fixture_evaluate(struct fixture *fixture, uint64_t step, size_t count, size_t every) {
    struct evaluation *evaluation = calloc(1, sizeof *evaluation);
    assert_non_null(evaluation);
    evaluation->references = 1;
    evaluation->step = step;
    evaluation->epoch = (int)(step / 250);
    evaluation->is_whole = count == FIXTURE_DIGITS;
    evaluation->count = count;
    evaluation->classes = DIGIT_CLASSES;
    evaluation->runtime = RUNTIME_REF;
    evaluation->seconds = .25;
    static const size_t slower[PRECISIONS] = {3, 2, 1};
    for (int precision = 0; precision < PRECISIONS; precision++) {
        struct predictions *predictions = &evaluation->results[precision];
        predictions->count = count;
        predictions->probabilities = array_new(count * DIGIT_CLASSES, sizeof(float));
        predictions->labels = array_new(count, sizeof *predictions->labels);
        predictions->classes = DIGIT_CLASSES;
        evaluation->confusion[precision] =
            calloc(DIGIT_CLASSES * DIGIT_CLASSES, sizeof *evaluation->confusion[precision]);
        assert_true(predictions->probabilities && predictions->labels &&
                    evaluation->confusion[precision]);
        for (size_t i = 0; i < count; i++) {
            int truth = fixture->dataset.test.labels[i];
            bool is_wrong =
                every > 0 && i % (every * slower[precision]) == every * slower[precision] - 1;
            int read = (truth + 1 + (int)(every > 0 && i / every % 4 == 0) * 4) % DIGIT_CLASSES;
            int label = is_wrong ? read : truth;
            float share =
                is_wrong ? .45f + .2f * unit(1, (uint32_t)i) : .62f + .38f * unit(2, (uint32_t)i);
            predict(predictions, i, truth, label, share);
            evaluation->confusion[precision][truth * DIGIT_CLASSES + label]++;
        }
        predictions->accuracy = (double)predictions->correct / (double)count;
        predictions->loss = precision == PRECISION_INT8 ? (double)NAN : .1;
    }
    struct range *ranges = calloc((size_t)fixture->plan->range_count, sizeof *ranges);
    assert_non_null(ranges);
    for (int i = 0; i < fixture->plan->range_count; i++) {
        float half = .1f + .4f * unit(3, (uint32_t)i);
        ranges[i] = (struct range){-half, half};
    }
    evaluation->snapshot =
        snapshot_create(fixture->model, fixture->plan, step, fixture->model->weights, ranges);
    free(ranges);
    assert_non_null(evaluation->snapshot);
    evaluation->layers = compare_layers(fixture->model);
    struct event event = {.kind = EVENT_EVALUATION,
                          .folded = 1,
                          .step = step,
                          .time = .04 * (double)step,
                          .evaluation = evaluation};
    store_feed(&fixture->store, &event);
    event_release(&event);
}

void fixture_train(struct fixture *fixture, uint64_t steps) {
    fixture_evaluate(fixture, 0, FIXTURE_DIGITS, 25);
    for (uint64_t step = 1; step <= steps; step++) {
        float noise = unit(4, (uint32_t)step);
        float loss = 2.2f * expf(-(float)step / 150) + .05f + .25f * noise * noise;
        fixture_batch(fixture, step, step == 700 ? 9.5f : loss);
        if (step % 20 == 0) fixture_tensors(fixture, step);
        if (step % 250 == 0) fixture_evaluate(fixture, step, FIXTURE_DIGITS, 25 + step / 50);
    }
}

void fixture_canvas(struct fixture *fixture, int rows, int columns, enum glyph_level glyphs,
                    bool is_mono) {
    free(guarded);
    guarded_rows = rows + 2 * GUARD;
    guarded_columns = columns + 2 * GUARD;
    size_t count = (size_t)guarded_rows * (size_t)guarded_columns;
    guarded = calloc(count, sizeof *guarded);
    assert_non_null(guarded);
    for (size_t i = 0; i < count; i++) guarded[i].glyph = GUARD_GLYPH;
    fixture->canvas = (struct canvas){.rows = rows,
                                      .columns = columns,
                                      .stride = guarded_columns,
                                      .cells = guarded + GUARD * guarded_columns + GUARD,
                                      .glyphs = glyphs,
                                      .is_mono = is_mono,
                                      .has_greys = !is_mono && glyphs != GLYPHS_ASCII};
    canvas_clear(&fixture->canvas);
}

void fixture_check_guard(const struct fixture *fixture) {
    for (int row = 0; row < guarded_rows; row++) {
        for (int column = 0; column < guarded_columns; column++) {
            bool is_inside = row >= GUARD && row < GUARD + fixture->canvas.rows &&
                             column >= GUARD && column < GUARD + fixture->canvas.columns;
            const struct cell *cell = &guarded[row * guarded_columns + column];
            if (is_inside) continue;
            assert_int_equal(cell->glyph, GUARD_GLYPH);
            assert_false(cell->is_bold || cell->is_reverse);
        }
    }
}

char *fixture_screen(struct fixture *fixture, const struct panel *panel, void *state) {
    char left[256] = "", right[256] = "";
    panel->draw(state, &fixture->store, &fixture->session, &fixture->canvas);
    panel->title(state, &fixture->store, &fixture->session, left, right, sizeof left);
    fixture_check_guard(fixture);
    char *inside = canvas_dump(&fixture->canvas);
    assert_non_null(inside);
    size_t size = strlen(left) + strlen(right) + strlen(inside) + 8;
    char *screen = malloc(size);
    assert_non_null(screen);
    snprintf(screen, size, "%s | %s\n%s", left, right, inside);
    free(inside);
    return screen;
}

void fixture_golden(const char *name, const char *text) {
    const char *source = getenv("srcdir");
    char path[600];
    snprintf(path, sizeof path, "%s/tests/ui/screens/%s.txt", source ? source : ".", name);
    const char *update = getenv("UPDATE_GOLDEN");
    if (update && strcmp(update, "1") == 0) {
        FILE *file = fopen(path, "w");
        if (!file) fail_msg("%s cannot be written", path);
        fputs(text, file);
        if (fclose(file)) fail_msg("%s cannot be written", path);
        return;
    }
    size_t length;
    unsigned char *want = test_read(path, &length);
    if (strcmp((const char *)want, text) != 0)
        fail_msg("%s differs; UPDATE_GOLDEN=1 rewrites it; now it is\n%s", path, text);
    free(want);
}
