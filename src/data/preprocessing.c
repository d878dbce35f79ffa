#include "data/preprocessing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"

static void fill_table(struct preprocessing *preprocessing) {
    for (int c = 0; c < preprocessing->channels; c++)
        for (int i = 0; i < 256; i++)
            preprocessing->table[c][i] =
                preprocessing->divides
                    ? (float)i / 255.0f
                    : (float)i * preprocessing->scale[c] + preprocessing->offset[c];
}

static bool parse_number(const char *text, char **end, float *number) {
    *number = strtof(text, end);
    return *end != text && isfinite(*number);
}

enum status preprocessing_parse(struct preprocessing *preprocessing, const char *text,
                                struct error *error) {
    static const struct {
        const char *name;
        float scale, offset;
    } named[] = {
        {"unit", 1 / 255.0f, 0},
        {"raw", 1, 0},
        {"signed", 1 / 127.5f, -1},
    };
    *preprocessing = (struct preprocessing){.channels = 1};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (strcmp(text, named[i].name)) continue;
        preprocessing->scale[0] = named[i].scale;
        preprocessing->offset[0] = named[i].offset;
        preprocessing->divides = i == 0;
    }
    if (!preprocessing->scale[0]) {
        char *end;
        bool is_right = parse_number(text, &end, &preprocessing->scale[0]);
        if (is_right && *end == ',')
            is_right = parse_number(end + 1, &end, &preprocessing->offset[0]);
        if (!is_right || *end || !preprocessing->scale[0] ||
            strlen(text) >= sizeof preprocessing->name)
            return error_set(error, STATUS_USAGE, "--rescale",
                             "'%s' is not unit, raw, signed, SCALE or SCALE,OFFSET", text);
    }
    snprintf(preprocessing->name, sizeof preprocessing->name, "%s", text);
    fill_table(preprocessing);
    return STATUS_OK;
}

enum status preprocessing_normalize(struct preprocessing *preprocessing, int channels,
                                    const float *mean, const float *std, struct error *error) {
    if (channels < 1 || channels > MAX_CHANNELS)
        return error_set(error, STATUS_USAGE, "--mean", "%d channels; at most %d have their own",
                         channels, MAX_CHANNELS);
    struct preprocessing made = *preprocessing;
    for (int c = 0; c < channels; c++) {
        if (!(std[c] > 0) || !isfinite(std[c]))
            return error_set(error, STATUS_USAGE, "--std", "%g is not above 0", (double)std[c]);
        made.scale[c] = preprocessing->scale[0] / std[c];
        made.offset[c] = (preprocessing->offset[0] - mean[c]) / std[c];
        if (!isfinite(made.scale[c]) || !isfinite(made.offset[c]))
            return error_set(error, STATUS_USAGE, "--mean",
                             "%g and a deviation of %g do not give finite values", (double)mean[c],
                             (double)std[c]);
    }
    made.channels = channels;
    made.divides = false;
    *preprocessing = made;
    fill_table(preprocessing);
    return STATUS_OK;
}

void preprocessing_bytes(const struct preprocessing *preprocessing, int channels, size_t count,
                         const unsigned char *from, float *to) {
    if (preprocessing->divides) {
        pixels_to_float(count, from, to);
        return;
    }
    if (preprocessing->channels == 1) {
        for (size_t i = 0; i < count; i++) to[i] = preprocessing->table[0][from[i]];
        return;
    }
    for (size_t i = 0; i < count; i += (size_t)channels)
        for (int c = 0; c < channels; c++)
            to[i + (size_t)c] = preprocessing->table[c][from[i + (size_t)c]];
}

void preprocessing_floats(const struct preprocessing *preprocessing, int channels, size_t count,
                          const float *from, float *to) {
    bool is_one = preprocessing->channels == 1;
    for (size_t i = 0; i < count; i++) {
        size_t c = is_one ? 0 : i % (size_t)channels;
        to[i] = preprocessing->divides
                    ? from[i] / 255.0f
                    : from[i] * preprocessing->scale[c] + preprocessing->offset[c];
    }
}

bool preprocessing_equal(const struct preprocessing *a, const struct preprocessing *b) {
    if (a->channels != b->channels || a->divides != b->divides) return false;
    for (int c = 0; c < a->channels; c++)
        if (a->scale[c] != b->scale[c] || a->offset[c] != b->offset[c]) return false;
    return true;
}

void preprocessing_range(const struct preprocessing *preprocessing, float *min, float *max) {
    *min = INFINITY;
    *max = -INFINITY;
    for (int c = 0; c < preprocessing->channels; c++) {
        float first = preprocessing->table[c][0], last = preprocessing->table[c][255];
        *min = fminf(*min, fminf(first, last));
        *max = fmaxf(*max, fmaxf(first, last));
    }
}
