#include "data/classes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "data/picture.h"

#define PROGRESS_EVERY 1024 /* files */
#define PROBE_MOST     1000 /* entries of a folder that are looked at to find a picture */

struct scan {
    struct classes *classes;
    size_t text_used, text_room, file_room;
    size_t seen; /* files, pictures or not */
    classes_progress *progress;
    void *context;
    struct error *error;
};

/* ---- folders -------------------------------------------------------------------------------- */

enum entry_kind { ENTRY_OTHER, ENTRY_FILE, ENTRY_FOLDER, ENTRY_FOLDER_LINK };

/* Links are looked through; hidden entries are none. */
static enum entry_kind entry_kind(DIR *folder, const struct dirent *entry) {
    struct stat info;
    if (entry->d_name[0] == '.') return ENTRY_OTHER;
    if (entry->d_type == DT_REG) return ENTRY_FILE;
    if (entry->d_type == DT_DIR) return ENTRY_FOLDER;
    if (fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW)) return ENTRY_OTHER;
    bool is_link = S_ISLNK(info.st_mode);
    if (is_link && fstatat(dirfd(folder), entry->d_name, &info, 0)) return ENTRY_OTHER;
    if (S_ISREG(info.st_mode)) return ENTRY_FILE;
    if (!S_ISDIR(info.st_mode)) return ENTRY_OTHER;
    return is_link ? ENTRY_FOLDER_LINK : ENTRY_FOLDER;
}

/* Whether Keras would take a file for a picture by its name. */
static bool has_picture_name(const char *name) {
    static const char *const endings[] = {".bmp", ".gif", ".jpeg", ".jpg", ".png"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i])) return true;
    return false;
}

static bool is_picture(const char *folder, const char *name) {
    char path[MAX_CLASSES_PATH];
    if (has_picture_name(name)) return true;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path) return false;
    enum picture_kind kind = picture_kind_of_file(path);
    return kind == PICTURE_PNG || kind == PICTURE_JPEG;
}

/* Whether there is a picture (or, where they count, a folder) among a folder's first entries. */
static bool probe(const char *path, bool do_folders_count) {
    bool has_one = false;
    DIR *folder = opendir(path);
    if (!folder) return false;
    const struct dirent *entry;
    for (int i = 0; i < PROBE_MOST && !has_one && (entry = readdir(folder)); i++) {
        enum entry_kind kind = entry_kind(folder, entry);
        has_one = kind == ENTRY_FILE ? is_picture(path, entry->d_name)
                                     : do_folders_count && kind != ENTRY_OTHER;
    }
    closedir(folder);
    return has_one;
}

static bool probe_classes(const char *path) {
    char class_path[MAX_CLASSES_PATH];
    bool has_one = false;
    DIR *folder = opendir(path);
    if (!folder) return false;
    const struct dirent *entry;
    for (int i = 0; i < PROBE_MOST && !has_one && (entry = readdir(folder)); i++)
        has_one = entry_kind(folder, entry) >= ENTRY_FOLDER &&
                  (size_t)snprintf(class_path, sizeof class_path, "%s/%s", path, entry->d_name) <
                      sizeof class_path &&
                  probe(class_path, false);
    closedir(folder);
    return has_one;
}

