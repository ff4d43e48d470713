#include "eval/coco_eval.h"
#include "eval/model_eval.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The weights to use: the average where there is one. */
static const real *weights_to_use(const rn_trainer *t) {
    return t->step.optimizer.ema ? t->step.optimizer.ema : t->weights;
}

/* One by one: a stage that is frozen has its parameters elsewhere in the trainer's block. */
static void give_weights(rn_detector *det, const rn_trainer *t) {
    const rn_param *from = t->network.graph.params, *to = rn_detector_graph(det)->params;
    const real *weights = weights_to_use(t);
    for (size_t i = 0; i < t->network.graph.n_params; i++)
        memcpy(rn_detector_weights(det) + to[i].offset, weights + from[i].offset,
               from[i].count * sizeof *weights);
}

/* Write best.safetensors with the weights to use and the configuration, whose show_threshold is the
 * best-F1 one. */
static rn_status save_best(rn_trainer *t, double threshold) {
    char *path = NULL;
    t->config.show_threshold = threshold;
    RN_TRY(rn_run_path(&path, &t->folder, "best.safetensors"));
    const rn_status status = rn_model_save(path, &t->config, &t->network.graph, weights_to_use(t));
    free(path);
    return status;
}

static void show_progress(void *trainer, const char *line) {
    const rn_trainer *t = trainer;
    if (t->hooks.progress) t->hooks.progress(t->hooks.context, line);
}

rn_status rn_trainer_validate(rn_trainer *t, double *ap, double *ap50) {
    rn_position *p = &t->position;
    rn_detector *det = NULL;
    rn_results results = {0};
    rn_evaluation evaluation = {0};
    const rn_hooks hooks = {.context = t,
                            .message = p->best_step == 0 ? rn_trainer_log_line : NULL, /* once */
                            .progress = show_progress};
    size_t bad;
    rn_status status;
    *ap = *ap50 = NAN;
    if (!t->has_val) { /* nothing to choose by: the last is the best */
        p->best_step = p->step;
        return save_best(t, t->config.show_threshold);
    }
    if ((status = rn_detector_create(&det, &t->config, t->threads, NULL)) != RN_OK) goto done;
    give_weights(det, t);
    if ((status = rn_detect_set(&results, &bad, det, &t->val, &hooks)) != RN_OK) goto done;
    if ((status = rn_evaluate(&evaluation, &t->val, &results, t->threads)) != RN_OK) goto done;
    *ap = evaluation.stats[0];
    *ap50 = evaluation.stats[1];
    if (p->best_step == 0 || *ap > p->best_ap) {
        p->best_step = p->step;
        p->best_ap = *ap;
        p->best_ap50 = *ap50;
        status = save_best(t, evaluation.curve.best_f1_score);
        if (status == RN_OK) status = rn_trainer_draw_val(t, &results);
    }
done:
    rn_evaluation_free(&evaluation);
    rn_results_free(&results);
    rn_detector_close(det);
    return status;
}
