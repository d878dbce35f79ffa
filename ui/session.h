/* session: what the user chose to look at, shared by all panels. */
#ifndef UI_SESSION_H
#define UI_SESSION_H

#include "ui/draw/layout.h"
#include "ui/store.h"

struct session {
    size_t digit;                   /* index of the test digit shown */
    int evaluation;                 /* -1: the newest, else index into store->evaluations */
    int pair_truth, pair_predicted; /* digits predicate from the confusion panel; -1: none */
    enum precision pair_precision;  /* whose prediction that is */
    char search[64];                /* "" or the pattern of / */
    enum panel_id wants_focus;      /* a panel may ask for another one; PANELS: none */
};

/* Look at an earlier (-1) or later (1) evaluation; past the last it follows the newest again. */
void session_walk(struct session *session, const struct store *store, int step);

#endif
