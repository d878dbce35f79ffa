/* run: one training from start to end, with its threads.
 *
 * The worker thread owns the trainer, publishes events and reads commands between batches; the
 * shadow thread evaluates snapshots and writes exports.  A run has two readers: the screen (a
 * dashboard or a progress line), which is never waited for, and the run writer, which records
 * everything.
 *
 * run_create loads and checks all that can fail for the user's reasons; after run_start everything
 * is told through events.  All functions belong to one thread, the caller's, except where noted.
 */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include <stdio.h>

#include "model/model.h"
#include "quant/freeze.h"
#include "train/event.h"

enum on_nan { ON_NAN_PAUSE, ON_NAN_STOP, ON_NAN_CONTINUE };

/* training.warmup: the scheme's share of all batches. */
#define WARMUP_OF_SCHEME (-1)

/* training.augment: the scheme's, as it suits the model. */
#define AUGMENT_OF_SCHEME AUGMENTATIONS

/* Batches a second shown: a number, or these. */
#define PACE_MAX  0.0
#define PACE_AUTO (-1.0) /* stretch a short run to about 20 seconds on screen */

struct run_config {
    /* A saved QAT model's ranges are where the training starts (variables_take_ranges). */
    const char *model_path;
    const char *data_folder;
    const char *resume_path; /* NULL, or a checkpoint: its model, scheme and training are taken
                                instead of those here, and the batches to come give the bits
                                that they would have given without the interruption */
    const char *out_folder;  /* NULL: run_default_folder */
    struct training training;
    const struct scheme *scheme;
    int weight_bits; /* 0: the scheme's */
    enum frozen_io io;
    enum runtime runtime;
    enum on_nan on_nan; /* without a screen nobody can resume: pause then means stop */
    int threads;        /* 0: all cores */
    double pace;
    const char *trace_path;  /* NULL, or the file for one JSON line a batch */
    const char *record_path; /* NULL, or the file for one JSON line an event (event_json.h) */
    bool is_headless;        /* no screen: progress is the caller's, the log is not folded */
};
struct run_config run_config_default(void);

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

struct run;

enum status run_create(struct run **run, const struct run_config *config, struct error *error);
const struct run_info *run_info(const struct run *run);
enum status run_start(struct run *run, struct error *error);

/* One line of what a step's memory consists of, planned at creation: line 0, 1, ... until false. */
bool run_memory(const struct run *run, int line, char *text, size_t size);

/* Take the next event for the screen; false when there is none now.  Release it with
 * event_release.  run_wait sleeps until there is one or `seconds` have passed. */
bool run_poll(struct run *run, struct event *event);
bool run_wait(struct run *run, struct event *event, double seconds);

enum command_kind {
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_STEP,         /* one batch, then paused */
    COMMAND_STOP_EPOCH,   /* at the end of this epoch; keep the weights */
    COMMAND_STOP_NOW,     /* after this batch; keep the weights */
    COMMAND_STOP_RESTORE, /* now; go back to the best epoch's weights */
    COMMAND_TRAIN_ON,     /* after STATE_DONE: number more epochs */
    COMMAND_EXPORT,       /* freeze, write, verify; training goes on */
    COMMAND_EVALUATE,     /* all test digits, now */
    COMMAND_CHECKPOINT,
    COMMAND_LEARNING_RATE, /* number */
    COMMAND_PACE,          /* number */
};
struct command {
    enum command_kind kind;
    double number;
};
/* Queue a command; returns its number for the acknowledgement, 0 when the mailbox is full.
 * Any thread; async-signal-safe it is not. */
uint32_t run_send(struct run *run, struct command command);

/* Records merged because the screen was slow, and the most that ever waited. */
struct run_pressure {
    uint64_t folded;
    uint32_t high_water, capacity;
};
struct run_pressure run_pressure(const struct run *run);

/* End it: as STOP_NOW where it still trains, wait for both threads, free everything.  With
 * `checkpoint`, writes one first.  NULL is harmless. */
enum status run_finish(struct run *run, bool checkpoint, struct error *error);

#endif
