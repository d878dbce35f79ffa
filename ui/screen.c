#include "ui/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui/draw/frame.h"
#include "ui/help.h"
#include "ui/keys.h"

static const struct panel *const all_panels[PANELS] = {
    [PANEL_CURVES] = &panel_curves, [PANEL_RANGES] = &panel_ranges,
    [PANEL_DIGITS] = &panel_digits, [PANEL_CONFUSION] = &panel_confusion,
    [PANEL_LOG] = &panel_log,       [PANEL_SYSTEM] = &panel_system,
};

bool screen_create(struct screen *screen, const struct run_info *info, send_command *send,
                   void *context, struct terminal_abilities abilities) {
    memset(screen, 0, sizeof *screen);
    if (!store_create(&screen->store, info)) return false;
    memcpy(screen->panels, all_panels, sizeof screen->panels);
    for (int i = 0; i < PANELS; i++) {
        size_t size = all_panels[i]->state_size;
        screen->states[i] = calloc(1, size ? size : 1);
        if (!screen->states[i]) {
            screen_free(screen);
            return false;
        }
    }
    control_init(&screen->control, send, context);
    screen->abilities = abilities;
    screen->session.evaluation = -1;
    screen->session.pair_truth = screen->session.pair_predicted = -1;
    screen->session.wants_focus = PANELS;
    return true;
}

void screen_free(struct screen *screen) {
    for (int i = 0; i < PANELS; i++) {
        if (screen->states[i] && all_panels[i]->release) {
            all_panels[i]->release(screen->states[i]);
        }
        free(screen->states[i]);
    }
    store_free(&screen->store);
    store_free(&screen->frozen);
    canvas_free(&screen->base);
    canvas_free(&screen->shown);
    memset(screen, 0, sizeof *screen);
}

/* What the panels show. */
static const struct store *viewed(const struct screen *screen) {
    return screen->control.is_frozen ? &screen->frozen : &screen->store;
}

static void all_dirty(struct screen *screen) {
    screen->dirty = ALL_PANELS;
    screen->is_dirty = true;
}

static void lay_out(struct screen *screen) {
    screen->layout =
        layout_make(screen->base.columns, screen->base.rows, screen->focus, screen->is_maximised);
    canvas_clear(&screen->base);
    all_dirty(screen);
}

static void set_abilities(struct screen *screen) {
    screen->base.glyphs = screen->abilities.glyphs;
    screen->base.is_mono = screen->abilities.is_mono;
    screen->base.has_greys = screen->abilities.has_greys;
}

bool screen_resize(struct screen *screen, int rows, int columns) {
    struct canvas base, shown;
    if (!canvas_create(&base, rows, columns)) return false;
    if (!canvas_create(&shown, rows, columns)) {
        canvas_free(&base);
        return false;
    }
    canvas_free(&screen->base);
    canvas_free(&screen->shown);
    screen->base = base;
    screen->shown = shown;
    set_abilities(screen);
    lay_out(screen);
    return true;
}

static void focus_on(struct screen *screen, enum panel_id panel) {
    if (screen->focus == panel) return;
    screen->focus = panel;
    lay_out(screen);
}

static unsigned panels_of(const struct screen *screen, enum event_kind kind) {
    unsigned panels = 0;
    for (int i = 0; i < PANELS; i++)
        if (screen->panels[i]->events & 1U << kind) panels |= 1U << i;
    return panels;
}

/* New data for some panels: frozen ones are not drawn again; thawing draws all. */
static void mark(struct screen *screen, unsigned panels) {
    if (!screen->control.is_frozen) screen->dirty |= panels;
    screen->is_dirty = true;
}

/* The evaluation that the user chose stays chosen when older ones are dropped. */
static void keep_choice(struct screen *screen, const struct evaluation *chosen) {
    const struct store *store = &screen->store;
    for (int i = 0; i < store->evaluation_count; i++) {
        if (store->evaluations[i] == chosen) {
            screen->session.evaluation = i;
            return;
        }
    }
    screen->session.evaluation = -1;
}

