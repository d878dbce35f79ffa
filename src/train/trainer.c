#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/random.h"
#include "kernel/kernel.h"
#include "quant/observer.h"
#include "train/inspect.h"
#include "network/network.h"
#include "train/optimizer.h"

struct trainer {
    const struct model *model;
    const struct quant_plan *plan; /* NULL: plain float32 */
    const struct samples *samples;
    struct training training;
    struct pool *pool;
    struct network *network;

    float *weights, *m, *v, *gradient;    /* [weight_count] each */
    struct range *ranges, *ranges_before; /* [range_count]; before: to undo a failed step */
    bool is_calibrated;                   /* or need not be */
    uint32_t *order;                      /* [digits->count], of epoch order_epoch */
    uint64_t order_epoch;
    struct samples chosen; /* of the last batch; owns its bytes and labels */
    struct augment augment;
    int count;                /* samples in it */
    struct step_times *times; /* of trainer_measure */

    int batches;      /* in an epoch */
    uint64_t steps;   /* batches done */
    uint64_t updates; /* those among them that changed the weights */
    uint64_t end;     /* steps when training ends, max_steps left aside */

    double peak;                              /* rate where the schedule's share is 1 */
    float nominal;                            /* the rate that was asked for last */
    uint64_t schedule_begin, schedule_length; /* in steps */
    float set_rate;                           /* by trainer_set_learning_rate, for step set_at */
    uint64_t set_at;
};

/* ---- creation ---- */

static enum status check_training(const struct training *training, const struct dataset *dataset,
                                  struct error *error) {
    if (training->batch < 1 || training->batch > MAX_BATCH)
        return error_set(error, STATUS_USAGE, "", "batch size %d: must be between 1 and %d",
                         training->batch, MAX_BATCH);
    if (training->epochs < 1 || training->epochs > MAX_EPOCHS)
        return error_set(error, STATUS_USAGE, "", "%d epochs: must be between 1 and %d",
                         training->epochs, MAX_EPOCHS);
    if (!(training->learning_rate >= 0) || !isfinite(training->learning_rate))
        return error_set(error, STATUS_USAGE, "", "the learning rate must be 0 or more");
    if (training->warmup < 0)
        return error_set(error, STATUS_USAGE, "", "the warmup must be 0 or more batches");
    if (!(training->label_smoothing >= 0 && training->label_smoothing < 1))
        return error_set(error, STATUS_USAGE, "",
                         "label smoothing must be at least 0 and less than 1");
    if (dataset->train.count == 0 || dataset->train.count > UINT32_MAX)
        return error_set(error, STATUS_USAGE, dataset->path,
                         "%zu training images: must be between 1 and 4294967295",
                         dataset->train.count);
    return STATUS_OK;
}

static enum status trainer_allocate(struct trainer *trainer, struct error *error) {
    size_t weights = trainer->model->weight_count, batch = (size_t)trainer->training.batch;
    size_t ranges = trainer->plan ? (size_t)trainer->plan->range_count : 0;
    trainer->weights = array_new(weights, sizeof(float));
    trainer->m = array_new(weights, sizeof(float));
    trainer->v = array_new(weights, sizeof(float));
    trainer->gradient = array_new(weights, sizeof(float));
    trainer->ranges = array_new(ranges, sizeof(struct range));
    trainer->ranges_before = array_new(ranges, sizeof(struct range));
    trainer->order = array_new(trainer->samples->count, sizeof *trainer->order);
    trainer->chosen = *trainer->samples;
    trainer->chosen.bytes = array_new(batch, samples_bytes(trainer->samples));
    trainer->chosen.labels = array_new(batch, sizeof *trainer->chosen.labels);
    if (!trainer->weights || !trainer->m || !trainer->v || !trainer->gradient || !trainer->ranges ||
        !trainer->ranges_before || !trainer->order || !trainer->chosen.bytes ||
        !trainer->chosen.labels)
        return error_memory(error, trainer->model->name, weights * 4 * sizeof(float));
    memcpy(trainer->weights, trainer->model->weights, weights * sizeof(float));
    return STATUS_OK;
}

