#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate/ptq.h"
#include "run/config.h"
#include "ui/dashboard.h"

#define VERBS_TRAINING (VERB_DASHBOARD | VERB_RUN | VERB_TRAIN)
#define VERBS_QAT      (VERB_DASHBOARD | VERB_RUN)

enum group { GROUP_TRAINING, GROUP_QUANTIZATION, GROUP_FILES, GROUP_SCREEN, GROUP_GENERAL, GROUPS };
static const char *const group_titles[GROUPS] = {"Training", "Quantization", "Files", "Screen",
                                                 "General"};

struct entry;
typedef enum status entry_parse(const struct entry *entry, const char *text, void *value,
                                struct error *error);

struct entry {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: a switch */
    unsigned verbs;
    enum group group;
    const char *help;
    entry_parse *parse;
    size_t offset;      /* of the value in struct options */
    double least, most; /* numbers */
    const char *words;  /* choices, separated by '|'; the value is the word's index */
};

static entry_parse parse_switch, parse_text, parse_whole, parse_seed, parse_real, parse_choice,
    parse_pace, parse_theme;

#define AT(member)         offsetof(struct options, member)
#define WORDS_SCHEME       "qatop|tfmot"
#define WORDS_ARCHITECTURE "fc|cnn"

static const struct entry entries[] = {
    {"epochs", 'e', "N", VERBS_TRAINING, GROUP_TRAINING, "passes over the training digits (3)",
     parse_whole, AT(epochs), 1, MAX_EPOCHS, NULL},
    {"steps", 0, "N", VERBS_TRAINING, GROUP_TRAINING, "stop after N batches", parse_whole,
     AT(steps), 1, 1e12, NULL},
    {"batch", 'b', "N", VERBS_TRAINING, GROUP_TRAINING, "digits in a batch (32)", parse_whole,
     AT(batch), 1, 4096, NULL},
    {"lr", 'l', "X", VERBS_TRAINING, GROUP_TRAINING, "learning rate at its highest (0.001)",
     parse_real, AT(learning_rate), 1e-9, 10, NULL},
    {"schedule", 0, "NAME", VERBS_TRAINING, GROUP_TRAINING,
     "constant, cosine or linear (cosine; with scheme tfmot: constant)", parse_choice, AT(schedule),
     0, 0, "constant|cosine|linear"},
    {"warmup", 0, "N", VERBS_TRAINING, GROUP_TRAINING,
     "batches in which the learning rate rises from 0 (a tenth of all; with scheme tfmot or train: "
     "0)",
     parse_whole, AT(warmup), 0, 1e6, NULL},
    {"label-smoothing", 0, "X", VERBS_TRAINING, GROUP_TRAINING,
     "share of each target that is spread over all classes (0.05; with scheme tfmot or train: 0)",
     parse_real, AT(label_smoothing), 0, 0.99, NULL},
    {"seed", 's', "N", VERBS_TRAINING, GROUP_TRAINING, "of shuffling, dropout and augmentation (1)",
     parse_seed, AT(seed), 0, 0, NULL},
    {"no-shuffle", 0, NULL, VERBS_TRAINING, GROUP_TRAINING, "take the digits in file order",
     parse_switch, AT(no_shuffle), 0, 0, NULL},
    {"no-dropout", 0, NULL, VERBS_TRAINING, GROUP_TRAINING, "let Dropout layers pass everything",
     parse_switch, AT(no_dropout), 0, 0, NULL},
    {"augment", 0, "NAME", VERBS_TRAINING, GROUP_TRAINING,
     "change the training digits a little each time: none, shift (by up to 1 pixel) or affine "
     "(turn, scale and shear too) (shift for a model that convolves; else, and with scheme tfmot "
     "or train: none)",
     parse_choice, AT(augment), 0, 0, "none|shift|affine"},
    {"on-nan", 0, "WHAT", VERBS_QAT, GROUP_TRAINING,
     "pause, stop or continue when a loss is not finite (pause; without a screen: stop)",
     parse_choice, AT(on_nan), 0, 0, "pause|stop|continue"},
    {"arch", 0, "NAME", VERB_TRAIN, GROUP_TRAINING, "the model to make: fc or cnn", parse_choice,
     AT(architecture), 0, 0, WORDS_ARCHITECTURE},

    {"scheme", 0, "NAME", VERBS_QAT, GROUP_QUANTIZATION,
     "qatop, or tfmot: TensorFlow Model Optimization's default 8 bits (qatop)", parse_choice,
     AT(scheme), 0, 0, WORDS_SCHEME},
    {"bits", 0, "N", VERBS_QAT, GROUP_QUANTIZATION, "bits of a weight, 2 to 8 (8)", parse_whole,
     AT(bits), 2, 8, NULL},
    {"calibrate", 0, "N", VERB_PTQ | VERB_EVAL, GROUP_QUANTIZATION,
     "training digits that show the ranges of the activations (500)", parse_whole, AT(calibrate), 1,
     1e9, NULL},
    {"layers", 0, NULL, VERB_EVAL, GROUP_QUANTIZATION,
     "what INT8 loses layer by layer, and the layer that costs most", parse_switch, AT(by_layers),
     0, 0, NULL},
    {"against", 0, "MODEL", VERB_EVAL, GROUP_QUANTIZATION,
     "with --layers of a .tflite: the Keras model that it was made from", parse_text, AT(against),
     0, 0, NULL},
    {"channels", 0, NULL, VERB_SUMMARY, GROUP_QUANTIZATION,
     "of a .tflite: every channel's scale, zero point, multiplier and shift", parse_switch,
     AT(by_channels), 0, 0, NULL},
    {"io", 0, "TYPE", VERBS_QAT | VERB_EXPORT | VERB_FREEZE | VERB_PTQ, GROUP_QUANTIZATION,
     "input and output of the .tflite: float, int8 or uint8 (float)", parse_choice, AT(io), 0, 0,
     "float|int8|uint8"},
    {"runtime", 0, "NAME", VERBS_QAT | VERB_EVAL | VERB_PREDICT | VERB_PTQ, GROUP_QUANTIZATION,
     "arithmetic for .tflite: ref (TFLite's reference kernels) or xnn (XNNPACK) (ref)",
     parse_choice, AT(runtime), 0, 0, "ref|xnn"},

    {"data", 'd', "DIR", VERBS_TRAINING | VERB_EVAL | VERB_EXPORT | VERB_FREEZE | VERB_PTQ,
     GROUP_FILES,
     "digits: MNIST's four IDX files, plain or .gz, or PNG folders train/0..9, test/0..9 (bundled)",
     parse_text, AT(data), 0, 0, NULL},
    {"out", 0, "DIR", VERBS_QAT, GROUP_FILES,
     "folder for what the run writes (saved_model/mnist_fc_int8_qat, ...)", parse_text, AT(out), 0,
     0, NULL},
    {"output", 'o', "FILE", VERB_TRAIN | VERB_EXPORT | VERB_FREEZE | VERB_PTQ, GROUP_FILES,
     "the file to write", parse_text, AT(output), 0, 0, NULL},
    {"outputs", 0, "FILE", VERB_EVAL, GROUP_FILES,
     "write the raw outputs for every test digit, in the model's own type, little-endian",
     parse_text, AT(outputs), 0, 0, NULL},
    {"resume", 0, "FILE", VERBS_QAT, GROUP_FILES,
     "go on from a checkpoint, to the bit; its model, scheme and training options are taken",
     parse_text, AT(resume), 0, 0, NULL},
    {"record", 0, "FILE", VERBS_QAT, GROUP_FILES, "write every event of the run as a JSON line",
     parse_text, AT(record), 0, 0, NULL},
    {"trace", 0, "FILE", VERBS_QAT, GROUP_FILES,
     "write one JSON line a batch: loss, accuracy, all ranges", parse_text, AT(trace), 0, 0, NULL},

    {"pace", 0, "N", VERBS_QAT, GROUP_SCREEN,
     "batches a second: max, auto or a number (auto: about 20 seconds; without a screen: max)",
     parse_pace, AT(pace), 0, 0, NULL},
    {"theme", 0, "NAME", VERB_DASHBOARD, GROUP_SCREEN, "dark, light, mono or colorblind (dark)",
     parse_theme, AT(theme), 0, 0, NULL},
    {"ascii", 'U', NULL, VERB_DASHBOARD, GROUP_SCREEN, "draw with ASCII characters only",
     parse_switch, AT(ascii), 0, 0, NULL},
    {"no-color", 'C', NULL, VERB_DASHBOARD, GROUP_SCREEN, "no colours", parse_switch, AT(no_color),
     0, 0, NULL},

    {"threads", 't', "N", VERB_ALL & ~VERB_SUMMARY, GROUP_GENERAL,
     "compute with N threads (all cores); results do not depend on it", parse_whole, AT(threads), 1,
     64, NULL},
    {"json", 'j', NULL, VERB_ALL, GROUP_GENERAL,
     "one JSON object on standard output and nothing else there", parse_switch, AT(is_json), 0, 0,
     NULL},
    {"quiet", 'q', NULL, VERB_ALL, GROUP_GENERAL, "no progress on standard error", parse_switch,
     AT(is_quiet), 0, 0, NULL},
    {"verbose", 'v', NULL, VERB_RUN, GROUP_GENERAL,
     "list on standard error the memory that a step uses", parse_switch, AT(is_verbose), 0, 0,
     NULL},
    {"help", 'h', NULL, VERB_ALL, GROUP_GENERAL, "show this and exit", parse_switch, AT(wants_help),
     0, 0, NULL},
    {"version", 'V', NULL, VERB_ALL, GROUP_GENERAL, "show the version and exit", parse_switch,
     AT(wants_version), 0, 0, NULL},
};
#define ENTRIES ((int)(sizeof entries / sizeof entries[0]))

