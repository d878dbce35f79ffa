/* driver: runs a fuzz target where there is no libFuzzer: over its seeds and over mutations of
 * them, always the same, as a test; or over the files that are named. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "fuzz/fuzz.h"

#define SEED       20261123
#define MAX_LENGTH ((size_t)2 << 20)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#ifdef HAS_SHADOW
#define WORK ((size_t)2 << 20)
#else
#define HAS_SHADOW 0
#define WORK       ((size_t)16 << 20)
#endif
#define MAX_MUTATIONS 200 /* of one seed; of large ones fewer, WORK bytes in all */
#define MIN_MUTATIONS 8

/* What is being run, for whoever has to find out why it crashed. */
static char running[1200];

static void on_crash(int number) {
    ssize_t put = write(STDERR_FILENO, running, strlen(running));
    (void)put;
    signal(number, SIG_DFL);
    raise(number);
}

/* A block of its own, exactly as long as the input, so that reading past its end is seen. */
static void take(const unsigned char *bytes, size_t length) {
    uint8_t *exact = malloc(length ? length : 1);
    fuzz_check(exact);
    memcpy(exact, bytes, length);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
}

static void put_word(unsigned char *bytes, size_t at, uint32_t value, int is_big_endian) {
    for (int i = 0; i < 4; i++)
        bytes[at + (size_t)i] = (unsigned char)(value >> 8 * (is_big_endian ? 3 - i : i));
}

/* One change: bytes, a word, a block that moves, or an end that is missing. */
static size_t change(unsigned char *bytes, size_t length, const uint32_t words[4]) {
    static const unsigned char values[] = {0, 1, 2, 4, 10, 31, 127, 128, 254, 255, '"', '[', '}'};
    static const uint32_t numbers[] = {0,        1,          28,         1u << 16,   1u << 20,
                                       1u << 28, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    size_t at = words[0] % length, from = words[1] % length, count = 1 + words[2] % 16;
    /* Half of them go to where headers and tables are. */
    if (words[3] & 1) at = words[3] & 2 ? at % 256 : length - 1 - at % 512 % length;
    if (at >= length) at = length - 1;
    switch ((words[3] >> 8) % 8) {
    case 0:
        return at ? at : 1;
    case 1:
        if (length < 4) return length;
        if (at > length - 4) at = length - 4;
        put_word(bytes, at, numbers[words[2] % 10], words[2] >> 31 != 0);
        return length;
    case 2:
        if (count > length - at) count = length - at;
        if (count > length - from) count = length - from;
        memmove(bytes + at, bytes + from, count);
        return length;
    case 3:
        bytes[at] ^= (unsigned char)(1u << words[2] % 8);
        return length;
    default:
        bytes[at] = values[words[2] % sizeof values];
        return length;
    }
}

static void mutate(const char *path, unsigned char *bytes, size_t length, uint64_t seed,
                   uint32_t number) {
    uint32_t words[4];
    random_philox(SEED, RANDOM_TEST, seed, number * 8, words);
    uint32_t changes = 1 + words[0] % 4;
    for (uint32_t i = 1; i <= changes && length; i++) {
        random_philox(SEED, RANDOM_TEST, seed, number * 8 + i, words);
        length = change(bytes, length, words);
    }
    snprintf(running, sizeof running, "it was mutation %u of %s\n", number, path);
    take(bytes, length);
}

static int run_seed(const char *path, uint64_t seed, int are_mutated) {
    struct error error;
    unsigned char *bytes;
    size_t length;
    fuzz_check(!file_read(path, (size_t)1 << 30, &bytes, &length, &error));
    snprintf(running, sizeof running, "it was %s\n", path);
    take(bytes, length);
    if (length > MAX_LENGTH) length = MAX_LENGTH;
    if (strstr(path, "/large-")) are_mutated = 0; /* each mutation would take its memory again */
    size_t count = are_mutated && length ? WORK / length : 0;
    if (count > MAX_MUTATIONS) count = MAX_MUTATIONS;
    if (are_mutated && length && count < MIN_MUTATIONS) count = MIN_MUTATIONS;
    unsigned char *copy = malloc(length + 1);
    fuzz_check(copy);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(copy, bytes, length);
        mutate(path, copy, length, seed, i);
    }
    free(copy);
    free(bytes);
    return (int)count;
}

static long peak_megabytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

int main(int argc, char **argv) {
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    int seeds = 0, mutations = 0, state = 0;
    const char *path;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], on_crash);
    for (int i = 1; i < argc; i++) run_seed(argv[i], 0, 0);
    if (argc > 1) return 0;
    while ((path = fuzz_next_seed(&state))) mutations += run_seed(path, (uint64_t)seeds++, 1);
    int is_within = HAS_SHADOW || peak_megabytes() <= fuzz_target.megabytes + 64;
    printf("%s 1 - what is damaged is refused in one line, what is accepted is sane\n",
           seeds ? "ok" : "not ok");
    printf("%s 2 - the stated bound on memory holds%s\n", is_within ? "ok" : "not ok",
           HAS_SHADOW ? " # SKIP a sanitizer needs more" : "");
    printf("# %d seeds, %d mutations, at most %ld megabytes\n1..2\n", seeds, mutations,
           peak_megabytes());
    return seeds && is_within ? 0 : 1;
}
