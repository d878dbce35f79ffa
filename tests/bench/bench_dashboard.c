/* bench_dashboard: what the dashboard costs: time from start to the first frame, a frame's
 * processor time and bytes, training under it against `run --quiet`; and a cnn run's peak memory.
 *
 *     make qatop tests/bench/bench_dashboard && tests/bench/bench_dashboard [TURNS]
 * Runs the program that was built, in a pseudo-terminal that is always read.  What is compared
 * takes turns, so that a noisy machine treats it alike; prints medians, and beside the wall clock
 * the processor time by thread, which other programs on the machine disturb less.  Training is
 * timed from outside, alike with a screen and without: from the start of its thread until that
 * rests. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "bench/measure.h"
#include "places.h"

#define ROWS          40
#define COLUMNS       120
#define TURNS_MOST    99
#define STARTS        4    /* first frames a turn */
#define FRAME_GAP     0.02 /* frames are 100 ms apart, the writes of one much less */
#define LOOK_SECONDS  0.004
#define REST_SECONDS  0.3
#define FRAME_GOAL    0.1
#define SHARE_GOAL    0.99
#define MEMORY_GOAL   150e6
#define BUSY_SHARE    0.1 /* of a look's time: less is rest */
#define LIMIT_SECONDS 600
#define PATH_SIZE     384

static const char *const program = BUILD_FOLDER "/qatop";
static char scratch[] = "/tmp/qatop-bench-XXXXXX"; /* for what a run saves */
static const char *const models[] = {"fc", "cnn"};
enum { MODELS = sizeof models / sizeof *models };

static void fail(const char *what) {
    fprintf(stderr, "bench_dashboard: %s\n", what);
    exit(1);
}

/* ---- the program, in a terminal or without ---- */

struct child {
    pid_t pid;
    int terminal; /* -1: none */
    double start;
    double last_read;
    size_t bytes, frames;
    char tail[8]; /* the end of what was read before */
    size_t tail_length;
    double first_frame; /* seconds after the start; 0: not yet */
};

static struct child start_child(const char **arguments, bool has_terminal) {
    struct child child = {.terminal = -1, .start = clock_seconds()};
    struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};
    child.pid = has_terminal ? forkpty(&child.terminal, NULL, NULL, &size) : fork();
    if (child.pid < 0) fail("cannot start a process");
    if (child.pid > 0) return child;
    if (!has_terminal) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("NO_COLOR");
    execv(program, (char **)(uintptr_t)arguments);
    perror(program);
    _exit(127);
}

/* A frame is written from its top to its bottom, and there, in the footer, stands Quit. */
static void look_for_footer(struct child *child, const char *bytes, size_t count) {
    char text[sizeof child->tail + 65536];
    memcpy(text, child->tail, child->tail_length);
    memcpy(text + child->tail_length, bytes, count);
    count += child->tail_length;
    if (memmem(text, count, "Quit", 4)) child->first_frame = clock_seconds() - child->start;
    child->tail_length = count < 3 ? count : 3;
    memcpy(child->tail, text + count - child->tail_length, child->tail_length);
}

/* Read what the child draws within so many seconds; false when it has ended. */
static bool drain(struct child *child, double seconds) {
    struct pollfd input = {.fd = child->terminal, .events = POLLIN};
    if (child->terminal < 0) {
        siginfo_t ended = {0};
        clock_sleep(seconds);
        return !waitid(P_PID, (id_t)child->pid, &ended, WEXITED | WNOHANG | WNOWAIT) &&
               !ended.si_pid;
    }
    if (poll(&input, 1, (int)(seconds * 1000 + 0.5)) <= 0) return true;
    char bytes[65536];
    ssize_t count = read(child->terminal, bytes, sizeof bytes);
    if (count <= 0) return count < 0 && errno == EINTR;
    double now = clock_seconds();
    if (now - child->last_read > FRAME_GAP) child->frames++;
    child->last_read = now;
    child->bytes += (size_t)count;
    if (!child->first_frame) look_for_footer(child, bytes, (size_t)count);
    return true;
}

static void end_child(struct child *child) {
    kill(child->pid, SIGKILL);
    if (child->terminal >= 0) close(child->terminal);
    waitpid(child->pid, NULL, 0);
}

/* ---- its threads ---- */

enum part { PART_TRAINING, PART_SHADOW, PART_MAIN, PARTS };

/* Processor time in seconds from a schedstat file of the kernel; negative when it is not there. */
static double busy_seconds(const char *path) {
    char text[64] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    return count > 0 ? (double)strtoull(text, NULL, 10) * 1e-9 : -1;
}

static enum part part_of(const char *thread) {
    if (!strcmp(thread, "qatop-shadow")) return PART_SHADOW;
    if (!strcmp(thread, "qatop-worker") || !strcmp(thread, "qatop-pool")) return PART_TRAINING;
    return PART_MAIN;
}

