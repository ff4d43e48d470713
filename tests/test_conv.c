/* Convolution against a plain loop over every index, on shapes chosen to be odd. */
#include "ops/conv.h"
#include "ops_exec.h"
#include <string.h>

static rn_conv_dims shape(int batch, int in_h, int in_w, int in_c, int out_c, int kernel) {
    return (rn_conv_dims){
        .batch = batch, .in_h = in_h, .in_w = in_w, .in_c = in_c, .out_c = out_c, .kernel = kernel};
}

static rn_conv_dims window(rn_conv_dims d, int stride, int pad) {
    d.stride = stride;
    d.pad = pad;
    d.out_h = (d.in_h + 2 * pad - d.kernel) / stride + 1;
    d.out_w = (d.in_w + 2 * pad - d.kernel) / stride + 1;
    return d;
}

typedef struct counts {
    size_t in, out, weight;
} counts;

static counts counts_of(const rn_conv_dims *d) {
    return (counts){.in = (size_t)d->batch * d->in_h * d->in_w * d->in_c,
                    .out = (size_t)d->batch * d->out_h * d->out_w * d->out_c,
                    .weight = (size_t)d->out_c * d->kernel * d->kernel * d->in_c};
}

/* ---- the plain loop ---- */

/* Every (in, weight, out) triple of indices that meets in the convolution. */
typedef void triple_fn(void *context, size_t in, size_t weight, size_t out);

static void every_triple(const rn_conv_dims *d, triple_fn *fn, void *context) {
    size_t out = 0;
    for (int n = 0; n < d->batch; n++)
        for (int oy = 0; oy < d->out_h; oy++)
            for (int ox = 0; ox < d->out_w; ox++)
                for (int o = 0; o < d->out_c; o++, out++)
                    for (int ky = 0; ky < d->kernel; ky++)
                        for (int kx = 0; kx < d->kernel; kx++) {
                            const int y = oy * d->stride + ky - d->pad + d->shift_y,
                                      x = ox * d->stride + kx - d->pad + d->shift_x;
                            if (y < 0 || y >= d->in_h || x < 0 || x >= d->in_w) continue;
                            const size_t tap = ((size_t)o * d->kernel + ky) * d->kernel + kx;
                            const size_t pixel = ((size_t)n * d->in_h + y) * d->in_w + x;
                            for (int c = 0; c < d->in_c; c++)
                                fn(context, pixel * d->in_c + c, tap * d->in_c + c, out);
                        }
}

typedef struct reference {
    const real *in, *weight, *dout;
    double *out, *din, *dweight;
} reference;

static void add_triple(void *context, size_t in, size_t weight, size_t out) {
    reference *r = context;
    r->out[out] += (double)r->in[in] * (double)r->weight[weight];
    r->din[in] += (double)r->dout[out] * (double)r->weight[weight];
    r->dweight[weight] += (double)r->dout[out] * (double)r->in[in];
}

/* ---- one shape: the three passes with some number of threads ---- */

typedef struct passes {
    real *out, *din, *dweight, *dbias;
} passes;

static void passes_free(passes *p) {
    free(p->out);
    free(p->din);
    free(p->dweight);
    free(p->dbias);
}

enum {
    SEED_IN = 1,
    SEED_WEIGHT,
    SEED_BIAS,
    SEED_DOUT,
    SEED_OUT,
    SEED_DIN,
    SEED_DWEIGHT,
    SEED_DBIAS
};

