/* dump: what a canvas shows, as text. */
#ifndef TESTS_UI_DUMP_H
#define TESTS_UI_DUMP_H

#include "ui/draw/canvas.h"

/* All rows as UTF-8, trailing spaces removed, each row ended by a newline.  Free with free(). */
char *canvas_dump(const struct canvas *canvas);

#endif
