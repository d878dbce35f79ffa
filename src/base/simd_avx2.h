/* simd_avx2: the operations of simd.h; include that. */
#ifndef BASE_SIMD_AVX2_H
#define BASE_SIMD_AVX2_H

#include <immintrin.h>

typedef __m256 vfloat;
typedef __m256 vmask; /* all bits of a lane, or none */

ALWAYS_INLINE vfloat v_set(float x) {
    return _mm256_set1_ps(x);
}

ALWAYS_INLINE vfloat v_load(const float *p) {
    return _mm256_loadu_ps(p);
}

ALWAYS_INLINE void v_store(float *p, vfloat v) {
    _mm256_storeu_ps(p, v);
}

ALWAYS_INLINE __m256i v_first_lanes(size_t count) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane);
}

/* The first `count` < V_LANES lanes; the others are loaded as 0 and never stored. */
ALWAYS_INLINE vfloat v_load_part(const float *p, size_t count) {
    return _mm256_maskload_ps(p, v_first_lanes(count));
}

ALWAYS_INLINE void v_store_part(float *p, vfloat v, size_t count) {
    _mm256_maskstore_ps(p, v_first_lanes(count), v);
}

ALWAYS_INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) { /* fmaf(a, b, c) */
    return _mm256_fmadd_ps(a, b, c);
}

ALWAYS_INLINE vfloat v_min(vfloat a, vfloat b) { /* a < b ? a : b */
    return _mm256_min_ps(a, b);
}

ALWAYS_INLINE vfloat v_max(vfloat a, vfloat b) { /* a > b ? a : b */
    return _mm256_max_ps(a, b);
}

ALWAYS_INLINE vfloat v_floor(vfloat a) {
    return _mm256_floor_ps(a);
}

ALWAYS_INLINE vfloat v_abs(vfloat a) { /* fabsf(a) */
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

ALWAYS_INLINE vfloat v_sqrt(vfloat a) {
    return _mm256_sqrt_ps(a);
}

ALWAYS_INLINE vmask v_less(vfloat a, vfloat b) { /* a < b */
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

ALWAYS_INLINE vmask v_less_equal(vfloat a, vfloat b) { /* a <= b */
    return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}

ALWAYS_INLINE vmask v_equal(vfloat a, vfloat b) { /* a == b */
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}

ALWAYS_INLINE vmask v_unordered(vfloat a, vfloat b) { /* isnan(a) || isnan(b) */
    return _mm256_cmp_ps(a, b, _CMP_UNORD_Q);
}

/* Bit i: lane i is not 0. */
ALWAYS_INLINE uint32_t v_nonzero_bits(vfloat a) {
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_NEQ_UQ));
}

ALWAYS_INLINE vfloat v_select(vmask m, vfloat a, vfloat b) { /* m ? a : b */
    return _mm256_blendv_ps(b, a, m);
}

ALWAYS_INLINE vmask m_or(vmask a, vmask b) {
    return _mm256_or_ps(a, b);
}

ALWAYS_INLINE vmask m_and(vmask a, vmask b) {
    return _mm256_and_ps(a, b);
}

ALWAYS_INLINE vmask m_none(void) {
    return _mm256_setzero_ps();
}

ALWAYS_INLINE bool m_any(vmask m) {
    return _mm256_movemask_ps(m) != 0;
}

ALWAYS_INLINE bool m_all(vmask m) {
    return _mm256_movemask_ps(m) == 0xff;
}

/* V_LANES / 2 wide integers; w_multiply multiplies the low half of each by b. */
typedef uint64_t vwide __attribute__((vector_size(32)));

ALWAYS_INLINE vwide w_multiply(vwide a, uint32_t b) {
    return (vwide)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x((long long)b));
}

/* Interleave: the first and the second half of a[0], b[0], a[1], b[1], ... */
#define W_PAIRS_LOW(a, b)  __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define W_PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)

/* V_LANES bytes to and from lanes that hold the integers 0..255. */
ALWAYS_INLINE vfloat v_load_bytes(const unsigned char *p) {
    __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}

ALWAYS_INLINE void v_store_bytes(unsigned char *p, vfloat v) {
    __m256i words = _mm256_cvttps_epi32(v);
    __m128i halves =
        _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(halves, halves));
}

#endif
