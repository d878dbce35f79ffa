#include "data/npy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define PREFIX 12 /* bytes before the dict in versions 2.0 and 3.0 */

static const struct {
    char code[3];
    unsigned char size;
    const char *name;
} types[] = {
    [NPY_BOOL] = {"b1", 1, "bool"},       [NPY_INT8] = {"i1", 1, "int8"},
    [NPY_INT16] = {"i2", 2, "int16"},     [NPY_INT32] = {"i4", 4, "int32"},
    [NPY_INT64] = {"i8", 8, "int64"},     [NPY_UINT8] = {"u1", 1, "uint8"},
    [NPY_UINT16] = {"u2", 2, "uint16"},   [NPY_UINT32] = {"u4", 4, "uint32"},
    [NPY_UINT64] = {"u8", 8, "uint64"},   [NPY_FLOAT16] = {"f2", 2, "float16"},
    [NPY_FLOAT32] = {"f4", 4, "float32"}, [NPY_FLOAT64] = {"f8", 8, "float64"},
};

const char *npy_type_name(enum npy_type type) {
    return types[type].name;
}

size_t npy_type_size(enum npy_type type) {
    return types[type].size;
}

const char *npy_shape_text(const struct npy *npy, char *out, size_t size) {
    size_t used = 0;
    snprintf(out, size, "[]");
    for (int i = 0; i < npy->rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "[%zu]", npy->shape[i]);
    return out;
}

/* ---- the header ----------------------------------------------------------------------------- */

struct parser {
    const char *at, *end;
    const char *path, *name;
    struct npy *npy;
    struct error *error;
};

static enum status refuse(const struct parser *parser, const char *what) {
    return error_set(parser->error, STATUS_FORMAT, parser->path, "'%s' has a damaged header: %s",
                     parser->name, what);
}

static void skip_spaces(struct parser *parser) {
    while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\n')) parser->at++;
}

static bool take(struct parser *parser, const char *text) {
    skip_spaces(parser);
    size_t length = strlen(text);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, text, length))
        return false;
    parser->at += length;
    return true;
}

/* A string in either kind of quotes, without escapes. */
static bool take_string(struct parser *parser, char *out, size_t size) {
    skip_spaces(parser);
    if (parser->at == parser->end || (*parser->at != '\'' && *parser->at != '"')) return false;
    const char *start = parser->at + 1;
    const char *close = memchr(start, *parser->at, (size_t)(parser->end - start));
    if (!close || (size_t)(close - start) >= size || memchr(start, '\\', (size_t)(close - start)))
        return false;
    memcpy(out, start, (size_t)(close - start));
    out[close - start] = 0;
    parser->at = close + 1;
    return true;
}

static bool take_size(struct parser *parser, size_t *value) {
    const char *start;
    skip_spaces(parser);
    *value = 0;
    for (start = parser->at; parser->at < parser->end; parser->at++) {
        char c = *parser->at;
        if (c < '0' || c > '9') break;
        if (!size_multiply(*value, 10, value) || *value > SIZE_MAX - 9) return false;
        *value += (size_t)(c - '0');
    }
    if (parser->at == start) return false;
    take(parser, "L"); /* Python 2 wrote its long integers so */
    return true;
}

static enum status parse_descr(struct parser *parser) {
    char descr[32];
    skip_spaces(parser);
    if (parser->at < parser->end && (*parser->at == '[' || *parser->at == '('))
        return error_set(parser->error, STATUS_UNSUPPORTED, parser->path,
                         "'%s' is a structured array; save each of its fields as an array",
                         parser->name);
    if (!take_string(parser, descr, sizeof descr)) return refuse(parser, "'descr' is no string");
    const char *code = strchr("<>|=", descr[0]) && descr[0] ? descr + 1 : descr;
    if (*code == 'O')
        return error_set(parser->error, STATUS_UNSUPPORTED, parser->path,
                         "'%s' holds Python objects, which are not read for safety; save numbers: "
                         "np.savez(FILE, %s=np.asarray(x, 'uint8'))",
                         parser->name, parser->name);
    if (*code == 'U' || *code == 'S')
        return error_set(parser->error, STATUS_UNSUPPORTED, parser->path,
                         "'%s' holds text; save the index of each class: "
                         "np.unique(x, return_inverse=True)[1]",
                         parser->name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(code, types[i].code)) continue;
        const uint16_t one = 1;
        bool is_big_host = !*(const unsigned char *)&one;
        if (types[i].size > 1 && (code == descr || descr[0] == '|')) break;
        parser->npy->type = (enum npy_type)i;
        parser->npy->is_big_endian =
            types[i].size > 1 && (descr[0] == '>' || (descr[0] == '=' && is_big_host));
        return STATUS_OK;
    }
    return error_set(parser->error, STATUS_UNSUPPORTED, parser->path,
                     "'%s' has elements of type '%s'; save it as uint8, float32 or an integer type",
                     parser->name, descr);
}

