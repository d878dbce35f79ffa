#include "ui/draw/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
static const int crashing[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
#define STOPPING (sizeof stopping / sizeof stopping[0])
#define CRASHING (sizeof crashing / sizeof crashing[0])

static struct sigaction old_stopping[STOPPING], old_crashing[CRASHING], old_suspend, old_pipe;
static void (*restore_terminal)(void);
static atomic_int stop_signal;
static atomic_bool wants_suspend;
static bool is_installed;

static void on_stop(int number) {
    int none = 0;
    if (atomic_compare_exchange_strong(&stop_signal, &none, number)) return;
    restore_terminal();
    _exit(128 + number);
}

static void on_suspend(int number) {
    (void)number;
    atomic_store(&wants_suspend, true);
}

static void on_crash(int number) {
    restore_terminal();
    for (size_t i = 0; i < CRASHING; i++) {
        if (crashing[i] == number) sigaction(number, &old_crashing[i], NULL);
    }
    /* Returning repeats a faulting instruction; a signal that was sent must be sent again.  It is
     * blocked until this handler returns. */
    raise(number);
}

/* A stack overflow leaves no room for the handler on the thread's own stack. */
static void use_other_stack(void) {
    static char stack[16 << 10];
    stack_t now;
    if (sigaltstack(NULL, &now) || !(now.ss_flags & SS_DISABLE)) return;
    stack_t mine = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&mine, NULL);
}

static void install(int number, void (*handler)(int), int flags, struct sigaction *old) {
    struct sigaction action = {.sa_flags = flags};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, old);
}

void signals_install(void (*restore)(void)) {
    if (is_installed) return;
    is_installed = true;
    restore_terminal = restore;
    atomic_store(&stop_signal, 0);
    atomic_store(&wants_suspend, false);
    use_other_stack();
    /* No SA_RESTART: poll returns, so the loop sees the flag at once. */
    for (size_t i = 0; i < STOPPING; i++) install(stopping[i], on_stop, 0, &old_stopping[i]);
    for (size_t i = 0; i < CRASHING; i++) {
        install(crashing[i], on_crash, SA_ONSTACK, &old_crashing[i]);
    }
    install(SIGTSTP, on_suspend, 0, &old_suspend);
    install(SIGPIPE, SIG_IGN, 0, &old_pipe);
}

void signals_restore(void) {
    if (!is_installed) return;
    is_installed = false;
    for (size_t i = 0; i < STOPPING; i++) sigaction(stopping[i], &old_stopping[i], NULL);
    for (size_t i = 0; i < CRASHING; i++) sigaction(crashing[i], &old_crashing[i], NULL);
    sigaction(SIGTSTP, &old_suspend, NULL);
    sigaction(SIGPIPE, &old_pipe, NULL);
}

int signals_stop(void) {
    return atomic_load(&stop_signal);
}

void signals_raise(int signal_number) {
    int none = 0;
    atomic_compare_exchange_strong(&stop_signal, &none, signal_number);
}

bool signals_suspend(void) {
    return atomic_exchange(&wants_suspend, false);
}

void signals_stop_process(void) {
    struct sigaction mine;
    install(SIGTSTP, SIG_DFL, 0, &mine);
    kill(getpid(), SIGTSTP);
    sigaction(SIGTSTP, &mine, NULL);
}
