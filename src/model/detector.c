#include "model/detector.h"
#include "base/memory.h"
#include "detection/postprocess.h"
#include "model/network.h"
#include "model/weights.h"
#include "nn/op.h"

#include <stdlib.h>

struct rn_detector {
    rn_model_config config;
    rn_network network;
    rn_threads *threads;
    rn_threads *own_threads; /* NULL when borrowed */
    real *weights;           /* [graph.n_stored] */
    const rn_watch *watch;   /* NULL: nobody */
    rn_isa isa;
    rn_postprocess postprocess;

    /* The current plan and what belongs to its shape. */
    rn_plan plan;
    real *anchors; /* [total, 4] */
    size_t count[RN_LEVELS];

    /* Memory that grows with the largest plan so far. */
    float *canvas; /* the input as floats; the double build converts it */
    size_t canvas_cap;
    real *arena;
    size_t arena_cap;
    real *scratch;
    size_t scratch_cap;
    rn_exec exec; /* lies in scratch */

    rn_resizer resizer;
    rn_candidates candidates;
    rn_box *boxes; /* [max_detections] */
};

void rn_detector_close(rn_detector *det) {
    if (!det) return;
    rn_plan_free(&det->plan);
    rn_network_free(&det->network);
    rn_model_config_free(&det->config);
    rn_resizer_free(&det->resizer);
    rn_candidates_free(&det->candidates);
    rn_threads_free(det->own_threads);
    free(det->anchors);
    free(det->canvas);
    free(det->arena);
    free(det->scratch);
    free(det->boxes);
    free(det->weights);
    free(det);
}

static rn_postprocess postprocess_of(const rn_model_config *config,
                                     const rn_detector_options *options, rn_isa isa) {
    const float threshold = options->score_threshold;
    return (rn_postprocess){
        .score_threshold = (real)(threshold >= 0 ? (double)threshold : config->score_threshold),
        .topk_candidates = config->topk_candidates,
        .nms_iou = config->nms_iou,
        .max_detections = config->max_detections,
        .nms = options->nms_agnostic ? RN_NMS_AGNOSTIC : (rn_nms_mode)config->nms,
        .keep_empty = config->keep_empty,
        .isa = isa,
        .scoring = (rn_scoring)config->scoring,
    };
}

/* `file`: where the weights will come from, or NULL. */
static rn_status create(rn_detector **out, const rn_model_config *config, const rn_model_file *file,
                        rn_threads *threads, const rn_detector_options *options) {
    const rn_detector_options defaults = RN_DETECTOR_OPTIONS_DEFAULT;
    rn_detector *det = NULL;
    rn_status status;
    *out = NULL;
    if (!options) options = &defaults;
    RN_TRY(rn_alloc(&det, 1, sizeof *det));
    if ((status = rn_isa_named(&det->isa, options->isa)) != RN_OK) goto done;
    if ((status = rn_model_config_copy(&det->config, config)) != RN_OK) goto done;
    if ((status = rn_network_build(&det->network, &det->config)) != RN_OK) goto done;
    /* Before memory is asked for: a small file may claim a huge network. */
    if (file) {
        const rn_graph *graph = &det->network.graph;
        status = rn_model_file_check(file, graph, rn_weights_prefix(&file->tensors, graph), false);
        if (status != RN_OK) goto done;
    }
    if (!threads) {
        const int count = options->threads > 0 ? options->threads : rn_threads_default();
        if ((status = rn_threads_create(&det->own_threads, count)) != RN_OK) goto done;
        threads = det->own_threads;
    }
    det->threads = det->candidates.threads = det->resizer.threads = threads;
    det->postprocess = postprocess_of(config, options, det->isa);
    status = rn_alloc(&det->boxes, (size_t)det->postprocess.max_detections, sizeof *det->boxes);
    if (status != RN_OK) goto done;
    const size_t n = det->network.graph.n_stored;
    status = file ? rn_alloc_unset(&det->weights, n, sizeof *det->weights)
                  : rn_alloc(&det->weights, n, sizeof *det->weights);
done:
    if (status == RN_OK)
        *out = det;
    else
        rn_detector_close(det);
    return status;
}

rn_status rn_detector_create(rn_detector **out, const rn_model_config *config, rn_threads *threads,
                             const rn_detector_options *options) {
    return create(out, config, NULL, threads, options);
}

