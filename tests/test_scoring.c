/* Scores of several logits as log-odds, and the boxes that come of them. */
#include "detection/postprocess.h"
#include "suite.h"

#include <check.h>
#include <math.h>

static void assert_near(double got, double want) {
    ck_assert_msg(fabs(got - want) <= 1e-6 * fmax(1, fabs(want)), "got %.9g, want %.9g", got, want);
}

static double odds(double score) {
    return log(score / (1 - score));
}

START_TEST(logits_of_an_anchor) {
    ck_assert_int_eq(rn_scoring_logits(RN_SCORING_SIGMOID, 5), 5);
    ck_assert_int_eq(rn_scoring_logits(RN_SCORING_SOFTMAX, 5), 6);
    ck_assert_int_eq(rn_scoring_logits(RN_SCORING_OBJECTNESS, 1), 2);
}
END_TEST

static const float logits[2][3] = {{1, 2, 0.5f}, {-3, 0, 4}};

START_TEST(sigmoid_is_as_it_was) {
    float got[6];
    rn_scoring_log_odds(got, logits[0], 2, 3, RN_SCORING_SIGMOID, -INFINITY);
    ck_assert_mem_eq(got, logits, sizeof got);
}
END_TEST

START_TEST(softmax) {
    float got[2][2];
    rn_scoring_log_odds(got[0], logits[0], 2, 2, RN_SCORING_SOFTMAX, -INFINITY);
    for (int i = 0; i < 2; i++) {
        const double *e = (double[]){exp((double)logits[i][0]), exp((double)logits[i][1]),
                                     exp((double)logits[i][2])};
        for (int k = 0; k < 2; k++)
            assert_near((double)got[i][k], odds(e[k] / (e[0] + e[1] + e[2])));
    }
    assert_near((double)got[0][0], -1.2014132779827524); /* 1 - log(e^2 + e^.5) */
}
END_TEST

START_TEST(objectness) {
    float got[2][2];
    rn_scoring_log_odds(got[0], logits[0], 2, 2, RN_SCORING_OBJECTNESS, -INFINITY);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            assert_near((double)got[i][k], odds(1 / (1 + exp(-(double)logits[i][k])) /
                                                (1 + exp(-(double)logits[i][2]))));
}
END_TEST

/* What cannot reach the floor need not be known; what reaches it is. */
START_TEST(a_floor) {
    float all[4], got[4];
    for (int scoring = RN_SCORING_SOFTMAX; scoring <= RN_SCORING_OBJECTNESS; scoring++)
        for (int f = -40; f < 40; f++) {
            const float least = (float)f / 8;
            rn_scoring_log_odds(all, logits[0], 2, 2, (rn_scoring)scoring, -INFINITY);
            rn_scoring_log_odds(got, logits[0], 2, 2, (rn_scoring)scoring, least);
            for (int i = 0; i < 4; i++)
                ck_assert(got[i] == all[i] || (all[i] < least && got[i] == -INFINITY));
        }
}
END_TEST

START_TEST(far_logits) {
    const float far[4][2] = {{1e4f, -1e4f}, {-1e4f, 1e4f}, {1e4f, 1e4f}, {NAN, 0}};
    float got[4];
    rn_scoring_log_odds(got, far[0], 4, 1, RN_SCORING_SOFTMAX, -INFINITY);
    ck_assert(got[0] == 2e4f && got[1] == -2e4f && got[2] == 0 && isnan(got[3]));
    rn_scoring_log_odds(got, far[0], 4, 1, RN_SCORING_OBJECTNESS, -INFINITY);
    ck_assert(got[0] == -1e4f && got[1] == -1e4f && isnan(got[3]));
    assert_near((double)got[2], 1e4 - log(2));
    rn_scoring_log_odds(NULL, NULL, 0, 1, RN_SCORING_SOFTMAX, -INFINITY);
    ck_assert(isinf(rn_log_sum_exp(far[0], 1, 0)) && isinf(rn_log_sum_exp(far[0], 0, -1)));
}
END_TEST

/* Two anchors and two classes: the scores are the softmax, or objectness times class. */
static void check_boxes(rn_scoring scoring, const double want[4]) {
    const float anchors[2][4] = {{0, 0, 10, 10}, {20, 0, 30, 10}}, deltas[2][4] = {{0}};
    const rn_postprocess options = {.score_threshold = 0.0001f,
                                    .topk_candidates = 10,
                                    .nms_iou = 0.5,
                                    .max_detections = 10,
                                    .scoring = scoring};
    const rn_level_output level = {logits[0], deltas[0], anchors[0], 2};
    rn_candidates work = {0};
    rn_box box[10];
    size_t n;
    ck_assert_int_eq(rn_postprocess_run(box, &n, &level, 1, 2, 40, 20, &options, &work), RN_OK);
    ck_assert_uint_eq(n, 4);
    for (size_t i = 0; i < n; i++)
        assert_near((double)box[i].score, want[2 * (box[i].x1 > 15) + box[i].label]);
    rn_candidates_free(&work);
}

START_TEST(boxes) {
    check_boxes(RN_SCORING_SOFTMAX, (double[4]){0.231223897, 0.628531719, 0.000894679, 0.0179701});
    check_boxes(RN_SCORING_OBJECTNESS,
                (double[4]){0.455054225, 0.548260360, 0.0465729, 0.491006895});
}
END_TEST

int main(void) {
    Suite *suite = suite_create("scoring");
    TCase *tests = tcase_create("scoring");
    tcase_add_test(tests, logits_of_an_anchor);
    tcase_add_test(tests, sigmoid_is_as_it_was);
    tcase_add_test(tests, softmax);
    tcase_add_test(tests, objectness);
    tcase_add_test(tests, a_floor);
    tcase_add_test(tests, far_logits);
    tcase_add_test(tests, boxes);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
