/* The norms in float against plain loops in double, by hand, and with any number of threads. */
#include "ops/norm.h"
#include "ops_exec.h"

static const real eps = (real)1e-5;

static size_t count_of(const rn_norm_dims *d) {
    return (size_t)d->batch * (size_t)d->pixels * (size_t)d->c;
}

/* Mean and 1 / deviation of channels [c0, c1) of images [n0, n1). */
static void moments(double *mean, double *rstd, const real *in, const rn_norm_dims *d, int n0,
                    int n1, int c0, int c1) {
    const double n = (double)(n1 - n0) * (double)d->pixels * (c1 - c0);
    double sum = 0, square = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t row = (size_t)n0 * d->pixels; row < (size_t)n1 * d->pixels; row++)
            for (int c = c0; c < c1; c++) {
                const double x = (double)in[row * (size_t)d->c + (size_t)c];
                if (pass == 0)
                    sum += x;
                else
                    square += (x - sum / n) * (x - sum / n);
            }
    *mean = sum / n;
    *rstd = 1 / sqrt(square / n + (double)eps);
}

/* The group of values that (image, channel) is normalised with. */
typedef struct extent {
    int n0, n1, c0, c1;
} extent;

static extent extent_of(const rn_norm_dims *d, bool batch, int image, int c) {
    const int width = d->c / d->groups;
    if (batch) return (extent){0, d->batch, c, c + 1};
    return (extent){image, image + 1, c / width * width, (c / width + 1) * width};
}

typedef struct results {
    real *out, *mean, *rstd, *din, *dweight, *dbias;
} results;

static results run(const rn_norm_dims *d, bool batch, bool relu, double offset, int workers) {
    const size_t n = count_of(d), c = (size_t)d->c,
                 stats = batch ? c : (size_t)d->batch * d->groups;
    real *in = ops_random(n, offset - 1, offset + 1, 1), *dout = ops_random(n, -1, 1, 2),
         *weight = ops_random(c, -1, 1, 3), *bias = ops_random(c, -1, 1, 4);
    const results r = {.out = ops_random(n, -1, 1, 5),
                       .mean = ops_random(stats, -1, 1, 6),
                       .rstd = ops_random(stats, -1, 1, 7),
                       .din = ops_random(n, -1, 1, 8),
                       .dweight = ops_random(c, -1, 1, 9),
                       .dbias = ops_random(c, -1, 1, 10)};
    ops_exec e = ops_exec_open(workers, rn_norm_scratch(d));
    if (batch) {
        rn_batch_norm_forward(&e.exec, r.out, r.mean, r.rstd, NULL, NULL, in, weight, bias, eps, 0,
                              relu, d);
        rn_batch_norm_backward(&e.exec, r.din, r.dweight, r.dbias, dout, in, r.mean, r.rstd, weight,
                               d);
    } else {
        rn_group_norm_forward(&e.exec, r.out, r.mean, r.rstd, in, weight, bias, eps, relu, d);
        rn_group_norm_backward(&e.exec, r.din, r.dweight, r.dbias, dout, in, r.mean, r.rstd, weight,
                               d);
    }
    ops_exec_close(&e);
    free(in);
    free(dout);
    free(weight);
    free(bias);
    return r;
}

static void results_free(results *r) {
    free(r->out);
    free(r->mean);
    free(r->rstd);
    free(r->din);
    free(r->dweight);
    free(r->dbias);
}

