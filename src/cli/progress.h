/* progress: training progress on standard error, in the style of Keras.
 *
 * On a terminal a line is updated during each epoch; elsewhere there is one line per epoch.  With
 * `is_quiet` nothing is written.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>

#include "base/attr.h"

struct progress {
    bool is_quiet, is_terminal, is_line_open;
    double last; /* time at which the open line was written */
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

/* Print a message on a line of its own. */
void progress_note(struct progress *progress, const char *format, ...) PRINTF_LIKE(2, 3);

/* End the open line, if any. */
void progress_end(struct progress *progress);

#endif