static enum status parse_shape(struct parser *parser) {
    struct npy *npy = parser->npy;
    if (!take(parser, "(")) return refuse(parser, "'shape' is no tuple");
    npy->rank = 0;
    while (!take(parser, ")")) {
        size_t extent;
        if (!take_size(parser, &extent)) return refuse(parser, "'shape' is not made of sizes");
        if (npy->rank == MAX_NPY_RANK)
            return error_set(parser->error, STATUS_UNSUPPORTED, parser->path,
                             "'%s' has more than %d dimensions; images are [count][height][width] "
                             "or [count][height][width][channels]",
                             parser->name, MAX_NPY_RANK);
        npy->shape[npy->rank++] = extent;
        bool is_followed = take(parser, ",");
        if (take(parser, ")")) {
            if (npy->rank == 1 && !is_followed) return refuse(parser, "'shape' is no tuple");
            return STATUS_OK;
        }
        if (!is_followed) return refuse(parser, "'shape' is not made of sizes");
    }
    return npy->rank ? refuse(parser, "'shape' is not made of sizes") : STATUS_OK;
}

static enum status parse_order(struct parser *parser) {
    if (take(parser, "True"))
        parser->npy->is_fortran = true;
    else if (take(parser, "False"))
        parser->npy->is_fortran = false;
    else
        return refuse(parser, "'fortran_order' is neither True nor False");
    return STATUS_OK;
}

static enum status parse_dict(struct parser *parser) {
    static const struct {
        const char *key;
        enum status (*parse)(struct parser *);
    } fields[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
    unsigned seen = 0;
    char key[16];
    if (!take(parser, "{")) return refuse(parser, "it is no dict");
    while (!take(parser, "}")) {
        size_t i = 0;
        if (!take_string(parser, key, sizeof key)) return refuse(parser, "a key is expected");
        while (i < 3 && strcmp(key, fields[i].key)) i++;
        if (i == 3 || seen & 1u << i) return refuse(parser, "it has a key that does not belong");
        seen |= 1u << i;
        if (!take(parser, ":")) return refuse(parser, "a colon is missing");
        enum status status = fields[i].parse(parser);
        if (status) return status;
        if (take(parser, ",")) continue;
        if (!take(parser, "}")) return refuse(parser, "a comma is missing");
        break;
    }
    skip_spaces(parser);
    if (parser->at != parser->end) return refuse(parser, "something follows the dict");
    return seen == 7 ? STATUS_OK : refuse(parser, "'descr', 'fortran_order' or 'shape' is missing");
}

static enum status count_elements(struct parser *parser) {
    struct npy *npy = parser->npy;
    size_t bytes = npy_type_size(npy->type), ignored;
    /* Without the zeros, so that no order of the factors hides an overflow. */
    for (int i = 0; i < npy->rank; i++)
        if (npy->shape[i] && !size_multiply(bytes, npy->shape[i], &bytes))
            return refuse(parser, "its 'shape' is impossibly large");
    if (!size_multiply(bytes, sizeof(int64_t), &ignored))
        return refuse(parser, "its 'shape' is impossibly large");
    npy->count = 1;
    for (int i = 0; i < npy->rank; i++) npy->count *= npy->shape[i];
    return STATUS_OK;
}

enum status npy_parse(const unsigned char *bytes, size_t length, struct npy *npy, size_t *header,
                      const char *path, const char *name, struct error *error) {
    struct parser parser = {.path = path, .name = name, .npy = npy, .error = error};
    memset(npy, 0, sizeof *npy);
    for (int i = 0; i < MAX_NPY_RANK; i++) npy->shape[i] = 1;
    if (length < PREFIX || memcmp(bytes, "\x93NUMPY", 6))
        return error_set(error, STATUS_FORMAT, path, "'%s' is no array that NumPy saved", name);
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7])
        return error_set(error, STATUS_UNSUPPORTED, path,
                         "'%s' is in version %d.%d of NumPy's format; 1.0 to 3.0 are supported",
                         name, bytes[6], bytes[7]);
    size_t start = bytes[6] == 1 ? PREFIX - 2 : PREFIX, size = bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1) size |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (size > MAX_NPY_HEADER - PREFIX)
        return refuse(&parser, "it is far longer than any that NumPy writes");
    if (size > length - start) return refuse(&parser, "it is cut short");
    parser.at = (const char *)bytes + start;
    parser.end = parser.at + size;
    *header = start + size;
    enum status status = parse_dict(&parser);
    return status ? status : count_elements(&parser);
}

/* ---- the elements --------------------------------------------------------------------------- */

static void swap_bytes(unsigned char *data, size_t count, size_t size) {
    for (size_t i = 0; i < count; i++, data += size) {
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char byte = data[low];
            data[low] = data[high];
            data[high] = byte;
        }
    }
}

/* to[a][b][c][d] from from[d][c][b][a], the shape being that of `to`. */
static void reverse_axes(const struct npy *npy, const unsigned char *from, unsigned char *to) {
    const size_t size = npy_type_size(npy->type), *shape = npy->shape;
    for (size_t a = 0; a < shape[0]; a++)
        for (size_t b = 0; b < shape[1]; b++)
            for (size_t c = 0; c < shape[2]; c++)
                for (size_t d = 0; d < shape[3]; d++, to += size)
                    memcpy(to, from + size * (a + shape[0] * (b + shape[1] * (c + shape[2] * d))),
                           size);
}