static void take_sample(struct trainer *trainer, bool is_augmented, size_t slot, size_t index) {
    size_t bytes = samples_bytes(trainer->samples);
    const unsigned char *from = samples_at(trainer->samples, index);
    unsigned char *to = trainer->chosen.bytes + slot * bytes;
    if (is_augmented)
        augment_image(&trainer->augment, trainer->steps, (uint32_t)slot, from, to);
    else
        memcpy(to, from, bytes);
    trainer->chosen.labels[slot] = trainer->samples->labels[index];
}

static struct pass make_pass(struct trainer *trainer) {
    return (struct pass){
        .pool = trainer->pool,
        .count = trainer->count,
        .samples = &trainer->chosen,
        .weights = trainer->weights,
        .ranges = trainer->ranges,
        .seed = trainer->training.seed,
        .step = trainer->steps,
        .times = trainer->times,
    };
}

static enum status trainer_fill(struct trainer *trainer, struct error *error) {
    enum status status = trainer_allocate(trainer, error);
    if (!status)
        status = samples_check_input(trainer->samples, &trainer->model->layers[0].output,
                                     trainer->model->name, error);
    if (status) return status;
    struct network_options options = {
        .model = trainer->model,
        .plan = trainer->plan,
        .batch = trainer->training.batch,
        .threads = pool_threads(trainer->pool),
        .trains = true,
    };
    status = network_create(&trainer->network, &options, error);
    if (status || !trainer->plan) return status;
    observer_reset(trainer->plan, trainer->ranges);
    if (trainer->plan->scheme.fresh_weight_ranges || trainer->plan->scheme.calibrate)
        observer_kernels(trainer->pool, trainer->plan, trainer->model, trainer->weights,
                         trainer->ranges);
    return STATUS_OK;
}

static void start_schedule(struct trainer *trainer, uint64_t begin) {
    uint64_t warmup = (uint64_t)trainer->training.warmup;
    trainer->schedule_begin = begin > warmup ? begin : warmup;
    trainer->schedule_length =
        trainer->end > trainer->schedule_begin ? trainer->end - trainer->schedule_begin : 0;
    trainer->peak = (double)trainer->nominal;
}

enum status trainer_create(struct trainer **trainer, const struct model *model,
                           const struct quant_plan *plan, const struct dataset *dataset,
                           const struct training *training, struct pool *pool,
                           struct error *error) {
    *trainer = NULL;
    enum status status = check_training(training, dataset, error);
    if (status) return status;
    struct trainer *made = calloc(1, sizeof *made);
    if (!made) return error_memory(error, model->name, sizeof *made);
    size_t batch = (size_t)training->batch;
    made->model = model;
    made->plan = plan;
    made->samples = &dataset->train;
    made->augment = (struct augment){training->augment, dataset->train.shape, training->seed};
    if (dataset->train.element != ELEMENT_UINT8) made->augment.kind = AUGMENT_NONE;
    made->training = *training;
    made->pool = pool;
    made->batches = (int)((dataset->train.count + batch - 1) / batch);
    made->end = (uint64_t)training->epochs * (uint64_t)made->batches;
    made->nominal = training->learning_rate;
    made->order_epoch = UINT64_MAX;
    made->set_at = UINT64_MAX;
    made->is_calibrated = !plan || !plan->scheme.calibrate;
    start_schedule(made, 0);
    status = trainer_fill(made, error);
    if (status) {
        trainer_destroy(made);
        return status;
    }
    *trainer = made;
    return STATUS_OK;
}

void trainer_destroy(struct trainer *trainer) {
    if (!trainer) return;
    network_destroy(trainer->network);
    array_free(trainer->weights);
    array_free(trainer->m);
    array_free(trainer->v);
    array_free(trainer->gradient);
    array_free(trainer->ranges);
    array_free(trainer->ranges_before);
    array_free(trainer->order);
    array_free(trainer->chosen.bytes);
    array_free(trainer->chosen.labels);
    free(trainer);
}

/* ---- initial ranges ---- */

#define CALIBRATION_SAMPLES 1024

/* Ranges start as the mean over batches of training digits, which a moving average would reach
 * after thousands of steps. */
