#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "model/layer.h"

/* JSON is written with ' for " here. */
static enum status read_config(const char *quoted, struct model **model, struct error *error) {
    char *json = strdup(quoted);
    for (char *c = json; *c; c++)
        if (*c == '\'') *c = '"';
    enum status status = config_read(json, strlen(json), "x.h5", model, error);
    free(json);
    return status;
}

#define INPUT(shape)                                                                               \
    "{'class_name':'InputLayer','config':{'batch_input_shape':" shape ",'name':'in'}}"
#define LAYER(class_name, config)                                                                  \
    "{'class_name':'" class_name "','config':{'name':'it'," config "}}"
#define SEQUENTIAL(layers)  "{'class_name':'Sequential','config':{'name':'m','layers':[" layers "]}}"
#define AFTER(shape, layer) SEQUENTIAL(INPUT(shape) "," layer)
#define CONV(fields)                                                                               \
    LAYER("Conv2D", "'filters':5,'kernel_size':[3,3],'padding':'valid','activation':'"             \
                    "relu'" fields)

static void check_refused(const char *json, enum status status, const char *text) {
    struct error error;
    struct model *model;
    enum status got = read_config(json, &model, &error);
    if (got != status || !strstr(error.text, text)) {
        print_error("%s\ngot %d '%s', want %d '%s'\n", json, got, got ? error.text : "", status,
                    text);
        fail();
    }
    assert_string_equal(error.where, "x.h5");
}

static void check_output(const char *json, int rank, int a, int b, int c) {
    struct error error;
    struct model *model;
    assert_ok(read_config(json, &model, &error), &error);
    const struct shape *shape = &model->layers[model->layer_count - 1].output;
    assert_int_equal(shape->rank, rank);
    assert_int_equal(shape->size[0], a);
    if (rank > 1) assert_int_equal(shape->size[1], b);
    if (rank > 2) assert_int_equal(shape->size[2], c);
    model_free(model);
}

#define IMAGE "[null,28,28,1]"

static void shapes_are_what_keras_makes_of_them(void **state) {
    (void)state;
    check_output(AFTER(IMAGE, CONV("")), 3, 26, 26, 5);
    check_output(AFTER(IMAGE, CONV(",'strides':[2,3]")), 3, 13, 9, 5);
    check_output(AFTER(IMAGE, CONV(",'dilation_rate':[2,4]")), 3, 24, 20, 5);
    check_output(AFTER(IMAGE, LAYER("Conv2D", "'filters':2,'kernel_size':[28,1]")), 3, 1, 28, 2);
    check_output(AFTER(IMAGE, LAYER("Conv2D", "'filters':2,'kernel_size':5,'padding':'same',"
                                              "'strides':[3,3]")),
                 3, 10, 10, 2);
    check_output(AFTER(IMAGE, LAYER("MaxPooling2D", "'pool_size':[2,3]")), 3, 14, 9, 1);
    check_output(AFTER(IMAGE, LAYER("MaxPooling2D", "'pool_size':[3,3],'strides':[2,2],"
                                                    "'padding':'same'")),
                 3, 14, 14, 1);
    check_output(AFTER("[null,13,7,3]", LAYER("AveragePooling2D", "'pool_size':2,"
                                                                  "'padding':'same'")),
                 3, 7, 4, 3);
    check_output(AFTER("[null,13,7,3]", LAYER("GlobalAveragePooling2D", "'x':1")), 1, 3, 0, 0);
    check_output(AFTER("[null,13,7,3]", LAYER("GlobalAveragePooling2D", "'keepdims':true")), 3, 1,
                 1, 3);
    check_output(AFTER("[null,13,7,3]", LAYER("GlobalMaxPooling2D", "'x':1")), 1, 3, 0, 0);
    check_output(AFTER("[null,13,7,3]", LAYER("ZeroPadding2D", "'padding':2")), 3, 17, 11, 3);
    check_output(AFTER("[null,13,7,3]", LAYER("ZeroPadding2D", "'padding':[1,2]")), 3, 15, 11, 3);
    check_output(AFTER("[null,13,7,3]", LAYER("ZeroPadding2D", "'padding':[[1,2],[0,4]]")), 3, 16,
                 11, 3);
    check_output(AFTER("[null,28,28]", LAYER("Reshape", "'target_shape':[28,28,1]")), 3, 28, 28, 1);
    check_output(AFTER("[null,784]", LAYER("Reshape", "'target_shape':[7,-1,4]")), 3, 7, 28, 4);
    check_output(AFTER("[null,13,7,3]", LAYER("Reshape", "'target_shape':[-1]")), 1, 273, 0, 0);
    check_output(AFTER("[null,13,7,3]", LAYER("DepthwiseConv2D", "'kernel_size':[3,5],"
                                                                 "'depth_multiplier':4")),
                 3, 11, 3, 12);
    check_output(AFTER("[null,13,7,3]", LAYER("DepthwiseConv2D", "'kernel_size':3,'strides':2,"
                                                                 "'padding':'same'")),
                 3, 7, 4, 3);
    check_output(AFTER("[null,13,7,3]", LAYER("SeparableConv2D", "'filters':7,'kernel_size':3,"
                                                                 "'strides':2,'padding':'same',"
                                                                 "'depth_multiplier':4")),
                 3, 7, 4, 7);
    check_output(AFTER("[null,13,7,3]", LAYER("BatchNormalization", "'axis':[3]")), 3, 13, 7, 3);
    check_output(AFTER("[null,9]", LAYER("BatchNormalization", "'axis':-1")), 1, 9, 0, 0);
    check_output(AFTER("[null,9]", LAYER("BatchNormalization", "'axis':[1]")), 1, 9, 0, 0);
    check_output(AFTER("[null,13,7,3]", LAYER("Flatten", "'x':1")), 1, 273, 0, 0);
    check_output(AFTER("[null,28,28]", LAYER("Flatten", "'x':1")), 1, 784, 0, 0);
    check_output(AFTER("[32,784]", LAYER("Dense", "'units':7")), 1, 7, 0, 0);
    check_output(AFTER("[null,13,7,3]", LAYER("ReLU", "'max_value':null")), 3, 13, 7, 3);
    check_output(AFTER("[null,9]", LAYER("Softmax", "'axis':-1")), 1, 9, 0, 0);
    check_output(AFTER("[null,9]", LAYER("Dropout", "'rate':0.25")), 1, 9, 0, 0);
    check_output(AFTER("[null,13,7,3]", LAYER("SpatialDropout2D", "'rate':0.25")), 3, 13, 7, 3);
    check_output(AFTER("[null,9]", LAYER("Activation", "'activation':'softmax'")), 1, 9, 0, 0);
}

