/* A run of a saved QAT model (tests/golden/make_saved.py) starts from the ranges in it. */
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/variables.h"
#include "run/run.h"

#define DEADLINE 120.0
/* A step moves a range by its decay's share of what a batch differs: here less than 10 of 0.01. */
#define STEP 0.1

/* The first line of the trace of a run of one batch; the log's remark goes to `remark`. */
static json_t *trace_of(const char *model, const char *scheme, char remark[256]) {
    struct run_config config = run_config_default();
    char trace[1024], out[1024];
    snprintf(trace, sizeof trace, "%s", test_scratch("trace.jsonl"));
    snprintf(out, sizeof out, "%s", test_scratch("start"));
    config.model_path = model;
    config.data_folder = test_asset("mnist-5k");
    config.out_folder = out;
    config.scheme = scheme_find(scheme);
    config.training.max_steps = 1;
    config.training.warmup = 0;
    config.pace = PACE_MAX;
    config.threads = 1;
    config.trace_path = trace;
    struct run *run;
    struct error error;
    enum run_state state = STATE_STARTING;
    assert_ok(run_create(&run, &config, &error), &error);
    assert_ok(run_start(run, &error), &error);
    remark[0] = 0;
    double deadline = clock_seconds() + DEADLINE;
    while (state != STATE_DONE && clock_seconds() < deadline) {
        struct event event;
        if (!run_wait(run, &event, 0.2)) continue;
        if (event.kind == EVENT_STATE) state = event.state;
        if (event.kind == EVENT_LOG && strstr(event.log.text, "QAT model"))
            snprintf(remark, 256, "%s", event.log.text);
        event_release(&event);
    }
    assert_int_equal(state, STATE_DONE);
    assert_ok(run_finish(run, false, &error), &error);
    json_t *line = json_load_file(trace, 0, NULL);
    assert_non_null(line);
    return line;
}

static const json_t *tensor_named(const json_t *line, const char *name) {
    const json_t *tensors = json_object_get(line, "tensors");
    for (size_t i = 0; i < json_array_size(tensors); i++) {
        const json_t *tensor = json_array_get(tensors, i);
        if (!strcmp(json_string_value(json_object_get(tensor, "name")), name)) return tensor;
    }
    print_error("the trace has no %s\n", name);
    fail();
    return NULL;
}

static void check_activations(const json_t *line, const struct variables *variables) {
    static const char *const places[][3] = {
        {"limit/out", "limit", "output"},
        {"depth/out", "depth", "post_activation"},
        {"positive/out", "positive", "output"},
        {"logits/out", "logits", "post_activation"},
    };
    for (int i = 0; i < 4; i++) {
        const json_t *tensor = tensor_named(line, places[i][0]);
        for (int end = 0; end < 2; end++) {
            char name[MODEL_NAME];
            snprintf(name, sizeof name, "%s_%s", places[i][2], end ? "max" : "min");
            const struct variable *saved = variables_find(variables, places[i][1], name);
            assert_non_null(saved);
            /* What makes it mean something: a calibration gives 0 here, a fresh start -6. */
            if (!end) assert_true((double)saved->values[0] < -3 * STEP);
            assert_near(json_number_value(json_object_get(tensor, end ? "max" : "min")),
                        saved->values[0], STEP);
        }
    }
}

static void activations_start_where_the_file_left_them(void **state) {
    (void)state;
    static const char *const files[] = {"qat.h5", "qat.keras"}, *const schemes_[] = {"tfmot",
                                                                                     "qatop"};
    struct variables *variables;
    struct error error;
    char remark[256];
    assert_ok(variables_load(test_golden("qat.h5"), &variables, &error), &error);
    for (int i = 0; i < 4; i++) {
        json_t *line = trace_of(test_golden(files[i / 2]), schemes_[i % 2], remark);
        check_activations(line, variables);
        json_decref(line);
        assert_string_equal(remark, i % 2 ? "qat is a QAT model: 5 of 5 activations start from its "
                                            "ranges"
                                          : "qat is a QAT model: 6 of 6 activations start from its "
                                            "ranges");
    }
    variables_free(variables);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(activations_start_where_the_file_left_them),
};
TEST_MAIN(tests)