/* --- values --- */

static enum status refuse(const struct entry *entry, struct error *error, const char *text,
                          const char *wanted) {
    char where[64];
    snprintf(where, sizeof where, "--%s", entry->name);
    return error_set(error, STATUS_USAGE, where, "'%.100s' is not %s", text, wanted);
}

static enum status parse_switch(const struct entry *entry, const char *text, void *value,
                                struct error *error) {
    (void)entry, (void)text, (void)error;
    *(bool *)value = true;
    return STATUS_OK;
}

static enum status parse_text(const struct entry *entry, const char *text, void *value,
                              struct error *error) {
    if (!*text) return refuse(entry, error, text, "a name");
    *(const char **)value = text;
    return STATUS_OK;
}

/* Decimal digits only: strtoull would take spaces, signs and wrap -1 around. */
static bool read_whole(const char *text, uint64_t *value) {
    if (!*text || strspn(text, "0123456789") != strlen(text)) return false;
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return errno == 0;
}

static enum status parse_whole(const struct entry *entry, const char *text, void *value,
                               struct error *error) {
    uint64_t number;
    if (!read_whole(text, &number) || number < (uint64_t)entry->least ||
        number > (uint64_t)entry->most) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "a whole number from %.0f to %.0f", entry->least,
                 entry->most);
        return refuse(entry, error, text, wanted);
    }
    *(int64_t *)value = (int64_t)number;
    return STATUS_OK;
}

