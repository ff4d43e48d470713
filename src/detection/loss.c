#include "detection/loss.h"
#include "detection/elementary.h"
#include "detection/matcher.h"

#define INLINE static inline __attribute__((always_inline))

/* ---- one logit ---- */

/* How (1 - p_t)^gamma is taken: without pow() for the usual exponents. */
typedef enum power_kind { GAMMA_0, GAMMA_1, GAMMA_2, GAMMA_OTHER } power_kind;

static power_kind kind_of(const rn_focal *focal) {
    return focal->gamma == 0   ? GAMMA_0
           : focal->gamma == 1 ? GAMMA_1
           : focal->gamma == 2 ? GAMMA_2
                               : GAMMA_OTHER;
}

/* With z = y x: p_t = 1/(1 + e^-z), log p_t = -softplus(-z), log(1 - p_t) = -softplus(z), and one
 * exponential e = exp(-|z|) gives them all without overflow or cancellation.
 *
 *   focal   FL  = alpha_t (1 - p_t)^gamma (-log p_t)
 *           dFL/dx = y alpha_t (1 - p_t)^gamma (gamma p_t log p_t + p_t - 1)
 *   star    FL* = alpha_t (-log p_t*) / gamma,  p_t* = sigmoid(gamma z + beta)
 *           dFL* /dx = y alpha_t (p_t* - 1)
 *   poly    PF  = FL + alpha_t epsilon (1 - p_t)^(gamma + 1)
 *           dPF/dx = dFL/dx - y alpha_t epsilon (gamma + 1) (1 - p_t)^(gamma + 1) p_t
 *   slope   SF  = (1 - floor_t) FL + floor_t alpha_t (-log p_t)
 *           dSF/dx = (1 - floor_t) dFL/dx + y floor_t alpha_t (p_t - 1)
 *
 * Without branches, once shape, kind and foreground are constants: inlined into a loop it
 * vectorises. */
INLINE real loss_of(real *dx, real x, bool foreground, const rn_logit_loss *loss,
                    const rn_loss_shape shape, const power_kind kind) {
    const real gamma = loss->focal.gamma;
    const real side = foreground ? x : -x;
    const real z = shape == RN_SHAPE_STAR ? gamma * side + loss->beta : side;
    const real e = rn_exp_negative(-fabs(z));
    const real log_sum = rn_log1p_unit(e); /* softplus(-|z|) */
    const real large = 1 / (1 + e), small = e * large;
    const real p = z >= 0 ? large : small, q = z >= 0 ? small : large; /* p_t and 1 - p_t */
    const real log_p = (z >= 0 ? 0 : z) - log_sum;
    const real power = kind == GAMMA_0   ? 1
                       : kind == GAMMA_1 ? q
                       : kind == GAMMA_2 ? q * q
                                         : pow(q, gamma);
    const real alpha = loss->focal.alpha < 0 ? 1
                       : foreground          ? loss->focal.alpha
                                             : 1 - loss->focal.alpha;
    const real weight = alpha * power;
    /* p - 1 = -q: written so, since 1 - q loses the digits of a small q */
    real slope = weight * (gamma * p * log_p - q), value = -weight * log_p;
    if (shape == RN_SHAPE_STAR) {
        slope = -alpha * q;
        value = -alpha * log_p / gamma;
    } else if (shape == RN_SHAPE_POLY) {
        const real term = loss->epsilon * weight * q;
        slope -= (gamma + 1) * term * p;
        value += term;
    } else if (shape == RN_SHAPE_SLOPE) {
        const real low = loss->floor[foreground], rest = 1 - low;
        slope = rest * slope - low * alpha * q;
        value = rest * value - low * alpha * log_p;
    }
    *dx = foreground ? slope : -slope;
    return value;
}

real rn_focal_loss(real *dx, real x, bool foreground, const rn_focal *focal) {
    const rn_logit_loss loss = {.focal = *focal};
    return loss_of(dx, x, foreground, &loss, RN_SHAPE_FOCAL, kind_of(focal));
}

