/* folder: digits as PNG files in folders named for their labels. */
#ifndef DATA_FOLDER_H
#define DATA_FOLDER_H

#include "base/error.h"
#include "data/dataset.h"

/* Read part/{0..9}/NAME.png, label after label, names in byte order; other files are passed over.
 * A 28x28 picture keeps its pixels, but for dark on light turned round; others are reduced as
 * image.h says.  On failure *digits is zeroed. */
enum status folder_read(const char *part, struct digits *digits, struct error *error);

#endif
