/* trace: one JSON line per batch, with every range after that batch's update.
 *
 *   {"step","loss","accuracy","tensors":[{"name","kind","min","max","scale","zero_point"}]}
 * Tensors are in graph order; a tensor with a range per channel has arrays.
 */
#ifndef RUN_TRACE_H
#define RUN_TRACE_H

#include "train/trainer.h"

struct trace; /* opaque */

enum status trace_create(struct trace **trace, const char *path, const struct quant_plan *plan,
                         struct error *error);
enum status trace_step(struct trace *trace, const struct step_result *result,
                       const struct range *ranges, struct error *error);
/* Flush and free; returns the first error of any write.  NULL is harmless. */
enum status trace_close(struct trace *trace, struct error *error);

#endif
