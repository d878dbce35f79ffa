#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "%s:%d: %s is false\n", file, line, condition);
    abort();
}

void fuzz_check_refusal(enum status status, const struct error *error) {
    char line[1024];
    fuzz_check(status > STATUS_OK && status <= STATUS_DIVERGED);
    fuzz_check(status != STATUS_USAGE && status != STATUS_INTERRUPTED);
    fuzz_check(error->status == status);
    fuzz_check(error->where[0] && error->text[0]);
    error_format(error, line, sizeof line);
    for (const char *c = line; *c; c++) fuzz_check((unsigned char)*c >= ' ' && *c != 0x7f);
}

/* ---- the file ------------------------------------------------------------------------------- */

static char file_path[256];

static void remove_file(void) {
    unlink(file_path);
}

const char *fuzz_file(const uint8_t *bytes, size_t length) {
    static int fd = -1;
    if (fd < 0) {
        const char *folder = getenv("TMPDIR");
        snprintf(file_path, sizeof file_path, "%s/qatop-fuzz.XXXXXX", folder ? folder : "/tmp");
        fd = mkstemp(file_path);
        fuzz_check(fd >= 0);
        atexit(remove_file);
    }
    /* In this order: ext4 writes a file that was made empty to disk when it is closed. */
    fuzz_check(pwrite(fd, bytes, length, 0) == (ssize_t)length);
    fuzz_check(!ftruncate(fd, (off_t)length));
    return file_path;
}

/* ---- seeds ---------------------------------------------------------------------------------- */

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* File `index` of the target's corpus, by name; false when there are not as many. */
static bool find_in_corpus(int index, char *path, size_t size) {
    struct dirent **entries;
    char folder[512];
    snprintf(folder, sizeof folder, "%s/%s", FUZZ_CORPUS, fuzz_target.name);
    int count = scandir(folder, &entries, is_visible, alphasort);
    if (index < count) snprintf(path, size, "%s/%s", folder, entries[index]->d_name);
    for (int i = 0; i < count; i++) free(entries[i]);
    if (count >= 0) free(entries);
    return index < count;
}

/* "shared/..." are goldens, which may be absent; the rest comes with the source. */
static void find_named(const char *seed, char *path, size_t size) {
    const char *shared = getenv("QATOP_SHARED");
    if (strncmp(seed, "shared/", 7))
        snprintf(path, size, "%s/%s", FUZZ_SOURCE, seed);
    else if (shared && *shared)
        snprintf(path, size, "%s/%s", shared, seed + 7);
    else
        snprintf(path, size, "%s/../%s", FUZZ_SOURCE, seed);
}

const char *fuzz_next_seed(int *state) {
    static char path[1024];
    static int corpus_count;
    for (;;) {
        int index = (*state)++;
        if (index == 0) corpus_count = 0;
        if (find_in_corpus(index, path, sizeof path)) {
            corpus_count = index + 1;
            return path;
        }
        const char *const *seeds = fuzz_target.seeds;
        for (int i = 0; seeds && i < index - corpus_count && *seeds; i++) seeds++;
        if (!seeds || !*seeds) return NULL;
        find_named(*seeds, path, sizeof path);
        if (!access(path, R_OK)) return path;
    }
}
