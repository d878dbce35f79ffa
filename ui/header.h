/* header: the lines above the panels, the tabs of a small screen, and the keys below. */
#ifndef UI_HEADER_H
#define UI_HEADER_H

#include "ui/control.h"
#include "ui/draw/layout.h"

/* What the screen says at this moment. */
struct view {
    const struct store *store;
    const struct control *control;
    const struct layout *layout;
    enum panel_id focus;
    bool is_maximised;
    double now; /* the dashboard's clock, for notices */
};

void header_draw(const struct view *view, struct canvas *canvas);
void tabs_draw(const struct view *view, struct canvas *canvas);
/* The notice while there is one, else the keys that fit, from the key table. */
void footer_draw(const struct view *view, struct canvas *canvas);

#endif
