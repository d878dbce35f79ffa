#include "data/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/random.h"
#include "data/format.h"

/* In this order: a folder of pictures is the least distinct. */
static const struct format *const formats[] = {&npz_format, &idx_format, &cifar_format,
                                               &pictures_format};

static void samples_free(struct samples *samples) {
    free(samples->bytes);
    free(samples->labels);
    memset(samples, 0, sizeof *samples);
}

void dataset_free(struct dataset *dataset) {
    samples_free(&dataset->train);
    samples_free(&dataset->test);
    names_free(&dataset->names);
    free(dataset->preprocessing);
    memset(dataset, 0, sizeof *dataset);
}

void part_free(struct part *part) {
    free(part->bytes);
    free(part->labels);
    memset(part, 0, sizeof *part);
}

/* ---- labels ---- */

struct label_range {
    int64_t min, max;
};

static struct label_range range_of_labels(const struct part *train, const struct part *test) {
    struct label_range range = {INT64_MAX, INT64_MIN};
    const struct part *parts[] = {train, test};
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < parts[p]->count; i++) {
            int64_t label = parts[p]->labels[i];
            if (label < range.min) range.min = label;
            if (label > range.max) range.max = label;
        }
    return range;
}

/* Names the first label that is no class, and says how many there are. */
static enum status refuse_label(const struct part *part, int classes, struct error *error) {
    size_t first = part->count, wrong = 0;
    for (size_t i = 0; i < part->count; i++) {
        if (part->labels[i] >= 0 && part->labels[i] < classes) continue;
        if (first == part->count) first = i;
        wrong++;
    }
    return error_set(error, STATUS_FORMAT, part->labels_path,
                     "label %zu is %lld, 0..%d expected; so are %zu of %zu labels", first,
                     (long long)part->labels[first], classes - 1, wrong, part->count);
}

static enum status take_labels(struct samples *samples, const struct part *part,
                               struct error *error) {
    samples->labels = malloc(part->count * sizeof *samples->labels);
    if (!samples->labels)
        return error_memory(error, part->labels_path, part->count * sizeof *samples->labels);
    for (size_t i = 0; i < part->count; i++) samples->labels[i] = (uint16_t)part->labels[i];
    return STATUS_OK;
}

/* ---- parts ---- */

static enum status take_part(struct dataset *dataset, struct samples *samples, struct part *part,
                             const struct dataset_request *request, struct error *error) {
    if (!part->count) return STATUS_OK;
    samples->shape = part->shape;
    samples->element = part->element;
    enum status status = STATUS_OK;
    if (request->shape.rank)
        status = samples_check_input(samples, &request->shape, part->images_path, error);
    if (!status) status = take_labels(samples, part, error);
    if (status) return status;
    samples->count = part->count;
    samples->bytes = part->bytes;
    samples->classes = dataset->classes;
    samples->preprocessing = dataset->preprocessing;
    part->bytes = NULL;
    return STATUS_OK;
}

/* Classes without a name are numbered. */
static enum status take_names(struct dataset *dataset, struct names *names, struct error *error) {
    dataset->names = *names;
    memset(names, 0, sizeof *names);
    while (dataset->names.count < (size_t)dataset->classes) {
        char number[24];
        int length = snprintf(number, sizeof number, "%zu", dataset->names.count);
        enum status status =
            names_add(&dataset->names, number, (size_t)length, dataset->path, error);
        if (status) return status;
    }
    return STATUS_OK;
}

/* ---- a test part where there is none ---- */

/* Whether sample number `place` of the `count` of its class is for testing.  Each class gives its
 * share, evenly spread over the order in which its samples are stored, from a place that differs
 * from class to class.  It is the same for every command and run. */
static bool is_for_testing(int class, size_t place, size_t count, double share) {
    size_t wanted = (size_t)((double)count * share + .5);
    uint32_t words[4];
    if (!wanted && count > 1) wanted = 1;
    random_philox(0, RANDOM_SPLIT, (uint64_t) class, 0, words);
    size_t moved = (place + words[0] % count) % count;
    return moved * wanted / count != (moved + 1) * wanted / count;
}

static enum status split(struct parts *parts, double share, struct error *error) {
    struct part *all = &parts->train, *test = &parts->test;
    size_t each = shape_count(&all->shape) * element_size(all->element);
    size_t counts[MAX_CLASSES] = {0}, places[MAX_CLASSES] = {0}, kept = 0;
    for (size_t i = 0; i < all->count; i++) counts[all->labels[i]]++;
    *test = *all;
    test->count = 0;
    test->labels = malloc(all->count * sizeof *test->labels);
    test->bytes = NULL;
    size_t most = 0;
    for (int c = 0; c < MAX_CLASSES; c++) most += (size_t)((double)counts[c] * share + 1.5);
    if (most > all->count) most = all->count;
    test->bytes = malloc(most * each);
    if (!test->labels || !test->bytes) return error_memory(error, all->images_path, most * each);
    for (size_t i = 0; i < all->count; i++) {
        int64_t label = all->labels[i];
        bool is_test = is_for_testing((int)label, places[label]++, counts[label], share);
        unsigned char *from = all->bytes + i * each;
        if (is_test) {
            memcpy(test->bytes + test->count * each, from, each);
            test->labels[test->count++] = label;
        } else {
            if (kept != i) memcpy(all->bytes + kept * each, from, each);
            all->labels[kept++] = label;
        }
    }
    all->count = kept;
    return STATUS_OK;
}

