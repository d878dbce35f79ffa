/* main: finds the command, runs it, prints the error and exits with the status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "config.h"

const struct verb verbs[] = {
    {"", VERB_DASHBOARD, "[MODEL]", 0, 1, "fine-tune MODEL (fc) in the dashboard", "",
     command_dashboard},
    {"run", VERB_RUN, "[MODEL]", 0, 1, "the same without a screen, then export",
     "Fine-tunes MODEL (fc) with quantization in the loop, exports it as an INT8 .tflite, and "
     "prints the accuracy of both. Progress goes to standard error.",
     command_run},
    {"train", VERB_TRAIN, "--arch fc|cnn", 0, 0, "train a float model from scratch, as a Keras .h5",
     "Trains in plain float32 from scratch. fc is 784 - 128 ReLU - 10; cnn has two convolutions "
     "with max pooling. Default for -o: saved_model/mnist_NAME/model.h5.",
     command_train},
    {"eval", VERB_EVAL, "MODEL", 1, 1, "accuracy and loss on the test digits",
     "Prints the accuracy and loss of MODEL on the test digits, as Keras computes them. MODEL is a "
     "Keras .h5 or .keras, a .tflite, or fc or cnn. With --layers, compares the integer model "
     "with the float network, layer by layer. A Keras model is quantized as by ptq; a "
     "checkpoint or a saved QAT model has its own ranges; a .tflite needs --against and the model "
     "it was made from.",
     command_eval},
    {"summary", VERB_SUMMARY, "MODEL", 1, 1, "layers, shapes and parameters of MODEL",
     "Prints Keras' summary table of a .h5 or .keras. Of a .tflite, prints the operators, with the "
     "factors that rescale their sums, as multiplier / 2^31 * 2^shift, and the tensors, with their "
     "quantization.",
     command_summary},
    {"predict", VERB_PREDICT, "MODEL IMAGE...", 2, -1, "what each image shows",
     "Prints the class of each PNG or JPEG file, of any size, and the probabilities of all classes "
     "or, of more than ten, the five most probable. For a model of digits the images may be dark "
     "on "
     "light or light on dark. On a terminal the image is drawn as MODEL sees it.",
     command_predict},
    {"ptq", VERB_PTQ, "[MODEL]", 0, 1, "quantize MODEL (fc) without training",
     "Post-training quantization of MODEL (fc) as the TFLite converter does it: the baseline that "
     "QAT must beat. Writes an INT8 .tflite, verifies it on the test digits and prints the "
     "accuracy of both. Default for -o: saved_model/mnist_NAME_int8_ptq/model_int8.tflite.",
     command_ptq},
    {"export", VERB_EXPORT, "CHECKPOINT|RUN -o OUT", 1, 1,
     "write a .tflite, .h5 or C source from a checkpoint",
     "Converts a checkpoint, or the newest one in a run's folder, to the format that the extension "
     "of OUT selects. A format that holds the integer program is verified on the test digits "
     "before the file gets its name. A saved QAT model can be given instead of a checkpoint and, "
     "for C source, a .tflite.",
     command_export},
    {"freeze", VERB_FREEZE, "WEIGHTS.h5 MODEL -o OUT", 2, 2,
     "convert weights that TensorFlow trained",
     "WEIGHTS.h5 holds the variables of a model trained with TensorFlow Model Optimization, "
     "ranges included: one dataset per variable, Keras weights, or a saved QAT model. MODEL is "
     "the float model they belong to; a saved QAT model contains that too and can be given twice.",
     command_freeze},
    {NULL, 0, NULL, 0, 0, NULL, NULL, NULL},
};

void print_error(const struct error *error) {
    char line[sizeof error->where + sizeof error->text + 3];
    error_format(error, line, sizeof line);
    fprintf(stderr, PACKAGE_NAME ": %s\n", line);
}

json_t *json_number(double value) {
    json_t *number = json_real(value); /* NULL for NaN and infinity */
    return number ? number : json_null();
}

enum status print_json(json_t *object, struct error *error) {
    if (!object) return error_memory(error, "JSON", 0);
    int failed = json_dumpf(object, stdout, JSON_REAL_PRECISION(17));
    json_decref(object);
    if (failed || fputc('\n', stdout) == EOF)
        return error_errno(error, "standard output", "cannot write");
    return STATUS_OK;
}

static int exit_status_of(enum status status) {
    switch (status) {
    case STATUS_OK:
        return 0;
    case STATUS_USAGE:
        return 2;
    case STATUS_INTERRUPTED:
        return 130;
    default:
        return 1;
    }
}

int main(int argc, char **argv) {
    /* Exceeding a file size limit then fails like a full disk and leaves no partial file. */
    signal(SIGXFSZ, SIG_IGN);
    struct options options;
    struct error error = {0};
    int exit_status = 0;
    enum status status = options_parse(&options, argc, argv, &error);
    if (!status) {
        if (options.wants_help)
            options_help(stdout, options.verb);
        else if (options.wants_version)
            puts(PACKAGE_STRING);
        else
            status = options.verb->run(&options, &exit_status, &error);
    }
    if (!status && (fflush(stdout) || ferror(stdout)))
        status = error_errno(&error, "standard output", "cannot write");
    if (status) {
        print_error(&error);
        if (!exit_status) exit_status = exit_status_of(status);
    }
    return exit_status;
}
