#include "base/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

static const char *const isa_names[ISA_LEVELS] = {"baseline", "avx2", "avx512"};

const char *cpu_isa_name(enum isa isa) {
    return isa_names[isa];
}

/* The builtins also check that the operating system saves the wide registers. */
static enum isa isa_of_machine(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
#ifdef HAVE_AVX512
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("fma"))
        return ISA_AVX512;
#endif
#ifdef HAVE_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return ISA_AVX2;
#endif
#endif
    return ISA_BASELINE;
}

static enum isa isa_wanted(void) {
    enum isa best = isa_of_machine();
    const char *wanted = getenv("QATOP_ISA");
    for (enum isa isa = ISA_BASELINE; wanted && isa < best; isa++)
        if (!strcmp(wanted, isa_names[isa])) return isa;
    return best;
}

static _Atomic int chosen = -1;

/* Relaxed: the value depends on nothing else, and threads that race here compute the same one. */
enum isa cpu_isa(void) {
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa < 0) {
        isa = (int)isa_wanted();
        atomic_store_explicit(&chosen, isa, memory_order_relaxed);
    }
    return (enum isa)isa;
}

int cpu_force_isa(enum isa isa) {
    if (isa > isa_of_machine()) return 0;
    atomic_store_explicit(&chosen, (int)isa, memory_order_relaxed);
    return 1;
}

int cpu_has_vnni(void) {
#if defined(HAVE_AVX512) && (defined(__x86_64__) || defined(__i386__))
    return cpu_isa() == ISA_AVX512 && __builtin_cpu_supports("avx512vnni");
#else
    return 0;
#endif
}

/* Not every compiler's builtin knows this feature by name. */
int cpu_has_avx_vnni(void) {
#if defined(HAVE_AVXVNNI) && (defined(__x86_64__) || defined(__i386__))
    unsigned a, b, c, d;
    return cpu_isa() >= ISA_AVX2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
#else
    return 0;
#endif
}

int cpu_has_neon_dot(void) {
#if defined(HAVE_NEON_DOT) && defined(__aarch64__) && defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
    return 0;
#endif
}

int cpu_count(void) {
#ifdef __linux__
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set)) {
        int count = CPU_COUNT(&set);
        if (count > 0) return count;
    }
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

static char model[128];

static void model_read(void) {
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) return;
    char line[512];
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "model name", 10)) continue;
        const char *value = strchr(line, ':');
        if (!value) continue;
        value += 1 + strspn(value + 1, " \t");
        snprintf(model, sizeof model, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    fclose(file);
}

const char *cpu_model(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, model_read);
    return model;
}
