#include "nn/plan.h"
#include "base/memory.h"
#include "nn/op.h"
#include "ops/conv.h"
#include "ops/pointwise.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* One stretch of the arena and its life in steps: what node i makes is made in step i, the
 * losses are step n, the backward job that begins at node i is step 2n - i. */
typedef struct buffer {
    size_t count; /* reals, a multiple of 16; 0: shares another's place */
    int born, dies;
    size_t *place; /* where the planner writes the offset */
} buffer;

enum { PLACE_MULTIPLE = RN_ALIGN / sizeof(float) };

size_t rn_shape_count(const rn_shape *shape) {
    return (size_t)shape->n * (size_t)shape->h * (size_t)shape->w * (size_t)shape->c;
}

static size_t round_up(size_t count) {
    return (count + PLACE_MULTIPLE - 1) / PLACE_MULTIPLE * PLACE_MULTIPLE;
}

static int max_int(int a, int b) {
    return a > b ? a : b;
}

void rn_plan_free(rn_plan *plan) {
    free(plan->shape);
    free(plan->value);
    free(plan->gradient);
    free(plan->statistics);
    free(plan->maker);
    free(plan->job);
    free(plan->first_writer);
    *plan = (rn_plan){0};
}

static bool keeps_output(const rn_node *node) {
    return node->relu;
}

/* Whether sizes can be computed with: kernels count pixels in int. */
static bool is_countable(const rn_shape *shape) {
    size_t count;
    return (size_t)shape->h * (size_t)shape->w <= INT_MAX / 16 &&
           rn_mul(&count, (size_t)shape->n * (size_t)shape->h,
                  (size_t)shape->w * (size_t)shape->c) &&
           count <= SIZE_MAX / 1024;
}

/* Shapes of all values. */
static rn_status infer_shapes(rn_plan *plan, int n, int h, int w) {
    const rn_graph *graph = plan->graph;
    if (n < 1 || h < 1 || w < 1)
        return rn_fail(RN_EINVAL, "a batch of %d pictures of %dx%d is empty", n, w, h);
    plan->shape[0] = (rn_shape){n, h, w, graph->nodes[0].channels};
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const rn_node *node = &graph->nodes[i];
        rn_shape *out = &plan->shape[i];
        if (i > 0 && !node->op->infer(out, node, &plan->shape[node->in[0]]))
            return rn_fail(RN_EINVAL, "a picture of %dx%d is too small for the network", w, h);
        if (!is_countable(out))
            return rn_fail(RN_EINVAL, "a batch of %d pictures of %dx%d is too large", n, w, h);
        const rn_shape *other = node->op == &rn_op_add ? &plan->shape[node->in[1]] : out;
        if (other->h != out->h || other->w != out->w)
            return rn_fail(RN_EINVAL, "a sum of %dx%d and %dx%d", out->w, out->h, other->w,
                           other->h);
    }
    return RN_OK;
}

/* Whether node `i` may join the job that begins at `first`: the same convolution of another picture
 * that the job does not make itself. */
static bool may_join(const rn_graph *graph, int first, int i) {
    const rn_node *a = &graph->nodes[first], *b = &graph->nodes[i];
    return a->op->joins && b->op == a->op && b->in[0] < first && i - first < RN_CONV_PARTS &&
           memcmp(a->param, b->param, sizeof a->param) == 0 && b->kernel == a->kernel &&
           b->stride == a->stride && b->pad == a->pad && b->same == a->same && b->relu == a->relu;
}

/* Whether node `reader` is the only one that reads value `i`. */
static bool is_read_by_one(const rn_graph *graph, int i, int reader) {
    for (size_t k = 0; k < graph->n_outputs; k++)
        if (graph->outputs[k] == i) return false;
    for (int k = i + 1; k < (int)graph->n_nodes; k++) {
        const rn_node *node = &graph->nodes[k];
        if ((node->in[0] == i || node->in[1] == i) && k != reader) return false;
    }
    return graph->nodes[reader].in[0] != graph->nodes[reader].in[1];
}

/* How many nodes behind convolution `i` it computes in passing, because nobody wants what lies
 * between: a norm whose numbers are constants, and a sum. */
