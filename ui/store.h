/* store: what the events reported, kept for drawing.
 *
 * The store belongs to the UI thread.  It is fed events one by one and copies what it needs; it
 * keeps a reference to each evaluation.  It draws nothing and knows no trainer.
 */
#ifndef UI_STORE_H
#define UI_STORE_H

#include "run/event.h"
#include "run/info.h"
#include "run/outlet.h"
#include "ui/history.h"

#define STORE_LOG_LINES    2000
#define STORE_EVALUATIONS  64 /* then partial ones are dropped, or old ones but the first */
#define STORE_RAW_LOSSES   ((size_t)1 << 20)
#define STORE_PACE_SAMPLES 32

struct store_line {
    double time;
    enum log_level level;
    char text[240];
    bool is_stderr;
};

/* Latest and past ranges of one quantized tensor. */
struct store_tensor {
    bool is_known; /* "no data yet" is not 0 */
    struct event_tensor latest;
    struct history *min, *max, *scale; /* over steps, for the timeline view */
};

/* What the dashboard measures about the process and itself; zeroed where it was not. */
struct store_process {
    char cpu[96];
    double resident_bytes;
    double busy_share;    /* of one core: process CPU time over wall time */
    double frame_seconds; /* to draw and send the last frame */
    double frames_limit;  /* a second */
};

struct store {
    const struct run_info *info;
    enum run_state state;
    double now; /* run seconds of the newest event */
    uint64_t step;
    struct event_batch batch; /* the newest */
    struct history *loss;     /* every batch: raw losses with steps */
    struct history *batch_accuracy;
    struct history *seconds;    /* from the start of the run to each batch */
    struct event_epoch *epochs; /* [epoch_count] */
    int epoch_count;
    struct evaluation **evaluations; /* [evaluation_count], oldest first; each retained */
    int evaluation_count;
    struct store_tensor *tensors; /* [info->plan->tensor_count] */
    struct store_line *lines;     /* ring of STORE_LOG_LINES */
    size_t line_first, line_count;
    uint64_t lines_total;
    bool has_ptq;
    struct event_ptq ptq; /* the model as it came, quantized without training */
    bool has_export;
    struct export_result last_export;
    int warnings, alarms; /* log lines since last acknowledged */
    char alarm[240];      /* newest warning or worse that is not acknowledged */
    uint64_t not_finite_steps;
    uint64_t first_not_finite;
    struct outlet_pressure pressure; /* set by the dashboard */
    struct store_process process;    /* likewise */
    bool is_over;                    /* DONE or FAILED */
    double pace;                     /* as last set */
    int epochs_planned;              /* grows when training goes on */
    uint64_t steps_planned;
    uint64_t saved_step;  /* of the newest weights that were exported or checkpointed */
    char checkpoint[160]; /* path of the last one written, or "" */
    struct {
        double time;
        uint64_t step;
    } pace_samples[STORE_PACE_SAMPLES]; /* about one a second while it trains, for the ETA */
    int pace_first, pace_count;
    double trained_seconds; /* with batches coming: pauses and evaluations left out */
};

bool store_create(struct store *store, const struct run_info *info) MUST_USE;
void store_free(struct store *store);

/* A copy that stays as it is now; false when memory is short. */
bool store_copy(struct store *copy, const struct store *store) MUST_USE;

/* Take in one event; the caller still releases it. */
void store_feed(struct store *store, const struct event *event);
void store_log(struct store *store, enum log_level level, bool is_stderr, const char *text);
const struct store_line *store_line_at(const struct store *store, size_t index); /* 0 = oldest */

/* The evaluation the session looks at (-1: the newest whole one, else the newest), or NULL. */
const struct evaluation *store_evaluation(const struct store *store, int index);

/* The newest of all, whole or not, or NULL. */
const struct evaluation *store_newest(const struct store *store);

/* Training goes on for `epochs` more, as trainer_extend counts them. */
void store_extend(struct store *store, int epochs);

/* The user has seen the warnings. */
void store_acknowledge(struct store *store);

/* Batches still to come, by the plan; 0 when over. */
uint64_t store_batches_left(const struct store *store);

/* Batches a second over the last half minute; 0 when not known. */
double store_rate(const struct store *store);

/* Seconds until the last planned batch at the pace of the last half minute, or a negative number
 * while that would be a guess: paused, over, less than 10 seconds of training (3 when its pace was
 * the same in each of them). */
double store_eta(const struct store *store);

#endif
