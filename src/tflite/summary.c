#include "tflite/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed_point.h"
#include "base/printable.h"
#include "tflite/operators.h"
#include "tflite/requant.h"

#define NAME_SHOWN 48

/* "q", "(q - 12)" or "(q + 128)". */
static void quantized_text(int32_t zero_point, char *text, size_t size) {
    long zero = zero_point;
    if (zero == 0)
        snprintf(text, size, "q");
    else
        snprintf(text, size, "(q %c %ld)", zero > 0 ? '-' : '+', zero > 0 ? zero : -zero);
}

static bool same_zero_points(const struct frozen_tensor *tensor) {
    for (int c = 1; c < tensor->scale_count; c++)
        if (tensor->zero_point[c] != tensor->zero_point[0]) return false;
    return true;
}

void tflite_formula(const struct frozen_tensor *tensor, char *text, size_t size) {
    char q[32];
    if (size) *text = 0;
    if (tensor->scale_count == 0) return;
    quantized_text(tensor->zero_point[0], q, sizeof q);
    if (tensor->scale_count == 1) {
        snprintf(text, size, "real = %.6g * %s", (double)tensor->scale[0], q);
        return;
    }
    float least = tensor->scale[0], most = least;
    for (int c = 1; c < tensor->scale_count; c++) {
        if (tensor->scale[c] < least) least = tensor->scale[c];
        if (tensor->scale[c] > most) most = tensor->scale[c];
    }
    snprintf(text, size, "real = scale[c] * %s, %d scales %.6g..%.6g along dimension %d",
             same_zero_points(tensor) ? q : "(q - zero_point[c])", tensor->scale_count,
             (double)least, (double)most, tensor->quantized_dimension);
}

/* Names come from files: control characters must not reach a terminal. */
static void print_name(FILE *out, const char *name, int width) {
    char shown[NAME_SHOWN + 1];
    fprintf(out, "%-*s", width, printable(name, shown, sizeof shown));
}

static void print_shape(FILE *out, const struct frozen_tensor *tensor) {
    char text[80];
    int used = snprintf(text, sizeof text, "[");
    for (int i = 0; i < tensor->rank; i++) {
        const char *comma = i ? ", " : "";
        if (i == 0 && tensor->has_batch)
            used += snprintf(text + used, sizeof text - (size_t)used, "batch");
        else
            used +=
                snprintf(text + used, sizeof text - (size_t)used, "%s%d", comma, tensor->shape[i]);
    }
    snprintf(text + used, sizeof text - (size_t)used, "]");
    fprintf(out, "%-20s ", text);
}

/* "0.00381402 = 2097152003 / 2^31 * 2^-8" */
static void print_factor(FILE *out, double real) {
    struct fixed fixed;
    if (fixed_from_double(real, &fixed))
        fprintf(out, "%.6g = %ld / 2^31 * 2^%d", real, (long)fixed.value, fixed.shift);
    else
        fprintf(out, "%.6g, which no multiplier can represent", real);
}

static void print_requant(FILE *out, const struct frozen *frozen,
                          const struct frozen_operator *op) {
    static const char *const of_add[] = {"a", "b", "out"};
    int count = requant_count(frozen, op);
    if (count == 0) return;
    const char *formula = requant_formula(frozen, op);
    if (operator_row((int)op->code)->requant == REQUANT_ADD) {
        for (int i = 0; i < count; i++) {
            fprintf(out, "%25sM[%s] = ", "", of_add[i]);
            print_factor(out, requant_real(frozen, op, i));
            fputc('\n', out);
        }
        return;
    }
    fprintf(out, "%25s%s = ", "", formula);
    if (count == 1) {
        print_factor(out, requant_real(frozen, op, 0));
    } else {
        double least = requant_real(frozen, op, 0), most = least;
        for (int c = 1; c < count; c++) {
            double real = requant_real(frozen, op, c);
            if (real < least) least = real;
            if (real > most) most = real;
        }
        fprintf(out, "%.6g..%.6g, %d channels", least, most, count);
    }
    fputc('\n', out);
}

static void print_operators(FILE *out, const struct frozen *frozen) {
    fprintf(out, "Operators\n");
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        char tensors[80];
        int used = 0;
        for (int j = 0; j < op->input_count; j++) {
            const char *comma = j ? ", " : "";
            if (op->inputs[j] < 0)
                used += snprintf(tensors + used, sizeof tensors - (size_t)used, "%s-", comma);
            else
                used += snprintf(tensors + used, sizeof tensors - (size_t)used, "%s%d", comma,
                                 op->inputs[j]);
        }
        snprintf(tensors + used, sizeof tensors - (size_t)used, " -> %d", op->outputs[0]);
        fprintf(out, "%4d  %-18s %s", i, frozen_op_name(op->code), tensors);
        const struct options_format *format = operator_row((int)op->code)->options;
        if (format && format->print) format->print(out, op);
        fputc('\n', out);
        print_requant(out, frozen, op);
    }
}

