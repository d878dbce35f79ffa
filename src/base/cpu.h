/* cpu: which instruction set the kernels use, chosen once at start. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

enum isa { ISA_BASELINE, ISA_AVX2, ISA_AVX512, ISA_LEVELS };

/* The best level that the machine and the operating system support and that was compiled in; the
 * environment variable QATOP_ISA (baseline, avx2, avx512) lowers it.  "baseline" includes NEON
 * where the platform always has it. */
enum isa cpu_isa(void);
const char *cpu_isa_name(enum isa isa);

/* Set the level, for tests; 0 when the machine lacks it. */
int cpu_force_isa(enum isa isa);

/* What integer kernels may use beyond the level: AVX-512 VNNI (with avx512), AVX-VNNI (with avx2 or
 * avx512), the dot product instructions of Armv8.2 (any level). */
int cpu_has_vnni(void);
int cpu_has_avx_vnni(void);
int cpu_has_neon_dot(void);

/* Cores this process may run on, at least 1. */
int cpu_count(void);

/* "Intel(R) Xeon(R) ...", or "" where unknown; a static string. */
const char *cpu_model(void);

#endif
