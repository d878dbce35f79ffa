#include "kernel/list.h"

#include "checks.h"

static void check_table(struct pool *pool, void *context) {
    (void)pool, (void)context;
    const struct kernels *k = kernels_chosen();
#define K(name, arguments) assert_non_null(k->name);
    KERNEL_LIST(K)
#undef K
    assert_in_range(k->lanes, 1, MAX_LANES);
    assert_int_equal(k->strip_columns % (size_t)k->lanes, 0);
    /* scratch is measured in panels of the widest level */
    assert_int_equal(MAX_STRIP_COLUMNS % k->strip_columns, 0);
}

static void every_level_has_every_kernel_and_fits_the_limits(void **state) {
    (void)state;
    checks_everywhere(check_table, NULL);
}

static void forcing_a_level_changes_the_kernels(void **state) {
    (void)state;
    enum isa best = cpu_isa();
    int lanes[ISA_LEVELS] = {0};
    for (enum isa isa = ISA_BASELINE; isa < ISA_LEVELS; isa++)
        if (cpu_force_isa(isa)) lanes[isa] = kernels_chosen()->lanes;
    assert_int_equal(lanes[ISA_BASELINE], 4);
    assert_true(lanes[ISA_AVX2] == 0 || lanes[ISA_AVX2] == 8);
    assert_true(lanes[ISA_AVX512] == 0 || lanes[ISA_AVX512] == 16);
    cpu_force_isa(best);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_level_has_every_kernel_and_fits_the_limits),
    cmocka_unit_test(forcing_a_level_changes_the_kernels),
};
TEST_MAIN(tests)
