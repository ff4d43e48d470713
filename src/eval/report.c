/* Evaluation as programs ask for it: from files to a report that stands on its own. */
#include "base/file.h"
#include "base/memory.h"
#include "base/threads.h"
#include "eval/coco_eval.h"
#include "eval/confusion.h"
#include "eval/model_eval.h"

#include <stdlib.h>
#include <string.h>

void rn_report_free(rn_report *report) {
    for (size_t i = 0; i < report->n_classes; i++) free(report->classes[i].name);
    free(report->classes);
    free(report->confusion);
    free(report->points);
    *report = (rn_report){0};
}

static rn_status copy_classes(rn_report *out, const rn_evaluation *evaluation) {
    RN_TRY(rn_alloc(&out->classes, evaluation->n_classes, sizeof *out->classes));
    out->n_classes = evaluation->n_classes;
    for (size_t i = 0; i < out->n_classes; i++) {
        const rn_class_metrics *m = &evaluation->per_class[i];
        out->classes[i] = (rn_class_report){.category_id = m->category_id,
                                            .ap = m->ap,
                                            .ap50 = m->ap50,
                                            .voc_ap = m->voc_ap,
                                            .voc07_ap = m->voc07_ap,
                                            .curve = m->curve};
        RN_TRY(rn_strdup(&out->classes[i].name, m->name));
    }
    return RN_OK;
}

static rn_status report(rn_report *out, const rn_dataset *truth, const rn_results *results,
                        const rn_evaluate_options *options) {
    rn_threads *threads = NULL;
    rn_evaluation evaluation = {0};
    rn_status status =
        rn_threads_create(&threads, options->threads > 0 ? options->threads : rn_threads_default());
    if (status != RN_OK) return status;
    if ((status = rn_evaluate(&evaluation, truth, results, threads)) != RN_OK) goto done;
    *out = (rn_report){.voc_ap = evaluation.voc_ap,
                       .voc07_ap = evaluation.voc07_ap,
                       .n_images = truth->n_records,
                       .n_objects = truth->n_objects,
                       .n_detections = results->n,
                       .n_unknown = results->n_unknown_category,
                       .curve = evaluation.curve,
                       .points = evaluation.points};
    evaluation.points = NULL; /* they are the report's now */
    memcpy(out->stats, evaluation.stats, sizeof out->stats);
    out->confusion_score = options->score >= 0 ? options->score : out->curve.best_f1_score;
    if ((status = copy_classes(out, &evaluation)) != RN_OK) goto done;
    if (options->confusion)
        status = rn_confusion(&out->confusion, truth, results, out->confusion_score);
done:
    rn_evaluation_free(&evaluation);
    rn_threads_free(threads);
    if (status != RN_OK) rn_report_free(out);
    return status;
}

/* What differs from the reference, or would surprise, said once. */
static void tell_of_files(const rn_hooks *hooks, const rn_dataset *truth, const rn_results *results,
                          bool is_coco) {
    if (results->n_unknown_category > 0)
        rn_tell(hooks, "%zu detections of categories that the truth has not: ignored",
                results->n_unknown_category);
    for (size_t i = 0; is_coco && i < truth->n_objects; i++)
        if (truth->objects[i].id == 0) {
            rn_tell(hooks,
                    "annotation id 0: matched like any other (the reference code never counts "
                    "it as found)");
            return;
        }
}

static const rn_evaluate_options *or_default(const rn_evaluate_options *options) {
    static const rn_evaluate_options defaults = RN_EVALUATE_OPTIONS_DEFAULT;
    return options ? options : &defaults;
}

rn_status rn_evaluate_files(rn_report *out, const char *truth_path, const char *detections,
                            const rn_evaluate_options *options, const rn_hooks *hooks) {
    rn_dataset truth = {0};
    rn_results results = {0};
    rn_status status;
    *out = (rn_report){0};
    options = or_default(options);
    const bool is_folder = rn_path_is_folder(truth_path);
    status = is_folder ? rn_dataset_open(&truth, truth_path, options->split, RN_SPLIT_VAL)
                       : rn_coco_read(&truth, truth_path);
    if (status != RN_OK || (status = rn_results_read(&results, detections, &truth)) != RN_OK)
        goto done;
    rn_dataset_tell_notes(&truth, hooks);
    tell_of_files(hooks, &truth, &results, !is_folder);
    status = report(out, &truth, &results, options);
done:
    rn_results_free(&results);
    rn_dataset_free(&truth);
    return status;
}

static int64_t largest_id(const rn_dataset *set) {
    int64_t largest = INT64_MIN;
    for (size_t i = 0; i < set->n_classes; i++)
        if (set->category_ids[i] > largest) largest = set->category_ids[i];
    return largest;
}

/* Those of the set's own categories. A class that it lacks was given an id behind its largest,
 * which may be another's in the file's next truth. */
static rn_status write_results(const char *path, const rn_results *results, int64_t largest) {
    rn_results known = {0};
    RN_TRY(rn_alloc(&known.rows, results->n, sizeof *known.rows));
    for (size_t i = 0; i < results->n; i++)
        if (results->rows[i].category_id <= largest) known.rows[known.n++] = results->rows[i];
    const rn_status status = rn_results_write(path, &known);
    rn_results_free(&known);
    return status;
}

rn_status rn_evaluate_model(rn_report *out, const char *model, const char *data,
                            const rn_evaluate_options *options, const rn_hooks *hooks) {
    rn_detector_options detecting = {.score_threshold = -1, .hooks = hooks};
    rn_dataset truth = {0};
    rn_results results = {0};
    rn_detector *det = NULL;
    size_t n_bad = 0;
    int64_t largest = 0;
    rn_status status;
    *out = (rn_report){0};
    options = or_default(options);
    detecting.threads = options->threads;
    detecting.set = options->set;
    detecting.isa = options->isa;
    if ((status = rn_detector_open(&det, model, &detecting)) != RN_OK ||
        (status = rn_dataset_open(&truth, data, options->split, RN_SPLIT_VAL)) != RN_OK)
        goto done;
    largest = largest_id(&truth);
    if ((status = rn_dataset_match_classes(&truth, rn_detector_class_names(det),
                                           rn_detector_classes(det))) != RN_OK)
        goto done;
    rn_dataset_tell_notes(&truth, hooks);
    if ((status = rn_detect_set(&results, &n_bad, det, &truth, hooks)) != RN_OK) goto done;
    rn_detector_close(det); /* its threads and memory make room for the evaluation's */
    det = NULL;
    if (options->results && (status = write_results(options->results, &results, largest)) != RN_OK)
        goto done;
    status = report(out, &truth, &results, options);
    if (status == RN_OK) out->n_bad = n_bad;
done:
    rn_detector_close(det);
    rn_results_free(&results);
    rn_dataset_free(&truth);
    return status;
}
