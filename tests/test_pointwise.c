/* ReLU, sums, pooling and upsampling in float: by hand, against plain loops, with any number of
 * threads. */
#include "ops/pointwise.h"
#include "ops_exec.h"

START_TEST(relu_by_hand) {
    const real in[] = {-1, 0, 2, (real)NAN, (real)-INFINITY, (real)INFINITY};
    real out[6], dout[] = {1, 2, 3, 4, 5, 6};
    const rn_exec exec = {0};
    rn_relu_forward(&exec, out, in, 6);
    ck_assert(out[0] == 0 && out[1] == 0 && out[2] == 2 && isnan(out[3]) && out[4] == 0);
    ck_assert(isinf(out[5]));
    rn_relu_mask(&exec, dout, out, 6);
    ck_assert(dout[0] == 0 && dout[1] == 0 && dout[2] == 3 && dout[3] == 4 && dout[4] == 0);
    rn_relu_forward(&exec, out, in, 0); /* nothing to do */
}
END_TEST

START_TEST(sum_by_hand) {
    real a[] = {1, -3, 2}, din[] = {10, 20, 30};
    const real b[] = {1, 1, -5};
    const rn_exec exec = {0};
    rn_add_backward(&exec, din, b, 3);
    ck_assert(din[0] == 11 && din[1] == 21 && din[2] == 25);
    rn_add_forward(&exec, a, a, b, true, 3);
    ck_assert(a[0] == 2 && a[1] == 0 && a[2] == 0);
    rn_add_forward(&exec, a, a, b, false, 3);
    ck_assert(a[0] == 3 && a[1] == 1 && a[2] == -5);
}
END_TEST

/* Longer than a block of work, not a multiple of it. */
START_TEST(long_vectors) {
    enum { N = 100003 };
    real *a = ops_random(N, -1, 1, 1), *b = ops_random(N, -1, 1, 2), *out = ops_random(N, -1, 1, 3);
    for (int workers = 1; workers <= 4; workers *= 2) {
        ops_exec e = ops_exec_open(workers, (rn_scratch){0});
        rn_add_forward(&e.exec, out, a, b, true, N);
        for (size_t i = 0; i < N; i++) ck_assert(out[i] == fmax(a[i] + b[i], 0));
        rn_relu_forward(&e.exec, out, a, N);
        for (size_t i = 0; i < N; i++) ck_assert(out[i] == fmax(a[i], 0));
        ops_exec_close(&e);
    }
    free(a);
    free(b);
    free(out);
}
END_TEST

/* Kept or not is a matter of the draw and the place: the same by any number of workers, in both
 * walks; another draw keeps others. */
START_TEST(dropout) {
    enum { N = 100003 };
    real *in = ops_random(N, 1, 2, 1), *first = ops_random(N, 0, 0, 2),
         *out = ops_random(N, 0, 0, 3);
    real *din = ops_random(N, 0, 0, 4);
    size_t kept = 0, both = 0;
    for (int workers = 1; workers <= 4; workers *= 2) {
        ops_exec e = ops_exec_open(workers, (rn_scratch){0});
        rn_dropout_forward(&e.exec, out, in, 0.25, 7, N);
        if (workers == 1) memcpy(first, out, N * sizeof *out);
        ck_assert_mem_eq(first, out, N * sizeof *out);
        memset(din, 0, N * sizeof *din);
        rn_dropout_backward(&e.exec, din, in, 0.25, 7, N);
        ck_assert_mem_eq(din, out, N * sizeof *out); /* of the same numbers */
        rn_dropout_backward(&e.exec, din, in, 0.25, 7, N);
        for (size_t i = 0; i < N; i++) ck_assert(din[i] == 2 * out[i]); /* added */
        rn_dropout_forward(&e.exec, out, in, 0, 7, N);
        ck_assert_mem_eq(out, in, N * sizeof *out);
        memcpy(out, in, N * sizeof *out);
        rn_dropout_forward(&e.exec, out, out, 0.25, 8, N); /* in place, another draw */
        ops_exec_close(&e);
    }
    for (size_t i = 0; i < N; i++) {
        ck_assert(first[i] == 0 || fabs(first[i] - in[i] / 0.75) < 1e-6);
        kept += first[i] != 0;
        both += first[i] != 0 && out[i] != 0;
    }
    /* Five deviations of a binomial: sqrt(N p (1 - p)) is 137 and 157. */
    ck_assert(fabs((double)kept - 0.75 * N) < 685);
    ck_assert(fabs((double)both - 0.5625 * N) < 785);
    free(in);
    free(first);
    free(out);
    free(din);
}
END_TEST

