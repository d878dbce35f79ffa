/* simd_generic: the operations of simd.h in vector C, with intrinsics where SSE2 or NEON has one;
 * include simd.h. */
#ifndef BASE_SIMD_GENERIC_H
#define BASE_SIMD_GENERIC_H

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

typedef float vfloat __attribute__((vector_size(16)));
typedef int32_t vmask __attribute__((vector_size(16))); /* all bits of a lane, or none */

ALWAYS_INLINE vfloat v_set(float x) {
    return (vfloat){x, x, x, x};
}

ALWAYS_INLINE vfloat v_load(const float *p) {
    vfloat v;
    memcpy(&v, p, sizeof v);
    return v;
}

ALWAYS_INLINE void v_store(float *p, vfloat v) {
    memcpy(p, &v, sizeof v);
}

/* The first `count` < V_LANES lanes; the others are loaded as 0 and never stored. */
ALWAYS_INLINE vfloat v_load_part(const float *p, size_t count) {
    float lanes[V_LANES] = {0};
    for (size_t i = 0; i < count; i++) lanes[i] = p[i];
    return v_load(lanes);
}

ALWAYS_INLINE void v_store_part(float *p, vfloat v, size_t count) {
    for (size_t i = 0; i < count; i++) p[i] = v[i];
}

ALWAYS_INLINE vfloat v_select(vmask m, vfloat a, vfloat b) { /* m ? a : b */
#if defined(__clang__) && defined(__aarch64__)
    /* Clang 14 makes fmax of 0 > b ? 0 : b, which takes 0 where b is -0: it must not see where the
     * mask comes from. */
    __asm__("" : "+w"(m));
#endif
    return (vfloat)((m & (vmask)a) | (~m & (vmask)b));
}

/* Bit i: lane i is not 0. */
ALWAYS_INLINE uint32_t v_nonzero_bits(vfloat a) {
    vmask other = a != v_set(0);
#if defined(__SSE2__)
    return (uint32_t)_mm_movemask_ps((__m128)other);
#else
    other &= (vmask){1, 2, 4, 8};
    return (uint32_t)(other[0] | other[1] | other[2] | other[3]);
#endif
}

ALWAYS_INLINE vmask v_less(vfloat a, vfloat b) { /* a < b */
    return a < b;
}

ALWAYS_INLINE vmask v_less_equal(vfloat a, vfloat b) { /* a <= b */
    return a <= b;
}

ALWAYS_INLINE vmask v_equal(vfloat a, vfloat b) { /* a == b */
    return a == b;
}

ALWAYS_INLINE vmask v_unordered(vfloat a, vfloat b) { /* isnan(a) || isnan(b) */
    return (a != a) | (b != b);
}

#if defined(__SSE2__)
/* Two lanes of a * b + c in double: the product is exact, the sum is rounded once to 53 bits.
 * Rounding that to float gives fmaf's result unless the sum lies exactly between two floats
 * (*unsure), where the bits lost in the first rounding would decide: then its last 29 bits are a
 * 1 followed by zeros.  For subnormal results that midpoint lies elsewhere; they count as unsure
 * too. */
ALWAYS_INLINE __m128 v_fma_half(__m128 a, __m128 b, __m128 c, __m128i *unsure) {
    __m128d sum = _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(a), _mm_cvtps_pd(b)), _mm_cvtps_pd(c));
    const __m128i tail = _mm_set_epi32(0, 0x1fffffff, 0, 0x1fffffff);
    const __m128i middle = _mm_set_epi32(-1, 0x10000000, -1, 0x10000000);
    __m128i between = _mm_cmpeq_epi32(_mm_and_si128(_mm_castpd_si128(sum), tail), middle);
    __m128d size = _mm_andnot_pd(_mm_set1_pd(-0.0), sum);
    __m128d tiny = _mm_and_pd(_mm_cmplt_pd(size, _mm_set1_pd(0x1p-126)),
                              _mm_cmpneq_pd(size, _mm_setzero_pd()));
    *unsure = _mm_or_si128(*unsure, _mm_or_si128(between, _mm_castpd_si128(tiny)));
    return _mm_cvtpd_ps(sum);
}
#endif

/* Not inlined: it is rarely needed and would use up registers. */
static __attribute__((noinline, cold, unused)) vfloat v_fma_by_lane(vfloat a, vfloat b, vfloat c) {
    vfloat v;
    for (int i = 0; i < V_LANES; i++) v[i] = fmaf(a[i], b[i], c[i]);
    return v;
}

