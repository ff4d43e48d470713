/* The detection maths against torchvision: real numbers within 1e-5, decisions exactly. */
#include "base/file.h"
#include "detection/anchors.h"
#include "detection/matcher.h"
#include "detection/postprocess.h"
#include "parity_losses.h"
#include "suite.h"
#include "tiny_network.h"

/* Torch in float32 has no gradient where ours has one. */
START_TEST(focal_gradient_where_torch_has_none) {
    const rn_focal focal = {(real)0.5, -1};
    int nan[2];
    real dx;
    golden_few(nan, 2, golden_find("focal.float32.nan"));
    ck_assert(nan[0] && nan[1]);
    rn_focal_loss(&dx, 10000, true, &focal);
    ck_assert(dx == 0);
    rn_focal_loss(&dx, -10000, false, &focal);
    ck_assert(dx == 0);
}
END_TEST

/* ---- anchors ---- */

typedef struct anchors {
    int dims[12]; /* picture, then grids: height and width each */
    rn_anchor_spec spec;
} anchors;

static size_t copy_doubles(double *out, const rn_tensor *t) {
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(t->dtype, RN_F64);
    memcpy(out, t->data, t->count * sizeof *out);
    return t->count;
}

static anchors anchors_of(int i) {
    anchors a = {.spec = {.rounded = true}};
    golden_few(a.dims, 12, golden_find("anchor.%d.dims", i));
    ck_assert_uint_eq(copy_doubles(a.spec.sides, golden_find("anchor.%d.sides", i)), RN_LEVELS);
    a.spec.n_scales = (int)copy_doubles(a.spec.scales, golden_find("anchor.%d.scales", i));
    a.spec.n_ratios = (int)copy_doubles(a.spec.ratios, golden_find("anchor.%d.ratios", i));
    return a;
}

static size_t count_anchors(const anchors *a) {
    size_t n = 0;
    for (int l = 0; l < RN_LEVELS; l++)
        n += (size_t)a->dims[2 + 2 * l] * (size_t)a->dims[3 + 2 * l];
    return n * (size_t)rn_anchors_per_cell(&a->spec);
}

/* Level behind level; torchvision's stride is the picture's side by the grid's, in whole numbers.
 */
static real *make_anchors(const anchors *a) {
    real *out, *at;
    ck_assert_int_eq(rn_alloc(&out, count_anchors(a), 4 * sizeof *out), RN_OK);
    at = out;
    for (int l = 0; l < RN_LEVELS; l++) {
        const int h = a->dims[2 + 2 * l], w = a->dims[3 + 2 * l];
        rn_anchors_level(at, &a->spec, l, h, w, a->dims[0] / h, a->dims[1] / w);
        at += (size_t)h * (size_t)w * 4 * (size_t)rn_anchors_per_cell(&a->spec);
    }
    return out;
}

static int checksum(const real *corners, size_t n) {
    return (int)rn_crc32(0, corners, n * 4 * sizeof *corners);
}

/* All corners are whole numbers: they are equal, or their checksums are. */
START_TEST(anchors_of_every_size) {
    size_t total = 0;
    ck_assert_int_eq(golden_cases("anchor", "dims"), 7);
    for (int i = 0; i < 7; i++) {
        const anchors a = anchors_of(i);
        const size_t n = count_anchors(&a);
        const rn_tensor *stored = golden_find("anchor.%d.corners", i);
        real *corners = make_anchors(&a);
        int crc;
        if (stored) {
            int *want = golden_ints(NULL, stored);
            ck_assert_uint_eq(stored->count, 4 * n);
            for (size_t k = 0; k < 4 * n; k++)
                ck_assert_msg(corners[k] == (real)want[k],
                              "case %d, anchor %zu, corner %zu: %g, want %d", i, k / 4, k % 4,
                              (double)corners[k], want[k]);
            free(want);
        }
        golden_few(&crc, 1, golden_find("anchor.%d.crc32", i));
        ck_assert_msg(checksum(corners, n) == crc, "case %d: other anchors", i);
        total += n;
        free(corners);
    }
    printf("anchors: %zu of 7 pictures, all equal\n", total);
}
END_TEST

/* The same of a network and its plan, where the grids are those that they have. */
START_TEST(anchors_of_a_network) {
    rn_model_config config = tiny_config();
    config.anchor_offset = 0;
    config.anchor_rounded = true;
    rn_network network = tiny_network(&config);
    for (int i = 0; i < 5; i++) {
        const anchors a = anchors_of(i);
        size_t count[RN_LEVELS], n = 0;
        real *corners;
        rn_plan plan;
        int crc;
        ck_assert_int_eq(
            rn_plan_create(&plan, &network.graph, RN_INFERENCE, 1, a.dims[0], a.dims[1]), RN_OK);
        ck_assert_int_eq(rn_network_anchors(&corners, count, &network, &config, &plan), RN_OK);
        for (int l = 0; l < RN_LEVELS; l++) n += count[l];
        ck_assert_uint_eq(n, count_anchors(&a));
        golden_few(&crc, 1, golden_find("anchor.%d.crc32", i));
        ck_assert_msg(checksum(corners, n) == crc, "case %d: other anchors", i);
        free(corners);
        rn_plan_free(&plan);
    }
    rn_network_free(&network);
    rn_model_config_free(&config);
}
END_TEST