static void fields_arrive(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(read_config(AFTER(IMAGE, CONV(",'strides':[2,3],'use_bias':false")), &model, &error),
              &error);
    const struct layer *layer = &model->layers[1];
    assert_string_equal(model->name, "m");
    assert_string_equal(layer->name, "it");
    assert_int_equal(layer->kind, LAYER_CONV2D);
    assert_int_equal(layer->activation, ACTIVATION_RELU);
    assert_int_equal(layer->units, 5);
    assert_false(layer->has_bias);
    assert_int_equal(layer->window.stride_y, 2);
    assert_int_equal(layer->window.stride_x, 3);
    assert_int_equal(layer->window.dilation_y, 1);
    assert_int_equal(layer->input_count, 1);
    assert_int_equal(layer->inputs[0], 0);
    assert_int_equal(model->layers[0].input_count, 0);
    model_free(model);
}

static void every_spelling_of_keras_is_read(void **state) {
    (void)state;
    /* Keras 3's name for the input shape. */
    check_output(SEQUENTIAL("{'class_name':'InputLayer','config':{'batch_shape':[null,4],"
                            "'name':'in'}}"),
                 1, 4, 0, 0);
    /* No InputLayer: the first layer says what it takes. */
    check_output(SEQUENTIAL(LAYER("Dense", "'units':3,'batch_input_shape':[null,4]")), 1, 3, 0, 0);
    /* An old file: the config is the list. */
    check_output("{'class_name':'Sequential','config':[" INPUT("[null,4]") "]}", 1, 4, 0, 0);
    /* Activations as strings, null, and the objects of Keras 3. */
    check_output(AFTER("[null,4]", LAYER("Dense", "'units':3,'activation':null")), 1, 3, 0, 0);
    check_output(AFTER("[null,4]", LAYER("Dense", "'units':3,'activation':{'module':'builtins',"
                                                  "'class_name':'function','config':'relu',"
                                                  "'registered_name':'function'}")),
                 1, 3, 0, 0);
}

#define NODE(source) "'inbound_nodes':[[['" source "',0,0,{}]]]"
#define NAMED(name, class_name, config, nodes)                                                     \
    "{'class_name':'" class_name "','name':'" name "','config':{'name':'" name "'" config          \
    "}," nodes "}"
#define INPUT_NODE          NAMED("in", "InputLayer", ",'batch_input_shape':[null,4]", "'inbound_nodes':[]")
#define DENSE(name, source) NAMED(name, "Dense", ",'units':3", NODE(source))
#define FUNCTIONAL(layers, output)                                                                 \
    "{'class_name':'Functional','config':{'name':'f','layers':[" layers                            \
    "],'input_layers':[['in',0,0]],'output_layers':" output "}}"

