/* Depthwise convolution against a plain loop over every index, on shapes chosen to be odd. */
#include "ops/depthwise.h"
#include "ops_exec.h"

enum { SEED_IN = 1, SEED_WEIGHT, SEED_DOUT, SEED_OUT, SEED_DIN, SEED_DWEIGHT };

typedef struct counts {
    size_t in, out, weight;
} counts;

static counts counts_of(const rn_conv_dims *d) {
    const size_t c = (size_t)d->in_c, batch = (size_t)d->batch;
    return (counts){.in = batch * (size_t)(d->in_h * d->in_w) * c,
                    .out = batch * (size_t)(d->out_h * d->out_w) * c,
                    .weight = c * (size_t)(d->kernel * d->kernel)};
}

static rn_conv_dims shape(int batch, int h, int w, int c, int kernel, int stride, int pad) {
    return (rn_conv_dims){.batch = batch,
                          .in_h = h,
                          .in_w = w,
                          .in_c = c,
                          .out_h = (h + 2 * pad - kernel) / stride + 1,
                          .out_w = (w + 2 * pad - kernel) / stride + 1,
                          .out_c = c,
                          .kernel = kernel,
                          .stride = stride,
                          .pad = pad};
}

/* As TensorFlow's SAME pads: of an even side under stride 2 below and to the right alone. */
static rn_conv_dims same(int batch, int h, int w, int c, int kernel, int stride) {
    rn_conv_dims d = shape(batch, h, w, c, kernel, stride, kernel / 2);
    const int total_h = (d.out_h - 1) * stride + kernel - h,
              total_w = (d.out_w - 1) * stride + kernel - w;
    d.shift_y = d.pad - (total_h > 0 ? total_h / 2 : 0);
    d.shift_x = d.pad - (total_w > 0 ? total_w / 2 : 0);
    return d;
}

typedef struct passes {
    real *out, *din, *dweight;
} passes;

static void passes_free(passes *p) {
    free(p->out);
    free(p->din);
    free(p->dweight);
}

/* What backward adds to, and forward overwrites, starts as noise. */
static passes start(const rn_conv_dims *d) {
    const counts n = counts_of(d);
    return (passes){.out = ops_random(n.out, -1, 1, SEED_OUT),
                    .din = ops_random(n.in, -1, 1, SEED_DIN),
                    .dweight = ops_random(n.weight, -1, 1, SEED_DWEIGHT)};
}

static passes run(const rn_conv_dims *d, int workers) {
    const counts n = counts_of(d);
    ops_exec e = ops_exec_open(workers, rn_depthwise_scratch(d));
    real *in = ops_random(n.in, -1, 1, SEED_IN), *weight = ops_random(n.weight, -1, 1, SEED_WEIGHT),
         *dout = ops_random(n.out, -1, 1, SEED_DOUT);
    passes p = start(d);
    rn_depthwise_forward(&e.exec, p.out, in, weight, d);
    rn_depthwise_backward_data(&e.exec, p.din, dout, weight, d);
    rn_depthwise_backward_weight(&e.exec, p.dweight, dout, in, d);
    free(in);
    free(weight);
    free(dout);
    ops_exec_close(&e);
    return p;
}

