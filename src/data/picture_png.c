#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "data/picture_codec.h"

#define MAX_CHUNK 8000000 /* bytes that one chunk may ask for */
#define RED       .299
#define GREEN     .587

/* All that must survive a longjmp lives here. */
struct decoder {
    const unsigned char *bytes;
    size_t length, position;
    png_structp png;
    png_infop info;
    struct picture *picture;
    png_bytep *rows;
    bool has_alpha, is_short_of_memory;
    char trouble[160];
};

static void on_error(png_structp png, png_const_charp text) {
    struct decoder *decoder = png_get_error_ptr(png);
    snprintf(decoder->trouble, sizeof decoder->trouble, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t length) {
    struct decoder *decoder = png_get_io_ptr(png);
    if (length > decoder->length - decoder->position) png_error(png, "the file is cut short");
    memcpy(out, decoder->bytes + decoder->position, length);
    decoder->position += length;
}

/* Have libpng make 8-bit grey or RGB of whatever there is, and alpha if there is any. */
static void choose_form(struct decoder *decoder) {
    png_structp png = decoder->png;
    const int color = png_get_color_type(png, decoder->info), channels = decoder->picture->channels;
    png_set_expand(png);
    png_set_strip_16(png);
    if (color & PNG_COLOR_MASK_COLOR && channels == 1)
        png_set_rgb_to_gray(png, PNG_ERROR_ACTION_NONE, RED, GREEN);
    if (!(color & PNG_COLOR_MASK_COLOR) && channels == 3) png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, decoder->info);
    decoder->has_alpha = png_get_color_type(png, decoder->info) & PNG_COLOR_MASK_ALPHA;
    if (png_get_rowbytes(png, decoder->info) !=
        (size_t)(channels + decoder->has_alpha) * png_get_image_width(png, decoder->info))
        png_error(png, "its pixels are of an unknown form");
}

static bool decode(struct decoder *decoder) {
    if (setjmp(png_jmpbuf(decoder->png))) return false;
    png_structp png = decoder->png;
    png_set_read_fn(png, decoder, on_read);
    png_set_user_limits(png, MAX_PICTURE_SIDE, MAX_PICTURE_SIDE);
    png_set_chunk_malloc_max(png, MAX_CHUNK);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep) "eXIf", 1);
    png_read_info(png, decoder->info);
    const size_t width = png_get_image_width(png, decoder->info);
    const size_t height = png_get_image_height(png, decoder->info);
    if (width * height > MAX_PICTURE_PIXELS) png_error(png, "it has too many pixels");
    choose_form(decoder);
    const size_t row = png_get_rowbytes(png, decoder->info);
    decoder->picture->width = (int)width;
    decoder->picture->height = (int)height;
    decoder->picture->pixels = calloc(height, row);
    decoder->rows = calloc(height, sizeof *decoder->rows);
    if (!decoder->picture->pixels || !decoder->rows) {
        decoder->is_short_of_memory = true;
        return false;
    }
    for (size_t y = 0; y < height; y++) decoder->rows[y] = decoder->picture->pixels + row * y;
    png_read_image(png, decoder->rows);
    png_read_end(png, NULL);
    return true;
}

/* libpng would take the size that an EXIF chunk announces from memory before it reads it, whatever
 * png_set_chunk_malloc_max says.  This is for a file that has been decoded: its chunks are whole.
 */
static int find_orientation(const struct decoder *decoder) {
    for (size_t at = 8; at + 12 <= decoder->position;) {
        size_t length = png_get_uint_32(decoder->bytes + at);
        if (length > decoder->position - at - 12) break;
        if (!memcmp(decoder->bytes + at + 4, "eXIf", 4))
            return picture_orientation(decoder->bytes + at + 8, length);
        at += 12 + length;
    }
    return 1;
}

/* On white, in place. */
static void compose(struct picture *picture) {
    const size_t channels = (size_t)picture->channels;
    const size_t count = (size_t)picture->width * (size_t)picture->height;
    const unsigned char *from = picture->pixels;
    unsigned char *to = picture->pixels;
    for (size_t i = 0; i < count; i++, from += channels + 1) {
        int alpha = from[channels];
        for (size_t c = 0; c < channels; c++)
            *to++ = (unsigned char)((from[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
    unsigned char *smaller = realloc(picture->pixels, count * channels);
    if (smaller) picture->pixels = smaller;
}

enum status picture_decode_png(const unsigned char *bytes, size_t length, const char *path,
                               struct picture *picture, int *orientation, struct error *error) {
    struct decoder decoder = {.bytes = bytes, .length = length, .picture = picture};
    enum status status = STATUS_OK;
    decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, on_error, on_warning);
    if (decoder.png) decoder.info = png_create_info_struct(decoder.png);
    decoder.is_short_of_memory = !decoder.info;
    if (decoder.info && decode(&decoder)) {
        if (decoder.has_alpha) compose(picture);
        *orientation = find_orientation(&decoder);
    } else if (decoder.is_short_of_memory) {
        status = error_memory(error, path, 4 * (size_t)MAX_PICTURE_PIXELS);
    } else {
        status =
            error_set(error, STATUS_FORMAT, path, "cannot be read as PNG: %s", decoder.trouble);
    }
    png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
    free(decoder.rows);
    return status;
}
