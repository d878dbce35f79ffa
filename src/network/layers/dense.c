/* Dense */
#include "network/layers/kernel.h"

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t scratch_of_dense(const struct network *network, const struct node *node,
                               int threads) {
    size_t units = (size_t)node->layer->units;
    size_t size = gemm_scratch_size(units, node->input_size, threads);
    if (!network->trains) return size;
    size = larger(size, gemm_scratch_size(units, (size_t)network->batch, threads));
    return larger(size, gemm_scratch_size(node->input_size, units, threads));
}

static void forward_dense(struct network *network, struct node *node, const struct pass *pass) {
    size_t units = (size_t)node->layer->units;
    float range[2], *seen = node_observed(node, pass, range);
    gemm(pass->pool, &(struct gemm){
                         .m = (size_t)pass->count,
                         .n = units,
                         .k = node->input_size,
                         .a = network->nodes[node->from].value,
                         .a_row = node->input_size,
                         .a_column = 1,
                         .b = node_kernel(network, node, pass),
                         .b_row = units,
                         .b_column = 1,
                         .bias = node_bias(network, node, pass),
                         .relu = node->relu,
                         .c = node->raw,
                         .scratch = network->scratch,
                         .range = seen,
                     });
    kernel_activate(network, node, pass, seen);
}

static void backward_kernel(const struct network *network, const struct node *node,
                            const struct pass *pass, float *dkernel) {
    size_t units = (size_t)node->layer->units;
    gemm(pass->pool, &(struct gemm){
                         .m = node->input_size,
                         .n = units,
                         .k = (size_t)pass->count,
                         .a = network->nodes[node->from].value,
                         .a_row = 1,
                         .a_column = node->input_size,
                         .b = node->gradient,
                         .b_row = units,
                         .b_column = 1,
                         .c = dkernel,
                         .scratch = network->scratch,
                     });
}

static void backward_input(const struct network *network, const struct node *node,
                           const struct pass *pass, float *to) {
    size_t units = (size_t)node->layer->units;
    gemm(pass->pool, &(struct gemm){
                         .m = (size_t)pass->count,
                         .n = node->input_size,
                         .k = units,
                         .a = node->gradient,
                         .a_row = units,
                         .a_column = 1,
                         .b = node_kernel(network, node, pass),
                         .b_row = 1,
                         .b_column = units,
                         .c = to,
                         .scratch = network->scratch,
                     });
}

static void backward_dense(struct network *network, const struct node *node,
                           const struct pass *pass, float *gradient, float *to) {
    kernel_backward_activation(node, pass);
    if (node->trains_kernel) {
        backward_kernel(network, node, pass, kernel_gradient(network, node, gradient));
        kernel_backward_rest(network, node, pass, gradient);
    }
    if (to) backward_input(network, node, pass, to);
}

const struct node_type dense_node = {
    .scratch = scratch_of_dense,
    .forward = forward_dense,
    .backward = backward_dense,
};
