/* InputLayer */
#include <math.h>
#include <string.h>

#include "network/node.h"
#include "quant/observer.h"

/* Fewer values are not worth waking a thread for. */
#define MIN_VALUES 8192

struct look_up {
    const unsigned char *bytes;
    const float (*values)[256]; /* of each channel, or of all */
    size_t channels;            /* 1: all the same */
    size_t count;
    float *to;
};

static void look_up_part(void *context, int part, int parts) {
    const struct look_up *l = context;
    size_t begin, end;
    pool_share(l->count / l->channels, 64, part, parts, &begin, &end);
    if (l->channels == 1) {
        for (size_t i = begin; i < end; i++) l->to[i] = l->values[0][l->bytes[i]];
        return;
    }
    for (size_t i = begin * l->channels; i < end * l->channels; i += l->channels)
        for (size_t c = 0; c < l->channels; c++) l->to[i + c] = l->values[c][l->bytes[i + c]];
}

/* Widens the range by the bytes of the batch. */
static void observe_bytes(const struct preprocessing *by, size_t count, const unsigned char *bytes,
                          struct range *range) {
    bool seen[MAX_CHANNELS][256] = {{false}};
    size_t channels = (size_t)by->channels;
    for (size_t i = 0; i < count; i++) seen[channels == 1 ? 0 : i % channels][bytes[i]] = true;
    struct range found = {INFINITY, -INFINITY};
    for (int c = 0; c < by->channels; c++)
        for (int i = 0; i < 256; i++) {
            if (!seen[c][i]) continue;
            found.min = fminf(found.min, by->table[c][i]);
            found.max = fmaxf(found.max, by->table[c][i]);
        }
    observer_widest(range, found);
}

/* A byte has 256 values: each is converted and quantized once. */
static void forward_bytes(struct network *network, struct node *node, const struct pass *pass,
                          size_t count) {
    const struct preprocessing *by = pass->samples->preprocessing;
    const unsigned char *bytes = pass->samples->bytes;
    const struct quant_tensor *tensor = &network->plan->tensors[node->tensor];
    struct range *range = pass->ranges + tensor->offset;
    float min, max;
    preprocessing_range(by, &min, &max);
    if (pass->rate > 0 && !(range->min <= min && range->max >= max))
        observe_bytes(by, count, bytes, range);
    node->fake_quant = quant_plan_fake_quant(network->plan, tensor, *range);
    float values[256 + 16], quantized[256 + 16]; /* kernels may read past the end */
    float table[MAX_CHANNELS][256];
    for (int c = 0; c < by->channels; c++) {
        memcpy(values, by->table[c], sizeof by->table[c]);
        fake_quant_tensor(NULL, 256, values, &node->fake_quant, quantized);
        memcpy(table[c], quantized, sizeof table[c]);
    }
    struct look_up look_up = {bytes, (const float(*)[256])table, (size_t)by->channels, count,
                              node->value};
    pool_run(pass->pool, count < MIN_VALUES ? 1 : pool_threads(pass->pool), look_up_part, &look_up);
}

static void forward_input(struct network *network, struct node *node, const struct pass *pass) {
    size_t count = node->size * (size_t)pass->count;
    if (node->tensor >= 0 && pass->samples->element == ELEMENT_UINT8) {
        forward_bytes(network, node, pass, count);
        return;
    }
    struct samples batch = samples_part(pass->samples, 0, (size_t)pass->count);
    samples_to_float(&batch, node->tensor < 0 ? node->value : node->raw);
    if (node->tensor < 0) return;
    const struct quant_tensor *tensor = &network->plan->tensors[node->tensor];
    struct range *range = pass->ranges + tensor->offset, found;
    if (pass->rate > 0) {
        min_max(pass->pool, count, node->raw, &found.min, &found.max);
        observer_widest(range, found);
    }
    node->fake_quant = quant_plan_fake_quant(network->plan, tensor, *range);
    fake_quant_tensor(pass->pool, count, node->raw, &node->fake_quant, node->value);
}

const struct node_type input_node = {.forward = forward_input};
