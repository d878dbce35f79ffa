/* What the process that reads HDF5 says to its parent: a child that a damaged file has driven mad
 * may say anything.  The input is one byte that chooses the loader, then all that the child says.
 * No process is started: the reader is compiled here with a child that is played. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "model/h5_message.h"
#include "model/model.h"
#include "model/variables.h"

const struct fuzz_target fuzz_target = {"h5_reader", NULL, 320};

#define PLAYED_CHILD 1

static const uint8_t *said; /* what the child has not said yet */
static size_t said_length;

static pid_t played_fork(void) {
    return PLAYED_CHILD;
}

static int played_kill(pid_t child, int number) {
    fuzz_check(child == PLAYED_CHILD && number == SIGKILL);
    return 0;
}

static pid_t played_waitpid(pid_t child, int *ending, int options) {
    fuzz_check(child == PLAYED_CHILD && !options);
    *ending = SIGKILL;
    return child;
}

static bool played_send(int socket, const void *bytes, size_t length) {
    (void)socket;
    fuzz_check(bytes && length);
    return true;
}

static bool played_receive(int socket, void *bytes, size_t length, int patience) {
    fuzz_check(socket >= 0 && patience > 0);
    if (length > said_length) {
        said_length = 0;
        return false;
    }
    memcpy(bytes, said, length);
    said += length;
    said_length -= length;
    return true;
}

#define fork               played_fork
#define kill               played_kill
#define waitpid            played_waitpid
#define h5_message_send    played_send
#define h5_message_receive played_receive
#include "model/h5_reader.c"

static void load_variables(const char *path) {
    struct error error;
    struct variables *variables;
    enum status status = variables_load(path, &variables, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!variables);
        return;
    }
    fuzz_check(variables->count > 0);
    for (size_t i = 0; i < variables->count; i++) {
        const struct variable *variable = &variables->list[i];
        fuzz_check(variable->layer[0] && variable->name[0]);
        fuzz_check(variables_find(variables, variable->layer, variable->name) == variable);
        for (size_t j = 0; j < variable->count; j++) fuzz_check(isfinite(variable->values[j]));
    }
    variables_free(variables);
}

static void load_model(const char *path) {
    struct error error;
    struct model *model;
    enum status status = model_load(path, &model, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!model);
        return;
    }
    for (int i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        fuzz_check(parameter->offset + parameter->count <= model->weight_count);
        for (size_t j = 0; j < parameter->count; j++)
            fuzz_check(isfinite(model->weights[parameter->offset + j]));
    }
    model_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (!length) return 0;
    const char *path = fuzz_file(bytes, 1);
    said = bytes + 1;
    said_length = length - 1;
    if (bytes[0] % 2)
        load_model(path);
    else
        load_variables(path);
    return 0;
}
