/* The reference code's own numbers: 40 random sets and the demonstration of the COCO API; of the
 * same sets what tests/golden/curves.py makes of them; and the same bits with any number of
 * threads. */
#include "base/file.h"
#include "eval/coco_eval.h"
#include "eval/confusion.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 40 };

static rn_dataset truth;
static rn_results results;
static rn_evaluation e;

static void release(void) {
    rn_evaluation_free(&e);
    rn_results_free(&results);
    rn_dataset_free(&truth);
}

/* The text of a shared file, NULL (and a line that says so) where it is missing. */
static char *shared_text(const char *name) {
    char path[512];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", RN_SHARED, name);
    if (!rn_path_exists(path)) {
        printf("skipped: %s is missing\n", path);
        return NULL;
    }
    ck_assert_msg(rn_file_read(&bytes, &size, path, 1 << 24) == RN_OK, "%s", rn_error_text());
    return (char *)bytes;
}

static void evaluate(const char *truth_name, const char *results_name, rn_threads *threads) {
    char path[512];
    release();
    snprintf(path, sizeof path, "%s/%s", RN_SHARED, truth_name);
    ck_assert_msg(rn_coco_read(&truth, path) == RN_OK, "%s", rn_error_text());
    snprintf(path, sizeof path, "%s/%s", RN_SHARED, results_name);
    ck_assert_msg(rn_results_read(&results, path, &truth) == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(rn_evaluate(&e, &truth, &results, threads), RN_OK);
}

static void evaluate_set(int set, rn_threads *threads) {
    char gt[64], dt[64];
    snprintf(gt, sizeof gt, "golden/coco_eval/set%02d_gt.json", set);
    snprintf(dt, sizeof dt, "golden/coco_eval/set%02d_dt.json", set);
    evaluate(gt, dt, threads);
}

/* Where `text` goes on behind `what`. */
static const char *behind(const char *text, const char *what) {
    const char *at = strstr(text, what);
    ck_assert_msg(at != NULL, "%s is missing", what);
    return at + strlen(what);
}

static void check_stats(const char *text, const char *name, double tolerance) {
    const char *at = behind(text, "\"stats\": [");
    for (int i = 0; i < RN_COCO_STATS; i++) {
        char *end;
        const double want = strtod(at, &end);
        ck_assert_ptr_ne(end, at);
        ck_assert_msg(fabs(e.stats[i] - want) <= tolerance, "%s, stat %d: %.17g, want %.17g", name,
                      i, e.stats[i], want);
        at = end + strspn(end, ", \n");
    }
    ck_assert_int_eq(*at, ']');
}

static void check_classes(const char *text, const char *name) {
    const char *at = behind(text, "\"per_class\": [");
    for (size_t k = 0; k < e.n_classes; k++) {
        at = behind(at, "\"category_id\": ");
        const long long id = strtoll(at, NULL, 10);
        const double want = strtod(behind(at, "\"AP\": "), NULL);
        ck_assert_int_eq(e.per_class[k].category_id, id);
        ck_assert_msg(fabs(e.per_class[k].ap - want) <= 1e-12, "%s, class %lld: %.17g, want %.17g",
                      name, id, e.per_class[k].ap, want);
    }
    const char *more = strstr(at, "category_id"), *end = strchr(at, ']');
    ck_assert(end && (!more || more > end)); /* no class of the reference is left */
}

START_TEST(the_references_forty_sets) {
    char *text = shared_text("golden/coco_eval/expected.json");
    if (!text) return;
    for (int set = 0; set < SETS; set++) {
        char name[16];
        snprintf(name, sizeof name, "\"set%02d\"", set);
        const char *at = behind(text, name);
        evaluate_set(set, NULL);
        check_stats(at, name, 1e-12);
        check_classes(at, name);
    }
    free(text);
}
END_TEST

/* The number behind the next `key`, from *at on, which moves there. */
static double next_number(const char **at, const char *key) {
    char *end, quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    *at = behind(*at, quoted);
    const double value = strtod(*at, &end);
    ck_assert_ptr_ne(end, *at);
    return value;
}

static void check_number(const char *set, const char *what, double got, double want) {
    ck_assert_msg(fabs(got - want) <= 1e-12, "%s, %s: %.17g, want %.17g", set, what, got, want);
}

static void check_curve(const char **at, const char *set, const rn_curve *curve) {
    check_number(set, "F1", curve->best_f1, next_number(at, "best_f1"));
    check_number(set, "threshold", curve->best_f1_score, next_number(at, "best_f1_score"));
}

static void check_confusion(const char *at, const char *set) {
    size_t *matrix;
    const size_t n = (e.n_classes + 1) * (e.n_classes + 1);
    ck_assert_int_eq(rn_confusion(&matrix, &truth, &results, e.curve.best_f1_score), RN_OK);
    at = behind(at, "\"confusion\": [");
    for (size_t i = 0; i < n; i++) {
        char *end;
        ck_assert_msg(matrix[i] == strtoul(at, &end, 10), "%s, cell %zu: %zu, want %.12s", set, i,
                      matrix[i], at);
        at = end + strspn(end, ", ");
    }
    ck_assert_int_eq(*at, ']');
    free(matrix);
}

START_TEST(curves_and_confusions_of_the_forty_sets) {
    uint8_t *text;
    size_t size;
    char *shared = shared_text("golden/coco_eval/expected.json");
    if (!shared) return;
    free(shared);
    ck_assert_msg(rn_file_read(&text, &size, RN_TESTS "/golden/curves.json", 1 << 24) == RN_OK,
                  "%s", rn_error_text());
    for (int set = 0; set < SETS; set++) {
        char name[16];
        snprintf(name, sizeof name, "\"set%02d\"", set);
        const char *at = behind((char *)text, name);
        evaluate_set(set, NULL);
        for (size_t k = 0; k < e.n_classes; k++) {
            const rn_class_metrics *m = &e.per_class[k];
            ck_assert_int_eq(m->category_id, (int64_t)next_number(&at, "category_id"));
            check_number(name, "VOC AP", m->voc_ap, next_number(&at, "VOC_AP"));
            check_number(name, "VOC07 AP", m->voc07_ap, next_number(&at, "VOC07_AP"));
            check_curve(&at, name, &m->curve);
        }
        check_curve(&at, name, &e.curve);
        check_confusion(at, name);
    }
    free(text);
}
END_TEST

START_TEST(the_demonstration_of_the_coco_api) {
    char *text = shared_text("datasets/coco_val2014_100/expected.json");
    if (!text) return;
    evaluate("datasets/coco_val2014_100/instances_val2014_100.json",
             "datasets/coco_val2014_100/instances_val2014_fakebbox100_results.json", NULL);
    check_stats(text, "demonstration", 1e-9);
    free(text);
}
END_TEST

static void same_curve(const rn_curve *a, const rn_curve *b) {
    ck_assert_uint_eq(a->n, b->n);
    ck_assert_uint_eq(a->n_objects, b->n_objects);
    ck_assert(a->best_f1 == b->best_f1 && a->best_f1_score == b->best_f1_score);
    ck_assert_mem_eq(a->points, b->points, a->n * sizeof *a->points);
}

/* Everything an evaluation gives, against `kept` where it is not empty. */
static void keep_or_compare(rn_evaluation *kept) {
    if (!kept->per_class) {
        *kept = e;
        e = (rn_evaluation){0};
        return;
    }
    ck_assert_mem_eq(e.stats, kept->stats, sizeof e.stats);
    ck_assert_uint_eq(e.n_classes, kept->n_classes);
    for (size_t k = 0; k < e.n_classes; k++) {
        ck_assert(e.per_class[k].ap == kept->per_class[k].ap);
        ck_assert(e.per_class[k].ap50 == kept->per_class[k].ap50);
        ck_assert(e.per_class[k].recall == kept->per_class[k].recall);
    }
    const size_t bytes = e.n_classes * RN_EVAL_RECALLS * sizeof *e.precision50;
    ck_assert_mem_eq(e.precision50, kept->precision50, bytes);
    for (size_t k = 0; k < e.n_classes; k++) {
        ck_assert(e.per_class[k].voc_ap == kept->per_class[k].voc_ap);
        ck_assert(e.per_class[k].voc07_ap == kept->per_class[k].voc07_ap);
        same_curve(&e.per_class[k].curve, &kept->per_class[k].curve);
    }
    ck_assert(e.voc_ap == kept->voc_ap && e.voc07_ap == kept->voc07_ap);
    same_curve(&e.curve, &kept->curve);
}

START_TEST(threads_change_no_number) {
    char *text = shared_text("golden/coco_eval/expected.json");
    if (!text) return;
    free(text);
    for (int set = 0; set < SETS; set += 7) {
        rn_evaluation kept = {0};
        for (int count = 1; count <= 4; count *= 2) {
            rn_threads *threads;
            ck_assert_int_eq(rn_threads_create(&threads, count), RN_OK);
            evaluate_set(set, threads);
            rn_threads_free(threads);
            keep_or_compare(&kept);
        }
        rn_evaluation_free(&kept);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("coco_golden");
    TCase *tests = tcase_create("coco_golden");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, release);
    tcase_add_test(tests, the_references_forty_sets);
    tcase_add_test(tests, curves_and_confusions_of_the_forty_sets);
    tcase_add_test(tests, the_demonstration_of_the_coco_api);
    tcase_add_test(tests, threads_change_no_number);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
