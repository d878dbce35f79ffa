/* options: the options of the operators, each format with its reader, writer and text.
 *
 * In a file they are a table of the union BuiltinOptions; here, fields of struct frozen_operator.
 */
#ifndef TFLITE_OPTIONS_H
#define TFLITE_OPTIONS_H

#include <stdio.h>

#include "tflite/flatbuffer.h"
#include "tflite/flatbuffer_writer.h"
#include "tflite/frozen.h"

struct options_reader {
    struct flat *flat;
    struct flat_table table; /* position 0: there are none, every field has its default */
    size_t index;            /* of the operator, for errors */
};

struct options_format {
    int type; /* of the union BuiltinOptions */
    /* NULL: nothing in them changes what the operator computes.  op->inputs are known already. */
    void (*read)(const struct options_reader *reader, struct frozen_operator *op);
    /* Returns the table's position.  NULL: an empty table. */
    size_t (*write)(struct flat_writer *writer, const struct frozen_operator *op);
    /* For people: two spaces and the options, on the same line.  NULL: nothing. */
    void (*print)(FILE *out, const struct frozen_operator *op);
};

extern const struct options_format options_add, options_conv2d, options_depthwise_conv2d,
    options_fully_connected, options_leaky_relu, options_pack, options_pad, options_pool2d,
    options_reducer, options_shape, options_softmax, options_strided_slice;

#endif