static enum status parse_seed(const struct entry *entry, const char *text, void *value,
                              struct error *error) {
    if (!read_whole(text, value))
        return refuse(entry, error, text, "a whole number from 0 to 18446744073709551615");
    return STATUS_OK;
}

static bool read_real(const char *text, double *value) {
    char *end;
    if (!strchr("+-.0123456789", *text) || !*text) return false;
    *value = strtod(text, &end);
    return *end == 0 && isfinite(*value);
}

static enum status parse_real(const struct entry *entry, const char *text, void *value,
                              struct error *error) {
    double number;
    if (!read_real(text, &number) || !(number >= entry->least && number <= entry->most)) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "a number from %g to %g", entry->least, entry->most);
        return refuse(entry, error, text, wanted);
    }
    *(double *)value = number;
    return STATUS_OK;
}

static enum status parse_pace(const struct entry *entry, const char *text, void *value,
                              struct error *error) {
    double number;
    if (!strcmp(text, "max"))
        number = PACE_MAX;
    else if (!strcmp(text, "auto"))
        number = PACE_AUTO;
    else if (!read_real(text, &number) || !(number >= 0.01 && number <= 1e6))
        return refuse(entry, error, text, "max, auto or a number from 0.01 to 1000000");
    *(double *)value = number;
    return STATUS_OK;
}

