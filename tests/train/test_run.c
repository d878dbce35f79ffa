#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "test.h"
#include "tflite/tflite.h"
#include "train/checkpoint.h"
#include "train/ptq.h"
#include "train/run.h"

/* Long enough for a sanitizer's build on a busy machine; no test waits for it to pass. */
#define DEADLINE 120.0

/* ---- a run and what it told so far -------------------------------------------------------- */

struct story {
    struct run *run;
    enum run_state state;
    enum run_state states[64]; /* in order */
    int state_count;
    uint64_t step, batches; /* newest step; batches told, folded ones included */
    int tensors, epochs, evaluations, whole, exports, critical;
    size_t first_count; /* digits of the first evaluation */
    struct event_epoch last_epoch;
    struct event_export last_export;
    int ptqs;
    double ptq;
    double fp32, qat, int8; /* of the last whole evaluation */
    uint64_t whole_step;
    uint32_t acknowledged;
    enum status status; /* of that acknowledgement */
    char text[256], checkpoint[160];
};

static void listen_to(struct story *story, struct event *event) {
    story->step = event->step;
    switch (event->kind) {
    case EVENT_STATE:
        story->state = event->state;
        if (story->state_count < 64) story->states[story->state_count++] = event->state;
        break;
    case EVENT_BATCH:
        assert_int_equal(event->batch.first_step, story->batches + 1);
        story->batches += event->folded;
        break;
    case EVENT_TENSOR:
        story->tensors++;
        break;
    case EVENT_EPOCH:
        story->epochs++;
        story->last_epoch = event->epoch;
        break;
    case EVENT_EVALUATION:
        if (!story->evaluations++) story->first_count = event->evaluation->count;
        if (!event->evaluation->is_whole) break;
        story->whole++;
        story->whole_step = event->evaluation->step;
        story->fp32 = event->evaluation->paths[PATH_FP32].accuracy;
        story->qat = event->evaluation->paths[PATH_FAKE_QUANT].accuracy;
        story->int8 = event->evaluation->paths[PATH_INT8].accuracy;
        break;
    case EVENT_PTQ:
        story->ptqs++;
        story->ptq = event->ptq.accuracy;
        break;
    case EVENT_EXPORT:
        story->exports++;
        story->last_export = event->export_;
        break;
    case EVENT_CHECKPOINT:
        strcpy(story->checkpoint, event->checkpoint.path);
        break;
    case EVENT_LOG:
        story->critical += event->log.level == LOG_CRITICAL;
        break;
    case EVENT_ACKNOWLEDGE:
        story->acknowledged = event->acknowledge.command;
        story->status = event->acknowledge.status;
        strcpy(story->text, event->acknowledge.text);
        break;
    }
    event_release(event);
}

/* Listen until the condition holds; fails the test when it never does. */
#define wait_until(story, condition)                                                               \
    do {                                                                                           \
        double deadline_ = clock_seconds() + DEADLINE;                                             \
        struct event event_;                                                                       \
        while (!(condition) && clock_seconds() < deadline_)                                        \
            if (run_wait((story)->run, &event_, 0.2)) listen_to(story, &event_);                   \
        assert_true(condition);                                                                    \
    } while (0)

static enum status command(struct story *story, enum command_kind kind, double number) {
    uint32_t sent = run_send(story->run, (struct command){kind, number});
    assert_int_not_equal(sent, 0);
    wait_until(story, story->acknowledged == sent);
    return story->status;
}

static struct run_config config_for(const char *folder) {
    static char model[1024], data[1024], out[1024];
    snprintf(model, sizeof model, "%s", test_asset("models/mnist_fc.h5"));
    snprintf(data, sizeof data, "%s", test_asset("mnist-5k"));
    snprintf(out, sizeof out, "%s", test_scratch(folder));
    struct run_config config = run_config_default();
    config.model_path = model;
    config.data_folder = data;
    config.out_folder = out;
    config.training.epochs = 1;
    config.training.max_steps = 60;
    config.pace = PACE_MAX;
    config.threads = 1;
    return config;
}

