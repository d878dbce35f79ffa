#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/assets.h"
#include "cli/nearest.h"
#include "evaluate/ptq.h"
#include "export/format.h"
#include "quant/scheme.h"
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
    const char *standard; /* default, as one would type it; NULL: none, or `help` says it */
    entry_parse *parse;
    size_t offset;                  /* of the value in struct options */
    double least, most;             /* of a number */
    const char *(*word)(int index); /* choices, NULL past the last; the value is the index */
};

static entry_parse parse_rescale, parse_switch, parse_text, parse_whole, parse_seed, parse_real,
    parse_choice, parse_pace, parse_theme;

static const char *scheme_word(int index) {
    return schemes[index].name;
}

static const char *schedule_word(int index) {
    return index < SCHEDULES ? schedule_name((enum schedule)index) : NULL;
}

static const char *augmentation_word(int index) {
    return index < AUGMENTATIONS ? augmentation_name((enum augmentation)index) : NULL;
}

static const char *runtime_word(int index) {
    return index <= RUNTIME_XNN ? runtime_name((enum runtime)index) : NULL;
}

static const char *on_nan_word(int index) {
    static const char *const words[] = {
        [ON_NAN_PAUSE] = "pause", [ON_NAN_STOP] = "stop", [ON_NAN_CONTINUE] = "continue", NULL};
    return words[index];
}

static const char *io_word(int index) {
    static const char *const words[] = {
        [IO_FLOAT] = "float", [IO_INT8] = "int8", [IO_UINT8] = "uint8", NULL};
    return words[index];
}

#define AT(member)      offsetof(struct options, member)
#define TEXT_OF(number) TEXT(number)
#define TEXT(token)     #token

