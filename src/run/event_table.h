/* event_table: what differs from one kind of event to another, a row each.
 *
 * A new kind is a value of enum event_kind, its part of struct event, and a row; what it folds to
 * (outlet.h) and how it is written as JSON (event_json.h) follow from the row.  Which panels of the
 * dashboard it wakes stands in their own tables.
 */
#ifndef RUN_EVENT_TABLE_H
#define RUN_EVENT_TABLE_H

#include <stddef.h>

#include "base/json_text.h"
#include "run/event.h"

/* What an outlet does with an event for which its reader's ring has no room. */
enum event_fold {
    FOLD_NEVER,            /* kept one by one, in order */
    FOLD_BATCHES,          /* merged with the batches before it: sums, extremes, last values */
    FOLD_NEWEST_OF_TENSOR, /* of each tensor only the newest is kept */
    FOLD_NEWEST_PARTIAL,   /* of evaluations on part of the test images only the newest is kept */
};

enum event_field_type {
    FIELD_INT,
    FIELD_UINT32,
    FIELD_UINT64,
    FIELD_FLOAT,
    FIELD_DOUBLE,
    FIELD_BOOL,
    FIELD_TEXT, /* char[] */
    FIELD_HISTOGRAM
};

/* One field of the JSON line: its key, and where in struct event its value stands. */
struct event_field {
    const char *key; /* NULL ends a list */
    enum event_field_type type;
    size_t offset;
};

struct event_row {
    const char *name; /* "batch", the value of "event" in JSON */
    enum event_fold fold;
    int worth; /* as event_worth, which knows a log line's level */
    /* Writes what a list of fields cannot say, and comes first; NULL: nothing. */
    void (*write)(struct json_text *json, const struct event *event, const struct quant_plan *plan);
    const struct event_field *fields; /* in the order they are written; NULL: none */
};

/* Never NULL: a kind outside of the enum gives a row named "?". */
const struct event_row *event_row(enum event_kind kind);

/* When an outlet has to drop something, what is worth least goes first. */
int event_worth(const struct event *event);

#endif
