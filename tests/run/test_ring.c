#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "test.h"
#include "run/ring.h"

struct record {
    uint64_t number, check;
};

static struct record record_of(uint64_t number) {
    return (struct record){number, number * 0x9E3779B97F4A7C15u};
}

static void ring_refuses_sizes_that_are_no_power_of_two(void **state) {
    (void)state;
    assert_null(ring_create(0, 8));
    assert_null(ring_create(3, 8));
    assert_null(ring_create(8, 0));
    assert_null(ring_create((size_t)1 << 62, 64));
    struct ring *ring = ring_create(1, 8);
    assert_non_null(ring);
    ring_destroy(ring);
    ring_destroy(NULL);
}

static void empty_ring_gives_nothing(void **state) {
    (void)state;
    struct ring *ring = ring_create(4, sizeof(struct record));
    struct record got = {7, 7};
    assert_false(ring_pop(ring, &got));
    assert_int_equal(got.number, 7);
    assert_int_equal(ring_used(ring), 0);
    ring_destroy(ring);
}

static void push_refuses_when_full_and_overwrites_nothing(void **state) {
    (void)state;
    struct ring *ring = ring_create(4, sizeof(struct record));
    for (uint64_t i = 0; i < 4; i++) {
        struct record record = record_of(i);
        assert_true(ring_push(ring, &record));
    }
    struct record extra = record_of(99), got;
    assert_false(ring_push(ring, &extra));
    assert_int_equal(ring_used(ring), 4);
    for (uint64_t i = 0; i < 4; i++) {
        assert_true(ring_pop(ring, &got));
        assert_int_equal(got.number, i);
    }
    assert_false(ring_pop(ring, &got));
    ring_destroy(ring);
}

static void order_holds_over_many_turns_of_an_odd_record_size(void **state) {
    (void)state;
    struct ring *ring = ring_create(8, 13);
    unsigned char in[13], out[13];
    unsigned written = 0, read = 0;
    for (unsigned turn = 0; turn < 1000; turn++) {
        for (unsigned i = 0; i < 1 + turn % 8; i++) {
            memset(in, (int)(written & 0xff), sizeof in);
            if (!ring_push(ring, in)) break;
            written++;
        }
        for (unsigned i = 0; i < 1 + turn % 5 && ring_pop(ring, out); i++, read++)
            for (size_t byte = 0; byte < sizeof out; byte++)
                assert_int_equal(out[byte], read & 0xff);
        assert_int_equal(ring_used(ring), written - read);
    }
    assert_true(read > 1000);
    ring_destroy(ring);
}

struct readers {
    struct ring *rings[2];
    uint64_t total;
    /* what each reader saw; read by the test after the join */
    uint64_t seen[2], wrong[2];
};

struct reader {
    struct readers *shared;
    int index;
};

static void *read_all(void *context) {
    struct reader *reader = context;
    struct readers *shared = reader->shared;
    struct ring *ring = shared->rings[reader->index];
    uint64_t expected = 0, wrong = 0;
    struct record got;
    while (expected < shared->total) {
        if (!ring_pop(ring, &got)) continue;
        struct record want = record_of(expected++);
        wrong += got.number != want.number || got.check != want.check;
    }
    shared->seen[reader->index] = expected;
    shared->wrong[reader->index] = wrong;
    return NULL;
}

/* As a run publishes: one writer, a ring for each of two readers of differing size. */
static void two_readers_get_every_record_in_order_from_another_thread(void **state) {
    (void)state;
    struct readers shared = {.total = 100000};
    shared.rings[0] = ring_create(1024, sizeof(struct record));
    shared.rings[1] = ring_create(2, sizeof(struct record));
    struct reader readers[2] = {{&shared, 0}, {&shared, 1}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
    for (uint64_t number = 0; number < shared.total; number++) {
        struct record record = record_of(number);
        for (int i = 0; i < 2; i++) {
            while (!ring_push(shared.rings[i], &record)) sched_yield();
        }
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(shared.seen[i], shared.total);
        assert_int_equal(shared.wrong[i], 0);
        ring_destroy(shared.rings[i]);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ring_refuses_sizes_that_are_no_power_of_two),
    cmocka_unit_test(empty_ring_gives_nothing),
    cmocka_unit_test(push_refuses_when_full_and_overwrites_nothing),
    cmocka_unit_test(order_holds_over_many_turns_of_an_odd_record_size),
    cmocka_unit_test(two_readers_get_every_record_in_order_from_another_thread),
};

TEST_MAIN(tests)
