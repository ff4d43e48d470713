#include "detection/loss.h"
#include "detection/box_coder.h"
#include "detection/elementary.h"
#include "detection/matcher.h"

#define INLINE static inline __attribute__((always_inline))

/* How (1 - p_t)^gamma is taken: without pow() for the usual exponents. */
typedef enum focal_kind { GAMMA_0, GAMMA_1, GAMMA_2, GAMMA_OTHER } focal_kind;

static focal_kind kind_of(const rn_focal *focal) {
    return focal->gamma == 0   ? GAMMA_0
           : focal->gamma == 1 ? GAMMA_1
           : focal->gamma == 2 ? GAMMA_2
                               : GAMMA_OTHER;
}

/* With z = y x: p_t = 1/(1 + e^-z), log p_t = -softplus(-z), log(1 - p_t) = -softplus(z), and one
 * exponential e = exp(-|z|) gives them all without overflow or cancellation.
 *
 *   FL = alpha_t (1 - p_t)^gamma (-log p_t)
 *   dFL/dx = y alpha_t (1 - p_t)^gamma (gamma p_t log p_t + p_t - 1)
 *
 * Without branches, once kind and foreground are constants: inlined into a loop it vectorises. */
INLINE real focal_of(real *dx, real x, bool foreground, const rn_focal *focal,
                     const focal_kind kind) {
    const real z = foreground ? x : -x, e = rn_exp_negative(-fabs(z));
    const real log_sum = rn_log1p_unit(e); /* softplus(-|z|) */
    const real large = 1 / (1 + e), small = e * large;
    const real p = z >= 0 ? large : small, q = z >= 0 ? small : large; /* p_t and 1 - p_t */
    const real log_p = (z >= 0 ? 0 : z) - log_sum;
    const real gamma = focal->gamma;
    const real power = kind == GAMMA_0   ? 1
                       : kind == GAMMA_1 ? q
                       : kind == GAMMA_2 ? q * q
                                         : pow(q, gamma);
    const real alpha = focal->alpha < 0 ? 1 : foreground ? focal->alpha : 1 - focal->alpha;
    const real weight = alpha * power;
    /* p - 1 = -q: written so, since 1 - q loses the digits of a small q */
    const real slope = weight * (gamma * p * log_p - q);
    *dx = foreground ? slope : -slope;
    return -weight * log_p;
}

real rn_focal_loss(real *dx, real x, bool foreground, const rn_focal *focal) {
    return focal_of(dx, x, foreground, focal, kind_of(focal));
}

enum { RUN = 64, SUMS = 8 };

/* RUN background logits. */
INLINE void background_run(real *restrict dx, real *restrict loss, const real *restrict x,
                           real scale, const rn_focal *focal, const focal_kind kind) {
    for (int i = 0; i < RUN; i++) {
        real slope;
        loss[i] = focal_of(&slope, x[i], false, focal, kind);
        dx[i] = slope * scale;
    }
}

INLINE double background_of(real *dx, const real *x, size_t n, real scale, const rn_focal *focal,
                            const focal_kind kind) {
    double sum[SUMS] = {0}; /* a fixed order of summation */
    real loss[RUN], rest[RUN] = {0}, drest[RUN];
    for (size_t at = 0; at < n; at += RUN) {
        const size_t left = n - at;
        if (left >= RUN) {
            background_run(dx + at, loss, x + at, scale, focal, kind);
        } else {
            memcpy(rest, x + at, left * sizeof *x);
            background_run(drest, loss, rest, scale, focal, kind);
            memcpy(dx + at, drest, left * sizeof *dx);
            memset(loss + left, 0, (RUN - left) * sizeof *loss);
        }
        for (int i = 0; i < RUN; i += SUMS)
            for (int k = 0; k < SUMS; k++) sum[k] += (double)loss[i + k];
    }
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

#define BACKGROUND(name, target)                                                                   \
    target static double name(real *dx, const real *x, size_t n, real scale,                       \
                              const rn_focal *focal) {                                             \
        switch (kind_of(focal)) {                                                                  \
        case GAMMA_0:                                                                              \
            return background_of(dx, x, n, scale, focal, GAMMA_0);                                 \
        case GAMMA_1:                                                                              \
            return background_of(dx, x, n, scale, focal, GAMMA_1);                                 \
        case GAMMA_2:                                                                              \
            return background_of(dx, x, n, scale, focal, GAMMA_2);                                 \
        case GAMMA_OTHER:                                                                          \
            break;                                                                                 \
        }                                                                                          \
        return background_of(dx, x, n, scale, focal, GAMMA_OTHER);                                 \
    }
BACKGROUND(background_plain, )
#if defined(__x86_64__)
BACKGROUND(background_avx2, __attribute__((target("avx2"))))
BACKGROUND(background_avx512, __attribute__((target("avx512f"))))
#endif

rn_background_fn *rn_focal_background(rn_isa isa) {
#if defined(__x86_64__)
    if (isa == RN_ISA_AVX512) return background_avx512;
    if (isa == RN_ISA_AVX2) return background_avx2;
#endif
    (void)isa;
    return background_plain;
}

static rn_background_fn *best_background(const rn_focal *focal) {
    /* pow() is a call a logit */
    return rn_focal_background(kind_of(focal) != GAMMA_OTHER ? rn_isa_best() : RN_ISA_PLAIN);
}

double rn_focal_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                         size_t n_anchors, int n_classes, real scale, const rn_focal *focal) {
    rn_background_fn *background = best_background(focal);
    const size_t k = (size_t)n_classes;
    size_t done = 0; /* logits */
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++) {
        if (match[i] == RN_MATCH_BACKGROUND) continue;
        const bool ignored = match[i] == RN_MATCH_IGNORE;
        const size_t end = ignored ? i * k : i * k + (size_t)labels[match[i]];
        sum += background(dlogits + done, logits + done, end - done, scale, focal);
        done = end;
        if (ignored) {
            memset(dlogits + done, 0, k * sizeof *dlogits);
            done += k;
        } else {
            sum += (double)rn_focal_loss(&dlogits[done], logits[done], true, focal);
            dlogits[done++] *= scale;
        }
    }
    return sum + background(dlogits + done, logits + done, n_anchors * k - done, scale, focal);
}

