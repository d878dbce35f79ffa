#include "ui/draw/terminal.h"

#include "ui/draw/keycode.h"
#include "ui/draw/signals.h"
#include "ui/draw/stderr_capture.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

/* term.h makes macros of these everyday words. */
#undef columns
#undef lines

#define GREYS            24
#define FIRST_GREY_COLOR 232 /* xterm's palette */
#define FIRST_GREY_PAIR  100
#define RESTORE_SIZE     256

static struct {
    atomic_bool is_open; /* what restoring consumes: it happens once */
    SCREEN *screen;
    struct terminal_abilities abilities;
    const struct theme *theme;
    attr_t styles[COLOR_MEANINGS];
    struct canvas shown; /* what ncurses was told, to skip cells that are the same */
    bool is_stale;
    struct termios before;
    char restore[RESTORE_SIZE]; /* for signal handlers */
    size_t restore_length;
} terminal;

enum status terminal_check(struct error *error) {
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        return error_set(error, STATUS_UNSUPPORTED, "", "%s is not a terminal",
                         isatty(STDIN_FILENO) ? "stdout" : "stdin");
    }
    const char *name = getenv("TERM");
    if (!name || !*name) {
        return error_set(error, STATUS_UNSUPPORTED, "", "TERM is not set");
    }
    int found = 0;
    if (setupterm(NULL, STDOUT_FILENO, &found) != OK) {
        return error_set(error, STATUS_UNSUPPORTED, "",
                         "unknown terminal type '%.40s'; try TERM=xterm", name);
    }
    bool can_move = cursor_address && clear_screen;
    del_curterm(cur_term);
    if (!can_move) {
        return error_set(error, STATUS_UNSUPPORTED, "",
                         "terminals of type '%.40s' cannot move the cursor", name);
    }
    return STATUS_OK;
}

/* Append a capability without its padding marks ($<5>), which only tputs understands. */
static void append_capability(const char *text) {
    while (text && *text) {
        if (text[0] == '$' && text[1] == '<') {
            const char *end = strchr(text, '>');
            if (!end) return;
            text = end + 1;
            continue;
        }
        if (terminal.restore_length == RESTORE_SIZE) return;
        terminal.restore[terminal.restore_length++] = *text++;
    }
}

static void prepare_restore(void) {
    terminal.restore_length = 0;
    append_capability(exit_attribute_mode);
    append_capability(orig_pair);
    append_capability(keypad_local);
    append_capability(cursor_normal);
    append_capability(exit_ca_mode);
}

/* From signal handlers: nothing but async-signal-safe calls.  Each step is tried even if the one
 * before failed. */
static void restore_at_once(void) {
    if (atomic_exchange(&terminal.is_open, false)) {
        ssize_t put = write(STDOUT_FILENO, terminal.restore, terminal.restore_length);
        (void)put;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal.before);
    }
    stderr_capture_abandon();
}

/* Whether the user's locale can show more than ASCII.  Where it cannot, ncurses is told otherwise
 * all the same: only plain characters will be drawn, and in other locales it would repeat them by
 * REP, which many emulators that call themselves xterm lack. */
static bool set_locale(void) {
    setlocale(LC_CTYPE, "");
    bool is_utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
    if (!is_utf8) setlocale(LC_CTYPE, "C.UTF-8");
    return is_utf8;
}

static void find_abilities(bool no_color, bool ascii) {
    struct terminal_abilities *abilities = &terminal.abilities;
    const char *environment = getenv("NO_COLOR"), *name = getenv("TERM");
    bool is_console = name && !strncmp(name, "linux", 5);
    abilities->glyphs = ascii ? GLYPHS_ASCII : is_console ? GLYPHS_BLOCK : GLYPHS_BRAILLE;
    abilities->is_mono = no_color || (environment && *environment) ||
                         !strcmp(terminal.theme->name, "mono") || !has_colors();
    abilities->colors = 0;
    if (abilities->is_mono) return;
    start_color();
    abilities->colors = COLORS;
    /* Without default colours the terminal's own background would be painted black. */
    use_default_colors();
    abilities->has_greys = COLORS >= 256 && COLOR_PAIRS >= FIRST_GREY_PAIR + GREYS * GREYS;
}