/* ---- all together ---- */

static enum status check_labels(struct dataset *dataset, const struct dataset_request *request,
                                struct parts *parts, struct error *error) {
    struct label_range range = range_of_labels(&parts->train, &parts->test);
    /* Labels that count from 1, as EMNIST's letters do. */
    int64_t first = range.min == 1 && request->classes && range.max == request->classes;
    int64_t limit = request->classes ? request->classes : MAX_CLASSES;
    struct part *both[] = {&parts->train, &parts->test};
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < both[p]->count; i++) {
            both[p]->labels[i] -= first;
            if (both[p]->labels[i] < 0 || both[p]->labels[i] >= limit)
                return refuse_label(both[p], (int)limit, error);
        }
    dataset->classes = request->classes ? request->classes : (int)(range.max - first + 1);
    if (parts->names.count > (size_t)dataset->classes) {
        if (request->classes)
            return error_set(error, STATUS_FORMAT, dataset->path,
                             "has %zu classes ('%s' to '%s'); the model tells %d apart",
                             parts->names.count, parts->names.list[0],
                             parts->names.list[parts->names.count - 1], request->classes);
        dataset->classes = (int)parts->names.count;
    }
    return STATUS_OK;
}

static enum status take(struct dataset *dataset, const struct dataset_request *request,
                        struct parts *parts, struct error *error) {
    enum status status = check_labels(dataset, request, parts, error);
    if (status) return status;
    double share = request->validation_split > 0 ? request->validation_split : DEFAULT_SPLIT;
    snprintf(dataset->remark, sizeof dataset->remark, "%s", parts->remark);
    if (parts->is_whole && request->needs_test) {
        size_t all = parts->train.count, used = strlen(dataset->remark);
        status = split(parts, share, error);
        if (status) return status;
        snprintf(dataset->remark + used, sizeof dataset->remark - used,
                 "%sthere is no test part: %zu of %zu samples are kept for it", used ? "; " : "",
                 parts->test.count, all);
    }
    dataset->preprocessing = malloc(sizeof *dataset->preprocessing);
    if (!dataset->preprocessing)
        return error_memory(error, dataset->path, sizeof *dataset->preprocessing);
    if (!request->needs_train) part_free(&parts->train);
    const struct part *any = parts->train.count ? &parts->train : &parts->test;
    bool is_raw = request->is_raw_by_default || any->element == ELEMENT_FLOAT32;
    const char *rescale = request->rescale ? request->rescale : is_raw ? "raw" : "unit";
    status = preprocessing_parse(dataset->preprocessing, rescale, error);
    if (!status) status = take_names(dataset, &parts->names, error);
    if (!status) status = take_part(dataset, &dataset->train, &parts->train, request, error);
    if (!status) status = take_part(dataset, &dataset->test, &parts->test, request, error);
    return status;
}

enum status dataset_open(struct dataset *dataset, const struct dataset_request *request,
                         struct error *error) {
    const struct format *format = NULL;
    struct parts parts = {0};
    struct stat info;
    enum status status;
    memset(dataset, 0, sizeof *dataset);
    if (strlen(request->path) >= sizeof dataset->path)
        return error_set(error, STATUS_USAGE, request->path, "the folder name is too long");
    for (size_t i = 0; i < sizeof formats / sizeof *formats && !format; i++)
        if (formats[i]->probe(request->path)) format = formats[i];
    if (!format && stat(request->path, &info))
        return error_errno(error, request->path, "cannot open the data set");
    if (!format)
        return error_set(
            error, STATUS_IO, request->path,
            "is not a data set: neither IDX files as MNIST's (train-images-idx3-ubyte, "
            "..., plain or .gz), an .npz of x_train, y_train, x_test and y_test, "
            "CIFAR's binary batches, nor a folder of pictures for each class");
    snprintf(dataset->path, sizeof dataset->path, "%s", request->path);
    status = format->load(request, &parts, error);
    if (!status && !parts.train.count && !parts.test.count)
        status = error_set(error, STATUS_FORMAT, request->path, "holds no samples");
    if (!status) status = take(dataset, request, &parts, error);
    part_free(&parts.train);
    part_free(&parts.test);
    names_free(&parts.names);
    if (status) dataset_free(dataset);
    return status;
}

enum status dataset_load(struct dataset *dataset, const char *path, struct error *error) {
    struct dataset_request request = {.path = path, .needs_train = true, .needs_test = true};
    return dataset_open(dataset, &request, error);
}
