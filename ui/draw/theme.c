#include "ui/draw/theme.h"

#include <string.h>

#define PLAIN 0

/* Without colours every theme is the same: words, bold and reverse carry the meaning. */
#define MONO_TEXT     PLAIN
#define MONO_DIM      PAINT_DIM
#define MONO_TITLE    PLAIN
#define MONO_FOCUS    PAINT_BOLD
#define MONO_STRONG   PAINT_BOLD
#define MONO_KEY      PAINT_BOLD
#define MONO_SELECTED PAINT_REVERSE
#define MONO_WARNING  PAINT_BOLD
#define MONO_ALARM    (PAINT_BOLD | PAINT_REVERSE)

const struct theme themes[] = {
    {"dark",
     "for dark backgrounds",
     {
         [COLOR_TEXT] = {-1, -1, -1, PLAIN, MONO_TEXT},
         [COLOR_DIM] = {243, -1, 8, PLAIN, MONO_DIM},
         [COLOR_TITLE] = {110, -1, 6, PLAIN, MONO_TITLE},
         [COLOR_FOCUS] = {80, -1, 14, PAINT_BOLD, MONO_FOCUS},
         [COLOR_STRONG] = {-1, -1, -1, PAINT_BOLD, MONO_STRONG},
         [COLOR_KEY] = {80, -1, 6, PAINT_BOLD, MONO_KEY},
         [COLOR_SELECTED] = {255, 24, 14, PLAIN, MONO_SELECTED},
         [COLOR_OK] = {114, -1, 2, PLAIN, PLAIN},
         [COLOR_WARNING] = {221, -1, 3, PLAIN, MONO_WARNING},
         [COLOR_ALARM] = {203, -1, 9, PAINT_BOLD, MONO_ALARM},
         [COLOR_FP32] = {75, -1, 12, PLAIN, PLAIN},
         [COLOR_QAT] = {215, -1, 3, PLAIN, PLAIN},
         [COLOR_INT8] = {156, -1, 10, PLAIN, MONO_STRONG},
         [COLOR_CURVE] = {117, -1, 14, PLAIN, MONO_STRONG},
         [COLOR_ENVELOPE] = {60, -1, 4, PLAIN, MONO_DIM},
         [COLOR_BAR] = {73, -1, 6, PLAIN, PLAIN},
     }},
    {"light",
     "for light backgrounds",
     {
         [COLOR_TEXT] = {-1, -1, -1, PLAIN, MONO_TEXT},
         [COLOR_DIM] = {244, -1, 8, PLAIN, MONO_DIM},
         [COLOR_TITLE] = {24, -1, 4, PLAIN, MONO_TITLE},
         [COLOR_FOCUS] = {25, -1, 4, PAINT_BOLD, MONO_FOCUS},
         [COLOR_STRONG] = {-1, -1, -1, PAINT_BOLD, MONO_STRONG},
         [COLOR_KEY] = {25, -1, 4, PAINT_BOLD, MONO_KEY},
         [COLOR_SELECTED] = {16, 153, 4, PLAIN, MONO_SELECTED},
         [COLOR_OK] = {28, -1, 2, PLAIN, PLAIN},
         [COLOR_WARNING] = {130, -1, 3, PLAIN, MONO_WARNING},
         [COLOR_ALARM] = {160, -1, 1, PAINT_BOLD, MONO_ALARM},
         [COLOR_FP32] = {26, -1, 4, PLAIN, PLAIN},
         [COLOR_QAT] = {166, -1, 5, PLAIN, PLAIN},
         [COLOR_INT8] = {28, -1, 2, PLAIN, MONO_STRONG},
         [COLOR_CURVE] = {25, -1, 4, PLAIN, MONO_STRONG},
         [COLOR_ENVELOPE] = {146, -1, 6, PLAIN, MONO_DIM},
         [COLOR_BAR] = {31, -1, 6, PLAIN, PLAIN},
     }},
    {"mono",
     "no colours: words, bold and reverse",
     {
         [COLOR_TEXT] = {-1, -1, -1, MONO_TEXT, MONO_TEXT},
         [COLOR_DIM] = {-1, -1, -1, MONO_DIM, MONO_DIM},
         [COLOR_TITLE] = {-1, -1, -1, MONO_TITLE, MONO_TITLE},
         [COLOR_FOCUS] = {-1, -1, -1, MONO_FOCUS, MONO_FOCUS},
         [COLOR_STRONG] = {-1, -1, -1, MONO_STRONG, MONO_STRONG},
         [COLOR_KEY] = {-1, -1, -1, MONO_KEY, MONO_KEY},
         [COLOR_SELECTED] = {-1, -1, -1, MONO_SELECTED, MONO_SELECTED},
         [COLOR_OK] = {-1, -1, -1, PLAIN, PLAIN},
         [COLOR_WARNING] = {-1, -1, -1, MONO_WARNING, MONO_WARNING},
         [COLOR_ALARM] = {-1, -1, -1, MONO_ALARM, MONO_ALARM},
         [COLOR_FP32] = {-1, -1, -1, PLAIN, PLAIN},
         [COLOR_QAT] = {-1, -1, -1, PLAIN, PLAIN},
         [COLOR_INT8] = {-1, -1, -1, MONO_STRONG, MONO_STRONG},
         [COLOR_CURVE] = {-1, -1, -1, MONO_STRONG, MONO_STRONG},
         [COLOR_ENVELOPE] = {-1, -1, -1, MONO_DIM, MONO_DIM},
         [COLOR_BAR] = {-1, -1, -1, PLAIN, PLAIN},
     }},
    {"colorblind",
     "blue and orange only, for dark backgrounds",
     {
         [COLOR_TEXT] = {-1, -1, -1, PLAIN, MONO_TEXT},
         [COLOR_DIM] = {243, -1, 8, PLAIN, MONO_DIM},
         [COLOR_TITLE] = {110, -1, 4, PLAIN, MONO_TITLE},
         [COLOR_FOCUS] = {255, -1, 15, PAINT_BOLD, MONO_FOCUS},
         [COLOR_STRONG] = {-1, -1, -1, PAINT_BOLD, MONO_STRONG},
         [COLOR_KEY] = {75, -1, 12, PAINT_BOLD, MONO_KEY},
         [COLOR_SELECTED] = {255, 24, 15, PLAIN, MONO_SELECTED},
         [COLOR_OK] = {75, -1, 12, PLAIN, PLAIN},
         [COLOR_WARNING] = {214, -1, 3, PLAIN, MONO_WARNING},
         [COLOR_ALARM] = {214, -1, 11, PAINT_BOLD | PAINT_REVERSE, MONO_ALARM},
         [COLOR_FP32] = {250, -1, 7, PLAIN, PLAIN},
         [COLOR_QAT] = {75, -1, 12, PLAIN, PLAIN},
         [COLOR_INT8] = {214, -1, 3, PAINT_BOLD, MONO_STRONG},
         [COLOR_CURVE] = {117, -1, 14, PLAIN, MONO_STRONG},
         [COLOR_ENVELOPE] = {60, -1, 4, PLAIN, MONO_DIM},
         [COLOR_BAR] = {67, -1, 4, PLAIN, PLAIN},
     }},
};
const int theme_count = sizeof themes / sizeof themes[0];

const struct theme *theme_find(const char *name) {
    if (!name) return &themes[0];
    for (int i = 0; i < theme_count; i++) {
        if (!strcmp(themes[i].name, name)) return &themes[i];
    }
    return NULL;
}
