/* engine: runs a frozen program as TFLite does.
 *
 * Two runtimes, each bit-exact:
 *   RUNTIME_REF  TFLite's reference kernels (BUILTIN_REF: gemmlowp's double rounding; fully
 *                connected in double arithmetic)
 *   RUNTIME_XNN  the default interpreter with the XNNPACK delegate (float32 requantization, round
 *                half to even)
 * Operators on float32 run the same in both, within 1e-5 of TFLite.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/pool.h"
#include "data/samples.h"
#include "tflite/frozen.h"

enum runtime { RUNTIME_REF, RUNTIME_XNN };
const char *runtime_name(enum runtime runtime); /* "ref", "xnn" */

struct engine;

/* Plans buffers and prepares constants for batches of up to `batch` samples.  `frozen` must outlive
 * the engine.  Operators and types that it cannot run are refused by index and name, and so is a
 * program that needs more than 1 GiB for values, for the operators' tables or for padded inputs. */
enum status engine_create(struct engine **engine, const struct frozen *frozen, enum runtime runtime,
                          int batch, const char *where, struct error *error);
/* The same, but slower: no operators are fused, so that engine_tensor has every operator's output.
 */
enum status engine_create_inspectable(struct engine **engine, const struct frozen *frozen,
                                      enum runtime runtime, int batch, const char *where,
                                      struct error *error);
void engine_destroy(struct engine *engine); /* NULL is harmless */

size_t engine_output_count(const struct engine *engine); /* elements of one output */

/* Runs `count` inputs of the program's own type and shape, in batches, and writes all outputs in
 * its own type: output[count][outputs]. */
void engine_run(struct engine *engine, struct pool *pool, size_t count, const void *input,
                void *output);

/* The same for samples: each is preprocessed and becomes the input's type, float32, or
 * clamp(round(x / scale) + zero_point).  Fails only where the program does not take such samples.
 */
enum status engine_run_samples(struct engine *engine, struct pool *pool,
                               const struct samples *samples, void *output, struct error *error);

/* Values of tensor `tensor` after the last batch of engine_run (for inspection); NULL when it was
 * fused away.  The images that SPACE_TO_BATCH_ND makes of one sample stand together. */
const void *engine_tensor(const struct engine *engine, int tensor);

#endif
