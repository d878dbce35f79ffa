#include "model/keras_file.h"

#include <stdlib.h>

#include "model/archive.h"
#include "model/config.h"

/* Members of a .keras: the config; weights, and two more values for each by the optimizer. */
#define CONFIG_BYTES  MAX_H5_TEXT
#define WEIGHTS_BYTES (MAX_WEIGHTS * sizeof(float) * 4)

static enum status read_config(struct keras_file *file, const char *json, size_t length,
                               struct error *error) {
    enum status status = config_read(json, length, file->path, &file->model, error);
    return status ? status : model_plan_weights(file->model, file->path, error);
}

static enum status open_archive(struct keras_file *file, struct error *error) {
    struct archive *archive = NULL;
    unsigned char *json = NULL, *image = NULL;
    size_t length = 0;
    enum status status = archive_open(&archive, file->path, error);
    if (!status) status = archive_read(archive, "config.json", CONFIG_BYTES, &json, &length, error);
    if (!status) status = read_config(file, (const char *)json, length, error);
    if (!status)
        status = archive_read(archive, "model.weights.h5", WEIGHTS_BYTES, &image, &length, error);
    if (!status) status = h5_reader_open_image(&file->reader, image, length, file->path, error);
    free(json);
    free(image);
    archive_close(archive);
    return status;
}

enum status keras_file_open(struct keras_file *file, const char *path, struct error *error) {
    *file = (struct keras_file){.path = path, .is_archive = archive_probe(path)};
    return file->is_archive ? open_archive(file, error)
                            : h5_reader_open(&file->reader, path, error);
}

enum status keras_file_describe(struct keras_file *file, struct error *error) {
    char *json = NULL;
    size_t length = 0;
    if (file->model) return STATUS_OK;
    if (!h5_reader_has_attribute(file->reader, "/", "model_config"))
        return error_set(error, STATUS_FORMAT, file->path,
                         "is not a Keras model: it has no model_config; "
                         "save it with model.save('x.h5')");
    enum status status = h5_reader_text(file->reader, "/", "model_config", &json, &length, error);
    if (!status) status = read_config(file, json, length, error);
    free(json);
    return status;
}

enum status keras_file_close(struct keras_file *file, struct error *error) {
    enum status status = h5_reader_close(file->reader, error);
    model_free(file->model);
    *file = (struct keras_file){0};
    return status;
}

const char *keras_file_layers(const struct keras_file *file) {
    return h5_reader_has(file->reader, "layers") ? "layers/" : "_layer_checkpoint_dependencies/";
}
