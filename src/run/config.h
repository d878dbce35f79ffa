/* config: the configuration of a run. */
#ifndef RUN_CONFIG_H
#define RUN_CONFIG_H

#include "engine/engine.h"
#include "quant/freeze.h"
#include "train/trainer.h"

enum on_nan { ON_NAN_PAUSE, ON_NAN_STOP, ON_NAN_CONTINUE };

/* training.warmup: the scheme's share of all batches. */
#define WARMUP_OF_SCHEME (-1)

/* training.augment: the scheme's choice for the model. */
#define AUGMENT_OF_SCHEME AUGMENTATIONS

/* Batches per second: a number, or one of these. */
#define PACE_MAX  0.0
#define PACE_AUTO (-1.0) /* stretch a short run to about 20 seconds on screen */

struct run_config {
    /* Training of a saved QAT model starts from its ranges (variables_take_ranges). */
    const char *model_path;
    const char *data_folder;
    bool is_transposed;      /* the rows of the stored images are their columns */
    double validation_split; /* 0: DEFAULT_SPLIT (data/dataset.h) */
    const char *resume_path; /* NULL, or a checkpoint: its model, scheme and training replace
                                those here, and the following batches give exactly the bits
                                they would have given without the interruption */
    const char *out_folder;  /* NULL: run_default_folder */
    struct training training;
    const struct scheme *scheme;
    int weight_bits; /* 0: the scheme's */
    enum frozen_io io;
    enum runtime runtime;
    enum on_nan on_nan; /* without a screen, pause means stop */
    int threads;        /* 0: all cores */
    double pace;
    const char *trace_path;  /* NULL, or a file for one JSON line per batch */
    const char *record_path; /* NULL, or a file for one JSON line per event (event_json.h) */
    bool is_headless;        /* no screen: the caller shows progress, the log is not folded */
};
struct run_config run_config_default(void);

/* Refuse a value out of range, naming its option. */
enum status run_config_check(const struct run_config *config, struct error *error);

#endif
