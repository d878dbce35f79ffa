#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/file.h"
#include "data/dataset.h"
#include "data/image.h"
#include "export/png.h"

#define DIGITS 100 /* how many test digits each variant is tried on */

static int load_digits(void **state) {
    struct error error;
    static struct dataset dataset;
    if (dataset_load(&dataset, test_asset("mnist-5k"), &error)) return -1;
    *state = &dataset;
    return 0;
}

static int free_digits(void **state) {
    dataset_free(*state);
    return 0;
}

/* Every tenth test digit, so that all labels occur. */
static const unsigned char *digit_at(void **state, int index) {
    const struct dataset *dataset = *state;
    return dataset->test.bytes + (size_t)index * 10 * DIGIT_PIXELS;
}

/* Writes with libpng's plain interface; the rows are in the PNG's own format. */
struct variant {
    int width, height, depth, color, interlace;
    const png_color *palette; /* 256 entries for PNG_COLOR_TYPE_PALETTE */
    size_t row_bytes;
    const unsigned char *rows;
};

static const char *write_variant(const struct variant *variant) {
    const char *path = test_scratch("variant.png");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep *rows = calloc((size_t)variant->height, sizeof *rows);
    unsigned char *bytes = malloc((size_t)variant->height * variant->row_bytes);
    memcpy(bytes, variant->rows, (size_t)variant->height * variant->row_bytes);
    for (int y = 0; y < variant->height; y++) rows[y] = bytes + (size_t)y * variant->row_bytes;
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)variant->width, (png_uint_32)variant->height,
                 variant->depth, variant->color, variant->interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (variant->palette) png_set_PLTE(png, info, variant->palette, 256);
    png_write_info(png, info);
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(bytes);
    free(rows);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void read_digit(const char *path, unsigned char digit[DIGIT_PIXELS],
                       struct image_report *report) {
    struct error error;
    struct image image;
    assert_ok(image_read_png(path, &image, &error), &error);
    assert_ok(image_to_digit(&image, path, digit, report, &error), &error);
    image_free(&image);
}

/* Mean distance of two digits' pixels. */
static double distance(const unsigned char *a, const unsigned char *b) {
    double sum = 0;
    for (int i = 0; i < DIGIT_PIXELS; i++) sum += abs(a[i] - b[i]);
    return sum / DIGIT_PIXELS;
}

static void every_mnist_digit_passes_through_unchanged(void **state) {
    const struct dataset *dataset = *state;
    struct error error;
    for (size_t i = 0; i < dataset->train.count; i++) {
        unsigned char *pixels = dataset->train.bytes + i * DIGIT_PIXELS, got[DIGIT_PIXELS];
        struct image image = {DIGIT_SIDE, DIGIT_SIDE, pixels};
        struct image_report report;
        assert_ok(image_to_digit(&image, "digit", got, &report, &error), &error);
        assert_true(report.is_unchanged);
        assert_memory_equal(got, pixels, DIGIT_PIXELS);
    }
}

static void a_written_digit_reads_back_exactly(void **state) {
    struct error error;
    unsigned char got[DIGIT_PIXELS];
    struct image_report report;
    const char *path = test_scratch("digit.png");
    for (int i = 0; i < DIGITS; i++) {
        const unsigned char *digit = digit_at(state, i);
        assert_ok(png_write_grey(path, digit, DIGIT_SIDE, DIGIT_SIDE, &error), &error);
        read_digit(path, got, &report);
        assert_memory_equal(got, digit, DIGIT_PIXELS);
        assert_false(report.is_inverted);
    }
}

static void dark_on_light_is_turned_round(void **state) {
    unsigned char pixels[DIGIT_PIXELS], got[DIGIT_PIXELS];
    struct image_report report;
    for (int i = 0; i < DIGITS; i++) {
        const unsigned char *digit = digit_at(state, i);
        for (int j = 0; j < DIGIT_PIXELS; j++) pixels[j] = 255 - digit[j];
        read_digit(
            write_variant(&(struct variant){28, 28, 8, PNG_COLOR_TYPE_GRAY, 0, NULL, 28, pixels}),
            got, &report);
        assert_true(report.is_inverted && report.is_unchanged);
        assert_memory_equal(got, digit, DIGIT_PIXELS);
    }
}

