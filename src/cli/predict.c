#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/subject.h"
#include "data/picture_sample.h"

#define MAX_DRAWN 64 /* columns of an image in the terminal */
#define LISTED    5  /* classes, where there are more than ten */

/* One character for two rows of pixels, so that the image keeps its proportions; its brightness. */
static void put_image(const struct shape *shape, const unsigned char *image) {
    static const char ramp[] = " .:-=+*#%@";
    int channels = shape->size[2], each = (shape->size[1] + MAX_DRAWN - 1) / MAX_DRAWN;
    for (int row = 0; row + 2 * each <= shape->size[0]; row += 2 * each) {
        char line[MAX_DRAWN + 1];
        int column = 0;
        for (; (column + 1) * each <= shape->size[1]; column++) {
            int sum = 0;
            for (int y = row; y < row + 2 * each; y++)
                for (int i = 0; i < each * channels; i++)
                    sum += image[(y * shape->size[1] + column * each) * channels + i];
            line[column] = ramp[sum / (2 * each * each * channels) * (int)(sizeof ramp - 2) / 255];
        }
        line[column] = 0;
        printf("    %s\n", line);
    }
}

static enum status load_images(const struct options *options, const struct subject *subject,
                               struct samples *samples, struct preprocessing *preprocessing,
                               struct error *error) {
    size_t count = (size_t)options->operand_count - 1;
    const struct shape input =
        subject->model ? subject->model->layers[0].output : frozen_input_shape(subject->frozen);
    *samples = (struct samples){.element = ELEMENT_UINT8, .preprocessing = preprocessing};
    enum status status =
        preprocessing_parse(preprocessing, options->rescale ? options->rescale : "unit", error);
    if (!status) status = picture_sample_shape(&input, subject->path, &samples->shape, error);
    if (status) return status;
    samples->bytes = malloc(count * samples_bytes(samples));
    samples->labels = calloc(count, sizeof *samples->labels); /* unknown and not used */
    if (!samples->bytes || !samples->labels) return error_memory(error, "images", count);
    const struct frozen *frozen = subject->frozen;
    int classes = frozen ? (int)frozen_output_count(frozen) : model_classes(subject->model);
    enum picture_fit fit =
        picture_sample_may_be_digit(&samples->shape, classes) ? PICTURE_DIGIT : PICTURE_RESIZE;
    for (; samples->count < count && !status; samples->count++)
        status =
            picture_sample_read(options->operands[1 + samples->count], &samples->shape, fit,
                                samples->bytes + samples->count * samples_bytes(samples), error);
    return status;
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

/* Each class, or of more than ten the most probable. */
static void put_classes(const struct predictions *predictions, const float *probabilities) {
    if (predictions->classes <= 10) {
        for (int c = 0; c < predictions->classes; c++)
            printf(" %d:%.3f", c, (double)probabilities[c]);
        return;
    }
    float below = INFINITY;
    int last = -1;
    for (int n = 0; n < LISTED; n++) {
        int best = -1;
        for (int c = 0; c < predictions->classes; c++) {
            float here = probabilities[c];
            bool is_left = here < below || (here == below && c > last);
            if (is_left && (best < 0 || here > probabilities[best])) best = c;
        }
        if (best < 0) return;
        below = probabilities[best];
        last = best;
        printf(" %d:%.3f", best, (double)below);
    }
}

static void put_prediction(const char *path, const struct samples *samples,
                           const struct predictions *predictions, size_t index) {
    const float *probabilities = predictions->probabilities + index * (size_t)predictions->classes;
    int label = predictions->labels[index];
    printf("%s: %d (%.1f %%)", path, label, (double)probabilities[label] * 100);
    put_classes(predictions, probabilities);
    putchar('\n');
    if (isatty(STDOUT_FILENO)) put_image(&samples->shape, samples_at(samples, index));
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
    if ((status = load_images(options, &subject, &samples, &preprocessing, error))) goto done;
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
        put_prediction(options->operands[1 + i], &samples, &predictions, i);
done:
    predictions_free(&predictions);
    pool_destroy(pool);
    free(samples.bytes);
    free(samples.labels);
    subject_free(&subject);
    return status;
}