static int count_passed(const rn_plan *plan, int i) {
    const rn_graph *graph = plan->graph;
    const int n = (int)graph->n_nodes;
    const rn_node *norm = &graph->nodes[i + 1 < n ? i + 1 : i], *sum = norm + 1;
    const bool constant = norm->op == &rn_op_frozen_norm ||
                          (norm->op == &rn_op_batch_norm && plan->mode == RN_INFERENCE);
    if (graph->nodes[i].op != &rn_op_conv || graph->nodes[i].relu || !constant) return 0;
    if (norm->in[0] != i || !is_read_by_one(graph, i, i + 1)) return 0;
    if (i + 2 >= n || sum->op != &rn_op_add || norm->relu) return 1;
    const bool reads = sum->in[0] == i + 1 || sum->in[1] == i + 1;
    return reads && is_read_by_one(graph, i + 1, i + 2) ? 2 : 1;
}

static void infer_makers(rn_plan *plan) {
    const int n = (int)plan->graph->n_nodes;
    for (int first = 0, next; first < n; first = next) {
        for (next = first; next < n && (next == first || may_join(plan->graph, first, next));
             next++)
            plan->maker[next] = plan->job[next] = first;
        if (next == first + 1) {
            for (const int end = next + count_passed(plan, first); next < end; next++) {
                plan->maker[next] = first;
                plan->job[next] = next;
            }
        }
        const rn_op *op = plan->graph->nodes[first].op;
        if (op->scratch) plan->scratch = rn_scratch_larger(plan->scratch, op->scratch(plan, first));
    }
}

/* The value that a node's forward leaves where value `i` is only passed: the last of its makers
 * that is not one of shared levels. */
static int last_passed(const rn_plan *plan, int i) {
    while (i + 1 < (int)plan->graph->n_nodes && plan->maker[i + 1] == plan->maker[i] &&
           plan->job[i + 1] == i + 1)
        i++;
    return i;
}

/* Which values want a gradient: those that a trained parameter lies behind. Sets first_writer too.
 */
static void infer_gradients(rn_plan *plan, bool *wanted) {
    const rn_graph *graph = plan->graph;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const rn_node *node = &graph->nodes[i];
        for (int k = 0; k < RN_NODE_PARAMS; k++)
            if (node->param[k] != RN_NO_PARAM && graph->params[node->param[k]].trained)
                wanted[i] = true;
        for (int k = 0; k < RN_NODE_INPUTS; k++)
            if (node->in[k] != RN_NO_VALUE && wanted[node->in[k]]) wanted[i] = true;
        plan->first_writer[i] = RN_NO_VALUE;
        /* Backward runs from the last node to the first, so the last reader writes first. */
        for (int k = 0; k < RN_NODE_INPUTS; k++)
            if (node->in[k] != RN_NO_VALUE) plan->first_writer[node->in[k]] = (int)i;
    }
    for (size_t k = 0; k < graph->n_outputs; k++)
        plan->first_writer[graph->outputs[k]] = RN_NO_VALUE; /* the losses write these */
}

/* The step of the last reader of each value. */
static void infer_lives(const rn_plan *plan, const bool *wanted, int *dies) {
    const rn_graph *graph = plan->graph;
    const int n = (int)graph->n_nodes;
    const bool training = plan->mode == RN_TRAINING;
    for (int i = 0; i < n; i++) {
        const rn_node *node = &graph->nodes[i];
        const int step = plan->maker[i], back = 2 * n - plan->job[i];
        dies[i] = training && wanted[i] && keeps_output(node) ? back : step;
        for (int k = 0; k < RN_NODE_INPUTS; k++) {
            if (node->in[k] == RN_NO_VALUE) continue;
            const bool kept = training && wanted[i] && (node->op->keeps & RN_KEEPS_INPUT);
            dies[node->in[k]] = max_int(dies[node->in[k]], kept ? back : step);
        }
    }
    for (size_t k = 0; k < graph->n_outputs; k++)
        dies[graph->outputs[k]] = max_int(dies[graph->outputs[k]], n);
}

/* One buffer a value (or a share in another's), a gradient and a norm's statistics. Returns their
 * number. root[i] is the value whose memory value i uses. */