/* Word `index` of "a|b|c": its start, and its length through *length; NULL past the last. */
static const char *word_at(const char *words, int index, size_t *length) {
    while (index-- > 0) {
        words = strchr(words, '|');
        if (!words) return NULL;
        words++;
    }
    *length = strcspn(words, "|");
    return words;
}

static enum status parse_choice(const struct entry *entry, const char *text, void *value,
                                struct error *error) {
    char wanted[128] = "";
    size_t used = 0, length;
    const char *word;
    for (int i = 0; (word = word_at(entry->words, i, &length)); i++) {
        if (strlen(text) == length && !memcmp(text, word, length)) {
            *(int *)value = i;
            return STATUS_OK;
        }
        used += (size_t)snprintf(wanted + used, sizeof wanted - used, "%s%.*s",
                                 !i             ? ""
                                 : word[length] ? ", "
                                                : " or ",
                                 (int)length, word);
    }
    return refuse(entry, error, text, wanted);
}

static enum status parse_theme(const struct entry *entry, const char *text, void *value,
                               struct error *error) {
    char wanted[128] = "one of:";
    size_t used = strlen(wanted);
    const char *name;
    for (int i = 0; (name = dashboard_theme(i)); i++) {
        if (!strcmp(text, name)) {
            *(const char **)value = name;
            return STATUS_OK;
        }
        used += (size_t)snprintf(wanted + used, sizeof wanted - used, " %s", name);
    }
    return refuse(entry, error, text, wanted);
}

const char *option_scheme_name(const struct options *options) {
    static const char *const names[] = {"qatop", "tfmot"};
    return names[options->scheme];
}

enum frozen_io option_io(const struct options *options) {
    return options->io < 0 ? IO_FLOAT : (enum frozen_io)options->io;
}

const char *option_architecture_name(const struct options *options) {
    static const char *const names[] = {"fc", "cnn"};
    return names[options->architecture];
}

/* --- nearest names --- */

#define NAME_LENGTH 24

/* Levenshtein distance; names longer than NAME_LENGTH are far from everything. */
static int distance(const char *a, const char *b) {
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > NAME_LENGTH || b_length > NAME_LENGTH) return NAME_LENGTH;
    int row[NAME_LENGTH + 1];
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

/* Near enough to be a slip of the fingers: one in three characters may be wrong. */
static bool is_nearer(const char *text, const char *name, int *best) {
    int far = distance(text, name), limit = (int)strlen(name) / 3;
    if (limit < 1) limit = 1;
    if (far > limit || far >= *best) return false;
    *best = far;
    return true;
}

static const char *nearest_option(const char *text) {
    const char *found = NULL;
    int best = NAME_LENGTH;
    for (int i = 0; i < ENTRIES; i++)
        if (is_nearer(text, entries[i].name, &best)) found = entries[i].name;
    return found;
}

static const char *nearest_verb(const char *text) {
    const char *found = NULL;
    int best = NAME_LENGTH;
    for (const struct verb *verb = verbs + 1; verb->name; verb++)
        if (is_nearer(text, verb->name, &best)) found = verb->name;
    return found;
}

/* --- the command line --- */

/* getopt_long reports a long option by index and a short one by letter. */
#define FIRST_LONG 1000

static void fill_getopt(struct option longs[ENTRIES + 1], char shorts[2 * ENTRIES + 2]) {
    char *s = shorts;
    *s++ = ':'; /* a missing argument is reported as ':' */
    for (int i = 0; i < ENTRIES; i++) {
        longs[i] =
            (struct option){entries[i].name, entries[i].argument ? required_argument : no_argument,
                            NULL, FIRST_LONG + i};
        if (entries[i].letter) *s++ = entries[i].letter;
        if (entries[i].letter && entries[i].argument) *s++ = ':';
    }
    longs[ENTRIES] = (struct option){NULL, 0, NULL, 0};
    *s = 0;
}

