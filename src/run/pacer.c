#include "run/pacer.h"

/* A run that fell behind (validation, a busy machine, a pause) catches up by at most this much, so
 * that it neither jumps on screen nor takes longer because of a hiccup. */
#define CATCH_UP_SECONDS 0.25

void pacer_set(struct pacer *pacer, double pace, uint64_t batches, double now) {
    if (pace > 0) {
        pacer->interval = 1 / pace;
    } else if (pace < 0 && batches) {
        pacer->interval = PACER_SHOW_SECONDS / (double)batches;
    } else {
        pacer->interval = 0;
    }
    pacer->due = now;
}

double pacer_delay(const struct pacer *pacer, double now) {
    return pacer->interval > 0 && pacer->due > now ? pacer->due - now : 0;
}

void pacer_count(struct pacer *pacer, double now) {
    pacer->due += pacer->interval;
    if (pacer->due < now - CATCH_UP_SECONDS) pacer->due = now - CATCH_UP_SECONDS;
}
