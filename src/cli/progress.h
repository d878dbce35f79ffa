/* progress: what a training without a screen says on standard error, in Keras' style.
 *
 * On a terminal one line is rewritten while an epoch lasts; elsewhere each epoch gives one line.
 * With `is_quiet` nothing is written at all.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>

#include "base/attr.h"

struct progress {
    bool is_quiet, is_terminal, is_line_open;
    double last; /* when the open line was written */
    int width;   /* of the open line */
    int epochs;
};

struct progress progress_start(bool is_quiet, int epochs);

/* After a batch; `epoch` from 1, loss and accuracy are means over the epoch so far. */
void progress_batch(struct progress *progress, int epoch, int batch, int batches, double loss,
                    double accuracy);

/* After an epoch.  val_loss may be NaN: not measured. */
void progress_epoch(struct progress *progress, int epoch, int batches, double seconds, double loss,
                    double accuracy, double val_loss, double val_accuracy);

/* A line of its own. */
void progress_note(struct progress *progress, const char *format, ...) PRINTF_LIKE(2, 3);

/* Leave the cursor at the start of an empty line. */
void progress_end(struct progress *progress);

#endif