static int find_entry(int code) {
    for (int i = 0; i < ENTRIES; i++)
        if (code == FIRST_LONG + i || (entries[i].letter && code == entries[i].letter)) return i;
    return -1;
}

/* What getopt_long could not read. */
static enum status refuse_option(int code, char **argv, struct error *error) {
    int known = find_entry(optopt);
    if (code == ':') {
        char where[64];
        snprintf(where, sizeof where, "--%s", entries[known].name);
        return error_set(error, STATUS_USAGE, where, "needs a value: --%s %s", entries[known].name,
                         entries[known].argument);
    }
    const char *text = argv[optind - 1];
    if (known >= 0) /* --switch=value */
        return error_set(error, STATUS_USAGE, text, "--%s takes no value", entries[known].name);
    if (optopt) {
        char where[3] = {'-', (char)optopt, 0};
        return error_set(error, STATUS_USAGE, where, "no such option; see qatop --help");
    }
    char name[NAME_LENGTH + 2];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text + 2, "="), text + 2);
    const char *nearest = nearest_option(name);
    if (nearest)
        return error_set(error, STATUS_USAGE, text, "no such option; did you mean --%s?", nearest);
    return error_set(error, STATUS_USAGE, text, "no such option; see qatop --help");
}

/* A word that is neither a command nor looks like the name of a file. */
static bool is_plain_word(const char *text) {
    return !strpbrk(text, "/.") && strcmp(text, "fc") && strcmp(text, "cnn");
}

static enum status find_verb(struct options *options, struct error *error) {
    /* Words that later versions will give a meaning to; a file of that name is ./WORD. */
    static const char *const reserved[] = {"attach", "fetch", "replay"};
    options->verb = verbs;
    if (!options->operand_count) return STATUS_OK;
    const char *word = options->operands[0];
    for (const struct verb *verb = verbs + 1; verb->name; verb++) {
        if (strcmp(word, verb->name)) continue;
        options->verb = verb;
        options->operands++;
        options->operand_count--;
        return STATUS_OK;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (!strcmp(word, reserved[i]))
            return error_set(error, STATUS_USAGE, word,
                             "no such command in this version; see qatop --help");
    FILE *file = is_plain_word(word) ? fopen(word, "r") : NULL;
    if (file) {
        fclose(file);
        return STATUS_OK;
    }
    if (!is_plain_word(word)) return STATUS_OK;
    const char *nearest = nearest_verb(word);
    if (nearest)
        return error_set(error, STATUS_USAGE, word, "no such command; did you mean %s?", nearest);
    return error_set(error, STATUS_USAGE, word, "no such command or model file; see qatop --help");
}

static enum status check_operands(const struct options *options, struct error *error) {
    const struct verb *verb = options->verb;
    if (verb->most >= 0 && options->operand_count > verb->most)
        return error_set(error, STATUS_USAGE, options->operands[verb->most],
                         "one operand too many; usage: qatop%s%s %s", *verb->name ? " " : "",
                         verb->name, verb->operands);
    if (options->operand_count < verb->least)
        return error_set(error, STATUS_USAGE, verb->name, "needs %s; usage: qatop %s %s",
                         verb->least == 1 ? "an operand" : "more operands", verb->name,
                         verb->operands);
    return STATUS_OK;
}

/* What a checkpoint holds, so that going on from it gives the same bits. */
static bool is_of_checkpoint(const struct entry *entry) {
    return (entry->group == GROUP_TRAINING && entry->offset != AT(on_nan)) ||
           entry->offset == AT(scheme) || entry->offset == AT(bits);
}

enum status options_parse(struct options *options, int argc, char **argv, struct error *error) {
    struct option longs[ENTRIES + 1];
    char shorts[2 * ENTRIES + 2];
    bool given[ENTRIES] = {false};
    fill_getopt(longs, shorts);
    *options = (struct options){
        .architecture = -1,
        .schedule = -1,
        .on_nan = -1,
        .io = -1,
        .epochs = 3,
        .batch = 32,
        .calibrate = PTQ_DIGITS,
        .warmup = WARMUP_OF_SCHEME,
        .seed = 1,
        .learning_rate = 0.001,
        .label_smoothing = -1,
        .augment = -1,
        .pace = PACE_AUTO,
    };
    opterr = 0;
    int code;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        int index = find_entry(code);
        if (code == '?' || code == ':') return refuse_option(code, argv, error);
        enum status status = entries[index].parse(&entries[index], optarg,
                                                  (char *)options + entries[index].offset, error);
        if (status) return status;
        given[index] = true;
    }
    options->operands = argv + optind;
    options->operand_count = argc - optind;
    enum status status = find_verb(options, error);
    if (status || options->wants_help || options->wants_version) return status;
    for (int i = 0; i < ENTRIES; i++) {
        if (!given[i]) continue;
        char where[64];
        if (options->resume && is_of_checkpoint(&entries[i])) {
            snprintf(where, sizeof where, "--%s", entries[i].name);
            return error_set(error, STATUS_USAGE, where,
                             "is taken from the checkpoint with --resume; leave it out");
        }
        if (entries[i].verbs & options->verb->bit) continue;
        snprintf(where, sizeof where, "--%s", entries[i].name);
        return error_set(error, STATUS_USAGE, where, "is no option of %s; see qatop %s%s--help",
                         *options->verb->name ? options->verb->name : "the dashboard",
                         options->verb->name, *options->verb->name ? " " : "");
    }
    if (options->resume && options->operand_count)
        return error_set(error, STATUS_USAGE, options->operands[0],
                         "--resume takes the model from the checkpoint; leave MODEL out");
    return check_operands(options, error);
}