/* What the file leaves open and what it holds besides. */
static void tell_of_file(const rn_model_file *file, const rn_graph *graph, const rn_hooks *hooks) {
    char extra[RN_EXTRA_TEXT];
    const size_t n = file->config.n_classes;
    if (file->guessed)
        rn_tell(hooks, "%s: without metadata; its tensors are those of %s with %zu classes%s",
                file->path, file->guessed, n,
                rn_class_is_unnamed(file->config.class_names[n - 1], n - 1)
                    ? ", unnamed (--set classes=A,B,...)"
                    : "");
    if (file->guessed && file->config.bn_eps == 0)
        rn_tell(hooks,
                "%s: batch norm adds nothing to the variance (bn_eps 0), as in torchvision's "
                "published weights of that age",
                file->path);
    rn_weights_extra(extra, &file->tensors, graph);
    if (extra[0]) rn_tell(hooks, "%s: %s", file->path, extra);
}

rn_status rn_detector_open(rn_detector **out, const char *path,
                           const rn_detector_options *options) {
    rn_model_file file;
    rn_detector *det = NULL;
    rn_status status;
    *out = NULL;
    RN_TRY(rn_model_file_open(&file, path));
    if (options && (status = rn_model_config_set(&file.config, options->set)) != RN_OK) goto done;
    if ((status = create(&det, &file.config, &file, NULL, options)) != RN_OK) goto done;
    const rn_graph *graph = &det->network.graph;
    status = rn_model_file_load(&file, det->weights, graph, rn_weights_prefix(&file.tensors, graph),
                                false);
    if (status == RN_OK && options) tell_of_file(&file, graph, options->hooks);
done:
    rn_model_file_close(&file);
    if (status == RN_OK)
        *out = det;
    else
        rn_detector_close(det);
    return status;
}

const rn_model_config *rn_detector_config(const rn_detector *det) {
    return &det->config;
}
const rn_network *rn_detector_network(const rn_detector *det) {
    return &det->network;
}
const rn_graph *rn_detector_graph(const rn_detector *det) {
    return &det->network.graph;
}
real *rn_detector_weights(rn_detector *det) {
    return det->weights;
}
rn_threads *rn_detector_threads(const rn_detector *det) {
    return det->threads;
}
const rn_plan *rn_detector_current_plan(const rn_detector *det) {
    return &det->plan;
}
double rn_detector_flops(const rn_detector *det) {
    return rn_network_flops(&det->network, &det->plan);
}
void rn_detector_watch(rn_detector *det, const rn_watch *watch) {
    det->watch = watch;
}
float *rn_detector_input(rn_detector *det) {
    return det->canvas;
}
size_t rn_detector_classes(const rn_detector *det) {
    return det->config.n_classes;
}
char *const *rn_detector_class_names(const rn_detector *det) {
    return det->config.class_names;
}
float rn_detector_show_threshold(const rn_detector *det) {
    return (float)det->config.show_threshold;
}

const char *rn_detector_class_name(const rn_detector *det, int label) {
    return label >= 0 && (size_t)label < det->config.n_classes ? det->config.class_names[label]
                                                               : "?";
}

int64_t rn_detector_category_id(const rn_detector *det, int label) {
    return label >= 0 && (size_t)label < det->config.n_classes ? det->config.category_ids[label]
                                                               : -1;
}

/* Replace *block by one of at least `need` elements; what it held is not needed any more. */
static rn_status grow(void *block, size_t *cap, size_t need, size_t size) {
    void **memory = block;
    if (need <= *cap) return RN_OK;
    free(*memory);
    *memory = NULL;
    *cap = 0;
    RN_TRY(rn_alloc(memory, need, size));
    *cap = need;
    return RN_OK;
}