/* What backward adds to, and forward overwrites, starts as noise. */
static passes run(const rn_conv_dims *d, bool bias, bool relu, int workers) {
    const counts n = counts_of(d);
    ops_exec e =
        ops_exec_open(workers, rn_conv_scratch(&(rn_conv_part){.dims = *d}, 1, RN_CONV_ALL));
    real *in = ops_random(n.in, -1, 1, SEED_IN), *weight = ops_random(n.weight, -1, 1, SEED_WEIGHT),
         *b = ops_random(d->out_c, -1, 1, SEED_BIAS), *dout = ops_random(n.out, -1, 1, SEED_DOUT);
    const passes p = {.out = ops_random(n.out, -1, 1, SEED_OUT),
                      .din = ops_random(n.in, -1, 1, SEED_DIN),
                      .dweight = ops_random(n.weight, -1, 1, SEED_DWEIGHT),
                      .dbias = ops_random(d->out_c, -1, 1, SEED_DBIAS)};
    const rn_conv_part part = {.dims = *d, .in = in, .dout = dout, .out = p.out, .din = p.din};
    rn_conv_forward(
        &e.exec, &part, 1, weight,
        &(rn_conv_finish){.shift = bias ? b : NULL, .activation = relu ? RN_RELU : RN_LINEAR});
    rn_conv_backward_data(&e.exec, &part, 1, weight);
    rn_conv_backward_weight(&e.exec, p.dweight, p.dbias, &part, 1);
    free(in);
    free(weight);
    free(b);
    free(dout);
    ops_exec_close(&e);
    return p;
}

/* Each value is a float sum of that many products of values in [-1, 1). */
static void assert_close(const real *got, const double *want, size_t n, double terms) {
    const double tolerance = 3e-6 * sqrt(terms);
    for (size_t i = 0; i < n; i++) ck_assert_double_eq_tol((double)got[i], want[i], tolerance);
}

static double *doubles(size_t n, uint64_t seed) {
    double *x;
    ck_assert_int_eq(rn_alloc(&x, n, sizeof *x), RN_OK);
    if (!seed) return x;
    real *noise = ops_random(n, -1, 1, seed);
    for (size_t i = 0; i < n; i++) x[i] = (double)noise[i];
    free(noise);
    return x;
}

static void check_shape(rn_conv_dims d, bool bias, bool relu) {
    const counts n = counts_of(&d);
    real *in = ops_random(n.in, -1, 1, SEED_IN), *weight = ops_random(n.weight, -1, 1, SEED_WEIGHT),
         *dout = ops_random(n.out, -1, 1, SEED_DOUT);
    double *b = doubles(d.out_c, SEED_BIAS), *dbias = doubles(d.out_c, SEED_DBIAS);
    reference want = {.in = in,
                      .weight = weight,
                      .dout = dout,
                      .out = doubles(n.out, 0),
                      .din = doubles(n.in, SEED_DIN),
                      .dweight = doubles(n.weight, SEED_DWEIGHT)};
    every_triple(&d, add_triple, &want);
    for (size_t i = 0; i < n.out; i++) {
        if (bias) want.out[i] += b[i % d.out_c];
        if (relu) want.out[i] = fmax(want.out[i], 0);
        dbias[i % d.out_c] += (double)dout[i];
    }
    passes got = run(&d, bias, relu, 1);
    const double taps = d.kernel * d.kernel, pixels = (double)n.out / d.out_c;
    assert_close(got.out, want.out, n.out, taps * d.in_c + 1);
    assert_close(got.din, want.din, n.in, taps * d.out_c + 1);
    assert_close(got.dweight, want.dweight, n.weight, pixels + 1);
    assert_close(got.dbias, dbias, d.out_c, pixels + 1);
    for (int workers = 2; workers <= 4; workers += 2) {
        passes other = run(&d, bias, relu, workers);
        ck_assert_mem_eq(got.out, other.out, n.out * sizeof(real));
        ck_assert_mem_eq(got.din, other.din, n.in * sizeof(real));
        ck_assert_mem_eq(got.dweight, other.dweight, n.weight * sizeof(real));
        ck_assert_mem_eq(got.dbias, other.dbias, d.out_c * sizeof(real));
        passes_free(&other);
    }
    passes_free(&got);
    free(in);
    free(weight);
    free(dout);
    free(b);
    free(dbias);
    free(want.out);
    free(want.din);
    free(want.dweight);
}