static void print_tensors(FILE *out, const struct frozen *frozen) {
    size_t bytes = 0;
    int width = 1, constants = 0;
    for (int i = 0; i < frozen->tensor_count; i++) {
        size_t length = strnlen(frozen->tensors[i].name, NAME_SHOWN);
        if ((int)length > width) width = (int)length;
        bytes += frozen->tensors[i].data_bytes;
        constants += frozen->tensors[i].data != NULL;
    }
    fprintf(out, "\nTensors\n");
    for (int i = 0; i < frozen->tensor_count; i++) {
        const struct frozen_tensor *tensor = &frozen->tensors[i];
        char formula[160];
        fprintf(out, "%4d  ", i);
        print_name(out, tensor->name, width);
        fprintf(out, "  %-7s ", frozen_type_name(tensor->type));
        print_shape(out, tensor);
        tflite_formula(tensor, formula, sizeof formula);
        if (tensor->data) fprintf(out, "%zu bytes%s", tensor->data_bytes, *formula ? ", " : "");
        fprintf(out, "%s\n", formula);
    }
    fprintf(out, "\nConstants: %zu bytes in %d tensors\n", bytes, constants);
}

/* The operator whose weights these are, if it has a factor for each channel; else NULL. */
static const struct frozen_operator *user_of(const struct frozen *frozen, int tensor) {
    for (int i = 0; i < frozen->operator_count; i++) {
        const struct frozen_operator *op = &frozen->operators[i];
        if (op->input_count > 1 && op->inputs[1] == tensor &&
            requant_count(frozen, op) == frozen->tensors[tensor].scale_count)
            return op;
    }
    return NULL;
}

static void print_channels(FILE *out, const struct frozen *frozen) {
    for (int i = 0; i < frozen->tensor_count; i++) {
        const struct frozen_tensor *tensor = &frozen->tensors[i];
        if (tensor->scale_count < 2) continue;
        const struct frozen_operator *op = user_of(frozen, i);
        fprintf(out, "\nChannels of tensor %d, ", i);
        print_name(out, tensor->name, 1);
        fprintf(out, ", along dimension %d\n     c          scale  zero point%s\n",
                tensor->quantized_dimension, op ? "            M  multiplier  shift" : "");
        for (int c = 0; c < tensor->scale_count; c++) {
            fprintf(out, "%6d  %13.9g  %10ld", c, (double)tensor->scale[c],
                    (long)tensor->zero_point[c]);
            double real = op ? requant_real(frozen, op, c) : 0;
            struct fixed fixed;
            if (op && fixed_from_double(real, &fixed))
                fprintf(out, "  %11.6g  %10ld  %5d", real, (long)fixed.value, fixed.shift);
            fputc('\n', out);
        }
    }
}

/* "   0  serving_default: digit is tensor 0 -> classes is tensor 14, of subgraph 1" */
static void print_signatures(FILE *out, const struct frozen *frozen) {
    if (!frozen->signature_count) return;
    fprintf(out, "Signatures\n");
    for (int i = 0; i < frozen->signature_count; i++) {
        const struct frozen_signature *signature = &frozen->signatures[i];
        int inputs = signature->input_count, count = inputs + signature->output_count;
        fprintf(out, "%4d  ", i);
        print_name(out, signature->key, 1);
        for (int j = 0; j < count; j++) {
            fprintf(out, "%s", j == inputs ? " -> " : j ? ", " : ": ");
            print_name(out, signature->ends[j].name, 1);
            fprintf(out, " is tensor %lu", (unsigned long)signature->ends[j].tensor);
        }
        if (frozen->subgraph_count > 1)
            fprintf(out, ", of subgraph %lu", (unsigned long)signature->subgraph);
        fputc('\n', out);
    }
    fputc('\n', out);
}

static void print_ends(FILE *out, const struct frozen *frozen) {
    if (frozen->description && *frozen->description) {
        fprintf(out, "Description: ");
        print_name(out, frozen->description, 1);
        fputc('\n', out);
    }
    if (frozen->subgraph_count > 1)
        fprintf(out, "Subgraph: the first of %d, which an interpreter's invoke() runs\n",
                frozen->subgraph_count);
    const char *words[] = {"Input", "Output"};
    const char *names[] = {frozen->input_name, frozen->output_name};
    const int tensors[] = {frozen->input, frozen->output};
    for (int i = 0; i < 2; i++) {
        fprintf(out, "%s: tensor %d", words[i], tensors[i]);
        if (names[i] && *names[i]) {
            fprintf(out, ", ");
            print_name(out, names[i], 1);
        }
        fputc('\n', out);
    }
    fputc('\n', out);
}

enum status tflite_summary(const struct frozen *frozen, bool channels, char **text,
                           struct error *error) {
    size_t length = 0;
    *text = NULL;
    FILE *out = open_memstream(text, &length);
    if (!out) return error_memory(error, "", 4096);
    print_ends(out, frozen);
    print_signatures(out, frozen);
    print_operators(out, frozen);
    print_tensors(out, frozen);
    if (channels) print_channels(out, frozen);
    bool failed = ferror(out);
    if (fclose(out)) failed = true;
    if (!failed) return STATUS_OK;
    free(*text);
    *text = NULL;
    return error_memory(error, "", length);
}
