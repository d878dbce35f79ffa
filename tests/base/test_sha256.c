#include "test.h"

#include "base/sha256.h"

/* FIPS 180-2, appendix B.1, and the empty message. */
static void digests_equal_the_standard(void **state) {
    (void)state;
    char hex[SHA256_HEX];
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(digests_equal_the_standard)};
TEST_MAIN(tests)