/* ---- tests ---- */

/* 3x3 picture 1..9, weights 1 2 / 3 4, bias 0.5:
 * out[0][0] = 1*1 + 2*2 + 3*4 + 4*5 + 0.5 = 37.5. With dout = 1 everywhere, dweight[0][0] is the
 * sum of the upper left 2x2, 12, and din[1][1] = 1 + 2 + 3 + 4. */
START_TEST(by_hand) {
    const rn_conv_dims d = window(shape(1, 3, 3, 1, 1, 2), 1, 0);
    const real in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, weight[] = {1, 2, 3, 4}, bias[] = {(real)0.5},
               dout[] = {1, 1, 1, 1};
    const real want_out[] = {(real)37.5, (real)47.5, (real)67.5, (real)77.5},
               want_din[] = {1, 3, 2, 4, 10, 6, 3, 7, 4}, want_dweight[] = {12, 16, 24, 28};
    real out[4], din[9] = {0}, dweight[4] = {0}, dbias[1] = {0};
    ops_exec e = ops_exec_open(1, rn_conv_scratch(&(rn_conv_part){.dims = d}, 1, RN_CONV_ALL));
    const rn_conv_part part = {.dims = d, .in = in, .dout = dout, .out = out, .din = din};
    rn_conv_forward(&e.exec, &part, 1, weight, &(rn_conv_finish){.shift = bias});
    rn_conv_backward_data(&e.exec, &part, 1, weight);
    rn_conv_backward_weight(&e.exec, dweight, dbias, &part, 1);
    ck_assert_mem_eq(out, want_out, sizeof out);
    ck_assert_mem_eq(din, want_din, sizeof din);
    ck_assert_mem_eq(dweight, want_dweight, sizeof dweight);
    ck_assert(dbias[0] == 4);
    ops_exec_close(&e);
}
END_TEST

/* Two channels, two filters, stride 2, pad 1 on a 2x2 picture: one output pixel, which sees the
 * whole picture through taps (1..2, 1..2). in[y][x] = {1, 10}, {2, 20}, {3, 30}, {4, 40}; filter 0
 * is 1 everywhere: 10 + 100 = 110. Filter 1 is -1: -110, which the ReLU makes 0. */
START_TEST(by_hand_channels) {
    const rn_conv_dims d = window(shape(1, 2, 2, 2, 2, 3), 2, 1);
    const real in[] = {1, 10, 2, 20, 3, 30, 4, 40};
    real weight[36], out[2];
    for (int i = 0; i < 36; i++) weight[i] = i < 18 ? 1 : -1;
    ck_assert_int_eq(d.out_h * d.out_w, 1);
    ops_exec e = ops_exec_open(1, rn_conv_scratch(&(rn_conv_part){.dims = d}, 1, RN_CONV_ALL));
    rn_conv_forward(&e.exec, &(rn_conv_part){.dims = d, .in = in, .out = out}, 1, weight,
                    &(rn_conv_finish){.activation = RN_RELU});
    ck_assert(out[0] == 110 && out[1] == 0);
    ops_exec_close(&e);
}
END_TEST

/* Kernels 1 3 5 7, strides 1 2 3, pads 0 1 3, each with other sides, channels and batch. */
START_TEST(odd_shapes) {
    const int sides[] = {1, 7, 9, 12, 5, 16, 11}, channels[] = {1, 3, 17, 16, 5, 33},
              filters[] = {1, 19, 4, 65, 16};
    int i = 0;
    for (int kernel = 1; kernel <= 7; kernel += 2) {
        for (int stride = 1; stride <= 3; stride++) {
            for (int pad = 0; pad <= 3; pad = 2 * pad + 1, i++) {
                const int h = sides[i % 7], w = sides[(i / 2 + 3) % 7];
                if (h + 2 * pad < kernel || w + 2 * pad < kernel) continue;
                check_shape(window(shape(1 + i % 3, h, w, channels[i % 6], filters[i % 5], kernel),
                                   stride, pad),
                            i % 2, i % 4 == 0);
            }
        }
    }
}
END_TEST

