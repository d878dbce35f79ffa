/* Saved QAT models, made of the variables that TensorFlow wrote and the description that TensorFlow
 * Model Optimization writes around them (QuantizeWrapperV2, QuantizeLayer). */
#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "made_keras.h"
#include "model/h5_reader.h"
#include "model/model.h"
#include "model/variables.h"

#define INPUT(shape)                                                                               \
    "{'class_name':'InputLayer','config':{'batch_input_shape':[null," shape                        \
    "],'dtype':'float32','sparse':false,'ragged':false,'name':'input_1'}},"
#define QUANTIZE_LAYER                                                                             \
    "{'class_name':'QuantizeLayer','config':{'name':'quantize_layer','trainable':true,"            \
    "'dtype':'float32','quantizer':{'class_name':'AllValuesQuantizer','config':{'num_bits':8,"     \
    "'per_axis':false,'symmetric':false,'narrow_range':false}}}}"
#define WRAPPED(class, name, fields)                                                               \
    "{'class_name':'QuantizeWrapperV2','config':{'name':'quant_" name                              \
    "','trainable':true,'dtype':'float32','layer':{'class_name':'" class                           \
        "','config':{'name':'" name "','trainable':true,'dtype':'float32'," fields                 \
        "}},'quantize_config':{'class_name':'Default8BitQuantizeConfig','config':{'weight_attrs':" \
        "['kernel'],'activation_attrs':['activation'],'quantize_output':false}}}}"
#define AWARE(activation)                                                                          \
    "'activation':{'class_name':'QuantizeAwareActivation','config':{'activation':" activation "}}"
#define CONV(filters)                                                                              \
    "'filters':" filters                                                                           \
    ",'kernel_size':[3,3],'strides':[1,1],'padding':'valid','data_format':'channels_last',"        \
    "'dilation_rate':[1,1],'groups':1,'use_bias':true," AWARE("'relu'")
#define POOL "'pool_size':[2,2],'padding':'valid','strides':[2,2],'data_format':'channels_last'"
#define SEQUENTIAL(name, layers)                                                                   \
    "{'class_name':'Sequential','config':{'name':'" name "','layers':[" layers "]}}"

/* clang-format off */
#define FC SEQUENTIAL("mnist_fc",                                                                  \
    INPUT("784") QUANTIZE_LAYER                                                                    \
    "," WRAPPED("Dense", "dense", "'units':128,'use_bias':true," AWARE("'relu'"))                  \
    "," WRAPPED("Dense", "dense_1", "'units':10,'use_bias':true," AWARE("'softmax'")))
#define CNN SEQUENTIAL("mnist_cnn",                                                                \
    INPUT("28,28,1") QUANTIZE_LAYER                                                                \
    "," WRAPPED("Conv2D", "conv2d", CONV("32"))                                                    \
    "," WRAPPED("MaxPooling2D", "max_pooling2d", POOL)                                             \
    "," WRAPPED("Conv2D", "conv2d_1", CONV("64"))                                                  \
    "," WRAPPED("MaxPooling2D", "max_pooling2d_1", POOL)                                           \
    "," WRAPPED("Flatten", "flatten", "'data_format':'channels_last'")                             \
    "," WRAPPED("Dropout", "dropout", "'rate':0.5,'noise_shape':null,'seed':null")                 \
    "," WRAPPED("Dense", "dense", "'units':10,'use_bias':true," AWARE("'softmax'")))
/* clang-format on */

/* clang-format off */
/* input(3) - d, 2 units - relu; TFMOT leaves no range between d and the ReLU. */
#define FUNCTIONAL                                                                                 \
    "{'class_name':'Functional','config':{'name':'m','layers':["                                   \
    "{'class_name':'InputLayer','config':{'batch_input_shape':[null,3],'name':'in'},'name':'in',"  \
    "'inbound_nodes':[]},"                                                                         \
    "{'class_name':'Custom>QuantizeLayer','config':{'name':'quantize_layer'},"                     \
    "'name':'quantize_layer','inbound_nodes':[[['in',0,0,{}]]]},"                                  \
    "{'class_name':'Custom>QuantizeWrapperV2','config':{'name':'quant_d','layer':{'class_name':"   \
    "'Dense','config':{'name':'d','units':2,'use_bias':false,"                                     \
    AWARE("{'class_name':'NoOpActivation','config':{}}")                                           \
    "}}},'name':'quant_d','inbound_nodes':[[['quantize_layer',0,0,{}]]]},"                         \
    "{'class_name':'QuantizeWrapperV2','config':{'name':'quant_r','layer':{'class_name':'ReLU',"   \
    "'config':{'name':'r','max_value':null}}},'name':'quant_r','inbound_nodes':"                   \
    "[[['quant_d',0,0,{}]]]}],'input_layers':[['in',0,0]],'output_layers':[['quant_r',0,0]]}}"
