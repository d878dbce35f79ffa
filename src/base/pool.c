#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#endif
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/simd.h"
#include "base/thread.h"

enum { MAX_DEFAULT_THREADS = 64, MAX_THREADS = 1024 };

/* Longer than the gap between the kernels of two layers, too short to cost power. */
static const double spin_seconds = 30e-6;

struct helper {
    struct pool *pool;
    pthread_t thread;
    int index; /* 1..threads-1; the owner is 0 */
};

struct pool {
    int threads;
    int started; /* helpers that were started */
    bool may_spin;

    /* One round: the owner writes this before it advances `round`, helpers read it afterwards. */
    pool_task *run;
    void *context;
    int parts;
    bool stop;

    _Alignas(64) atomic_uint round; /* the owner advances it to begin a round */
    atomic_int sleepers;            /* helpers that sleep on `begun` or are about to */
    _Alignas(64) atomic_int busy;   /* helpers still in this round */
    atomic_bool owner_sleeps;

    pthread_mutex_t lock; /* guards only the two conditions and the next field */
    int waker_cpu;        /* processor of the thread that last woke another; -1: unknown */
    pthread_cond_t begun, done;

    struct helper helpers[];
};

static void run_parts(struct pool *pool, int index) {
    for (int part = index; part < pool->parts; part += pool->threads)
        pool->run(pool->context, part, pool->parts);
}

/* Spin for a bounded time until *value differs from `from`; false if it never does. */
static bool spin_until_changed(const struct pool *pool, atomic_uint *value, unsigned from) {
    if (!pool->may_spin) return atomic_load_explicit(value, memory_order_acquire) != from;
    double deadline = 0;
    for (int i = 0;; i++) {
        if (atomic_load_explicit(value, memory_order_acquire) != from) return true;
        spin_pause();
        if (i % 64 != 63) continue;
        double now = clock_seconds();
        if (deadline == 0) deadline = now + spin_seconds;
        if (now >= deadline) return false;
    }
}

/* As above, for the owner: until no helper is busy. */
static bool spin_until_idle(struct pool *pool) {
    double deadline = 0;
    for (int i = 0;; i++) {
        if (atomic_load_explicit(&pool->busy, memory_order_acquire) == 0) return true;
        if (!pool->may_spin) return false;
        spin_pause();
        if (i % 64 != 63) continue;
        double now = clock_seconds();
        if (deadline == 0) deadline = now + spin_seconds;
        if (now >= deadline) return false;
    }
}

#ifdef __linux__
static int present_cpu(void) {
    return sched_getcpu();
}

/* The kernel may wake a thread on the same processor as its waker although other processors are
 * idle.  Then owner and helper take turns: each sleeps until the other is done, and because both
 * are hardly ever runnable at once, the load balancer never separates them.  So a thread that finds
 * itself on its waker's processor moves to any other one it is allowed to use, without binding
 * itself to it. */
static void leave_cpu(int cpu) {
    cpu_set_t allowed, others;
    if (cpu < 0 || cpu >= CPU_SETSIZE || cpu != present_cpu()) return;
    if (sched_getaffinity(0, sizeof allowed, &allowed)) return;
    others = allowed;
    CPU_CLR(cpu, &others);
    if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others)) return;
    (void)sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
static int present_cpu(void) {
    return -1;
}

static void leave_cpu(int cpu) {
    (void)cpu;
}
#endif

/* A helper raises `sleepers` before it looks at `round` again, and the owner advances `round`
 * before it looks at `sleepers`, all sequentially consistent: at least one of the two sees the
 * other. */
static unsigned await_round(struct pool *pool, unsigned seen) {
    if (!spin_until_changed(pool, &pool->round, seen)) {
        pthread_mutex_lock(&pool->lock);
        atomic_fetch_add(&pool->sleepers, 1);
        while (atomic_load(&pool->round) == seen) pthread_cond_wait(&pool->begun, &pool->lock);
        atomic_fetch_sub(&pool->sleepers, 1);
        int waker_cpu = pool->waker_cpu;
        pthread_mutex_unlock(&pool->lock);
        if (pool->may_spin) leave_cpu(waker_cpu);
    }
    return seen + 1;
}

/* The owner starts no round before every helper has left the previous one, so `seen` is never two
 * rounds behind. */
