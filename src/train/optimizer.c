#include "train/optimizer.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 15 }; /* reals a task */

void rn_optimizer_free(rn_optimizer *optimizer) {
    free(optimizer->velocity);
    free(optimizer->square);
    free(optimizer->ema);
    free(optimizer->blocks);
    *optimizer = (rn_optimizer){0};
}

/* Cut each trained parameter into blocks, since decay depends on the parameter. */
static rn_status create_blocks(rn_optimizer *o, const rn_graph *graph) {
    size_t n = 0;
    for (size_t i = 0; i < graph->n_params; i++)
        if (graph->params[i].trained) n += (graph->params[i].count + BLOCK - 1) / BLOCK;
    RN_TRY(rn_alloc(&o->blocks, n, sizeof *o->blocks));
    for (size_t i = 0; i < graph->n_params; i++) {
        const rn_param *param = &graph->params[i];
        for (size_t first = 0; param->trained && first < param->count; first += BLOCK) {
            const size_t left = param->count - first;
            o->blocks[o->n_blocks++] =
                (rn_optimizer_block){.first = param->offset + first,
                                     .n = left < BLOCK ? left : BLOCK,
                                     .decays = param->kind == RN_PARAM_CONV_WEIGHT};
        }
    }
    return RN_OK;
}

rn_status rn_optimizer_create(rn_optimizer *out, const rn_graph *graph, const real *weights,
                              const rn_optimizer_options *options) {
    rn_optimizer o = {
        .options = *options, .n_trained = graph->n_trained, .n_stored = graph->n_stored};
    rn_status status;
    *out = (rn_optimizer){0};
    if ((status = rn_alloc(&o.velocity, o.n_trained, sizeof *o.velocity)) != RN_OK) goto done;
    if (options->kind == RN_OPTIMIZER_ADAMW &&
        (status = rn_alloc(&o.square, o.n_trained, sizeof *o.square)) != RN_OK)
        goto done;
    if (options->ema_decay > 0) {
        if ((status = rn_alloc(&o.ema, o.n_stored, sizeof *o.ema)) != RN_OK) goto done;
        memcpy(o.ema, weights, o.n_stored * sizeof *o.ema);
    }
    status = create_blocks(&o, graph);
done:
    if (status == RN_OK)
        *out = o;
    else
        rn_optimizer_free(&o);
    return status;
}

typedef struct job {
    rn_optimizer *optimizer;
    real *weights;
    const real *gradients;
    real lr, scale, ema_rate;
    real unbias_v, unbias_s; /* 1 / (1 - momentum^t), 1 / (1 - beta2^t) */
} job;

static void norm_task(void *context, size_t task, int worker) {
    const job *j = context;
    rn_optimizer_block *b = &j->optimizer->blocks[task];
    const real *g = j->gradients + b->first;
    double lane[8] = {0}; /* a fixed order of summation that vectorises */
    size_t i = 0;
    (void)worker;
    for (; i + 8 <= b->n; i += 8)
        for (int k = 0; k < 8; k++) lane[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < b->n; i++) lane[0] += (double)g[i] * (double)g[i];
    b->square =
        ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

double rn_optimizer_norm(rn_optimizer *optimizer, const rn_exec *exec, const real *gradients) {
    job j = {.optimizer = optimizer, .gradients = gradients};
    double square = 0;
    rn_threads_run(exec->threads, optimizer->n_blocks, norm_task, &j);
    for (size_t i = 0; i < optimizer->n_blocks; i++) square += optimizer->blocks[i].square;
    return sqrt(square);
}

static void sgd_block(real *w, real *v, const real *g, const job *j, real decay, size_t n) {
    const real momentum = (real)j->optimizer->options.momentum;
    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + (j->scale * g[i] + decay * w[i]);
        w[i] -= j->lr * v[i];
    }
}

static void adamw_block(real *w, real *v, real *s, const real *g, const job *j, real decay,
                        size_t n) {
    const real b1 = (real)j->optimizer->options.momentum, b2 = (real)RN_ADAM_BETA2;
    for (size_t i = 0; i < n; i++) {
        const real x = j->scale * g[i];
        v[i] = b1 * v[i] + (1 - b1) * x;
        s[i] = b2 * s[i] + (1 - b2) * x * x;
        const real step = j->unbias_v * v[i] / (sqrt(j->unbias_s * s[i]) + (real)1e-8);
        w[i] -= j->lr * (step + decay * w[i]);
    }
}

static void step_task(void *context, size_t task, int worker) {
    const job *j = context;
    const rn_optimizer *o = j->optimizer;
    const rn_optimizer_block *b = &o->blocks[task];
    const real decay = b->decays ? (real)o->options.decay : 0;
    real *w = j->weights + b->first, *v = o->velocity + b->first;
    const real *g = j->gradients + b->first;
    (void)worker;
    if (o->options.kind == RN_OPTIMIZER_ADAMW)
        adamw_block(w, v, o->square + b->first, g, j, decay, b->n);
    else
        sgd_block(w, v, g, j, decay, b->n);
    if (!o->ema) return;
    real *ema = o->ema + b->first;
    for (size_t i = 0; i < b->n; i++) ema[i] += j->ema_rate * (w[i] - ema[i]);
}

void rn_optimizer_step(rn_optimizer *optimizer, const rn_exec *exec, real *weights,
                       const real *gradients, double lr, double norm, uint64_t step) {
    const double clip = optimizer->options.clip,
                 ramp = (1.0 + (double)step) / (10.0 + (double)step);
    const double d = optimizer->options.ema_decay < ramp ? optimizer->options.ema_decay : ramp;
    job j = {.optimizer = optimizer,
             .weights = weights,
             .gradients = gradients,
             .lr = (real)lr,
             .scale = (real)(clip > 0 && norm > clip ? clip / norm : 1.0),
             .ema_rate = (real)(1.0 - d),
             .unbias_v = (real)(1 / (1 - pow(optimizer->options.momentum, (double)step + 1))),
             .unbias_s = (real)(1 / (1 - pow(RN_ADAM_BETA2, (double)step + 1)))};
    rn_threads_run(exec->threads, optimizer->n_blocks, step_task, &j);
    if (optimizer->ema && optimizer->n_stored > optimizer->n_trained)
        memcpy(optimizer->ema + optimizer->n_trained, weights + optimizer->n_trained,
               (optimizer->n_stored - optimizer->n_trained) * sizeof *weights);
}
