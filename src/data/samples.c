#include "data/samples.h"

size_t element_size(enum element element) {
    return element == ELEMENT_UINT8 ? 1 : sizeof(float);
}

size_t samples_bytes(const struct samples *samples) {
    return shape_count(&samples->shape) * element_size(samples->element);
}

const void *samples_at(const struct samples *samples, size_t index) {
    return samples->bytes + index * samples_bytes(samples);
}

struct samples samples_part(const struct samples *samples, size_t begin, size_t count) {
    qt_assert(begin <= samples->count && count <= samples->count - begin);
    struct samples part = *samples;
    part.bytes += begin * samples_bytes(samples);
    if (part.labels) part.labels += begin;
    part.count = count;
    return part;
}

void samples_to_float(const struct samples *samples, float *x) {
    size_t count = samples->count * shape_count(&samples->shape);
    int channels = shape_channels(&samples->shape);
    if (samples->element == ELEMENT_UINT8)
        preprocessing_bytes(samples->preprocessing, channels, count, samples->bytes, x);
    else
        preprocessing_floats(samples->preprocessing, channels, count,
                             (const float *)(const void *)samples->bytes, x);
}

enum status samples_check_input(const struct samples *samples, const struct shape *input,
                                const char *where, struct error *error) {
    char has[64], wants[64];
    struct shape wanted = *input;
    if (wanted.rank == 2) wanted = (struct shape){3, {input->size[0], input->size[1], 1}};
    if (wanted.rank == 1 && shape_count(&samples->shape) == (size_t)wanted.size[0])
        return STATUS_OK;
    if (shape_equal(&samples->shape, &wanted)) return STATUS_OK;
    return error_set(error, STATUS_FORMAT, where, "holds %s; the model takes %s",
                     shape_text(&samples->shape, has), shape_text(input, wants));
}