/* Ten times as large, dark on light, in the corner of a larger sheet. */
static void a_large_picture_comes_back_as_the_digit(void **state) {
    enum { WIDTH = 500, HEIGHT = 400 };
    unsigned char *sheet = malloc(WIDTH * HEIGHT), got[DIGIT_PIXELS];
    struct image_report report;
    int exact = 0;
    for (int i = 0; i < DIGITS; i++) {
        const unsigned char *digit = digit_at(state, i);
        memset(sheet, 255, WIDTH * HEIGHT);
        for (int y = 0; y < 280; y++)
            for (int x = 0; x < 280; x++)
                sheet[(y + 100) * WIDTH + x + 30] = 255 - digit[y / 10 * 28 + x / 10];
        read_digit(write_variant(&(struct variant){WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_GRAY, 0, NULL,
                                                   WIDTH, sheet}),
                   got, &report);
        assert_true(report.is_inverted);
        assert_false(report.is_unchanged);
        assert_int_equal(report.width, WIDTH);
        assert_int_equal(report.height, HEIGHT);
        assert_true(report.scaled_width == 20 || report.scaled_height == 20);
        /* The box is cut at 2 % of ink, so that a few digits lose a faint rim. */
        assert_near(distance(got, digit), 0, 8);
        if (distance(got, digit) < 1) exact++;
    }
    assert_true(exact >= DIGITS * 9 / 10);
    free(sheet);
}

static void colour_and_alpha_and_depth_do_not_matter(void **state) {
    static const unsigned char ink[3] = {20, 30, 120}, paper[3] = {250, 240, 200};
    unsigned char got[DIGIT_PIXELS];
    static unsigned char rgb[DIGIT_PIXELS * 3], rgba[DIGIT_PIXELS * 4], deep[DIGIT_PIXELS * 2],
        indices[DIGIT_PIXELS];
    png_color palette[256];
    for (int i = 0; i < 256; i++)
        palette[i] = (png_color){(png_byte)(255 - i), (png_byte)(255 - i), (png_byte)(255 - i)};
    for (int i = 0; i < DIGITS; i++) {
        const unsigned char *digit = digit_at(state, i);
        for (int j = 0; j < DIGIT_PIXELS; j++) {
            for (int k = 0; k < 3; k++) {
                rgb[3 * j + k] = (unsigned char)(paper[k] + (ink[k] - paper[k]) * digit[j] / 255);
                rgba[4 * j + k] = 0; /* black ink on nothing */
            }
            rgba[4 * j + 3] = indices[j] = digit[j];
            deep[2 * j] = digit[j];
            deep[2 * j + 1] = digit[j];
        }
        const struct variant variants[] = {
            {28, 28, 8, PNG_COLOR_TYPE_RGB, 0, NULL, 84, rgb},
            {28, 28, 8, PNG_COLOR_TYPE_RGB_ALPHA, 0, NULL, 112, rgba},
            {28, 28, 16, PNG_COLOR_TYPE_GRAY, 0, NULL, 56, deep},
            {28, 28, 8, PNG_COLOR_TYPE_PALETTE, 0, palette, 28, indices},
            {28, 28, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_ADAM7, NULL, 28, digit},
        };
        for (size_t j = 0; j < sizeof variants / sizeof *variants; j++) {
            read_digit(write_variant(&variants[j]), got, NULL);
            if (j)
                assert_memory_equal(got, digit, DIGIT_PIXELS);
            else /* its paper is not white, so that its box is scaled anew */
                assert_near(distance(got, digit), 0, 8);
        }
    }
}

static void white_ink_on_nothing_is_seen(void **state) {
    static unsigned char rgba[DIGIT_PIXELS * 4];
    const unsigned char *digit = digit_at(state, 0);
    unsigned char got[DIGIT_PIXELS];
    memset(rgba, 255, sizeof rgba);
    for (int j = 0; j < DIGIT_PIXELS; j++) rgba[4 * j + 3] = digit[j];
    read_digit(
        write_variant(&(struct variant){28, 28, 8, PNG_COLOR_TYPE_RGB_ALPHA, 0, NULL, 112, rgba}),
        got, NULL);
    assert_memory_equal(got, digit, DIGIT_PIXELS);
}

