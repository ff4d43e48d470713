#include "model/criterion.h"
#include "base/memory.h"

#include <stdlib.h>

enum { BLOCK = 4096 }; /* anchors a task of the loss sums */

/* A stretch of one picture's anchors on one level. */
typedef struct block {
    int image, level;
    size_t first, n; /* anchors within the level */
    double cls, box; /* sums, added up in block order */
} block;

/* One picture's boxes as the matcher wants them, and what it found. */
typedef struct matching {
    real *boxes;  /* [max_targets, 4] */
    int *labels;  /* [max_targets] */
    bool *ignore; /* [max_targets] */
    real *best;   /* [max_targets] */
    int *match;   /* [total anchors] */
    real *iou;    /* [total anchors] */
    size_t positives, ignored;
} matching;

struct rn_criterion {
    const rn_network *network;
    rn_criterion_options options;
    rn_logit_loss logit_loss;
    int batch;
    size_t max_targets;
    real *anchors; /* [total, 4] level behind level */
    size_t count[RN_LEVELS], first[RN_LEVELS], total;
    matching *matchings; /* [batch] */
    block *blocks;
    size_t n_blocks;
};

void rn_criterion_free(rn_criterion *criterion) {
    if (!criterion) return;
    for (int i = 0; criterion->matchings && i < criterion->batch; i++) {
        matching *m = &criterion->matchings[i];
        free(m->boxes);
        free(m->labels);
        free(m->ignore);
        free(m->best);
        free(m->match);
        free(m->iou);
    }
    free(criterion->matchings);
    free(criterion->blocks);
    free(criterion->anchors);
    free(criterion);
}

static rn_status create_matching(matching *m, size_t targets, size_t anchors) {
    RN_TRY(rn_alloc(&m->boxes, targets, 4 * sizeof *m->boxes));
    RN_TRY(rn_alloc(&m->labels, targets, sizeof *m->labels));
    RN_TRY(rn_alloc(&m->ignore, targets, sizeof *m->ignore));
    RN_TRY(rn_alloc(&m->best, targets, sizeof *m->best));
    RN_TRY(rn_alloc(&m->match, anchors, sizeof *m->match));
    return rn_alloc(&m->iou, anchors, sizeof *m->iou);
}

static rn_status create_blocks(rn_criterion *c) {
    size_t n = 0;
    for (int l = 0; l < RN_LEVELS; l++) n += (c->count[l] + BLOCK - 1) / BLOCK;
    RN_TRY(rn_alloc(&c->blocks, n * (size_t)c->batch, sizeof *c->blocks));
    for (int i = 0; i < c->batch; i++)
        for (int l = 0; l < RN_LEVELS; l++)
            for (size_t first = 0; first < c->count[l]; first += BLOCK) {
                const size_t left = c->count[l] - first;
                c->blocks[c->n_blocks++] = (block){
                    .image = i, .level = l, .first = first, .n = left < BLOCK ? left : BLOCK};
            }
    return RN_OK;
}

static rn_logit_loss logit_loss_of(const rn_criterion_options *options) {
    return (rn_logit_loss){.shape = rn_loss_info_of(options->loss)->shape,
                           .focal = options->focal,
                           .beta = options->star_beta,
                           .epsilon = options->poly_epsilon,
                           .floor = {options->slope_floor[0], options->slope_floor[1]},
                           .class_alpha = options->class_alpha};
}

rn_status rn_criterion_create(rn_criterion **out, const rn_network *network,
                              const rn_model_config *config, const rn_plan *plan,
                              const rn_criterion_options *options, size_t max_targets) {
    rn_criterion *c = NULL;
    rn_status status;
    *out = NULL;
    RN_TRY(rn_alloc(&c, 1, sizeof *c));
    c->network = network;
    c->options = *options;
    c->logit_loss = logit_loss_of(options);
    c->batch = plan->shape[0].n;
    c->max_targets = max_targets;
    if ((status = rn_network_anchors(&c->anchors, c->count, network, config, plan)) != RN_OK)
        goto done;
    for (int l = 0; l < RN_LEVELS; l++) {
        c->first[l] = c->total;
        c->total += c->count[l];
    }
    if ((status = rn_alloc(&c->matchings, (size_t)c->batch, sizeof *c->matchings)) != RN_OK)
        goto done;
    for (int i = 0; i < c->batch; i++)
        if ((status = create_matching(&c->matchings[i], max_targets, c->total)) != RN_OK) goto done;
    status = create_blocks(c);
done:
    if (status == RN_OK)
        *out = c;
    else
        rn_criterion_free(c);
    return status;
}

