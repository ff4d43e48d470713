/* gradient.h: analytic gradients against central differences, in double.
 *
 *   static double loss(void *context);      the loss at the present values
 *   ck_assert_double_le(gradient_error(x, analytic, n, loss, context), GRADIENT_TOLERANCE);
 *
 * Choose inputs at least 2 * GRADIENT_STEP from every kink (ReLU, max, smooth L1's joint). */
#ifndef RN_TESTS_GRADIENT_H
#define RN_TESTS_GRADIENT_H

#include <math.h>
#include <stddef.h>

#define GRADIENT_TOLERANCE 1e-6
#define GRADIENT_STEP      1e-3

typedef double gradient_loss_fn(void *context);

/* dL/d*x by the five-point stencil, whose error is of the order of step^4: with two points, either
 * truncation or rounding of a loss of size 10 would pass 1e-9. */
static inline double gradient_numeric(double *x, gradient_loss_fn *loss, void *context) {
    const double at = *x, h = GRADIENT_STEP;
    double value[4];
    const double offset[4] = {-2 * h, -h, h, 2 * h};
    for (int i = 0; i < 4; i++) {
        *x = at + offset[i];
        value[i] = loss(context);
    }
    *x = at;
    return (value[0] - 8 * value[1] + 8 * value[2] - value[3]) / (12 * h);
}

static inline double gradient_difference(double analytic, double numeric) {
    const double size = fmax(1e-3, fmax(fabs(analytic), fabs(numeric)));
    const double error = fabs(analytic - numeric) / size;
    return isnan(error) ? INFINITY : error;
}

/* The worst |analytic - numeric| / max(1e-3, |both|) over x[n]. */
static inline double gradient_error(double *x, const double *analytic, size_t n,
                                    gradient_loss_fn *loss, void *context) {
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst =
            fmax(worst, gradient_difference(analytic[i], gradient_numeric(x + i, loss, context)));
    return worst;
}

#endif
