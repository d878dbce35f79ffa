#include "data/picture_sample.h"

#include <stdlib.h>

#include "data/image.h"
#include "data/picture.h"
#include "data/resize.h"

enum status picture_sample_shape(const struct shape *input, const char *where, struct shape *shape,
                                 struct error *error) {
    char text[64];
    *shape = *input;
    if (input->rank == 3 && (input->size[2] == 1 || input->size[2] == 3)) return STATUS_OK;
    if (input->rank == 2) {
        *shape = (struct shape){3, {input->size[0], input->size[1], 1}};
        return STATUS_OK;
    }
    for (int channels = 1; input->rank == 1 && channels <= 3; channels += 2)
        for (int side = 1; side * side * channels <= input->size[0]; side++)
            if (side * side * channels == input->size[0]) {
                *shape = (struct shape){3, {side, side, channels}};
                return STATUS_OK;
            }
    return error_set(error, STATUS_UNSUPPORTED, where,
                     "the model takes %s, which is not a grey or RGB image",
                     shape_text(input, text));
}

bool picture_sample_may_be_digit(const struct shape *shape, int classes) {
    return classes == DIGIT_CLASSES && shape->size[0] == DIGIT_SIDE &&
           shape->size[1] == DIGIT_SIDE && shape->size[2] == 1;
}

/* image_read_png sees to it that white ink on a transparent ground does not vanish. */
static enum status read_grey(const char *path, struct image *image, struct error *error) {
    struct picture picture;
    if (picture_kind_of_file(path) == PICTURE_PNG) return image_read_png(path, image, error);
    enum status status = picture_read(path, 1, &picture, error);
    *image = (struct image){picture.width, picture.height, picture.pixels};
    return status;
}

static enum status read_digit(const char *path, bool as_is, unsigned char *to,
                              struct error *error) {
    struct image image;
    enum status status = read_grey(path, &image, error);
    if (status) return status;
    if (as_is && image.width == DIGIT_SIDE && image.height == DIGIT_SIDE) {
        unsigned char mask = image_is_dark_on_light(&image) ? 255 : 0;
        for (int i = 0; i < DIGIT_PIXELS; i++) to[i] = image.pixels[i] ^ mask;
    } else {
        status = image_to_digit(&image, path, to, NULL, error);
    }
    image_free(&image);
    return status;
}

static enum status read_resized(const char *path, const struct shape *shape, unsigned char *to,
                                struct error *error) {
    struct picture picture;
    enum status status = picture_read(path, shape->size[2], &picture, error);
    if (status) return status;
    const struct resize resize = {picture.height, picture.width, shape->size[0], shape->size[1],
                                  shape->size[2]};
    status = resize_to_bytes(&resize, picture.pixels, to, path, error);
    free(picture.pixels);
    return status;
}

enum status picture_sample_read(const char *path, const struct shape *shape, enum picture_fit fit,
                                unsigned char *to, struct error *error) {
    if (fit == PICTURE_RESIZE) return read_resized(path, shape, to, error);
    return read_digit(path, fit == PICTURE_DIGIT_AS_IS, to, error);
}
