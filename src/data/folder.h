/* folder: images as PNG files in folders named after their labels. */
#ifndef DATA_FOLDER_H
#define DATA_FOLDER_H

#include "base/error.h"
#include "data/dataset.h"

/* Read part/{0..9}/NAME.png, ordered by label and then by name, in byte order; other files are
 * ignored.  A 28x28 image keeps its pixels, inverted if it is dark on light; others are converted
 * as described in image.h.  On failure *digits is zeroed. */
enum status folder_read(const char *part, struct digits *digits, struct error *error);

#endif