static void a_functional_chain_is_read_in_the_order_of_its_links(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(
        read_config(FUNCTIONAL(DENSE("b", "a") "," INPUT_NODE "," DENSE("a", "in"), "[['b',0,0]]"),
                    &model, &error),
        &error);
    assert_int_equal(model->layer_count, 3);
    assert_string_equal(model->layers[0].name, "in");
    assert_string_equal(model->layers[1].name, "a");
    assert_string_equal(model->layers[2].name, "b");
    model_free(model);
    /* Keras 3. */
    check_output(FUNCTIONAL(INPUT_NODE "," NAMED("a", "Dense", ",'units':3",
                                                 "'inbound_nodes':[{'args':[{'class_name':"
                                                 "'__keras_tensor__','config':{'shape':[null,4],"
                                                 "'keras_history':['in',0,0]}}],'kwargs':{}}]"),
                            "['a',0,0]"),
                 1, 3, 0, 0);
}

/* The names of all layers, in order, and how they are connected: "in a(in) add(a,in)". */
static void check_order(const char *json, const char *expected) {
    struct error error;
    struct model *model;
    char got[512] = "";
    assert_ok(read_config(json, &model, &error), &error);
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        strcat(strcat(got, i ? " " : ""), layer->name);
        for (int j = 0; j < layer->input_count; j++)
            strcat(strcat(got, j ? "," : "("), model->layers[layer->inputs[j]].name);
        strcat(got, layer->input_count ? ")" : "");
    }
    assert_string_equal(got, expected);
    model_free(model);
}

#define INTO(name, sources) NAMED(name, "Add", "", "'inbound_nodes':[[" sources "]]")
#define FROM(source)        "['" source "',0,0,{}]"
#define ADD(name, a, b)     INTO(name, FROM(a) "," FROM(b))
#define TENSOR(source)                                                                             \
    "{'class_name':'__keras_tensor__','config':{'shape':[null,3],'keras_history':['" source        \
    "',0,0]}}"
#define CALLED(name, class_name, config, arguments)                                                \
    NAMED(name, class_name, config, "'inbound_nodes':[{'args':[" arguments "],'kwargs':{}}]")

/* As tf_keras 2.21 lists the layers of these models (model.layers), whatever the file's order. */
static void a_graph_is_read_in_keras_order(void **state) {
    (void)state;
    check_order(FUNCTIONAL(INPUT_NODE
                           "," ADD("sum", "a", "b") "," DENSE("b", "in") "," DENSE("a", "in"),
                           "[['sum',0,0]]"),
                "in a(in) b(in) sum(a,b)");
    /* the longer way to the output first; among equal ones the sum's first input */
    check_order(FUNCTIONAL(INPUT_NODE "," DENSE("t", "in") "," DENSE("p", "t") "," DENSE(
                               "q", "t") "," DENSE("r", "q") "," ADD("sum", "p", "r"),
                           "[['sum',0,0]]"),
                "in t(in) q(t) p(t) r(q) sum(p,r)");
    check_order(FUNCTIONAL(INPUT_NODE "," DENSE("p", "in") "," DENSE("q", "in") "," DENSE(
                               "s", "in") "," ADD("first", "p", "q") "," ADD("sum", "first", "s"),
                           "[['sum',0,0]]"),
                "in p(in) q(in) first(p,q) s(in) sum(first,s)");
    check_order(FUNCTIONAL(INPUT_NODE "," ADD("sum", "in", "in"), "[['sum',0,0]]"),
                "in sum(in,in)");
    /* Keras 3: two tensors in a list, or two arguments of an operator. */
    check_order(
        FUNCTIONAL(INPUT_NODE "," CALLED("a", "Dense", ",'units':3", TENSOR("in")) "," CALLED(
                       "b", "Add", "",
                       "[" TENSOR("a") "," TENSOR("a") "]") "," CALLED("c", "Add", "",
                                                                       TENSOR("b") "," TENSOR("a")),
                   "['c',0,0]"),
        "in a(in) b(a,a) c(b,a)");
}