bool classes_find(const char *folder, struct classes_parts *parts) {
    static const char *const tests[] = {"test", "val", "validation"};
    memset(parts, 0, sizeof *parts);
    if (strlen(folder) + 32 > MAX_CLASSES_PATH) return false;
    snprintf(parts->train, sizeof parts->train, "%s/train", folder);
    if (!probe(parts->train, true)) *parts->train = 0;
    for (size_t i = 0; i < 3 && !*parts->test; i++) {
        snprintf(parts->test, sizeof parts->test, "%s/%s", folder, tests[i]);
        if (!probe(parts->test, true)) *parts->test = 0;
    }
    if (*parts->train || *parts->test) return true;
    if (!probe_classes(folder)) return false;
    snprintf(parts->all, sizeof parts->all, "%s", folder);
    return true;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static enum status add_text(struct scan *scan, const char *text, const char *where, size_t *at) {
    size_t length = strlen(text) + 1, room = scan->text_room ? scan->text_room : 4096;
    if (length > MAX_CLASSES_BYTES - scan->text_used)
        return error_set(scan->error, STATUS_UNSUPPORTED, where,
                         "is one name too many: they have more than %zu bytes", MAX_CLASSES_BYTES);
    while (room - scan->text_used < length) room *= 2;
    if (room > scan->text_room) {
        char *larger = realloc(scan->classes->text, room);
        if (!larger) return error_memory(scan->error, where, room);
        scan->classes->text = larger;
        scan->text_room = room;
    }
    *at = scan->text_used;
    memcpy(scan->classes->text + *at, text, length);
    scan->text_used += length;
    return STATUS_OK;
}

static enum status add_file(struct scan *scan, const char *folder, size_t folder_at,
                            const char *name, size_t label) {
    struct classes *classes = scan->classes;
    struct classes_file file = {.folder = (uint32_t)folder_at, .label = (uint16_t)label};
    if (classes->count == MAX_CLASSES_FILES)
        return error_set(scan->error, STATUS_UNSUPPORTED, folder,
                         "has pictures beyond the %zu that are accepted", MAX_CLASSES_FILES);
    if (classes->count == scan->file_room) {
        size_t room = scan->file_room ? 2 * scan->file_room : 256;
        struct classes_file *larger = realloc(classes->files, room * sizeof *larger);
        if (!larger) return error_memory(scan->error, folder, room * sizeof *larger);
        classes->files = larger;
        scan->file_room = room;
    }
    enum status status = add_text(scan, name, folder, &file.name);
    if (!status) classes->files[classes->count++] = file;
    return status;
}

static enum status report(struct scan *scan, const char *folder) {
    if (++scan->seen % PROGRESS_EVERY || !scan->progress) return STATUS_OK;
    if (scan->progress(scan->seen, scan->context)) return STATUS_OK;
    return error_set(scan->error, STATUS_INTERRUPTED, folder, "the search for pictures stopped");
}

static enum status walk(struct scan *scan, const char *path, size_t label, int depth);

static enum status take_entry(struct scan *scan, DIR *folder, const struct dirent *entry,
                              const char *path, size_t path_at, size_t label, int depth) {
    char below[MAX_CLASSES_PATH];
    enum entry_kind kind = entry_kind(folder, entry);
    if (kind == ENTRY_FOLDER) {
        if (depth == MAX_CLASSES_DEPTH ||
            (size_t)snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= sizeof below)
            return error_set(scan->error, STATUS_UNSUPPORTED, path, "holds folders too deep");
        return walk(scan, below, label, depth + 1);
    }
    if (kind != ENTRY_FILE) return STATUS_OK;
    enum status status = report(scan, path);
    if (status) return status;
    if (is_picture(path, entry->d_name)) return add_file(scan, path, path_at, entry->d_name, label);
    scan->classes->passed_over++;
    return STATUS_OK;
}

/* All pictures below a folder, in no order. */
static enum status walk(struct scan *scan, const char *path, size_t label, int depth) {
    size_t path_at = 0;
    const struct dirent *entry;
    enum status status = add_text(scan, path, path, &path_at);
    if (status) return status;
    DIR *folder = opendir(path);
    if (!folder) return error_errno(scan->error, path, "cannot read the folder");
    while (!status && (errno = 0, entry = readdir(folder)))
        status = take_entry(scan, folder, entry, path, path_at, label, depth);
    if (!status && errno) status = error_errno(scan->error, path, "cannot read the folder");
    closedir(folder);
    return status;
}

static int in_order(const void *left, const void *right, void *text) {
    const struct classes_file *a = left, *b = right;
    const char *base = text;
    int order = a->folder == b->folder ? 0 : strcmp(base + a->folder, base + b->folder);
    return order ? order : strcmp(base + a->name, base + b->name);
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The folders of a part, sorted. */
static enum status list_folders(const char *part, struct names *names, struct error *error) {
    const struct dirent *entry;
    enum status status = STATUS_OK;
    DIR *folder = opendir(part);
    if (!folder) return error_errno(error, part, "cannot read the folder");
    while (!status && (errno = 0, entry = readdir(folder)))
        if (entry_kind(folder, entry) >= ENTRY_FOLDER)
            status = names_add(names, entry->d_name, strlen(entry->d_name), part, error);
    if (!status && errno) status = error_errno(error, part, "cannot read the folder");
    closedir(folder);
    if (names->count) qsort(names->list, names->count, sizeof *names->list, by_bytes);
    return status;
}

static enum status copy_names(const struct names *from, struct names *to, const char *where,
                              struct error *error) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < from->count && !status; i++)
        status = names_add(to, from->list[i], strlen(from->list[i]), where, error);
    return status;
}

