#include "network/work.h"

#include <string.h>

#include "base/array.h"
#include "base/random.h"
#include "chain.h"
#include "test.h"

void work_begin(struct work *work, const struct model *model, const struct quant_plan *plan) {
    struct error error;
    memset(work, 0, sizeof *work);
    struct network_options options = {model, plan, DIGITS, 1, true};
    assert_ok(network_create(&work->network, &options, &error), &error);
    for (uint32_t i = 0; i < DIGITS * PIXELS; i++) {
        uint32_t words[4];
        random_philox(5, RANDOM_TEST, 0, i, words);
        work->pixels[i] = words[0] % 3 ? (unsigned char)(words[1] % 256) : 0;
    }
    for (int i = 0; i < DIGITS; i++) work->labels[i] = (uint16_t)(3 * i + 1);
    work->samples = test_digits(work->pixels, work->labels, DIGITS);
    work->pass = (struct pass){.count = DIGITS,
                               .samples = &work->samples,
                               .weights = model->weights,
                               .seed = 9,
                               .step = 4};
    work->gradient = array_new(model->weight_count, sizeof(float));
    assert_non_null(work->gradient);
}

void work_run(struct work *work) {
    int correct;
    network_quantize_kernels(work->network, &work->pass);
    network_forward(work->network, &work->pass);
    network_loss(work->network, &work->pass, work->labels, &correct);
    network_backward(work->network, &work->pass, work->gradient);
    work->loss = 0;
    for (int i = 0; i < DIGITS; i++)
        work->loss += (double)network_losses(work->network)[i] / DIGITS;
}

void work_end(struct work *work) {
    network_destroy(work->network);
    array_free(work->gradient);
}

struct model *work_residual(bool has_more) {
    struct model *model = chain_begin();
    chain_conv2d(model, "stem", 4, 5, 4, PADDING_VALID, ACTIVATION_RELU);
    chain_conv2d(model, "a", 4, 3, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "a_norm", true);
    chain_layer(model, LAYER_RELU, "a_relu", ACTIVATION_RELU);
    chain_conv2d(model, "b", 4, 3, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_add(model, "first", "stem");
    chain_layer(model, LAYER_RELU, "relu", ACTIVATION_RELU6);
    chain_dropout(model, "dropout", 0.25f);
    chain_average(model, "average", 2, PADDING_SAME);
    chain_branch(model, "relu");
    chain_max_pooling(model, "pool", 2);
    chain_add(model, "second", "average");
    chain_add(model, "twice", "second");
    model->layers[model->layer_count - 1].inputs[0] =
        model->layers[model->layer_count - 1].inputs[1];
    chain_layer(model, LAYER_ACTIVATION, "linear", ACTIVATION_LINEAR);
    chain_add(model, "third", "second");
    chain_branch(model, "stem");
    if (has_more) chain_layer(model, LAYER_ACTIVATION, "more", ACTIVATION_LINEAR);
    chain_max_pooling(model, "stem_pool", 2);
    chain_add(model, "fourth", "third");
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "c", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 12);
    return model;
}
