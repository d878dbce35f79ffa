#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/dump.h"
#include "ui/header.h"
#include "ui/help.h"
#include "ui/keys.h"

static const struct key *find(enum action action) {
    for (size_t i = 0; i < key_count; i++)
        if (keys[i].action == action) return &keys[i];
    return NULL;
}

static void one_key_has_one_meaning(void **state) {
    (void)state;
    for (size_t i = 0; i < key_count; i++) {
        for (int a = 0; a < MAX_CODES && keys[i].codes[a]; a++) {
            for (size_t j = 0; j <= i; j++) {
                for (int b = 0; b < MAX_CODES && keys[j].codes[b]; b++) {
                    if (i == j && a == b) continue;
                    if (keys[i].codes[a] == keys[j].codes[b]) {
                        char name[16];
                        fail_msg("%s has two meanings",
                                 keycode_name(keys[i].codes[a], name, sizeof name));
                    }
                }
            }
        }
    }
}

static void every_action_has_a_key(void **state) {
    (void)state;
    for (int action = ACTION_NONE + 1; action < ACTIONS; action++) {
        const struct key *key = find((enum action)action);
        if (!key) fail_msg("action %d has no key", action);
        assert_int_equal(keys_action(key->codes[0]), action);
    }
    assert_int_equal(keys_action(0), ACTION_NONE);
    assert_int_equal(keys_action(0x263a), ACTION_NONE);
}

static void nothing_destructive_is_on_enter_space_or_an_arrow(void **state) {
    (void)state;
    static const uint32_t harmless[] = {
        KEYCODE_ENTER, ' ',           KEYCODE_UP,     KEYCODE_DOWN,
        KEYCODE_LEFT,  KEYCODE_RIGHT, KEYCODE_ESCAPE, KEYCODE_BACKSPACE};
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        enum action action = keys_action(harmless[i]);
        assert_true(action == ACTION_BACK ||
                    (find(action)->group != GROUP_RUN && find(action)->group != GROUP_PROGRAM));
    }
}

static void key_names_are_what_is_printed_on_them(void **state) {
    (void)state;
    char name[64];
    assert_string_equal(keycode_name('p', name, sizeof name), "p");
    assert_string_equal(keycode_name(KEY_CONTROL('l'), name, sizeof name), "C-l");
    assert_string_equal(keycode_name(KEYCODE_F10, name, sizeof name), "F10");
    assert_string_equal(keycode_name(KEYCODE_PAGE_UP, name, sizeof name), "PgUp");
    assert_string_equal(key_names(find(ACTION_QUIT), name, sizeof name), "q F10 Q");
    for (size_t i = 0; i < key_count; i++) {
        for (int a = 0; a < MAX_CODES && keys[i].codes[a]; a++) {
            assert_string_not_equal(keycode_name(keys[i].codes[a], name, sizeof name),
                                    keys[i].codes[a] == '?' ? "" : "?");
        }
    }
}

static char *help_text(enum panel_id focus, int columns) {
    struct canvas canvas;
    int first = 0;
    assert_true(canvas_create(&canvas, help_lines(focus) + 10, columns));
    help_draw(&canvas, focus, &first);
    char *text = canvas_dump(&canvas);
    canvas_free(&canvas);
    assert_non_null(text);
    return text;
}

static void the_help_names_every_key_whole(void **state) {
    (void)state;
    for (int focus = 0; focus < PANELS; focus++) {
        char *text = help_text((enum panel_id)focus, 80), names[64], line[160];
        for (size_t i = 0; i < key_count; i++) {
            snprintf(line, sizeof line, " %-14s %s ", key_names(&keys[i], names, sizeof names),
                     keys[i].help);
            if (!strstr(text, line)) fail_msg("the help lacks or cuts '%s'\n%s", line, text);
        }
        free(text);
    }
}

static void the_help_begins_with_the_focused_panel(void **state) {
    (void)state;
    char *text = help_text(PANEL_CURVES, 80);
    assert_true(strstr(text, "zoom in") < strstr(text, "help and training"));
    assert_true(strstr(text, "help and training") < strstr(text, "search the log"));
    free(text);
    text = help_text(PANEL_LOG, 80);
    assert_true(strstr(text, "search the log") < strstr(text, "help and training"));
    free(text);
}

static void the_help_puts_the_keys_of_a_group_together(void **state) {
    (void)state;
    for (int focus = 0; focus < PANELS; focus++) {
        char *text = help_text((enum panel_id)focus, 80), line[160], names[64];
        const char *end = NULL;
        for (int group = GROUPS - 1; group >= 0; group--) {
            const char *title = strstr(text, key_group_title((enum key_group)group));
            for (size_t i = 0; i < key_count; i++) {
                if ((int)keys[i].group != group || keys[i].panels & 1U << focus) continue;
                snprintf(line, sizeof line, " %-14s %s ", key_names(&keys[i], names, sizeof names),
                         keys[i].help);
                const char *at = strstr(text, line);
                assert_non_null(title);
                assert_true(at > title && (!end || at < end));
            }
            if (title) end = title;
        }
        free(text);
    }
}

static void the_help_scrolls_to_its_end_and_no_further(void **state) {
    (void)state;
    for (int rows = 1; rows < 80; rows++) {
        struct canvas canvas;
        int first = 100000;
        assert_true(canvas_create(&canvas, rows, 80));
        help_draw(&canvas, PANEL_RANGES, &first);
        assert_true(first <= help_lines(PANEL_RANGES));
        char *text = canvas_dump(&canvas);
        if (rows >= 10) assert_non_null(strstr(text, "extremes are kept"));
        free(text);
        canvas_free(&canvas);
    }
}

/* The footer's keys come from the table, whole or not at all, and the way out is always there. */
static void the_footer_fits_every_width(void **state) {
    (void)state;
    struct store store = {.state = STATE_TRAIN};
    struct control control;
    control_init(&control, NULL, NULL);
    for (int focus = 0; focus < PANELS; focus++) {
        for (int columns = 20; columns < 240; columns++) {
            struct canvas canvas;
            struct layout layout = layout_make(columns, 24, (enum panel_id)focus, false);
            struct view view = {.store = &store,
                                .control = &control,
                                .layout = &layout,
                                .focus = (enum panel_id)focus};
            assert_true(canvas_create(&canvas, 1, columns));
            footer_draw(&view, &canvas);
            char *text = canvas_dump(&canvas);
            assert_non_null(strstr(text, columns < 40 ? "q" : "q Quit"));
            assert_non_null(strchr(text, '?'));
            if (columns >= 80) {
                assert_non_null(strstr(text, "p Pause"));
                assert_non_null(strstr(text, "e Export"));
                assert_non_null(strstr(text, "n/N Wrong"));
            }
            free(text);
            canvas_free(&canvas);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_key_has_one_meaning),
    cmocka_unit_test(every_action_has_a_key),
    cmocka_unit_test(nothing_destructive_is_on_enter_space_or_an_arrow),
    cmocka_unit_test(key_names_are_what_is_printed_on_them),
    cmocka_unit_test(the_help_names_every_key_whole),
    cmocka_unit_test(the_help_begins_with_the_focused_panel),
    cmocka_unit_test(the_help_puts_the_keys_of_a_group_together),
    cmocka_unit_test(the_help_scrolls_to_its_end_and_no_further),
    cmocka_unit_test(the_footer_fits_every_width),
};
TEST_MAIN(tests)
