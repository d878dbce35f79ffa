#include "data/image.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/file.h"

#define BOX_SIDE     20      /* MNIST's digits fit into this box */
#define MIN_CONTRAST 24      /* with less between background and ink, an image shows no digit */
#define MAX_CHUNK    8000000 /* bytes that one chunk of a PNG may allocate */

struct decoder {
    const char *path;
    const unsigned char *bytes;
    size_t length, position;
    png_structp png;
    png_infop info;
    unsigned char *pairs; /* [height][width] grey and alpha */
    png_bytep *rows;
    int width, height;
    char trouble[160];
};

void image_free(struct image *image) {
    free(image->pixels);
    memset(image, 0, sizeof *image);
}

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

/* Have libpng convert any format to 8-bit grey and alpha. */
static void ask_for_grey_and_alpha(struct decoder *decoder) {
    png_structp png = decoder->png;
    png_set_expand(png);
    png_set_scale_16(png);
    if (png_get_color_type(png, decoder->info) & PNG_COLOR_MASK_COLOR)
        png_set_rgb_to_gray(png, PNG_ERROR_ACTION_NONE, PNG_RGB_TO_GRAY_DEFAULT,
                            PNG_RGB_TO_GRAY_DEFAULT);
    png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
    png_set_interlace_handling(png);
    png_read_update_info(png, decoder->info);
}

/* Everything that must survive a longjmp is in *decoder. */
static bool decode(struct decoder *decoder) {
    if (setjmp(png_jmpbuf(decoder->png))) return false;
    png_structp png = decoder->png;
    png_set_read_fn(png, decoder, on_read);
    png_set_user_limits(png, MAX_IMAGE_SIDE, MAX_IMAGE_SIDE);
    png_set_chunk_malloc_max(png, MAX_CHUNK);
    /* libpng allocates what this one announces, whatever the limit. */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep) "eXIf", 1);
    png_read_info(png, decoder->info);
    png_uint_32 width = png_get_image_width(png, decoder->info);
    png_uint_32 height = png_get_image_height(png, decoder->info);
    if ((size_t)width * height > MAX_IMAGE_PIXELS) png_error(png, "it has too many pixels");
    decoder->width = (int)width;
    decoder->height = (int)height;
    ask_for_grey_and_alpha(decoder);
    if (png_get_rowbytes(png, decoder->info) != 2 * (size_t)width)
        png_error(png, "its pixels cannot be made grey");
    decoder->pairs = calloc((size_t)width * height, 2);
    decoder->rows = calloc(height, sizeof *decoder->rows);
    if (!decoder->pairs || !decoder->rows) png_error(png, "out of memory");
    for (png_uint_32 y = 0; y < height; y++)
        decoder->rows[y] = decoder->pairs + 2 * (size_t)width * y;
    png_read_image(png, decoder->rows);
    png_read_end(png, NULL);
    return true;
}

static bool has_contrast(const unsigned char *pixels, size_t count) {
    int lowest = 255, highest = 0;
    for (size_t i = 0; i < count; i++) {
        if (pixels[i] < lowest) lowest = pixels[i];
        if (pixels[i] > highest) highest = pixels[i];
    }
    return highest - lowest >= MIN_CONTRAST;
}

static void compose(const unsigned char *pairs, size_t count, int paper, unsigned char *pixels) {
    for (size_t i = 0; i < count; i++) {
        int grey = pairs[2 * i], alpha = pairs[2 * i + 1];
        pixels[i] = (unsigned char)((grey * alpha + paper * (255 - alpha) + 127) / 255);
    }
}

static enum status decode_bytes(struct decoder *decoder, struct image *image, struct error *error) {
    decoder->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, decoder, on_error, on_warning);
    if (decoder->png) decoder->info = png_create_info_struct(decoder->png);
    if (!decoder->info) return error_memory(error, decoder->path, sizeof *decoder);
    if (!decode(decoder))
        return error_set(error, STATUS_FORMAT, decoder->path, "cannot be read as PNG: %s",
                         decoder->trouble);
    size_t count = (size_t)decoder->width * (size_t)decoder->height;
    image->pixels = malloc(count);
    if (!image->pixels) return error_memory(error, decoder->path, count);
    image->width = decoder->width;
    image->height = decoder->height;
    compose(decoder->pairs, count, 255, image->pixels);
    if (!has_contrast(image->pixels, count)) compose(decoder->pairs, count, 0, image->pixels);
    return STATUS_OK;
}

