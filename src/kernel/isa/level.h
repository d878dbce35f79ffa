/* level: shared by the sources of this folder, which are compiled once per level with
 * -DKERNEL_LEVEL=baseline, avx2 or avx512. */
#ifndef KERNEL_ISA_LEVEL_H
#define KERNEL_ISA_LEVEL_H

#include "base/simd.h"
#include "kernel/list.h"

#define PASTE(a, b)          a##_##b
#define PASTE_EXPANDED(a, b) PASTE(a, b)
#define ISA(name)            PASTE_EXPANDED(name, KERNEL_LEVEL)

#define K(name, arguments) void ISA(name) arguments;
KERNEL_LIST(K)
#undef K

/* At most `count` lanes of a vector, for the end of a row. */
ALWAYS_INLINE vfloat load_count(const float *p, size_t count) {
    return count >= V_LANES ? v_load(p) : v_load_part(p, count);
}

ALWAYS_INLINE void store_count(float *p, vfloat v, size_t count) {
    if (count >= V_LANES)
        v_store(p, v);
    else
        v_store_part(p, v, count);
}

ALWAYS_INLINE vfloat lane_numbers(void) {
    const float numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return v_load(numbers);
}

/* Accumulators of a strip: STRIP_ROWS x STRIP_VECTORS registers, plus STRIP_VECTORS of b and one
 * of a, must fit: 32 registers with AVX-512 and NEON, 16 with AVX2 and SSE2. */
#if V_LANES == 16 || defined(__aarch64__)
#define STRIP_ROWS 14
#else
#define STRIP_ROWS 6
#endif
#define STRIP_VECTORS 2

/* A loop that must be unrolled completely, so that arrays of vectors live in registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* A loop whose bounds are constant in some of the places where it is inlined.  Clang unrolls those
 * by itself and warns about the others. */
#ifdef __clang__
#define UNROLL_IF_CONSTANT
#else
#define UNROLL_IF_CONSTANT UNROLL
#endif

#endif