/* Fewer zeros above or to the left than below or to the right. */
START_TEST(shifted_windows) {
    for (int shift = 1; shift <= 3; shift++) {
        rn_conv_dims d[] = {window(shape(2, 8, 7, 3, 19, 3), 2, 1),
                            window(shape(1, 9, 6, 5, 4, 5), 2, 2),
                            window(shape(1, 8, 8, 17, 6, 3), 1, 1)};
        for (size_t i = 0; i < sizeof d / sizeof *d; i++) {
            d[i].shift_y = shift & 1 ? 1 : 0;
            d[i].shift_x = shift & 2 ? d[i].pad : 0;
            check_shape(d[i], i % 2, i == 0);
        }
    }
}
END_TEST

/* One pixel, one row, one column; padding wider than the picture. */
START_TEST(tiny_pictures) {
    check_shape(window(shape(2, 1, 1, 5, 7, 1), 1, 0), true, false);
    check_shape(window(shape(1, 1, 1, 4, 6, 3), 1, 1), true, true);
    check_shape(window(shape(3, 1, 1, 2, 3, 3), 2, 1), false, false);
    check_shape(window(shape(1, 1, 20, 3, 2, 3), 1, 1), true, false);
    check_shape(window(shape(1, 20, 1, 3, 2, 3), 2, 1), true, false);
    check_shape(window(shape(1, 2, 3, 3, 2, 7), 1, 5), true, false);
    check_shape(window(shape(2, 5, 4, 3, 2, 1), 3, 0), true, false); /* pixels nobody reads */
}
END_TEST

/* Sizes that cross every cut: several tiles of cells, more channels than one product takes, a row
 * of the window deeper than one product, several chunks of columns, several splits of pixels. */
START_TEST(large_cuts) {
    check_shape(window(shape(2, 13, 17, 20, 70, 3), 1, 0), true, true);
    check_shape(window(shape(1, 8, 7, 300, 66, 3), 1, 0), true, false);
    check_shape(window(shape(1, 4, 4, 900, 40, 1), 1, 0), false, false);
    check_shape(window(shape(1, 59, 61, 3, 16, 7), 2, 3), true, true);
    check_shape(window(shape(3, 24, 24, 8, 64, 1), 1, 0), true, false);
}
END_TEST

/* A NaN in the picture reaches the output, ReLU or not. */
START_TEST(nan_is_visible) {
    const rn_conv_dims d = window(shape(1, 1, 1, 1, 1, 1), 1, 0);
    const real in = (real)NAN, weight = 1;
    real out = 0;
    ops_exec e = ops_exec_open(1, rn_conv_scratch(&(rn_conv_part){.dims = d}, 1, RN_CONV_ALL));
    rn_conv_forward(&e.exec, &(rn_conv_part){.dims = d, .in = &in, .out = &out}, 1, &weight,
                    &(rn_conv_finish){.activation = RN_RELU});
    ck_assert(isnan(out));
    ops_exec_close(&e);
}
END_TEST

/* Gradients that are not wanted are not computed. */
START_TEST(null_gradients) {
    const rn_conv_dims d = window(shape(1, 4, 4, 2, 3, 3), 1, 1);
    const counts n = counts_of(&d);
    real *in = ops_random(n.in, -1, 1, SEED_IN), *dout = ops_random(n.out, -1, 1, SEED_DOUT);
    passes want = run(&d, true, false, 1);
    real *dweight = ops_random(n.weight, -1, 1, SEED_DWEIGHT),
         *dbias = ops_random(d.out_c, -1, 1, SEED_DBIAS);
    ops_exec e = ops_exec_open(1, rn_conv_scratch(&(rn_conv_part){.dims = d}, 1, RN_CONV_ALL));
    const rn_conv_part part = {.dims = d, .in = in, .dout = dout};
    rn_conv_backward_weight(&e.exec, dweight, NULL, &part, 1);
    rn_conv_backward_weight(&e.exec, NULL, dbias, &part, 1);
    ck_assert_mem_eq(dweight, want.dweight, n.weight * sizeof(real));
    ck_assert_mem_eq(dbias, want.dbias, d.out_c * sizeof(real));
    ops_exec_close(&e);
    passes_free(&want);
    free(in);
    free(dout);
    free(dweight);
    free(dbias);
}
END_TEST

