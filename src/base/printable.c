#include "base/printable.h"

#include <string.h>

const char *printable(const char *text, char *out, size_t size) {
    size_t length = 0;
    for (; text[length] && length < size - 1; length++) {
        unsigned char c = (unsigned char)text[length];
        out[length] = text[length];
        if (c < 0x20 || c >= 0x7f) out[length] = '?';
    }
    out[length] = 0;
    if (text[length]) memcpy(out + length - 3, "...", 3);
    return out;
}