/* clang-format on */

/* Around the variables of `weights` as Keras saves a whole model. */
static const char *write_model(const char *name, const char *config, const char *weights,
                               const char *const *layers, int count) {
    const char *path = test_scratch(name);
    struct made_keras file = keras_create(path, config);
    hid_t from = H5Fopen(weights, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(from >= 0);
    for (int i = 0; i < count; i++)
        assert_true(H5Ocopy(from, layers[i], file.weights, layers[i], H5P_DEFAULT, H5P_DEFAULT) >=
                    0);
    H5Fclose(from);
    keras_names(file.weights, "layer_names", layers, count, 0);
    keras_close(&file);
    return path;
}

static const char *write_fc(void) {
    static const char *const layers[] = {"quantize_layer", "quant_dense", "quant_dense_1"};
    return write_model("qat_fc.h5", FC, test_shared("golden/fc/qat_weights.h5"), layers, 3);
}

static const char *write_cnn(void) {
    static const char *const layers[] = {
        "quantize_layer",        "quant_conv2d",  "quant_max_pooling2d", "quant_conv2d_1",
        "quant_max_pooling2d_1", "quant_flatten", "quant_dropout",       "quant_dense"};
    return write_model("qat_cnn.h5", CNN, test_shared("golden/cnn/qat_weights.h5"), layers, 8);
}

/* One layer's entry in a wrapper, and its activation, where it has one, in another. */
static json_t *wrap(json_t *entry) {
    json_t *config = json_object_get(entry, "config");
    json_t *activation = json_object_get(config, "activation");
    char name[MODEL_NAME + 8];
    if (activation)
        json_object_set_new(config, "activation",
                            json_pack("{s:s,s:{s:O}}", "class_name", "QuantizeAwareActivation",
                                      "config", "activation", activation));
    snprintf(name, sizeof name, "quant_%s", json_string_value(json_object_get(config, "name")));
    return json_pack("{s:s,s:{s:s,s:O}}", "class_name", "QuantizeWrapperV2", "config", "name", name,
                     "layer", entry);
}

/* The description of a Sequential model as it is after preparation; for free(). */
static char *wrap_config(const char *path, const char **names, int *count) {
    struct error error;
    struct h5_reader *reader;
    char *text;
    size_t length;
    assert_ok(h5_reader_open(&reader, path, &error), &error);
    assert_ok(h5_reader_text(reader, "/", "model_config", &text, &length, &error), &error);
    assert_ok(h5_reader_close(reader, &error), &error);
    json_t *root = json_loadb(text, length, 0, NULL);
    free(text);
    json_t *layers = json_object_get(json_object_get(root, "config"), "layers");
    json_t *input = json_pack("{s:s,s:{s:s}}", "class_name", "QuantizeLayer", "config", "name",
                              "quantize_layer");
    names[0] = strdup("quantize_layer");
    *count = 1;
    for (size_t i = 1; i < json_array_size(layers); i++, ++*count) {
        json_array_set_new(layers, i, wrap(json_array_get(layers, i)));
        names[*count] = strdup(json_string_value(
            json_object_get(json_object_get(json_array_get(layers, i), "config"), "name")));
    }
    json_array_insert_new(layers, 1, input);
    text = json_dumps(root, 0);
    json_decref(root);
    return text;
}

static const char *write_cnn_bn(void) {
    const char *names[MAX_LAYERS];
    int count = 0;
    char *config = wrap_config(test_shared("golden/cnn_bn/model.h5"), names, &count);
    const char *path = write_model("qat_cnn_bn.h5", config,
                                   test_shared("golden/cnn_bn/qat_weights.h5"), names, count);
    free(config);
    for (int i = 0; i < count; i++) free((void *)(uintptr_t)names[i]);
    return path;
}

/* The layers of `plain`, a model before it was prepared, and the weights of `variables`. */
static void check_model(const char *path, const char *plain, const char *variables) {
    struct error error;
    struct model *got, *want;
    struct variables *saved;
    assert_ok(model_load(path, &got, &error), &error);
    assert_ok(model_load(plain, &want, &error), &error);
    assert_ok(variables_load(variables, &saved, &error), &error);
    assert_true(got->has_ranges);
    assert_false(want->has_ranges);
    assert_string_equal(got->name, want->name);
    assert_int_equal(got->layer_count, want->layer_count);
    for (int i = 0; i < got->layer_count; i++)
        assert_memory_equal(&got->layers[i], &want->layers[i], sizeof got->layers[i]);
    assert_int_equal(got->parameter_count, want->parameter_count);
    for (int i = 0; i < got->parameter_count; i++) {
        const struct parameter *parameter = &got->parameters[i];
        const char *slash = strchr(parameter->name, '/');
        char layer[MODEL_NAME];
        snprintf(layer, sizeof layer, "%.*s", (int)(slash - parameter->name), parameter->name);
        const struct variable *variable = variables_find(saved, layer, slash + 1);
        assert_non_null(variable);
        assert_int_equal(variable->count, parameter->count);
        assert_memory_equal(got->weights + parameter->offset, variable->values,
                            parameter->count * sizeof(float));
    }
    assert_ok(model_check_classifier(got, path, &error), &error);
    variables_free(saved);
    model_free(want);
    model_free(got);
}

static void check_ranges(const char *path, const char *variables) {
    struct error error;
    struct variables *got, *want;
    assert_ok(variables_load(path, &got, &error), &error);
    assert_ok(variables_load(variables, &want, &error), &error);
    assert_true(want->count > 10);
    assert_int_equal(got->count, want->count);
    for (size_t i = 0; i < want->count; i++) {
        const struct variable *one = &want->list[i];
        const struct variable *other = variables_find(got, one->layer, one->name);
        assert_non_null(other);
        assert_int_equal(other->count, one->count);
        assert_memory_equal(other->values, one->values, one->count * sizeof(float));
    }
    variables_free(want);
    variables_free(got);
}

static void the_float_model_in_a_qat_model_is_loaded(void **state) {
    (void)state;
    check_model(write_fc(), test_shared("golden/fc/model.h5"),
                test_shared("golden/fc/qat_weights.h5"));
    check_model(write_cnn(), test_shared("golden/cnn/model.h5"),
                test_shared("golden/cnn/qat_weights.h5"));
    check_model(write_cnn_bn(), test_shared("golden/cnn_bn/model.h5"),
                test_shared("golden/cnn_bn/qat_weights.h5"));
}

static void its_ranges_are_among_its_variables(void **state) {
    (void)state;
    check_ranges(write_fc(), test_shared("golden/fc/qat_weights.h5"));
    check_ranges(write_cnn(), test_shared("golden/cnn/qat_weights.h5"));
    check_ranges(write_cnn_bn(), test_shared("golden/cnn_bn/qat_weights.h5"));
}

static void a_residual_qat_model_is_loaded_as_the_model_before(void **state) {
    (void)state;
    check_model(test_golden("residual/qat.h5"), test_golden("residual/model.h5"),
                test_golden("residual/qat.h5"));
}

static const char *write_functional(const char *kernel_name) {
    static const char *const layers[] = {"quantize_layer", "quant_d", "quant_r"};
    static const hsize_t size[] = {3, 2, 0}, scalar[] = {0};
    static const float kernel[] = {1, 2, 3, 4, 5, 6}, low = -3;
    const char *path = test_scratch("functional.h5"), *names[] = {"quant_d/x_min:0", kernel_name};
    struct made_keras file = keras_create(path, FUNCTIONAL);
    keras_names(file.weights, "layer_names", layers, 3, 0);
    hid_t group = keras_layer(&file, "quant_d", names, 2);
    keras_numbers(group, names[0], H5T_IEEE_F32LE, scalar, &low);
    keras_numbers(group, names[1], H5T_IEEE_F32LE, size, kernel);
    H5Gclose(group);
    keras_close(&file);
    return path;
}

static void a_functional_qat_model_is_connected_past_its_wrappers(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(model_load(write_functional("d/kernel:0"), &model, &error), &error);
    assert_true(model->has_ranges);
    assert_int_equal(model->layer_count, 3);
    assert_string_equal(model->layers[0].name, "in");
    assert_string_equal(model->layers[1].name, "d");
    assert_int_equal(model->layers[1].activation, ACTIVATION_LINEAR);
    assert_string_equal(model->layers[2].name, "r");
    assert_int_equal(model->layers[2].kind, LAYER_RELU);
    assert_int_equal(model->layers[2].inputs[0], 1);
    assert_near(model->weights[5], 6, 0);
    model_free(model);
}

static void check_refused(const char *path, const char *text) {
    struct error error;
    struct model *model;
    assert_int_not_equal(model_load(path, &model, &error), STATUS_OK);
    assert_string_equal(error.where, path);
    if (!strstr(error.text, text)) {
        print_error("got '%s', want '%s'\n", error.text, text);
        fail();
    }
}

static void check_config_refused(const char *layer, const char *text) {
    const char *path = test_scratch("broken.h5");
    char config[1024];
    snprintf(config, sizeof config, SEQUENTIAL("m", INPUT("3") "%s"), layer);
    struct made_keras file = keras_create(path, config);
    keras_close(&file);
    check_refused(path, text);
}

static void broken_wrappers_are_refused(void **state) {
    (void)state;
    check_refused(write_functional("d/kernels:0"),
                  "layer 'd' (Dense): its kernel is missing from the file");
    check_config_refused("{'class_name':'QuantizeWrapperV2','config':{'name':'quant_x'}}",
                         "model_config: the wrapper 'quant_x' wraps no layer");
    check_config_refused("{'class_name':'QuantizeWrapperV2'}", "wraps no layer");
    check_config_refused("{'class_name':'QuantizeWrapperV2','config':{'name':'quant_x','layer':"
                         "{'class_name':'LSTM','config':{'name':'x'}}}}",
                         "layer 'x' (LSTM): this class is not supported");
    check_config_refused(
        "{'class_name':'QuantizeWrapperV2','config':{'name':'quant_x','layer':"
        "{'class_name':'Dense','config':{'name':'x','units':2," AWARE("'mish'") "}}}}",
        "layer 'x' (Dense): activation 'mish' is not supported");
    check_config_refused(
        "{'class_name':'Custom>QuantizeWrapperV2','config':{'name':'quant_x','layer':"
        "{'class_name':'Flatten','config':{'name':'x'}},"
        "'quantize_config':{'class_name':'Custom>FourBits','config':{}}}}",
        "layer 'quant_x' is quantized by 'FourBits'; only TFMOT's default 8-bit quantization is "
        "supported");
}

/* What tf_keras saved, tests/golden/make_saved.py. */
static void both_forms_of_a_saved_qat_model_hold_the_same(void **state) {
    (void)state;
    struct error error;
    struct model *h5, *keras;
    assert_ok(model_load(test_golden("qat.h5"), &h5, &error), &error);
    assert_ok(model_load(test_golden("qat.keras"), &keras, &error), &error);
    assert_true(h5->has_ranges);
    assert_true(keras->has_ranges);
    assert_int_equal(h5->layer_count, 11);
    assert_int_equal(keras->layer_count, 11);
    for (int i = 0; i < h5->layer_count; i++)
        assert_memory_equal(&keras->layers[i], &h5->layers[i], sizeof h5->layers[i]);
    assert_memory_equal(keras->weights, h5->weights, h5->weight_count * sizeof(float));
    check_ranges(test_golden("qat.keras"), test_golden("qat.h5"));
    model_free(keras);
    model_free(h5);
}

static void the_input_is_called_the_same_whatever_its_number(void **state) {
    (void)state;
    struct error error;
    struct variables *variables;
    size_t length;
    unsigned char *bytes = test_read(test_golden("qat.h5"), &length);
    assert_non_null(memmem(bytes, length, "quantize_layer_1_max", 20));
    free(bytes);
    assert_ok(variables_load(test_golden("qat.h5"), &variables, &error), &error);
    const struct variable *max = variables_find(variables, "quantize_layer", "quantize_layer_max");
    assert_non_null(max);
    assert_near(max->values[0], 1, 0);
    variables_free(variables);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(both_forms_of_a_saved_qat_model_hold_the_same),
    cmocka_unit_test(the_input_is_called_the_same_whatever_its_number),
    cmocka_unit_test(the_float_model_in_a_qat_model_is_loaded),
    cmocka_unit_test(a_residual_qat_model_is_loaded_as_the_model_before),
    cmocka_unit_test(its_ranges_are_among_its_variables),
    cmocka_unit_test(a_functional_qat_model_is_connected_past_its_wrappers),
    cmocka_unit_test(broken_wrappers_are_refused),
};
TEST_MAIN(tests)
