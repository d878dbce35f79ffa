#include "base/thread.h"

#include <pthread.h>

void thread_set_name(const char *name) {
#ifdef __linux__
    (void)pthread_setname_np(pthread_self(), name);
#else
    (void)name;
#endif
}