static const struct entry entries[] = {
    {"epochs", 'e', "N", VERBS_TRAINING, GROUP_TRAINING, "passes over the training digits", "3",
     parse_whole, AT(epochs), 1, MAX_EPOCHS, NULL},
    {"steps", 0, "N", VERBS_TRAINING, GROUP_TRAINING, "stop after N batches", NULL, parse_whole,
     AT(steps), 1, 1e12, NULL},
    {"batch", 'b', "N", VERBS_TRAINING, GROUP_TRAINING, "batch size in digits", "32", parse_whole,
     AT(batch), 1, MAX_BATCH, NULL},
    {"lr", 'l', "X", VERBS_TRAINING, GROUP_TRAINING, "peak learning rate", "0.001", parse_real,
     AT(learning_rate), 1e-9, 10, NULL},
    {"schedule", 0, "NAME", VERBS_TRAINING, GROUP_TRAINING,
     "learning rate schedule: constant, cosine or linear (cosine; with scheme tfmot: constant)",
     NULL, parse_choice, AT(schedule), 0, 0, schedule_word},
    {"warmup", 0, "N", VERBS_TRAINING, GROUP_TRAINING,
     "batches over which the learning rate rises from 0 (a tenth of all; with scheme tfmot or "
     "train: 0)",
     NULL, parse_whole, AT(warmup), 0, 1e6, NULL},
    {"label-smoothing", 0, "X", VERBS_TRAINING, GROUP_TRAINING,
     "share of each target that is spread over all classes (0.05; with scheme tfmot or train: 0)",
     NULL, parse_real, AT(label_smoothing), 0, 0.99, NULL},
    {"seed", 's', "N", VERBS_TRAINING, GROUP_TRAINING,
     "seed for shuffling, dropout, augmentation and initial weights", "1", parse_seed, AT(seed), 0,
     0, NULL},
    {"no-shuffle", 0, NULL, VERBS_TRAINING, GROUP_TRAINING,
     "take the training digits in file order", NULL, parse_switch, AT(no_shuffle), 0, 0, NULL},
    {"no-dropout", 0, NULL, VERBS_TRAINING, GROUP_TRAINING, "disable Dropout layers", NULL,
     parse_switch, AT(no_dropout), 0, 0, NULL},
    {"augment", 0, "NAME", VERBS_TRAINING, GROUP_TRAINING,
     "vary the training digits each time they are used: none, shift (by up to 1 pixel) or affine "
     "(also rotate, scale and shear) (shift for convolutional models; none for others, with scheme "
     "tfmot and with train)",
     NULL, parse_choice, AT(augment), 0, 0, augmentation_word},
    {"on-nan", 0, "WHAT", VERBS_QAT, GROUP_TRAINING,
     "what to do when a loss is not finite: pause, stop or continue (pause; without a screen: "
     "stop)",
     NULL, parse_choice, AT(on_nan), 0, 0, on_nan_word},
    {"arch", 0, "NAME", VERB_TRAIN, GROUP_TRAINING, "architecture to train: fc or cnn", NULL,
     parse_choice, AT(architecture), 0, 0, model_architecture},

    {"scheme", 0, "NAME", VERBS_QAT, GROUP_QUANTIZATION,
     "qatop, or tfmot: the default 8-bit scheme of TensorFlow Model Optimization", "qatop",
     parse_choice, AT(scheme), 0, 0, scheme_word},
    {"bits", 0, "N", VERBS_QAT, GROUP_QUANTIZATION, "bits per weight, 2 to 8 (8)", NULL,
     parse_whole, AT(bits), 2, 8, NULL},
    {"calibrate", 0, "N", VERB_PTQ | VERB_EVAL, GROUP_QUANTIZATION,
     "training digits from which the ranges of activations are taken", TEXT_OF(PTQ_SAMPLES),
     parse_whole, AT(calibrate), 1, 1e9, NULL},
    {"layers", 0, NULL, VERB_EVAL, GROUP_QUANTIZATION,
     "show what INT8 loses in each layer, and which layer costs most", NULL, parse_switch,
     AT(by_layers), 0, 0, NULL},
    {"against", 0, "MODEL", VERB_EVAL, GROUP_QUANTIZATION,
     "with --layers and a .tflite: the Keras model it was made from", NULL, parse_text, AT(against),
     0, 0, NULL},
    {"channels", 0, NULL, VERB_SUMMARY, GROUP_QUANTIZATION,
     "with a .tflite: list the scale, zero point, multiplier and shift of every channel", NULL,
     parse_switch, AT(by_channels), 0, 0, NULL},
    {"io", 0, "TYPE", VERBS_QAT | VERB_EXPORT | VERB_FREEZE | VERB_PTQ, GROUP_QUANTIZATION,
     "input and output type of the .tflite: float, int8 or uint8 (float)", NULL, parse_choice,
     AT(io), 0, 0, io_word},
    {"runtime", 0, "NAME", VERBS_QAT | VERB_EVAL | VERB_PREDICT | VERB_PTQ, GROUP_QUANTIZATION,
     "arithmetic for running a .tflite: ref (TFLite's reference kernels) or xnn (XNNPACK)", "ref",
     parse_choice, AT(runtime), 0, 0, runtime_word},

    {"data", 'd', "PATH", VERBS_TRAINING | VERB_EVAL | VERB_EXPORT | VERB_FREEZE | VERB_PTQ,
     GROUP_FILES,
     "images: IDX files as MNIST's, an .npz, CIFAR's binary batches, or a folder of PNG or JPEG "
     "files for each class (the bundled digits)",
     NULL, parse_text, AT(data), 0, 0, NULL},
    {"rescale", 0, "HOW",
     VERBS_TRAINING | VERB_EVAL | VERB_EXPORT | VERB_FREEZE | VERB_PTQ | VERB_PREDICT, GROUP_FILES,
     "what the model takes: unit (x / 255), raw (x), signed (x / 127.5 - 1) or SCALE[,OFFSET] "
     "(unit for bytes, raw for floats)",
     NULL, parse_rescale, AT(rescale), 0, 0, NULL},
    {"validation-split", 0, "X", VERBS_TRAINING | VERB_EVAL | VERB_EXPORT | VERB_FREEZE | VERB_PTQ,
     GROUP_FILES, "share of each class to keep for testing if there are no test images", "0.2",
     parse_real, AT(validation_split), 0, 0.9, NULL},
    {"transpose", 0, NULL, VERBS_TRAINING | VERB_EVAL | VERB_EXPORT | VERB_FREEZE | VERB_PTQ,
     GROUP_FILES, "the rows of the stored images are their columns", NULL, parse_switch,
     AT(is_transposed), 0, 0, NULL},
    {"out", 0, "DIR", VERBS_QAT, GROUP_FILES,
     "folder for the run's files (saved_model/mnist_fc_int8_qat, ...)", NULL, parse_text, AT(out),
     0, 0, NULL},
    {"output", 'o', "FILE", VERB_TRAIN | VERB_EXPORT | VERB_FREEZE | VERB_PTQ, GROUP_FILES,
     "the file to write", NULL, parse_text, AT(output), 0, 0, NULL},
    {"outputs", 0, "FILE", VERB_EVAL, GROUP_FILES,
     "write the raw outputs for all test digits, in the model's own type, little-endian", NULL,
     parse_text, AT(outputs), 0, 0, NULL},
    {"resume", 0, "FILE", VERBS_QAT, GROUP_FILES,
     "resume from a checkpoint, bit for bit, with its model, scheme and training options", NULL,
     parse_text, AT(resume), 0, 0, NULL},
    {"record", 0, "FILE", VERBS_QAT, GROUP_FILES, "write every event of the run as a line of JSON",
     NULL, parse_text, AT(record), 0, 0, NULL},
    {"trace", 0, "FILE", VERBS_QAT, GROUP_FILES,
     "write one line of JSON per batch: loss, accuracy, all ranges", NULL, parse_text, AT(trace), 0,
     0, NULL},

    {"pace", 0, "N", VERBS_QAT, GROUP_SCREEN,
     "batches per second: a number, max, or auto, which stretches a short run to about 20 seconds "
     "(auto; without a screen: max)",
     NULL, parse_pace, AT(pace), 0, 0, NULL},
    {"theme", 0, "NAME", VERB_DASHBOARD, GROUP_SCREEN, "dark, light, mono or colorblind (dark)",
     NULL, parse_theme, AT(theme), 0, 0, dashboard_theme},
    {"ascii", 'U', NULL, VERB_DASHBOARD, GROUP_SCREEN, "draw with ASCII characters only", NULL,
     parse_switch, AT(ascii), 0, 0, NULL},
    {"no-color", 'C', NULL, VERB_DASHBOARD, GROUP_SCREEN, "do not use colours", NULL, parse_switch,
     AT(no_color), 0, 0, NULL},

    {"threads", 't', "N", VERB_ALL & ~VERB_SUMMARY, GROUP_GENERAL,
     "number of threads (all cores); results do not depend on it", NULL, parse_whole, AT(threads),
     1, 64, NULL},
    {"json", 'j', NULL, VERB_ALL, GROUP_GENERAL,
     "print one JSON object and nothing else on standard output", NULL, parse_switch, AT(is_json),
     0, 0, NULL},
    {"quiet", 'q', NULL, VERB_ALL, GROUP_GENERAL, "print no progress on standard error", NULL,
     parse_switch, AT(is_quiet), 0, 0, NULL},
    {"verbose", 'v', NULL, VERB_RUN, GROUP_GENERAL,
     "list the memory of a training step on standard error", NULL, parse_switch, AT(is_verbose), 0,
     0, NULL},
    {"help", 'h', NULL, VERB_ALL, GROUP_GENERAL, "show this help and exit", NULL, parse_switch,
     AT(wants_help), 0, 0, NULL},
    {"version", 'V', NULL, VERB_ALL, GROUP_GENERAL, "show the version and exit", NULL, parse_switch,
     AT(wants_version), 0, 0, NULL},
};
#define ENTRIES ((int)(sizeof entries / sizeof entries[0]))