static void begin_at(struct story *story, const struct run_config *config, uint64_t batches) {
    struct error error;
    *story = (struct story){.batches = batches};
    assert_ok(run_create(&story->run, config, &error), &error);
    assert_ok(run_start(story->run, &error), &error);
}

static void begin(struct story *story, const struct run_config *config) {
    begin_at(story, config, 0);
}

/* A run that stands still at the first batch boundary that it can. */
static void begin_paused(struct story *story, const struct run_config *config) {
    struct error error;
    *story = (struct story){0};
    assert_ok(run_create(&story->run, config, &error), &error);
    uint32_t sent = run_send(story->run, (struct command){COMMAND_PAUSE, 0});
    assert_ok(run_start(story->run, &error), &error);
    wait_until(story, story->acknowledged == sent);
    assert_int_equal(story->state, STATE_PAUSED);
    assert_int_equal(story->batches, 0);
}

static void end(struct story *story) {
    struct error error;
    assert_ok(run_finish(story->run, false, &error), &error);
}

/* ---- end to end ----------------------------------------------------------------------------- */

static double untrained_accuracy(const struct story *story) {
    const struct run_info *info = run_info(story->run);
    struct error error;
    struct predictions predictions;
    assert_ok(ptq_evaluate(info->model, &info->dataset->train, &info->dataset->test, RUNTIME_REF,
                           NULL, &predictions, &error),
              &error);
    double accuracy = predictions.accuracy;
    predictions_free(&predictions);
    return accuracy;
}

static void a_run_trains_evaluates_and_exports_a_file_that_proves_true(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-headless");
    config.is_headless = true;
    config.training.max_steps = 0;
    begin(&story, &config);
    assert_int_equal(run_info(story.run)->batches, 125);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 125);
    assert_int_equal(story.epochs, 1);
    assert_int_equal(story.whole_step, 125);
    assert_true(story.tensors >= run_info(story.run)->plan->tensor_count);
    /* The model had .974 on these digits before. */
    assert_true(story.fp32 > 0.95 && story.qat > 0.95 && story.int8 > 0.95);
    assert_near(story.int8, story.qat, 0.005);
    assert_near(story.last_epoch.val_accuracy, story.qat, 0);
    assert_int_equal(story.ptqs, 1);
    assert_near(story.ptq, untrained_accuracy(&story), 0);
    assert_true(story.last_epoch.loss < 0.5 && story.last_epoch.accuracy > 0.9);
    assert_int_equal(story.states[0], STATE_STARTING);
    assert_int_equal(story.states[1], STATE_TRAIN);
    assert_int_equal(story.states[2], STATE_EVAL);
    assert_int_equal(story.states[3], STATE_DONE);

    assert_int_equal(command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    const struct event_export *export_ = &story.last_export;
    assert_true(export_->is_ok);
    assert_int_equal(export_->differing, 0);
    assert_int_equal(export_->count, 1000);
    assert_near(export_->accuracy, story.int8, 0);
    const char *path = run_info(story.run)->export_path;
    size_t length;
    unsigned char *bytes = test_read(path, &length);
    char sha256[SHA256_HEX];
    sha256_hex(bytes, length, sha256);
    assert_string_equal(sha256, export_->sha256);
    assert_int_equal(length, export_->bytes);
    free(bytes);
    struct frozen *frozen = NULL;
    struct predictions predictions = {0};
    struct error error;
    assert_ok(tflite_read(path, &frozen, &error), &error);
    assert_ok(evaluate_frozen(frozen, RUNTIME_REF, &run_info(story.run)->dataset->test, NULL, path,
                              &predictions, &error),
              &error);
    assert_near(predictions.accuracy, export_->accuracy, 0);
    predictions_free(&predictions);
    frozen_free(frozen);
    end(&story);
}

static int count_files(const char *folder, const char *part) {
    DIR *stream = opendir(folder);
    assert_non_null(stream);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(stream));)
        count += strstr(entry->d_name, part) != NULL;
    closedir(stream);
    return count;
}

