#include "ui/session.h"

void session_walk(struct session *session, const struct store *store, int step) {
    int count = store->evaluation_count;
    if (count == 0) return;
    int at = session->evaluation;
    if (at < 0 || at >= count) {
        /* The newest whole one may not be the last. */
        const struct evaluation *shown = store_evaluation(store, -1);
        for (at = count - 1; at > 0 && store->evaluations[at] != shown; at--) continue;
    }
    at += step;
    if (at < 0) at = 0;
    session->evaluation = at >= count ? -1 : at;
}