/* --- values --- */

#define WHERE 32

static const char *entry_where(const struct entry *entry, char where[WHERE]) {
    snprintf(where, WHERE, "--%s", entry->name);
    return where;
}

static enum status refuse(const struct entry *entry, struct error *error, const char *text,
                          const char *wanted) {
    char where[WHERE];
    return error_set(error, STATUS_USAGE, entry_where(entry, where), "must be %s, not '%.100s'",
                     wanted, text);
}

static enum status parse_switch(const struct entry *entry, const char *text, void *value,
                                struct error *error) {
    (void)entry, (void)text, (void)error;
    *(bool *)value = true;
    return STATUS_OK;
}

static enum status parse_text(const struct entry *entry, const char *text, void *value,
                              struct error *error) {
    char where[WHERE];
    if (!*text)
        return error_set(error, STATUS_USAGE, entry_where(entry, where), "must not be empty");
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

static enum status parse_rescale(const struct entry *entry, const char *text, void *value,
                                 struct error *error) {
    struct preprocessing preprocessing;
    (void)entry;
    *(const char **)value = text;
    return preprocessing_parse(&preprocessing, text, error);
}

static enum status parse_whole(const struct entry *entry, const char *text, void *value,
                               struct error *error) {
    uint64_t number;
    if (!read_whole(text, &number) || number < (uint64_t)entry->least ||
        number > (uint64_t)entry->most) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "a whole number between %.0f and %.0f", entry->least,
                 entry->most);
        return refuse(entry, error, text, wanted);
    }
    *(int64_t *)value = (int64_t)number;
    return STATUS_OK;
}

