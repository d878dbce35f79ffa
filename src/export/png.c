#include "export/png.h"

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/file.h"

struct encoder {
    const char *path;
    const unsigned char *pixels;
    int width, height;
    FILE *file;
    png_structp png;
    png_infop info;
    char trouble[160];
};

static void on_error(png_structp png, png_const_charp text) {
    struct encoder *encoder = png_get_error_ptr(png);
    snprintf(encoder->trouble, sizeof encoder->trouble, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* All that must survive a longjmp lives in *encoder. */
static bool encode(struct encoder *encoder) {
    if (setjmp(png_jmpbuf(encoder->png))) return false;
    png_init_io(encoder->png, encoder->file);
    png_set_IHDR(encoder->png, encoder->info, (png_uint_32)encoder->width,
                 (png_uint_32)encoder->height, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(encoder->png, encoder->info);
    for (int y = 0; y < encoder->height; y++)
        png_write_row(encoder->png, encoder->pixels + (size_t)y * (size_t)encoder->width);
    png_write_end(encoder->png, NULL);
    return true;
}

static enum status write_file(const char *temporary, void *context, struct error *error) {
    struct encoder *encoder = context;
    enum status status = STATUS_OK;
    encoder->file = fopen(temporary, "wbe");
    if (!encoder->file) return error_errno(error, encoder->path, "cannot create");
    encoder->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, encoder, on_error, on_warning);
    if (encoder->png) encoder->info = png_create_info_struct(encoder->png);
    errno = 0;
    if (!encoder->info)
        status = error_memory(error, encoder->path, sizeof *encoder);
    else if (!encode(encoder))
        status = errno ? error_errno(error, encoder->path, "cannot write")
                       : error_set(error, STATUS_USAGE, encoder->path, "cannot be written: %s",
                                   encoder->trouble);
    png_destroy_write_struct(&encoder->png, &encoder->info);
    if (fclose(encoder->file) && !status)
        status = error_errno(error, encoder->path, "cannot write");
    return status;
}

enum status png_write_grey(const char *path, const unsigned char *pixels, int width, int height,
                           struct error *error) {
    struct encoder encoder = {.path = path, .pixels = pixels, .width = width, .height = height};
    if (width < 1 || height < 1)
        return error_set(error, STATUS_USAGE, path, "a picture of %dx%d pixels cannot be written",
                         width, height);
    return file_replace_with(path, write_file, &encoder, error);
}
