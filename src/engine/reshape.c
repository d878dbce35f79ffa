/* RESHAPE keeps the values; the batch dimension must stay what it is. */
#include "engine/operators.h"

bool plan_reshape(struct planner *planner) {
    struct engine *engine = planner->engine;
    struct slot *input = &engine->slots[planner->op->inputs[0]];
    struct slot *output = &engine->slots[planner->op->outputs[0]];
    if (planner->input->type != planner->output->type || input->count != output->count)
        return plan_refuse(planner, STATUS_FORMAT, "input and output differ in size or type");
    if (planner->input->scale_count && planner->output->scale_count &&
        !plan_same_quantization(planner))
        return false;
    output->data = input->data;
    output->owned = false;
    return true;
}