/* The plain loop, in double. */
static void reference(double *out, double *din, double *dweight, const rn_conv_dims *d) {
    const counts n = counts_of(d);
    real *in = ops_random(n.in, -1, 1, SEED_IN), *weight = ops_random(n.weight, -1, 1, SEED_WEIGHT),
         *dout = ops_random(n.out, -1, 1, SEED_DOUT);
    passes p = start(d);
    const size_t c = (size_t)d->in_c, taps = (size_t)(d->kernel * d->kernel);
    for (size_t i = 0; i < n.in; i++) din[i] = (double)p.din[i];
    for (size_t i = 0; i < n.weight; i++) dweight[i] = (double)p.dweight[i];
    for (size_t o = 0; o < n.out; o++) {
        const size_t channel = o % c, pixel = o / c;
        const int ox = (int)(pixel % (size_t)d->out_w),
                  oy = (int)(pixel / (size_t)d->out_w % (size_t)d->out_h);
        const size_t image = pixel / (size_t)(d->out_w * d->out_h);
        for (size_t t = 0; t < taps; t++) {
            const int y = oy * d->stride - d->pad + d->shift_y + (int)t / d->kernel,
                      x = ox * d->stride - d->pad + d->shift_x + (int)t % d->kernel;
            if (y < 0 || y >= d->in_h || x < 0 || x >= d->in_w) continue;
            const size_t i = ((image * (size_t)d->in_h + (size_t)y) * (size_t)d->in_w + (size_t)x) *
                                 c +
                             channel,
                         w = channel * taps + t;
            out[o] += (double)in[i] * (double)weight[w];
            din[i] += (double)dout[o] * (double)weight[w];
            dweight[w] += (double)dout[o] * (double)in[i];
        }
    }
    passes_free(&p);
    free(in);
    free(weight);
    free(dout);
}

static double *zeros(size_t n) {
    double *x;
    ck_assert_int_eq(rn_alloc(&x, n, sizeof *x), RN_OK);
    return x;
}

static void assert_close(const real *got, const double *want, size_t n, double terms) {
    for (size_t i = 0; i < n; i++)
        ck_assert_double_eq_tol((double)got[i], want[i], 1e-6 * sqrt(terms));
}

static void check(rn_conv_dims d) {
    const counts n = counts_of(&d);
    const double taps = d.kernel * d.kernel, pixels = (double)(n.out / (size_t)d.in_c);
    double *out = zeros(n.out), *din = zeros(n.in), *dweight = zeros(n.weight);
    reference(out, din, dweight, &d);
    passes got = run(&d, 1);
    assert_close(got.out, out, n.out, taps + 1);
    assert_close(got.din, din, n.in, taps + 1);
    assert_close(got.dweight, dweight, n.weight, pixels + 1);
    for (int workers = 2; workers <= 4; workers += 2) { /* the same bits */
        passes other = run(&d, workers);
        ck_assert_mem_eq(got.out, other.out, n.out * sizeof(real));
        ck_assert_mem_eq(got.din, other.din, n.in * sizeof(real));
        ck_assert_mem_eq(got.dweight, other.dweight, n.weight * sizeof(real));
        passes_free(&other);
    }
    passes_free(&got);
    free(out);
    free(din);
    free(dweight);
}

/* A 2x2 picture of two channels, 3x3 filters 1..9 and all -1, pad 1: the corner (0, 0) sees the
 * picture through taps 5, 6, 8, 9. */
START_TEST(by_hand) {
    const rn_conv_dims d = shape(1, 2, 2, 2, 3, 1, 1);
    const real in[] = {1, 10, 2, 20, 3, 30, 4, 40}, dout[] = {1, 1, 0, 0, 0, 0, 0, 0};
    real weight[18], out[8], din[8] = {0}, dweight[18] = {0};
    for (int i = 0; i < 18; i++) weight[i] = i < 9 ? (real)(i + 1) : -1;
    ops_exec e = ops_exec_open(1, rn_depthwise_scratch(&d));
    rn_depthwise_forward(&e.exec, out, in, weight, &d);
    ck_assert(out[0] == 1 * 5 + 2 * 6 + 3 * 8 + 4 * 9);
    ck_assert(out[6] == 1 * 1 + 2 * 2 + 3 * 4 + 4 * 5); /* (1, 1) */
    ck_assert(out[1] == -100 && out[7] == -100);
    rn_depthwise_backward_data(&e.exec, din, dout, weight, &d);
    ck_assert(din[0] == 5 && din[2] == 6 && din[4] == 8 && din[6] == 9 && din[7] == -1);
    rn_depthwise_backward_weight(&e.exec, dweight, dout, in, &d);
    ck_assert(dweight[4] == 1 && dweight[5] == 2 && dweight[7] == 3 && dweight[8] == 4);
    ck_assert(dweight[0] == 0 && dweight[9 + 8] == 40);
    ops_exec_close(&e);
}
END_TEST