/* --- help --- */

#define HELP_COLUMN 22
#define HELP_WIDTH  79

/* Words of `text` in lines that begin at `indent`; `column` is where the line stands now. */
static void put_wrapped(FILE *out, int column, int indent, const char *text) {
    if (indent && column >= indent) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", indent - column, "");
    column = indent;
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (column > indent && column + 1 + length > HELP_WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        if (column > indent) column += fprintf(out, " ");
        column += fprintf(out, "%.*s", length, text);
        text += length;
        while (*text == ' ') text++;
    }
    fputc('\n', out);
}

static void put_entries(FILE *out, unsigned bits) {
    for (int group = 0; group < GROUPS; group++) {
        bool has_title = false;
        for (int i = 0; i < ENTRIES; i++) {
            const struct entry *entry = &entries[i];
            if ((int)entry->group != group || !(entry->verbs & bits)) continue;
            if (!has_title) fprintf(out, "\n%s:\n", group_titles[group]);
            has_title = true;
            int column = entry->letter ? fprintf(out, "  -%c, --%s", entry->letter, entry->name)
                                       : fprintf(out, "      --%s", entry->name);
            if (entry->argument) column += fprintf(out, " %s", entry->argument);
            put_wrapped(out, column, HELP_COLUMN, entry->help);
        }
    }
}

static void put_usage(FILE *out, const struct verb *verb) {
    int column = fprintf(out, "  %s%s%s", verb->name, *verb->name ? " " : "", verb->operands);
    put_wrapped(out, column, HELP_COLUMN, verb->summary);
}

void options_help(FILE *out, const struct verb *verb) {
    if (verb && *verb->name) {
        fprintf(out, "Usage: qatop %s [OPTIONS] %s\n\n", verb->name, verb->operands);
        put_wrapped(out, 0, 0, verb->details);
        put_entries(out, verb->bit);
        return;
    }
    fputs("qatop: quantization-aware training in a terminal\n\n"
          "Usage: qatop [OPTIONS] [MODEL]\n"
          "       qatop COMMAND [OPTIONS] ...\n\n"
          "MODEL is a Keras .h5 or .keras file, or fc or cnn: the bundled models.\n\n"
          "Commands (qatop COMMAND --help tells more):\n",
          out);
    unsigned bits = 0;
    for (verb = verbs; verb->name; verb++) {
        put_usage(out, verb);
        bits |= verb->bit;
    }
    put_entries(out, bits);
    fputs("\nExit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 143 terminated.\n",
          out);
}
