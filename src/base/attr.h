/* attr: compiler attributes used in declarations, and the assertion that stays on in releases. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#if defined(__GNUC__)
#define MUST_USE                   __attribute__((warn_unused_result))
#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
#define NO_RETURN                  __attribute__((noreturn))
#else
#define MUST_USE
#define PRINTF_LIKE(string, first)
#define NO_RETURN
#endif

/* For conditions that only a bug can make false, never for input; prints the place and aborts. */
#define qt_assert(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

NO_RETURN void assert_failed(const char *condition, const char *file, int line);

#endif