typedef struct job {
    rn_criterion *criterion;
    const rn_run *run;
    const rn_target *targets;
    const size_t *first_target;
    real normaliser; /* 1 / max(1, positives) */
} job;

static void match_task(void *context, size_t task, int worker) {
    const job *j = context;
    rn_criterion *c = j->criterion;
    matching *m = &c->matchings[task];
    const rn_target *targets = j->targets + j->first_target[task];
    size_t n = j->first_target[task + 1] - j->first_target[task];
    (void)worker;
    if (n > c->max_targets) n = c->max_targets;
    for (size_t i = 0; i < n; i++) {
        const rn_target *t = &targets[i];
        m->boxes[4 * i] = (real)t->x1;
        m->boxes[4 * i + 1] = (real)t->y1;
        m->boxes[4 * i + 2] = (real)t->x2;
        m->boxes[4 * i + 3] = (real)t->y2;
        m->labels[i] = t->label;
        m->ignore[i] = t->ignore;
    }
    m->positives = rn_match(m->match, m->iou, m->best, c->anchors, c->total, m->boxes, m->ignore, n,
                            &c->options.matcher);
    m->ignored = 0;
    for (size_t i = 0; i < c->total; i++) m->ignored += m->match[i] == RN_MATCH_IGNORE;
}

static void loss_task(void *context, size_t task, int worker) {
    const job *j = context;
    rn_criterion *c = j->criterion;
    block *b = &c->blocks[task];
    const matching *m = &c->matchings[b->image];
    const int k = c->network->classes, cls = c->network->cls_logits[b->level],
              box = c->network->bbox_reg[b->level];
    const size_t row =
        (size_t)b->image * c->count[b->level] + b->first; /* anchor within the level's tensor */
    const int *match = m->match + c->first[b->level] + b->first;
    const real *anchors = c->anchors + 4 * (c->first[b->level] + b->first);
    (void)worker;
    b->cls = rn_logit_loss_sum(rn_run_gradient(j->run, cls) + row * (size_t)k,
                               rn_run_value(j->run, cls) + row * (size_t)k, match, m->labels, b->n,
                               k, j->normaliser, &c->logit_loss);
    real *ddeltas = rn_run_gradient(j->run, box) + row * 4;
    const real *deltas = rn_run_value(j->run, box) + row * 4;
    const real scale = j->normaliser * c->options.box_weight;
    if (c->options.box_loss == RN_BOX_GIOU)
        b->box = rn_giou_loss_sum(ddeltas, deltas, anchors, match, m->boxes, b->n, scale);
    else
        b->box = rn_smooth_l1_sum(ddeltas, deltas, anchors, match, m->boxes, b->n, scale,
                                  c->options.beta);
}

void rn_criterion_run(rn_losses *out, rn_criterion *criterion, const rn_run *run,
                      const rn_target *targets, const size_t *first_target) {
    job j = {.criterion = criterion, .run = run, .targets = targets, .first_target = first_target};
    rn_losses losses = {.anchors = criterion->total * (size_t)criterion->batch};
    rn_threads_run(run->exec->threads, (size_t)criterion->batch, match_task, &j);
    for (int i = 0; i < criterion->batch; i++) {
        losses.positives += criterion->matchings[i].positives;
        losses.ignored += criterion->matchings[i].ignored;
    }
    const double normaliser = 1.0 / (losses.positives > 0 ? (double)losses.positives : 1.0);
    j.normaliser = (real)normaliser;
    rn_threads_run(run->exec->threads, criterion->n_blocks, loss_task, &j);
    for (size_t i = 0; i < criterion->n_blocks; i++) {
        losses.cls += criterion->blocks[i].cls;
        losses.box += criterion->blocks[i].box;
    }
    losses.cls *= normaliser;
    losses.box *= normaliser * (double)criterion->options.box_weight;
    *out = losses;
}

double rn_criterion_initial_loss(const rn_criterion_options *options, const rn_network *network,
                                 double prior, double positives, double anchors) {
    const double classes = network->classes;
    rn_logit_loss loss = logit_loss_of(options);
    double alpha = 0; /* of a class of middling frequency */
    for (int k = 0; loss.class_alpha && k < network->classes; k++)
        alpha += (double)loss.class_alpha[k] / classes;
    if (loss.class_alpha) loss.focal.alpha = (real)alpha;
    const real x = (real)-log((1 - prior) / prior);
    real dx;
    const double foreground = (double)rn_logit_loss_value(&dx, x, true, &loss);
    const double background = (double)rn_logit_loss_value(&dx, x, false, &loss);
    return (foreground * positives + background * (anchors * classes - positives)) /
           fmax(1, positives);
}