static size_t list_buffers(rn_plan *plan, const bool *wanted, const int *dies, buffer *buffers,
                           int *root) {
    const rn_graph *graph = plan->graph;
    const int n = (int)graph->n_nodes;
    size_t used = 0;
    size_t *buffer_of =
        plan->value; /* until places are known, value[i] numbers the buffer of root i */
    for (int i = 0; i < n; i++) {
        const rn_node *node = &graph->nodes[i];
        const size_t count = round_up(rn_shape_count(&plan->shape[i]));
        const int step = plan->maker[i], back = 2 * n - plan->job[i], last = last_passed(plan, i);
        const int in = node->op->in_place && step == i ? root[node->in[0]] : 0;
        root[i] = last;
        if (in > 0 && dies[node->in[0]] == step && buffers[buffer_of[in]].dies == step) {
            root[i] = in;
            buffers[buffer_of[in]].dies = dies[i];
        } else if (last == i) {
            buffer_of[i] = used;
            buffers[used++] = (buffer){.count = count, .born = step, .dies = dies[i]};
        }
        plan->gradient[i] = plan->statistics[i] = SIZE_MAX;
        if (plan->mode != RN_TRAINING) continue;
        if (node->op->statistics)
            buffers[used++] =
                (buffer){.count = round_up(node->op->statistics(node, &plan->shape[node->in[0]])),
                         .born = step,
                         .dies = wanted[i] ? back : step,
                         .place = &plan->statistics[i]};
        if (!wanted[i]) continue;
        const int writer = plan->first_writer[i];
        buffers[used++] = (buffer){.count = count,
                                   .born = writer == RN_NO_VALUE ? n : 2 * n - plan->job[writer],
                                   .dies = back,
                                   .place = &plan->gradient[i]};
    }
    for (int i = n - 1; i >= 0; i--) /* a value that is passed lies where the last one does */
        if (root[i] > i) root[i] = root[root[i]];
    for (int i = 0; i < n; i++) /* only now, since buffer_of and value share memory */
        if (root[i] == i) buffers[buffer_of[i]].place = &plan->value[i];
    return used;
}

static int larger_first(const void *a, const void *b) {
    const buffer *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    if (x->born != y->born) return x->born < y->born ? -1 : 1;
    return (x->place > y->place) -
           (x->place < y->place); /* a total order: the same plan every time */
}

/* Greedy by size: each buffer goes to the lowest gap between those placed before it that are alive
 * at the same time. `order` is kept sorted by place. Returns the size of the arena. */
static size_t place_buffers(buffer *buffers, size_t n, const buffer **order) {
    size_t arena = 0, placed = 0;
    qsort(buffers, n, sizeof *buffers, larger_first);
    for (size_t i = 0; i < n; i++) {
        const buffer *b = &buffers[i];
        size_t place = 0;
        for (size_t k = 0; k < placed; k++) {
            const buffer *other = order[k];
            if (other->born > b->dies || other->dies < b->born) continue;
            if (place + b->count <= *other->place) break;
            if (*other->place + other->count > place) place = *other->place + other->count;
        }
        *b->place = place;
        if (place + b->count > arena) arena = place + b->count;
        size_t at = placed++;
        for (; at > 0 && *order[at - 1]->place > place; at--) order[at] = order[at - 1];
        order[at] = b;
    }
    return arena;
}

static rn_status place_all(rn_plan *plan) {
    const size_t n = plan->graph->n_nodes;
    buffer *buffers = NULL;
    const buffer **order = NULL;
    bool *wanted = NULL;
    int *dies = NULL, *root = NULL;
    rn_status status;
    if ((status = rn_alloc(&buffers, 3 * n, sizeof *buffers)) != RN_OK) goto done;
    if ((status = rn_alloc(&order, 3 * n, sizeof *order)) != RN_OK) goto done;
    if ((status = rn_alloc(&wanted, n, sizeof *wanted)) != RN_OK) goto done;
    if ((status = rn_alloc(&dies, n, sizeof *dies)) != RN_OK) goto done;
    if ((status = rn_alloc(&root, n, sizeof *root)) != RN_OK) goto done;
    infer_gradients(plan, wanted);
    infer_lives(plan, wanted, dies);
    const size_t used = list_buffers(plan, wanted, dies, buffers, root);
    plan->arena = place_buffers(buffers, used, order);
    for (size_t i = 0; i < n; i++) plan->value[i] = plan->value[root[i]];
done:
    free(root);
    free(dies);
    free(wanted);
    free(order);
    free(buffers);
    return status;
}