enum status image_read_png(const char *path, struct image *image, struct error *error) {
    struct decoder decoder = {.path = path};
    unsigned char *bytes = NULL;
    memset(image, 0, sizeof *image);
    enum status status = file_read(path, MAX_IMAGE_FILE, &bytes, &decoder.length, error);
    if (status) return status;
    decoder.bytes = bytes;
    if (decoder.length < 8 || png_sig_cmp(decoder.bytes, 0, 8))
        status = error_set(error, STATUS_FORMAT, path, "is not a PNG file");
    else
        status = decode_bytes(&decoder, image, error);
    png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
    free(decoder.rows);
    free(decoder.pairs);
    free(bytes);
    return status;
}

/* The grey of the background, whether the ink is darker or lighter, and by how much. */
struct ground {
    int background;
    int contrast; /* greys between the background and the strongest ink */
    int noise;    /* how far pixels of the background deviate from it */
    bool is_dark_on_light;
};

static int median(const size_t counts[256]) {
    size_t total = 0, below = 0;
    for (int i = 0; i < 256; i++) total += counts[i];
    for (int i = 0; i < 256; i++) {
        below += counts[i];
        if (2 * below >= total) return i;
    }
    return 255;
}

/* The border, a 28th of the image wide, is taken as background: a digit may touch it, but does not
 * fill it. */
static struct ground find_ground(const struct image *image) {
    size_t rim[256] = {0}, stray[256] = {0};
    int lowest = 255, highest = 0;
    int rim_x = (image->width + 27) / 28, rim_y = (image->height + 27) / 28;
    for (int y = 0; y < image->height; y++) {
        for (int x = 0; x < image->width; x++) {
            int grey = image->pixels[(size_t)y * (size_t)image->width + (size_t)x];
            if (grey < lowest) lowest = grey;
            if (grey > highest) highest = grey;
            if (x < rim_x || y < rim_y || x >= image->width - rim_x || y >= image->height - rim_y)
                rim[grey]++;
        }
    }
    struct ground ground = {.background = median(rim)};
    for (int i = 0; i < 256; i++) stray[abs(i - ground.background)] += rim[i];
    ground.is_dark_on_light = ground.background - lowest > highest - ground.background;
    ground.contrast =
        ground.is_dark_on_light ? ground.background - lowest : highest - ground.background;
    ground.noise = median(stray);
    return ground;
}

bool image_is_dark_on_light(const struct image *image) {
    return find_ground(image).is_dark_on_light;
}

/* ink[height][width]: 0 on the background, 255 where the ink is strongest. */
static unsigned char *find_ink(const struct image *image, const struct ground *ground) {
    size_t count = (size_t)image->width * (size_t)image->height;
    unsigned char *ink = malloc(count);
    if (!ink) return NULL;
    int floor = 3 * ground->noise;
    if (floor > ground->contrast / 2) floor = ground->contrast / 2;
    int span = ground->contrast - floor;
    for (size_t i = 0; i < count; i++) {
        int depth = image->pixels[i] - ground->background;
        if (ground->is_dark_on_light) depth = -depth;
        depth -= floor;
        ink[i] = (unsigned char)(depth <= 0 ? 0 : (depth * 255 + span / 2) / span);
    }
    return ink;
}

/* The bounding box of all ink stronger than `threshold`. */
static void find_box(const unsigned char *ink, int width, int height, int threshold,
                     struct image_report *report) {
    report->left = width;
    report->top = height;
    report->right = report->bottom = 0;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            if (ink[(size_t)y * (size_t)width + (size_t)x] <= threshold) continue;
            if (x < report->left) report->left = x;
            if (y < report->top) report->top = y;
            if (x >= report->right) report->right = x + 1;
            report->bottom = y + 1;
        }
    }
}

/* Centre of mass in pixels, relative to the middle of the first one. */
static void find_centre(const float *ink, int width, int height, double *x, double *y) {
    double mass = 0, moment_x = 0, moment_y = 0;
    for (int row = 0; row < height; row++) {
        for (int column = 0; column < width; column++) {
            double value = (double)ink[row * width + column];
            mass += value;
            moment_x += value * column;
            moment_y += value * row;
        }
    }
    *x = mass > 0 ? moment_x / mass : 0;
    *y = mass > 0 ? moment_y / mass : 0;
}

/* Nearly all of MNIST's digits have a box of exactly 20 in one direction, and their centre of mass
 * in [13.5, 14.5). */
static bool is_mnist_like(const unsigned char *ink, struct image_report *report) {
    float values[DIGIT_PIXELS];
    double x, y;
    int strongest = 0;
    for (int i = 0; i < DIGIT_PIXELS; i++) {
        values[i] = ink[i];
        if (ink[i] > strongest) strongest = ink[i];
    }
    find_box(ink, DIGIT_SIDE, DIGIT_SIDE, 0, report);
    find_centre(values, DIGIT_SIDE, DIGIT_SIDE, &x, &y);
    int width = report->right - report->left, height = report->bottom - report->top;
    int longer = width > height ? width : height;
    return strongest >= 192 && longer >= BOX_SIDE - 2 && longer <= BOX_SIDE &&
           fabs(x - 14) <= 0.6 && fabs(y - 14) <= 0.6;
}

