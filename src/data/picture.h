/* picture: PNG and JPEG files as 8-bit grey or RGB pixels, the same as Keras makes of them.
 *
 * The content tells what a file is, not its name.  Pixels equal those of tf.image.decode_image with
 * channels=1 or 3 (which Keras' image_dataset_from_directory uses, color_mode "grayscale" and
 * "rgb"): JPEG through libjpeg-turbo's fast integer transform and smooth upsampling, 16 bits cut to
 * 8, colour to grey by .299 R + .587 G + .114 B, of a JPEG by its own luminance.  Three things
 * differ:
 *   - what is transparent is laid on white (TensorFlow shows the colour that is hidden there);
 *   - the orientation that a camera recorded (EXIF, 1 to 8) is heeded, TensorFlow ignores it;
 *   - CMYK can be made grey.
 * A file that ends early or whose pixels are damaged is refused, never filled with grey.
 *
 * Memory: the file's bytes and at most 192 MiB more.
 */
#ifndef DATA_PICTURE_H
#define DATA_PICTURE_H

#include <stddef.h>

#include "base/error.h"

#define MAX_PICTURE_FILE   ((size_t)64 << 20) /* bytes of a file */
#define MAX_PICTURE_SIDE   8192
#define MAX_PICTURE_PIXELS (1 << 24)
#define MAX_PICTURE_SCANS  64 /* of a progressive JPEG; encoders make about 10 */

enum picture_kind {
    PICTURE_UNKNOWN,
    PICTURE_PNG,
    PICTURE_JPEG,
    PICTURE_BMP, /* this one and the following are known, but not read */
    PICTURE_GIF,
    PICTURE_WEBP,
    PICTURE_HEIC,
    PICTURE_AVIF,
    PICTURE_TIFF,
};

#define PICTURE_HEAD 12 /* bytes that tell the kind */

/* The kind by a file's first bytes. */
enum picture_kind picture_kind(const unsigned char *bytes, size_t length);
/* The same for a file; PICTURE_UNKNOWN too when it cannot be read. */
enum picture_kind picture_kind_of_file(const char *path);

struct picture {
    int width, height, channels;
    unsigned char *pixels; /* [height][width][channels]; the caller's, to free() */
};

/* Read a picture; channels is 1 (grey) or 3 (RGB).  On failure *picture is zeroed: STATUS_IO,
 * STATUS_MEMORY, STATUS_FORMAT (no picture, or damaged) or STATUS_UNSUPPORTED (another kind). */
enum status picture_read(const char *path, int channels, struct picture *picture,
                         struct error *error);

/* The same from bytes[length]; `path` is for the message. */
enum status picture_decode(const unsigned char *bytes, size_t length, const char *path,
                           int channels, struct picture *picture, struct error *error);

#endif
