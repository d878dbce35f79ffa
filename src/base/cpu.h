/* cpu: which instruction set the kernels use, chosen once at start. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

enum isa { ISA_BASELINE, ISA_AVX2, ISA_AVX512, ISA_LEVELS };

/* The best level that this machine and its kernel support and that was compiled in; the
 * environment variable QATOP_ISA (baseline, avx2, avx512) lowers it.  "baseline" includes NEON
 * where that is the platform's own. */
enum isa cpu_isa(void);
const char *cpu_isa_name(enum isa isa);

/* Lower the level for tests; false when the machine lacks it. */
int cpu_force_isa(enum isa isa);

/* What integer kernels may use beyond the level: AVX-512 VNNI (level avx512), AVX-VNNI (avx2 and
 * better), the dot product of Armv8.2 (any level). */
int cpu_has_vnni(void);
int cpu_has_avx_vnni(void);
int cpu_has_neon_dot(void);

/* Cores this process may use (affinity respected), at least 1. */
int cpu_count(void);

/* "Intel(R) Xeon(R) ..." or "" where unknown; the string lives for ever. */
const char *cpu_model(void);

#endif