/* 3x3 picture, kernel 3, stride 2, pad 1: windows of 2x2 at the corners. The tie of the lower right
 * window goes to its first element, the centre. */
START_TEST(max_pool_by_hand) {
    const rn_pool_dims d = {1, 3, 3, 1, 2, 2, .kernel = 3, .stride = 2, .pad = 1};
    const real in[] = {1, 2, 3, 4, 9, 5, 6, 7, 9}, dout[] = {1, 10, 100, 1000};
    real out[4], din[9] = {0};
    const rn_exec exec = {0};
    rn_max_pool_forward(&exec, out, in, &d);
    for (int i = 0; i < 4; i++) ck_assert(out[i] == 9);
    rn_max_pool_backward(&exec, din, dout, in, &d);
    for (int i = 0; i < 9; i++) ck_assert(din[i] == (i == 4 ? 1111 : 0));
}
END_TEST

/* Negative values, so that a padding of 0 would show; a NaN wins. */
START_TEST(max_pool_edges) {
    const rn_pool_dims d = {1, 1, 2, 1, 1, 2, .kernel = 3, .stride = 1, .pad = 1};
    const real low[] = {-3, -2}, bad[] = {(real)NAN, 5};
    real out[2];
    const rn_exec exec = {0};
    rn_max_pool_forward(&exec, out, low, &d);
    ck_assert(out[0] == -2 && out[1] == -2);
    rn_max_pool_forward(&exec, out, bad, &d);
    ck_assert(isnan(out[0]) && isnan(out[1]));
}
END_TEST

static void check_pool(rn_pool_dims d) {
    d.out_h = (d.in_h + 2 * d.pad - d.kernel) / d.stride + 1;
    d.out_w = (d.in_w + 2 * d.pad - d.kernel) / d.stride + 1;
    const size_t n_in = (size_t)d.batch * d.in_h * d.in_w * d.c,
                 n_out = (size_t)d.batch * d.out_h * d.out_w * d.c;
    real *in = ops_random(n_in, -1, 1, 1), *dout = ops_random(n_out, -1, 1, 2),
         *want = ops_random(n_in, -1, 1, 3), *out = ops_random(n_out, -1, 1, 4);
    for (int workers = 1; workers <= 4; workers *= 2) {
        ops_exec e = ops_exec_open(workers, (rn_scratch){0});
        real *din = ops_random(n_in, -1, 1, 3);
        rn_max_pool_forward(&e.exec, out, in, &d);
        rn_max_pool_backward(&e.exec, din, dout, in, &d);
        for (size_t i = 0; workers == 1 && i < n_out; i++) {
            const int c = (int)(i % d.c), ox = (int)(i / d.c % d.out_w),
                      oy = (int)(i / d.c / d.out_w % d.out_h);
            const size_t image = i / d.c / d.out_w / d.out_h;
            size_t best = SIZE_MAX;
            for (int y = oy * d.stride - d.pad; y < oy * d.stride - d.pad + d.kernel; y++)
                for (int x = ox * d.stride - d.pad; x < ox * d.stride - d.pad + d.kernel; x++) {
                    if (y < 0 || y >= d.in_h || x < 0 || x >= d.in_w) continue;
                    const size_t at = ((image * d.in_h + y) * d.in_w + x) * d.c + c;
                    if (best == SIZE_MAX || in[at] > in[best]) best = at;
                }
            ck_assert(out[i] == in[best]);
            want[best] += dout[i]; /* in the order of the kernel: the same bits */
        }
        ck_assert_mem_eq(din, want, n_in * sizeof(real));
        free(din);
        ops_exec_close(&e);
    }
    free(in);
    free(dout);
    free(want);
    free(out);
}