real rn_logit_loss_value(real *dx, real x, bool foreground, const rn_logit_loss *loss) {
    switch (loss->shape) {
    case RN_SHAPE_FOCAL:
        break;
    case RN_SHAPE_STAR:
        return loss_of(dx, x, foreground, loss, RN_SHAPE_STAR, GAMMA_0);
    case RN_SHAPE_POLY:
        return loss_of(dx, x, foreground, loss, RN_SHAPE_POLY, kind_of(&loss->focal));
    case RN_SHAPE_SLOPE:
        return loss_of(dx, x, foreground, loss, RN_SHAPE_SLOPE, kind_of(&loss->focal));
    }
    return rn_focal_loss(dx, x, foreground, &loss->focal);
}

/* ---- logits of the background alone ---- */

enum { RUN = RN_LOSS_RUN, SUMS = 8 };

/* RUN background logits. */
INLINE void background_run(real *restrict dx, real *restrict value, const real *restrict x,
                           real scale, const rn_logit_loss *loss, const rn_loss_shape shape,
                           const power_kind kind) {
    for (int i = 0; i < RUN; i++) {
        real slope;
        value[i] = loss_of(&slope, x[i], false, loss, shape, kind);
        dx[i] = slope * scale;
    }
}

INLINE double background_of(real *dx, const real *x, size_t n, real scale,
                            const rn_logit_loss *loss, const rn_loss_shape shape,
                            const power_kind kind) {
    double sum[SUMS] = {0}; /* a fixed order of summation */
    real value[RUN], rest[RUN] = {0}, drest[RUN];
    for (size_t at = 0; at < n; at += RUN) {
        const size_t left = n - at;
        if (left >= RUN) {
            background_run(dx + at, value, x + at, scale, loss, shape, kind);
        } else {
            memcpy(rest, x + at, left * sizeof *x);
            background_run(drest, value, rest, scale, loss, shape, kind);
            memcpy(dx + at, drest, left * sizeof *dx);
            memset(value + left, 0, (RUN - left) * sizeof *value);
        }
        for (int i = 0; i < RUN; i += SUMS)
            for (int k = 0; k < SUMS; k++) sum[k] += (double)value[i + k];
    }
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

/* The loops of each shape for one instruction set. */
#define BACKGROUND(name, target)                                                                   \
    target static double name(real *dx, const real *x, size_t n, real scale,                       \
                              const rn_focal *focal) {                                             \
        const rn_logit_loss loss = {.focal = *focal};                                              \
        switch (kind_of(focal)) {                                                                  \
        case GAMMA_0:                                                                              \
            return background_of(dx, x, n, scale, &loss, RN_SHAPE_FOCAL, GAMMA_0);                 \
        case GAMMA_1:                                                                              \
            return background_of(dx, x, n, scale, &loss, RN_SHAPE_FOCAL, GAMMA_1);                 \
        case GAMMA_2:                                                                              \
            return background_of(dx, x, n, scale, &loss, RN_SHAPE_FOCAL, GAMMA_2);                 \
        case GAMMA_OTHER:                                                                          \
            break;                                                                                 \
        }                                                                                          \
        return background_of(dx, x, n, scale, &loss, RN_SHAPE_FOCAL, GAMMA_OTHER);                 \
    }                                                                                              \
    target static double name##_shaped(real *dx, const real *x, size_t n, real scale,              \
                                       const rn_logit_loss *loss) {                                \
        const bool square = kind_of(&loss->focal) == GAMMA_2;                                      \
        if (loss->shape == RN_SHAPE_STAR)                                                          \
            return background_of(dx, x, n, scale, loss, RN_SHAPE_STAR, GAMMA_0);                   \
        if (loss->shape == RN_SHAPE_POLY && square)                                                \
            return background_of(dx, x, n, scale, loss, RN_SHAPE_POLY, GAMMA_2);                   \
        if (loss->shape == RN_SHAPE_POLY)                                                          \
            return background_of(dx, x, n, scale, loss, RN_SHAPE_POLY, GAMMA_OTHER);               \
        if (square) return background_of(dx, x, n, scale, loss, RN_SHAPE_SLOPE, GAMMA_2);          \
        return background_of(dx, x, n, scale, loss, RN_SHAPE_SLOPE, GAMMA_OTHER);                  \
    }                                                                                              \
    target static void name##_entropy(real *dx, real *value, const real *x) {                      \
        const rn_logit_loss entropy = {.focal = {.gamma = 0, .alpha = -1}};                        \
        background_run(dx, value, x, 1, &entropy, RN_SHAPE_FOCAL, GAMMA_0);                        \
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

