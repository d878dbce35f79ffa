#include "export/format.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "export/csource.h"
#include "tflite/tflite.h"

static enum status write_tflite(const char *path, const struct export_source *source,
                                file_check *check, void *context, struct error *error) {
    return file_replace(path, source->bytes, source->length, check, context, error);
}

static enum status write_csource(const char *path, const struct export_source *source,
                                 file_check *check, void *context, struct error *error) {
    return csource_write(path, source->frozen, source->bytes, source->length, check, context,
                         error);
}

static enum status write_keras(const char *path, const struct export_source *source,
                               file_check *check, void *context, struct error *error) {
    (void)check, (void)context;
    return model_save(source->snapshot->model, source->snapshot->weights, path, error);
}

const struct export_format export_formats[] = {
    {".tflite", "the integer program", false, write_tflite, tflite_read},
    {".h5", "the float weights as a Keras model", false, write_keras, NULL},
    {".c",
     "the .tflite as C source for TensorFlow Lite for Microcontrollers, with a header beside it",
     true, write_csource, csource_read},
    {".h", "the same in one header", true, write_csource, csource_read},
    {NULL, NULL, false, NULL, NULL},
};

bool export_ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && !strcasecmp(path + length - tail, ending);
}

const struct export_format *export_format_find(const char *path) {
    for (const struct export_format *format = export_formats; format->ending; format++)
        if (export_ends_in(path, format->ending)) return format;
    return NULL;
}

void export_format_endings(bool takes_tflite, char text[EXPORT_ENDINGS]) {
    int count = 0, listed = 0, used = 0;
    for (const struct export_format *format = export_formats; format->ending; format++)
        count += format->takes_tflite || !takes_tflite;
    for (const struct export_format *format = export_formats; format->ending; format++) {
        if (takes_tflite && !format->takes_tflite) continue;
        const char *before = !listed ? "" : listed < count - 1 ? ", " : " or ";
        used +=
            snprintf(text + used, (size_t)(EXPORT_ENDINGS - used), "%s%s", before, format->ending);
        listed++;
    }
}