START_TEST(max_pool_shapes) {
    check_pool((rn_pool_dims){2, 9, 7, 5, .kernel = 3, .stride = 2, .pad = 1});
    check_pool((rn_pool_dims){1, 8, 8, 33, .kernel = 2, .stride = 2, .pad = 0});
    check_pool((rn_pool_dims){3, 1, 1, 2, .kernel = 1, .stride = 1, .pad = 0});
    check_pool((rn_pool_dims){1, 6, 11, 16, .kernel = 5, .stride = 3, .pad = 2});
}
END_TEST

/* 1x2 to 2x3: columns floor(i * 2 / 3) = 0 0 1, rows 0 0. */
START_TEST(upsample_by_hand) {
    const rn_upsample_dims d = {.batch = 1, .in_h = 1, .in_w = 2, .c = 1, .out_h = 2, .out_w = 3};
    const real top[] = {10, 20}, lateral[] = {1, 2, 3, 4, 5, 6};
    const real want[] = {11, 12, 23, 14, 15, 26};
    real out[6], dtop[] = {100, 200};
    const rn_exec exec = {0};
    rn_upsample_add_forward(&exec, out, lateral, top, &d);
    ck_assert_mem_eq(out, want, sizeof out);
    rn_upsample_backward(&exec, dtop, lateral, &d);
    ck_assert(dtop[0] == 100 + 1 + 2 + 4 + 5 && dtop[1] == 200 + 3 + 6);
}
END_TEST

static void check_upsample(rn_upsample_dims d) {
    const size_t n_top = (size_t)d.batch * d.in_h * d.in_w * d.c,
                 n = (size_t)d.batch * d.out_h * d.out_w * d.c;
    real *top = ops_random(n_top, -1, 1, 1), *lateral = ops_random(n, -1, 1, 2),
         *want = ops_random(n_top, -1, 1, 3);
    for (int workers = 1; workers <= 4; workers *= 2) {
        ops_exec e = ops_exec_open(workers, (rn_scratch){0});
        real *out = ops_random(n, -1, 1, 2), *dtop = ops_random(n_top, -1, 1, 3);
        rn_upsample_add_forward(&e.exec, out, out, top, &d); /* in place */
        rn_upsample_backward(&e.exec, dtop, lateral, &d);
        for (size_t i = 0; i < n; i++) {
            const size_t c = i % d.c, x = i / d.c % d.out_w, y = i / d.c / d.out_w % d.out_h,
                         image = i / d.c / d.out_w / d.out_h;
            const size_t row = image * d.in_h + y * d.in_h / d.out_h,
                         at = (row * d.in_w + x * d.in_w / d.out_w) * d.c + c;
            ck_assert(out[i] == lateral[i] + top[at]);
            if (workers == 1) want[at] += lateral[i];
        }
        ck_assert_mem_eq(dtop, want, n_top * sizeof(real));
        free(out);
        free(dtop);
        ops_exec_close(&e);
    }
    free(top);
    free(lateral);
    free(want);
}

START_TEST(upsample_shapes) {
    check_upsample((rn_upsample_dims){2, 3, 5, 4, 6, 10});
    check_upsample((rn_upsample_dims){1, 7, 4, 17, 13, 7});
    check_upsample((rn_upsample_dims){3, 1, 1, 2, 1, 1});
    check_upsample((rn_upsample_dims){1, 2, 3, 1, 7, 11});
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("pointwise");
    tcase_add_test(tests, relu_by_hand);
    tcase_add_test(tests, sum_by_hand);
    tcase_add_test(tests, long_vectors);
    tcase_add_test(tests, dropout);
    tcase_add_test(tests, max_pool_by_hand);
    tcase_add_test(tests, max_pool_edges);
    tcase_add_test(tests, max_pool_shapes);
    tcase_add_test(tests, upsample_by_hand);
    tcase_add_test(tests, upsample_shapes);
    return ops_run(tests, "pointwise");
}
