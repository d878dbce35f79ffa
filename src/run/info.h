/* info: what does not change during a run. */
#ifndef RUN_INFO_H
#define RUN_INFO_H

#include "run/config.h"

/* The original float weights, those of a saved QAT model, or those of an old checkpoint. */
enum run_baseline { BASELINE_PRETRAINED, BASELINE_QAT, BASELINE_CHECKPOINT };

/* Pointers are valid as long as the run. */
struct run_info {
    char name[MODEL_NAME];
    const struct run_config *config;
    const struct model *model;
    const struct quant_plan *plan;
    const struct dataset *dataset;
    enum run_baseline baseline; /* what the model's weights are: those that training starts from or,
                                   with a checkpoint, started from, unless that is too old */
    int batches;                /* in an epoch */
    const char *isa;            /* "avx512" */
    int threads;
    char ranges_remark[128]; /* for a saved QAT model: where its ranges start; else empty */
    char export_path[512];   /* FOLDER/model_int8.tflite; with a screen, each export is also kept as
                                FOLDER/model_int8-s<step>.tflite */
    char checkpoint_path[512]; /* FOLDER/checkpoint.h5, the newest of checkpoint-s<step>.h5 */
};

/* The default folder for quantizing the model in that file by METHOD, qat or ptq:
 * "saved_model/mnist_NAME_int8_METHOD", where NAME is fc or cnn, by shape, or the model's own name
 * (up to 255 bytes). */
void run_default_folder(const struct model *model, const char *path, const char *method,
                        char *folder, size_t size);

/* Set name, export_path and checkpoint_path from the configuration in *info and the model. */
enum status run_info_name_outputs(struct run_info *info, const struct model *model,
                                  struct error *error);

#endif