static enum status parse_seed(const struct entry *entry, const char *text, void *value,
                              struct error *error) {
    if (!read_whole(text, value))
        return refuse(entry, error, text, "a whole number between 0 and 18446744073709551615");
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
        snprintf(wanted, sizeof wanted, "a number between %g and %g", entry->least, entry->most);
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
        return refuse(entry, error, text, "max, auto or a number between 0.01 and 1000000");
    *(double *)value = number;
    return STATUS_OK;
}

/* The index of the choice `text`; -1, with all choices in `wanted`, when it is none. */
static int find_choice(const struct entry *entry, const char *text, char *wanted, size_t size) {
    const char *word;
    size_t used = 0;
    *wanted = 0;
    for (int i = 0; (word = entry->word(i)); i++) {
        if (!strcmp(text, word)) return i;
        const char *between = i == 0 ? "" : entry->word(i + 1) ? ", " : " or ";
        int length = snprintf(wanted + used, size - used, "%s%s", between, word);
        if (length > 0 && (size_t)length < size - used) used += (size_t)length;
    }
    return -1;
}

static enum status parse_choice(const struct entry *entry, const char *text, void *value,
                                struct error *error) {
    char wanted[128];
    int index = find_choice(entry, text, wanted, sizeof wanted);
    if (index < 0) return refuse(entry, error, text, wanted);
    *(int *)value = index;
    return STATUS_OK;
}

static enum status parse_theme(const struct entry *entry, const char *text, void *value,
                               struct error *error) {
    char wanted[128];
    int index = find_choice(entry, text, wanted, sizeof wanted);
    if (index < 0) return refuse(entry, error, text, wanted);
    *(const char **)value = entry->word(index);
    return STATUS_OK;
}

enum frozen_io option_io(const struct options *options) {
    return options->io < 0 ? IO_FLOAT : (enum frozen_io)options->io;
}

/* --- nearest names --- */

static const char *nearest_option(const char *text) {
    const char *found = NULL;
    int best = NEAREST_NONE;
    for (int i = 0; i < ENTRIES; i++)
        if (nearest_is_better(text, entries[i].name, &best)) found = entries[i].name;
    return found;
}