ALWAYS_INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) { /* fmaf(a, b, c) */
#if defined(__aarch64__)
    return (vfloat)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined(__SSE2__)
    __m128i unsure = _mm_setzero_si128();
    __m128 low = v_fma_half(a, b, c, &unsure);
    __m128 high =
        v_fma_half(_mm_movehl_ps(a, a), _mm_movehl_ps(b, b), _mm_movehl_ps(c, c), &unsure);
    if (_mm_movemask_epi8(unsure)) return v_fma_by_lane(a, b, c);
    return _mm_movelh_ps(low, high);
#else
    return v_fma_by_lane(a, b, c);
#endif
}

ALWAYS_INLINE vfloat v_min(vfloat a, vfloat b) { /* a < b ? a : b */
#if defined(__SSE2__)
    return _mm_min_ps(a, b);
#else
    return v_select(a < b, a, b);
#endif
}

ALWAYS_INLINE vfloat v_max(vfloat a, vfloat b) { /* a > b ? a : b */
#if defined(__SSE2__)
    return _mm_max_ps(a, b);
#else
    return v_select(a > b, a, b);
#endif
}

/* From 2^23 on every float is an integer; below that, truncation fits into 32 bits.  The sign is
 * put back for -0. */
ALWAYS_INLINE vfloat v_floor(vfloat a) {
#if defined(__aarch64__)
    return (vfloat)vrndmq_f32((float32x4_t)a);
#else
    const vmask sign = {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
    vfloat magnitude = (vfloat)((vmask)a & ~sign);
    vmask small = magnitude < v_set(8388608.0f);
    vfloat bounded = (vfloat)((vmask)a & small);
    vfloat whole = __builtin_convertvector(__builtin_convertvector(bounded, vmask), vfloat);
    whole -= (vfloat)((whole > bounded) & (vmask)v_set(1.0f));
    whole = (vfloat)((vmask)whole | ((vmask)a & sign));
    return v_select(small, whole, a);
#endif
}

ALWAYS_INLINE vfloat v_abs(vfloat a) { /* fabsf(a) */
    const vmask sign = {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
    return (vfloat)((vmask)a & ~sign);
}

ALWAYS_INLINE vfloat v_sqrt(vfloat a) {
#if defined(__SSE2__)
    return _mm_sqrt_ps(a);
#elif defined(__aarch64__)
    return (vfloat)vsqrtq_f32((float32x4_t)a);
#else
    for (int i = 0; i < V_LANES; i++) a[i] = sqrtf(a[i]);
    return a;
#endif
}

ALWAYS_INLINE vmask m_or(vmask a, vmask b) {
    return a | b;
}

ALWAYS_INLINE vmask m_and(vmask a, vmask b) {
    return a & b;
}

ALWAYS_INLINE vmask m_none(void) {
    return (vmask){0};
}

ALWAYS_INLINE bool m_any(vmask m) {
    return (m[0] | m[1] | m[2] | m[3]) != 0;
}

ALWAYS_INLINE bool m_all(vmask m) {
    return (m[0] & m[1] & m[2] & m[3]) != 0;
}

/* V_LANES / 2 wide integers; w_multiply multiplies the low half of each by b. */
typedef uint64_t vwide __attribute__((vector_size(16)));

ALWAYS_INLINE vwide w_multiply(vwide a, uint32_t b) {
#if defined(__SSE2__)
    return (vwide)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x((long long)b));
#elif defined(__aarch64__)
    return (vwide)vmull_n_u32(vmovn_u64((uint64x2_t)a), b);
#else
    return (a & 0xffffffffu) * b;
#endif
}

/* Interleave: the first and the second half of a[0], b[0], a[1], b[1], ... */
#define W_PAIRS_LOW(a, b)  __builtin_shufflevector(a, b, 0, 2)
#define W_PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 1, 3)

/* V_LANES bytes to and from lanes that hold the integers 0..255. */
ALWAYS_INLINE vfloat v_load_bytes(const unsigned char *p) {
    return (vfloat){(float)p[0], (float)p[1], (float)p[2], (float)p[3]};
}

ALWAYS_INLINE void v_store_bytes(unsigned char *p, vfloat v) {
    for (int i = 0; i < V_LANES; i++) p[i] = (unsigned char)v[i];
}

#endif