void trainer_calibrate(struct trainer *trainer) {
    const struct quant_plan *plan = trainer->plan;
    if (trainer->is_calibrated) return;
    trainer->is_calibrated = true;
    for (int i = 0; i < plan->tensor_count; i++)
        if (plan->tensors[i].kind == TENSOR_ACTIVATION)
            trainer->ranges[plan->tensors[i].offset] = (struct range){0, 0};
    size_t all = trainer->samples->count, batch = (size_t)trainer->training.batch;
    size_t total = all < CALIBRATION_SAMPLES ? all : CALIBRATION_SAMPLES;
    if (batch > total) total = batch < all ? batch : all;
    if (batch > total) batch = total;
    trainer->count = (int)batch;
    trainer->chosen.count = batch;
    struct pass pass = make_pass(trainer);
    pass.batch_statistics = true;
    network_quantize_kernels(trainer->network, &pass);
    for (size_t b = 0; b < total / batch; b++) {
        for (size_t i = 0; i < batch; i++) /* spread: a folder may be sorted by class */
            take_sample(trainer, false, i, (size_t)((uint64_t)(b * batch + i) * all / total));
        pass.rate = 1.0f / (float)(b + 1);
        network_forward(trainer->network, &pass);
    }
    trainer->count = 0;
    trainer->chosen.count = 0;
}

/* ---- learning rate ---- */

static double rate_share(const struct trainer *trainer) {
    int warmup = trainer->training.warmup;
    if (trainer->steps < (uint64_t)warmup) return (double)(trainer->steps + 1) / (double)warmup;
    return schedule_share(trainer->training.schedule, trainer->steps - trainer->schedule_begin,
                          trainer->schedule_length);
}

static float learning_rate(const struct trainer *trainer) {
    if (trainer->set_at == trainer->steps) return trainer->set_rate;
    return (float)(trainer->peak * rate_share(trainer));
}

void trainer_set_learning_rate(struct trainer *trainer, float rate) {
    double share = rate_share(trainer);
    trainer->set_rate = trainer->nominal = rate;
    trainer->set_at = trainer->steps;
    trainer->peak = share > 0 ? (double)rate / share : (double)rate;
}

static bool has_ended(const struct trainer *trainer) {
    uint64_t most = trainer->training.max_steps;
    return trainer->steps >= trainer->end || (most && trainer->steps >= most);
}

void trainer_extend(struct trainer *trainer, int epochs) {
    uint64_t batches = (uint64_t)trainer->batches;
    /* Drop the remaining epochs, but finish the current one. */
    trainer->end = (trainer->steps + batches - 1) / batches * batches;
    trainer->end += (uint64_t)epochs * batches;
    trainer->training.max_steps = 0;
    start_schedule(trainer, trainer->steps);
}

/* ---- a step ---- */

void trainer_measure(struct trainer *trainer, struct step_times *times) {
    trainer->times = times;
}

/* Add the time since *last to a field of the times, if they are measured. */
#define TIME_SPENT(trainer, field, last)                                                           \
    do {                                                                                           \
        if (!(trainer)->times) break;                                                              \
        double now = clock_seconds();                                                              \
        (trainer)->times->field += now - *(last);                                                  \
        *(last) = now;                                                                             \
    } while (0)

struct loading {
    struct trainer *trainer;
    size_t begin; /* of the batch, in the epoch's order */
};

static void load_part(void *context, int part, int parts) {
    const struct loading *loading = context;
    struct trainer *trainer = loading->trainer;
    const struct training *training = &trainer->training;
    size_t begin, end;
    pool_share((size_t)trainer->count, 1, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t index = loading->begin + i;
        if (training->shuffle) index = trainer->order[index];
        take_sample(trainer, trainer->augment.kind != AUGMENT_NONE, i, index);
    }
}

static void load_batch(struct trainer *trainer) {
    uint64_t epoch = trainer->steps / (uint64_t)trainer->batches;
    size_t all = trainer->samples->count, batch = (size_t)trainer->training.batch;
    size_t begin = (size_t)(trainer->steps % (uint64_t)trainer->batches) * batch;
    size_t count = all - begin < batch ? all - begin : batch;
    if (trainer->training.shuffle && trainer->order_epoch != epoch) {
        random_permutation(trainer->training.seed, epoch, trainer->order, all);
        trainer->order_epoch = epoch;
    }
    trainer->count = (int)count;
    trainer->chosen.count = count;
    struct loading loading = {trainer, begin};
    /* Shuffled digits miss every cache, so the threads share the waiting as well. */
    pool_run(trainer->pool, pool_threads(trainer->pool), load_part, &loading);
}

