/* step: a program as the engine runs it; private to the engine.
 *
 * Creating an engine turns each operator into a step: the operator checked, its constants packed,
 * its buffers known.  Running calls the steps in order for a range of samples; no step can fail.
 *
 * A sample is one element of the batch: shapes here leave out the batch dimension.  Between
 * SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND a sample has several images, elsewhere one; a step runs
 * on a range of images.
 */
#ifndef ENGINE_STEP_H
#define ENGINE_STEP_H

#include <stdbool.h>

#include "engine/dot.h"
#include "engine/engine.h"

/* Values of one tensor for the whole batch. */
struct slot {
    unsigned char *data; /* [batch][images][bytes]; NULL: nothing computes it */
    size_t images;       /* of one sample: 1, or as many as SPACE_TO_BATCH_ND made; 0: no values */
    size_t count, bytes; /* elements, bytes of one image */
    bool owned;          /* false: the memory of another slot */
};

struct step;
/* Images begin .. end - 1.  `scratch` holds step->scratch_bytes, aligned to 64. */
typedef void step_run(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch);

#define STEP_MEMORY 10

struct step {
    step_run *run; /* NULL: nothing is left to do */
    void *own;     /* what planning the operator keeps for `run`: a struct of its own */
    size_t images; /* of one sample */
    const struct slot *input, *output;
    size_t scratch_bytes;
    void *memory[STEP_MEMORY]; /* from plan_memory; `own` is one of them */
    int memory_count;
};

struct engine {
    const struct frozen *frozen;
    enum runtime runtime;
    const struct dot_kernels *kernels;
    int batch;
    bool is_inspectable; /* every operator's output is kept */
    int file_batch;      /* first dimension of the file's shapes */
    struct slot *slots;  /* one a tensor */
    struct step *steps;  /* one an operator */
    int step_count;
    size_t planned_bytes; /* of the steps' memory */
    size_t chunk;         /* samples that go through all steps together */
    unsigned char *scratch;
    size_t scratch_bytes;        /* of one thread */
    int parts;                   /* threads that have scratch memory */
    bool input_only_quantized;   /* QUANTIZE alone reads the input */
    struct dot_table byte_table; /* from bytes of samples to the input's codes */

    /* one call */
    struct samples samples; /* its bytes NULL: `input` is used */
    bool has_table;         /* one table for all of the samples' bytes */
    size_t first;           /* of the samples */
    const unsigned char *input;
    unsigned char *output;
    size_t count;
};

/* Whether QUANTIZE reads the bytes of this call's samples itself, so that the input has no values.
 */
static inline bool engine_skips_input(const struct engine *engine) {
    return engine->samples.bytes && engine->has_table && engine->input_only_quantized;
}

/* Values of image `image`. */
static inline const int8_t *step_input(const struct step *step, size_t image) {
    return (const int8_t *)step->input->data + image * step->input->bytes;
}

static inline int8_t *step_output(const struct step *step, size_t image) {
    return (int8_t *)step->output->data + image * step->output->bytes;
}

static inline const float *step_input_float(const struct step *step, size_t image) {
    return (const float *)(const void *)step->input->data + image * step->input->count;
}

static inline float *step_output_float(const struct step *step, size_t image) {
    return (float *)(void *)step->output->data + image * step->output->count;
}

#endif