/* What each part has used; *worker becomes the schedstat file of the thread that trains. */
static void read_parts(const struct child *child, double used[PARTS], char *worker, size_t size) {
    char folder[64], path[PATH_SIZE], name[32];
    memset(used, 0, PARTS * sizeof *used);
    snprintf(folder, sizeof folder, "/proc/%d/task", (int)child->pid);
    DIR *threads = opendir(folder);
    if (!threads) return;
    for (struct dirent *thread; (thread = readdir(threads));) {
        if (thread->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s/comm", folder, thread->d_name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        bool is_read = fgets(name, sizeof name, file) != NULL;
        fclose(file);
        if (!is_read) continue;
        name[strcspn(name, "\n")] = 0;
        snprintf(path, sizeof path, "%s/%s/schedstat", folder, thread->d_name);
        double seconds = busy_seconds(path);
        if (seconds > 0) used[part_of(name)] += seconds;
        if (worker && !strcmp(name, "qatop-worker")) snprintf(worker, size, "%s", path);
    }
    closedir(threads);
}

/* ---- the measurements ---- */

static double first_frame(const char *model) {
    const char *arguments[] = {program, model, "--out", scratch, NULL};
    struct child child = start_child(arguments, true);
    while (!child.first_frame && clock_seconds() - child.start < LIMIT_SECONDS)
        if (!drain(&child, 0.1)) break;
    end_child(&child);
    if (!child.first_frame) fail("no frame came");
    return child.first_frame;
}

/* What one training took: of the processor in each part of the program, by the wall clock, and
 * what was drawn meanwhile. */
enum { COST_WALL = PARTS, COST_FRAMES, COST_BYTES, COSTS };
struct costs {
    double of[COSTS];
};

struct work {
    const char *name, *model, *data, *steps;
    const char *threads; /* NULL: as many as there are cores */
};

static struct child start_training(const struct work *work, bool has_screen) {
    const char *arguments[20] = {program};
    const char *const options[] = {work->model, "--data",   work->data, "--steps",
                                   work->steps, "--epochs", "1000",     "--pace",
                                   "max",       "--out",    scratch};
    size_t count = 1;
    if (!has_screen) arguments[count++] = "run";
    if (!has_screen) arguments[count++] = "--quiet";
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) arguments[count++] = options[i];
    if (work->threads) arguments[count++] = "--threads";
    if (work->threads) arguments[count++] = work->threads;
    return start_child(arguments, has_screen);
}

static struct costs train(const struct work *work, bool has_screen) {
    struct child child = start_training(work, has_screen);
    char worker[PATH_SIZE] = "";
    double before[PARTS], after[PARTS] = {0};
    while (!worker[0]) {
        if (!drain(&child, LOOK_SECONDS) || clock_seconds() - child.start > LIMIT_SECONDS)
            fail("the training did not begin");
        read_parts(&child, before, worker, sizeof worker);
    }
    struct costs costs = {0};
    double start = clock_seconds(), end = start, last = start, busy = busy_seconds(worker);
    size_t frames = child.frames, bytes = child.bytes;
    bool is_resting = false;
    while (last - end < REST_SECONDS) {
        bool is_there = drain(&child, LOOK_SECONDS);
        double now = clock_seconds();
        if (is_there && now - last < LOOK_SECONDS / 2) continue;
        double more = busy_seconds(worker);
        if ((!is_there || more < 0) && is_resting) break; /* without a screen it ends by itself */
        if (!is_there || more < 0) fail("the program ended while it was measured");
        if (more - busy > BUSY_SHARE * (now - last)) {
            end = now;
            is_resting = false;
        } else if (!is_resting && now - end > 5 * LOOK_SECONDS) {
            /* Perhaps for good: what comes later is not the training's. */
            is_resting = true;
            read_parts(&child, after, NULL, 0);
            costs.of[COST_FRAMES] = (double)(child.frames - frames);
            costs.of[COST_BYTES] = (double)(child.bytes - bytes);
        }
        busy = more;
        last = now;
    }
    end_child(&child);
    costs.of[COST_WALL] = end - start;
    for (int i = 0; i < PARTS; i++) costs.of[i] = after[i] - before[i];
    return costs;
}

static double peak_memory(const char *data) {
    const char *arguments[] = {program, "run",   "--quiet", "--data", data, "--steps",
                               "200",   "--out", scratch,   "cnn",    NULL};
    struct child child = start_child(arguments, false);
    struct rusage usage;
    int status = 0;
    if (wait4(child.pid, &status, 0, &usage) != child.pid || status) fail("the cnn run failed");
    return (double)usage.ru_maxrss * 1024;
}