/* TensorFlow's SAME, kernel 3, stride 2: of 4 pixels (even) outputs see 0..2 and 2..3, of 3 (odd)
 * -1..1 and 1..2. With filters of 1 the outputs are these sums. */
START_TEST(same_by_hand) {
    const real weight[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const real row[] = {1, 2, 4, 8};
    real out[2];
    const rn_conv_dims even = same(1, 1, 4, 1, 3, 2), odd = same(1, 1, 3, 1, 3, 2);
    ck_assert(even.out_w == 2 && even.shift_x == 1 && even.shift_y == 0);
    ck_assert(odd.out_w == 2 && odd.shift_x == 0);
    ops_exec e = ops_exec_open(1, rn_depthwise_scratch(&even));
    rn_depthwise_forward(&e.exec, out, row, weight, &even);
    ck_assert(out[0] == 1 + 2 + 4 && out[1] == 4 + 8);
    rn_depthwise_forward(&e.exec, out, row, weight, &odd);
    ck_assert(out[0] == 1 + 2 && out[1] == 2 + 4);
    ops_exec_close(&e);
}
END_TEST

/* Kernels 1 3 5 7, strides 1 2 3, pads 0 1 3, channels on both sides of every width of vector. */
START_TEST(odd_shapes) {
    const int sides[] = {1, 7, 9, 12, 5, 16, 11}, channels[] = {1, 3, 16, 37, 64, 8, 100};
    int i = 0;
    for (int kernel = 1; kernel <= 7; kernel += 2)
        for (int stride = 1; stride <= 3; stride++)
            for (int pad = 0; pad <= 3; pad = 2 * pad + 1, i++) {
                const int h = sides[i % 7], w = sides[(i / 2 + 3) % 7];
                if (h + 2 * pad < kernel || w + 2 * pad < kernel) continue;
                check(shape(1 + i % 3, h, w, channels[(i + i / 7) % 7], kernel, stride, pad));
            }
}
END_TEST

START_TEST(same_padding) {
    check(same(2, 8, 6, 32, 3, 2));
    check(same(1, 7, 9, 24, 3, 2));
    check(same(1, 8, 9, 65, 3, 2));
    check(same(2, 9, 8, 5, 3, 2));
    check(same(1, 9, 8, 16, 3, 1));
    check(same(1, 10, 11, 7, 5, 2));
    check(same(1, 11, 10, 18, 5, 3));
    check(same(2, 1, 1, 12, 3, 2));
    check(same(1, 2, 1, 3, 3, 2));
}
END_TEST

/* More rows than blocks of sums; a row left over. */
START_TEST(many_rows) {
    check(shape(3, 23, 5, 96, 3, 1, 1));
    check(shape(1, 33, 4, 10, 3, 1, 1));
    check(same(2, 40, 38, 48, 3, 2));
}
END_TEST

START_TEST(nan_is_visible) {
    const rn_conv_dims d = shape(1, 1, 1, 1, 3, 1, 1);
    const real in = (real)NAN;
    real weight[9] = {0}, out = 0;
    ops_exec e = ops_exec_open(1, rn_depthwise_scratch(&d));
    rn_depthwise_forward(&e.exec, &out, &in, weight, &d);
    ck_assert(isnan(out));
    ops_exec_close(&e);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("depthwise");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, by_hand);
    tcase_add_test(tests, same_by_hand);
    tcase_add_test(tests, odd_shapes);
    tcase_add_test(tests, same_padding);
    tcase_add_test(tests, many_rows);
    tcase_add_test(tests, nan_is_visible);
    return ops_run(tests, "depthwise");
}