/* pow() is a call a logit */
static rn_isa best_isa(const rn_focal *focal) {
    return kind_of(focal) != GAMMA_OTHER ? rn_isa_best() : RN_ISA_PLAIN;
}

void rn_entropy_background(real *dx, real *value, const real *x, rn_isa isa) {
#if defined(__x86_64__)
    if (isa == RN_ISA_AVX512) {
        background_avx512_entropy(dx, value, x);
        return;
    }
    if (isa == RN_ISA_AVX2) {
        background_avx2_entropy(dx, value, x);
        return;
    }
#endif
    (void)isa;
    background_plain_entropy(dx, value, x);
}

double rn_logit_loss_background(real *dx, const real *x, size_t n, real scale,
                                const rn_logit_loss *loss, rn_isa isa) {
    if (loss->shape == RN_SHAPE_FOCAL)
        return rn_focal_background(isa)(dx, x, n, scale, &loss->focal);
#if defined(__x86_64__)
    if (isa == RN_ISA_AVX512) return background_avx512_shaped(dx, x, n, scale, loss);
    if (isa == RN_ISA_AVX2) return background_avx2_shaped(dx, x, n, scale, loss);
#endif
    return background_plain_shaped(dx, x, n, scale, loss);
}

/* ---- all anchors ---- */

/* As rn_logit_loss_sum, with class_alpha: each column has weights of its own. */
static double sum_by_class(real *dlogits, const real *logits, const int *match, const int *labels,
                           size_t n_anchors, int n_classes, real scale, const rn_logit_loss *loss) {
    rn_logit_loss column = *loss;
    double sum = 0;
    for (size_t i = 0; i < n_anchors; i++, logits += n_classes, dlogits += n_classes) {
        const int label = match[i] >= 0 ? labels[match[i]] : -1;
        for (int k = 0; k < n_classes; k++) {
            dlogits[k] = 0;
            if (match[i] == RN_MATCH_IGNORE) continue;
            column.focal.alpha = loss->class_alpha[k];
            sum += (double)rn_logit_loss_value(&dlogits[k], logits[k], k == label, &column);
            dlogits[k] *= scale;
        }
    }
    return sum;
}

double rn_logit_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                         size_t n_anchors, int n_classes, real scale, const rn_logit_loss *loss) {
    const rn_isa isa = loss->shape == RN_SHAPE_STAR ? rn_isa_best() : best_isa(&loss->focal);
    const size_t k = (size_t)n_classes;
    size_t done = 0; /* logits */
    double sum = 0;
    if (loss->class_alpha)
        return sum_by_class(dlogits, logits, match, labels, n_anchors, n_classes, scale, loss);
    for (size_t i = 0; i < n_anchors; i++) {
        if (match[i] == RN_MATCH_BACKGROUND) continue;
        const bool ignored = match[i] == RN_MATCH_IGNORE;
        const size_t end = ignored ? i * k : i * k + (size_t)labels[match[i]];
        sum +=
            rn_logit_loss_background(dlogits + done, logits + done, end - done, scale, loss, isa);
        done = end;
        if (ignored) {
            memset(dlogits + done, 0, k * sizeof *dlogits);
            done += k;
        } else {
            sum += (double)rn_logit_loss_value(&dlogits[done], logits[done], true, loss);
            dlogits[done++] *= scale;
        }
    }
    return sum + rn_logit_loss_background(dlogits + done, logits + done, n_anchors * k - done,
                                          scale, loss, isa);
}

double rn_focal_loss_sum(real *dlogits, const real *logits, const int *match, const int *labels,
                         size_t n_anchors, int n_classes, real scale, const rn_focal *focal) {
    const rn_logit_loss loss = {.focal = *focal};
    return rn_logit_loss_sum(dlogits, logits, match, labels, n_anchors, n_classes, scale, &loss);
}
