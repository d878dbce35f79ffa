/* ranges: what the table of the ranges panel (ranges.c) and its other views (ranges_views.c)
 * share. */
#ifndef UI_PANELS_RANGES_H
#define UI_PANELS_RANGES_H

#include "ui/panel.h"

enum ranges_view { RANGES_TABLE, RANGES_CHANNELS, RANGES_TIMELINE, RANGES_DETAIL, RANGES_VIEWS };

#define RANGES_NAME (2 * MODEL_NAME + 16)

struct ranges {
    bool is_started;
    enum ranges_view view;
    int *order; /* [count] tensors as sorted */
    int count, capacity;
    int sort; /* enum column of ranges.c */
    bool is_reversed;
    int selected;  /* tensor */
    int channel;   /* of the selected tensor, in the view of channels */
    int top, page; /* first row of the table that shows, and how many do */
    void *block;   /* what the charts are drawn from */
    size_t block_size;
};
void ranges_free(struct ranges *ranges);

/* "dense/kernel [128]": its name with the number of channels where it has several. */
const char *ranges_name(const struct store *store, int tensor, char name[RANGES_NAME]);

/* Beyond the limits of alarms.h. */
bool ranges_is_saturated(const struct event_tensor *tensor);
bool ranges_is_noisy(const struct event_tensor *tensor);
bool ranges_is_drifting(const struct event_tensor *tensor);

/* "0x4390a2fd >> 42" for an activation whose inputs are known, else "". */
void ranges_requant_text(const struct store *store, int tensor, char *text, size_t size);

/* The integer engine's values of a tensor compared with the float network's, from the newest
 * evaluation that compared them. */
struct ranges_int8 {
    double sqnr; /* dB, of a kernel that of its weights; NAN: not measured */
    double cost; /* share of the logits' error; NAN for a kernel, whose layer's output has it */
    bool is_costliest;          /* of all layers */
    const struct compared *row; /* NULL: not measured */
    size_t count;               /* digits */
};
struct ranges_int8 ranges_int8(const struct store *store, int tensor);
/* The same as a line of at most so many columns; false when there is nothing to show. */
bool ranges_int8_line(const struct store *store, int tensor, int columns, char *text, size_t size);
/* "dense costs most, 91 %"; false when that is not known. */
bool ranges_costliest(const struct store *store, char *text, size_t size);

void ranges_draw_histogram(struct canvas *canvas, int row, int column, int width,
                           const uint8_t histogram[TENSOR_BINS]);
void ranges_draw_channels(struct ranges *ranges, const struct store *store,
                          const struct session *session, struct canvas *canvas);
void ranges_draw_timeline(struct ranges *ranges, const struct store *store, struct canvas *canvas);
void ranges_draw_detail(struct ranges *ranges, const struct store *store, struct canvas *canvas);

#endif