static const char *nearest_verb(const char *text) {
    const char *found = NULL;
    int best = NEAREST_NONE;
    for (const struct verb *verb = verbs + 1; verb->name; verb++)
        if (nearest_is_better(text, verb->name, &best)) found = verb->name;
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

/* getopt_long also takes the beginning of a long option's name. */
static bool is_ambiguous(const char *name) {
    int matches = 0;
    for (int i = 0; i < ENTRIES; i++) matches += !strncmp(entries[i].name, name, strlen(name));
    return matches > 1;
}

/* What getopt_long could not read. */
static enum status refuse_option(int code, char **argv, struct error *error) {
    int known = find_entry(optopt);
    if (code == ':')
        return error_set(error, STATUS_USAGE, "", "option --%s requires a value: --%s %s",
                         entries[known].name, entries[known].name, entries[known].argument);
    if (known >= 0) /* --switch=value */
        return error_set(error, STATUS_USAGE, "", "option --%s takes no value",
                         entries[known].name);
    if (optopt)
        return error_set(error, STATUS_USAGE, "", "unknown option -%c; see qatop --help", optopt);
    char name[64];
    const char *text = argv[optind - 1] + strlen("--");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    if (is_ambiguous(name))
        return error_set(error, STATUS_USAGE, "", "option --%s is ambiguous; see qatop --help",
                         name);
    const char *nearest = nearest_option(name);
    if (nearest)
        return error_set(error, STATUS_USAGE, "", "unknown option --%s; did you mean --%s?", name,
                         nearest);
    return error_set(error, STATUS_USAGE, "", "unknown option --%s; see qatop --help", name);
}

/* Does not look like the name of a file. */
static bool is_plain_word(const char *text) {
    return !strpbrk(text, "/.") && !assets_is_model(text);
}

static enum status find_verb(struct options *options, struct error *error) {
    /* Reserved for later versions; a file of that name is ./WORD. */
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
            return error_set(error, STATUS_USAGE, "", "unknown command '%.100s'; see qatop --help",
                             word);
    FILE *file = is_plain_word(word) ? fopen(word, "r") : NULL;
    if (file) {
        fclose(file);
        return STATUS_OK;
    }
    if (!is_plain_word(word)) return STATUS_OK;
    const char *nearest = nearest_verb(word);
    if (nearest)
        return error_set(error, STATUS_USAGE, "", "unknown command '%.100s'; did you mean '%s'?",
                         word, nearest);
    return error_set(error, STATUS_USAGE, "",
                     "'%.100s' is neither a command nor a model file; see qatop --help", word);
}

static enum status check_operands(const struct options *options, struct error *error) {
    const struct verb *verb = options->verb;
    const char *space = *verb->name ? " " : "";
    if (verb->most >= 0 && options->operand_count > verb->most)
        return error_set(error, STATUS_USAGE, "", "extra operand '%.100s'; usage: qatop%s%s %s",
                         options->operands[verb->most], space, verb->name, verb->operands);
    if (options->operand_count < verb->least)
        return error_set(error, STATUS_USAGE, "", "missing operand; usage: qatop%s%s %s", space,
                         verb->name, verb->operands);
    return STATUS_OK;
}

/* Part of a checkpoint, so that a resumed run gives the same bits. */
static bool is_of_checkpoint(const struct entry *entry) {
    return (entry->group == GROUP_TRAINING && entry->offset != AT(on_nan)) ||
           entry->offset == AT(scheme) || entry->offset == AT(bits);
}

/* Options that the command does not have, or that a checkpoint determines. */
static enum status check_given(const struct options *options, const bool given[ENTRIES],
                               struct error *error) {
    const char *verb = options->verb->name;
    char where[WHERE];
    for (int i = 0; i < ENTRIES; i++) {
        if (!given[i]) continue;
        if (options->resume && is_of_checkpoint(&entries[i]))
            return error_set(
                error, STATUS_USAGE, entry_where(&entries[i], where),
                "cannot be combined with --resume, which takes it from the checkpoint");
        if (entries[i].verbs & options->verb->bit) continue;
        if (!*verb)
            return error_set(error, STATUS_USAGE, "",
                             "option --%s does not apply to the dashboard; see qatop --help",
                             entries[i].name);
        return error_set(error, STATUS_USAGE, "",
                         "option --%s does not apply to %s; see qatop %s --help", entries[i].name,
                         verb, verb);
    }
    if (options->resume && options->operand_count)
        return error_set(error, STATUS_USAGE, "--resume",
                         "takes the model from the checkpoint; omit '%.100s'",
                         options->operands[0]);
    return STATUS_OK;
}

static enum status set_defaults(struct options *options, struct error *error) {
    enum status status = STATUS_OK;
    *options = (struct options){
        .architecture = -1,
        .schedule = -1,
        .on_nan = -1,
        .io = -1,
        .warmup = WARMUP_OF_SCHEME,
        .label_smoothing = -1,
        .augment = -1,
        .pace = PACE_AUTO,
    };
    for (int i = 0; i < ENTRIES && !status; i++)
        if (entries[i].standard)
            status = entries[i].parse(&entries[i], entries[i].standard,
                                      (char *)options + entries[i].offset, error);
    return status;
}

enum status options_parse(struct options *options, int argc, char **argv, struct error *error) {
    struct option longs[ENTRIES + 1];
    char shorts[2 * ENTRIES + 2];
    bool given[ENTRIES] = {false};
    fill_getopt(longs, shorts);
    enum status status = set_defaults(options, error);
    opterr = 0;
    int code;
    while (!status && (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        int index = find_entry(code);
        if (code == '?' || code == ':') return refuse_option(code, argv, error);
        status = entries[index].parse(&entries[index], optarg,
                                      (char *)options + entries[index].offset, error);
        given[index] = true;
    }
    if (status) return status;
    options->operands = argv + optind;
    options->operand_count = argc - optind;
    status = find_verb(options, error);
    if (status || options->wants_help || options->wants_version) return status;
    status = check_given(options, given, error);
    return status ? status : check_operands(options, error);
}

/* --- help --- */

#define HELP_COLUMN 22
#define HELP_WIDTH  79
#define HELP_TEXT   300 /* bytes for an option's */

/* `text`, wrapped, in lines indented by `indent`; `column` characters of the first are written. */
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
            char text[HELP_TEXT];
            int length = snprintf(text, sizeof text, "%s", entry->help);
            if (entry->standard)
                snprintf(text + length, sizeof text - (size_t)length, " (%s)", entry->standard);
            put_wrapped(out, column, HELP_COLUMN, text);
        }
    }
}

