#include "run/record.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/thread.h"
#include "run/event_json.h"

#define LOOK_SECONDS 0.1

struct record {
    FILE *file;
    char *path;
    struct outlet *outlet;
    const struct run_info *info;
    struct json_text json;
    int first_errno; /* the thread's until the join */
    atomic_bool is_ending;
    pthread_t thread;
};

static void write_line(struct record *record) {
    if (record->first_errno) return;
    errno = 0;
    if (record->json.is_failed) {
        record->first_errno = ENOMEM;
    } else if (fwrite(record->json.text, 1, record->json.length, record->file) !=
                   record->json.length ||
               putc('\n', record->file) == EOF) {
        record->first_errno = errno ? errno : EIO;
    }
}

static void *record_main(void *context) {
    struct record *record = context;
    thread_set_name("qatop-record");
    for (;;) {
        struct event event;
        /* Acquire: pairs with record_close, after which nothing is published, so an outlet that is
         * empty now stays empty. */
        bool is_ending = atomic_load_explicit(&record->is_ending, memory_order_acquire);
        if (outlet_take(record->outlet, &event) ||
            (!is_ending && outlet_wait(record->outlet, &event, LOOK_SECONDS))) {
            event_json(&record->json, &event, record->info->plan);
            write_line(record);
            event_release(&event);
            continue;
        }
        if (is_ending) break;
        if (!record->first_errno && fflush(record->file)) record->first_errno = errno;
    }
    return NULL;
}

enum status record_create(struct record **made, const char *path, struct outlet *outlet,
                          const struct run_info *info, struct error *error) {
    enum status status = file_make_parents(path, error);
    if (status) return status;
    struct record *record = calloc(1, sizeof *record);
    if (!record) return error_memory(error, path, sizeof *record);
    record->outlet = outlet;
    record->info = info;
    atomic_init(&record->is_ending, false);
    record->path = strdup(path);
    if (!record->path) {
        status = error_memory(error, path, strlen(path) + 1);
        goto done;
    }
    record->file = fopen(path, "we");
    if (!record->file) {
        status = error_errno(error, path, "cannot create");
        goto done;
    }
    event_json_schema(&record->json, info);
    write_line(record);
    int failed = pthread_create(&record->thread, NULL, record_main, record);
    if (failed) {
        status = error_set(error, STATUS_IO, path, "cannot start a thread: %s", strerror(failed));
        goto done;
    }
    *made = record;
    record = NULL;
done:
    if (record) {
        if (record->file) fclose(record->file);
        json_text_free(&record->json);
        free(record->path);
        free(record);
    }
    return status;
}

enum status record_close(struct record *record, struct error *error) {
    if (!record) return STATUS_OK;
    enum status status = STATUS_OK;
    atomic_store_explicit(&record->is_ending, true, memory_order_release);
    pthread_join(record->thread, NULL);
    if (fclose(record->file) && !record->first_errno) record->first_errno = errno;
    if (record->first_errno) {
        errno = record->first_errno;
        status = error_errno(error, record->path, "cannot write");
    }
    json_text_free(&record->json);
    free(record->path);
    free(record);
    return status;
}
