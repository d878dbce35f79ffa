/* Keras' description of a model: what is accepted is written again, and read back the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/config.h"
#include "model/summary.h"

const struct fuzz_target fuzz_target = {"config", NULL, 64};

static void check_shape(const struct shape *shape) {
    fuzz_check(shape->rank >= 1 && shape->rank <= 3);
    for (int i = 0; i < shape->rank; i++) fuzz_check(shape->size[i] > 0);
}

static void check_model(const struct model *model) {
    fuzz_check(model->layer_count >= 1 && model->layer_count <= MAX_LAYERS);
    fuzz_check(model->layers[0].kind == LAYER_INPUT);
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        fuzz_check(layer->name[0] && strlen(layer->name) < MODEL_NAME);
        fuzz_check(layer->kind < LAYER_KINDS && layer->activation < ACTIVATIONS);
        fuzz_check(layer->input_count == (i == 0 ? 0 : layer->kind == LAYER_ADD ? 2 : 1));
        for (int j = 0; j < layer->input_count; j++) fuzz_check(layer->inputs[j] < i);
        fuzz_check(layer->rate >= 0 && layer->rate < 1);
        check_shape(&layer->output);
    }
}

static void check_same(const struct model *a, const struct model *b) {
    fuzz_check(a->layer_count == b->layer_count && !strcmp(a->name, b->name));
    for (int i = 0; i < a->layer_count; i++) {
        const struct layer *one = &a->layers[i], *two = &b->layers[i];
        fuzz_check(one->kind == two->kind && one->activation == two->activation);
        fuzz_check(!strcmp(one->name, two->name));
        fuzz_check(one->units == two->units && one->has_bias == two->has_bias);
        fuzz_check(one->input_count == two->input_count);
        for (int j = 0; j < one->input_count; j++) fuzz_check(one->inputs[j] == two->inputs[j]);
        fuzz_check(one->output.rank == two->output.rank);
        for (int j = 0; j < one->output.rank; j++)
            fuzz_check(one->output.size[j] == two->output.size[j]);
        fuzz_check(!memcmp(&one->window, &two->window, sizeof one->window));
        fuzz_check(one->rate == two->rate);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct error error;
    struct model *model = NULL, *again = NULL;
    enum status status = config_read((const char *)bytes, length, "model", &model, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!model);
        return 0;
    }
    check_model(model);
    status = model_check_classifier(model, "model", &error);
    if (status) fuzz_check_refusal(status, &error);
    char *text = config_write(model);
    fuzz_check(text);
    fuzz_check(!config_read(text, strlen(text), "model", &again, &error));
    check_same(model, again);
    free(text);
    model_free(again);
    model_free(model);
    return 0;
}
