#include "export/csource.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "tflite/summary.h"
#include "tflite/tflite.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#define IDENTIFIER   256
#define BYTES_A_LINE 12
#define COLUMNS      100

#define MAX_TEXT_BYTES (MAX_TFLITE_BYTES * 6 + 65536) /* "0x00, " for each byte */

enum part { PART_HEADER, PART_DECLARATIONS, PART_DATA };

struct source {
    FILE *out;
    const struct frozen *frozen;
    const unsigned char *bytes;
    size_t length;
    char name[IDENTIFIER], upper[IDENTIFIER];
    char *header; /* file that declares the array of a .c */
};

/* ---- names ---- */

static char ending_of(const char *path) {
    size_t length = strlen(path);
    if (length < 3 || path[length - 2] != '.' || path[length - 3] == '/') return 0;
    char last = path[length - 1];
    return last == 'h' || last == 'H' ? 'h' : last == 'c' || last == 'C' ? 'c' : 0;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void make_identifier(const char *path, char name[IDENTIFIER]) {
    const char *base = file_name(path);
    size_t length = strlen(base);
    if (ending_of(path)) length -= 2;
    size_t used = 0;
    if (!is_letter(base[0])) used = (size_t)snprintf(name, IDENTIFIER, "model_");
    for (size_t i = 0; i < length && used < IDENTIFIER - 1; i++) {
        bool is_digit = base[i] >= '0' && base[i] <= '9';
        name[used++] = (char)(is_letter(base[i]) || is_digit ? base[i] : '_');
    }
    name[used] = 0;
}

/* ---- text ---- */

static void print_tensor(const struct source *source, const char *word, int index) {
    const struct frozen_tensor *tensor = &source->frozen->tensors[index];
    char formula[160];
    fprintf(source->out, " * %-10s %s [", word, frozen_type_name(tensor->type));
    for (int i = 0; i < tensor->rank; i++)
        fprintf(source->out, "%s%d", i ? ", " : "", tensor->shape[i]);
    tflite_formula(tensor, formula, sizeof formula);
    fprintf(source->out, "]%s%s\n", *formula ? ", " : "", formula);
}

/* Each once: what a resolver of operators has to know. */
static void print_operators(const struct source *source) {
    const struct frozen *frozen = source->frozen;
    fprintf(source->out, " * Operators ");
    size_t column = 13;
    for (int i = 0; i < frozen->operator_count; i++) {
        bool is_new = true;
        for (int j = 0; j < i; j++)
            if (frozen->operators[j].code == frozen->operators[i].code) is_new = false;
        if (!is_new) continue;
        const char *name = frozen_op_name(frozen->operators[i].code);
        if (column + strlen(name) + 2 > COLUMNS) {
            fprintf(source->out, "\n *           ");
            column = 13;
        }
        column += strlen(name) + 1;
        fprintf(source->out, " %s", name);
    }
    fprintf(source->out, "\n");
}

static void print_comment(const struct source *source) {
    char digest[SHA256_HEX];
    sha256_hex(source->bytes, source->length, digest);
    fprintf(source->out,
            "/* %s: a TensorFlow Lite model as C, written by " PACKAGE_STRING ".\n"
            " *\n"
            " * SHA-256    %s\n",
            source->name, digest);
    print_tensor(source, "Input", source->frozen->input);
    print_tensor(source, "Output", source->frozen->output);
    print_operators(source);
    fprintf(source->out, " */\n");
}

static void print_constants(const struct source *source, const char *word, int index) {
    const struct frozen_tensor *tensor = &source->frozen->tensors[index];
    fprintf(source->out, "#define %s_%s_COUNT %zu\n", source->upper, word,
            frozen_tensor_count(tensor));
    if (tensor->scale_count != 1) return;
    char scale[32];
    snprintf(scale, sizeof scale, "%.9g", (double)tensor->scale[0]); /* 9 digits: every bit */
    fprintf(source->out, "#define %s_%s_SCALE %s%sf\n", source->upper, word, scale,
            strpbrk(scale, ".e") ? "" : ".0");
    fprintf(source->out, "#define %s_%s_ZERO_POINT (%ld)\n", source->upper, word,
            (long)tensor->zero_point[0]);
}

static void print_array(const struct source *source, const char *storage) {
    fprintf(source->out,
            "#if defined(__GNUC__)\n"
            "__attribute__((aligned(16)))\n"
            "#elif defined(__cplusplus)\n"
            "alignas(16)\n"
            "#else\n"
            "_Alignas(16)\n"
            "#endif\n"
            "%sconst unsigned char %s_data[%s_LENGTH] = {",
            storage, source->name, source->upper);
    for (size_t i = 0; i < source->length; i++)
        fprintf(source->out, "%s0x%02x,", i % BYTES_A_LINE ? " " : "\n    ", source->bytes[i]);
    fprintf(source->out, "\n};\n");
}

static void print_header(const struct source *source, enum part part) {
    print_comment(source);
    fprintf(source->out, "#ifndef %s_H\n#define %s_H\n\n", source->upper, source->upper);
    fprintf(source->out, "#define %s_LENGTH %zu\n", source->upper, source->length);
    print_constants(source, "INPUT", source->frozen->input);
    print_constants(source, "OUTPUT", source->frozen->output);
    fprintf(source->out, "\n");
    if (part == PART_HEADER)
        print_array(source, "static ");
    else
        fprintf(source->out,
                "#ifdef __cplusplus\n"
                "extern \"C\" {\n"
                "#endif\n"
                "extern const unsigned char %s_data[%s_LENGTH]; /* aligned to 16 bytes */\n"
                "#ifdef __cplusplus\n"
                "}\n"
                "#endif\n",
                source->name, source->upper);
    fprintf(source->out, "\n#endif\n");
}

/* ---- files ---- */

static enum status write_part(struct source *source, enum part part, const char *path,
                              file_check *check, void *context, struct error *error) {
    char *text = NULL;
    size_t length = 0;
    source->out = open_memstream(&text, &length);
    if (!source->out) return error_memory(error, path, source->length);
    if (part == PART_DATA) {
        fprintf(source->out, "#include \"%s\"\n\n", file_name(source->header));
        print_array(source, "");
    } else {
        print_header(source, part);
    }
    bool failed = ferror(source->out);
    if (fclose(source->out)) failed = true;
    enum status status = failed ? error_memory(error, path, length)
                                : file_replace(path, text, length, check, context, error);
    free(text);
    return status;
}

/* The .c of a pair has been written but not yet named. */
struct pair {
    struct source *source;
    file_check *check;
    void *context;
};

/* The header gets its name first, and only when the array has passed the check. */
static enum status complete_pair(const char *temporary, void *context, struct error *error) {
    const struct pair *pair = context;
    enum status status = pair->check ? pair->check(temporary, pair->context, error) : STATUS_OK;
    if (status) return status;
    return write_part(pair->source, PART_DECLARATIONS, pair->source->header, NULL, NULL, error);
}

enum status csource_write(const char *path, const struct frozen *frozen, const unsigned char *bytes,
                          size_t length, file_check *check, void *context, struct error *error) {
    char kind = ending_of(path);
    if (!kind)
        return error_set(error, STATUS_USAGE, path, "the name of C source must end in .c or .h");
    if (strpbrk(path, "\"\n\\"))
        return error_set(error, STATUS_USAGE, path, "C cannot include a file of such a name");
    struct source source = {.frozen = frozen, .bytes = bytes, .length = length};
    make_identifier(path, source.name);
    for (size_t i = 0; source.name[i]; i++)
        source.upper[i] = (char)toupper((unsigned char)source.name[i]);
    if (kind == 'h') return write_part(&source, PART_HEADER, path, check, context, error);
    source.header = strdup(path);
    if (!source.header) return error_memory(error, path, strlen(path));
    source.header[strlen(source.header) - 1] = 'h';
    struct pair pair = {&source, check, context};
    enum status status = write_part(&source, PART_DATA, path, complete_pair, &pair, error);
    free(source.header);
    return status;
}

/* ---- reading back ---- */

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The elements of the array, written over the text that they are read from; how many there are. */
static size_t read_array(char *text) {
    unsigned char *bytes = (unsigned char *)text;
    size_t count = 0;
    const char *at = strstr(text, "] = {");
    if (!at) return 0;
    while ((at = strstr(at, "0x"))) {
        int high = hex_digit(at[2]), low = high < 0 ? -1 : hex_digit(at[3]);
        if (low < 0) return 0;
        bytes[count++] = (unsigned char)(high * 16 + low);
        at += 4;
    }
    return count;
}

enum status csource_read(const char *path, struct frozen **frozen, struct error *error) {
    unsigned char *text = NULL;
    size_t length;
    *frozen = NULL;
    enum status status = file_read(path, MAX_TEXT_BYTES, &text, &length, error);
    if (!status) status = tflite_parse(text, read_array((char *)text), path, frozen, error);
    free(text);
    return status;
}
