/* preprocessing: from what a data set stores to what a model takes.
 *
 * Each value x becomes x * scale + offset in float32, a scale and an offset for all channels or one
 * a channel.  Pictures are stored as bytes and stay bytes; a table holds the 256 results.  The
 * exception is `unit`, Keras' x / 255, which divides: multiplying by the float nearest to 1 / 255
 * differs in the last bit.
 */
#ifndef DATA_PREPROCESSING_H
#define DATA_PREPROCESSING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PREPROCESSING_NAME 64
#define MAX_CHANNELS       16 /* with a scale and an offset of their own */

struct preprocessing {
    char name[PREPROCESSING_NAME]; /* as --rescale takes it: "unit", "raw", "signed", "SCALE,OFFSET"
                                    */
    int channels;                  /* 1: the same for all */
    bool divides;                  /* by 255; scale and offset then say the same for people */
    float scale[MAX_CHANNELS], offset[MAX_CHANNELS];
    float table[MAX_CHANNELS][256]; /* of each byte */
};

/* "unit" (0..1), "raw" (as it is), "signed" (bytes to -1..1), "SCALE" or "SCALE,OFFSET". */
enum status preprocessing_parse(struct preprocessing *preprocessing, const char *text,
                                struct error *error);

/* (x * scale + offset - mean) / std for each channel, with what `preprocessing` holds as scale and
 * offset; channels 1 or that of the images.  Every std is above 0. */
enum status preprocessing_normalize(struct preprocessing *preprocessing, int channels,
                                    const float *mean, const float *std, struct error *error);

/* to[count] from bytes or floats whose channel is the index modulo `channels`. */
void preprocessing_bytes(const struct preprocessing *preprocessing, int channels, size_t count,
                         const unsigned char *from, float *to);
void preprocessing_floats(const struct preprocessing *preprocessing, int channels, size_t count,
                          const float *from, float *to);

bool preprocessing_equal(const struct preprocessing *a, const struct preprocessing *b);

/* The least and the greatest value that bytes become. */
void preprocessing_range(const struct preprocessing *preprocessing, float *min, float *max);

#endif
