#include "ui/keys.h"

#include <stdio.h>
#include <string.h>

#define ON(panel) (1U << PANEL_##panel)
#define ROW(group, name, label, priority, panels, help, ...)                                       \
    {GROUP_##group, ACTION_##name, label, priority, panels, help, {__VA_ARGS__}},
const struct key keys[] = {KEY_LIST(ROW)};
const size_t key_count = sizeof keys / sizeof keys[0];

const char *key_group_title(enum key_group group) {
    static const char *const titles[GROUPS] = {
        [GROUP_RUN] = "help and training",
        [GROUP_DATA] = "digits, evaluations, log",
        [GROUP_VIEW] = "views, sorting, charts",
        [GROUP_MOVE] = "moving around",
        [GROUP_PANEL] = "panels",
        [GROUP_PROGRAM] = "screen and program",
    };
    return titles[group];
}

enum action keys_action(uint32_t code) {
    for (size_t i = 0; i < key_count && code; i++) {
        for (int j = 0; j < MAX_CODES; j++) {
            if (keys[i].codes[j] == code) return keys[i].action;
        }
    }
    return ACTION_NONE;
}

char *key_names(const struct key *key, char *out, size_t size) {
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < MAX_CODES && key->codes[i] && used < size; i++) {
        char name[16];
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "",
                                 keycode_name(key->codes[i], name, sizeof name));
    }
    return out;
}
