/* InputLayer */
#include "network/node.h"
#include "quant/observer.h"

/* Fewer pixels are not worth waking a thread for. */
#define MIN_PIXELS 8192

struct look_up {
    const unsigned char *pixels;
    const float *values;
    size_t count;
    float *to;
};

static void look_up_part(void *context, int part, int parts) {
    const struct look_up *l = context;
    size_t begin, end;
    pool_share(l->count, 64, part, parts, &begin, &end);
    for (size_t i = begin; i < end; i++) l->to[i] = l->values[l->pixels[i]];
}

/* A pixel has 256 values: each is converted and quantized once. */
static void forward_input(struct network *network, struct node *node, const struct pass *pass) {
    size_t count = node->size * (size_t)pass->count;
    if (node->tensor < 0) {
        pixels_to_float(count, pass->pixels, node->value);
        return;
    }
    unsigned char pixels[256];
    float values[256 + 16], quantized[256 + 16]; /* kernels may read past the end */
    for (int i = 0; i < 256; i++) pixels[i] = (unsigned char)i;
    pixels_to_float(256, pixels, values);

    const struct quant_tensor *tensor = &network->plan->tensors[node->tensor];
    struct range *range = pass->ranges + tensor->offset;
    if (pass->rate > 0 && !(range->min <= 0 && range->max >= 1)) { /* a pixel is in 0..1 */
        unsigned char low = 255, high = 0;
        for (size_t i = 0; i < count; i++) {
            low = pass->pixels[i] < low ? pass->pixels[i] : low;
            high = pass->pixels[i] > high ? pass->pixels[i] : high;
        }
        observer_widest(range, (struct range){values[low], values[high]});
    }
    node->fake_quant = quant_plan_fake_quant(network->plan, tensor, *range);
    fake_quant_tensor(NULL, 256, values, &node->fake_quant, quantized);
    struct look_up look_up = {pass->pixels, quantized, count, node->value};
    pool_run(pass->pool, count < MIN_PIXELS ? 1 : pool_threads(pass->pool), look_up_part, &look_up);
}

const struct node_type input_node = {.forward = forward_input};