static void a_graph_that_cannot_be_computed_is_refused(void **state) {
    (void)state;
    check_refused(FUNCTIONAL(INPUT_NODE "," DENSE("a", "in") "," DENSE("b", "in"), "[['b',0,0]]"),
                  STATUS_UNSUPPORTED, "layer 'a' does not lead to the model's output");
    check_refused(FUNCTIONAL(INPUT_NODE "," DENSE("a", "in"), "[['a',0,0],['in',0,0]]"),
                  STATUS_UNSUPPORTED, "2 outputs");
    check_refused(FUNCTIONAL(INPUT_NODE "," DENSE("a", "in"), "[['z',0,0]]"), STATUS_FORMAT,
                  "the output 'z' does not exist");
    check_refused(FUNCTIONAL(INPUT_NODE "," DENSE("a", "in"), "[]"), STATUS_FORMAT,
                  "does not say which layer is the output");
    check_refused(FUNCTIONAL(INPUT_NODE "," DENSE("a", "nobody"), "[['a',0,0]]"), STATUS_FORMAT,
                  "layer 'a' reads 'nobody', which does not exist");
    check_refused(FUNCTIONAL(INPUT_NODE "," DENSE("a", "a"), "[['a',0,0]]"), STATUS_FORMAT,
                  "layer 'a' is part of a cycle");
    check_refused(FUNCTIONAL(DENSE("a", "b") "," DENSE("b", "a"), "[['a',0,0]]"), STATUS_FORMAT,
                  "layer 'a' is part of a cycle");
    check_refused(FUNCTIONAL(INPUT_NODE "," ADD("a", "in", "b") "," DENSE("b", "a"), "[['b',0,0]]"),
                  STATUS_FORMAT, "layer 'b' is part of a cycle");
    check_refused(FUNCTIONAL(INPUT_NODE "," DENSE("a", "in") "," DENSE("a", "in"), "[['a',0,0]]"),
                  STATUS_FORMAT, "two layers are named 'a'");
    check_refused(FUNCTIONAL(INPUT_NODE
                             "," NAMED("in2", "InputLayer", ",'batch_input_shape':[null,4]",
                                       "'inbound_nodes':[]") "," ADD("a", "in", "in2"),
                             "[['a',0,0]]"),
                  STATUS_UNSUPPORTED, "the model has two inputs, 'in' and 'in2'");
    check_refused(
        FUNCTIONAL(INPUT_NODE "," NAMED("a", "Dense", ",'units':3", "'x':0"), "[['a',0,0]]"),
        STATUS_FORMAT, "layer 'a' has no input");
    check_refused(FUNCTIONAL(INPUT_NODE "," NAMED("a", "Dense", ",'units':3",
                                                  "'inbound_nodes':[[['in',0,0,{}],"
                                                  "['in',0,0,{}]]]"),
                             "[['a',0,0]]"),
                  STATUS_UNSUPPORTED,
                  "layer 'a' (Dense): takes 2 inputs; only Add takes more than one");
    check_refused(FUNCTIONAL(INPUT_NODE "," NAMED("a", "Dense", ",'units':3",
                                                  "'inbound_nodes':[[['in',0,0,{}]],"
                                                  "[['in',0,0,{}]]]"),
                             "[['a',0,0]]"),
                  STATUS_UNSUPPORTED, "layer 'a' is called 2 times");
    check_refused(FUNCTIONAL(INPUT_NODE
                             "," NAMED("a", "Dense", ",'units':3", "'inbound_nodes':[[3]]"),
                             "[['a',0,0]]"),
                  STATUS_FORMAT, "layer 'a' has no usable \"inbound_nodes\"");
}

static void what_cannot_be_added_is_refused(void **state) {
    (void)state;
    check_refused(FUNCTIONAL(INPUT_NODE "," INTO("a", FROM("in")), "[['a',0,0]]"),
                  STATUS_UNSUPPORTED, "layer 'a' (Add): adds 1 tensor; it needs two");
    check_refused(FUNCTIONAL(INPUT_NODE "," INTO("a", FROM("in") "," FROM("in") "," FROM("in")),
                             "[['a',0,0]]"),
                  STATUS_UNSUPPORTED, "layer 'a' takes more than 2 inputs; add them two at a time");
    check_refused(
        FUNCTIONAL(INPUT_NODE "," DENSE("d", "in") "," ADD("a", "in", "d"), "[['a',0,0]]"),
        STATUS_UNSUPPORTED, "layer 'a' (Add): adds 4 and 3; both must have the same shape");
    check_refused(SEQUENTIAL(INPUT("[null,4]") "," LAYER("Add", "'x':1")), STATUS_UNSUPPORTED,
                  "layer 'it' (Add): adds 1 tensor");
    check_refused(
        FUNCTIONAL(INPUT_NODE "," NAMED("m", "Functional", "", NODE("in")), "[['m',0,0]]"),
        STATUS_UNSUPPORTED, "layer 'm' (Functional): a model inside a model is not supported");
}