static void one_bit_pictures_are_read(void **state) {
    (void)state;
    /* 16x16: a bar of 4x8 at (6, 4), white on black. */
    unsigned char rows[32] = {0}, got[DIGIT_PIXELS];
    struct image_report report;
    for (int y = 4; y < 12; y++) {
        rows[2 * y] = 0x03;
        rows[2 * y + 1] = 0xC0;
    }
    read_digit(write_variant(&(struct variant){16, 16, 1, PNG_COLOR_TYPE_GRAY, 0, NULL, 2, rows}),
               got, &report);
    assert_int_equal(report.left, 6);
    assert_int_equal(report.right, 10);
    assert_int_equal(report.top, 4);
    assert_int_equal(report.bottom, 12);
    assert_int_equal(report.scaled_width, 10);
    assert_int_equal(report.scaled_height, 20);
    /* A full bar of 10x20 whose middle (4.5, 9.5) goes to the first place at or after 13.5. */
    for (int y = 0; y < 28; y++)
        for (int x = 0; x < 28; x++)
            assert_int_equal(got[y * 28 + x], x >= 9 && x < 19 && y >= 4 && y < 24 ? 255 : 0);
}

static void an_empty_picture_is_refused(void **state) {
    (void)state;
    struct error error;
    struct image image;
    unsigned char grey[40 * 30], digit[DIGIT_PIXELS];
    for (int i = 0; i < 40 * 30; i++) grey[i] = (unsigned char)(200 + i % 5);
    const char *path = test_scratch("empty.png");
    assert_ok(png_write_grey(path, grey, 40, 30, &error), &error);
    assert_ok(image_read_png(path, &image, &error), &error);
    assert_int_equal(image_to_digit(&image, path, digit, NULL, &error), STATUS_FORMAT);
    assert_string_equal(error.where, path);
    assert_non_null(strstr(error.text, "is blank"));
    image_free(&image);
}

static void a_noisy_photograph_keeps_its_digit(void **state) {
    enum { SIDE = 280 };
    unsigned char *photo = malloc(SIDE * SIDE), got[DIGIT_PIXELS];
    struct error error;
    unsigned noise = 12345;
    for (int i = 0; i < 20; i++) {
        const unsigned char *digit = digit_at(state, i);
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                noise = noise * 1664525u + 1013904223u;
                int paper = 200 + (int)(noise >> 24) % 9 - 4;
                photo[y * SIDE + x] =
                    (unsigned char)(paper - digit[y / 10 * 28 + x / 10] * 150 / 255);
            }
        }
        struct image image = {SIDE, SIDE, photo};
        assert_ok(image_to_digit(&image, "photo", got, NULL, &error), &error);
        assert_near(distance(got, digit), 0, 12);
        assert_int_equal(got[0], 0);
    }
    free(photo);
}

static void extreme_shapes_stay_inside(void **state) {
    (void)state;
    static unsigned char line[8192 * 3];
    unsigned char got[DIGIT_PIXELS], dot[9] = {0, 0, 0, 0, 255, 0, 0, 0, 0};
    struct error error;
    struct image_report report;
    struct image image = {3, 3, dot};
    assert_ok(image_to_digit(&image, "dot", got, &report, &error), &error);
    assert_int_equal(report.scaled_width, 20);
    assert_int_equal(report.scaled_height, 20);
    for (int y = 1; y < 8191; y++) line[3 * y + 1] = 255;
    image = (struct image){3, 8192, line};
    assert_ok(image_to_digit(&image, "line", got, &report, &error), &error);
    assert_int_equal(report.scaled_width, 1);
    assert_int_equal(report.scaled_height, 20);
    image = (struct image){8192, 3, line};
    memset(line, 0, sizeof line);
    for (int x = 1; x < 8191; x++) line[8192 + x] = 255;
    assert_ok(image_to_digit(&image, "line", got, &report, &error), &error);
    assert_int_equal(report.scaled_width, 20);
    assert_int_equal(report.scaled_height, 1);
    image = (struct image){1, 1, dot};
    assert_int_equal(image_to_digit(&image, "one", got, &report, &error), STATUS_FORMAT);
}

static void a_png_that_is_cut_anywhere_is_refused(void **state) {
    struct error error;
    struct image image;
    const char *whole = test_scratch("whole.png"), *cut = test_scratch("cut.png");
    assert_ok(png_write_grey(whole, digit_at(state, 3), 28, 28, &error), &error);
    size_t length;
    unsigned char *bytes = test_read(whole, &length);
    for (size_t i = 0; i < length; i++) {
        assert_ok(file_replace(cut, bytes, i, NULL, NULL, &error), &error);
        assert_int_equal(image_read_png(cut, &image, &error), STATUS_FORMAT);
        assert_null(image.pixels);
        assert_string_equal(error.where, cut);
    }
    free(bytes);
}