/* ---- the report ---- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_scratch(void) {
    (void)nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *verdict(bool is_reached) {
    return is_reached ? "reached" : "MISSED";
}

static void report_first_frames(int turns) {
    double seconds[MODELS][TURNS_MOST * STARTS];
    int count = turns * STARTS;
    for (int i = 0; i < count; i++)
        for (int model = 0; model < MODELS; model++) seconds[model][i] = first_frame(models[model]);
    for (int model = 0; model < MODELS; model++) {
        double median = median_of(seconds[model], count); /* sorts */
        printf(
            "first frame, %-4s                %6.1f ms (%.1f to %.1f of %d)   goal %.0f ms: %s\n",
            models[model], median * 1e3, seconds[model][0] * 1e3, seconds[model][count - 1] * 1e3,
            count, FRAME_GOAL * 1e3, verdict(median <= FRAME_GOAL));
    }
}

static double sum_of_parts(const double *costs) {
    double sum = 0;
    for (int part = 0; part < PARTS; part++) sum += costs[part];
    return sum;
}

static void report_training(const struct work *work, int turns) {
    enum { SCREENLESS, DASHBOARD, MODES };
    static const char *const modes[MODES] = {"run --quiet", "dashboard"};
    double costs[MODES][COSTS][TURNS_MOST], medians[MODES][COSTS];
    for (int turn = 0; turn < turns; turn++) {
        for (int mode = 0; mode < MODES; mode++) {
            struct costs one = train(work, mode == DASHBOARD);
            for (int cost = 0; cost < COSTS; cost++) costs[mode][cost][turn] = one.of[cost];
        }
    }
    for (int mode = 0; mode < MODES; mode++) {
        double *median = medians[mode];
        for (int cost = 0; cost < COSTS; cost++) median[cost] = median_of(costs[mode][cost], turns);
        printf("%s, %-12s %6.2f s; of processor: training %6.2f s, evaluation %5.2f s, main "
               "%6.3f s\n",
               work->name, modes[mode], median[COST_WALL], median[PART_TRAINING],
               median[PART_SHADOW], median[PART_MAIN]);
    }
    const double *off = medians[SCREENLESS], *on = medians[DASHBOARD];
    double share = off[COST_WALL] / on[COST_WALL];
    printf("%s, dashboard against run --quiet: throughput %.1f %% by the wall clock   goal %.0f "
           "%%: %s\n",
           work->name, share * 100, SHARE_GOAL * 100, verdict(share >= SHARE_GOAL));
    printf("%s, by processor time: training %.1f %%, all threads %.1f %%\n", work->name,
           off[PART_TRAINING] / on[PART_TRAINING] * 100,
           sum_of_parts(off) / sum_of_parts(on) * 100);
    printf("%s, a frame: %.2f ms of processor, %.0f bytes; %.1f frames/s\n", work->name,
           on[PART_MAIN] / on[COST_FRAMES] * 1e3, on[COST_BYTES] / on[COST_FRAMES],
           on[COST_FRAMES] / on[COST_WALL]);
}

/* The whole MNIST, or NULL when it is not there. */
static const char *whole_mnist(void) {
    static char folder[PATH_SIZE];
    const char *shared = getenv("QATOP_SHARED");
    snprintf(folder, sizeof folder, "%s/data/mnist",
             shared ? shared : ASSETS_SOURCE "/../../shared");
    return access(folder, R_OK) ? NULL : folder;
}

int main(int argc, char **argv) {
    int turns = argc > 1 ? atoi(argv[1]) : 3;
    if (turns < 1 || turns > TURNS_MOST) fail("how many turns? 1 to 99");
    if (!mkdtemp(scratch)) fail("cannot make a folder in /tmp");
    atexit(remove_scratch);
    printf("%s, %d cores; medians of %d turns; %dx%d\n", cpu_model(), cpu_count(), turns, COLUMNS,
           ROWS);
    fflush(stdout);
    report_first_frames(turns);
    fflush(stdout);
    const char *data = whole_mnist();
    const char *digits = data ? data : ASSETS_SOURCE "/mnist-5k";
    const struct work works[] = {
        {"fc, all cores", "fc", digits, "7500", NULL},
        {"cnn, all cores", "cnn", digits, "1000", NULL},
        {"cnn, one thread", "cnn", digits, "600", "1"},
    };
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        report_training(&works[i], turns);
        fflush(stdout);
    }
    if (data) {
        double bytes = peak_memory(data);
        printf("peak memory, cnn, whole MNIST %6.1f MB   goal %.0f MB: %s\n", bytes / 1e6,
               MEMORY_GOAL / 1e6, verdict(bytes < MEMORY_GOAL));
    } else {
        printf("SKIPPED peak memory: it needs the whole MNIST, $QATOP_SHARED/data/mnist\n");
    }
    return 0;
}
