#include "cli/qat.h"

#include "quant/variables_snapshot.h"

enum status qat_from_model(struct qat *qat, const char *weights, const struct model *model,
                           struct error *error) {
    struct variables *variables = NULL;
    *qat = (struct qat){0};
    enum status status = quant_plan_create(&qat->plan, model, scheme_tfmot, error);
    if (!status) status = variables_load(weights, &variables, error);
    if (!status) status = variables_snapshot(model, qat->plan, variables, &qat->snapshot, error);
    variables_free(variables);
    if (status) qat_free(qat);
    return status;
}

enum status qat_load(struct qat *qat, const char *weights, const char *path, struct error *error) {
    struct model *model = NULL;
    *qat = (struct qat){0};
    enum status status = model_load(path, &model, error);
    if (!status) status = model_check_classifier(model, path, error);
    if (!status) status = qat_from_model(qat, weights, model, error);
    if (status)
        model_free(model);
    else
        qat->model = model;
    return status;
}

void qat_free(struct qat *qat) {
    snapshot_release(qat->snapshot);
    quant_plan_free(qat->plan);
    model_free(qat->model);
    *qat = (struct qat){0};
}
