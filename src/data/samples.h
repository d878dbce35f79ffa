/* samples: images, or rows of features, all of one shape, with their labels.
 *
 * A struct samples is a view: it is copied freely, and a part of it is another view.  Who owns the
 * memory is said where one is made (dataset.h).
 */
#ifndef DATA_SAMPLES_H
#define DATA_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"
#include "data/preprocessing.h"

#define MAX_CLASSES 1000

enum element { ELEMENT_UINT8, ELEMENT_FLOAT32 };

struct samples {
    size_t count;
    struct shape shape; /* of one */
    enum element element;
    unsigned char *bytes; /* [count][shape] elements, as they are stored */
    uint16_t *labels;     /* [count], each below classes */
    int classes;
    const struct preprocessing *preprocessing; /* to what the model takes */
};

size_t element_size(enum element element);           /* bytes */
size_t samples_bytes(const struct samples *samples); /* of one sample */
const void *samples_at(const struct samples *samples, size_t index);

/* `count` of them from `begin` on. */
struct samples samples_part(const struct samples *samples, size_t begin, size_t count);

/* Whether a model with this input can take them: the same shape, or flattened to its features. */
enum status samples_check_input(const struct samples *samples, const struct shape *input,
                                const char *where, struct error *error);

/* x[count][shape]: what the model takes. */
void samples_to_float(const struct samples *samples, float *x);

#endif
