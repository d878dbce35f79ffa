/* summary: a .tflite program as text: the file's signatures, its operators, then its tensors with
 * shape, type and what a quantized value means, and for each operator the factor that its integers
 * are scaled by.
 */
#ifndef TFLITE_SUMMARY_H
#define TFLITE_SUMMARY_H

#include "tflite/frozen.h"

/* With `channels` also every scale, zero point and factor of what has several.  *text is for
 * free(); lines end in '\n' and hold no control characters, whatever the names in the file are. */
enum status tflite_summary(const struct frozen *frozen, bool channels, char **text,
                           struct error *error);

/* "real = 0.155302 * (q - 12)" for one scale, "real = scale[c] * q, 32 scales 0.001..0.004 along
 * dimension 0" for several, "" for none.  Always NUL-terminated. */
void tflite_formula(const struct frozen_tensor *tensor, char *text, size_t size);

#endif