static void put_usage(FILE *out, const struct verb *verb) {
    int column = fprintf(out, "  %s%s%s", verb->name, *verb->name ? " " : "", verb->operands);
    put_wrapped(out, column, HELP_COLUMN, verb->summary);
}

static void put_formats(FILE *out) {
    fprintf(out, "\nFormats, by the extension of OUT:\n");
    for (const struct export_format *format = export_formats; format->ending; format++) {
        int column = fprintf(out, "  %s", format->ending);
        put_wrapped(out, column, HELP_COLUMN, format->summary);
    }
}

void options_help(FILE *out, const struct verb *verb) {
    if (verb && *verb->name) {
        fprintf(out, "Usage: qatop %s [OPTIONS] %s\n\n", verb->name, verb->operands);
        put_wrapped(out, 0, 0, verb->details);
        if (verb->bit == VERB_EXPORT) put_formats(out);
        put_entries(out, verb->bit);
        return;
    }
    fputs("qatop: quantization-aware training in a terminal\n\n"
          "Usage: qatop [OPTIONS] [MODEL]\n"
          "       qatop COMMAND [OPTIONS] ...\n\n"
          "MODEL is a Keras .h5 or .keras file, or fc or cnn, the bundled models.\n"
          "Defaults are in parentheses.\n\n"
          "Commands (see also qatop COMMAND --help):\n",
          out);
    unsigned bits = 0;
    for (verb = verbs; verb->name; verb++) {
        put_usage(out, verb);
        bits |= verb->bit;
    }
    put_entries(out, bits);
    fputs("\nExit status: 0 success, 1 failure, 2 usage, 130 interrupted, 143 terminated.\n", out);
}
