/* assets: finds the bundled models and digits. */
#ifndef CLI_ASSETS_H
#define CLI_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Path of a bundled file or folder ("models/mnist_fc.h5") in path[size].  If $QATOP_ASSETS is set,
 * only that is searched.  Otherwise: the source tree, if the program runs from its build folder;
 * next to the program; ../share/qatop relative to it (a moved installation); the installed folder.
 */
enum status assets_find(const char *name, char *path, size_t size, struct error *error);

/* Whether a MODEL operand names a bundled model: fc, cnn. */
bool assets_is_model(const char *operand);

/* The file a MODEL operand stands for: that of a bundled model (NULL: fc), or itself. */
enum status assets_model(const char *operand, char *path, size_t size, struct error *error);

/* The folder of digits: `folder` itself, or the bundled one for NULL. */
enum status assets_data(const char *folder, char *path, size_t size, struct error *error);

#endif
