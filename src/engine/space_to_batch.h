/* space_to_batch: how many images a sample has between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND;
 * private to the engine.
 */
#ifndef ENGINE_SPACE_TO_BATCH_H
#define ENGINE_SPACE_TO_BATCH_H

#include "engine/step.h"

/* Sets the images of the slot that operator `index` writes, from those of the slots it reads. */
enum status space_to_batch_images(struct engine *engine, int index, const char *where,
                                  struct error *error);

#endif
