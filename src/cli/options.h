/* options: the command line as two tables, verbs and options.
 *
 * Parsing, defaults, --help, the help of each command and "did you mean" all come from these
 * tables; a test compares the manual with them.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "quant/freeze.h"

struct options;

/* A command, named by the first operand.  `run` returns its status and, on failure, fills `error`;
 * *exit_status stays 0 unless the command sets it. */
struct verb {
    const char *name;     /* "" for the dashboard, which has no name */
    unsigned bit;         /* VERB_... */
    const char *operands; /* "[MODEL]" */
    int least, most;      /* number of operands; most < 0: no limit */
    const char *summary;  /* one line for --help */
    const char *details;  /* more, for `qatop VERB --help` */
    enum status (*run)(const struct options *options, int *exit_status, struct error *error);
};

enum {
    VERB_DASHBOARD = 1 << 0,
    VERB_RUN = 1 << 1,
    VERB_TRAIN = 1 << 2,
    VERB_EVAL = 1 << 3,
    VERB_EXPORT = 1 << 4,
    VERB_SUMMARY = 1 << 5,
    VERB_PREDICT = 1 << 6,
    VERB_FREEZE = 1 << 7,
    VERB_PTQ = 1 << 8,
    VERB_ALL = (1 << 9) - 1,
};

extern const struct verb verbs[]; /* the dashboard first; ends with a NULL name */

/* The values of all options, or their defaults.  Strings point into argv. */
struct options {
    const struct verb *verb;
    char **operands; /* after the command's name; NULL-terminated */
    int operand_count;

    const char *data;                                    /* NULL: the bundled digits */
    const char *rescale;                                 /* NULL: what suits the data */
    const char *out;                                     /* --out DIR; NULL: saved_model/... */
    const char *output;                                  /* -o FILE */
    const char *outputs;                                 /* eval --outputs FILE */
    const char *against;                                 /* eval --layers --against MODEL */
    const char *trace;                                   /* --trace FILE */
    const char *resume;                                  /* --resume CHECKPOINT */
    const char *record;                                  /* --record FILE */
    const char *theme;                                   /* NULL: the dashboard's own choice */
    int architecture;                                    /* model_architecture; -1: not given */
    int scheme;                                          /* index into schemes */
    int schedule;                                        /* enum schedule; -1: the scheme's own */
    int augment;                                         /* enum augmentation; -1: the scheme's */
    int runtime;                                         /* enum runtime */
    int io;                                              /* enum frozen_io; -1: not given */
    int on_nan;                                          /* enum on_nan; -1: not given */
    int64_t epochs, batch, steps, warmup, bits, threads; /* 0: no limit, the scheme's, all cores */
    int64_t calibrate;                                   /* digits */
    uint64_t seed;
    double learning_rate;
    double label_smoothing; /* -1: the scheme's */
    double validation_split;
    double pace;      /* batches a second, or PACE_MAX, PACE_AUTO (train/run.h) */
    bool by_channels; /* summary --channels */
    bool by_layers;   /* eval --layers */
    bool is_transposed;
    bool no_shuffle, no_dropout, no_color, ascii;
    bool is_json, is_quiet, is_verbose, wants_help, wants_version;
};

enum frozen_io option_io(const struct options *options); /* IO_FLOAT if not given */

/* Parse the whole command line.  Options may appear anywhere; after "--" everything is an operand.
 * A usage error is STATUS_USAGE and names the option or operand. */
enum status options_parse(struct options *options, int argc, char **argv, struct error *error);

/* The text of `qatop --help` (verb NULL) or of one command. */
void options_help(FILE *out, const struct verb *verb);

#endif