real rn_smooth_l1(real *dx, real x, real target, real beta) {
    const real d = x - target, distance = fabs(d);
    if (distance < beta) {
        *dx = d / beta;
        return d * d / (2 * beta);
    }
    *dx = (real)((d > 0) - (d < 0));
    return distance - beta / 2;
}

double rn_smooth_l1_sum(real *ddeltas, const real *deltas, const real *anchors, const int *match,
                        const real *boxes, size_t n_anchors, real scale, real beta) {
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++) {
        real *dd = ddeltas + 4 * i, target[4];
        if (match[i] < 0) {
            for (int k = 0; k < 4; k++) dd[k] = 0;
            continue;
        }
        rn_box_encode(target, boxes + 4 * match[i], anchors + 4 * i);
        for (int k = 0; k < 4; k++) {
            sum += (double)rn_smooth_l1(&dd[k], deltas[4 * i + (size_t)k], target[k], beta);
            dd[k] *= scale;
        }
    }
    return sum;
}

/* One axis of a box and its target: what they share (negative: a gap) and what encloses both, with
 * the derivatives by the box's two edges. */
typedef struct extent {
    real common, hull;
    real dcommon[2], dhull[2];
} extent;

static extent extent_of(real low, real high, real target_low, real target_high) {
    const bool low_inside = low > target_low, high_inside = high < target_high;
    /* how much of the inner edge is the box's; it has the rest of the outer one */
    const real first = low == target_low ? (real)0.5 : low_inside;
    const real last = high == target_high ? (real)0.5 : high_inside;
    return (extent){
        .common = (high_inside ? high : target_high) - (low_inside ? low : target_low),
        .hull = (high_inside ? target_high : high) - (low_inside ? target_low : low),
        .dcommon = {-first, last},
        .dhull = {first - 1, 1 - last},
    };
}

/* With I the common area, U = A + A' - I that of both and C that of the smallest box around both:
 *
 *   L = 1 - I/U + (C - U)/C
 *   dL = -dI/U + (I/U^2 - 1/C) dU + U/C^2 dC,  dU = dA - dI */
real rn_giou_loss(real dbox[4], const real box[4], const real target[4]) {
    const real epsilon = (real)1e-7;
    const extent e[2] = {extent_of(box[0], box[2], target[0], target[2]),
                         extent_of(box[1], box[3], target[1], target[3])};
    const real side[2] = {box[2] - box[0], box[3] - box[1]};
    const bool overlap = e[0].common > 0 && e[1].common > 0;
    const real common = overlap ? e[0].common * e[1].common : 0;
    const real both =
        side[0] * side[1] + (target[2] - target[0]) * (target[3] - target[1]) - common;
    const real hull = e[0].hull * e[1].hull, u = both + epsilon, c = hull + epsilon;
    const real by_both = common / (u * u) - 1 / c, by_hull = u / (c * c);
    for (int i = 0; i < 4; i++) { /* edge i / 2 of axis i % 2 */
        const extent *axis = &e[i % 2], *other = &e[1 - i % 2];
        const real dcommon = overlap ? axis->dcommon[i / 2] * other->common : 0;
        const real darea = i < 2 ? -side[1 - i % 2] : side[1 - i % 2];
        dbox[i] = -dcommon / u + by_both * (darea - dcommon) +
                  by_hull * (axis->dhull[i / 2] * other->hull);
    }
    return 1 - common / u + (hull - both) / c;
}

double rn_giou_loss_sum(real *ddeltas, const real *deltas, const real *anchors, const int *match,
                        const real *boxes, size_t n_anchors, real scale) {
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++) {
        real *dd = ddeltas + 4 * i, box[4], dbox[4];
        if (match[i] < 0) {
            for (int k = 0; k < 4; k++) dd[k] = 0;
            continue;
        }
        rn_box_decode(box, deltas + 4 * i, anchors + 4 * i);
        sum += (double)rn_giou_loss(dbox, box, boxes + 4 * match[i]);
        rn_box_decode_backward(dd, dbox, deltas + 4 * i, anchors + 4 * i);
        for (int k = 0; k < 4; k++) dd[k] *= scale;
    }
    return sum;
}
