#include "cli/nearest.h"

#include <string.h>

/* Levenshtein distance. */
static int distance(const char *a, const char *b) {
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > NEAREST_NONE || b_length > NEAREST_NONE) return NEAREST_NONE;
    int row[NEAREST_NONE + 1];
    for (size_t j = 0; j <= b_length; j++) row[j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_length];
}

bool nearest_is_better(const char *text, const char *name, int *best) {
    int far = distance(text, name), limit = (int)strlen(name) / 3;
    if (limit < 1) limit = 1;
    if (far > limit || far >= *best) return false;
    *best = far;
    return true;
}
