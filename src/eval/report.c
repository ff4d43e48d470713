/* Evaluation as programs ask for it: from files to a report that stands on its own. */
#include "base/memory.h"
#include "base/threads.h"
#include "eval/coco_eval.h"
#include "eval/model_eval.h"

#include <stdlib.h>
#include <string.h>

void rn_report_free(rn_report *report) {
    for (size_t i = 0; i < report->n_classes; i++) free(report->classes[i].name);
    free(report->classes);
    *report = (rn_report){0};
}

static rn_status copy_classes(rn_report *out, const rn_evaluation *evaluation) {
    RN_TRY(rn_alloc(&out->classes, evaluation->n_classes, sizeof *out->classes));
    out->n_classes = evaluation->n_classes;
    for (size_t i = 0; i < out->n_classes; i++) {
        const rn_class_metrics *m = &evaluation->per_class[i];
        out->classes[i] =
            (rn_class_report){.category_id = m->category_id, .ap = m->ap, .ap50 = m->ap50};
        RN_TRY(rn_strdup(&out->classes[i].name, m->name));
    }
    return RN_OK;
}

static rn_status report(rn_report *out, const rn_dataset *truth, const rn_results *results,
                        rn_threads *threads) {
    rn_evaluation evaluation;
    RN_TRY(rn_evaluate(&evaluation, truth, results, threads));
    *out = (rn_report){.n_images = truth->n_records,
                       .n_objects = truth->n_objects,
                       .n_detections = results->n,
                       .n_unknown = results->n_unknown_category,
                       .best_f1 = evaluation.best_f1,
                       .best_f1_score = evaluation.best_f1_score};
    memcpy(out->stats, evaluation.stats, sizeof out->stats);
    const rn_status status = copy_classes(out, &evaluation);
    rn_evaluation_free(&evaluation);
    if (status != RN_OK) rn_report_free(out);
    return status;
}

/* What differs from the reference, or would surprise, said once. */
static void tell_of_files(const rn_hooks *hooks, const rn_dataset *truth,
                          const rn_results *results) {
    if (results->n_unknown_category > 0)
        rn_tell(hooks, "%zu detections of categories that the truth has not: ignored",
                results->n_unknown_category);
    for (size_t i = 0; i < truth->n_objects; i++)
        if (truth->objects[i].id == 0) {
            rn_tell(hooks,
                    "annotation id 0: matched like any other (the reference code never counts "
                    "it as found)");
            return;
        }
}

rn_status rn_evaluate_files(rn_report *out, const char *truth_path, const char *detections,
                            int n_threads, const rn_hooks *hooks) {
    rn_dataset truth = {0};
    rn_results results = {0};
    rn_threads *threads = NULL;
    rn_status status;
    *out = (rn_report){0};
    status = rn_threads_create(&threads, n_threads > 0 ? n_threads : rn_threads_default());
    if (status != RN_OK || (status = rn_coco_read(&truth, truth_path)) != RN_OK ||
        (status = rn_results_read(&results, detections, &truth)) != RN_OK)
        goto done;
    rn_dataset_tell_notes(&truth, hooks);
    tell_of_files(hooks, &truth, &results);
    status = report(out, &truth, &results, threads);
done:
    rn_results_free(&results);
    rn_dataset_free(&truth);
    rn_threads_free(threads);
    return status;
}

rn_status rn_evaluate_model(rn_report *out, const char *model, const char *data, const char *split,
                            int n_threads, const rn_hooks *hooks) {
    const rn_detector_options options = {
        .threads = n_threads, .score_threshold = -1, .hooks = hooks};
    rn_dataset truth = {0};
    rn_results results = {0};
    rn_detector *det = NULL;
    rn_threads *threads = NULL;
    size_t n_bad = 0;
    rn_status status;
    *out = (rn_report){0};
    if ((status = rn_detector_open(&det, model, &options)) != RN_OK ||
        (status = rn_dataset_open(&truth, data, split, RN_SPLIT_VAL)) != RN_OK ||
        (status = rn_dataset_match_classes(&truth, rn_detector_class_names(det),
                                           rn_detector_classes(det))) != RN_OK)
        goto done;
    rn_dataset_tell_notes(&truth, hooks);
    if ((status = rn_detect_set(&results, &n_bad, det, &truth, hooks)) != RN_OK) goto done;
    rn_detector_close(det); /* its threads and memory make room for the evaluation's */
    det = NULL;
    status = rn_threads_create(&threads, n_threads > 0 ? n_threads : rn_threads_default());
    if (status == RN_OK) status = report(out, &truth, &results, threads);
    if (status == RN_OK) out->n_bad = n_bad;
done:
    rn_detector_close(det);
    rn_results_free(&results);
    rn_dataset_free(&truth);
    rn_threads_free(threads);
    return status;
}