static void what_is_not_supported_is_named(void **state) {
    (void)state;
    check_refused(AFTER(IMAGE, LAYER("Rescaling", "'scale':2")), STATUS_UNSUPPORTED,
                  "layer 'it' (Rescaling): this class is not supported; these are: InputLayer, "
                  "Dense, Conv2D, DepthwiseConv2D, BatchNormalization, Add, MaxPooling2D, "
                  "AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, ZeroPadding2D, "
                  "Reshape, Flatten, Dropout, Activation, ReLU, Softmax, LeakyReLU, "
                  "SpatialDropout2D, SeparableConv2D");
    check_refused(AFTER(IMAGE, LAYER("Dense", "'units':3")), STATUS_UNSUPPORTED,
                  "layer 'it' (Dense): gets 28x28x1; Dense is supported after Flatten or global "
                  "pooling only");
    check_refused(AFTER("[null,784]", CONV("")), STATUS_UNSUPPORTED,
                  "layer 'it' (Conv2D): gets 784; it needs height x width x channels");
    check_refused(AFTER("[null,784]", LAYER("SpatialDropout2D", "'rate':0.5")), STATUS_UNSUPPORTED,
                  "layer 'it' (SpatialDropout2D): gets 784; it needs height x width x channels");
    check_refused(
        AFTER(IMAGE, LAYER("SpatialDropout2D", "'rate':0.5,'data_format':'channels_first'")),
        STATUS_UNSUPPORTED, "data_format channels_first is not supported");
    check_refused(AFTER("[null,28,28]", CONV("")), STATUS_UNSUPPORTED, "gets 28x28;");
    check_refused(AFTER("[null,2,28,1]", CONV("")), STATUS_FORMAT,
                  "its 3x3 window (dilation 1x1) does not fit into 2x28x1");
    check_refused(AFTER(IMAGE, CONV(",'dilation_rate':14")), STATUS_FORMAT, "does not fit");
    check_refused(AFTER(IMAGE, LAYER("MaxPooling2D", "'pool_size':29")), STATUS_FORMAT,
                  "does not fit");
    check_refused(AFTER(IMAGE, CONV(",'groups':5")), STATUS_UNSUPPORTED, "groups");
    check_refused(AFTER(IMAGE, CONV(",'strides':2,'dilation_rate':2")), STATUS_UNSUPPORTED,
                  "strides together with dilation");
    check_refused(AFTER(IMAGE, CONV(",'data_format':'channels_first'")), STATUS_UNSUPPORTED,
                  "channels_first");
    check_refused(AFTER(IMAGE, LAYER("MaxPooling2D", "'data_format':'channels_first'")),
                  STATUS_UNSUPPORTED, "channels_first");
    check_refused(AFTER(IMAGE, LAYER("Flatten", "'data_format':'channels_first'")),
                  STATUS_UNSUPPORTED, "channels_first");
    check_refused(AFTER("[null,4]", LAYER("Dense", "'units':3,'activation':'gelu'")),
                  STATUS_UNSUPPORTED,
                  "activation 'gelu' is not supported; linear, relu, relu6, sigmoid, tanh and "
                  "softmax are");
    check_refused(AFTER("[null,4]", LAYER("Dense", "'units':3,'activation':{'class_name':'ELU',"
                                                   "'config':{}}")),
                  STATUS_UNSUPPORTED, "activation 'ELU'");
    check_refused(AFTER(IMAGE, LAYER("ReLU", "'max_value':0.0")), STATUS_FORMAT,
                  "layer 'it' (ReLU): its config has no usable \"max_value\"");
    check_refused(AFTER(IMAGE, LAYER("ReLU", "'max_value':1e99")), STATUS_FORMAT, "max_value");
    check_refused(AFTER(IMAGE, LAYER("BatchNormalization", "'axis':[1]")), STATUS_UNSUPPORTED,
                  "layer 'it' (BatchNormalization): axis 1 is not the last");
    check_refused(AFTER(IMAGE, LAYER("BatchNormalization", "'axis':[1,2]")), STATUS_UNSUPPORTED,
                  "its axis is not supported");
    check_refused(AFTER("[null,4]", LAYER("GlobalAveragePooling2D", "'x':1")), STATUS_UNSUPPORTED,
                  "needs height x width x channels");
    check_refused(AFTER("[null,4]", LAYER("DepthwiseConv2D", "'kernel_size':3")),
                  STATUS_UNSUPPORTED, "needs height x width x channels");
    check_refused(AFTER(IMAGE, LAYER("LeakyReLU", "'alpha':-0.5")), STATUS_FORMAT,
                  "layer 'it' (LeakyReLU): its config has no usable \"alpha\"");
    check_refused(AFTER(IMAGE, LAYER("ReLU", "'negative_slope':0.125")), STATUS_UNSUPPORTED,
                  "negative_slope 0.125");
    check_refused(AFTER(IMAGE, LAYER("ReLU", "'threshold':1")), STATUS_UNSUPPORTED, "threshold 1");
    check_refused(AFTER("[null,4]", LAYER("Softmax", "'axis':0")), STATUS_UNSUPPORTED,
                  "an axis other than the last");
    check_refused(AFTER(IMAGE, LAYER("Activation", "'activation':'softmax'")), STATUS_UNSUPPORTED,
                  "softmax over 28x28x1");
    check_refused(AFTER("[null,null,28,1]", CONV("")), STATUS_UNSUPPORTED, "unknown size");
    check_refused(AFTER("[null,4,4,4,4]", CONV("")), STATUS_FORMAT, "1 to 3 sizes");
    check_refused(SEQUENTIAL(LAYER("Dense", "'units':3")), STATUS_UNSUPPORTED,
                  "has no input shape");
    check_refused("{'class_name':'MyModel','config':{'layers':[1]}}", STATUS_UNSUPPORTED,
                  "the model is a MyModel");
    check_refused(AFTER("[null,4]", "{'class_name':'Sequential','config':{'name':'inner',"
                                    "'layers':[]}}"),
                  STATUS_UNSUPPORTED, "layer 'inner' (Sequential): a model inside a model is");
}

