/* summary: a .tflite program as text: signatures, operators with the factors that their integers
 * are scaled by, and tensors with shape, type and quantization.
 */
#ifndef TFLITE_SUMMARY_H
#define TFLITE_SUMMARY_H

#include "tflite/frozen.h"

/* With `channels` also the scale, zero point and factor of each channel.  The caller frees *text
 * with free().  Lines end in '\n' and hold no control characters, whatever the file's names. */
enum status tflite_summary(const struct frozen *frozen, bool channels, char **text,
                           struct error *error);

/* "real = 0.155302 * (q - 12)" for one scale, "real = scale[c] * q, 32 scales 0.001..0.004 along
 * dimension 0" for several, "" for none.  Always NUL-terminated. */
void tflite_formula(const struct frozen_tensor *tensor, char *text, size_t size);

#endif
