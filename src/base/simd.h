/* simd: one vector type and its operations, as wide as the including file's compiler flags allow.
 *
 * 16 lanes with AVX-512, 8 with AVX2 and FMA, else 4 (SSE2, NEON, or whatever the compiler makes of
 * it).  Each lane of an operation gives exactly what the scalar expression in its comment gives, so
 * results do not depend on the width.  The operators + - * / work on vectors too; they are never
 * contracted (-ffp-contract=off): a fused multiply-add is written v_fma.
 */
#ifndef BASE_SIMD_H
#define BASE_SIMD_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define V_LANES 16
#include "base/simd_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#define V_LANES 8
#include "base/simd_avx2.h"
#else
#define V_LANES 4
#include "base/simd_generic.h"
#endif

/* Hint to the processor that this is a spin loop. */
static inline void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
    __asm__ __volatile__("yield");
#endif
}

#endif
