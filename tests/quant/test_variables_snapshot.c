/* Which of a saved QAT model's ranges a training starts from. */
#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/variables_snapshot.h"

#define UNTOUCHED 77.0f

static struct model *model;
static struct variables *variables;

static int load(void **state) {
    (void)state;
    struct error error;
    assert_ok(model_load(test_golden("qat.h5"), &model, &error), &error);
    assert_ok(variables_load(test_golden("qat.h5"), &variables, &error), &error);
    return 0;
}

static int unload(void **state) {
    (void)state;
    variables_free(variables);
    model_free(model);
    return 0;
}

struct start {
    struct quant_plan *plan;
    struct range *ranges;
    int taken;
};

static struct start start_with(const char *scheme) {
    struct start start;
    struct error error;
    assert_ok(quant_plan_create(&start.plan, model, scheme_find(scheme), &error), &error);
    start.ranges = malloc((size_t)start.plan->range_count * sizeof *start.ranges);
    for (int i = 0; i < start.plan->range_count; i++)
        start.ranges[i] = (struct range){-UNTOUCHED, UNTOUCHED};
    assert_ok(
        variables_take_ranges(model, start.plan, variables, start.ranges, &start.taken, &error),
        &error);
    return start;
}

static void end(struct start *start) {
    free(start->ranges);
    quant_plan_free(start->plan);
}

static void assert_range(const struct start *start, const char *tensor, int channel,
                         const char *layer, const char *name) {
    char low[MODEL_NAME], high[MODEL_NAME];
    snprintf(low, sizeof low, "%s_min", name);
    snprintf(high, sizeof high, "%s_max", name);
    const struct variable *min = variables_find(variables, layer, low);
    const struct variable *max = variables_find(variables, layer, high);
    assert_non_null(min);
    assert_non_null(max);
    for (int i = 0; i < start->plan->tensor_count; i++) {
        if (strcmp(start->plan->tensors[i].name, tensor)) continue;
        const struct range *range = &start->ranges[start->plan->tensors[i].offset + channel];
        int at = min->count > 1 ? channel : 0;
        assert_near(range->min, min->values[at], 0);
        assert_near(range->max, max->values[at], 0);
        return;
    }
    print_error("the plan has no tensor %s\n", tensor);
    fail();
}

static void tfmot_takes_every_range(void **state) {
    (void)state;
    struct start start = start_with("tfmot");
    assert_int_equal(start.taken, 6);
    assert_range(&start, "input", 0, "quantize_layer", "quantize_layer");
    for (int c = 0; c < 4; c++) assert_range(&start, "stem/kernel", c, "stem", "kernel");
    assert_range(&start, "limit/out", 0, "limit", "output");
    assert_range(&start, "depth/depthwise_kernel", 0, "depth", "depthwise_kernel");
    assert_range(&start, "depth/out", 0, "depth", "post_activation");
    assert_range(&start, "positive/out", 0, "positive", "output");
    assert_range(&start, "average/out", 0, "average", "output");
    assert_range(&start, "logits/kernel", 0, "logits", "kernel");
    assert_range(&start, "logits/out", 0, "logits", "post_activation");
    for (int i = 0; i < start.plan->range_count; i++) assert_true(start.ranges[i].max < UNTOUCHED);
    end(&start);
}

static void qatop_takes_those_of_activations_and_leaves_kernels_to_their_weights(void **state) {
    (void)state;
    struct start start = start_with("qatop");
    assert_int_equal(start.taken, 5);
    assert_range(&start, "input", 0, "quantize_layer", "quantize_layer");
    assert_range(&start, "limit/out", 0, "limit", "output");
    assert_range(&start, "depth/out", 0, "depth", "post_activation");
    assert_range(&start, "positive/out", 0, "positive", "output");
    assert_range(&start, "logits/out", 0, "logits", "post_activation");
    for (int i = 0; i < start.plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &start.plan->tensors[i];
        if (tensor->kind != TENSOR_WEIGHT) continue;
        for (int c = 0; c < tensor->channels; c++)
            assert_near(start.ranges[tensor->offset + c].max, UNTOUCHED, 0);
    }
    end(&start);
}

/* The values of one variable replaced for as long as a test needs it. */
static struct variable *find(const char *layer, const char *name) {
    struct variable *variable =
        (struct variable *)(uintptr_t)variables_find(variables, layer, name);
    assert_non_null(variable);
    return variable;
}

static void ranges_that_have_seen_no_batch_say_nothing(void **state) {
    (void)state;
    float *max = find("quantize_layer", "quantize_layer_max")->values, before = *max;
    assert_near(*find("quantize_layer", "quantize_layer_min")->values, 0, 0);
    *max = 0;
    struct start start = start_with("tfmot");
    *max = before;
    assert_int_equal(start.taken, 0);
    for (int i = 0; i < start.plan->range_count; i++)
        assert_near(start.ranges[i].max, UNTOUCHED, 0);
    end(&start);
}

static void what_the_file_does_not_say_stays(void **state) {
    (void)state;
    struct variable *max = find("positive", "output_max");
    strcpy(max->name, "gone");
    struct start start = start_with("qatop");
    strcpy(max->name, "output_max");
    assert_int_equal(start.taken, 4);
    int kept = 0;
    for (int i = 0; i < start.plan->tensor_count; i++)
        kept += start.plan->tensors[i].kind == TENSOR_ACTIVATION &&
                start.ranges[start.plan->tensors[i].offset].max >= UNTOUCHED;
    assert_int_equal(kept, 1);
    end(&start);
}

static void a_range_without_zero_is_refused(void **state) {
    (void)state;
    float *min = find("depth", "post_activation_min")->values, before = *min;
    struct quant_plan *plan;
    struct snapshot *snapshot;
    struct range ranges[64];
    struct error error;
    int taken;
    assert_ok(quant_plan_create(&plan, model, scheme_find("tfmot"), &error), &error);
    assert_true(plan->range_count <= 64);
    *min = 0.5f;
    assert_int_equal(variables_take_ranges(model, plan, variables, ranges, &taken, &error),
                     STATUS_FORMAT);
    assert_non_null(strstr(error.text, "layer depth: the range post_activation_min, "
                                       "post_activation_max from 0.5 to "));
    assert_int_equal(variables_snapshot(model, plan, variables, &snapshot, &error), STATUS_FORMAT);
    *min = before;
    quant_plan_free(plan);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(tfmot_takes_every_range),
    cmocka_unit_test(qatop_takes_those_of_activations_and_leaves_kernels_to_their_weights),
    cmocka_unit_test(ranges_that_have_seen_no_batch_say_nothing),
    cmocka_unit_test(what_the_file_does_not_say_stays),
    cmocka_unit_test(a_range_without_zero_is_refused),
};

int main(int argc, char **argv) {
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, load, unload);
}