rn_status rn_detector_plan(rn_detector *det, int width, int height) {
    if (det->plan.graph && det->plan.shape[0].w == width && det->plan.shape[0].h == height)
        return RN_OK;
    rn_plan plan = {0};
    real *anchors = NULL;
    size_t count[RN_LEVELS];
    rn_status status;
    status = rn_plan_create(&plan, &det->network.graph, RN_INFERENCE, 1, height, width);
    if (status != RN_OK) goto fail;
    status = rn_network_anchors(&anchors, count, &det->network, &det->config, &plan);
    if (status != RN_OK) goto fail;
    /* From here on the old plan's memory may be gone: forget that plan, so that a failure leaves
     * none. */
    rn_plan_free(&det->plan);
    status =
        grow(&det->canvas, &det->canvas_cap, rn_shape_count(&plan.shape[0]), sizeof *det->canvas);
    if (status != RN_OK) goto fail;
    if ((status = grow(&det->arena, &det->arena_cap, plan.arena, sizeof(real))) != RN_OK) goto fail;
    status = grow(&det->scratch, &det->scratch_cap, rn_exec_reals(plan.scratch, det->threads),
                  sizeof(real));
    if (status != RN_OK) goto fail;
    det->exec = rn_exec_of(det->threads, det->scratch, plan.scratch);
    det->exec.isa = det->isa;
    free(det->anchors);
    det->anchors = anchors;
    for (int l = 0; l < RN_LEVELS; l++) det->count[l] = count[l];
    det->plan = plan;
    return RN_OK;
fail:
    free(anchors);
    rn_plan_free(&plan);
    return status;
}

static rn_run run_of(const rn_detector *det) {
    return (rn_run){.plan = &det->plan,
                    .exec = &det->exec,
                    .weights = det->weights,
                    .arena = det->arena,
                    .watch = det->watch};
}

void rn_detector_outputs(const rn_detector *det, rn_level_output levels[RN_LEVELS]) {
    const rn_run run = run_of(det);
    const real *anchors = det->anchors;
    for (int l = 0; l < RN_LEVELS; l++) {
        levels[l] = (rn_level_output){.logits = rn_run_value(&run, det->network.cls_logits[l]),
                                      .deltas = rn_run_value(&run, det->network.bbox_reg[l]),
                                      .anchors = anchors,
                                      .n_anchors = det->count[l]};
        anchors += 4 * det->count[l];
    }
}

rn_status rn_detector_forward(rn_detector *det, rn_box *out, size_t *n_out, int width, int height) {
    const rn_run run = run_of(det);
    const size_t n = rn_shape_count(&det->plan.shape[0]);
    real *input = rn_run_value(&run, 0);
    for (size_t i = 0; i < n; i++) input[i] = (real)det->canvas[i];
    rn_forward(&run);

    rn_level_output levels[RN_LEVELS];
    rn_detector_outputs(det, levels);
    return rn_postprocess_run(out, n_out, levels, RN_LEVELS, det->network.classes, width, height,
                              &det->postprocess, &det->candidates);
}

static int round_up(int side) {
    return (side + RN_SIZE_MULTIPLE - 1) / RN_SIZE_MULTIPLE * RN_SIZE_MULTIPLE;
}

static float clip(float value, float high) {
    return value < 0 ? 0 : value > high ? high : value;
}

rn_status rn_detector_run(rn_detector *det, const rn_image *image, rn_box *out, size_t cap,
                          size_t *n_out) {
    int w, h;
    size_t n = 0;
    *n_out = 0;
    if (!image->pixels || image->width < 1 || image->height < 1)
        return rn_fail(RN_EINVAL, "the image has no pixels");
    rn_geometry geometry = rn_model_config_geometry(&det->config);
    rn_geometry_size(&w, &h, &geometry, image->width, image->height);
    RN_TRY(rn_detector_plan(det, round_up(w), round_up(h)));
    const rn_crop all = {0, 0, image->width, image->height};
    RN_TRY(rn_resize_normalise(det->canvas, round_up(w), round_up(h), w, h, image, &all, false,
                               &geometry, &det->resizer));
    RN_TRY(rn_detector_forward(det, det->boxes, &n, w, h));
    if (n > cap) n = cap;
    const float sx = (float)image->width / (float)w, sy = (float)image->height / (float)h;
    for (size_t i = 0; i < n; i++) {
        rn_box b = det->boxes[i];
        b.x1 = clip(b.x1 * sx, (float)image->width);
        b.x2 = clip(b.x2 * sx, (float)image->width);
        b.y1 = clip(b.y1 * sy, (float)image->height);
        b.y2 = clip(b.y2 * sy, (float)image->height);
        out[i] = b;
    }
    *n_out = n;
    return RN_OK;
}