static void what_is_no_description_of_a_model_is_refused(void **state) {
    (void)state;
    static const char *const broken[] = {
        "",
        "[",
        "[]",
        "{}",
        "3",
        "{'class_name':'Sequential'}",
        "{'class_name':'Sequential','config':{}}",
        "{'class_name':'Sequential','config':{'layers':{}}}",
        "{'class_name':1,'config':{'layers':[]}}",
        SEQUENTIAL("1"),
        SEQUENTIAL("{}"),
        SEQUENTIAL("{'class_name':'Dense'}"),
        SEQUENTIAL("{'class_name':'Dense','config':[]}"),
        SEQUENTIAL("{'class_name':'InputLayer','config':{'batch_input_shape':[null,4]}}"),
        SEQUENTIAL("{'class_name':'InputLayer','config':{'name':'in'}}"),
        SEQUENTIAL("{'class_name':'InputLayer','config':{'name':'in','batch_shape':[null,'4']}}"),
        SEQUENTIAL("{'class_name':'InputLayer','config':{'name':'in','batch_shape':[null,0]}}"),
        SEQUENTIAL("{'class_name':'InputLayer','config':{'name':'in','batch_shape':[null,-4]}}"),
        SEQUENTIAL(INPUT("[null,4]") "," INPUT("[null,4]")),
        AFTER("[null,4]", LAYER("Dense", "'units':0")),
        AFTER("[null,4]", LAYER("Dense", "'units':2.5")),
        AFTER("[null,4]", LAYER("Dense", "'units':99999999999999999999999")),
        AFTER("[null,4]", LAYER("Dropout", "'rate':1")),
        AFTER("[null,4]", LAYER("Dropout", "'rate':0.99999999999")),
        AFTER("[null,4]", LAYER("Dropout", "'rate':-0.5")),
        AFTER("[null,4]", LAYER("Dropout", "'rate':'x'")),
        AFTER(IMAGE, LAYER("SpatialDropout2D", "'rate':1")),
        AFTER(IMAGE, LAYER("SpatialDropout2D", "'x':1")),
        AFTER("[null,4]", LAYER("ReLU", "'threshold':{}")),
        AFTER(IMAGE, LAYER("DepthwiseConv2D", "'kernel_size':3,'depth_multiplier':0")),
        AFTER("[null,9,9,1048576]", LAYER("DepthwiseConv2D", "'kernel_size':3,"
                                                             "'depth_multiplier':1048576")),
        AFTER(IMAGE, LAYER("ZeroPadding2D", "'x':1")),
        AFTER(IMAGE, LAYER("ZeroPadding2D", "'padding':-1")),
        AFTER(IMAGE, LAYER("ZeroPadding2D", "'padding':[1,2,3]")),
        AFTER(IMAGE, LAYER("ZeroPadding2D", "'padding':[[1],[2]]")),
        AFTER(IMAGE, LAYER("ZeroPadding2D", "'padding':1048576")),
        AFTER("[null,4]", LAYER("ZeroPadding2D", "'padding':1")),
        AFTER(IMAGE, LAYER("Reshape", "'target_shape':[28,27,1]")),
        AFTER(IMAGE, LAYER("Reshape", "'target_shape':[-1,-1,1]")),
        AFTER(IMAGE, LAYER("Reshape", "'target_shape':[5,-1,1]")),
        AFTER(IMAGE, LAYER("Reshape", "'target_shape':[0,-1,1]")),
        AFTER(IMAGE, LAYER("Reshape", "'target_shape':[28,28]")),
        AFTER(IMAGE, LAYER("Reshape", "'target_shape':[1048576,1048576,1048576]")),
        AFTER(IMAGE, LAYER("BatchNormalization", "'momentum':'x'")),
        AFTER(IMAGE, LAYER("BatchNormalization", "'epsilon':-0.5")),
        AFTER(IMAGE, LAYER("BatchNormalization", "'axis':9")),
        AFTER(IMAGE, LAYER("Conv2D", "'filters':5")),
        AFTER(IMAGE, LAYER("Conv2D", "'filters':5,'kernel_size':[3]")),
        AFTER(IMAGE, LAYER("Conv2D", "'filters':5,'kernel_size':[3,3,3]")),
        AFTER(IMAGE, CONV(",'strides':[0,1]")),
        AFTER(IMAGE, CONV(",'strides':['a','b']")),
        AFTER(IMAGE, LAYER("MaxPooling2D", "'padding':'causal'")),
        AFTER("[null,4]", LAYER("Dense", "'units':1") "," LAYER("Dense", "'units':1")),
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct error error;
        struct model *model;
        enum status status = read_config(broken[i], &model, &error);
        if (status != STATUS_FORMAT && status != STATUS_UNSUPPORTED) {
            print_error("not refused: %s\n", broken[i]);
            fail();
        }
        assert_true(strlen(error.text) > 10);
    }
}

