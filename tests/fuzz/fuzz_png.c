/* Pictures: read as PNG, and made a digit.  Each input is taken as it is, and with the checksums
 * of its chunks set right, or no mutation would get past them. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "data/image.h"
#include "fuzz/fuzz.h"

static const char *const seeds[] = {"tests/cli/seven.png", "tests/cli/one-blue-on-white.png", NULL};
const struct fuzz_target fuzz_target = {"png", seeds, 192};

static void take(const uint8_t *bytes, size_t length) {
    struct error error;
    struct image image;
    struct image_report report;
    unsigned char digit[DIGIT_PIXELS];
    int strongest = 0;
    const char *path = fuzz_file(bytes, length);
    enum status status = image_read_png(path, &image, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!image.pixels);
        return;
    }
    fuzz_check(image.width > 0 && image.width <= MAX_IMAGE_SIDE);
    fuzz_check(image.height > 0 && image.height <= MAX_IMAGE_SIDE);
    fuzz_check(image.width * image.height <= MAX_IMAGE_PIXELS);
    status = image_to_digit(&image, path, digit, &report, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
    } else {
        for (int i = 0; i < DIGIT_PIXELS; i++)
            if (digit[i] > strongest) strongest = digit[i];
        fuzz_check(strongest > 0);
        fuzz_check(report.left >= 0 && report.left < report.right);
        fuzz_check(report.top >= 0 && report.top < report.bottom);
        fuzz_check(report.right <= image.width && report.bottom <= image.height);
    }
    image_free(&image);
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
    take(bytes, length);
    uint8_t *repaired = malloc(length + 1);
    fuzz_check(repaired);
    memcpy(repaired, bytes, length);
    repair_checksums(repaired, length);
    if (memcmp(repaired, bytes, length)) take(repaired, length);
    free(repaired);
    return 0;
}