static void *helper_main(void *argument) {
    struct helper *helper = argument;
    struct pool *pool = helper->pool;
    thread_set_name("qatop-pool");
    for (unsigned seen = 0;;) {
        seen = await_round(pool, seen);
        if (pool->stop) return NULL;
        run_parts(pool, helper->index);
        /* As with `sleepers`: `busy` falls before `owner_sleeps` is read, the owner the reverse. */
        if (atomic_fetch_sub(&pool->busy, 1) == 1 && atomic_load(&pool->owner_sleeps)) {
            pthread_mutex_lock(&pool->lock);
            pool->waker_cpu = present_cpu();
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

static void begin_round(struct pool *pool) {
    atomic_fetch_add(&pool->round, 1);
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pool->waker_cpu = present_cpu();
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->lock);
}

static void await_helpers(struct pool *pool) {
    if (spin_until_idle(pool)) return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->owner_sleeps, true);
    while (atomic_load(&pool->busy) != 0) pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->owner_sleeps, false);
    int waker_cpu = pool->waker_cpu;
    pthread_mutex_unlock(&pool->lock);
    if (pool->may_spin) leave_cpu(waker_cpu);
}

void pool_run(struct pool *pool, int parts, pool_task *run, void *context) {
    if (!pool || pool->threads == 1 || parts <= 1) {
        for (int part = 0; part < parts; part++) run(context, part, parts);
        return;
    }
    pool->run = run;
    pool->context = context;
    pool->parts = parts;
    atomic_store_explicit(&pool->busy, pool->started, memory_order_relaxed);
    begin_round(pool);
    run_parts(pool, 0);
    await_helpers(pool);
}

int pool_parts(const struct pool *pool, size_t work, size_t least) {
    size_t threads = (size_t)pool_threads(pool), parts = work / least;
    return (int)(parts < 1 ? 1 : parts < threads ? parts : threads);
}

void pool_share(size_t count, size_t grain, int part, int parts, size_t *begin, size_t *end) {
    size_t units = count / grain + (count % grain != 0);
    size_t p = (size_t)part, each = units / (size_t)parts, more = units % (size_t)parts;
    size_t first = p * each + (p < more ? p : more);
    size_t last = first + each + (p < more);
    *begin = first < units ? first * grain : count;
    *end = last < units ? last * grain : count;
}

/* Signals are handled by the threads that the program itself creates, never by helpers. */
static int start_helpers(struct pool *pool) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = 0;
    while (pool->started < pool->threads - 1) {
        struct helper *helper = &pool->helpers[pool->started];
        helper->pool = pool;
        helper->index = pool->started + 1;
        failure = pthread_create(&helper->thread, NULL, helper_main, helper);
        if (failure) break;
        pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failure;
}

enum status pool_create(struct pool **out, int threads, struct error *error) {
    *out = NULL;
    if (threads < 0 || threads > MAX_THREADS)
        return error_set(error, STATUS_USAGE, "threads", "%d is not between 1 and %d", threads,
                         MAX_THREADS);
    int cores = cpu_count();
    if (threads == 0) threads = cores < MAX_DEFAULT_THREADS ? cores : MAX_DEFAULT_THREADS;
    size_t size = sizeof(struct pool) + (size_t)(threads - 1) * sizeof(struct helper);
    size = (size + 63) / 64 * 64;
    struct pool *pool = aligned_alloc(64, size);
    if (!pool) return error_memory(error, "threads", size);
    *pool = (struct pool){.threads = threads, .may_spin = threads <= cores, .waker_cpu = -1};
    atomic_init(&pool->round, 0);
    atomic_init(&pool->sleepers, 0);
    atomic_init(&pool->busy, 0);
    atomic_init(&pool->owner_sleeps, false);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->begun, NULL);
    pthread_cond_init(&pool->done, NULL);
    int failure = start_helpers(pool);
    if (failure) {
        pool_destroy(pool);
        errno = failure;
        return error_errno(error, "threads", "cannot start a thread");
    }
    *out = pool;
    return STATUS_OK;
}

void pool_destroy(struct pool *pool) {
    if (!pool) return;
    pool->stop = true;
    begin_round(pool);
    for (int i = 0; i < pool->started; i++) pthread_join(pool->helpers[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->begun);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

int pool_threads(const struct pool *pool) {
    return pool ? pool->threads : 1;
}
