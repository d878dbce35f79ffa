#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "test.h"
#include "tflite/tflite.h"
#include "train/checkpoint.h"
#include "evaluate/ptq.h"
#include "run/run.h"
#include "run/story.h"

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
    story_begin(&story, &config);
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

    assert_int_equal(story_command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    const struct export_result *export_ = &story.last_export;
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
    story_end(&story);
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
    story_begin_paused(&story, &config);
    assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(story_command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    assert_non_null(strstr(story.last_export.path, "model_int8-s1.tflite"));
    char first[SHA256_HEX];
    strcpy(first, story.last_export.sha256);
    /* The same bytes again need no second name. */
    assert_int_equal(story_command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    assert_string_equal(story.last_export.sha256, first);
    assert_int_equal(count_files(config.out_folder, "model_int8-s"), 1);
    assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(story_command(&story, COMMAND_EXPORT, 0), STATUS_OK);
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
    assert_int_equal(story_command(&story, COMMAND_RESUME, 0), STATUS_OK);
    wait_until(&story, story.state == STATE_DONE);
    story_end(&story);
}

static void who_looks_on_gets_a_glance_before_the_whole(void **state) {
    (void)state;
    char data[1024];
    snprintf(data, sizeof data, "%s", test_shared("data/mnist"));
    struct story story;
    struct run_config config = config_for("run-glance");
    config.data_folder = data;
    story_begin_paused(&story, &config);
    wait_until(&story, story.evaluations == 2);
    assert_int_equal(story.first_count, 1000);
    assert_int_equal(story.whole, 1);
    story_end(&story);
}

static void an_export_that_cannot_be_written_leaves_the_old_file(void **state) {
    (void)state;
    struct story story;
    struct run_config config = config_for("run-blocked");
    struct error error;
    /* A file where the folder should be. */
    assert_ok(file_replace(config.out_folder, "old", 3, NULL, NULL, &error), &error);
    story_begin_paused(&story, &config);
    assert_int_not_equal(story_command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    assert_true(strlen(story.text) > 0);
    assert_int_equal(story.exports, 1);
    assert_false(story.last_export.is_ok);
    assert_int_equal(story.state, STATE_PAUSED);
    size_t length;
    unsigned char *bytes = test_read(config.out_folder, &length);
    assert_int_equal(length, 3);
    free(bytes);
    story_end(&story);
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
    story_begin(&story, &config);
    wait_until(&story, story.state == STATE_DONE);
    story_end(&story);
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
    story_begin_paused(&story, &config);
    for (int i = 0; i < 3; i++) assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
    assert_int_equal(story_command(&story, COMMAND_CHECKPOINT, 0), STATUS_OK);
    assert_non_null(strstr(story.checkpoint, "checkpoint-s3.h5"));
    assert_int_equal(story_command(&story, COMMAND_EXPORT, 0), STATUS_OK);
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
    story_begin(&story, &config);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 64);
    assert_int_equal(story_command(&story, COMMAND_EXPORT, 0), STATUS_OK);
    strcpy(whole, story.last_export.sha256);
    double loss = story.last_epoch.loss, ptq = story.ptq;
    story_end(&story);

    story_begin_paused(&story, &config);
    for (int i = 0; i < 23; i++)
        assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
    snprintf(checkpoint, sizeof checkpoint, "%s", run_info(story.run)->checkpoint_path);
    assert_ok(run_finish(story.run, true, &error), &error);

    config = config_for("run-resume"); /* what it was trained with is in the checkpoint */
    config.resume_path = checkpoint;
    story_begin_at(&story, &config, 23);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 64);
    assert_int_equal(story.last_epoch.epoch, 4);
    assert_int_equal(run_info(story.run)->baseline, BASELINE_PRETRAINED);
    assert_int_equal(story.ptqs, 1);
    assert_true(story.ptq == ptq); /* of what the training started from */
    assert_true(story.last_epoch.loss == loss);
    assert_int_equal(story_command(&story, COMMAND_EXPORT, 0), STATUS_OK);
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
    story_begin_paused(&story, &config);
    assert_int_equal(story_command(&story, COMMAND_STEP, 0), STATUS_OK);
    snprintf(checkpoint, sizeof checkpoint, "%s", run_info(story.run)->checkpoint_path);
    assert_ok(run_finish(story.run, true, &error), &error);
    forget_the_pretrained(checkpoint);

    config.resume_path = checkpoint;
    story_begin_at(&story, &config, 1);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(run_info(story.run)->baseline, BASELINE_CHECKPOINT);
    assert_int_equal(story.ptqs, 0); /* a checkpoint is no untrained model */
    assert_ok(run_finish(story.run, true, &error), &error);

    /* Nor does what it goes on to write claim to hold one. */
    struct checkpoint *later;
    assert_ok(checkpoint_load(checkpoint, &later, &error), &error);
    assert_false(later->has_pretrained);
    checkpoint_free(later);
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
    story_begin(&story, &config);
    double deadline = clock_seconds() + DEADLINE;
    while (run_pressure(story.run).folded < 500 && clock_seconds() < deadline) clock_sleep(0.01);
    assert_true(run_pressure(story.run).folded >= 500);
    assert_int_equal(run_pressure(story.run).high_water, run_pressure(story.run).capacity);
    wait_until(&story, story.state == STATE_DONE);
    assert_int_equal(story.batches, 5000); /* listen_to checked that none is missing */
    story_end(&story);
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