static void with_a_screen_each_export_is_kept_and_training_goes_on(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-exports");
    begin_paused(&story, &config);
    assert_int_equal(command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    assert_non_null(strstr(story.last_export.path, "model_int8-s1.tflite"));
    char first[SHA256_HEX];
    strcpy(first, story.last_export.sha256);
    /* The same bytes again need no second name. */
    assert_int_equal(command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    assert_string_equal(story.last_export.sha256, first);
    assert_int_equal(count_files(config.out_folder, "model_int8-s"), 1);
    assert_int_equal(command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    assert_non_null(strstr(story.last_export.path, "model_int8-s2.tflite"));
    assert_string_not_equal(story.last_export.sha256, first);
    assert_int_equal(count_files(config.out_folder, "model_int8-s"), 2);
    assert_int_equal(count_files(config.out_folder, "tmp"), 0);
    size_t length;
    unsigned char *bytes = test_read(run_info(story.run)->export_path, &length);
    char newest[SHA256_HEX];
    sha256_hex(bytes, length, newest);
    assert_string_equal(newest, story.last_export.sha256);
    free(bytes);
    assert_int_equal(story.state, STATE_PAUSED);
    assert_int_equal(command(&story, COMMAND_RESUME, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    end(&story);
}

static void who_looks_on_gets_a_glance_before_the_whole(void **state) {
    (void)state;
    char data[1024];
    snprintf(data, sizeof data, "%s", test_shared("data/mnist"));
    struct story story;
    struct run_config config = config_for("run-glance");
    config.data_folder = data;
    begin_paused(&story, &config);
    wait_until(&story, story.evaluations == 2);
    assert_int_equal(story.first_count, 1000);
    assert_int_equal(story.whole, 1);
    end(&story);
}

static void an_export_that_cannot_be_written_leaves_the_old_file(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-blocked");
    struct error error;
    /* A file where the folder should be. */
    assert_ok(file_replace(config.out_folder, "old", 3, NULL, NULL, &error), &error);
    begin_paused(&story, &config);
    assert_int_not_equal(command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    assert_true(strlen(story.text) > 0);
    assert_int_equal(story.exports, 1);
    assert_false(story.last_export.is_ok);
    assert_int_equal(story.state, STATE_PAUSED);
    size_t length;
    unsigned char *bytes = test_read(config.out_folder, &length);
    assert_int_equal(length, 3);
    free(bytes);
    end(&story);
}

/* ---- the table of run control --------------------------------------------------------------- */

static void pause_step_and_resume(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-control");
    begin_paused(&story, &config);
    assert_int_equal(command(&story, COMMAND_PAUSE, 0), STATUS_OK); /* again: harmless */
    for (uint64_t step = 1; step <= 3; step++) {
        story.tensors = 0;
        assert_int_equal(command(&story, COMMAND_STEP, 0), STATUS_OK);
        assert_int_equal(story.batches, step);
        assert_int_equal(story.state, STATE_PAUSED);
        assert_int_equal(story.tensors, run_info(story.run)->plan->tensor_count);
    }
    assert_int_equal(command(&story, COMMAND_TRAIN_ON, 1), STATUS_USAGE);
    assert_int_equal(command(&story, COMMAND_EVALUATE, 0), STATUS_OK);
    assert_int_equal(story.whole_step, 3);
    assert_int_equal(command(&story, COMMAND_RESUME, 0), STATUS_OK);
    assert_int_equal(story.state, STATE_TRAIN);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 60);
    end(&story);
}

static void stop_at_the_end_of_the_epoch_finishes_it(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-stop-epoch");
    config.training.epochs = 3;
    config.training.max_steps = 0;
    config.training.batch = 400; /* 10 batches an epoch */
    begin_paused(&story, &config);
    assert_int_equal(command(&story, COMMAND_STOP_EPOCH, 0), STATUS_OK);
    assert_int_equal(story.state, STATE_STOPPING);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 10);
    assert_int_equal(story.epochs, 1);
    /* What was planned before the stop is forgotten: two epochs means two. */
    assert_int_equal(command(&story, COMMAND_TRAIN_ON, 2), STATUS_OK);
    assert_int_equal(story.state, STATE_TRAIN);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 30);
    assert_int_equal(story.last_epoch.epoch, 3);
    assert_int_equal(story.whole_step, 30);
    end(&story);
}

static void a_stop_at_the_epoch_survives_a_pause(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-stop-pause");
    config.training.epochs = 2;
    config.training.max_steps = 0;
    config.training.batch = 400;
    config.pace = 2; /* so that the pause comes before the epoch's end */
    begin_paused(&story, &config);
    assert_int_equal(command(&story, COMMAND_STOP_EPOCH, 0), STATUS_OK);
    assert_int_equal(command(&story, COMMAND_PAUSE, 0), STATUS_OK);
    assert_int_equal(story.state, STATE_PAUSED);
    assert_int_equal(command(&story, COMMAND_PACE, PACE_MAX), STATUS_OK);
    assert_int_equal(command(&story, COMMAND_RESUME, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 10);
    end(&story);
}

static void stop_now_keeps_the_weights_and_evaluates_them(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-stop-now");
    begin_paused(&story, &config);
    assert_int_equal(command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(command(&story, COMMAND_STOP_NOW, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 1);
    assert_int_equal(story.whole_step, 1);
    static const enum command_kind refused[] = {COMMAND_PAUSE,    COMMAND_RESUME,
                                                COMMAND_STEP,     COMMAND_STOP_EPOCH,
                                                COMMAND_STOP_NOW, COMMAND_STOP_RESTORE};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(command(&story, refused[i], 0), STATUS_USAGE);
        assert_true(strlen(story.text) > 0);
        assert_int_equal(story.state, STATE_DONE);
    }
    static const double no_epochs[] = {0, -1, 1.5, (double)NAN, (double)INFINITY, 1e9};
    for (size_t i = 0; i < sizeof no_epochs / sizeof *no_epochs; i++)
        assert_int_equal(command(&story, COMMAND_TRAIN_ON, no_epochs[i]), STATUS_USAGE);
    end(&story);
}

static void stop_and_restore_goes_back_to_the_best_epoch(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-restore");
    config.training.epochs = 2;
    config.training.max_steps = 13;
    config.training.batch = 400;
    config.training.schedule = SCHEDULE_CONSTANT;
    begin_paused(&story, &config);
    assert_int_equal(command(&story, COMMAND_STOP_RESTORE, 0), STATUS_USAGE);
    assert_int_equal(story.state, STATE_PAUSED);
    for (int i = 0; i < 10; i++) assert_int_equal(command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(story.epochs, 1);
    double best = story.last_epoch.val_accuracy;
    /* Something that is surely worse. */
    assert_int_equal(command(&story, COMMAND_LEARNING_RATE, 1), STATUS_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(command(&story, COMMAND_STEP, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.whole_step, 13);
    assert_true(story.qat < best - 0.05);
    assert_int_equal(command(&story, COMMAND_STOP_RESTORE, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    assert_near(story.qat, best, 0);
    end(&story);
}

static void numbers_that_make_no_sense_are_refused(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-numbers");
    begin_paused(&story, &config);
    static const double no_rates[] = {0, -0.1, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < sizeof no_rates / sizeof *no_rates; i++)
        assert_int_equal(command(&story, COMMAND_LEARNING_RATE, no_rates[i]), STATUS_USAGE);
    static const double no_paces[] = {-2, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < sizeof no_paces / sizeof *no_paces; i++)
        assert_int_equal(command(&story, COMMAND_PACE, no_paces[i]), STATUS_USAGE);
    assert_int_equal(command(&story, COMMAND_PACE, PACE_AUTO), STATUS_OK);
    assert_int_equal(command(&story, COMMAND_LEARNING_RATE, 0.01), STATUS_OK);
    assert_int_equal(command(&story, (enum command_kind)99, 0), STATUS_USAGE);
    end(&story);
}

/* ---- divergence -------------------------------------------------------------------------------
 */

/* A rate that throws the weights so far in the first batch that the second overflows. */
static struct run_config diverging(const char *folder, enum on_nan on_nan) {
    struct run_config config = config_for(folder);
    config.training.schedule = SCHEDULE_CONSTANT;
    config.training.learning_rate = 1e30f;
    config.on_nan = on_nan;
    return config;
}

static void a_loss_that_is_not_finite_pauses_and_raises_an_alarm(void **state) {
    (void)state;
    struct story story;
    struct run_config config = diverging("run-nan-pause", ON_NAN_PAUSE);
    begin(&story, &config);
    wait_until(&story, story.state == STATE_PAUSED);
    assert_true(story.batches < 10);
    assert_int_equal(story.critical, 1);
    uint64_t batches = story.batches;
    /* The user may go on, and is told again. */
    assert_int_equal(command(&story, COMMAND_RESUME, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_PAUSED);
    assert_int_equal(story.batches, batches + 1);
    assert_int_equal(story.critical, 2);
    end(&story);
}

static void a_loss_that_is_not_finite_stops_where_that_is_asked_for(void **state) {
    (void)state;
    /* Without a screen nobody could resume. */
    for (int is_headless = 0; is_headless < 2; is_headless++) {
        struct story story;
        struct run_config config =
            diverging("run-nan-stop", is_headless ? ON_NAN_PAUSE : ON_NAN_STOP);
        config.is_headless = is_headless;
        begin(&story, &config);
        wait_until(&story, story.state == STATE_FAILED);
        assert_true(story.batches < 10);
        assert_int_equal(story.critical, 1);
        assert_int_equal(command(&story, COMMAND_RESUME, 0), STATUS_USAGE);
        assert_int_equal(command(&story, COMMAND_TRAIN_ON, 1), STATUS_OK);
        assert_int_equal(story.state, STATE_TRAIN);
        end(&story);
    }
}

static void a_loss_that_is_not_finite_is_told_once_when_training_is_to_go_on(void **state) {
    (void)state;
    struct story story;
    struct run_config config = diverging("run-nan-continue", ON_NAN_CONTINUE);
    begin(&story, &config);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 60);
    assert_int_equal(story.critical, 1);
    end(&story);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static void the_record_holds_every_batch_and_starts_with_its_schema(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-record");
    char record[1024], trace[1024];
    snprintf(record, sizeof record, "%s", test_scratch("record.jsonl"));
    snprintf(trace, sizeof trace, "%s", test_scratch("trace.jsonl"));
    config.record_path = record;
    config.trace_path = trace;
    config.threads = 2;
    begin(&story, &config);
    wait_until(&story, story.state == STATE_DONE);
    end(&story);
    const char *const files[] = {record, trace};
    for (int i = 0; i < 2; i++) {
        size_t length;
        char *text = (char *)test_read(files[i], &length), *rest = text;
        int lines = 0, batches = 0, done = 0;
        for (char *line; (line = strsep(&rest, "\n")) && *line; lines++) {
            json_error_t error;
            json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, &error);
            assert_non_null(root);
            const char *event = json_string_value(json_object_get(root, "event"));
            const char *now = json_string_value(json_object_get(root, "state"));
            if (i == 0 && lines == 0)
                assert_string_equal(json_string_value(json_object_get(root, "schema")),
                                    "qatop-run");
            if (i == 0 && event && !strcmp(event, "batch")) {
                batches++;
                assert_int_equal(json_integer_value(json_object_get(root, "step")), batches);
            }
            done += now && !strcmp(now, "DONE");
            if (i == 1) {
                batches++;
                assert_int_equal(json_integer_value(json_object_get(root, "step")), batches);
                assert_int_equal(json_array_size(json_object_get(root, "tensors")), 5);
            }
            json_decref(root);
        }
        assert_int_equal(batches, 60);
        assert_int_equal(done, i == 0);
        free(text);
    }
}

static void a_checkpoint_holds_the_model_and_gives_the_same_snapshot(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-checkpoint");
    struct error error;
    begin_paused(&story, &config);
    for (int i = 0; i < 3; i++) assert_int_equal(command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(command(&story, COMMAND_CHECKPOINT, 0), STATUS_OK);
    assert_non_null(strstr(story.checkpoint, "checkpoint-s3.h5"));
    assert_int_equal(command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    char exported[SHA256_HEX];
    strcpy(exported, story.last_export.sha256);
    char newest[1024];
    snprintf(newest, sizeof newest, "%s", run_info(story.run)->checkpoint_path);
    assert_int_equal(access(newest, R_OK), 0);
    assert_ok(run_finish(story.run, true, &error), &error);

    assert_true(checkpoint_probe(newest));
    assert_false(checkpoint_probe(config.model_path));
    struct checkpoint *checkpoint = NULL;
    assert_ok(checkpoint_load(newest, &checkpoint, &error), &error);
    assert_int_equal(checkpoint->snapshot->step, 3);
    assert_int_equal(checkpoint->training.batch, 32);
    assert_int_equal(checkpoint->training.schedule, SCHEDULE_COSINE);
    assert_string_equal(checkpoint->plan->scheme.name, "qatop");
    /* Adam's moments moved, and the second is a sum of squares. */
    float m = 0, v = 0;
    for (size_t i = 0; i < checkpoint->model->weight_count; i++) {
        m = fmaxf(m, fabsf(checkpoint->m[i]));
        v = fmaxf(v, checkpoint->v[i]);
        assert_true(checkpoint->v[i] >= 0);
    }
    assert_true(m > 0 && v > 0);
    /* What is exported from it is what the run exported. */
    struct frozen *frozen = NULL;
    unsigned char *bytes = NULL;
    size_t length;
    char sha256[SHA256_HEX];
    assert_ok(freeze(checkpoint->snapshot, IO_FLOAT, &frozen, &error), &error);
    assert_ok(tflite_serialize(frozen, &bytes, &length, &error), &error);
    sha256_hex(bytes, length, sha256);
    assert_string_equal(sha256, exported);
    free(bytes);
    frozen_free(frozen);
    checkpoint_free(checkpoint);
}

/* Interrupted after 23 batches, in the middle of the second epoch, against not interrupted. */
static void a_resumed_run_gives_the_bits_of_one_that_was_not_interrupted(void **state) {
    (void)state;
    struct story story;
    struct error error;
    struct run_config config = config_for("run-resume");
    config.training.augment = AUGMENT_SHIFT;
    config.training.epochs = 4;
    config.training.max_steps = 0;
    config.training.batch = 256; /* 16 batches an epoch, the last one smaller */
    char whole[SHA256_HEX], folder[1024], checkpoint[1024];
    snprintf(folder, sizeof folder, "%s", config.out_folder);
    begin(&story, &config);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 64);
    assert_int_equal(command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    strcpy(whole, story.last_export.sha256);
    double loss = story.last_epoch.loss, ptq = story.ptq;
    end(&story);

    begin_paused(&story, &config);
    for (int i = 0; i < 23; i++) assert_int_equal(command(&story, COMMAND_STEP, 0), STATUS_OK);
    snprintf(checkpoint, sizeof checkpoint, "%s", run_info(story.run)->checkpoint_path);
    assert_ok(run_finish(story.run, true, &error), &error);

    config = config_for("run-resume"); /* what it was trained with is in the checkpoint */
    config.resume_path = checkpoint;
    begin_at(&story, &config, 23);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 64);
    assert_int_equal(story.last_epoch.epoch, 4);
    assert_true(run_info(story.run)->has_pretrained);
    assert_int_equal(story.ptqs, 1);
    assert_true(story.ptq == ptq); /* of what the training started from */
    assert_true(story.last_epoch.loss == loss);
    assert_int_equal(command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    assert_string_equal(story.last_export.sha256, whole);
    assert_ok(run_finish(story.run, true, &error), &error);

    struct run *run = NULL;
    assert_int_equal(run_create(&run, &config, &error), STATUS_USAGE); /* it is over now */
    config.resume_path = config.model_path;
    assert_int_equal(run_create(&run, &config, &error), STATUS_FORMAT);
}

/* As the first versions wrote them: HDF5 finds the group under no such name. */
static void forget_the_pretrained(const char *path) {
    struct error error;
    size_t length;
    unsigned char *bytes = test_read(path, &length), *name = bytes;
    int found = 0;
    while ((name = memmem(name, length - (size_t)(name - bytes), "pretrained", 10))) {
        name[9] = '_';
        found++;
    }
    assert_int_equal(found, 1);
    assert_ok(file_replace(path, bytes, length, NULL, NULL, &error), &error);
    free(bytes);
}

static void an_old_checkpoint_goes_on_without_the_baseline(void **state) {
    (void)state;
    struct story story;
    struct error error;
    struct run_config config = config_for("run-old");
    char checkpoint[1024];
    begin_paused(&story, &config);
    assert_int_equal(command(&story, COMMAND_STEP, 0), STATUS_OK);
    snprintf(checkpoint, sizeof checkpoint, "%s", run_info(story.run)->checkpoint_path);
    assert_ok(run_finish(story.run, true, &error), &error);
    forget_the_pretrained(checkpoint);

    config.resume_path = checkpoint;
    begin_at(&story, &config, 1);
    wait_until(&story, story.state == STATE_DONE);
    assert_false(run_info(story.run)->has_pretrained);
    assert_int_equal(story.ptqs, 0); /* a checkpoint is no untrained model */
    end(&story);
}

/* ---- the screen stands still ------------------------------------------------------------------
 */

static void training_ends_although_the_screen_reads_nothing(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-stalled");
    config.training.epochs = 2;
    config.training.batch = 1; /* 5,000 batches: more than the ring has slots */
    config.training.max_steps = 5000;
    begin(&story, &config);
    double deadline = clock_seconds() + DEADLINE;
    while (run_pressure(story.run).folded < 500 && clock_seconds() < deadline) clock_sleep(0.01);
    assert_true(run_pressure(story.run).folded >= 500);
    assert_int_equal(run_pressure(story.run).high_water, run_pressure(story.run).capacity);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 5000); /* listen_to checked that none is missing */
    end(&story);
}

/* ---- what the user got wrong -------------------------------------------------------------------
 */

static void what_cannot_work_is_refused_before_anything_starts(void **state) {
    (void)state;
    struct run *run = NULL;
    struct error error;
    struct run_config config = config_for("run-refused");
    config.model_path = "/nowhere/model.h5";
    assert_int_not_equal(run_create(&run, &config, &error), STATUS_OK);
    assert_string_equal(error.where, "/nowhere/model.h5");
    config = config_for("run-refused");
    config.data_folder = "/nowhere";
    assert_int_not_equal(run_create(&run, &config, &error), STATUS_OK);
    assert_non_null(strstr(error.where, "/nowhere"));
    config = config_for("run-refused");
    config.training.epochs = 0;
    assert_int_equal(run_create(&run, &config, &error), STATUS_USAGE);
    assert_string_equal(error.where, "--epochs");
    config = config_for("run-refused");
    config.training.learning_rate = NAN;
    assert_int_equal(run_create(&run, &config, &error), STATUS_USAGE);
    config = config_for("run-refused");
    config.weight_bits = 9;
    assert_int_equal(run_create(&run, &config, &error), STATUS_USAGE);
    config = config_for("run-refused");
    config.trace_path = "/dev/null/trace.jsonl";
    assert_int_equal(run_create(&run, &config, &error), STATUS_IO);
    assert_null(run);
}

static void the_folder_is_named_after_the_architecture(void **state) {
    (void)state;
    struct run *run = NULL;
    struct error error;
    struct run_config config = config_for("run-name");
    config.out_folder = NULL;
    assert_ok(run_create(&run, &config, &error), &error);
    assert_string_equal(run_info(run)->export_path,
                        "saved_model/mnist_fc_int8_qat/model_int8.tflite");
    assert_string_equal(run_info(run)->name, "mnist_fc");
    /* Never started: nothing to wait for. */
    assert_ok(run_finish(run, false, &error), &error);
    char cnn[1024];
    snprintf(cnn, sizeof cnn, "%s", test_asset("models/mnist_cnn.h5"));
    config.model_path = cnn;
    assert_ok(run_create(&run, &config, &error), &error);
    assert_string_equal(run_info(run)->export_path,
                        "saved_model/mnist_cnn_int8_qat/model_int8.tflite");
    assert_ok(run_finish(run, false, &error), &error);
    assert_ok(run_finish(NULL, true, &error), &error);
}

/* The augmentation that a run of a bundled model settles on. */
static enum augmentation chosen_augmentation(const char *model, const char *scheme,
                                             enum augmentation asked) {
    struct run *run = NULL;
    struct error error;
    struct run_config config = config_for("run-augment");
    char path[1024];
    snprintf(path, sizeof path, "%s", test_asset(model));
    config.model_path = path;
    config.scheme = scheme_find(scheme);
    config.training.augment = asked;
    assert_ok(run_create(&run, &config, &error), &error);
    enum augmentation chosen = run_info(run)->config->training.augment;
    assert_ok(run_finish(run, false, &error), &error);
    return chosen;
}

static void digits_are_shifted_by_default_where_the_model_convolves(void **state) {
    (void)state;
    const char *fc = "models/mnist_fc.h5", *cnn = "models/mnist_cnn.h5";
    assert_int_equal(chosen_augmentation(cnn, "qatop", AUGMENT_OF_SCHEME), AUGMENT_SHIFT);
    assert_int_equal(chosen_augmentation(fc, "qatop", AUGMENT_OF_SCHEME), AUGMENT_NONE);
    assert_int_equal(chosen_augmentation(cnn, "tfmot", AUGMENT_OF_SCHEME), AUGMENT_NONE);
    assert_int_equal(chosen_augmentation(cnn, "qatop", AUGMENT_NONE), AUGMENT_NONE);
    assert_int_equal(chosen_augmentation(fc, "tfmot", AUGMENT_AFFINE), AUGMENT_AFFINE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_run_trains_evaluates_and_exports_a_file_that_proves_true),
    cmocka_unit_test(with_a_screen_each_export_is_kept_and_training_goes_on),
    cmocka_unit_test(who_looks_on_gets_a_glance_before_the_whole),
    cmocka_unit_test(an_export_that_cannot_be_written_leaves_the_old_file),
    cmocka_unit_test(pause_step_and_resume),
    cmocka_unit_test(stop_at_the_end_of_the_epoch_finishes_it),
    cmocka_unit_test(a_stop_at_the_epoch_survives_a_pause),
    cmocka_unit_test(stop_now_keeps_the_weights_and_evaluates_them),
    cmocka_unit_test(stop_and_restore_goes_back_to_the_best_epoch),
    cmocka_unit_test(numbers_that_make_no_sense_are_refused),
    cmocka_unit_test(a_loss_that_is_not_finite_pauses_and_raises_an_alarm),
    cmocka_unit_test(a_loss_that_is_not_finite_stops_where_that_is_asked_for),
    cmocka_unit_test(a_loss_that_is_not_finite_is_told_once_when_training_is_to_go_on),
    cmocka_unit_test(the_record_holds_every_batch_and_starts_with_its_schema),
    cmocka_unit_test(a_checkpoint_holds_the_model_and_gives_the_same_snapshot),
    cmocka_unit_test(a_resumed_run_gives_the_bits_of_one_that_was_not_interrupted),
    cmocka_unit_test(an_old_checkpoint_goes_on_without_the_baseline),
    cmocka_unit_test(training_ends_although_the_screen_reads_nothing),
    cmocka_unit_test(what_cannot_work_is_refused_before_anything_starts),
    cmocka_unit_test(the_folder_is_named_after_the_architecture),
    cmocka_unit_test(digits_are_shifted_by_default_where_the_model_convolves),
};

TEST_MAIN(tests)