static void sizes_are_bounded_before_memory_is_taken(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    check_refused(AFTER("[null,1048576,1048576,1048576]", LAYER("Flatten", "'x':1")),
                  STATUS_UNSUPPORTED, "larger than 16777216 numbers");
    check_refused(AFTER("[null,4]", LAYER("Dense", "'units':2000000")), STATUS_FORMAT, "units");
    assert_ok(
        read_config(AFTER("[null,1048576]", LAYER("Dense", "'units':1048576")), &model, &error),
        &error);
    assert_int_equal(model_plan_weights(model, "x.h5", &error), STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.text, "layer 'it' (Dense): its kernel makes the model larger"));
    model_free(model);
    check_refused(AFTER("[null,4]", "{'class_name':'Flatten','config':{'name':'"
                                    "a234567890123456789012345678901234567890123456789012345678901"
                                    "234'}}"),
                  STATUS_UNSUPPORTED, "longer than 63 bytes");
}

static void cut_json_is_refused_at_every_length(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    char *json = strdup(AFTER(IMAGE, CONV("") ","
                                              "{'class_name':'Flatten','config':{'name':'z'}}"));
    size_t length = strlen(json);
    for (char *c = json; *c; c++)
        if (*c == '\'') *c = '"';
    assert_ok(config_read(json, length, "x.h5", &model, &error), &error);
    model_free(model);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(config_read(json, i, "x.h5", &model, &error), STATUS_FORMAT);
    free(json);
}

