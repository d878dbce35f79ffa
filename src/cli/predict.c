#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/subject.h"
#include "data/image.h"

/* One character per two rows of pixels, so that the image keeps its proportions. */
static void put_image(const unsigned char *image) {
    static const char ramp[] = " .:-=+*#%@";
    for (int row = 0; row < DIGIT_SIDE; row += 2) {
        char line[DIGIT_SIDE + 1];
        for (int column = 0; column < DIGIT_SIDE; column++) {
            const unsigned char *pixel = image + row * DIGIT_SIDE + column;
            int mean = (pixel[0] + pixel[DIGIT_SIDE]) / 2;
            line[column] = ramp[mean * (int)(sizeof ramp - 2) / 255];
        }
        line[DIGIT_SIDE] = 0;
        printf("    %s\n", line);
    }
}

/* Pictures become digits like MNIST's. */
static enum status load_images(const struct options *options, struct samples *samples,
                               struct preprocessing *preprocessing, struct error *error) {
    size_t count = (size_t)options->operand_count - 1;
    *samples = (struct samples){.shape = {3, {DIGIT_SIDE, DIGIT_SIDE, 1}},
                                .element = ELEMENT_UINT8,
                                .preprocessing = preprocessing};
    enum status status =
        preprocessing_parse(preprocessing, options->rescale ? options->rescale : "unit", error);
    if (status) return status;
    samples->bytes = malloc(count * DIGIT_PIXELS);
    samples->labels = calloc(count, sizeof *samples->labels); /* unknown and not used */
    if (!samples->bytes || !samples->labels) return error_memory(error, "images", count);
    for (samples->count = 0; samples->count < count; samples->count++) {
        const char *path = options->operands[1 + samples->count];
        struct image image;
        status = image_read_png(path, &image, error);
        if (status) return status;
        status = image_to_digit(&image, path, samples->bytes + samples->count * DIGIT_PIXELS, NULL,
                                error);
        image_free(&image);
        if (status) return status;
    }
    return STATUS_OK;
}

static json_t *json_predictions(const struct options *options,
                                const struct predictions *predictions) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < predictions->count; i++) {
        json_t *probabilities = json_array();
        for (int c = 0; c < predictions->classes; c++)
            json_array_append_new(
                probabilities,
                json_number((double)predictions
                                ->probabilities[i * (size_t)predictions->classes + (size_t)c]));
        if (json_array_append_new(
                list, json_pack("{s:s, s:i, s:o}", "file", options->operands[1 + i], "label",
                                (int)predictions->labels[i], "probabilities", probabilities))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static void put_prediction(const char *path, const unsigned char *image,
                           const struct predictions *predictions, size_t index) {
    const float *probabilities = predictions->probabilities + index * (size_t)predictions->classes;
    int label = predictions->labels[index];
    printf("%s: %d (%.1f %%)", path, label, (double)probabilities[label] * 100);
    for (int c = 0; c < predictions->classes; c++) printf(" %d:%.3f", c, (double)probabilities[c]);
    putchar('\n');
    if (isatty(STDOUT_FILENO)) put_image(image);
}

enum status command_predict(const struct options *options, int *exit_status, struct error *error) {
    (void)exit_status;
    struct subject subject;
    struct samples samples = {0};
    struct preprocessing preprocessing;
    struct predictions predictions = {0};
    struct pool *pool = NULL;
    enum status status = subject_load(&subject, options->operands[0], error);
    if (status) return status;
    if ((status = subject_load_ranges(&subject, error))) goto done;
    if ((status = load_images(options, &samples, &preprocessing, error))) goto done;
    if ((status = pool_create(&pool, (int)options->threads, error))) goto done;
    status = subject_evaluate(&subject, (enum runtime)options->runtime, &samples, pool,
                              &predictions, error);
    if (status) goto done;
    if (options->is_json) {
        status = print_json(json_pack("{s:s, s:o}", "model", subject.path, "predictions",
                                      json_predictions(options, &predictions)),
                            error);
        goto done;
    }
    for (size_t i = 0; i < samples.count; i++)
        put_prediction(options->operands[1 + i], samples.bytes + i * DIGIT_PIXELS, &predictions, i);
done:
    predictions_free(&predictions);
    pool_destroy(pool);
    free(samples.bytes);
    free(samples.labels);
    subject_free(&subject);
    return status;
}
