#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#include "base/file.h"
#include "data/picture.h"

#define NAME_SIZE 64

static void pixels_are_those_of_tensorflow(void **state) {
    (void)state;
    size_t length;
    unsigned char *values = test_read(test_golden("pictures/expected.bin"), &length);
    FILE *file = fopen(test_golden("pictures/expected.txt"), "r");
    assert_non_null(file);
    char name[NAME_SIZE], relative[NAME_SIZE + 16];
    int channels, width, height, count = 0;
    size_t offset;
    while (fscanf(file, "%63s %d %d %d %zu", name, &channels, &width, &height, &offset) == 5) {
        struct error error;
        struct picture picture;
        snprintf(relative, sizeof relative, "pictures/%s", name);
        assert_ok(picture_read(test_golden(relative), channels, &picture, &error), &error);
        assert_int_equal(picture.width, width);
        assert_int_equal(picture.height, height);
        assert_int_equal(picture.channels, channels);
        size_t size = (size_t)(width * height * channels);
        assert_true(offset + size <= length);
        if (memcmp(picture.pixels, values + offset, size)) print_error("it was %s\n", name);
        assert_memory_equal(picture.pixels, values + offset, size);
        free(picture.pixels);
        count++;
    }
    assert_int_equal(count, 64);
    fclose(file);
    free(values);
}

static void copy(const char *from, const char *to, size_t length) {
    struct error error;
    size_t whole;
    unsigned char *bytes = test_read(from, &whole);
    assert_ok(file_replace(to, bytes, length < whole ? length : whole, NULL, NULL, &error), &error);
    free(bytes);
}

static void the_content_tells_the_kind_not_the_name(void **state) {
    (void)state;
    const char *path = test_scratch("photo.png");
    struct error error;
    struct picture picture, want;
    copy(test_golden("pictures/420.jpg"), path, SIZE_MAX);
    assert_int_equal(picture_kind_of_file(path), PICTURE_JPEG);
    assert_ok(picture_read(path, 3, &picture, &error), &error);
    assert_ok(picture_read(test_golden("pictures/420.jpg"), 3, &want, &error), &error);
    assert_memory_equal(picture.pixels, want.pixels, (size_t)(3 * want.width * want.height));
    free(picture.pixels);
    free(want.pixels);
}

static void other_kinds_are_named(void **state) {
    (void)state;
    static const struct {
        const char *head;
        size_t length;
        enum status status;
        const char *text;
    } cases[] = {
        {"BM6\1\0\0\0\0\0\0\0\0", 12, STATUS_UNSUPPORTED,
         "is in BMP format; convert it to PNG or JPEG"},
        {"GIF89a", 6, STATUS_UNSUPPORTED, "is in GIF format; convert it to PNG or JPEG"},
        {"RIFF\1\2\3\4WEBPVP8 ", 16, STATUS_UNSUPPORTED,
         "is in WebP format; convert it to PNG or JPEG"},
        {"\0\0\0\x18"
         "ftypheic\0\0\0\0",
         16, STATUS_UNSUPPORTED, "is in HEIC format; convert it to PNG or JPEG"},
        {"\0\0\0\x18"
         "ftypmif1\0\0\0\0",
         16, STATUS_UNSUPPORTED, "is in HEIC format; convert it to PNG or JPEG"},
        {"\0\0\0\x18"
         "ftypavif\0\0\0\0",
         16, STATUS_UNSUPPORTED, "is in AVIF format; convert it to PNG or JPEG"},
        {"II*\0\1\2\3\4", 8, STATUS_UNSUPPORTED, "is in TIFF format; convert it to PNG or JPEG"},
        {"hello", 5, STATUS_FORMAT, "is neither a PNG nor a JPEG picture"},
        {"", 0, STATUS_FORMAT, "is empty"},
    };
    const char *path = test_scratch("other.jpg");
    struct error error;
    struct picture picture;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(file_replace(path, cases[i].head, cases[i].length, NULL, NULL, &error), &error);
        assert_int_equal(picture_read(path, 3, &picture, &error), cases[i].status);
        assert_string_equal(error.text, cases[i].text);
        assert_string_equal(error.where, path);
        assert_null(picture.pixels);
    }
    assert_int_equal(picture_read("/no/such.png", 1, &picture, &error), STATUS_IO);
    assert_int_equal(picture_read("/", 1, &picture, &error), STATUS_IO);
    assert_int_equal(picture_kind_of_file("/"), PICTURE_UNKNOWN);
    assert_int_equal(picture_kind_of_file("/no/such.png"), PICTURE_UNKNOWN);
}

static const char *const whole_names[] = {
    "pictures/rgb8.png", "pictures/rgba.png",        "pictures/palette.png",
    "pictures/420.jpg",  "pictures/restarts.jpg",    "pictures/grey.jpg",
    "pictures/cmyk.jpg", "pictures/progressive.jpg", "pictures/oriented5.jpg"};
#define WHOLE (sizeof whole_names / sizeof *whole_names)

static void a_picture_that_is_cut_anywhere_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < WHOLE; i++) {
        size_t length;
        unsigned char *bytes = test_read(test_golden(whole_names[i]), &length);
        bool is_jpeg = strstr(whole_names[i], ".jpg") != NULL;
        /* Without the two bytes of the end marker a JPEG with one scan has all its pixels; some
         * encoders add bits after the last one. */
        size_t most = is_jpeg && !strstr(whole_names[i], "progressive") ? length - 3 : length;
        for (size_t cut = 0; cut < most; cut++) {
            struct error error;
            struct picture picture;
            unsigned char *exact = malloc(cut ? cut : 1);
            memcpy(exact, bytes, cut);
            if (!picture_decode(exact, cut, "cut", 3, &picture, &error)) {
                print_error("%s of %zu bytes was read to %zu\n", whole_names[i], length, cut);
                fail();
            }
            assert_null(picture.pixels);
            assert_string_equal(error.where, "cut");
            free(exact);
        }
        free(bytes);
    }
}

