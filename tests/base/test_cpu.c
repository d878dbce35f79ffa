#include "base/cpu.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static void levels_have_the_names_of_the_variable(void **state) {
    (void)state;
    assert_string_equal(cpu_isa_name(ISA_BASELINE), "baseline");
    assert_string_equal(cpu_isa_name(ISA_AVX2), "avx2");
    assert_string_equal(cpu_isa_name(ISA_AVX512), "avx512");
}

/* First of all: the level is chosen at the first question. */
static void the_variable_lowers_the_level(void **state) {
    (void)state;
    assert_int_equal(setenv("QATOP_ISA", "baseline", 1), 0);
    assert_int_equal(cpu_isa(), ISA_BASELINE);
    for (enum isa isa = ISA_BASELINE; isa < ISA_LEVELS; isa++) cpu_force_isa(isa);
}

static void the_level_can_be_lowered_to_baseline_and_back(void **state) {
    (void)state;
    enum isa best = cpu_isa();
    assert_true(cpu_force_isa(ISA_BASELINE));
    assert_int_equal(cpu_isa(), ISA_BASELINE);
    assert_false(cpu_has_vnni());
    assert_true(cpu_force_isa(best));
    assert_int_equal(cpu_isa(), best);
}

static void a_process_bound_to_one_core_counts_one(void **state) {
    (void)state;
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all)) skip();
    assert_int_equal(cpu_count(), CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    if (sched_setaffinity(0, sizeof one, &one)) skip();
    assert_int_equal(cpu_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void the_model_is_one_line_and_stays_the_same(void **state) {
    (void)state;
    const char *model = cpu_model();
    assert_non_null(model);
    assert_null(strchr(model, '\n'));
    assert_ptr_equal(cpu_model(), model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_variable_lowers_the_level),
    cmocka_unit_test(levels_have_the_names_of_the_variable),
    cmocka_unit_test(the_level_can_be_lowered_to_baseline_and_back),
    cmocka_unit_test(a_process_bound_to_one_core_counts_one),
    cmocka_unit_test(the_model_is_one_line_and_stays_the_same),
};
TEST_MAIN(tests)
