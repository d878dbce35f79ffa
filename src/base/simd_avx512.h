/* simd_avx512: the operations of simd.h; include that. */
#ifndef BASE_SIMD_AVX512_H
#define BASE_SIMD_AVX512_H

#include <immintrin.h>

typedef __m512 vfloat;
typedef __mmask16 vmask;

ALWAYS_INLINE vfloat v_set(float x) {
    return _mm512_set1_ps(x);
}

ALWAYS_INLINE vfloat v_load(const float *p) {
    return _mm512_loadu_ps(p);
}

ALWAYS_INLINE void v_store(float *p, vfloat v) {
    _mm512_storeu_ps(p, v);
}

/* The first `count` < V_LANES lanes; the others are loaded as 0 and never stored. */
ALWAYS_INLINE vfloat v_load_part(const float *p, size_t count) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}

ALWAYS_INLINE void v_store_part(float *p, vfloat v, size_t count) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), v);
}

ALWAYS_INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) { /* fmaf(a, b, c) */
    return _mm512_fmadd_ps(a, b, c);
}

ALWAYS_INLINE vfloat v_min(vfloat a, vfloat b) { /* a < b ? a : b */
    return _mm512_min_ps(a, b);
}

ALWAYS_INLINE vfloat v_max(vfloat a, vfloat b) { /* a > b ? a : b */
    return _mm512_max_ps(a, b);
}

ALWAYS_INLINE vfloat v_floor(vfloat a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

ALWAYS_INLINE vfloat v_abs(vfloat a) { /* fabsf(a) */
    return _mm512_abs_ps(a);
}

ALWAYS_INLINE vfloat v_sqrt(vfloat a) {
    return _mm512_sqrt_ps(a);
}

ALWAYS_INLINE vmask v_less(vfloat a, vfloat b) { /* a < b */
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

ALWAYS_INLINE vmask v_less_equal(vfloat a, vfloat b) { /* a <= b */
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}

ALWAYS_INLINE vmask v_equal(vfloat a, vfloat b) { /* a == b */
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

ALWAYS_INLINE vmask v_unordered(vfloat a, vfloat b) { /* isnan(a) || isnan(b) */
    return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q);
}

/* Bit i: lane i is not 0. */
ALWAYS_INLINE uint32_t v_nonzero_bits(vfloat a) {
    return _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_NEQ_UQ);
}

ALWAYS_INLINE vfloat v_select(vmask m, vfloat a, vfloat b) { /* m ? a : b */
    return _mm512_mask_blend_ps(m, b, a);
}

ALWAYS_INLINE vmask m_or(vmask a, vmask b) {
    return a | b;
}

ALWAYS_INLINE vmask m_and(vmask a, vmask b) {
    return a & b;
}

ALWAYS_INLINE vmask m_none(void) {
    return 0;
}

ALWAYS_INLINE bool m_any(vmask m) {
    return m != 0;
}

ALWAYS_INLINE bool m_all(vmask m) {
    return m == 0xffff;
}

/* V_LANES / 2 wide integers; w_multiply multiplies the low half of each by b. */
typedef uint64_t vwide __attribute__((vector_size(64)));

ALWAYS_INLINE vwide w_multiply(vwide a, uint32_t b) {
    return (vwide)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64((long long)b));
}

/* Interleave: the first and the second half of a[0], b[0], a[1], b[1], ... */
#define W_PAIRS_LOW(a, b)  __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define W_PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)

/* V_LANES bytes to and from lanes that hold the integers 0..255. */
ALWAYS_INLINE vfloat v_load_bytes(const unsigned char *p) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
}

ALWAYS_INLINE void v_store_bytes(unsigned char *p, vfloat v) {
    _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(v)));
}

#endif
