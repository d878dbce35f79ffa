/* event_json: events as lines of JSON, for a run's record and for programs that follow it.
 *
 * The first line of a record is the schema line: {"schema":"qatop-run","version":1, ...} with the
 * model, the options and the names of the tensors.  Each line after it is one event:
 *   {"event":KIND,"step":N,"time":S,"folded":N, ...}
 * with the fields of event.h under their own names.  An evaluation holds accuracy, loss, the
 * confusion matrix and the predicted digits (one character each) in all three precisions.
 */
#ifndef RUN_EVENT_JSON_H
#define RUN_EVENT_JSON_H

#include "base/json_text.h"
#include "run/event.h"
#include "run/info.h"

#define EVENT_JSON_VERSION 1

/* Replaces the contents of `json`; no newline. */
void event_json(struct json_text *json, const struct event *event, const struct quant_plan *plan);
void event_json_schema(struct json_text *json, const struct run_info *info);

#endif
