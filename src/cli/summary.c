#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/subject.h"
#include "model/summary.h"

#define NAME_WIDTH 40

static void put_shape(const struct frozen_tensor *tensor) {
    char text[64] = "[";
    size_t used = 1;
    for (int i = 0; i < tensor->rank; i++) {
        if (i == 0 && tensor->has_batch)
            used += (size_t)snprintf(text + used, sizeof text - used, "N");
        else
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", i ? ", " : "",
                                     tensor->shape[i]);
    }
    snprintf(text + used, sizeof text - used, "]");
    printf("%-18s", text);
}

/* real = scale * (q - zero_point), with the sign that makes it true. */
static void put_quantization(const struct frozen_tensor *tensor) {
    if (tensor->scale_count == 0) return;
    if (tensor->scale_count > 1) {
        float low = tensor->scale[0], high = low;
        for (int i = 1; i < tensor->scale_count; i++) {
            if (tensor->scale[i] < low) low = tensor->scale[i];
            if (tensor->scale[i] > high) high = tensor->scale[i];
        }
        printf(" %d scales from %.6g to %.6g", tensor->scale_count, (double)low, (double)high);
        return;
    }
    long zero_point = tensor->zero_point[0];
    if (zero_point == 0)
        printf(" real = %.9g * q", (double)tensor->scale[0]);
    else
        printf(" real = %.9g * (q %c %ld)", (double)tensor->scale[0], zero_point < 0 ? '+' : '-',
               labs(zero_point));
}

/* Text from a file must not move the cursor. */
static void put_text(const char *text) {
    for (; *text; text++) putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

/* The end of a name tells more than its beginning. */
static void put_name(const char *name) {
    size_t length = strlen(name);
    if (length > NAME_WIDTH) {
        fputs("...", stdout);
        put_text(name + length - (NAME_WIDTH - 3));
        return;
    }
    put_text(name);
    printf("%*s", (int)(NAME_WIDTH - length), "");
}

static const char *role(const struct frozen *frozen, int index) {
    if (index == frozen->input) return "input";
    if (index == frozen->output) return "output";
    return frozen->tensors[index].data ? "constant" : "";
}

static void put_operator(const struct frozen *frozen, int index) {
    const struct frozen_operator *op = &frozen->operators[index];
    char inputs[64] = "";
    size_t used = 0;
    for (int i = 0; i < op->input_count; i++)
        used += (size_t)snprintf(inputs + used, sizeof inputs - used, "%s%d", i ? " " : "",
                                 op->inputs[i]);
    const char *name = frozen_op_name((int)op->code);
    printf("%3d  %-18s %-12s -> %-4d", index, name ? name : "?", inputs, op->outputs[0]);
    if (op->code == OP_CONV_2D || op->code == OP_DEPTHWISE_CONV_2D)
        printf(" stride %dx%d %s", op->stride_y, op->stride_x,
               op->padding == FROZEN_SAME ? "same" : "valid");
    if (op->code == OP_MAX_POOL_2D || op->code == OP_AVERAGE_POOL_2D)
        printf(" window %dx%d stride %dx%d", op->filter_height, op->filter_width, op->stride_y,
               op->stride_x);
    if (op->activation == FUSED_RELU) printf(" relu");
    if (op->activation == FUSED_RELU6) printf(" relu6");
    putchar('\n');
}

static void put_frozen(const char *path, const struct frozen *frozen) {
    printf("%s: %d operators, %d tensors\n", path, frozen->operator_count, frozen->tensor_count);
    if (frozen->description && *frozen->description) {
        put_text(frozen->description);
        putchar('\n');
    }
    printf("\n  #  operator           inputs          output\n");
    for (int i = 0; i < frozen->operator_count; i++) put_operator(frozen, i);
    printf("\n  #  %-*s type    %-18s role     quantization\n", NAME_WIDTH, "tensor", "shape");
    size_t bytes = 0;
    for (int i = 0; i < frozen->tensor_count; i++) {
        const struct frozen_tensor *tensor = &frozen->tensors[i];
        printf("%3d  ", i);
        put_name(tensor->name);
        printf(" %-7s ", frozen_type_name(tensor->type));
        put_shape(tensor);
        printf(" %-8s", role(frozen, i));
        put_quantization(tensor);
        putchar('\n');
        if (tensor->data) bytes += tensor->data_bytes;
    }
    printf("\nConstants: %zu bytes\n", bytes);
}

enum status command_summary(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    struct subject subject;
    enum status status = subject_load(&subject, options->operands[0], error);
    if (status) return status;
    if (subject.frozen) {
        put_frozen(subject.path, subject.frozen);
    } else {
        char *text = NULL;
        status = model_summary(subject.model, &text, error);
        if (!status) fputs(text, stdout);
        free(text);
    }
    subject_free(&subject);
    return status;
}
