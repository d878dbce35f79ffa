#include <stdlib.h>

#include "base/fixed_point.h"
#include "base/printable.h"
#include "cli/cli.h"
#include "cli/subject.h"
#include "model/summary.h"
#include "tflite/requant.h"
#include "tflite/summary.h"

/* Append `value` to *list; after any failure *list is NULL. */
static void append(json_t **list, json_t *value) {
    if (*list && value && !json_array_append_new(*list, value)) return;
    if (!*list) json_decref(value);
    json_decref(*list);
    *list = NULL;
}

/* JSON strings must be UTF-8; a name need not be. */
static json_t *json_name(const char *name) {
    char shown[256];
    json_t *string = json_string(name);
    return string ? string : json_string(printable(name, shown, sizeof shown));
}

/* ---- .tflite ---- */

static json_t *json_integers(const int *values, int count) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++) append(&list, json_integer(values[i]));
    return list;
}

static json_t *json_factors(const struct frozen *frozen, const struct frozen_operator *op) {
    json_t *list = json_array();
    for (int i = 0; i < requant_count(frozen, op); i++) {
        double real = requant_real(frozen, op, i);
        struct fixed fixed;
        if (fixed_from_double(real, &fixed))
            append(&list, json_pack("{s:f, s:I, s:i}", "real", real, "multiplier",
                                    (json_int_t)fixed.value, "shift", fixed.shift));
        else
            append(&list, json_pack("{s:o}", "real", json_number(real)));
    }
    return list;
}

static json_t *json_pair(int y, int x) {
    return json_pack("[i, i]", y, x);
}

/* The options that the operator uses. */
static json_t *json_options(const struct frozen_operator *op) {
    static const char *const activations[] = {
        [FUSED_NONE] = "none", [FUSED_RELU] = "relu", [FUSED_RELU6] = "relu6"};
    bool is_convolution = op->code == OP_CONV_2D || op->code == OP_DEPTHWISE_CONV_2D;
    bool is_pooling = op->code == OP_MAX_POOL_2D || op->code == OP_AVERAGE_POOL_2D;
    json_t *options = json_object();
    if (is_convolution || is_pooling || op->code == OP_FULLY_CONNECTED || op->code == OP_ADD)
        json_object_set_new(options, "activation", json_string(activations[op->activation]));
    if (is_convolution || is_pooling) {
        json_object_set_new(options, "stride", json_pair(op->stride_y, op->stride_x));
        json_object_set_new(options, "padding",
                            json_string(op->padding == FROZEN_SAME ? "same" : "valid"));
    }
    if (is_convolution)
        json_object_set_new(options, "dilation", json_pair(op->dilation_y, op->dilation_x));
    if (is_pooling)
        json_object_set_new(options, "window", json_pair(op->filter_height, op->filter_width));
    if (op->code == OP_SOFTMAX) json_object_set_new(options, "beta", json_real((double)op->beta));
    return options;
}

static json_t *json_operators(const struct frozen *frozen) {
    json_t *list = json_array();
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        append(&list,
               json_pack("{s:s, s:o, s:o, s:o, s:o}", "operator", frozen_op_name(op->code),
                         "options", json_options(op), "inputs",
                         json_integers(op->inputs, op->input_count), "outputs",
                         json_integers(op->outputs, 1), "factors", json_factors(frozen, op)));
    }
    return list;
}

static json_t *json_tensor(const struct frozen_tensor *tensor) {
    json_t *shape = json_array(), *scales = json_array(), *zeros = json_array();
    for (int i = 0; i < tensor->rank; i++)
        append(&shape, json_integer(i == 0 && tensor->has_batch ? -1 : tensor->shape[i]));
    for (int c = 0; c < tensor->scale_count; c++) {
        append(&scales, json_number((double)tensor->scale[c]));
        append(&zeros, json_integer(tensor->zero_point[c]));
    }
    return json_pack("{s:o, s:s, s:o, s:I, s:o, s:o, s:i}", "name", json_name(tensor->name), "type",
                     frozen_type_name(tensor->type), "shape", shape, "bytes",
                     (json_int_t)tensor->data_bytes, "scale", scales, "zero_point", zeros,
                     "quantized_dimension", tensor->quantized_dimension);
}

static json_t *json_ends(const struct frozen_end *ends, int count) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        append(&list, json_pack("{s:o, s:I}", "name", json_name(ends[i].name), "tensor",
                                (json_int_t)ends[i].tensor));
    return list;
}

static json_t *json_signatures(const struct frozen *frozen) {
    json_t *list = json_array();
    for (int i = 0; i < frozen->signature_count; i++) {
        const struct frozen_signature *signature = &frozen->signatures[i];
        const struct frozen_end *outputs = signature->ends + signature->input_count;
        append(&list, json_pack("{s:o, s:I, s:o, s:o}", "key", json_name(signature->key),
                                "subgraph", (json_int_t)signature->subgraph, "inputs",
                                json_ends(signature->ends, signature->input_count), "outputs",
                                json_ends(outputs, signature->output_count)));
    }
    return list;
}

static json_t *json_frozen(const struct subject *subject) {
    const struct frozen *frozen = subject->frozen;
    json_t *tensors = json_array();
    for (int i = 0; i < frozen->tensor_count; i++)
        append(&tensors, json_tensor(&frozen->tensors[i]));
    const char *names[] = {frozen->description, frozen->input_name, frozen->output_name};
    json_t *words[3];
    for (int i = 0; i < 3; i++) words[i] = json_name(names[i] ? names[i] : "");
    return json_pack("{s:s, s:s, s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:o}", "model", subject->path,
                     "format", "tflite", "description", words[0], "input", frozen->input,
                     "input_name", words[1], "output", frozen->output, "output_name", words[2],
                     "signatures", json_signatures(frozen), "operators", json_operators(frozen),
                     "tensors", tensors);
}

/* ---- Keras ---- */

static json_t *json_layers(const struct model *model) {
    json_t *list = json_array();
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        size_t count = 0;
        for (int j = 0; j < layer->parameter_count; j++)
            count += model->parameters[layer->first_parameter + j].count;
        append(&list, json_pack("{s:o, s:s, s:o, s:I}", "name", json_name(layer->name), "class",
                                layer_class(layer->kind), "shape",
                                json_integers(layer->output.size, layer->output.rank), "parameters",
                                (json_int_t)count));
    }
    return list;
}

static json_t *json_model(const struct subject *subject) {
    const struct model *model = subject->model;
    size_t trained = 0, others = 0;
    for (int i = 0; i < model->parameter_count; i++)
        *(model->parameters[i].is_trained ? &trained : &others) += model->parameters[i].count;
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:o}", "model", subject->path, "format",
                     subject_format(subject), "name", json_name(model->name), "trainable",
                     (json_int_t)trained, "non_trainable", (json_int_t)others, "layers",
                     json_layers(model));
}

enum status command_summary(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    struct subject subject;
    char *text = NULL;
    enum status status = subject_load(&subject, options->operands[0], error);
    if (status) return status;
    if (options->is_json)
        status = print_json(subject.model ? json_model(&subject) : json_frozen(&subject), error);
    else if (subject.model && options->by_channels)
        status = error_set(error, STATUS_USAGE, subject.path,
                           "--channels requires a .tflite; a Keras model is not quantized");
    else
        status = subject.model ? model_summary(subject.model, &text, error)
                               : tflite_summary(subject.frozen, options->by_channels, &text, error);
    if (text) fputs(text, stdout);
    free(text);
    subject_free(&subject);
    return status;
}
