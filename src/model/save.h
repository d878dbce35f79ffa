/* save: a model as part of an open HDF5 file, for files that hold more than a model. */
#ifndef MODEL_SAVE_H
#define MODEL_SAVE_H

#include "model/h5.h"
#include "model/model.h"

/* model_config, versions and model_weights as model_save writes them. */
enum status model_write(const struct model *model, const float *weights, const struct h5 *h5,
                        struct error *error);

#endif
