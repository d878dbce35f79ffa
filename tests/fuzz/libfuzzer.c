/* libfuzzer: hands a target's seeds and bounds to libFuzzer. */
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Everything beside the input: the sanitizers' shadow, redzones and quarantine. */
#define SANITIZER_MEGABYTES 768
#define MAX_ARGUMENTS       256

static char *seed_list(void) {
    static char list[1 << 18];
    const size_t room = sizeof list;
    int state = 0;
    size_t used = (size_t)snprintf(list, room, "-seed_inputs=");
    for (const char *path; (path = fuzz_next_seed(&state));) {
        fuzz_check(used + strlen(path) + 2 < room);
        used += (size_t)snprintf(list + used, room - used, "%s%s", list[used - 1] == '=' ? "" : ",",
                                 path);
    }
    return list;
}

/* Before the user's arguments, so that those count. */
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static char memory[64], each[64], timeout[] = "-timeout=20", *arguments[MAX_ARGUMENTS];
    char *given[] = {seed_list(), memory, each, timeout};
    int more = (int)(sizeof given / sizeof *given);
    snprintf(memory, sizeof memory, "-rss_limit_mb=%d",
             fuzz_target.megabytes + SANITIZER_MEGABYTES);
    snprintf(each, sizeof each, "-malloc_limit_mb=%d", fuzz_target.megabytes);
    fuzz_check(*argc + more < MAX_ARGUMENTS);
    arguments[0] = (*argv)[0];
    for (int i = 0; i < more; i++) arguments[1 + i] = given[i];
    for (int i = 1; i < *argc; i++) arguments[more + i] = (*argv)[i];
    *argc += more;
    arguments[*argc] = NULL;
    *argv = arguments;
    return 0;
}
