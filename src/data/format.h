/* format: the forms in which a data set may lie on the disk, a row each; for dataset.c. */
#ifndef DATA_FORMAT_H
#define DATA_FORMAT_H

#include "data/dataset.h"

/* One part as a format reads it.  The labels are as stored; dataset.c checks them. */
struct part {
    size_t count;
    struct shape shape;
    enum element element;
    unsigned char *bytes; /* [count][shape] elements; malloc'ed */
    int64_t *labels;      /* [count]; malloc'ed */
    char images_path[DATASET_PATH + 64], labels_path[DATASET_PATH + 64]; /* for messages */
};

struct parts {
    struct part train, test;
    bool is_whole;      /* all is in train, and nobody has said what is for testing */
    struct names names; /* of the classes; empty where they have none */
    char remark[256];   /* what was left out; or "" */
};

struct format {
    const char *name;
    /* Whether `path` holds something of this form, even if not all of it. */
    bool (*probe)(const char *path);
    /* Fills parts->train and test, or leaves one empty that is absent; and the names of the classes
     * where they are known.  The caller frees what is there, after a failure too. */
    enum status (*load)(const struct dataset_request *request, struct parts *parts,
                        struct error *error);
};

void part_free(struct part *part);

extern const struct format cifar_format, idx_format, npz_format, pictures_format;

#endif