/* Pictures of two sizes at once: what each gives alone, one behind the other. `pad` 1 takes the
 * fast path, 0 the direct one. */
START_TEST(parts_are_one_job) {
    const rn_conv_dims d[2] = {window(shape(2, 9, 7, 18, 21, 3), 1, _i),
                               window(shape(1, 4, 5, 18, 21, 3), 1, _i)};
    const size_t weights = counts_of(&d[0]).weight;
    real *weight = ops_random(weights, -1, 1, SEED_WEIGHT),
         *bias = ops_random(21, -1, 1, SEED_BIAS);
    real *dweight[2], *dbias[2];
    rn_conv_part parts[2][2]; /* [alone, together] */
    for (int way = 0; way < 2; way++) {
        for (int i = 0; i < 2; i++)
            parts[way][i] = (rn_conv_part){.dims = d[i],
                                           .in = ops_random(counts_of(&d[i]).in, -1, 1, 1),
                                           .dout = ops_random(counts_of(&d[i]).out, -1, 1, 2),
                                           .out = ops_random(counts_of(&d[i]).out, -1, 1, 3),
                                           .din = ops_random(counts_of(&d[i]).in, -1, 1, 4)};
        dweight[way] = ops_random(weights, -1, 1, SEED_DWEIGHT);
        dbias[way] = ops_random(21, -1, 1, SEED_DBIAS);
        ops_exec e = ops_exec_open(2, rn_conv_scratch(parts[way], 2, RN_CONV_ALL));
        for (int i = 0; i < 2 - way; i++) {
            const size_t n = way ? 2 : 1;
            rn_conv_forward(&e.exec, &parts[way][i], n, weight,
                            &(rn_conv_finish){.shift = bias, .activation = RN_RELU});
            rn_conv_backward_data(&e.exec, &parts[way][i], n, weight);
            rn_conv_backward_weight(&e.exec, dweight[way], dbias[way], &parts[way][i], n);
        }
        ops_exec_close(&e);
    }
    for (int i = 0; i < 2; i++) {
        const counts n = counts_of(&d[i]);
        ck_assert_mem_eq(parts[0][i].out, parts[1][i].out, n.out * sizeof(real));
        ck_assert_mem_eq(parts[0][i].din, parts[1][i].din, n.in * sizeof(real));
    }
    ck_assert_mem_eq(dbias[0], dbias[1], 21 * sizeof(real));
    for (size_t i = 0; i < weights; i++) /* summed in another order on the fast path */
        ck_assert_double_eq_tol((double)dweight[0][i], (double)dweight[1][i], 1e-4);
    for (int way = 0; way < 2; way++) {
        for (int i = 0; i < 2; i++) {
            free((real *)parts[way][i].in);
            free((real *)parts[way][i].dout);
            free(parts[way][i].out);
            free(parts[way][i].din);
        }
        free(dweight[way]);
        free(dbias[way]);
    }
    free(weight);
    free(bias);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("conv");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, by_hand);
    tcase_add_test(tests, by_hand_channels);
    tcase_add_test(tests, odd_shapes);
    tcase_add_test(tests, shifted_windows);
    tcase_add_test(tests, tiny_pictures);
    tcase_add_test(tests, large_cuts);
    tcase_add_test(tests, nan_is_visible);
    tcase_add_test(tests, null_gradients);
    tcase_add_loop_test(tests, parts_are_one_job, 0, 2);
    return ops_run(tests, "conv");
}
