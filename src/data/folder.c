#include "data/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/idx.h"
#include "data/image.h"

#define PATH_SIZE 1024

struct reader {
    struct digits *digits;
    size_t room; /* images that fit into the allocation */
    struct error *error;
};

static int is_picture(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && !strcasecmp(entry->d_name + length - 4, ".png");
}

static int in_byte_order(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum status make_room(struct reader *reader, const char *path) {
    struct digits *digits = reader->digits;
    if (digits->count < reader->room) return STATUS_OK;
    if (digits->count == MAX_IDX_ITEMS)
        return error_set(reader->error, STATUS_UNSUPPORTED, path,
                         "is one image too many; at most %zu are supported", MAX_IDX_ITEMS);
    size_t room = reader->room ? 2 * reader->room : 1024;
    unsigned char *images = realloc(digits->images, room * DIGIT_PIXELS);
    if (images) digits->images = images;
    unsigned char *labels = realloc(digits->labels, room);
    if (labels) digits->labels = labels;
    if (!images || !labels) return error_memory(reader->error, path, room * DIGIT_PIXELS);
    reader->room = room;
    return STATUS_OK;
}

static enum status add_picture(struct reader *reader, const char *path, int label) {
    struct digits *digits = reader->digits;
    struct image image;
    enum status status = make_room(reader, path);
    if (!status) status = image_read_png(path, &image, reader->error);
    if (status) return status;
    unsigned char *digit = digits->images + digits->count * DIGIT_PIXELS;
    if (image.width == DIGIT_SIDE && image.height == DIGIT_SIDE) {
        unsigned char mask = image_is_dark_on_light(&image) ? 255 : 0;
        for (int i = 0; i < DIGIT_PIXELS; i++) digit[i] = image.pixels[i] ^ mask;
    } else {
        status = image_to_digit(&image, path, digit, NULL, reader->error);
    }
    image_free(&image);
    if (!status) digits->labels[digits->count++] = (unsigned char)label;
    return status;
}

static enum status read_label(struct reader *reader, const char *part, int label) {
    char folder[PATH_SIZE], path[PATH_SIZE + 256];
    struct dirent **entries = NULL;
    if ((size_t)snprintf(folder, sizeof folder, "%s/%d", part, label) >= sizeof folder)
        return error_set(reader->error, STATUS_USAGE, part, "the folder name is too long");
    int count = scandir(folder, &entries, is_picture, in_byte_order);
    if (count < 0) return error_errno(reader->error, folder, "cannot read the folder");
    enum status status = STATUS_OK;
    for (int i = 0; i < count; i++) {
        if (!status) {
            snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
            status = add_picture(reader, path, label);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

enum status folder_read(const char *part, struct digits *digits, struct error *error) {
    struct reader reader = {.digits = digits, .error = error};
    enum status status = STATUS_OK;
    memset(digits, 0, sizeof *digits);
    for (int label = 0; label < DIGIT_CLASSES && !status; label++)
        status = read_label(&reader, part, label);
    if (!status && !digits->count)
        status = error_set(error, STATUS_FORMAT, part, "has no PNG files in its folders 0 to 9");
    if (!status) return STATUS_OK;
    free(digits->images);
    free(digits->labels);
    memset(digits, 0, sizeof *digits);
    return status;
}