rn_status rn_plan_create(rn_plan *out, const rn_graph *graph, rn_mode mode, int n, int h, int w) {
    const size_t nodes = graph->n_nodes;
    rn_plan plan = {.graph = graph, .mode = mode};
    rn_status status;
    *out = (rn_plan){0};
    if ((status = rn_alloc(&plan.shape, nodes, sizeof *plan.shape)) != RN_OK) goto done;
    if ((status = rn_alloc(&plan.value, nodes, sizeof *plan.value)) != RN_OK) goto done;
    if ((status = rn_alloc(&plan.gradient, nodes, sizeof *plan.gradient)) != RN_OK) goto done;
    if ((status = rn_alloc(&plan.statistics, nodes, sizeof *plan.statistics)) != RN_OK) goto done;
    if ((status = rn_alloc(&plan.maker, nodes, sizeof *plan.maker)) != RN_OK) goto done;
    if ((status = rn_alloc(&plan.job, nodes, sizeof *plan.job)) != RN_OK) goto done;
    if ((status = rn_alloc(&plan.first_writer, nodes, sizeof *plan.first_writer)) != RN_OK)
        goto done;
    if ((status = infer_shapes(&plan, n, h, w)) != RN_OK) goto done;
    infer_makers(&plan);
    status = place_all(&plan);
done:
    if (status == RN_OK)
        *out = plan;
    else
        rn_plan_free(&plan);
    return status;
}

/* ---- the walks ---- */

enum { ZERO_BLOCK = 1 << 16 }; /* reals a task */

typedef struct zero_job {
    real *out;
    size_t n;
} zero_job;

static void zero_task(void *context, size_t task, int worker) {
    const zero_job *job = context;
    const size_t start = task * ZERO_BLOCK, left = job->n - start;
    (void)worker;
    memset(job->out + start, 0, (left < ZERO_BLOCK ? left : ZERO_BLOCK) * sizeof *job->out);
}

/* A gradient begins as zero, because every backward adds. */
static void zero(const rn_exec *exec, real *out, size_t n) {
    zero_job job = {out, n};
    rn_threads_run(exec->threads, (n + ZERO_BLOCK - 1) / ZERO_BLOCK, zero_task, &job);
}

static void tell(const rn_run *run, rn_walk walk, int node) {
    if (run->watch) run->watch->node(run->watch->context, walk, node);
}

void rn_forward(const rn_run *run) {
    const rn_plan *plan = run->plan;
    tell(run, RN_FORWARD, RN_NO_VALUE);
    for (int i = 0; i < (int)plan->graph->n_nodes; i++) {
        if (plan->maker[i] != i) continue;
        plan->graph->nodes[i].op->forward(run, i);
        tell(run, RN_FORWARD, i);
    }
}

/* Zero the gradients that node `i` is the first to add to, and undo its ReLU. */
static void prepare_backward(const rn_run *run, int i, real *dout) {
    const rn_plan *plan = run->plan;
    const rn_node *node = &plan->graph->nodes[i];
    for (int k = 0; k < RN_NODE_INPUTS; k++) {
        const int value = node->in[k];
        if (value == RN_NO_VALUE || plan->first_writer[value] != i) continue;
        if (plan->gradient[value] == SIZE_MAX || (k == 1 && value == node->in[0])) continue;
        zero(run->exec, rn_run_gradient(run, value), rn_shape_count(&plan->shape[value]));
    }
    if (node->relu == RN_RELU6)
        rn_relu6_mask(run->exec, dout, rn_run_value(run, i), rn_shape_count(&plan->shape[i]));
    else if (node->relu)
        rn_relu_mask(run->exec, dout, rn_run_value(run, i), rn_shape_count(&plan->shape[i]));
}

void rn_backward(const rn_run *run) {
    const rn_plan *plan = run->plan;
    bool wanted = false; /* by a node of the job */
    tell(run, RN_BACKWARD, RN_NO_VALUE);
    for (int i = (int)plan->graph->n_nodes - 1; i >= 0; i--) {
        real *dout = rn_run_gradient(run, i);
        if (dout) prepare_backward(run, i, dout);
        wanted = wanted || dout;
        if (plan->job[i] != i) continue;
        if (wanted) plan->graph->nodes[i].op->backward(run, i);
        wanted = false;
        tell(run, RN_BACKWARD, i);
    }
}