static void check_shape(rn_norm_dims d, bool batch, bool relu, double offset) {
    const size_t n = count_of(&d), c = (size_t)d.c;
    real *in = ops_random(n, offset - 1, offset + 1, 1), *weight = ops_random(c, -1, 1, 3),
         *bias = ops_random(c, -1, 1, 4);
    results got = run(&d, batch, relu, offset, 1);
    for (int image = 0; image < d.batch; image++) {
        for (int i = 0; i < d.c; i++) {
            const extent e = extent_of(&d, batch, image, i);
            double mean, rstd;
            moments(&mean, &rstd, in, &d, e.n0, e.n1, e.c0, e.c1);
            const size_t stat = batch ? (size_t)i : (size_t)image * d.groups + e.c0 / (e.c1 - e.c0);
            ck_assert_double_eq_tol((double)got.mean[stat], mean, 1e-6 * (1 + fabs(mean)));
            ck_assert_double_eq_tol((double)got.rstd[stat], rstd, 2e-5 * rstd);
            for (size_t p = 0; p < d.pixels; p++) {
                const size_t at = ((size_t)image * d.pixels + p) * c + i;
                double want = ((double)in[at] - mean) * rstd * (double)weight[i] + (double)bias[i];
                if (relu) want = fmax(want, 0);
                ck_assert_double_eq_tol((double)got.out[at], want, 2e-5 * (1 + fabs(offset)));
            }
        }
    }
    for (int workers = 2; workers <= 4; workers += 2) {
        results other = run(&d, batch, relu, offset, workers);
        ck_assert_mem_eq(got.out, other.out, n * sizeof(real));
        ck_assert_mem_eq(got.din, other.din, n * sizeof(real));
        ck_assert_mem_eq(got.dweight, other.dweight, c * sizeof(real));
        ck_assert_mem_eq(got.dbias, other.dbias, c * sizeof(real));
        results_free(&other);
    }
    results_free(&got);
    free(in);
    free(weight);
    free(bias);
}

/* ---- tests; the gradients are proven in test_ops_gradient.c ---- */

START_TEST(shapes) {
    for (int batch = 0; batch < 2; batch++) {
        check_shape((rn_norm_dims){1, 9, 4, 2}, batch, false, 0);
        check_shape((rn_norm_dims){3, 35, 6, 3}, batch, true, 0);
        check_shape((rn_norm_dims){2, 1, 8, 2}, batch, false, 0);     /* 1x1 pictures */
        check_shape((rn_norm_dims){2, 77, 130, 13}, batch, false, 0); /* three stripes */
        check_shape((rn_norm_dims){2, 4001, 32, 8}, batch, true, 0);  /* several blocks */
    }
}
END_TEST

/* A mean of 100 deviations: sums of squares in float would have no digit left. */
START_TEST(large_mean) {
    check_shape((rn_norm_dims){2, 2000, 16, 4}, false, false, 60);
    check_shape((rn_norm_dims){2, 2000, 16, 4}, true, false, 60);
}
END_TEST

/* One image, two channels as one group: 1 2 3 4 has mean 2.5 and variance 1.25. */
START_TEST(group_norm_by_hand) {
    const rn_norm_dims d = {.batch = 1, .pixels = 2, .c = 2, .groups = 1};
    const real in[] = {1, 2, 3, 4}, weight[] = {1, 2}, bias[] = {0, 1};
    const double r = 1 / sqrt(1.25 + 1e-5);
    const double want[] = {-1.5 * r, -0.5 * r * 2 + 1, 0.5 * r, 1.5 * r * 2 + 1};
    real out[4], mean, rstd;
    ops_exec e = ops_exec_open(1, rn_norm_scratch(&d));
    rn_group_norm_forward(&e.exec, out, &mean, &rstd, in, weight, bias, eps, false, &d);
    ck_assert(mean == (real)2.5);
    ck_assert_double_eq_tol((double)rstd, 0.894423613, 1e-6);
    for (int i = 0; i < 4; i++) ck_assert_double_eq_tol((double)out[i], want[i], 1e-6);
    real again[4]; /* without statistics, as inference wants it */
    rn_group_norm_forward(&e.exec, again, NULL, NULL, in, weight, bias, eps, false, &d);
    ck_assert_mem_eq(again, out, sizeof out);
    ops_exec_close(&e);
}
END_TEST

/* Values 1 3 over a batch of two: mean 2, variance 1, unbiased 2; momentum 0.1 from (0, 1) gives
 * running statistics 0.2 and 1.1. */
