/* rescale: whether a model was trained with another preprocessing than it is given here.
 *
 * Nothing in a file of weights says whether the images were 0..1, 0..255 or -1..1, and the wrong
 * choice costs most of the accuracy.  Where that is low, the usual three are tried on some images.
 */
#ifndef EVALUATE_RESCALE_H
#define EVALUATE_RESCALE_H

#include "evaluate/predictions.h"
#include "data/samples.h"

#define RESCALE_SAMPLES  500  /* that are tried, spread over all */
#define RESCALE_DOUBTFUL 0.7  /* accuracy below which it is worth a try */
#define RESCALE_GAIN     0.15 /* by how much another one has to be better */

struct rescale_hint {
    const char *name; /* "raw": what works better; NULL: nothing does, or there is no doubt */
    double accuracy;  /* with that, on `count` samples */
    double before;    /* with their own preprocessing, on the same */
    size_t count;
};

/* Evaluates a model, which `context` stands for, on some samples. */
typedef enum status rescale_evaluate(void *context, const struct samples *samples,
                                     struct predictions *predictions, struct error *error);

/* For samples of bytes; finds nothing for others. */
enum status rescale_find(struct rescale_hint *hint, const struct samples *samples,
                         rescale_evaluate *evaluate, void *context, struct error *error);

/* "accuracy 0.2505 is low; with --rescale raw it is 0.8782 (500 images)" */
void rescale_text(const struct rescale_hint *hint, char *text, size_t size);

#endif
