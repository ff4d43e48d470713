#include "detection/box_coder.h"

/* log(1000 / 16): exp of a larger one would make boxes of thousands of pixels out of one bad
 * number. */
static const double max_log_scale = 4.135166556742356;

void rn_box_encode(real delta[4], const real box[4], const real anchor[4]) {
    const real aw = anchor[2] - anchor[0], ah = anchor[3] - anchor[1];
    const real w = box[2] - box[0], h = box[3] - box[1];
    delta[0] = (box[0] + w / 2 - (anchor[0] + aw / 2)) / aw;
    delta[1] = (box[1] + h / 2 - (anchor[1] + ah / 2)) / ah;
    delta[2] = log(w / aw);
    delta[3] = log(h / ah);
}

void rn_box_decode(real box[4], const real delta[4], const real anchor[4]) {
    const real aw = anchor[2] - anchor[0], ah = anchor[3] - anchor[1];
    const real limit = (real)max_log_scale;
    const real cx = anchor[0] + aw / 2 + delta[0] * aw, cy = anchor[1] + ah / 2 + delta[1] * ah;
    /* a NaN is not > limit and stays one */
    const real w = aw * exp(delta[2] > limit ? limit : delta[2]);
    const real h = ah * exp(delta[3] > limit ? limit : delta[3]);
    box[0] = cx - w / 2;
    box[1] = cy - h / 2;
    box[2] = cx + w / 2;
    box[3] = cy + h / 2;
}

/* d(x1, x2)/d(dx) = (aw, aw), d(x1, x2)/d(dw) = (-w/2, w/2) */
void rn_box_decode_backward(real ddelta[4], const real dbox[4], const real delta[4],
                            const real anchor[4]) {
    const real limit = (real)max_log_scale;
    for (int i = 0; i < 2; i++) {
        const real side = anchor[i + 2] - anchor[i];
        ddelta[i] = (dbox[i] + dbox[i + 2]) * side;
        ddelta[i + 2] =
            delta[i + 2] > limit ? 0 : (dbox[i + 2] - dbox[i]) * (side * exp(delta[i + 2]) / 2);
    }
}
