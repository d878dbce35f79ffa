#include "run/alarms.h"

#include <stdio.h>
#include <stdlib.h>

#define REPORTS_TO_RAISE 3
#define REPORTS_TO_CLEAR 10

/* One condition watched over time. */
struct watch {
    int bad, good; /* reports in a row */
    int raised;    /* times */
    bool is_raised;
};

struct tensor_watch {
    struct watch saturation, sqnr, drift;
};

struct alarms {
    struct tensor_watch *tensors;
    int tensor_count;
    struct watch gap;
};

struct alarms *alarms_create(int tensors) {
    struct alarms *alarms = calloc(1, sizeof *alarms);
    if (!alarms) return NULL;
    alarms->tensors = calloc(tensors > 0 ? (size_t)tensors : 1, sizeof *alarms->tensors);
    if (!alarms->tensors) {
        free(alarms);
        return NULL;
    }
    alarms->tensor_count = tensors;
    return alarms;
}

void alarms_destroy(struct alarms *alarms) {
    if (!alarms) return;
    free(alarms->tensors);
    free(alarms);
}

/* True if this report raises the alarm. */
static bool watch(struct watch *watch, bool is_bad, int to_raise, int to_clear) {
    if (!is_bad) {
        watch->bad = 0;
        if (++watch->good >= to_clear) watch->is_raised = false;
        return false;
    }
    watch->good = 0;
    if (++watch->bad < to_raise || watch->is_raised || watch->raised >= ALARM_REPEATS) return false;
    watch->is_raised = true;
    watch->raised++;
    return true;
}

bool alarms_tensor(struct alarms *alarms, const char *name, const struct event_tensor *tensor,
                   uint64_t step, char *text, size_t size) {
    if (step < ALARM_WARM_UP || tensor->tensor < 0 || tensor->tensor >= alarms->tensor_count)
        return false;
    struct tensor_watch *own = &alarms->tensors[tensor->tensor];
    const struct tensor_stats *stats = &tensor->stats;
    /* Written so that NaN counts as bad. */
    bool saturates = watch(&own->saturation, !(stats->saturation <= ALARM_SATURATION),
                           REPORTS_TO_RAISE, REPORTS_TO_CLEAR);
    bool is_coarse =
        watch(&own->sqnr, !(stats->sqnr >= ALARM_SQNR), REPORTS_TO_RAISE, REPORTS_TO_CLEAR);
    if (saturates) {
        snprintf(text, size,
                 "%s clips %.1f %% of its values (limit %.0f %%): let the range settle or lower "
                 "the learning rate",
                 name, (double)stats->saturation * 100, (double)ALARM_SATURATION * 100);
        /* If both, clipping explains the noise. */
        return true;
    }
    if (is_coarse)
        snprintf(text, size,
                 "%s is coarse: SQNR %.1f dB (limit %.0f dB), its range is too wide: keep "
                 "training or use more bits",
                 name, (double)stats->sqnr, (double)ALARM_SQNR);
    return is_coarse;
}

bool alarms_drift(struct alarms *alarms, const char *name, int tensor, float drift, int epochs,
                  char *text, size_t size) {
    if (epochs < 2 || tensor < 0 || tensor >= alarms->tensor_count) return false;
    if (!watch(&alarms->tensors[tensor].drift, !(drift <= ALARM_DRIFT), 1, 2)) return false;
    snprintf(text, size,
             "%s has not settled: its range changed by %.0f %% in one epoch (limit %.0f %%): keep "
             "training before exporting",
             name, (double)drift * 100, (double)ALARM_DRIFT * 100);
    return true;
}

/* Where to look when INT8 lags behind. */
static void name_culprit(const struct evaluation *evaluation, char *text, size_t size) {
    const struct comparison *layers = evaluation->layers;
    if (!layers || layers->costliest < 0 || !evaluation->snapshot) {
        snprintf(text, size, "look at the lowest SQNR");
        return;
    }
    const struct compared *row = &layers->rows[layers->costliest];
    snprintf(text, size, "%.0f %% of the error is %s's: look at its range", 100 * row->share,
             evaluation->snapshot->model->layers[row->layer].name);
}

bool alarms_evaluation(struct alarms *alarms, const struct evaluation *evaluation, char *text,
                       size_t size) {
    if (!evaluation->is_whole || !evaluation->step) return false;
    double fp32 = evaluation->results[PRECISION_FP32].accuracy;
    double int8 = evaluation->results[PRECISION_INT8].accuracy;
    if (!watch(&alarms->gap, !(fp32 - int8 <= ALARM_GAP), 1, 2)) return false;
    char culprit[2 * MODEL_NAME];
    name_culprit(evaluation, culprit, sizeof culprit);
    snprintf(
        text, size,
        "INT8 lags %.2f points behind FP32 (%.2f %%, %.2f %%, limit %.1f): %s or keep training",
        (fp32 - int8) * 100, int8 * 100, fp32 * 100, ALARM_GAP * 100, culprit);
    return true;
}