static float mean_loss(const struct trainer *trainer) {
    const float *losses = network_losses(trainer->network);
    double sum = 0;
    for (int i = 0; i < trainer->count; i++) sum += (double)losses[i];
    return (float)(sum / trainer->count);
}

static bool all_finite(const struct trainer *trainer) {
    float low, high;
    min_max(trainer->pool, trainer->model->weight_count, trainer->gradient, &low, &high);
    bool finite = isfinite(low) && isfinite(high);
    int ranges = trainer->plan ? trainer->plan->range_count : 0;
    for (int i = 0; i < ranges; i++)
        finite &= isfinite(trainer->ranges[i].min) && isfinite(trainer->ranges[i].max);
    return finite;
}

static void update(struct trainer *trainer, float rate) {
    trainer->updates++;
    struct adam adam = adam_factors(rate, trainer->updates);
    adam_update(trainer->pool, trainer->model->weight_count, &adam, trainer->gradient, trainer->m,
                trainer->v, trainer->weights);
    network_update_statistics(trainer->network, trainer->weights);
    if (trainer->plan && trainer->plan->scheme.fresh_weight_ranges)
        observer_kernels(trainer->pool, trainer->plan, trainer->model, trainer->weights,
                         trainer->ranges);
}

static void describe(const struct trainer *trainer, struct step_result *result) {
    uint64_t before = trainer->steps - 1, batches = (uint64_t)trainer->batches;
    result->step = trainer->steps;
    result->epoch = (int)(before / batches);
    result->batch = (int)(before % batches) + 1;
    result->batches = trainer->batches;
    result->count = trainer->count;
    result->ends_epoch = result->batch == result->batches;
    result->ends_training = has_ended(trainer);
}

void trainer_step(struct trainer *trainer, struct step_result *result) {
    const struct quant_plan *plan = trainer->plan;
    size_t range_bytes = plan ? (size_t)plan->range_count * sizeof *trainer->ranges : 0;
    double last = trainer->times ? clock_seconds() : 0;
    qt_assert(!has_ended(trainer) && trainer->is_calibrated);
    load_batch(trainer);
    TIME_SPENT(trainer, data, &last);
    memcpy(trainer->ranges_before, trainer->ranges, range_bytes);

    struct pass pass = make_pass(trainer);
    pass.batch_statistics = true;
    pass.dropout = trainer->training.dropout;
    pass.label_smoothing = trainer->training.label_smoothing;
    if (plan) {
        pass.rate = (float)(1.0 - plan->scheme.range_decay);
        if (!plan->scheme.fresh_weight_ranges)
            observer_kernels(trainer->pool, plan, trainer->model, trainer->weights,
                             trainer->ranges);
        network_quantize_kernels(trainer->network, &pass);
    }
    TIME_SPENT(trainer, kernels, &last);
    network_forward(trainer->network, &pass);
    if (trainer->times) last = clock_seconds();
    network_loss(trainer->network, &pass, trainer->chosen.labels, &result->correct);
    TIME_SPENT(trainer, loss, &last);
    network_backward(trainer->network, &pass, trainer->gradient);

    if (trainer->times) last = clock_seconds();
    result->loss = mean_loss(trainer);
    result->learning_rate = learning_rate(trainer);
    result->is_finite = isfinite(result->loss) && all_finite(trainer);
    if (result->is_finite)
        update(trainer, result->learning_rate);
    else
        memcpy(trainer->ranges, trainer->ranges_before, range_bytes);
    TIME_SPENT(trainer, update, &last);
    trainer->steps++;
    describe(trainer, result);
}

/* ---- inspection ---- */

