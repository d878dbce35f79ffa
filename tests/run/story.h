/* story: a run and what it told so far, for tests. */
#ifndef TESTS_RUN_STORY_H
#define TESTS_RUN_STORY_H

#include "base/clock.h"
#include "test.h"
#include "run/run.h"

/* Long enough for a sanitizer's build on a busy machine; no test waits for it to pass. */
#define DEADLINE 120.0

struct story {
    struct run *run;
    enum run_state state;
    enum run_state states[64]; /* in order */
    int state_count;
    uint64_t step, batches; /* newest step; batches told, folded ones included */
    int tensors, epochs, evaluations, whole, exports, critical;
    size_t first_count; /* digits of the first evaluation */
    struct event_epoch last_epoch;
    int restored_epoch; /* whose weights were brought back */
    struct export_result last_export;
    int ptqs;
    double ptq;
    double fp32, qat, int8; /* of the last whole evaluation */
    uint64_t whole_step;
    uint32_t acknowledged;
    enum status status; /* of that acknowledgement */
    char text[256], checkpoint[160];
};

/* Take in one event, and release it. */
void story_listen(struct story *story, struct event *event);

/* Listen until the condition holds; fails the test when it never does. */
#define wait_until(story, condition)                                                               \
    do {                                                                                           \
        double deadline_ = clock_seconds() + DEADLINE;                                             \
        struct event event_;                                                                       \
        while (!(condition) && clock_seconds() < deadline_)                                        \
            if (run_wait((story)->run, &event_, 0.2)) story_listen(story, &event_);                \
        assert_true(condition);                                                                    \
    } while (0)

/* Send it and wait for the answer. */
enum status story_command(struct story *story, enum command_kind kind, double number);

/* The bundled fc and digits, 60 batches at full speed with one thread; `folder` is where it
 * writes.  The texts in it are good until the next call. */
struct run_config config_for(const char *folder);

/* Create and start the run; `batches`: those that a checkpoint has behind it. */
void story_begin(struct story *story, const struct run_config *config);
void story_begin_at(struct story *story, const struct run_config *config, uint64_t batches);
/* A run that stands still at the first batch boundary that it can. */
void story_begin_paused(struct story *story, const struct run_config *config);
void story_end(struct story *story);

#endif