void screen_event(struct screen *screen, const struct event *event, double now) {
    /* While frozen, the choice refers to the frozen store. */
    const struct evaluation *chosen =
        screen->session.evaluation < 0 || screen->control.is_frozen
            ? NULL
            : store_evaluation(&screen->store, screen->session.evaluation);
    store_feed(&screen->store, event);
    if (chosen && event->kind == EVENT_EVALUATION) keep_choice(screen, chosen);
    control_event(&screen->control, &screen->store, event, now);
    mark(screen, panels_of(screen, event->kind));
}

void screen_stderr(struct screen *screen, const char *line) {
    store_log(&screen->store, LOG_WARNING, true, line);
    mark(screen, 1U << PANEL_LOG);
}

void screen_signal(struct screen *screen, int signal_number, double now) {
    control_signal(&screen->control, &screen->store, signal_number, now);
    screen->is_dirty = true;
}

void screen_tick(struct screen *screen) {
    mark(screen, 1U << PANEL_SYSTEM);
}

static bool act(struct screen *screen, enum panel_id panel, enum action action) {
    const struct panel *table = screen->panels[panel];
    if (!table->act) return false;
    return table->act(screen->states[panel], viewed(screen), &screen->session, action);
}

/* The focused panel first; what it does not use may have a meaning in another panel. */
static void act_on_panels(struct screen *screen, enum action action) {
    bool is_used = false;
    if (action == ACTION_NEXT_DIGIT || action == ACTION_PREVIOUS_DIGIT) {
        is_used = act(screen, PANEL_DIGITS, action);
    } else {
        is_used = act(screen, screen->focus, action);
        if (!is_used && (action == ACTION_NEXT || action == ACTION_PREVIOUS)) {
            is_used = act(screen, PANEL_DIGITS, action);
        }
        if (!is_used && (action == ACTION_EARLIER || action == ACTION_LATER)) {
            is_used = act(screen, PANEL_CONFUSION, action) || act(screen, PANEL_DIGITS, action);
        }
    }
    if (!is_used) return;
    all_dirty(screen);
    if (screen->session.wants_focus != PANELS) {
        enum panel_id wanted = screen->session.wants_focus;
        screen->session.wants_focus = PANELS;
        focus_on(screen, wanted);
    }
}

/* While frozen, the panels show a copy: neither keys nor a new size bring in newer data. */
static void freeze_or_thaw(struct screen *screen, double now) {
    if (screen->control.is_frozen) {
        if (store_copy(&screen->frozen, &screen->store)) return;
        screen->control.is_frozen = false;
        control_say(&screen->control, COLOR_ALARM, now, "out of memory: the view cannot be frozen");
        return;
    }
    if (screen->session.evaluation >= 0)
        keep_choice(screen, store_evaluation(&screen->frozen, screen->session.evaluation));
    store_free(&screen->frozen);
    all_dirty(screen);
}

static void back(struct screen *screen) {
    if (screen->session.search[0])
        screen->session.search[0] = 0;
    else if (screen->is_maximised)
        screen->is_maximised = false;
    lay_out(screen);
}

static void open_search(struct screen *screen, double now) {
    screen->control.modal = MODAL_SEARCH;
    screen->control.modal_since = now;
    screen->typed[0] = 0;
}

static void next_glyphs(struct screen *screen, double now) {
    static const char *const names[] = {"ASCII", "blocks", "braille"};
    enum glyph_level best = screen->abilities.glyphs, level = screen->base.glyphs;
    level = level == GLYPHS_ASCII ? best : (enum glyph_level)(level - 1);
    screen->base.glyphs = level;
    control_say(&screen->control, COLOR_TEXT, now, "glyphs: %s", names[level]);
    lay_out(screen);
}

