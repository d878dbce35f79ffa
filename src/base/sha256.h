/* sha256: the digest that identifies weights and exported files (FIPS 180-4, by libmd). */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

#define SHA256_HEX 65 /* 64 digits and a NUL */

/* Lower-case hexadecimal digest of bytes[length]. */
void sha256_hex(const void *bytes, size_t length, char hex[SHA256_HEX]);

#endif
