#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "test.h"
#include "run/mailbox.h"

static void commands_come_out_in_order_with_their_numbers(void **state) {
    (void)state;
    struct mailbox *mailbox = mailbox_create();
    struct command command;
    uint32_t number;
    assert_false(mailbox_take(mailbox, &command, &number));
    for (int turn = 0; turn < 3; turn++) {
        uint32_t first = mailbox_send(mailbox, (struct command){COMMAND_PAUSE, 0});
        uint32_t second = mailbox_send(mailbox, (struct command){COMMAND_PACE, 12.5});
        assert_int_equal(first, 2 * turn + 1);
        assert_int_equal(second, 2 * turn + 2);
        assert_true(mailbox_take(mailbox, &command, &number));
        assert_int_equal(command.kind, COMMAND_PAUSE);
        assert_int_equal(number, first);
        assert_true(mailbox_take(mailbox, &command, &number));
        assert_int_equal(command.kind, COMMAND_PACE);
        assert_near(command.number, 12.5, 0);
        assert_int_equal(number, second);
        assert_false(mailbox_take(mailbox, &command, &number));
    }
    mailbox_destroy(mailbox);
    mailbox_destroy(NULL);
}

static void a_full_box_refuses_and_keeps_what_it_has(void **state) {
    (void)state;
    struct mailbox *mailbox = mailbox_create();
    for (int i = 0; i < MAILBOX_SLOTS; i++)
        assert_int_equal(mailbox_send(mailbox, (struct command){COMMAND_PACE, i}), i + 1);
    assert_int_equal(mailbox_send(mailbox, (struct command){COMMAND_PAUSE, 0}), 0);
    struct command command;
    uint32_t number;
    for (int i = 0; i < MAILBOX_SLOTS; i++) {
        assert_true(mailbox_take(mailbox, &command, &number));
        assert_near(command.number, i, 0);
    }
    assert_false(mailbox_take(mailbox, &command, &number));
    assert_true(mailbox_send(mailbox, (struct command){COMMAND_PAUSE, 0}) > 0);
    mailbox_destroy(mailbox);
}

static void waiting_ends_with_a_command_a_wake_or_the_time(void **state) {
    (void)state;
    struct mailbox *mailbox = mailbox_create();
    double start = clock_seconds();
    mailbox_wait(mailbox, 0.02);
    assert_true(clock_seconds() - start >= 0.019);
    mailbox_wake(mailbox);
    start = clock_seconds();
    mailbox_wait(mailbox, 60);
    assert_true(mailbox_send(mailbox, (struct command){COMMAND_STEP, 0}) > 0);
    mailbox_wait(mailbox, 60);
    mailbox_wait(mailbox, -1);
    assert_true(clock_seconds() - start < 30);
    mailbox_destroy(mailbox);
}

#define SENDERS  4
#define COMMANDS 2000

struct sender {
    struct mailbox *mailbox;
    int index;
};

static void *send_all(void *context) {
    struct sender *sender = context;
    for (int i = 0; i < COMMANDS; i++) {
        struct command command = {COMMAND_PACE, sender->index * COMMANDS + i};
        while (!mailbox_send(sender->mailbox, command)) sched_yield();
    }
    return NULL;
}

static void commands_of_several_threads_all_arrive_each_thread_in_order(void **state) {
    (void)state;
    struct mailbox *mailbox = mailbox_create();
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){mailbox, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    int next[SENDERS] = {0};
    uint32_t last_number = 0;
    for (int taken = 0; taken < SENDERS * COMMANDS;) {
        struct command command;
        uint32_t number;
        if (!mailbox_take(mailbox, &command, &number)) {
            mailbox_wait(mailbox, 10);
            continue;
        }
        assert_int_equal(number, last_number + 1);
        last_number = number;
        int sender = (int)command.number / COMMANDS;
        assert_int_equal((int)command.number % COMMANDS, next[sender]++);
        taken++;
    }
    for (int i = 0; i < SENDERS; i++) pthread_join(threads[i], NULL);
    mailbox_destroy(mailbox);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(commands_come_out_in_order_with_their_numbers),
    cmocka_unit_test(a_full_box_refuses_and_keeps_what_it_has),
    cmocka_unit_test(waiting_ends_with_a_command_a_wake_or_the_time),
    cmocka_unit_test(commands_of_several_threads_all_arrive_each_thread_in_order),
};

TEST_MAIN(tests)
