#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "run/event_json.h"
#include "run/event_table.h"

static json_t *parse(const struct json_text *json) {
    json_error_t error;
    assert_false(json->is_failed);
    assert_null(strchr(json->text, '\n'));
    json_t *root = json_loads(json->text, JSON_REJECT_DUPLICATES, &error);
    if (!root) print_error("%s in %s\n", error.text, json->text);
    assert_non_null(root);
    return root;
}

static double number(const json_t *root, const char *key) {
    const json_t *value = json_object_get(root, key);
    if (!json_is_number(value)) print_error("%s is missing\n", key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static const char *string(const json_t *root, const char *key) {
    const char *value = json_string_value(json_object_get(root, key));
    assert_non_null(value);
    return value;
}

static void text_for_people_survives_quotes_and_control_characters(void **state) {
    (void)state;
    struct json_text json = {0};
    struct event event = {
        .kind = EVENT_LOG, .folded = 1, .step = 7, .time = 1.5, .log.level = LOG_WARNING};
    strcpy(event.log.text, "a \"quoted\" \\ path\n\x01 \xc3\xa9");
    event_json(&json, &event, NULL);
    json_t *root = parse(&json);
    assert_string_equal(string(root, "event"), "log");
    assert_string_equal(string(root, "level"), "warn");
    assert_string_equal(string(root, "text"), event.log.text);
    assert_near(number(root, "step"), 7, 0);
    assert_near(number(root, "time"), 1.5, 0);
    json_decref(root);
    json_text_free(&json);
}

static void numbers_read_back_to_the_same_bits(void **state) {
    (void)state;
    struct json_text json = {0};
    struct event event = {.kind = EVENT_BATCH, .folded = 3, .step = 12};
    event.batch = (struct event_batch){.first_step = 10,
                                       .loss_min = 0.1f,
                                       .loss_max = 1.17549435e-38f,
                                       .loss_last = 16777217.0f,
                                       .loss_sum = 0.1 + 0.2,
                                       .learning_rate = 0.001f};
    event_json(&json, &event, NULL);
    json_t *root = parse(&json);
    assert_true((float)number(root, "loss_min") == event.batch.loss_min);
    assert_true((float)number(root, "loss_max") == event.batch.loss_max);
    assert_true((float)number(root, "loss_last") == event.batch.loss_last);
    assert_true(number(root, "loss_sum") == event.batch.loss_sum);
    assert_true((float)number(root, "learning_rate") == event.batch.learning_rate);
    assert_near(number(root, "folded"), 3, 0);
    json_decref(root);
    json_text_free(&json);
}

static void numbers_that_json_lacks_are_words(void **state) {
    (void)state;
    struct json_text json = {0};
    struct event event = {.kind = EVENT_BATCH, .folded = 1};
    event.batch = (struct event_batch){
        .loss_min = NAN, .loss_max = INFINITY, .loss_last = -INFINITY, .not_finite = 1};
    event_json(&json, &event, NULL);
    json_t *root = parse(&json);
    assert_string_equal(string(root, "loss_min"), "NaN");
    assert_string_equal(string(root, "loss_max"), "Infinity");
    assert_string_equal(string(root, "loss_last"), "-Infinity");
    json_decref(root);
    json_text_free(&json);
}

static void an_evaluation_holds_every_predicted_digit(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    static uint16_t labels[COUNT];
    static uint32_t confusion[PRECISIONS][10][10];
    for (int i = 0; i < COUNT; i++) labels[i] = (uint16_t)(i * 7 % 10);
    struct evaluation evaluation = {.step = 5, .is_whole = true, .count = COUNT, .classes = 10};
    for (int precision = 0; precision < PRECISIONS; precision++) {
        evaluation.results[precision] = (struct predictions){
            .count = COUNT, .accuracy = 0.5, .loss = (double)NAN, .classes = 10, .labels = labels};
        confusion[precision][3][4] = (uint32_t)(precision + 1);
        evaluation.confusion[precision] = confusion[precision][0];
    }
    struct event event = {.kind = EVENT_EVALUATION, .folded = 1, .evaluation = &evaluation};
    struct json_text json = {0};
    event_json(&json, &event, NULL);
    json_t *root = parse(&json);
    for (int precision = 0; precision < PRECISIONS; precision++) {
        const json_t *member = json_object_get(root, precision_name((enum precision)precision));
        const json_t *row = json_array_get(json_object_get(member, "confusion"), 3);
        assert_int_equal(json_integer_value(json_array_get(row, 4)), precision + 1);
        const json_t *pieces = json_object_get(member, "predicted");
        size_t seen = 0;
        for (size_t piece = 0; piece < json_array_size(pieces); piece++) {
            const char *predicted = json_string_value(json_array_get(pieces, piece));
            for (; *predicted; predicted++) assert_int_equal(*predicted - '0', labels[seen++]);
        }
        assert_int_equal(seen, COUNT);
    }
    json_decref(root);
    json_text_free(&json);
}

static void an_evaluation_tells_what_the_layers_cost(void **state) {
    (void)state;
    static struct layer model_layers[] = {{.name = "input_1"}, {.name = "conv"}, {.name = "relu"}};
    struct model model = {.layers = model_layers, .layer_count = 3};
    struct snapshot snapshot = {.model = &model};
    struct comparison *layers = calloc(1, sizeof *layers + 2 * sizeof layers->rows[0]);
    assert_non_null(layers);
    layers->count = 256;
    layers->costliest = 1;
    layers->row_count = 2;
    layers->rows[0] = (struct compared){.sqnr = (double)INFINITY, .weights_sqnr = (double)NAN};
    layers->rows[1] = (struct compared){.layer = 1,
                                        .last = 2,
                                        .sqnr = 40.5,
                                        .saturation = 0.25,
                                        .worst = 1.5,
                                        .weights_sqnr = 44,
                                        .alone_sqnr = 42.25,
                                        .alone_loss = 0.125,
                                        .alone_lost = -3,
                                        .share = 0.75};
    struct evaluation evaluation = {.snapshot = &snapshot, .layers = layers};
    struct event event = {.kind = EVENT_EVALUATION, .folded = 1, .evaluation = &evaluation};
    struct json_text json = {0};
    event_json(&json, &event, NULL);
    json_t *root = parse(&json);
    const json_t *told = json_object_get(root, "layers");
    assert_near(number(told, "count"), 256, 0);
    assert_string_equal(string(told, "costliest"), "conv");
    const json_t *first = json_array_get(json_object_get(told, "rows"), 0);
    assert_string_equal(string(first, "sqnr"), "Infinity");
    assert_string_equal(string(first, "weights_sqnr"), "NaN");
    const json_t *second = json_array_get(json_object_get(told, "rows"), 1);
    assert_string_equal(string(second, "layer"), "conv");
    assert_string_equal(string(second, "last"), "relu");
    assert_near(number(second, "sqnr"), 40.5, 0);
    assert_near(number(second, "saturation"), 0.25, 0);
    assert_near(number(second, "worst"), 1.5, 0);
    assert_near(number(second, "weights_sqnr"), 44, 0);
    assert_near(number(second, "alone_sqnr"), 42.25, 0);
    assert_near(number(second, "alone_loss"), 0.125, 0);
    assert_near(number(second, "alone_lost"), -3, 0);
    assert_near(number(second, "share"), 0.75, 0);
    json_decref(root);
    json_text_free(&json);
    free(layers);
}

static void every_kind_is_a_line_of_valid_json(void **state) {
    (void)state;
    struct json_text json = {0};
    for (int kind = EVENT_STATE; kind <= EVENT_ACKNOWLEDGE; kind++) {
        if (kind == EVENT_EVALUATION) continue;
        struct event event = {.kind = (enum event_kind)kind, .folded = 1};
        event_json(&json, &event, NULL);
        json_t *root = parse(&json);
        assert_string_equal(string(root, "event"), event_row((enum event_kind)kind)->name);
        json_decref(root);
    }
    json_text_free(&json);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(text_for_people_survives_quotes_and_control_characters),
    cmocka_unit_test(numbers_read_back_to_the_same_bits),
    cmocka_unit_test(numbers_that_json_lacks_are_words),
    cmocka_unit_test(an_evaluation_holds_every_predicted_digit),
    cmocka_unit_test(an_evaluation_tells_what_the_layers_cost),
    cmocka_unit_test(every_kind_is_a_line_of_valid_json),
};

TEST_MAIN(tests)