/* Mean of elements [begin, end) of a line whose elements are `step` apart; fractional ends count in
 * proportion. */
static float mean_over(const float *line, size_t step, double begin, double end) {
    double sum = 0;
    for (int i = (int)begin; i < end; i++) {
        double low = begin > i ? begin : i, high = end < i + 1 ? end : i + 1;
        sum += (double)line[(size_t)i * step] * (high - low);
    }
    return (float)(sum / (end - begin));
}

/* Scale the box to out[height][width], the scaled size of the report, by area averaging. */
static enum status scale_box(const unsigned char *ink, const struct image_report *report,
                             float *out, const char *path, struct error *error) {
    int width = report->right - report->left, height = report->bottom - report->top;
    int to_width = report->scaled_width, to_height = report->scaled_height;
    float *line = malloc((size_t)width * sizeof *line);
    float *narrow = malloc((size_t)height * (size_t)to_width * sizeof *narrow);
    if (!line || !narrow) {
        free(line);
        free(narrow);
        return error_memory(error, path, (size_t)height * (size_t)to_width * sizeof *narrow);
    }
    double step_x = (double)width / to_width, step_y = (double)height / to_height;
    for (int y = 0; y < height; y++) {
        const unsigned char *from =
            ink + (size_t)(report->top + y) * (size_t)report->width + report->left;
        for (int x = 0; x < width; x++) line[x] = from[x];
        for (int x = 0; x < to_width; x++)
            narrow[y * to_width + x] =
                mean_over(line, 1, x * step_x, fmin((x + 1) * step_x, width));
    }
    for (int y = 0; y < to_height; y++)
        for (int x = 0; x < to_width; x++)
            out[y * to_width + x] =
                mean_over(narrow + x, (size_t)to_width, y * step_y, fmin((y + 1) * step_y, height));
    free(line);
    free(narrow);
    return STATUS_OK;
}

static int clamp(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}

/* Averaging fades thin strokes, so the strongest ink is brought back to 255. */
static void place(const float *ink, const struct image_report *report,
                  unsigned char digit[DIGIT_PIXELS]) {
    int width = report->scaled_width, height = report->scaled_height;
    float strongest = 0;
    double x, y;
    for (int i = 0; i < width * height; i++)
        if (ink[i] > strongest) strongest = ink[i];
    find_centre(ink, width, height, &x, &y);
    int left = clamp((int)ceil(13.5 - x), 0, DIGIT_SIDE - width);
    int top = clamp((int)ceil(13.5 - y), 0, DIGIT_SIDE - height);
    memset(digit, 0, DIGIT_PIXELS);
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++)
            digit[(top + row) * DIGIT_SIDE + left + column] =
                (unsigned char)(ink[row * width + column] * 255 / strongest + 0.5f);
}

static int scaled_side(int side, int longer) {
    int scaled = (int)(((long)side * BOX_SIDE + longer / 2) / longer);
    return scaled > 0 ? scaled : 1;
}

enum status image_to_digit(const struct image *image, const char *path,
                           unsigned char digit[DIGIT_PIXELS], struct image_report *report,
                           struct error *error) {
    struct image_report found = {.width = image->width, .height = image->height};
    struct ground ground = find_ground(image);
    if (ground.contrast < MIN_CONTRAST)
        return error_set(error, STATUS_FORMAT, path,
                         "is blank: all its pixels are nearly the same; qatop expects a digit on "
                         "a plain background");
    found.is_inverted = ground.is_dark_on_light;
    if (image->width == DIGIT_SIDE && image->height == DIGIT_SIDE) {
        for (int i = 0; i < DIGIT_PIXELS; i++)
            digit[i] =
                (unsigned char)(found.is_inverted ? 255 - image->pixels[i] : image->pixels[i]);
        found.is_unchanged = is_mnist_like(digit, &found);
        found.scaled_width = found.right - found.left;
        found.scaled_height = found.bottom - found.top;
    }
    enum status status = STATUS_OK;
    if (!found.is_unchanged) {
        float scaled[BOX_SIDE * BOX_SIDE];
        unsigned char *ink = find_ink(image, &ground);
        if (!ink) return error_memory(error, path, MAX_IMAGE_PIXELS);
        find_box(ink, image->width, image->height, ground.noise ? 25 : 5, &found);
        int width = found.right - found.left, height = found.bottom - found.top;
        int longer = width > height ? width : height;
        found.scaled_width = scaled_side(width, longer);
        found.scaled_height = scaled_side(height, longer);
        status = scale_box(ink, &found, scaled, path, error);
        if (!status) place(scaled, &found, digit);
        free(ink);
    }
    if (!status && report) *report = found;
    return status;
}
