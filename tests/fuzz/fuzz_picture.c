/* Pictures: PNG and JPEG, as grey and as RGB.  PNG is taken as it is, and with the checksums of its
 * chunks set right, or no mutation would get past them. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "data/picture.h"
#include "fuzz/fuzz.h"

static const char *const seeds[] = {
    "tests/golden/pictures/grey1.png",     "tests/golden/pictures/grey16.png",
    "tests/golden/pictures/rgb16.png",     "tests/golden/pictures/rgb-gamma.png",
    "tests/golden/pictures/rgb-key.png",   "tests/golden/pictures/palette-alpha.png",
    "tests/golden/pictures/rgba.png",      "tests/golden/pictures/oriented.png",
    "tests/golden/pictures/grey.jpg",      "tests/golden/pictures/420.jpg",
    "tests/golden/pictures/422.jpg",       "tests/golden/pictures/progressive.jpg",
    "tests/golden/pictures/restarts.jpg",  "tests/golden/pictures/rgb.jpg",
    "tests/golden/pictures/cmyk.jpg",      "tests/golden/pictures/cmyk-plain.jpg",
    "tests/golden/pictures/oriented5.jpg", "tests/golden/pictures/oriented8.jpg",
    "tests/fuzz/corpus/png/interlaced",    NULL};
const struct fuzz_target fuzz_target = {"picture", seeds, 192};

static void take(const uint8_t *bytes, size_t length, int channels) {
    struct error error;
    struct picture picture;
    unsigned sum = 0;
    enum status status = picture_decode(bytes, length, "file", channels, &picture, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!picture.pixels);
        return;
    }
    fuzz_check(picture.width > 0 && picture.width <= MAX_PICTURE_SIDE);
    fuzz_check(picture.height > 0 && picture.height <= MAX_PICTURE_SIDE);
    fuzz_check(picture.width * picture.height <= MAX_PICTURE_PIXELS);
    fuzz_check(picture.channels == channels);
    /* Each of them is there. */
    for (int i = 0; i < picture.width * picture.height * channels; i++) sum += picture.pixels[i];
    fuzz_check(sum <= 255u * (unsigned)(picture.width * picture.height * channels));
    free(picture.pixels);
}

static size_t big_endian(const uint8_t *bytes) {
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

/* length, type, data, checksum of the last two */
static void repair_checksums(uint8_t *bytes, size_t length) {
    for (size_t at = 8; at + 12 <= length;) {
        size_t data = big_endian(bytes + at);
        if (data > length - at - 12) return;
        uLong sum = crc32(0, bytes + at + 4, (uInt)data + 4);
        for (size_t i = 0; i < 4; i++) bytes[at + 8 + data + i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + data;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    take(bytes, length, 1);
    take(bytes, length, 3);
    if (picture_kind(bytes, length) != PICTURE_PNG) return 0;
    uint8_t *repaired = malloc(length);
    fuzz_check(repaired);
    memcpy(repaired, bytes, length);
    repair_checksums(repaired, length);
    if (memcmp(repaired, bytes, length)) take(repaired, length, 3);
    free(repaired);
    return 0;
}