/* Every flipped byte is either refused or gives a picture of the same size. */
static void a_png_with_a_damaged_byte_is_refused_or_read(void **state) {
    struct error error;
    struct image image;
    const char *whole = test_scratch("whole.png"), *damaged = test_scratch("damaged.png");
    assert_ok(png_write_grey(whole, digit_at(state, 3), 28, 28, &error), &error);
    size_t length;
    unsigned char *bytes = test_read(whole, &length);
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= 0x41;
        assert_ok(file_replace(damaged, bytes, length, NULL, NULL, &error), &error);
        bytes[i] ^= 0x41;
        if (image_read_png(damaged, &image, &error)) {
            assert_int_equal(error.status, STATUS_FORMAT);
        } else {
            assert_int_equal(image.width * image.height, DIGIT_PIXELS);
            image_free(&image);
        }
    }
    free(bytes);
}

/* An IHDR that asks for far more than the file can hold, with a right checksum. */
static void a_picture_of_hostile_size_is_refused(void **state) {
    (void)state;
    static const struct {
        unsigned width, height;
    } sizes[] = {{0x7fffffff, 0x7fffffff}, {100000, 1}, {8192, 8192}, {0, 10}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char file[41] = {0x89, 'P', 'N', 'G', 13,  10,  26,  10,
                                  0,    0,   0,   13,  'I', 'H', 'D', 'R'};
        for (int k = 0; k < 4; k++) {
            file[16 + k] = (unsigned char)(sizes[i].width >> (24 - 8 * k));
            file[20 + k] = (unsigned char)(sizes[i].height >> (24 - 8 * k));
        }
        file[24] = 8;
        unsigned crc = 0xffffffff;
        for (int j = 12; j < 29; j++) {
            crc ^= file[j];
            for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
        }
        for (int k = 0; k < 4; k++) file[29 + k] = (unsigned char)(~crc >> (24 - 8 * k));
        memcpy(file + 37, "IDAT", 4);
        struct error error;
        struct image image;
        const char *path = test_scratch("hostile.png");
        assert_ok(file_replace(path, file, sizeof file, NULL, NULL, &error), &error);
        assert_int_equal(image_read_png(path, &image, &error), STATUS_FORMAT);
        assert_null(strstr(error.text, "cut short")); /* refused for its size, not later */
    }
}

static void what_is_no_png_is_refused(void **state) {
    (void)state;
    struct error error;
    struct image image;
    assert_int_equal(image_read_png(test_asset("models/mnist_fc.h5"), &image, &error),
                     STATUS_FORMAT);
    assert_string_equal(error.text, "is not a PNG file");
    assert_int_equal(image_read_png("/no/such.png", &image, &error), STATUS_IO);
    assert_int_equal(image_read_png("/", &image, &error), STATUS_IO);
}

static void a_picture_that_cannot_be_written_leaves_nothing(void **state) {
    (void)state;
    struct error error;
    unsigned char pixel = 7;
    assert_int_equal(png_write_grey("/proc/qatop/x.png", &pixel, 1, 1, &error), STATUS_IO);
    assert_int_equal(png_write_grey(test_scratch("x.png"), &pixel, 0, 1, &error), STATUS_USAGE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_mnist_digit_passes_through_unchanged),
    cmocka_unit_test(a_written_digit_reads_back_exactly),
    cmocka_unit_test(dark_on_light_is_turned_round),
    cmocka_unit_test(a_large_picture_comes_back_as_the_digit),
    cmocka_unit_test(colour_and_alpha_and_depth_do_not_matter),
    cmocka_unit_test(white_ink_on_nothing_is_seen),
    cmocka_unit_test(one_bit_pictures_are_read),
    cmocka_unit_test(an_empty_picture_is_refused),
    cmocka_unit_test(a_noisy_photograph_keeps_its_digit),
    cmocka_unit_test(extreme_shapes_stay_inside),
    cmocka_unit_test(a_png_that_is_cut_anywhere_is_refused),
    cmocka_unit_test(a_png_with_a_damaged_byte_is_refused_or_read),
    cmocka_unit_test(a_picture_of_hostile_size_is_refused),
    cmocka_unit_test(what_is_no_png_is_refused),
    cmocka_unit_test(a_picture_that_cannot_be_written_leaves_nothing),
};

int main(int argc, char **argv) {
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, load_digits, free_digits);
}
