#include "data/idx.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "base/array.h"
#include "data/dataset.h"

#define TYPE_UINT8        0x08
#define MAX_HEADER        20
#define MAX_IMAGE_SIDE    8192
#define MAX_DEFLATE_RATIO 1032 /* zlib's technical notes: no stream expands further */

struct source {
    const char *path;
    gzFile file;
    bool is_compressed;
    size_t stored; /* bytes on disk */
    size_t read;   /* uncompressed bytes so far */
    struct error *error;
};

/* Why gzread returned less than was asked for. */
static enum status short_read(struct source *source, size_t wanted) {
    int number = Z_OK;
    const char *text = gzerror(source->file, &number);
    if (number == Z_ERRNO) return error_errno(source->error, source->path, "cannot read");
    if (number == Z_MEM_ERROR) return error_memory(source->error, source->path, wanted);
    if (number == Z_DATA_ERROR)
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "gzip data is damaged after %zu uncompressed bytes (%s); "
                         "download the file again",
                         source->read, text);
    return error_set(
        source->error, STATUS_FORMAT, source->path,
        "ends after %zu%s bytes, %zu expected; the file is cut short, download it again",
        source->read, source->is_compressed ? " uncompressed" : "", wanted);
}

/* Read exactly `length` bytes; `total` is how long the file should be, for the message. */
static enum status read_bytes(struct source *source, unsigned char *bytes, size_t length,
                              size_t total) {
    while (length) {
        unsigned part = length < (1u << 20) ? (unsigned)length : 1u << 20;
        int got = gzread(source->file, bytes, part);
        if (got > 0) {
            source->read += (size_t)got;
            bytes += got;
            length -= (size_t)got;
        }
        if (got < (int)part) return short_read(source, total);
    }
    return STATUS_OK;
}

static enum status open_source(const char *path, struct source *source, struct error *error) {
    struct stat info;
    memset(source, 0, sizeof *source);
    source->path = path;
    source->error = error;
    if (stat(path, &info)) return error_errno(error, path, "cannot open");
    if (!S_ISREG(info.st_mode)) return error_set(error, STATUS_IO, path, "is not a regular file");
    source->stored = (size_t)info.st_size;
    errno = 0;
    source->file = gzopen(path, "rb");
    if (!source->file)
        return errno ? error_errno(error, path, "cannot open")
                     : error_memory(error, path, sizeof *source);
    source->is_compressed = !gzdirect(source->file);
    return STATUS_OK;
}

static const char *type_name(unsigned type) {
    switch (type) {
    case 0x09:
        return "int8";
    case 0x0B:
        return "int16";
    case 0x0C:
        return "int32";
    case 0x0D:
        return "float32";
    case 0x0E:
        return "float64";
    default:
        return "unknown";
    }
}

/* Labels have one dimension, images three or four. */
static enum status check_magic(const struct source *source, const unsigned char magic[4],
                               bool are_images) {
    bool is_right = are_images ? magic[3] == 3 || magic[3] == 4 : magic[3] == 1;
    if (magic[0] || magic[1])
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "is not an IDX file: bytes 0-1 are %02x %02x, 00 00 expected", magic[0],
                         magic[1]);
    if (magic[2] != TYPE_UINT8)
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "byte 2: elements of type 0x%02x (%s), 0x08 (uint8) expected", magic[2],
                         type_name(magic[2]));
    if (is_right) return STATUS_OK;
    if (are_images && magic[3] == 1)
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "holds labels (byte 3: 1 dimension) where images (3) belong; "
                         "are the files swapped?");
    if (!are_images && (magic[3] == 3 || magic[3] == 4))
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "holds images (byte 3: %u dimensions) where labels (1) belong; "
                         "are the files swapped?",
                         magic[3]);
    return error_set(source->error, STATUS_FORMAT, source->path,
                     "byte 3: %u dimensions, %s expected", magic[3], are_images ? "3 or 4" : "1");
}

