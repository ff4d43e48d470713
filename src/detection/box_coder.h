/* box_coder.h: boxes as (dx, dy, dw, dh) relative to an anchor (Girshick et al., arXiv:1311.2524,
 * appendix C; weights 1). */
#ifndef RN_DETECTION_BOX_CODER_H
#define RN_DETECTION_BOX_CODER_H

#include "base/real.h"

/* delta = ((cx - ax)/aw, (cy - ay)/ah, log(w/aw), log(h/ah)) */
void rn_box_encode(real delta[4], const real box[4], const real anchor[4]);
/* The inverse; dw and dh are clamped to log(1000/16) first. */
void rn_box_decode(real box[4], const real delta[4], const real anchor[4]);
/* ddelta (written, not added) from dbox. Over the clamp the box does not depend on dw or dh: the
 * derivative is 0. */
void rn_box_decode_backward(real ddelta[4], const real dbox[4], const real delta[4],
                            const real anchor[4]);

#endif
