/* png: writes greyscale PNG files. */
#ifndef EXPORT_PNG_H
#define EXPORT_PNG_H

#include "base/error.h"

/* Write pixels[height][width], 0 = black, as an 8-bit greyscale PNG.  The file appears whole or not
 * at all. */
enum status png_write_grey(const char *path, const unsigned char *pixels, int width, int height,
                           struct error *error);

#endif
