/* engine: runs a frozen model.
 *
 * Two runtimes, each equal to the bit to what it is named for:
 *   RUNTIME_REF  TFLite's reference kernels (BUILTIN_REF: gemmlowp double rounding; fully connected
 *                in double arithmetic)
 *   RUNTIME_XNN  the default interpreter with the XNNPACK delegate (float32 requantization, round
 *                half to even)
 * Operators on float32 run too, the same in both and to 1e-5.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/pool.h"
#include "tflite/frozen.h"

enum runtime { RUNTIME_REF, RUNTIME_XNN };
const char *runtime_name(enum runtime runtime); /* "ref", "xnn" */

struct engine;

/* Plans buffers and prepares multipliers for batches of up to `batch` samples.  `frozen` must
 * outlive the engine.  Refuses operators and types it cannot run, by index and name.  Takes at most
 * 1 GiB each for values, for the operators' tables and for padded inputs; more is refused. */
enum status engine_create(struct engine **engine, const struct frozen *frozen, enum runtime runtime,
                          int batch, const char *where, struct error *error);
/* The same, slower: nothing is fused away, so that engine_tensor has what every operator gave. */
enum status engine_create_inspectable(struct engine **engine, const struct frozen *frozen,
                                      enum runtime runtime, int batch, const char *where,
                                      struct error *error);
void engine_destroy(struct engine *engine); /* NULL is harmless */

/* Run n <= batch inputs.  input/output have the program's own types and shapes, n first. */
void engine_run(struct engine *engine, struct pool *pool, int n, const void *input, void *output);

/* Elements (not bytes) of one input and one output. */
size_t engine_input_count(const struct engine *engine);
size_t engine_output_count(const struct engine *engine);

/* Feed digits of 28x28 uint8: converts pixel/255 to the input's type (float, or
 * clamp(round(x / scale) + zero_point)), runs in batches, and writes all raw outputs,
 * output[count][outputs].  Checks that the program takes 784 values. */
enum status engine_run_digits(struct engine *engine, struct pool *pool, size_t count,
                              const unsigned char *images, void *output, struct error *error);

/* Values of tensor `tensor` after the last engine_run (for inspection); NULL when it was fused
 * away.  Of what SPACE_TO_BATCH_ND made, the images of one sample stand together. */
const void *engine_tensor(const struct engine *engine, int tensor);

#endif