/* ---- matcher ---- */

typedef struct scene {
    real *boxes, *anchors;
    size_t n_boxes, n_anchors;
    int *want, *match; /* torchvision's, ours */
} scene;

static scene scene_open(int i, bool low_quality) {
    const rn_matcher matcher = {(real)0.5, (real)0.4, low_quality};
    scene s = {0};
    real *iou, *best;
    size_t n;
    s.boxes = golden_reals(&s.n_boxes, golden_find("match.%d.boxes", i));
    s.anchors = golden_reals(&s.n_anchors, golden_find("match.%d.anchors", i));
    s.n_boxes /= 4;
    s.n_anchors /= 4;
    s.want = golden_ints(&n, golden_find("match.%d.%s", i, low_quality ? "low_quality" : "plain"));
    ck_assert_uint_eq(n, s.n_anchors);
    ck_assert_int_eq(rn_alloc(&s.match, n, sizeof *s.match), RN_OK);
    ck_assert_int_eq(rn_alloc(&iou, n, sizeof *iou), RN_OK);
    ck_assert_int_eq(rn_alloc(&best, s.n_boxes, sizeof *best), RN_OK);
    rn_match(s.match, iou, best, s.anchors, n, s.boxes, NULL, s.n_boxes, &matcher);
    free(iou);
    free(best);
    return s;
}

static void scene_close(scene *s) {
    free(s->boxes);
    free(s->anchors);
    free(s->want);
    free(s->match);
}

enum { SCENES = 7, NO_BOXES = 5, EXCEPTION = 6 };

START_TEST(matcher) {
    size_t kinds[3] = {0}; /* positive, background, ignored */
    ck_assert_int_eq(golden_cases("match", "plain"), SCENES);
    for (int i = 0; i < 2 * SCENES; i++) {
        if (i / 2 == EXCEPTION && i % 2) continue;
        scene s = scene_open(i / 2, i % 2);
        ck_assert((s.n_boxes == 0) == (i / 2 == NO_BOXES));
        for (size_t k = 0; k < s.n_anchors; k++) {
            ck_assert_msg(s.match[k] == s.want[k], "scene %d, anchor %zu: got %d, want %d", i / 2,
                          k, s.match[k], s.want[k]);
            kinds[s.want[k] >= 0 ? 0 : -s.want[k]]++;
        }
        scene_close(&s);
    }
    for (int k = 0; k < 3; k++) ck_assert_uint_gt(kinds[k], 30);
    printf("matcher: %zu positive, %zu background, %zu ignored, all equal\n", kinds[0], kinds[1],
           kinds[2]);
}
END_TEST

/* The one difference that there is to be. Box 1 overlaps no anchor, so its best IoU is 0 and every
 * anchor ties for it: in torchvision all four are positive for their own best box, which is box 0
 * even for those that touch nothing. Ours: anchor 0 alone. */
START_TEST(a_box_that_nothing_overlaps) {
    static const int torchvision[] = {0, 0, 0, 0}, ours[] = {0, -1, -1, -1};
    scene s = scene_open(EXCEPTION, true);
    ck_assert_uint_eq(s.n_anchors, 4);
    for (size_t i = 0; i < s.n_anchors; i++) {
        ck_assert(rn_iou(s.boxes + 4, s.anchors + 4 * i) == 0);
        ck_assert_int_eq(s.want[i], torchvision[i]);
        ck_assert_int_eq(s.match[i], ours[i]);
    }
    scene_close(&s);
}
END_TEST

/* ---- suppression ---- */

enum { MOST = 64, CLASSES = 4 };

typedef struct rivals {
    real *boxes, *logits;
    int *labels;
    size_t n;
    real pairs[MOST * CLASSES],
        deltas[MOST * 4]; /* as heads give them: the boxes are the anchors */
} rivals;

static void rivals_open(rivals *r, int i) {
    memset(r, 0, sizeof *r);
    r->boxes = golden_reals(NULL, golden_find("nms.%d.boxes", i));
    r->logits = golden_reals(NULL, golden_find("nms.%d.logits", i));
    r->labels = golden_ints(&r->n, golden_find("nms.%d.labels", i));
    ck_assert_uint_le(r->n, MOST);
    for (size_t k = 0; k < MOST * CLASSES; k++) r->pairs[k] = -INFINITY;
    for (size_t k = 0; k < r->n; k++) r->pairs[k * CLASSES + (size_t)r->labels[k]] = r->logits[k];
}

