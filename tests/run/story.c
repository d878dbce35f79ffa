#include "run/story.h"

#include <stdio.h>
#include <string.h>

void story_listen(struct story *story, struct event *event) {
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
        story->fp32 = event->evaluation->results[PRECISION_FP32].accuracy;
        story->qat = event->evaluation->results[PRECISION_QAT].accuracy;
        story->int8 = event->evaluation->results[PRECISION_INT8].accuracy;
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
        (void)sscanf(event->log.text, "went back to the weights of epoch %d",
                     &story->restored_epoch);
        break;
    case EVENT_ACKNOWLEDGE:
        story->acknowledged = event->acknowledge.command;
        story->status = event->acknowledge.status;
        strcpy(story->text, event->acknowledge.text);
        break;
    }
    event_release(event);
}

enum status story_command(struct story *story, enum command_kind kind, double number) {
    uint32_t sent = run_send(story->run, (struct command){kind, number});
    assert_int_not_equal(sent, 0);
    wait_until(story, story->acknowledged == sent);
    return story->status;
}

struct run_config config_for(const char *folder) {
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

void story_begin_at(struct story *story, const struct run_config *config, uint64_t batches) {
    struct error error;
    *story = (struct story){.batches = batches};
    assert_ok(run_create(&story->run, config, &error), &error);
    assert_ok(run_start(story->run, &error), &error);
}

void story_begin(struct story *story, const struct run_config *config) {
    story_begin_at(story, config, 0);
}

void story_begin_paused(struct story *story, const struct run_config *config) {
    struct error error;
    *story = (struct story){0};
    assert_ok(run_create(&story->run, config, &error), &error);
    uint32_t sent = run_send(story->run, (struct command){COMMAND_PAUSE, 0});
    assert_ok(run_start(story->run, &error), &error);
    wait_until(story, story->acknowledged == sent);
    assert_int_equal(story->state, STATE_PAUSED);
    assert_int_equal(story->batches, 0);
}

void story_end(struct story *story) {
    struct error error;
    assert_ok(run_finish(story->run, false, &error), &error);
}
