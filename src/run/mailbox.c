#include "run/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct letter {
    struct command command;
    uint32_t number;
};

struct mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct letter letters[MAILBOX_SLOTS];
    unsigned first;
    uint32_t last_number;
    bool is_woken;
    /* Written under the mutex; also read without it, as a hint, so that checking an empty mailbox
     * between batches costs a single load. */
    atomic_uint count;
};

struct mailbox *mailbox_create(void) {
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (!mailbox) return NULL;
    atomic_init(&mailbox->count, 0);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&mailbox->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&mailbox->mutex, NULL);
    return mailbox;
}

void mailbox_destroy(struct mailbox *mailbox) {
    if (!mailbox) return;
    pthread_cond_destroy(&mailbox->changed);
    pthread_mutex_destroy(&mailbox->mutex);
    free(mailbox);
}

uint32_t mailbox_send(struct mailbox *mailbox, struct command command) {
    uint32_t number = 0;
    pthread_mutex_lock(&mailbox->mutex);
    unsigned count = atomic_load_explicit(&mailbox->count, memory_order_relaxed);
    if (count < MAILBOX_SLOTS) {
        if (++mailbox->last_number == 0) mailbox->last_number = 1;
        number = mailbox->last_number;
        mailbox->letters[(mailbox->first + count) % MAILBOX_SLOTS] =
            (struct letter){command, number};
        atomic_store_explicit(&mailbox->count, count + 1, memory_order_relaxed);
        pthread_cond_signal(&mailbox->changed);
    }
    pthread_mutex_unlock(&mailbox->mutex);
    return number;
}

bool mailbox_take(struct mailbox *mailbox, struct command *command, uint32_t *number) {
    if (!atomic_load_explicit(&mailbox->count, memory_order_relaxed)) return false;
    pthread_mutex_lock(&mailbox->mutex);
    /* Only the taker removes commands, so it is still not empty. */
    unsigned count = atomic_load_explicit(&mailbox->count, memory_order_relaxed);
    struct letter letter = mailbox->letters[mailbox->first];
    mailbox->first = (mailbox->first + 1) % MAILBOX_SLOTS;
    atomic_store_explicit(&mailbox->count, count - 1, memory_order_relaxed);
    pthread_mutex_unlock(&mailbox->mutex);
    *command = letter.command;
    *number = letter.number;
    return true;
}

void mailbox_wait(struct mailbox *mailbox, double seconds) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    if (seconds > 0) {
        double whole = seconds < 1e6 ? seconds : 1e6;
        until.tv_sec += (time_t)whole;
        until.tv_nsec += (long)((whole - (double)(time_t)whole) * 1e9);
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }
    }
    pthread_mutex_lock(&mailbox->mutex);
    int result = 0;
    while (!result && !mailbox->is_woken &&
           !atomic_load_explicit(&mailbox->count, memory_order_relaxed)) {
        if (seconds < 0) {
            result = pthread_cond_wait(&mailbox->changed, &mailbox->mutex);
        } else {
            result = pthread_cond_timedwait(&mailbox->changed, &mailbox->mutex, &until);
        }
    }
    mailbox->is_woken = false;
    pthread_mutex_unlock(&mailbox->mutex);
}

void mailbox_wake(struct mailbox *mailbox) {
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->is_woken = true;
    pthread_cond_signal(&mailbox->changed);
    pthread_mutex_unlock(&mailbox->mutex);
}
