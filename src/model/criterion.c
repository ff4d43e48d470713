#include "model/criterion.h"
#include "base/memory.h"
#include "detection/anchor_loss.h"
#include "detection/ghm.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 }; /* anchors a task of the loss sums */

/* A stretch of one picture's anchors on one level. */
typedef struct block {
    int image, level;
    size_t first, n; /* anchors within the level */
    double cls, box; /* sums, added up in block order */
    rn_level_losses part;
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
    /* ohem alone */
    real *loss;           /* [total anchors] */
    int *chosen;          /* [total anchors] match, or ignored where not among the hardest */
    size_t *order, *kept; /* [total anchors], [ohem.batch]: workspace */
} matching;

struct rn_criterion {
    const rn_network *network;
    rn_criterion_options options;
    rn_logit_loss logit_loss;
    rn_loss_reduction reduction;
    int batch;
    size_t max_targets;
    real *anchors; /* [total, 4] level behind level */
    size_t count[RN_LEVELS], first[RN_LEVELS], total;
    matching *matchings; /* [batch] */
    block *blocks;
    size_t n_blocks;
    real *spare; /* [n_blocks, logits] a gradient that nobody wants */
    /* ghm alone */
    size_t *counts;  /* [n_blocks, ghm_bins] */
    double *running; /* [ghm_bins] */
    real *weights;   /* [ghm_bins] */
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
        free(m->loss);
        free(m->chosen);
        free(m->order);
        free(m->kept);
    }
    free(criterion->matchings);
    free(criterion->blocks);
    free(criterion->spare);
    free(criterion->counts);
    free(criterion->running);
    free(criterion->weights);
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

static rn_status create_mining(matching *m, size_t anchors, const rn_ohem *ohem) {
    RN_TRY(rn_alloc(&m->loss, anchors, sizeof *m->loss));
    RN_TRY(rn_alloc(&m->chosen, anchors, sizeof *m->chosen));
    RN_TRY(rn_alloc(&m->order, anchors, sizeof *m->order));
    return rn_alloc(&m->kept, (size_t)ohem->batch, sizeof *m->kept);
}

static rn_status create_bins(rn_criterion *c) {
    const size_t bins = (size_t)c->options.ghm_bins;
    RN_TRY(rn_alloc(&c->counts, c->n_blocks, bins * sizeof *c->counts));
    RN_TRY(rn_alloc(&c->running, bins, sizeof *c->running));
    return rn_alloc(&c->weights, bins, sizeof *c->weights);
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
    return rn_alloc(&c->spare, n * (size_t)c->batch, (size_t)c->network->logits * sizeof *c->spare);
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
    c->reduction = rn_loss_info_of(options->loss)->reduction;
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
    for (int i = 0; i < c->batch && c->reduction == RN_LOSS_OHEM; i++)
        if ((status = create_mining(&c->matchings[i], c->total, &options->ohem)) != RN_OK)
            goto done;
    if ((status = create_blocks(c)) != RN_OK) goto done;
    if (c->reduction == RN_LOSS_GHM) status = create_bins(c);
done:
    if (status == RN_OK)
        *out = c;
    else
        rn_criterion_free(c);
    return status;
}

