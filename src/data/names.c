#include "data/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define MAX_FILE ((size_t)MAX_NAMES * (MAX_NAMES_BYTES + 2))

void names_free(struct names *names) {
    for (size_t i = 0; i < names->count; i++) free(names->list[i]);
    free(names->list);
    memset(names, 0, sizeof *names);
}

enum status names_add(struct names *names, const char *name, size_t length, const char *where,
                      struct error *error) {
    if (names->count == MAX_NAMES)
        return error_set(error, STATUS_UNSUPPORTED, where, "has more than %d classes", MAX_NAMES);
    if (length > MAX_NAMES_BYTES)
        return error_set(error, STATUS_UNSUPPORTED, where,
                         "has a class name of %zu bytes; at most %d are accepted", length,
                         MAX_NAMES_BYTES);
    if (!(names->count & (names->count - 1))) {
        size_t size = (names->count ? 2 * names->count : 1) * sizeof *names->list;
        char **larger = realloc(names->list, size);
        if (!larger) return error_memory(error, where, size);
        names->list = larger;
    }
    char *copy = strndup(name, length);
    if (!copy) return error_memory(error, where, length + 1);
    names->list[names->count++] = copy;
    return STATUS_OK;
}

size_t names_find(const struct names *names, const char *name) {
    size_t i = 0;
    while (i < names->count && strcmp(names->list[i], name)) i++;
    return i;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum status read_lines(const char *text, const char *end, const char *path,
                              struct names *names, struct error *error) {
    while (end > text && is_blank(end[-1])) end--;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (!line_end) line_end = end;
        const char *first = text, *last = line_end;
        while (first < last && is_blank(*first)) first++;
        while (last > first && is_blank(last[-1])) last--;
        if (first == last)
            return error_set(error, STATUS_FORMAT, path,
                             "line %zu is empty; a class has its name in each line",
                             names->count + 1);
        enum status status = names_add(names, first, (size_t)(last - first), path, error);
        if (status) return status;
        text = line_end < end ? line_end + 1 : end;
    }
    if (names->count) return STATUS_OK;
    return error_set(error, STATUS_FORMAT, path, "holds no class names; one a line is wanted");
}

enum status names_read(const char *path, struct names *names, struct error *error) {
    unsigned char *bytes = NULL;
    size_t length = 0;
    memset(names, 0, sizeof *names);
    enum status status = file_read(path, MAX_FILE, &bytes, &length, error);
    if (status) return status;
    const char *text = (const char *)bytes;
    size_t mark = length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
    if (memchr(text, 0, length))
        status =
            error_set(error, STATUS_FORMAT, path, "is no text; class names are wanted, one a line");
    else
        status = read_lines(text + mark, text + length, path, names, error);
    free(bytes);
    if (status) names_free(names);
    return status;
}