static size_t big_endian(const unsigned char *bytes) {
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

static enum status check_sizes(const struct source *source, const unsigned char *header,
                               unsigned dimensions, struct idx *idx) {
    idx->count = big_endian(header + 4);
    if (!idx->count)
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "is empty: the count at byte 4 is 0");
    if (idx->count > MAX_IDX_ITEMS)
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "claims %zu items (byte 4), at most %zu are supported", idx->count,
                         MAX_IDX_ITEMS);
    if (dimensions == 1) return STATUS_OK;
    idx->shape = (struct shape){.rank = 3, .size = {1, 1, 1}};
    for (unsigned i = 0; i + 1 < dimensions; i++) {
        size_t size = big_endian(header + 8 + 4 * i);
        if (!size || size > MAX_IMAGE_SIDE)
            return error_set(source->error, STATUS_FORMAT, source->path,
                             "byte %u: an image with a side of %zu; must be between 1 and %d",
                             8 + 4 * i, size, MAX_IMAGE_SIDE);
        idx->shape.size[i] = (int)size;
    }
    return STATUS_OK;
}

/* Before anything is allocated: can a file of this length hold what its header claims? */
static enum status check_length(const struct source *source, size_t header, size_t body) {
    size_t total = header + body;
    if (!source->is_compressed && source->stored != total)
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "is %zu bytes long, %zu expected from the count at byte 4; the file is %s",
                         source->stored, total,
                         source->stored < total ? "cut short" : "too long or the count is wrong");
    if (source->is_compressed && source->stored < total / MAX_DEFLATE_RATIO)
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "claims %zu bytes of content, more than %zu compressed bytes can hold",
                         total, source->stored);
    return STATUS_OK;
}

/* Reading on to the end of the stream also makes zlib compare its checksum. */
static enum status check_end(struct source *source, size_t total) {
    unsigned char extra;
    int got = gzread(source->file, &extra, 1);
    if (got > 0)
        return error_set(source->error, STATUS_FORMAT, source->path,
                         "continues after the %zu bytes that its count at byte 4 implies", total);
    int number = Z_OK;
    gzerror(source->file, &number);
    if (got < 0 || number == Z_BUF_ERROR) return short_read(source, total + 1);
    return STATUS_OK;
}

static enum status read_file(const char *path, bool are_images, struct idx *idx,
                             struct error *error) {
    struct source source;
    unsigned char header[MAX_HEADER];
    unsigned char *bytes = NULL;
    memset(idx, 0, sizeof *idx);
    enum status status = open_source(path, &source, error);
    if (status) return status;

    status = read_bytes(&source, header, 4, are_images ? 16 : 8);
    if (status) goto done;
    status = check_magic(&source, header, are_images);
    if (status) goto done;
    size_t header_size = 4 + 4 * (size_t)header[3];
    status = read_bytes(&source, header + 4, header_size - 4, header_size);
    if (status) goto done;
    struct idx read = {0};
    status = check_sizes(&source, header, header[3], &read);
    if (status) goto done;
    size_t body;
    if (!size_multiply(read.count, shape_count(&read.shape), &body) || body > MAX_DATASET_BYTES) {
        status =
            error_set(error, STATUS_FORMAT, path, "claims more than %zu bytes", MAX_DATASET_BYTES);
        goto done;
    }
    status = check_length(&source, header_size, body);
    if (status) goto done;
    bytes = malloc(body);
    if (!bytes) {
        status = error_memory(error, path, body);
        goto done;
    }
    status = read_bytes(&source, bytes, body, header_size + body);
    if (status) goto done;
    status = check_end(&source, header_size + body);
    if (status) goto done;
    *idx = read;
    idx->bytes = bytes;
    bytes = NULL;
done:
    free(bytes);
    gzclose(source.file);
    return status;
}

enum status idx_read_labels(const char *path, struct idx *idx, struct error *error) {
    return read_file(path, false, idx, error);
}

enum status idx_read_images(const char *path, struct idx *idx, struct error *error) {
    return read_file(path, true, idx, error);
}