enum status npy_arrange(struct npy *npy, const char *path, struct error *error) {
    const uint16_t one = 1;
    bool is_big_host = !*(const unsigned char *)&one;
    size_t size = npy_type_size(npy->type);
    if (npy->is_big_endian != is_big_host) swap_bytes(npy->data, npy->count, size);
    npy->is_big_endian = false;
    if (npy->is_fortran && npy->rank > 1 && npy->count) {
        unsigned char *arranged = malloc(npy->count * size);
        if (!arranged) return error_memory(error, path, npy->count * size);
        reverse_axes(npy, npy->data, arranged);
        free(npy->data);
        npy->data = arranged;
    }
    npy->is_fortran = false;
    return STATUS_OK;
}

static float half_to_float(uint16_t half) {
    int exponent = half >> 10 & 31, fraction = half & 1023;
    float size = exponent == 31 ? (fraction ? NAN : INFINITY)
                 : exponent     ? ldexpf((float)(fraction + 1024), exponent - 25)
                                : ldexpf((float)fraction, -24);
    return half & 0x8000 ? -size : size;
}

/* Element `index` of type `type`, which may stand at any address. */
#define AT(type)                                                                                   \
    type value;                                                                                    \
    memcpy(&value, (const unsigned char *)npy->data + index * sizeof value, sizeof value)

static double real_number(const struct npy *npy, size_t index) {
    if (npy->type == NPY_FLOAT64) {
        AT(double);
        return value;
    }
    if (npy->type == NPY_FLOAT32) {
        AT(float);
        return (double)value;
    }
    AT(uint16_t);
    return (double)half_to_float(value);
}

/* Of the integer types but uint64. */
static int64_t whole_number(const struct npy *npy, size_t index) {
    switch (npy->type) {
    case NPY_BOOL: {
        AT(uint8_t);
        return value != 0;
    }
    case NPY_INT8: {
        AT(int8_t);
        return value;
    }
    case NPY_INT16: {
        AT(int16_t);
        return value;
    }
    case NPY_INT32: {
        AT(int32_t);
        return value;
    }
    case NPY_UINT8: {
        AT(uint8_t);
        return value;
    }
    case NPY_UINT16: {
        AT(uint16_t);
        return value;
    }
    case NPY_UINT32: {
        AT(uint32_t);
        return value;
    }
    default: {
        AT(int64_t);
        return value;
    }
    }
}

double npy_number(const struct npy *npy, size_t index) {
    if (npy->type >= NPY_FLOAT16) return real_number(npy, index);
    if (npy->type != NPY_UINT64) return (double)whole_number(npy, index);
    AT(uint64_t);
    return (double)value;
}

bool npy_integer(const struct npy *npy, size_t index, int64_t *integer) {
    if (npy->type >= NPY_FLOAT16) {
        double number = real_number(npy, index);
        if (!(fabs(number) <= 9007199254740992.0) || number != nearbyint(number)) return false;
        *integer = (int64_t)number;
        return true;
    }
    if (npy->type == NPY_UINT64) {
        AT(uint64_t);
        if (value > INT64_MAX) return false;
        *integer = (int64_t)value;
        return true;
    }
    *integer = whole_number(npy, index);
    return true;
}

bool npy_fits_bytes(const struct npy *npy) {
    if (npy->type >= NPY_FLOAT16) return false;
    if (npy->type == NPY_UINT8 || npy->type == NPY_BOOL) return true;
    for (size_t i = 0; i < npy->count; i++) {
        int64_t value;
        if (!npy_integer(npy, i, &value) || value < 0 || value > 255) return false;
    }
    return true;
}

/* Forward, so that smaller elements may replace larger ones where they stand. */
static void convert(const struct npy *npy, enum npy_type type, unsigned char *to) {
    for (size_t i = 0; i < npy->count; i++) {
        if (type == NPY_UINT8) {
            to[i] = (unsigned char)whole_number(npy, i);
        } else {
            float value = (float)npy_number(npy, i);
            memcpy(to + i * sizeof value, &value, sizeof value);
        }
    }
}

enum status npy_convert(struct npy *npy, enum npy_type type, const char *path,
                        struct error *error) {
    size_t from = npy_type_size(npy->type), to = npy_type_size(type);
    qt_assert(type == NPY_UINT8 || type == NPY_FLOAT32);
    if (npy->type == type) return STATUS_OK;
    if (to <= from) {
        convert(npy, type, npy->data);
        void *smaller = realloc(npy->data, npy->count ? npy->count * to : 1);
        if (smaller) npy->data = smaller;
    } else {
        unsigned char *larger = malloc(npy->count ? npy->count * to : 1);
        if (!larger) return error_memory(error, path, npy->count * to);
        convert(npy, type, larger);
        free(npy->data);
        npy->data = larger;
    }
    npy->type = type;
    return STATUS_OK;
}