/* The pictures of one folder; its name need not be a class as long as it holds none. */
static enum status scan_folder(struct scan *scan, const char *part, const char *name) {
    char path[MAX_CLASSES_PATH];
    struct classes *classes = scan->classes;
    size_t label = names_find(&classes->names, name), before = classes->count;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", part, name) >= sizeof path)
        return error_set(scan->error, STATUS_UNSUPPORTED, part, "its name is too long");
    enum status status = walk(scan, path, label, 0);
    if (status) return status;
    size_t found = classes->count - before;
    if (found && label == classes->names.count)
        return error_set(scan->error, STATUS_FORMAT, path,
                         "is none of the %zu classes that are known (from the training pictures "
                         "or a list of names); rename or remove it",
                         classes->names.count);
    if (!found) return STATUS_OK;
    classes->class_counts[label] = found;
    qsort_r(classes->files + before, found, sizeof *classes->files, in_order, classes->text);
    return STATUS_OK;
}

static enum status refuse_empty(const char *part, size_t folders, struct error *error) {
    if (folders)
        return error_set(error, STATUS_FORMAT, part,
                         "holds no PNG or JPEG pictures in its %zu folders", folders);
    return error_set(error, STATUS_FORMAT, part,
                     "holds no class folders; put the pictures of each class into a folder that is "
                     "named for it");
}

static enum status scan_part(struct scan *scan, const char *part, const struct names *known) {
    struct classes *classes = scan->classes;
    struct names folders = {0};
    enum status status = list_folders(part, &folders, scan->error);
    if (!status) status = copy_names(known ? known : &folders, &classes->names, part, scan->error);
    if (status) goto done;
    classes->class_counts = calloc(classes->names.count + 1, sizeof *classes->class_counts);
    if (!classes->class_counts) status = error_memory(scan->error, part, sizeof(size_t));
    for (size_t i = 0; i < folders.count && !status; i++)
        status = scan_folder(scan, part, folders.list[i]);
    if (!status && !classes->count) status = refuse_empty(part, folders.count, scan->error);
done:
    names_free(&folders);
    return status;
}

enum status classes_scan(const char *part, const struct names *names, classes_progress *progress,
                         void *context, struct classes *classes, struct error *error) {
    struct scan scan = {
        .classes = classes, .progress = progress, .context = context, .error = error};
    memset(classes, 0, sizeof *classes);
    enum status status = scan_part(&scan, part, names);
    if (status) {
        classes_free(classes);
        return status;
    }
    char *text = realloc(classes->text, scan.text_used);
    if (text) classes->text = text;
    struct classes_file *files = realloc(classes->files, classes->count * sizeof *files);
    if (files) classes->files = files;
    return STATUS_OK;
}

const char *classes_path(const struct classes *classes, size_t index, char *out) {
    const struct classes_file *file = &classes->files[index];
    snprintf(out, MAX_CLASSES_PATH, "%s/%s", classes->text + file->folder,
             classes->text + file->name);
    return out;
}

void classes_free(struct classes *classes) {
    names_free(&classes->names);
    free(classes->files);
    free(classes->text);
    free(classes->class_counts);
    memset(classes, 0, sizeof *classes);
}

/* ---- skipped files -------------------------------------------------------------------------- */

void skipped_add(struct skipped *skipped, const struct error *error) {
    if (skipped->count < SKIPPED_NAMED) skipped->first[skipped->count] = *error;
    skipped->count++;
}

const char *skipped_text(const struct skipped *skipped, char *out, size_t size) {
    size_t used = 0;
    *out = 0;
    if (!skipped->count) return out;
    used += (size_t)snprintf(out, size, "%zu file%s skipped", skipped->count,
                             skipped->count == 1 ? " is" : "s are");
    for (size_t i = 0; i < skipped->count && i < SKIPPED_NAMED && used < size; i++) {
        char line[sizeof skipped->first->where + sizeof skipped->first->text + 4];
        error_format(&skipped->first[i], line, sizeof line);
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "; " : ": ", line);
    }
    if (skipped->count > SKIPPED_NAMED && used < size)
        snprintf(out + used, size - used, "; and %zu more", skipped->count - SKIPPED_NAMED);
    return out;
}
