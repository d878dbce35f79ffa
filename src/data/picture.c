#include "data/picture.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "data/picture_codec.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT      3
#define ENTRY_SIZE      12

enum picture_kind picture_kind(const unsigned char *bytes, size_t length) {
    static const struct {
        enum picture_kind kind;
        unsigned char at, length;
        const char *magic;
    } kinds[] = {
        {PICTURE_PNG, 0, 8, "\x89PNG\r\n\x1a\n"},
        {PICTURE_JPEG, 0, 3, "\xff\xd8\xff"},
        {PICTURE_BMP, 0, 2, "BM"},
        {PICTURE_GIF, 0, 4, "GIF8"},
        {PICTURE_WEBP, 8, 4, "WEBP"},
        {PICTURE_AVIF, 4, 8, "ftypavif"},
        {PICTURE_HEIC, 4, 7, "ftyphei"},
        {PICTURE_HEIC, 4, 7, "ftyphev"},
        {PICTURE_HEIC, 4, 8, "ftypmif1"},
        {PICTURE_HEIC, 4, 8, "ftypmsf1"},
        {PICTURE_TIFF, 0, 4, "II*\0"},
        {PICTURE_TIFF, 0, 4, "MM\0*"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (length >= (size_t)kinds[i].at + kinds[i].length &&
            !memcmp(bytes + kinds[i].at, kinds[i].magic, kinds[i].length))
            return kinds[i].kind;
    return PICTURE_UNKNOWN;
}

enum picture_kind picture_kind_of_file(const char *path) {
    unsigned char head[PICTURE_HEAD];
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return PICTURE_UNKNOWN;
    ssize_t got = !fstat(fd, &info) && S_ISREG(info.st_mode) ? read(fd, head, sizeof head) : -1;
    close(fd);
    return got < 0 ? PICTURE_UNKNOWN : picture_kind(head, (size_t)got);
}

/* ---- orientation ---------------------------------------------------------------------------- */

static unsigned number(const unsigned char *bytes, int size, bool is_big_endian) {
    unsigned value = 0;
    for (int i = 0; i < size; i++) value = value << 8 | bytes[is_big_endian ? i : size - 1 - i];
    return value;
}

int picture_orientation(const unsigned char *exif, size_t length) {
    if (length < 8 || (memcmp(exif, "II*\0", 4) && memcmp(exif, "MM\0*", 4))) return 1;
    bool is_big = *exif == 'M';
    size_t at = number(exif + 4, 4, is_big);
    if (at > length - 2) return 1;
    unsigned count = number(exif + at, 2, is_big);
    at += 2;
    for (unsigned i = 0; i < count && length - at >= ENTRY_SIZE; i++, at += ENTRY_SIZE) {
        if (number(exif + at, 2, is_big) != TAG_ORIENTATION) continue;
        unsigned value = number(exif + at + 8, 2, is_big);
        bool is_valid = number(exif + at + 2, 2, is_big) == TYPE_SHORT && value >= 1 && value <= 8;
        return is_valid ? (int)value : 1;
    }
    return 1;
}

/* Each orientation is an exchange of the axes or none, after a mirroring of either or none. */
static enum status turn(struct picture *picture, int orientation, const char *path,
                        struct error *error) {
    const bool is_exchanged = orientation >= 5;
    const bool is_mirrored_x = orientation == 2 || orientation == 3 || orientation >= 7;
    const bool is_mirrored_y =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const int width = is_exchanged ? picture->height : picture->width;
    const int height = is_exchanged ? picture->width : picture->height;
    const size_t channels = (size_t)picture->channels;
    if (orientation == 1) return STATUS_OK;
    unsigned char *turned = malloc((size_t)width * (size_t)height * channels);
    if (!turned) return error_memory(error, path, (size_t)width * (size_t)height * channels);
    unsigned char *to = turned;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++, to += channels) {
            int from_x = is_exchanged ? y : x, from_y = is_exchanged ? x : y;
            if (is_mirrored_x) from_x = picture->width - 1 - from_x;
            if (is_mirrored_y) from_y = picture->height - 1 - from_y;
            size_t from = (size_t)from_y * (size_t)picture->width + (size_t)from_x;
            memcpy(to, picture->pixels + from * channels, channels);
        }
    }
    free(picture->pixels);
    picture->pixels = turned;
    picture->width = width;
    picture->height = height;
    return STATUS_OK;
}

/* ---- reading -------------------------------------------------------------------------------- */

static enum status refuse_kind(enum picture_kind kind, size_t length, const char *path,
                               struct error *error) {
    static const char *const names[] = {
        [PICTURE_BMP] = "BMP",   [PICTURE_GIF] = "GIF",   [PICTURE_WEBP] = "WebP",
        [PICTURE_HEIC] = "HEIC", [PICTURE_AVIF] = "AVIF", [PICTURE_TIFF] = "TIFF",
    };
    if (!length) return error_set(error, STATUS_FORMAT, path, "is empty");
    if (kind == PICTURE_UNKNOWN)
        return error_set(error, STATUS_FORMAT, path, "is neither a PNG nor a JPEG picture");
    return error_set(error, STATUS_UNSUPPORTED, path, "is in %s format; convert it to PNG or JPEG",
                     names[kind]);
}

enum status picture_decode(const unsigned char *bytes, size_t length, const char *path,
                           int channels, struct picture *picture, struct error *error) {
    qt_assert(channels == 1 || channels == 3);
    *picture = (struct picture){.channels = channels};
    int orientation = 1;
    enum status status;
    enum picture_kind kind = picture_kind(bytes, length);
    if (kind == PICTURE_PNG)
        status = picture_decode_png(bytes, length, path, picture, &orientation, error);
    else if (kind == PICTURE_JPEG)
        status = picture_decode_jpeg(bytes, length, path, picture, &orientation, error);
    else
        status = refuse_kind(kind, length, path, error);
    if (!status) status = turn(picture, orientation, path, error);
    if (status) {
        free(picture->pixels);
        memset(picture, 0, sizeof *picture);
    }
    return status;
}

enum status picture_read(const char *path, int channels, struct picture *picture,
                         struct error *error) {
    unsigned char *bytes = NULL;
    size_t length = 0;
    memset(picture, 0, sizeof *picture);
    enum status status = file_read(path, MAX_PICTURE_FILE, &bytes, &length, error);
    if (status) return status;
    status = picture_decode(bytes, length, path, channels, picture, error);
    free(bytes);
    return status;
}