/* Compare what stays with the list `kept` of torchvision. */
static void check_kept(const rivals *r, double iou, rn_nms_mode mode, const rn_tensor *kept) {
    const rn_postprocess options = {
        .topk_candidates = MOST, .nms_iou = iou, .max_detections = MOST, .nms = mode};
    const rn_level_output level = {
        .logits = r->pairs, .deltas = r->deltas, .anchors = r->boxes, .n_anchors = r->n};
    rn_candidates work = {0};
    rn_box out[MOST];
    size_t n, n_kept;
    int *want = golden_ints(&n_kept, kept);
    ck_assert_int_eq(rn_postprocess_run(out, &n, &level, 1, CLASSES, 1000, 1000, &options, &work),
                     RN_OK);
    ck_assert_msg(n == n_kept, "%s: %zu boxes stay, want %zu", kept->name, n, n_kept);
    for (size_t k = 0; k < n; k++) {
        const real *box = r->boxes + 4 * want[k];
        ck_assert_msg(out[k].x1 == box[0] && out[k].y1 == box[1] && out[k].x2 == box[2] &&
                          out[k].y2 == box[3] && out[k].label == r->labels[want[k]],
                      "%s: place %zu is not box %d", kept->name, k, want[k]);
    }
    free(want);
    rn_candidates_free(&work);
}

START_TEST(suppression) {
    size_t n_thresholds, stayed = 0, all = 0;
    double thresholds[8];
    static rivals r;
    n_thresholds = copy_doubles(thresholds, golden_find("nms.thresholds"));
    ck_assert_uint_eq(n_thresholds, 6);
    ck_assert_int_eq(golden_cases("nms", "boxes"), 5);
    for (int i = 0; i < 5; i++) {
        rivals_open(&r, i);
        for (size_t j = 0; j < n_thresholds; j++) {
            const rn_tensor *any = golden_find("nms.%d.all.%zu", i, j);
            check_kept(&r, thresholds[j], RN_NMS_AGNOSTIC, any);
            check_kept(&r, thresholds[j], RN_NMS_CLASS, golden_find("nms.%d.class.%zu", i, j));
            stayed += any->count;
            all += r.n;
        }
        free(r.boxes);
        free(r.logits);
        free(r.labels);
    }
    ck_assert(2 * stayed > all / 2 && stayed < all);
    printf("suppression: %zu of %zu boxes stay, the same ones in the same order\n", stayed, all);
}
END_TEST

/* Two levels with 150 and 36 pairs: threshold, the 40 best of a level, decoding, clipping,
 * suppression within a class, the 30 best. */
START_TEST(from_heads_to_boxes) {
    enum { LEVELS = 2, KEPT = 30 };
    const rn_postprocess options = {.score_threshold = (real)0.05,
                                    .topk_candidates = 40,
                                    .nms_iou = 0.5,
                                    .max_detections = KEPT,
                                    .nms = RN_NMS_CLASS};
    rn_level_output levels[LEVELS];
    rn_candidates work = {0};
    rn_box out[KEPT];
    real *owned[3 * LEVELS], corners[4 * KEPT], scores[KEPT];
    double worst[2] = {0};
    size_t n;
    int labels[KEPT];
    for (int l = 0; l < LEVELS; l++) {
        real **own = owned + 3 * l;
        own[0] = golden_reals(&n, golden_find("post.%d.anchors", l));
        own[1] = golden_reals(NULL, golden_find("post.%d.logits", l));
        own[2] = golden_reals(NULL, golden_find("post.%d.deltas", l));
        levels[l] = (rn_level_output){
            .anchors = own[0], .logits = own[1], .deltas = own[2], .n_anchors = n / 4};
    }
    ck_assert_int_eq(rn_postprocess_run(out, &n, levels, LEVELS, 3, 240, 200, &options, &work),
                     RN_OK);
    ck_assert_uint_eq(n, KEPT);
    golden_few(labels, KEPT, golden_find("post.labels"));
    for (size_t i = 0; i < n; i++) {
        const real box[4] = {out[i].x1, out[i].y1, out[i].x2, out[i].y2};
        memcpy(corners + 4 * i, box, sizeof box);
        scores[i] = out[i].score;
        ck_assert_int_eq(out[i].label, labels[i]);
    }
    golden_compare(&worst[0], corners, 4 * n, golden_find("post.boxes"), tolerance);
    golden_compare(&worst[1], scores, n, golden_find("post.scores"), tolerance);
    printf("heads to boxes: corners %.1e, scores %.1e\n", worst[0], worst[1]);
    for (int k = 0; k < 3 * LEVELS; k++) free(owned[k]);
    rn_candidates_free(&work);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("parity of detection");
    TCase *tests = tcase_create("decisions");
    tcase_add_checked_fixture(tests, open_file, golden_close);
    tcase_add_test(tests, focal_gradient_where_torch_has_none);
    tcase_add_test(tests, anchors_of_every_size);
    tcase_add_test(tests, anchors_of_a_network);
    tcase_add_test(tests, matcher);
    tcase_add_test(tests, a_box_that_nothing_overlaps);
    tcase_add_test(tests, suppression);
    tcase_add_test(tests, from_heads_to_boxes);
    suite_add_tcase(suite, losses_case());
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
