/* info: what does not change during a run, for whoever shows it or writes it down. */
#ifndef RUN_INFO_H
#define RUN_INFO_H

#include "run/config.h"

/* Float weights as they came, those of a saved QAT model, or what an old checkpoint holds. */
enum run_baseline { BASELINE_PRETRAINED, BASELINE_QAT, BASELINE_CHECKPOINT };

/* What does not change during a run; pointers live as long as the run. */
struct run_info {
    char name[MODEL_NAME];
    const struct run_config *config;
    const struct model *model;
    const struct quant_plan *plan;
    const struct dataset *dataset;
    enum run_baseline baseline; /* what the model's weights are; training starts from them or, of a
                                   checkpoint, started from them, unless it is too old to say */
    int batches;                /* in an epoch */
    const char *isa;            /* "avx512" */
    int threads;
    char ranges_remark[128]; /* of a saved QAT model: where its ranges start; else empty */
    char export_path[512];   /* FOLDER/model_int8.tflite; with a screen each export is also kept as
                                FOLDER/model_int8-s<step>.tflite */
    char checkpoint_path[512]; /* FOLDER/checkpoint.h5, the newest of checkpoint-s<step>.h5 */
};

/* Where the quantized model of that file goes by default, METHOD qat or ptq:
 * "saved_model/mnist_NAME_int8_METHOD", NAME fc or cnn by shape, else the model's own name (of
 * which 255 bytes count). */
void run_default_folder(const struct model *model, const char *path, const char *method,
                        char *folder, size_t size);

/* Fill name, export_path and checkpoint_path from the configuration in *info and the model. */
enum status run_info_name_outputs(struct run_info *info, const struct model *model,
                                  struct error *error);

#endif