typedef struct job {
    rn_criterion *criterion;
    const rn_head_outputs *outputs;
    const rn_target *targets;
    const size_t *first_target;
    real normaliser;  /* 1 / max(1, positives) */
    double cls_scale; /* of the sums of the class loss */
    real guide;       /* box loss over class loss */
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

/* What a block is of. */
typedef struct place {
    const matching *matching;
    const int *match;
    const real *anchors, *logits, *deltas;
    real *dlogits, *ddeltas;
} place;

static place place_of(const job *j, const block *b) {
    const rn_criterion *c = j->criterion;
    const size_t k = (size_t)c->network->logits;
    const rn_head_outputs *o = j->outputs;
    const size_t row =
        (size_t)b->image * c->count[b->level] + b->first; /* anchor within the level's tensor */
    const size_t anchor = c->first[b->level] + b->first;
    return (place){.matching = &c->matchings[b->image],
                   .match = c->matchings[b->image].match + anchor,
                   .anchors = c->anchors + 4 * anchor,
                   .logits = o->logits[b->level] + row * k,
                   .deltas = o->deltas[b->level] + row * 4,
                   .dlogits = o->dlogits[b->level] + row * k,
                   .ddeltas = o->ddeltas[b->level] + row * 4};
}

/* ---- what comes before some losses ---- */

/* Each anchor's loss over all classes. */
static void hardness_task(void *context, size_t task, int worker) {
    const job *j = context;
    const rn_criterion *c = j->criterion;
    const block *b = &c->blocks[task];
    const place p = place_of(j, b);
    const int k = c->network->classes;
    real *loss = p.matching->loss + c->first[b->level] + b->first;
    (void)worker;
    for (size_t i = 0; i < b->n; i++)
        loss[i] = (real)rn_logit_loss_sum(p.dlogits, p.logits + i * (size_t)k, p.match + i,
                                          p.matching->labels, 1, k, 1, &c->logit_loss);
}

static void choose_task(void *context, size_t task, int worker) {
    const job *j = context;
    const rn_criterion *c = j->criterion;
    matching *m = &c->matchings[task];
    (void)worker;
    rn_ohem_choose(m->chosen, m->loss, m->match, c->anchors, c->total, &c->options.ohem, m->order,
                   m->kept);
}

static void count_task(void *context, size_t task, int worker) {
    const job *j = context;
    const rn_criterion *c = j->criterion;
    const block *b = &c->blocks[task];
    const place p = place_of(j, b);
    const int bins = c->options.ghm_bins;
    size_t *count = c->counts + task * (size_t)bins;
    (void)worker;
    memset(count, 0, (size_t)bins * sizeof *count);
    rn_ghm_count(count, bins, p.logits, p.match, p.matching->labels, b->n, c->network->classes);
}

/* The weights of this batch's lengths of gradient. */
static void weigh(rn_criterion *c) {
    const size_t bins = (size_t)c->options.ghm_bins;
    size_t *total = c->counts;
    for (size_t i = 1; i < c->n_blocks; i++)
        for (size_t b = 0; b < bins; b++) total[b] += c->counts[i * bins + b];
    rn_ghm_weigh(c->weights, c->running, total, (int)bins, c->options.ghm_momentum);
}

/* ---- the losses ---- */

static double class_loss(const job *j, const block *b, const place *p) {
    const rn_criterion *c = j->criterion;
    const int *labels = p->matching->labels, k = c->network->classes;
    const int *match = c->reduction == RN_LOSS_OHEM
                           ? p->matching->chosen + (p->match - p->matching->match)
                           : p->match;
    if (c->reduction == RN_LOSS_GHM)
        return rn_ghm_loss_sum(p->dlogits, p->logits, match, labels, b->n, k, c->weights,
                               c->options.ghm_bins);
    switch (c->network->scoring) {
    case RN_SCORING_SIGMOID:
        break;
    case RN_SCORING_SOFTMAX:
        return rn_softmax_loss_sum(p->dlogits, p->logits, match, labels, b->n, k, j->normaliser,
                                   &c->logit_loss);
    case RN_SCORING_OBJECTNESS:
        return rn_objectness_loss_sum(p->dlogits, p->logits, match, labels, b->n, k, j->normaliser,
                                      &c->logit_loss);
    }
    return rn_logit_loss_sum(p->dlogits, p->logits, match, labels, b->n, k, j->normaliser,
                             &c->logit_loss);
}

/* The block's anchors and what each side of them gave. The background's loss is what the
 * foreground's, which is of few anchors, leaves of all. */
static rn_level_losses part_of(const job *j, const block *b, const place *p) {
    const rn_criterion *c = j->criterion;
    const size_t k = (size_t)c->network->logits;
    const block one = {.image = b->image, .level = b->level, .n = 1};
    rn_level_losses part = {0};
    for (size_t i = 0; i < b->n; i++) {
        part.ignored += p->match[i] == RN_MATCH_IGNORE;
        if (p->match[i] < 0) continue;
        const place anchor = {.matching = p->matching,
                              .match = p->match + i,
                              .logits = p->logits + i * k,
                              .dlogits = c->spare + (size_t)(b - c->blocks) * k};
        part.positives++;
        part.cls[RN_SIDE_FOREGROUND] += class_loss(j, &one, &anchor);
    }
    part.negatives = (double)b->n - part.positives - part.ignored;
    part.cls[RN_SIDE_FOREGROUND] *= j->cls_scale;
    part.cls[RN_SIDE_BACKGROUND] =
        part.negatives > 0 ? fmax(0, j->cls_scale * b->cls - part.cls[RN_SIDE_FOREGROUND]) : 0;
    rn_gradient_by_side(part.gradient, p->dlogits, p->match, b->n, c->network->logits);
    return part;
}

static void loss_task(void *context, size_t task, int worker) {
    const job *j = context;
    rn_criterion *c = j->criterion;
    block *b = &c->blocks[task];
    const place p = place_of(j, b);
    const real scale = j->normaliser * c->options.box_weight;
    (void)worker;
    b->cls = class_loss(j, b, &p);
    b->part = part_of(j, b, &p);
    if (c->options.box_loss == RN_BOX_GIOU)
        b->box = rn_giou_loss_sum(p.ddeltas, p.deltas, p.anchors, p.match, p.matching->boxes, b->n,
                                  scale);
    else
        b->box = rn_smooth_l1_sum(p.ddeltas, p.deltas, p.anchors, p.match, p.matching->boxes, b->n,
                                  scale, c->options.beta);
}

/* Multiply the gradient of the class loss. */
static void guide_task(void *context, size_t task, int worker) {
    const job *j = context;
    block *b = &j->criterion->blocks[task];
    real *dlogits = place_of(j, b).dlogits;
    (void)worker;
    for (int side = 0; side < RN_SIDES; side++) b->part.gradient[side] *= (double)j->guide;
    for (size_t i = 0; i < b->n * (size_t)j->criterion->network->logits; i++)
        dlogits[i] *= j->guide;
}

void rn_level_losses_add(rn_level_losses *to, const rn_level_losses *from, double anchors,
                         double weight) {
    to->positives += anchors * from->positives;
    to->negatives += anchors * from->negatives;
    to->ignored += anchors * from->ignored;
    for (int side = 0; side < RN_SIDES; side++) {
        to->cls[side] += weight * from->cls[side];
        to->gradient[side] += weight * from->gradient[side];
    }
}

void rn_criterion_losses(rn_losses *out, rn_criterion *criterion, rn_threads *threads,
                         const rn_head_outputs *outputs, const rn_target *targets,
                         const size_t *first_target) {
    job j = {.criterion = criterion,
             .outputs = outputs,
             .targets = targets,
             .first_target = first_target};
    rn_losses losses = {.anchors = criterion->total * (size_t)criterion->batch};
    rn_threads_run(threads, (size_t)criterion->batch, match_task, &j);
    for (int i = 0; i < criterion->batch; i++) {
        losses.positives += criterion->matchings[i].positives;
        losses.ignored += criterion->matchings[i].ignored;
    }
    const double normaliser = 1.0 / (losses.positives > 0 ? (double)losses.positives : 1.0);
    j.normaliser = (real)normaliser;
    j.cls_scale = criterion->reduction == RN_LOSS_GHM ? 1 : normaliser;
    if (criterion->reduction == RN_LOSS_OHEM) {
        rn_threads_run(threads, criterion->n_blocks, hardness_task, &j);
        rn_threads_run(threads, (size_t)criterion->batch, choose_task, &j);
    } else if (criterion->reduction == RN_LOSS_GHM) {
        rn_threads_run(threads, criterion->n_blocks, count_task, &j);
        weigh(criterion);
    }
    rn_threads_run(threads, criterion->n_blocks, loss_task, &j);
    for (size_t i = 0; i < criterion->n_blocks; i++) {
        losses.cls += criterion->blocks[i].cls;
        losses.box += criterion->blocks[i].box;
    }
    losses.cls *= j.cls_scale;
    losses.box *= normaliser * (double)criterion->options.box_weight;
    if (criterion->reduction == RN_LOSS_GUIDED && losses.cls > 0) {
        j.guide = (real)(losses.box / losses.cls);
        rn_threads_run(threads, criterion->n_blocks, guide_task, &j);
    }
    for (size_t i = 0; i < criterion->n_blocks; i++)
        rn_level_losses_add(&losses.levels[criterion->blocks[i].level], &criterion->blocks[i].part,
                            1, 1);
    *out = losses;
}

void rn_criterion_run(rn_losses *out, rn_criterion *criterion, const rn_run *run,
                      const rn_target *targets, const size_t *first_target) {
    rn_head_outputs outputs;
    for (int l = 0; l < RN_LEVELS; l++) {
        const int cls = criterion->network->cls_logits[l], box = criterion->network->bbox_reg[l];
        outputs.logits[l] = rn_run_value(run, cls);
        outputs.deltas[l] = rn_run_value(run, box);
        outputs.dlogits[l] = rn_run_gradient(run, cls);
        outputs.ddeltas[l] = rn_run_gradient(run, box);
    }
    rn_criterion_losses(out, criterion, run->exec->threads, &outputs, targets, first_target);
}

const int *rn_criterion_match(const int **labels, const rn_criterion *criterion, int image) {
    *labels = criterion->matchings[image].labels;
    return criterion->matchings[image].match;
}

double *rn_criterion_state(rn_criterion *criterion, size_t *n) {
    *n = criterion->reduction == RN_LOSS_GHM ? (size_t)criterion->options.ghm_bins : 0;
    return criterion->running;
}

static real logit(double p) {
    return (real)-log((1 - p) / p);
}

double rn_criterion_initial_loss(const rn_criterion_options *options, const rn_network *network,
                                 double prior, double positives, double anchors) {
    const rn_loss_reduction reduction = rn_loss_info_of(options->loss)->reduction;
    const double classes = network->classes;
    if (reduction == RN_LOSS_OHEM || reduction == RN_LOSS_GHM) return NAN;
    rn_logit_loss loss = logit_loss_of(options);
    double alpha = 0; /* of a class of middling frequency */
    for (int k = 0; loss.class_alpha && k < network->classes; k++)
        alpha += (double)loss.class_alpha[k] / classes;
    if (loss.class_alpha) loss.focal.alpha = (real)alpha;
    const bool softmax = network->scoring == RN_SCORING_SOFTMAX;
    const real x = logit(prior);
    real dx;
    const double foreground =
        (double)rn_logit_loss_value(&dx, softmax ? logit(prior / classes) : x, true, &loss);
    const double background = (double)rn_logit_loss_value(&dx, x, false, &loss);
    const double n = network->scoring == RN_SCORING_SIGMOID ? classes : 1; /* losses of an anchor */
    const double even = network->scoring == RN_SCORING_OBJECTNESS ? classes * log(2) : 0;
    return ((foreground + even) * positives + background * (anchors * n - positives)) /
           fmax(1, positives);
}