static void what_is_written_reads_back_the_same(void **state) {
    (void)state;
    static const char *const models[] = {
        AFTER(IMAGE, CONV(",'strides':[2,3],'use_bias':false")),
        AFTER(IMAGE, CONV(",'dilation_rate':[2,1]")),
        AFTER(IMAGE, LAYER("MaxPooling2D", "'pool_size':[2,3],'padding':'same'")),
        AFTER(IMAGE, LAYER("AveragePooling2D", "'pool_size':[2,3],'strides':1")),
        AFTER(IMAGE, LAYER("GlobalAveragePooling2D", "'keepdims':true")),
        AFTER(IMAGE, LAYER("GlobalMaxPooling2D", "'x':1")),
        AFTER(IMAGE, LAYER("ZeroPadding2D", "'padding':[[1,2],[0,4]]")),
        AFTER(IMAGE, LAYER("Reshape", "'target_shape':[7,-1,4]")),
        AFTER(IMAGE, LAYER("DepthwiseConv2D", "'kernel_size':[2,3],'depth_multiplier':3,"
                                              "'activation':'relu6','use_bias':false")),
        AFTER(IMAGE, LAYER("BatchNormalization", "'scale':false,'momentum':0.9,'epsilon':0.01")),
        AFTER(IMAGE, LAYER("ReLU", "'max_value':6")),
        AFTER(IMAGE, LAYER("ReLU", "'max_value':0.7")),
        AFTER(IMAGE, LAYER("LeakyReLU", "'alpha':0.1")),
        AFTER(IMAGE, LAYER("LeakyReLU", "'negative_slope':0.25")),
        AFTER(IMAGE, LAYER("Activation", "'activation':'sigmoid'")),
        AFTER("[null,9]", LAYER("Dense", "'units':4,'activation':'tanh'")),
        AFTER("[null,28,28]", LAYER("Flatten", "'x':1")),
        AFTER("[null,9]", LAYER("Dropout", "'rate':0.2")),
        AFTER(IMAGE, LAYER("SpatialDropout2D", "'rate':0.2,'noise_shape':null,'seed':3")),
        AFTER(IMAGE, LAYER("SpatialDropout2D", "'rate':0.2,'data_format':'channels_last'")),
        AFTER("[null,9]", LAYER("Softmax", "'axis':-1")),
        AFTER("[null,9]", LAYER("ReLU", "'x':1")),
        AFTER("[null,9]", LAYER("Activation", "'activation':'softmax'")),
        AFTER("[null,9]", LAYER("Dense", "'units':4,'use_bias':false")),
        FUNCTIONAL(INPUT_NODE "," DENSE("p", "in") "," DENSE("q", "in") "," ADD("s", "q", "p"),
                   "[['s',0,0]]"),
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct error error;
        struct model *first, *second;
        assert_ok(read_config(models[i], &first, &error), &error);
        char *json = config_write(first);
        assert_non_null(json);
        assert_ok(config_read(json, strlen(json), "x.h5", &second, &error), &error);
        assert_int_equal(first->layer_count, second->layer_count);
        for (int j = 0; j < first->layer_count; j++) {
            const struct layer *a = &first->layers[j], *b = &second->layers[j];
            assert_string_equal(a->name, b->name);
            assert_int_equal(a->kind, b->kind);
            assert_int_equal(a->activation, b->activation);
            assert_int_equal(a->input_count, b->input_count);
            assert_memory_equal(a->inputs, b->inputs, sizeof a->inputs);
            assert_int_equal(a->units, b->units);
            assert_int_equal(a->has_bias, b->has_bias);
            assert_memory_equal(&a->window, &b->window, sizeof a->window);
            assert_memory_equal(&a->output, &b->output, sizeof a->output);
            assert_near(a->rate, b->rate, 0);
            assert_near(a->limit, b->limit, 0);
            assert_near(a->slope, b->slope, 0);
            assert_int_equal(a->depth_multiplier, b->depth_multiplier);
            assert_int_equal(a->keeps_dimensions, b->keeps_dimensions);
            assert_int_equal(a->normalization.has_gamma, b->normalization.has_gamma);
            assert_int_equal(a->normalization.has_beta, b->normalization.has_beta);
            assert_near(a->normalization.momentum, b->normalization.momentum, 0);
            assert_near(a->normalization.epsilon, b->normalization.epsilon, 0);
        }
        if (strstr(models[i], "Dropout")) assert_non_null(strstr(json, "\"rate\": 0.2"));
        free(json);
        model_free(first);
        model_free(second);
    }
}

/* SpatialDropout2D of Keras 3 takes fewer fields than other layers do. */
static void a_spatial_dropout_is_written_with_the_fields_that_keras_3_takes(void **state) {
    (void)state;
    struct error error;
    struct model *model;
    assert_ok(read_config(AFTER(IMAGE, LAYER("SpatialDropout2D", "'rate':0.25")), &model, &error),
              &error);
    char *json = config_write(model);
    assert_non_null(strstr(json, "{\"class_name\": \"SpatialDropout2D\", \"config\": {\"name\": "
                                 "\"it\", \"dtype\": \"float32\", \"rate\": 0.25, \"seed\": null, "
                                 "\"data_format\": \"channels_last\"}}"));
    free(json);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(shapes_are_what_keras_makes_of_them),
    cmocka_unit_test(fields_arrive),
    cmocka_unit_test(every_spelling_of_keras_is_read),
    cmocka_unit_test(a_functional_chain_is_read_in_the_order_of_its_links),
    cmocka_unit_test(a_graph_is_read_in_keras_order),
    cmocka_unit_test(a_graph_that_cannot_be_computed_is_refused),
    cmocka_unit_test(what_cannot_be_added_is_refused),
    cmocka_unit_test(what_is_not_supported_is_named),
    cmocka_unit_test(what_is_no_description_of_a_model_is_refused),
    cmocka_unit_test(sizes_are_bounded_before_memory_is_taken),
    cmocka_unit_test(cut_json_is_refused_at_every_length),
    cmocka_unit_test(what_is_written_reads_back_the_same),
    cmocka_unit_test(a_spatial_dropout_is_written_with_the_fields_that_keras_3_takes),
};
TEST_MAIN(tests)
