/* simd: the few places where compilers must be told what the machine can do. */
#ifndef BASE_SIMD_H
#define BASE_SIMD_H

/* Tell the core that this is a waiting loop. */
static inline void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
    __asm__ __volatile__("yield");
#endif
}

#endif
