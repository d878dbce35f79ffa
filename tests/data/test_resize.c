#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "data/resize.h"

/* The picture of make_resize.py. */
static unsigned char *make_picture(const struct resize *size) {
    size_t count = (size_t)size->height * (size_t)size->width * (size_t)size->channels;
    unsigned char *bytes = malloc(count);
    assert_non_null(bytes);
    for (uint32_t i = 0; i < count; i++) bytes[i] = (unsigned char)((i * i * 31 + i * 7 + 3) >> 3);
    return bytes;
}

static void results_are_tensorflows_to_the_bit(void **state) {
    (void)state;
    FILE *file = fopen(test_golden("resize.txt"), "r");
    assert_non_null(file);
    struct resize size;
    char floats_want[SHA256_HEX], bytes_want[SHA256_HEX], got[SHA256_HEX];
    float some[5];
    int lines = 0;
    while (fscanf(file, "%d %d %d %d %d %64s %64s %a %a %a %a %a", &size.height, &size.width,
                  &size.channels, &size.to_height, &size.to_width, floats_want, bytes_want, some,
                  some + 1, some + 2, some + 3, some + 4) == 12) {
        struct error error;
        size_t count = (size_t)(size.to_height * size.to_width * size.channels);
        unsigned char *picture = make_picture(&size), *bytes = malloc(count);
        float *floats = malloc(count * sizeof *floats);
        assert_ok(resize_to_floats(&size, picture, floats, "picture", &error), &error);
        for (size_t i = 0; i < 5; i++) assert_near(floats[i * (count - 1) / 4], some[i], 0);
        sha256_hex(floats, count * sizeof *floats, got);
        assert_string_equal(got, floats_want);
        assert_ok(resize_to_bytes(&size, picture, bytes, "picture", &error), &error);
        sha256_hex(bytes, count, got);
        assert_string_equal(got, bytes_want);
        free(picture);
        free(bytes);
        free(floats);
        lines++;
    }
    assert_int_equal(lines, 38);
    fclose(file);
}

static void halves_are_rounded_to_even(void **state) {
    (void)state;
    /* 3 to 2 shows the places 1/4 and 7/4: of 0, 2, 4 the values .5 and 3.5. */
    static const unsigned char from[] = {0, 2, 4, 2, 4, 6};
    static const unsigned char want[] = {0, 4, 2, 6};
    unsigned char got[4];
    struct error error;
    struct resize size = {2, 3, 2, 2, 1};
    assert_ok(resize_to_bytes(&size, from, got, "picture", &error), &error);
    assert_memory_equal(got, want, 4);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(results_are_tensorflows_to_the_bit),
    cmocka_unit_test(halves_are_rounded_to_even),
};

TEST_MAIN(tests)
