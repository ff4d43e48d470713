/* ohem.h: online hard example mining: the loss counts on the hardest examples of a picture alone
 * (Shrivastava et al., arXiv:1604.03540; as a rival of focal loss [1], section 5.1). */
#ifndef RN_DETECTION_OHEM_H
#define RN_DETECTION_OHEM_H

#include "base/real.h"
#include "base/status.h"

typedef struct rn_ohem {
    int batch;    /* examples kept of a picture, at most; 128, 256, 512 */
    real nms_iou; /* an example that overlaps a harder one that was kept by more is left out; .5, .7
                   */
    bool ratio;   /* one foreground example to three of the background: at most a quarter of `batch`
                     of the first, then at most three times as many of the other, and three where
                     there is no foreground */
} rn_ohem;

/* chosen [n_anchors] = match where the anchor is kept, RN_MATCH_IGNORE elsewhere. Anchors are taken
 * by falling loss, ties to the lower one; those that match ignores never. With `ratio` first the
 * foreground, then the background. anchors [n_anchors, 4]; loss [n_anchors], NaN ranks first.
 * Workspace: order [n_anchors], kept [batch]. Returns the number kept. */
size_t rn_ohem_choose(int *chosen, const real *loss, const int *match, const real *anchors,
                      size_t n_anchors, const rn_ohem *ohem, size_t *order, size_t *kept);

#endif