static attr_t style_of(unsigned style) {
    attr_t attributes = A_NORMAL;
    if (style & PAINT_BOLD) attributes |= A_BOLD;
    if (style & PAINT_DIM) attributes |= A_DIM;
    if (style & PAINT_REVERSE) attributes |= A_REVERSE;
    if (style & PAINT_UNDERLINE) attributes |= A_UNDERLINE;
    return attributes;
}

static void prepare_colors(void) {
    for (int i = 0; i < COLOR_MEANINGS; i++) {
        const struct paint *paint = &terminal.theme->paints[i];
        terminal.styles[i] = style_of(terminal.abilities.is_mono ? paint->mono : paint->style);
        if (terminal.abilities.is_mono || i == COLOR_GREY) continue;
        int ink = paint->ink, paper = paint->paper;
        if (terminal.abilities.colors < 256) {
            ink = paint->basic;
            /* The selected row has ink on paper; eight colours show it reversed. */
            if (paper >= 0) terminal.styles[i] |= A_REVERSE;
            paper = -1;
            if (ink >= 8 && terminal.abilities.colors < 16) {
                if (ink == 8)
                    ink = -1; /* black on black */
                else
                    ink -= 8;
                terminal.styles[i] |= paint->basic == 8 ? A_DIM : A_BOLD;
            }
        }
        init_extended_pair(i + 1, ink, paper);
    }
    for (int i = 0; terminal.abilities.has_greys && i < GREYS * GREYS; i++) {
        init_extended_pair(FIRST_GREY_PAIR + i, FIRST_GREY_COLOR + i / GREYS,
                           FIRST_GREY_COLOR + i % GREYS);
    }
}

enum status terminal_open(const struct theme *theme, bool no_color, bool ascii,
                          struct error *error) {
    enum status status = terminal_check(error);
    if (status != STATUS_OK) return status;
    terminal.theme = theme;
    if (tcgetattr(STDIN_FILENO, &terminal.before)) {
        return error_errno(error, "terminal", "read settings");
    }
    bool is_utf8 = set_locale();
    status = stderr_capture_start(error);
    if (status != STATUS_OK) return status;
    /* Before ncurses, which installs handlers of its own only where there are none. */
    signals_install(restore_at_once);
    /* ncurses keeps a screen of its own for each newterm; this one is kept. */
    terminal.screen = newterm(NULL, stdout, stdin);
    if (!terminal.screen) {
        signals_restore();
        stderr_capture_stop();
        return error_set(error, STATUS_UNSUPPORTED, "", "the terminal '%.40s' cannot be opened",
                         getenv("TERM"));
    }
    prepare_restore();
    atomic_store(&terminal.is_open, true);
    set_term(terminal.screen);
    set_escdelay(25);
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    memset(&terminal.abilities, 0, sizeof terminal.abilities);
    find_abilities(no_color, ascii || !is_utf8);
    prepare_colors();
    terminal.is_stale = true;
    return STATUS_OK;
}

void terminal_close(void) {
    if (atomic_exchange(&terminal.is_open, false)) {
        flushinp();
        curs_set(1);
        endwin();
        /* endwin restores what ncurses saved; the shell's own settings are the truth. */
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.before);
    }
    if (terminal.screen) {
        delscreen(terminal.screen);
        terminal.screen = NULL;
        signals_restore();
        stderr_capture_stop();
    }
    canvas_free(&terminal.shown);
}

struct terminal_abilities terminal_abilities(void) {
    return terminal.abilities;
}

void terminal_size(int *rows, int *columns) {
    *rows = LINES;
    *columns = COLS;
}

static uint32_t special(int code) {
    if (code >= KEY_F(1) && code <= KEY_F(12)) return KEYCODE_F1 + (uint32_t)(code - KEY_F(1));
    switch (code) {
    case KEY_UP:
        return KEYCODE_UP;
    case KEY_DOWN:
        return KEYCODE_DOWN;
    case KEY_LEFT:
        return KEYCODE_LEFT;
    case KEY_RIGHT:
        return KEYCODE_RIGHT;
    case KEY_HOME:
        return KEYCODE_HOME;
    case KEY_END:
        return KEYCODE_END;
    case KEY_PPAGE:
        return KEYCODE_PAGE_UP;
    case KEY_NPAGE:
        return KEYCODE_PAGE_DOWN;
    case KEY_BTAB:
        return KEYCODE_BACKTAB;
    case KEY_BACKSPACE:
        return KEYCODE_BACKSPACE;
    case KEY_DC:
        return KEYCODE_DELETE;
    case KEY_ENTER:
        return KEYCODE_ENTER;
    case KEY_RESIZE:
        return KEYCODE_RESIZED;
    default:
        return KEYCODE_NONE;
    }
}

