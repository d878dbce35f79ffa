/* fixture: a run that never ran: a store fed with events made up by hand, for tests of panels. */
#ifndef TESTS_UI_FIXTURE_H
#define TESTS_UI_FIXTURE_H

#include "ui/panel.h"

#define FIXTURE_DIGITS 1000

struct fixture {
    struct run_config config;
    struct run_info info;
    struct model *model;
    struct quant_plan *plan;
    struct dataset dataset;
    struct store store;
    struct session session;
    struct canvas canvas;
};

/* architecture "fc" or "cnn"; scheme by name; nothing fed yet. */
void fixture_create(struct fixture *fixture, const char *architecture, const char *scheme);
void fixture_free(struct fixture *fixture);

/* Batches until `steps` with a falling loss and a spike of 9.5 at step 700; each tensor once every
 * 20 steps; an evaluation at step 0, then one at each of the 250-step epochs' ends. */
void fixture_train(struct fixture *fixture, uint64_t steps);
void fixture_batch(struct fixture *fixture, uint64_t step, float loss);
void fixture_tensors(struct fixture *fixture, uint64_t step);
/* INT8 reads every `every`-th digit wrongly (0: none), fake quant every 2 * every-th, FP32 every
 * 3 * every-th. */
void fixture_evaluate(struct fixture *fixture, uint64_t step, size_t count, size_t every);

/* A canvas with guard cells around it; fixture_check_guard fails the test when one was written. */
void fixture_canvas(struct fixture *fixture, int rows, int columns, enum glyph_level glyphs,
                    bool is_mono);
void fixture_check_guard(const struct fixture *fixture);

/* Title and inside of a panel as text: the title line is "LEFT | RIGHT".  Free with free(). */
char *fixture_screen(struct fixture *fixture, const struct panel *panel, void *state);

/* Compare with tests/ui/screens/NAME.txt of the source tree; UPDATE_GOLDEN=1 rewrites it. */
void fixture_golden(const char *name, const char *text);

#endif
