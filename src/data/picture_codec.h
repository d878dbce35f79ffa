/* picture_codec: the two decoders behind picture.h.
 *
 * Both fill *picture but for its channels, which they are asked for, and give the EXIF block
 * (from its TIFF header on), if there is one, to picture_orientation.  On failure picture->pixels
 * may be allocated; the caller frees it.
 */
#ifndef DATA_PICTURE_CODEC_H
#define DATA_PICTURE_CODEC_H

#include <stddef.h>

#include "base/error.h"
#include "data/picture.h"

enum status picture_decode_png(const unsigned char *bytes, size_t length, const char *path,
                               struct picture *picture, int *orientation, struct error *error);
enum status picture_decode_jpeg(const unsigned char *bytes, size_t length, const char *path,
                                struct picture *picture, int *orientation, struct error *error);

/* The orientation, 1 to 8, that an EXIF block records; 1 when it records none. */
int picture_orientation(const unsigned char *exif, size_t length);

#endif
