/* tflite: reads and writes .tflite files.
 *
 * The reader trusts nothing: every offset, length, index, type and quantization parameter is
 * checked before use, in memory proportional to the file.  The writer gives the same bytes for the
 * same program: 16-byte aligned buffers, names, one signature, description and metadata.
 */
#ifndef TFLITE_TFLITE_H
#define TFLITE_TFLITE_H

#include "tflite/frozen.h"

#define MAX_TFLITE_BYTES ((size_t)256 << 20)

/* `where` names the file in errors; those add the offset, tensor or operator with its index. */
enum status tflite_parse(const unsigned char *bytes, size_t length, const char *where,
                         struct frozen **frozen, struct error *error);
enum status tflite_read(const char *path, struct frozen **frozen, struct error *error);

/* The caller frees *bytes with free(). */
enum status tflite_serialize(const struct frozen *frozen, unsigned char **bytes, size_t *length,
                             struct error *error);

#endif