START_TEST(batch_norm_running) {
    const rn_norm_dims d = {.batch = 2, .pixels = 1, .c = 1, .groups = 1};
    const real in[] = {1, 3}, weight = 1, bias = 0;
    real out[2], mean, rstd, running_mean = 0, running_var = 1;
    ops_exec e = ops_exec_open(1, rn_norm_scratch(&d));
    rn_batch_norm_forward(&e.exec, out, &mean, &rstd, &running_mean, &running_var, in, &weight,
                          &bias, eps, (real)0.1, true, &d);
    ck_assert_double_eq_tol((double)running_mean, 0.2, 1e-7);
    ck_assert_double_eq_tol((double)running_var, 1.1, 1e-6);
    ck_assert(out[0] == 0); /* ReLU */
    ck_assert_double_eq_tol((double)out[1], 1 / sqrt(1 + 1e-5), 1e-6);
    ops_exec_close(&e);
}
END_TEST

/* scale = 2 / sqrt(3 + 1) = 1, shift = 1 - 5 = -4; with the ReLU 3 becomes 0, 6 becomes 2. */
START_TEST(frozen_by_hand) {
    const rn_norm_dims d = {.batch = 2, .pixels = 1, .c = 1, .groups = 1};
    const real in[] = {3, 6}, dout[] = {1, -1}, weight = 2, bias = 1, mean = 5, variance = 3;
    real out[2], din[] = {10, 20};
    ops_exec e = ops_exec_open(1, rn_norm_scratch(&d));
    rn_affine_forward(&e.exec, out, in, &weight, &bias, &mean, &variance, 1, true, &d);
    ck_assert(out[0] == 0 && out[1] == 2);
    rn_affine_forward(&e.exec, out, in, &weight, &bias, &mean, &variance, 1, false, &d);
    ck_assert(out[0] == -1 && out[1] == 2);
    rn_affine_backward(&e.exec, din, dout, &weight, &variance, 1, &d);
    ck_assert(din[0] == 11 && din[1] == 19);
    ops_exec_close(&e);
}
END_TEST

/* A constant channel has variance 0: out is the bias, and nothing is infinite. */
START_TEST(constant_channel) {
    const rn_norm_dims d = {.batch = 1, .pixels = 50, .c = 1, .groups = 1};
    real in[50], out[50], mean, rstd, din[50] = {0}, dweight = 0, dbias = 0;
    const real weight = 3, bias = (real)0.5;
    for (int i = 0; i < 50; i++) in[i] = (real)0.1;
    ops_exec e = ops_exec_open(1, rn_norm_scratch(&d));
    rn_group_norm_forward(&e.exec, out, &mean, &rstd, in, &weight, &bias, eps, false, &d);
    rn_group_norm_backward(&e.exec, din, &dweight, &dbias, in, in, &mean, &rstd, &weight, &d);
    for (int i = 0; i < 50; i++) {
        ck_assert_double_eq_tol((double)out[i], 0.5, 1e-4);
        ck_assert(isfinite(din[i]));
    }
    ops_exec_close(&e);
}
END_TEST

/* What is not wanted may be NULL. */
START_TEST(null_gradients) {
    const rn_norm_dims d = {.batch = 2, .pixels = 5, .c = 4, .groups = 2};
    results want = run(&d, false, false, 0, 1);
    real *in = ops_random(40, -1, 1, 1), *dout = ops_random(40, -1, 1, 2),
         *weight = ops_random(4, -1, 1, 3), *din = ops_random(40, -1, 1, 8),
         *dbias = ops_random(4, -1, 1, 10);
    ops_exec e = ops_exec_open(1, rn_norm_scratch(&d));
    rn_group_norm_backward(&e.exec, din, NULL, NULL, dout, in, want.mean, want.rstd, weight, &d);
    ck_assert_mem_eq(din, want.din, 40 * sizeof(real));
    rn_group_norm_backward(&e.exec, NULL, NULL, dbias, dout, in, want.mean, want.rstd, weight, &d);
    ck_assert_mem_eq(dbias, want.dbias, 4 * sizeof(real));
    ops_exec_close(&e);
    results_free(&want);
    free(in);
    free(dout);
    free(weight);
    free(din);
    free(dbias);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("norm");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, large_mean);
    tcase_add_test(tests, group_norm_by_hand);
    tcase_add_test(tests, batch_norm_running);
    tcase_add_test(tests, frozen_by_hand);
    tcase_add_test(tests, constant_channel);
    tcase_add_test(tests, null_gradients);
    return ops_run(tests, "norm");
}
