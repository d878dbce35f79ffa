/* csource: a .tflite program as C source, for TensorFlow Lite for Microcontrollers.
 *
 * A name that ends in .h gets one header that holds everything, as a static array for the one file
 * that includes it; a name that ends in .c gets the array, with a header of the same name beside
 * it.  Both are C11 and C++11.  Names begin with the file's, without folder and ending: what C does
 * not allow becomes '_', and "model_" comes first where there is no letter.  For model_int8.h:
 *
 *   model_int8_data           const unsigned char[], aligned to 16 bytes
 *   MODEL_INT8_LENGTH         its bytes
 *   MODEL_INT8_INPUT_COUNT    values of the input; _OUTPUT_COUNT of the output
 *   MODEL_INT8_INPUT_SCALE    and _INPUT_ZERO_POINT, _OUTPUT_SCALE, _OUTPUT_ZERO_POINT:
 *                             real = scale * (q - zero point); left out for float32
 *
 * The same program under the same name gives the same text.
 */
#ifndef EXPORT_CSOURCE_H
#define EXPORT_CSOURCE_H

#include "base/file.h"
#include "tflite/frozen.h"

/* `bytes` are the .tflite that `frozen` was read from; `path` ends in .c or .h.  Each file appears
 * whole or not at all, and none before `check` (may be NULL) has seen the one with the array; of a
 * pair the header comes first. */
enum status csource_write(const char *path, const struct frozen *frozen, const unsigned char *bytes,
                          size_t length, file_check *check, void *context, struct error *error);

/* The program in the array of a file that csource_write has written. */
enum status csource_read(const char *path, struct frozen **frozen, struct error *error);

#endif
