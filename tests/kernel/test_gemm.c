#include "kernel/kernel.h"

#include "checks.h"
#include "kernel/reference.h"

/* One product, its operands, and what the reference makes of it. */
struct product {
    struct gemm g;
    struct tensor a, b, bias, c, want;
    float want_range[2];
};

static struct product product_new(size_t m, size_t n, size_t k, bool a_turned, bool b_turned,
                                  bool bias, bool relu, bool wild) {
    struct product p = {.a = tensor_new(m * k, true),
                        .b = tensor_new(k * n, true),
                        .bias = tensor_new(n, true),
                        .c = tensor_new(m * n, true),
                        .want = tensor_new(m * n, false)};
    void (*fill)(struct tensor *) = wild ? tensor_fill_wild : tensor_fill;
    fill(&p.a);
    fill(&p.b);
    fill(&p.bias);
    p.g = (struct gemm){
        .m = m,
        .n = n,
        .k = k,
        .a = p.a.at,
        .a_row = a_turned ? 1 : k,
        .a_column = a_turned ? m : 1,
        .b = p.b.at,
        .b_row = b_turned ? 1 : n,
        .b_column = b_turned ? k : 1,
        .bias = bias ? p.bias.at : NULL,
        .relu = relu,
        .c = p.want.at,
    };
    reference_gemm(&p.g);
    reference_min_max(m * n, p.want.at, &p.want_range[0], &p.want_range[1]);
    return p;
}

static void product_free(struct product *p) {
    tensor_free(&p->a);
    tensor_free(&p->b);
    tensor_free(&p->bias);
    tensor_free(&p->c);
    tensor_free(&p->want);
}

static void check_product(struct pool *pool, void *context) {
    struct product *p = context;
    size_t m = p->g.m, n = p->g.n, k = p->g.k;
    struct tensor scratch = tensor_new(gemm_scratch_size(n, k, pool_threads(pool)), false);
    tensor_poison(&scratch);
    float range[2];
    struct tensor got_range = {.at = range, .count = 2},
                  want_range = {.at = p->want_range, .count = 2};
    for (int with_range = 0; with_range < 2; with_range++) {
        struct gemm g = p->g;
        g.c = p->c.at;
        g.scratch = scratch.at;
        g.range = with_range ? range : NULL;
        tensor_poison(&p->c);
        gemm(pool, &g);
        assert_same(&p->c, &p->want, "gemm %zux%zux%zu a_row %zu b_row %zu", m, n, k, g.a_row,
                    g.b_row);
    }
    assert_same(&got_range, &want_range, "range of gemm %zux%zux%zu", m, n, k);
    tensor_free(&scratch);
}

static void check_sizes(size_t m, size_t n, size_t k, unsigned how) {
    struct product p = product_new(m, n, k, how & 1, how & 2, how & 4, how & 8, (how & 48) == 48);
    checks_everywhere(check_product, &p);
    product_free(&p);
}

static void gemm_equals_the_chain_of_fmas_on_odd_sizes(void **state) {
    (void)state;
    for (size_t i = 0; i < odd_size_count; i++)
        for (size_t j = 0; j < odd_size_count; j++)
            check_sizes(odd_sizes[i], odd_sizes[j], odd_sizes[checks_random(odd_size_count)],
                        checks_random(64));
}

static void gemm_equals_the_chain_of_fmas_in_every_mode(void **state) {
    (void)state;
    for (unsigned how = 0; how < 64; how++) check_sizes(19, 37, 23, how);
}

static void gemm_equals_the_chain_of_fmas_on_the_shapes_of_the_models(void **state) {
    (void)state;
    check_sizes(32, 128, 784, 4 | 8);
    check_sizes(784, 128, 32, 1);
    check_sizes(32, 10, 128, 4);
    check_sizes(32, 128, 10, 2);
}

static void gemm_without_products_gives_the_bias(void **state) {
    (void)state;
    check_sizes(3, 20, 0, 4);
    check_sizes(3, 20, 0, 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(gemm_equals_the_chain_of_fmas_on_odd_sizes),
    cmocka_unit_test(gemm_equals_the_chain_of_fmas_in_every_mode),
    cmocka_unit_test(gemm_equals_the_chain_of_fmas_on_the_shapes_of_the_models),
    cmocka_unit_test(gemm_without_products_gives_the_bias),
};
TEST_MAIN(tests)