/* Actions that the screen itself carries out. */
static bool act_on_screen(struct screen *screen, enum action action, double now) {
    switch (action) {
    case ACTION_PANEL_1:
    case ACTION_PANEL_2:
    case ACTION_PANEL_3:
    case ACTION_PANEL_4:
    case ACTION_PANEL_5:
    case ACTION_PANEL_6: {
        enum panel_id panel = (enum panel_id)(action - ACTION_PANEL_1);
        if (panel == screen->focus) screen->is_maximised = !screen->is_maximised;
        screen->focus = panel;
        lay_out(screen);
        return true;
    }
    case ACTION_PANEL_NEXT:
        focus_on(screen, (screen->focus + 1) % PANELS);
        return true;
    case ACTION_PANEL_PREVIOUS:
        focus_on(screen, (screen->focus + PANELS - 1) % PANELS);
        return true;
    case ACTION_MAXIMISE:
        screen->is_maximised = !screen->is_maximised;
        lay_out(screen);
        return true;
    case ACTION_HELP:
        screen->control.modal = MODAL_HELP;
        screen->help_first = 0;
        return true;
    case ACTION_SEARCH:
        open_search(screen, now);
        return true;
    case ACTION_GLYPHS:
        next_glyphs(screen, now);
        return true;
    case ACTION_REDRAW:
        screen->wants_redraw = true;
        lay_out(screen);
        return true;
    case ACTION_SUSPEND:
        screen->wants_suspend = true;
        return true;
    case ACTION_BACK:
        back(screen);
        return true;
    default:
        return false;
    }
}

static void help_key(struct screen *screen, uint32_t code) {
    int page = screen->base.rows > 12 ? screen->base.rows - 10 : 1;
    switch (keys_action(code)) {
    case ACTION_DOWN:
        screen->help_first++;
        break;
    case ACTION_UP:
        screen->help_first--;
        break;
    case ACTION_PAGE_DOWN:
        screen->help_first += page;
        break;
    case ACTION_PAGE_UP:
        screen->help_first -= page;
        break;
    case ACTION_FIRST:
        screen->help_first = 0;
        break;
    case ACTION_LAST:
        screen->help_first = help_lines(screen->focus);
        break;
    case ACTION_HELP:
    case ACTION_BACK:
    case ACTION_QUIT:
        screen->control.modal = MODAL_NONE;
        break;
    default:
        break;
    }
}

static void search_key(struct screen *screen, uint32_t code) {
    size_t length = strlen(screen->typed);
    if (code == KEYCODE_ENTER) {
        screen->control.modal = MODAL_NONE;
        memcpy(screen->session.search, screen->typed, sizeof screen->typed);
        /* It is the log that is searched. */
        focus_on(screen, PANEL_LOG);
        if (length) act_on_panels(screen, ACTION_NEXT);
    } else if (code == KEYCODE_ESCAPE) {
        screen->control.modal = MODAL_NONE;
    } else if (code == KEYCODE_BACKSPACE) {
        while (length && ((unsigned char)screen->typed[length - 1] & 0xc0) == 0x80) length--;
        if (length)
            screen->typed[length - 1] = 0;
        else
            screen->control.modal = MODAL_NONE;
    } else if (code >= ' ' && code < KEYCODE_SPECIAL) {
        char bytes[4];
        size_t more = utf8_put(code, bytes);
        if (length + more >= sizeof screen->typed) return;
        memcpy(screen->typed + length, bytes, more);
        screen->typed[length + more] = 0;
    }
}

