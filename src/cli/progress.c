#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define REWRITE_SECONDS 0.1
#define BAR_WIDTH       20

struct progress progress_start(bool is_quiet, int epochs) {
    return (struct progress){
        .is_quiet = is_quiet,
        .is_terminal = isatty(STDERR_FILENO) == 1,
        .last = -REWRITE_SECONDS,
        .epochs = epochs,
    };
}

/* Overwrite the rest of a longer line with spaces, which every terminal can do. */
static void rewrite(struct progress *progress, int width) {
    if (progress->width > width) fprintf(stderr, "%*s", progress->width - width, "");
    progress->width = width;
}

void progress_batch(struct progress *progress, int epoch, int batch, int batches, double loss,
                    double accuracy) {
    double now = clock_seconds();
    if (progress->is_quiet || !progress->is_terminal || now - progress->last < REWRITE_SECONDS)
        return;
    char bar[BAR_WIDTH + 1];
    int done = batches > 0 ? (int)((long)batch * BAR_WIDTH / batches) : 0;
    for (int i = 0; i < BAR_WIDTH; i++) bar[i] = i < done ? '=' : i == done ? '>' : '.';
    bar[BAR_WIDTH] = 0;
    int width = fprintf(stderr, "\rEpoch %d/%d %*d/%d [%s] loss: %.4f accuracy: %.4f", epoch,
                        progress->epochs, 5, batch, batches, bar, loss, accuracy);
    rewrite(progress, width);
    progress->is_line_open = true;
    progress->last = now;
}

void progress_epoch(struct progress *progress, int epoch, int batches, double seconds, double loss,
                    double accuracy, double val_loss, double val_accuracy) {
    if (progress->is_quiet) return;
    if (progress->is_line_open) fputc('\r', stderr);
    int width = fprintf(stderr, "Epoch %d/%d - %d batches - %.1fs - loss: %.4f - accuracy: %.4f",
                        epoch, progress->epochs, batches, seconds, loss, accuracy);
    if (val_loss == val_loss)
        width += fprintf(stderr, " - val_loss: %.4f - val_accuracy: %.4f", val_loss, val_accuracy);
    if (progress->is_line_open) rewrite(progress, width + 1);
    fputc('\n', stderr);
    progress->is_line_open = false;
    progress->width = 0;
}

void progress_note(struct progress *progress, const char *format, ...) {
    if (progress->is_quiet) return;
    progress_end(progress);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void progress_end(struct progress *progress) {
    if (progress->is_line_open) fputc('\n', stderr);
    progress->is_line_open = false;
    progress->width = 0;
}
