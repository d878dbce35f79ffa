/* assets: where the bundled models and digits are. */
#ifndef CLI_ASSETS_H
#define CLI_ASSETS_H

#include <stddef.h>

#include "base/error.h"

/* Path of a bundled file or folder ("models/mnist_fc.h5") in path[size].  Looked for in
 * $QATOP_ASSETS alone when that is set; else in the source tree this program was built from when it
 * runs from its build folder, beside the program, in ../share/qatop beside it (a moved
 * installation), and in the installed folder. */
enum status assets_find(const char *name, char *path, size_t size, struct error *error);

/* The file a MODEL operand means: fc and cnn (or NULL: fc) are the bundled models, anything else
 * is a path. */
enum status assets_model(const char *operand, char *path, size_t size, struct error *error);

/* The folder of digits: `folder` itself, or the bundled one for NULL. */
enum status assets_data(const char *folder, char *path, size_t size, struct error *error);

#endif