static bool read_key(uint32_t *code) {
    wint_t character;
    int kind = get_wch(&character);
    if (kind == ERR) return false;
    if (kind == KEY_CODE_YES)
        *code = special((int)character);
    else if (character == '\n')
        *code = KEYCODE_ENTER;
    else if (character == 127 || character == 8)
        *code = KEYCODE_BACKSPACE;
    else
        *code = (uint32_t)character;
    return *code != KEYCODE_NONE;
}

uint32_t terminal_key(double seconds) {
    uint32_t code = KEYCODE_NONE;
    if (read_key(&code)) return code;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = poll(&input, 1, seconds > 0 ? (int)(seconds * 1000 + 0.999) : 0);
    if (ready > 0 && input.revents & (POLLHUP | POLLERR | POLLNVAL)) return KEYCODE_GONE;
    /* Also after a signal: ncurses reports a new size as a key. */
    if (ready != 0 && read_key(&code)) return code;
    return KEYCODE_NONE;
}

void terminal_forget_keys(void) {
    flushinp();
}

static void put_cell(int row, int column, const struct cell *cell) {
    wchar_t text[2] = {(wchar_t)(cell->glyph ? cell->glyph : ' '), 0};
    int pair = 0;
    enum color color = cell->color < COLOR_MEANINGS ? (enum color)cell->color : COLOR_TEXT;
    attr_t attributes = terminal.styles[color];
    if (cell->is_bold) attributes |= A_BOLD;
    if (cell->is_reverse) attributes ^= A_REVERSE;
    if (!terminal.abilities.is_mono) {
        pair = color == COLOR_GREY ? FIRST_GREY_PAIR + cell->ink * GREYS + cell->paper
                                   : (int)color + 1;
    }
    cchar_t out;
    setcchar(&out, text, attributes, 0, &pair);
    /* The lower right corner reports an error because the cursor cannot go on; it is drawn. */
    (void)mvadd_wch(row, column, &out);
}

static bool are_equal(const struct cell *a, const struct cell *b) {
    return a->glyph == b->glyph && a->color == b->color && a->ink == b->ink &&
           a->paper == b->paper && a->is_bold == b->is_bold && a->is_reverse == b->is_reverse;
}

void terminal_show(const struct canvas *canvas) {
    bool is_new = terminal.shown.rows != canvas->rows || terminal.shown.columns != canvas->columns;
    if (is_new) {
        canvas_free(&terminal.shown);
        /* Without memory every cell is sent to ncurses each time: slow but correct. */
        if (!canvas_create(&terminal.shown, canvas->rows, canvas->columns)) {
            terminal.shown.rows = -1;
        }
    }
    if (is_new || terminal.is_stale) erase();
    for (int row = 0; row < canvas->rows; row++) {
        const struct cell *cells = canvas->cells + (size_t)row * (size_t)canvas->stride;
        struct cell *old = terminal.shown.cells
                               ? terminal.shown.cells + (size_t)row * (size_t)canvas->columns
                               : NULL;
        for (int column = 0; column < canvas->columns; column++) {
            bool is_same =
                old && !is_new && !terminal.is_stale && are_equal(&cells[column], &old[column]);
            if (is_same) continue;
            put_cell(row, column, &cells[column]);
            if (old) old[column] = cells[column];
        }
    }
    /* Terminals differ in what a resize does to their content. */
    if (terminal.is_stale || is_new) clearok(curscr, TRUE);
    terminal.is_stale = false;
    refresh();
}

void terminal_redraw(void) {
    terminal.is_stale = true;
}

void terminal_suspend(void) {
    if (!atomic_exchange(&terminal.is_open, false)) return;
    curs_set(1);
    endwin();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.before);
    signals_stop_process();
    /* The shell may have changed its settings meanwhile. */
    tcgetattr(STDIN_FILENO, &terminal.before);
    atomic_store(&terminal.is_open, true);
    reset_prog_mode();
    refresh();
    curs_set(0);
    terminal.is_stale = true;
}
