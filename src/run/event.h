/* event: one fixed-size record that a run publishes to its readers.
 *
 * Events are plain data, but EVENT_EVALUATION holds a reference that the reader drops with
 * event_release.  If a reader is slow, batches are folded: one EVENT_BATCH then stands for `folded`
 * batches and has their extremes, sum and last value.
 */
#ifndef RUN_EVENT_H
#define RUN_EVENT_H

#include "evaluate/evaluation.h"
#include "export/exporter.h"
#include "train/inspect.h"

enum event_kind {
    EVENT_STATE,      /* the run's state changed */
    EVENT_BATCH,      /* one batch was trained, or several folded into one record */
    EVENT_TENSOR,     /* range and statistics of one quantized tensor */
    EVENT_EPOCH,      /* an epoch ended and was validated */
    EVENT_EVALUATION, /* FP32, QAT and INT8 on the test digits */
    EVENT_PTQ,        /* the original model quantized without training; once per run */
    EVENT_EXPORT,     /* a .tflite was written and verified, or failed */
    EVENT_CHECKPOINT, /* a checkpoint was written, or failed */
    EVENT_LOG,        /* a line of the log */
    EVENT_ACKNOWLEDGE /* a command was carried out or refused */
};

enum run_state {
    STATE_STARTING, /* loading, first evaluation */
    STATE_TRAIN,
    STATE_PAUSED,
    STATE_EVAL, /* waiting for an evaluation at an epoch's end */
    STATE_STOPPING,
    STATE_DONE,   /* trained; still accepts export, evaluate, train-on */
    STATE_FAILED, /* NaN with --on-nan stop, or out of memory; still accepts export */
    STATES
};
const char *run_state_name(enum run_state state); /* "TRAIN", "PAUSED", ... */

enum log_level { LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_CRITICAL };
const char *log_level_name(enum log_level level); /* "info", "warn", "error", "critical" */

struct event_batch {
    uint64_t first_step; /* of the folded ones; event.step is the last */
    int epoch;           /* 0-based, as in step_result */
    int batch, batches;
    float loss_min, loss_max, loss_last;
    double loss_sum;             /* over finite losses */
    uint32_t finite, not_finite; /* batches with and without a finite loss */
    uint32_t count, correct;     /* digits */
    float learning_rate;
    float samples_per_second; /* without pauses and pacing */
    float step_seconds;       /* duration of the last step */
};

struct event_tensor {
    int tensor;     /* index into the plan's tensors */
    float min, max; /* smallest and largest over the channels */
    float scale;    /* largest over the channels */
    int zero_point; /* int8 convention; of channel 0 */
    float drift;    /* relative change of max - min over the last epoch */
    struct tensor_stats stats;
};

struct event_epoch {
    int epoch;                     /* 1-based: the one that just ended */
    double loss, accuracy;         /* running means over the epoch, as Keras prints them */
    double val_loss, val_accuracy; /* fake-quant graph on the test digits */
    double seconds;
};

struct event_ptq {
    double accuracy;      /* on all `count` test digits */
    double part_accuracy; /* on the first `part` of them, as in evaluations between epochs */
    uint32_t count, part;
};

struct event {
    enum event_kind kind;
    uint32_t folded; /* number of records this one stands for, >= 1 */
    uint64_t step;   /* batches trained at the time */
    double time;     /* seconds since the run started */
    union {
        enum run_state state;
        struct event_batch batch;
        struct event_tensor tensor;
        struct event_epoch epoch;
        struct evaluation *evaluation;
        struct event_ptq ptq;
        struct export_result export_;
        struct {
            char path[160];
            bool is_ok;
        } checkpoint;
        struct {
            enum log_level level;
            char text[228];
        } log;
        struct {
            uint32_t command; /* the number returned by run_send */
            enum status status;
            char text[216]; /* why it was refused, or "" */
        } acknowledge;
    };
};

/* Account for a copy of `event`: one more event_release will follow. */
void event_retain(const struct event *event);

/* Drop the event's reference. */
void event_release(struct event *event);

#endif