struct trainer_memory trainer_memory(const struct trainer *trainer) {
    size_t ranges = trainer->plan ? (size_t)trainer->plan->range_count : 0;
    return (struct trainer_memory){
        .network = network_memory(trainer->network),
        .optimizer =
            4 * trainer->model->weight_count * sizeof(float) + 2 * ranges * sizeof(struct range),
        .samples =
            (size_t)trainer->training.batch * (samples_bytes(trainer->samples) + sizeof(uint16_t)) +
            trainer->samples->count * sizeof *trainer->order,
    };
}

const struct network *trainer_network(const struct trainer *trainer) {
    return trainer->network;
}

const float *trainer_weights(const struct trainer *trainer) {
    return trainer->weights;
}

const struct range *trainer_ranges(const struct trainer *trainer) {
    return trainer->plan ? trainer->ranges : NULL;
}

uint64_t trainer_steps(const struct trainer *trainer) {
    return trainer->steps;
}

struct snapshot *trainer_snapshot(const struct trainer *trainer) {
    qt_assert(trainer->plan && trainer->is_calibrated);
    return snapshot_create(trainer->model, trainer->plan, trainer->steps, trainer->weights,
                           trainer->ranges);
}

void trainer_restore(struct trainer *trainer, const struct snapshot *snapshot) {
    qt_assert(trainer->plan && trainer->plan->range_count == snapshot->plan->range_count &&
              trainer->model->weight_count == snapshot->model->weight_count);
    memcpy(trainer->weights, snapshot->weights,
           trainer->model->weight_count * sizeof *trainer->weights);
    memcpy(trainer->ranges, snapshot->ranges,
           (size_t)trainer->plan->range_count * sizeof *trainer->ranges);
}

void trainer_set_ranges(struct trainer *trainer, const struct range *ranges) {
    qt_assert(trainer->plan && trainer->steps == 0);
    memcpy(trainer->ranges, ranges, (size_t)trainer->plan->range_count * sizeof *trainer->ranges);
}

void trainer_inspect(const struct trainer *trainer, int index, struct tensor_stats *stats) {
    const struct quant_plan *plan = trainer->plan;
    qt_assert(plan && index >= 0 && index < plan->tensor_count);
    const struct quant_tensor *tensor = &plan->tensors[index];
    const struct range *ranges = trainer->ranges + tensor->offset;
    size_t count = 0;
    const float *values = NULL;
    switch (tensor->kind) {
    case TENSOR_INPUT:
        inspect_samples(plan, tensor, ranges, &trainer->chosen, stats);
        return;
    case TENSOR_WEIGHT: {
        int kernel = trainer->model->layers[tensor->layer].kernel;
        const struct parameter *parameter = &trainer->model->parameters[kernel];
        values = trainer->weights + parameter->offset;
        count = parameter->count;
        break;
    }
    case TENSOR_ACTIVATION:
        if (trainer->steps > 0) values = network_observed(trainer->network, tensor->layer, &count);
        break;
    }
    inspect_values(plan, tensor, ranges, count, values, stats);
}

struct optimizer_state trainer_optimizer(const struct trainer *trainer) {
    return (struct optimizer_state){trainer->updates, trainer->m, trainer->v};
}

struct trainer_progress trainer_progress(const struct trainer *trainer) {
    return (struct trainer_progress){
        .steps = trainer->steps,
        .updates = trainer->updates,
        .end = trainer->end,
        .schedule_begin = trainer->schedule_begin,
        .schedule_length = trainer->schedule_length,
        .peak = trainer->peak,
        .nominal = trainer->nominal,
        .set_at = trainer->set_at,
        .set_rate = trainer->set_rate,
    };
}

void trainer_resume(struct trainer *trainer, const struct snapshot *snapshot, const float *m,
                    const float *v, const struct trainer_progress *progress) {
    size_t bytes = trainer->model->weight_count * sizeof(float);
    trainer->is_calibrated = true;
    trainer_restore(trainer, snapshot);
    memcpy(trainer->m, m, bytes);
    memcpy(trainer->v, v, bytes);
    trainer->steps = progress->steps;
    trainer->updates = progress->updates;
    trainer->end = progress->end;
    trainer->schedule_begin = progress->schedule_begin;
    trainer->schedule_length = progress->schedule_length;
    trainer->peak = progress->peak;
    trainer->nominal = progress->nominal;
    trainer->set_at = progress->set_at;
    trainer->set_rate = progress->set_rate;
}