void screen_key(struct screen *screen, uint32_t code, double now) {
    struct control *control = &screen->control;
    screen->is_dirty = true;
    if (control->modal == MODAL_HELP) {
        help_key(screen, code);
        return;
    }
    if (control->modal == MODAL_SEARCH) {
        search_key(screen, code);
        return;
    }
    if (control->modal != MODAL_NONE) {
        control_answer(control, &screen->store, code, now);
        return;
    }
    /* Any key dismisses the notice, and still acts. */
    control->notice_until = 0;
    enum action action = keys_action(code);
    if (action == ACTION_NONE) return;
    if (act_on_screen(screen, action, now)) return;
    if (control_act(control, &screen->store, action, now)) {
        if (action == ACTION_FREEZE) freeze_or_thaw(screen, now);
        if (action == ACTION_ACKNOWLEDGE) focus_on(screen, PANEL_LOG);
        return;
    }
    act_on_panels(screen, action);
}

static void draw_panel(struct screen *screen, enum panel_id id) {
    const struct panel *panel = screen->panels[id];
    struct rect rect = screen->layout.panels[id], in = screen->layout.insides[id];
    struct frame_title title = {
        .number = (int)id + 1, .name = panel->name, .is_focus = id == screen->focus};
    if (rect_is_empty(rect)) return;
    struct canvas inside = canvas_part(&screen->base, in.row, in.column, in.rows, in.columns);
    canvas_clear(&inside);
    panel->draw(screen->states[id], viewed(screen), &screen->session, &inside);
    if (panel->title) {
        panel->title(screen->states[id], viewed(screen), &screen->session, title.left, title.right,
                     sizeof title.left);
    }
    frame_draw(&screen->base, rect, screen->layout.frame, &title);
}

static void draw_overlays(struct screen *screen) {
    struct canvas *shown = &screen->shown;
    switch (screen->control.modal) {
    case MODAL_NONE:
        break;
    case MODAL_HELP:
        help_draw(shown, screen->focus, &screen->help_first);
        break;
    case MODAL_SEARCH: {
        int row = shown->rows - 1;
        canvas_fill(shown, row, 0, shown->columns, ' ', COLOR_TEXT);
        int end = canvas_printf(shown, row, 0, COLOR_KEY, "/%s", screen->typed);
        canvas_put(shown, row, end, ' ', COLOR_TEXT);
        canvas_reverse(shown, row, end, 1);
        break;
    }
    default:
        menu_draw(shown, &screen->control);
    }
}

bool screen_draw(struct screen *screen, double now) {
    bool is_notice_over = screen->notice_until > 0 && now >= screen->notice_until;
    if (is_notice_over) screen->is_dirty = true;
    if (!screen->dirty && !screen->is_dirty) return false;
    screen->notice_until = now < screen->control.notice_until ? screen->control.notice_until : 0;
    struct canvas *base = &screen->base;
    struct view view = {.store = &screen->store,
                        .control = &screen->control,
                        .layout = &screen->layout,
                        .focus = screen->focus,
                        .is_maximised = screen->is_maximised,
                        .now = now};
    for (int i = 0; i < PANELS; i++) {
        if (screen->dirty & 1U << i) draw_panel(screen, (enum panel_id)i);
    }
    screen->dirty = 0;
    const struct rect *rects[] = {&screen->layout.header, &screen->layout.tabs,
                                  &screen->layout.footer};
    void (*const draws[])(const struct view *, struct canvas *) = {header_draw, tabs_draw,
                                                                   footer_draw};
    for (int i = 0; i < 3; i++) {
        struct canvas part =
            canvas_part(base, rects[i]->row, rects[i]->column, rects[i]->rows, rects[i]->columns);
        canvas_clear(&part);
        draws[i](&view, &part);
    }
    struct cell *cells = screen->shown.cells;
    memcpy(cells, base->cells, (size_t)base->rows * (size_t)base->columns * sizeof *cells);
    screen->shown = (struct canvas){.rows = base->rows,
                                    .columns = base->columns,
                                    .stride = base->stride,
                                    .cells = cells,
                                    .glyphs = base->glyphs,
                                    .is_mono = base->is_mono,
                                    .has_greys = base->has_greys};
    draw_overlays(screen);
    screen->is_dirty = false;
    return true;
}
