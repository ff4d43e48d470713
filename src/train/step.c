#include "train/step.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

rn_status rn_step_memory(size_t *bytes, const rn_network *network, const rn_step_options *options,
                         int threads) {
    rn_plan plan;
    RN_TRY(rn_plan_create(&plan, &network->graph, RN_TRAINING, options->batch, options->height,
                          options->width));
    const size_t blocks =
        2 + (options->optimizer.ema_decay > 0) +
        (options->optimizer.kind == RN_OPTIMIZER_ADAMW); /* with gradients and velocity */
    const size_t anchors =
        1 + (size_t)options->batch * 2; /* boxes; match and IoU a picture, roughly */
    size_t reals = plan.arena + plan.scratch.own * (size_t)threads + plan.scratch.shared +
                   blocks * network->graph.n_stored;
    for (int l = 0; l < RN_LEVELS; l++)
        reals +=
            anchors * rn_shape_count(&plan.shape[network->bbox_reg[l]]) / (size_t)options->batch;
    *bytes = reals * sizeof(real);
    rn_plan_free(&plan);
    return RN_OK;
}

void rn_step_free(rn_step *step) {
    rn_criterion_free(step->criterion);
    rn_optimizer_free(&step->optimizer);
    free(step->arena);
    free(step->scratch);
    free(step->gradients);
    rn_plan_free(&step->plan);
    *step = (rn_step){0};
}

rn_status rn_step_create(rn_step *out, const rn_network *network, const rn_model_config *config,
                         rn_threads *threads, real *weights, const rn_step_options *options) {
    const rn_graph *graph = &network->graph;
    rn_step *s = out;
    rn_status status;
    *s = (rn_step){.network = network, .threads = threads, .weights = weights};
    status = rn_plan_create(&s->plan, graph, RN_TRAINING, options->batch, options->height,
                            options->width);
    if (status != RN_OK) goto done;
    if ((status = rn_alloc(&s->gradients, graph->n_trained, sizeof(real))) != RN_OK) goto done;
    if ((status = rn_alloc(&s->arena, s->plan.arena, sizeof(real))) != RN_OK) goto done;
    status = rn_alloc(&s->scratch, rn_exec_reals(s->plan.scratch, threads), sizeof(real));
    if (status != RN_OK) goto done;
    s->exec = rn_exec_of(threads, s->scratch, s->plan.scratch);
    s->exec.isa = options->isa;
    status = rn_optimizer_create(&s->optimizer, graph, weights, &options->optimizer);
    if (status != RN_OK) goto done;
    status = rn_criterion_create(&s->criterion, network, config, &s->plan, &options->criterion,
                                 options->max_targets);
done:
    if (status != RN_OK) rn_step_free(s);
    return status;
}

void rn_step_gradients(rn_step_result *out, rn_step *step, const rn_batch *batch) {
    const rn_run run = {.plan = &step->plan,
                        .exec = &step->exec,
                        .weights = step->weights,
                        .gradients = step->gradients,
                        .arena = step->arena,
                        .draw = step->draw,
                        .watch = step->watch};
    memcpy(rn_run_value(&run, 0), batch->images,
           rn_shape_count(&step->plan.shape[0]) * sizeof(real));
    memset(step->gradients, 0, step->network->graph.n_trained * sizeof(real));
    rn_forward(&run);
    rn_criterion_run(&out->losses, step->criterion, &run, batch->targets, batch->first_target);
    rn_backward(&run);
    out->norm = rn_optimizer_norm(&step->optimizer, &step->exec, step->gradients);
}

void rn_step_update(rn_step *step, const rn_step_result *result, double lr, uint64_t number) {
    rn_optimizer_step(&step->optimizer, &step->exec, step->weights, step->gradients, lr,
                      result->norm, number);
}