static void a_jpeg_without_an_end_marker_is_read(void **state) {
    (void)state;
    size_t length;
    unsigned char *bytes = test_read(test_golden("pictures/420.jpg"), &length);
    struct error error;
    struct picture whole, picture;
    assert_ok(picture_decode(bytes, length, "whole", 3, &whole, &error), &error);
    assert_ok(picture_decode(bytes, length - 2, "most", 3, &picture, &error), &error);
    assert_memory_equal(picture.pixels, whole.pixels, (size_t)(3 * whole.width * whole.height));
    free(whole.pixels);
    free(picture.pixels);
    free(bytes);
}

/* Every flipped byte is either refused or gives a picture within the bounds. */
static void a_damaged_byte_is_refused_or_read(void **state) {
    (void)state;
    for (size_t i = 0; i < WHOLE; i++) {
        size_t length;
        unsigned char *bytes = test_read(test_golden(whole_names[i]), &length);
        for (size_t j = 0; j < length; j++) {
            struct error error;
            struct picture picture;
            bytes[j] ^= 0x41;
            enum status status = picture_decode(bytes, length, "damaged", 1, &picture, &error);
            bytes[j] ^= 0x41;
            if (status) {
                assert_true(status == STATUS_FORMAT);
                assert_null(picture.pixels);
            } else {
                assert_true(picture.width <= MAX_PICTURE_SIDE);
                assert_true(picture.height <= MAX_PICTURE_SIDE);
            }
            free(picture.pixels);
        }
        free(bytes);
    }
}

/* Bytes at 4 and 6 from the frame's start are the height and the width. */
static void a_jpeg_of_hostile_size_is_refused(void **state) {
    (void)state;
    static const unsigned char sizes[][4] = {
        {0xff, 0xff, 0xff, 0xff}, {0x20, 1, 0, 1}, {0, 1, 0x20, 1}, {0x20, 0, 0x20, 0}};
    size_t length;
    unsigned char *bytes = test_read(test_golden("pictures/420.jpg"), &length);
    size_t frame = 0;
    while (bytes[frame] != 0xff || bytes[frame + 1] != 0xc0) frame++;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct error error;
        struct picture picture;
        memcpy(bytes + frame + 5, sizes[i], 4);
        assert_int_equal(picture_decode(bytes, length, "huge", 3, &picture, &error), STATUS_FORMAT);
        assert_true(strstr(error.text, "it has too many pixels") ||
                    strstr(error.text, "Maximum supported image dimension"));
    }
    free(bytes);
}

/* A grey 16x16 JPEG: the 64 frequencies one by one, but for their lowest bit, which follows. */
static unsigned char *make_scans(int scans, unsigned long *length) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg_scan_info script[127];
    unsigned char *bytes = NULL, row[16];
    memset(script, 0, sizeof script);
    for (int i = 0; i < scans; i++) {
        script[i].comps_in_scan = 1;
        script[i].Ss = script[i].Se = i < 64 ? i : i - 63;
        script[i].Ah = i >= 64;
        script[i].Al = i > 0 && i < 64;
    }
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, length);
    jpeg.image_width = jpeg.image_height = 16;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg.scan_info = script;
    jpeg.num_scans = scans;
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < 16; y++) {
        JSAMPROW line = row;
        for (int x = 0; x < 16; x++) row[x] = (unsigned char)(x * y);
        jpeg_write_scanlines(&jpeg, &line, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return bytes;
}

static void a_jpeg_of_many_scans_is_refused(void **state) {
    (void)state;
    struct error error;
    struct picture picture;
    unsigned long length = 0;
    unsigned char *bytes = make_scans(MAX_PICTURE_SCANS, &length);
    assert_ok(picture_decode(bytes, length, "scans", 1, &picture, &error), &error);
    free(picture.pixels);
    free(bytes);
    length = 0;
    bytes = make_scans(127, &length);
    assert_int_equal(picture_decode(bytes, length, "scans", 1, &picture, &error), STATUS_FORMAT);
    assert_string_equal(error.text, "cannot be read as JPEG: it has too many scans");
    free(bytes);
}

static void an_interlaced_png_equals_a_plain_one(void **state) {
    (void)state;
    struct error error;
    struct picture plain, picture;
    const char *path = test_scratch("interlaced.png");
    assert_ok(picture_read(test_golden("pictures/rgb8.png"), 3, &plain, &error), &error);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep rows[64];
    for (int y = 0; y < plain.height; y++) rows[y] = plain.pixels + 3 * plain.width * y;
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)plain.width, (png_uint_32)plain.height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    assert_int_equal(fclose(file), 0);
    assert_ok(picture_read(path, 3, &picture, &error), &error);
    assert_memory_equal(picture.pixels, plain.pixels, (size_t)(3 * plain.width * plain.height));
    free(picture.pixels);
    free(plain.pixels);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pixels_are_those_of_tensorflow),
    cmocka_unit_test(the_content_tells_the_kind_not_the_name),
    cmocka_unit_test(other_kinds_are_named),
    cmocka_unit_test(a_picture_that_is_cut_anywhere_is_refused),
    cmocka_unit_test(a_jpeg_without_an_end_marker_is_read),
    cmocka_unit_test(a_damaged_byte_is_refused_or_read),
    cmocka_unit_test(a_jpeg_of_hostile_size_is_refused),
    cmocka_unit_test(a_jpeg_of_many_scans_is_refused),
    cmocka_unit_test(an_interlaced_png_equals_a_plain_one),
};

TEST_MAIN(tests)
