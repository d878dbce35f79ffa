/* help: the key table as text: the keys of the focused panel first, then the others in groups. */
#ifndef UI_HELP_H
#define UI_HELP_H

#include "ui/panel.h"

/* Lines of the whole help. */
int help_lines(enum panel_id focus);

/* Draw the help from line *first on, which is brought into range; the box stands in the middle. */
void help_draw(struct canvas *canvas, enum panel_id focus, int *first);

/* Menus, by control_choices. */
struct control;
void menu_draw(struct canvas *canvas, const struct control *control);

#endif
