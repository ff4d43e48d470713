/* Every operation against torch on odd shapes, forward and backward: max|difference| /
 * max|reference| <= 1e-5. Prints the largest of each. */
#include "data/image.h"
#include "golden.h"
#include "ops/conv.h"
#include "ops/norm.h"
#include "ops/pointwise.h"
#include "ops_exec.h"

#define TOLERANCE 1e-5

enum { WORKERS = 2 };

static void open_file(void) {
    golden_open("ops.safetensors");
}

static real *zeros(size_t n) {
    real *x;
    ck_assert_int_eq(rn_alloc(&x, n, sizeof *x), RN_OK);
    return x;
}

/* `n` numbers of the series, put on `offset`. */
static real *shifted(size_t n, uint32_t seed, real offset) {
    real *x = golden_series(n, seed);
    for (size_t i = 0; i < n; i++) x[i] += offset;
    return x;
}

/* The series rounded down to multiples of 2 / n; n 0: as it is. */
static real *stepped(size_t count, uint32_t seed, int n) {
    real *x = golden_series(count, seed);
    const real scale = (real)n / 2;
    for (size_t i = 0; i < count && n > 0; i++) x[i] = floor((x[i] + 1) * scale) / scale - 1;
    return x;
}

/* ---- convolution ---- */

typedef struct worst {
    double out, din, dweight, dbias;
} worst;

static void check_conv(worst *w, int i) {
    int v[11];
    golden_few(v, 11, golden_find("conv.%d.dims", i));
    const rn_conv_dims d = {.batch = v[0],
                            .in_h = v[1],
                            .in_w = v[2],
                            .in_c = v[3],
                            .out_c = v[4],
                            .kernel = v[5],
                            .stride = v[6],
                            .pad = v[7],
                            .out_h = v[9],
                            .out_w = v[10]};
    const bool bias = v[8];
    const size_t n_out = (size_t)d.batch * d.out_h * d.out_w * d.out_c;
    const size_t n_in = (size_t)d.batch * d.in_h * d.in_w * d.in_c;
    const size_t n_weight = (size_t)d.out_c * d.kernel * d.kernel * d.in_c;
    const uint32_t seed = 16 * (uint32_t)i;
    real *in = golden_series(n_in, seed), *weight = golden_series(n_weight, seed + 1),
         *b = golden_series((size_t)d.out_c, seed + 2), *dout = golden_series(n_out, seed + 3);
    real *out = zeros(n_out), *din = zeros(n_in), *dweight = zeros(n_weight),
         *dbias = zeros((size_t)d.out_c);
    ops_exec e =
        ops_exec_open(WORKERS, rn_conv_scratch(&(rn_conv_part){.dims = d}, 1, RN_CONV_ALL));
    const rn_conv_part part = {.dims = d, .in = in, .dout = dout, .out = out, .din = din};
    rn_conv_forward(&e.exec, &part, 1, weight, &(rn_conv_finish){.shift = bias ? b : NULL});
    rn_conv_backward_data(&e.exec, &part, 1, weight);
    rn_conv_backward_weight(&e.exec, dweight, bias ? dbias : NULL, &part, 1);
    golden_compare(&w->out, out, n_out, golden_find("conv.%d.out", i), TOLERANCE);
    golden_compare(&w->din, din, n_in, golden_find("conv.%d.din", i), TOLERANCE);
    golden_compare(&w->dweight, dweight, n_weight, golden_find("conv.%d.dweight", i), TOLERANCE);
    if (bias)
        golden_compare(&w->dbias, dbias, (size_t)d.out_c, golden_find("conv.%d.dbias", i),
                       TOLERANCE);
    real *const all[] = {in, weight, b, dout, out, din, dweight, dbias};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
    ops_exec_close(&e);
}

START_TEST(convolution) {
    worst w = {0};
    ck_assert_int_eq(golden_cases("conv", "dims"), 18);
    for (int i = 0; i < 18; i++) check_conv(&w, i);
    printf("convolution: out %.1e, din %.1e, dweight %.1e, dbias %.1e\n", w.out, w.din, w.dweight,
           w.dbias);
}
END_TEST

/* ---- norms ---- */

enum { FROZEN, BATCH, GROUP };

typedef struct norm {
    int kind;
    rn_norm_dims dims;
    size_t n; /* numbers in the tensor */
    real eps;
    real *in, *weight, *bias, *dout, *mean, *var; /* mean and var: running ones */
    real *out, *din, *dweight, *dbias;
} norm;

static norm norm_open(int i) {
    int v[7];
    golden_few(v, 7, golden_find("norm.%d.dims", i));
    real *eps = golden_reals(NULL, golden_find("norm.%d.eps", i));
    norm m = {.kind = v[0],
              .dims = {.batch = v[1], .pixels = (size_t)(v[2] * v[3]), .c = v[4], .groups = v[5]},
              .eps = *eps};
    free(eps);
    m.n = (size_t)m.dims.batch * m.dims.pixels * (size_t)m.dims.c;
    const size_t c = (size_t)m.dims.c;
    const uint32_t seed = 1000 + 16 * (uint32_t)i;
    m.in = shifted(m.n, seed, (real)v[6]);
    m.weight = golden_series(c, seed + 1);
    m.bias = golden_series(c, seed + 2);
    m.dout = golden_series(m.n, seed + 3);
    m.mean = golden_series(c, seed + 4);
    m.var = shifted(c, seed + 5, (real)1.25);
    m.out = zeros(m.n);
    m.din = zeros(m.n);
    m.dweight = zeros(c);
    m.dbias = zeros(c);
    return m;
}

static void norm_close(norm *m) {
    real *const all[] = {m->in,  m->weight, m->bias, m->dout,    m->mean,
                         m->var, m->out,    m->din,  m->dweight, m->dbias};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
}

static void norm_run(norm *m) {
    const size_t c = (size_t)m->dims.c;
    real *mean = zeros((size_t)m->dims.batch * c), *rstd = zeros((size_t)m->dims.batch * c);
    ops_exec e = ops_exec_open(WORKERS, rn_norm_scratch(&m->dims));
    if (m->kind == FROZEN) {
        rn_affine_forward(&e.exec, m->out, m->in, m->weight, m->bias, m->mean, m->var, m->eps,
                          false, &m->dims);
        rn_affine_backward(&e.exec, m->din, m->dout, m->weight, m->var, m->eps, &m->dims);
    } else if (m->kind == BATCH) {
        rn_batch_norm_forward(&e.exec, m->out, mean, rstd, m->mean, m->var, m->in, m->weight,
                              m->bias, m->eps, (real)0.1, false, &m->dims);
        rn_batch_norm_backward(&e.exec, m->din, m->dweight, m->dbias, m->dout, m->in, mean, rstd,
                               m->weight, &m->dims);
    } else {
        rn_group_norm_forward(&e.exec, m->out, mean, rstd, m->in, m->weight, m->bias, m->eps, false,
                              &m->dims);
        rn_group_norm_backward(&e.exec, m->din, m->dweight, m->dbias, m->dout, m->in, mean, rstd,
                               m->weight, &m->dims);
    }
    ops_exec_close(&e);
    free(mean);
    free(rstd);
}

static void check_norm(worst *w, double *running, int i) {
    norm m = norm_open(i);
    const size_t c = (size_t)m.dims.c;
    norm_run(&m);
    w += m.kind;
    golden_compare(&w->out, m.out, m.n, golden_find("norm.%d.out", i), TOLERANCE);
    golden_compare(&w->din, m.din, m.n, golden_find("norm.%d.din", i), TOLERANCE);
    if (m.kind != FROZEN) {
        golden_compare(&w->dweight, m.dweight, c, golden_find("norm.%d.dweight", i), TOLERANCE);
        golden_compare(&w->dbias, m.dbias, c, golden_find("norm.%d.dbias", i), TOLERANCE);
    }
    if (m.kind == BATCH) {
        golden_compare(running, m.mean, c, golden_find("norm.%d.mean", i), TOLERANCE);
        golden_compare(running, m.var, c, golden_find("norm.%d.var", i), TOLERANCE);
    }
    norm_close(&m);
}

START_TEST(normalisation) {
    static const char *const names[] = {"frozen batch norm", "batch norm", "group norm"};
    worst w[3] = {{0}};
    double running = 0;
    ck_assert_int_eq(golden_cases("norm", "dims"), 10);
    for (int i = 0; i < 10; i++) check_norm(w, &running, i);
    for (int k = 0; k < 3; k++)
        printf("%s: out %.1e, din %.1e, dweight %.1e, dbias %.1e\n", names[k], w[k].out, w[k].din,
               w[k].dweight, w[k].dbias);
    printf("batch norm: running mean and variance %.1e\n", running);
}
END_TEST

/* ---- pooling, upsampling, pointwise ---- */

START_TEST(max_pooling) {
    worst w = {0};
    ck_assert_int_eq(golden_cases("pool", "dims"), 6);
    for (int i = 0; i < 6; i++) {
        int v[10];
        golden_few(v, 10, golden_find("pool.%d.dims", i));
        const rn_pool_dims d = {v[0], v[1], v[2], v[3], v[8], v[9], v[4], v[5], v[6]};
        const size_t n_in = (size_t)d.batch * d.in_h * d.in_w * d.c;
        const size_t n_out = (size_t)d.batch * d.out_h * d.out_w * d.c;
        const uint32_t seed = 2000 + 16 * (uint32_t)i;
        real *in = stepped(n_in, seed, v[7]), *dout = golden_series(n_out, seed + 3);
        real *out = zeros(n_out), *din = zeros(n_in);
        ops_exec e = ops_exec_open(WORKERS, (rn_scratch){0});
        rn_max_pool_forward(&e.exec, out, in, &d);
        rn_max_pool_backward(&e.exec, din, dout, in, &d);
        golden_compare(&w.out, out, n_out, golden_find("pool.%d.out", i), 0); /* copies */
        golden_compare(&w.din, din, n_in, golden_find("pool.%d.din", i), TOLERANCE);
        ops_exec_close(&e);
        free(in);
        free(dout);
        free(out);
        free(din);
    }
    printf("max pooling: out %.1e, din %.1e\n", w.out, w.din);
}
END_TEST

START_TEST(upsampling) {
    worst w = {0};
    ck_assert_int_eq(golden_cases("upsample", "dims"), 5);
    for (int i = 0; i < 5; i++) {
        int v[6];
        golden_few(v, 6, golden_find("upsample.%d.dims", i));
        const rn_upsample_dims d = {v[0], v[1], v[2], v[3], v[4], v[5]};
        const size_t n_top = (size_t)d.batch * d.in_h * d.in_w * d.c;
        const size_t n_out = (size_t)d.batch * d.out_h * d.out_w * d.c;
        const uint32_t seed = 3000 + 16 * (uint32_t)i;
        real *top = golden_series(n_top, seed), *lateral = golden_series(n_out, seed + 1);
        real *dout = golden_series(n_out, seed + 3), *dtop = zeros(n_top), *out = zeros(n_out);
        ops_exec e = ops_exec_open(WORKERS, (rn_scratch){0});
        rn_upsample_add_forward(&e.exec, out, lateral, top, &d);
        rn_upsample_backward(&e.exec, dtop, dout, &d);
        golden_compare(&w.out, out, n_out, golden_find("upsample.%d.out", i), TOLERANCE);
        golden_compare(&w.din, dtop, n_top, golden_find("upsample.%d.dtop", i), TOLERANCE);
        ops_exec_close(&e);
        free(top);
        free(lateral);
        free(dout);
        free(dtop);
        free(out);
    }
    printf("upsampling: out %.1e, dtop %.1e\n", w.out, w.din);
}
END_TEST

START_TEST(pointwise) {
    enum { N = 501 };
    worst w = {0};
    real *a = stepped(N, 4000, 5), *b = stepped(N, 4001, 5), *dout = golden_series(N, 4003);
    real *out = zeros(N), *da = zeros(N), *db = zeros(N);
    ops_exec e = ops_exec_open(WORKERS, (rn_scratch){0});
    rn_relu_forward(&e.exec, out, a, N);
    golden_compare(&w.out, out, N, golden_find("relu.out"), 0);
    rn_relu_mask(&e.exec, dout, out, N);
    golden_compare(&w.din, dout, N, golden_find("relu.din"), 0);
    free(dout);
    dout = golden_series(N, 4003);
    rn_add_forward(&e.exec, out, a, b, true, N);
    golden_compare(&w.out, out, N, golden_find("add_relu.out"), TOLERANCE);
    rn_relu_mask(&e.exec, dout, out, N);
    rn_add_backward(&e.exec, da, dout, N);
    rn_add_backward(&e.exec, db, dout, N);
    golden_compare(&w.din, da, N, golden_find("add_relu.da"), TOLERANCE);
    golden_compare(&w.din, db, N, golden_find("add_relu.db"), TOLERANCE);
    printf("ReLU and sum: out %.1e, din %.1e\n", w.out, w.din);
    real *const all[] = {a, b, dout, out, da, db};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
    ops_exec_close(&e);
}
END_TEST

/* ---- resizing ---- */

/* Bytes 0..255 of the series. */
static uint8_t *pixels_of(size_t n, uint32_t seed) {
    uint8_t *pixels;
    real *x = golden_series(n, seed);
    ck_assert_int_eq(rn_alloc(&pixels, n, 1), RN_OK);
    for (size_t i = 0; i < n; i++) pixels[i] = (uint8_t)((x[i] + 1) * 128);
    free(x);
    return pixels;
}

START_TEST(resizing) {
    const rn_geometry geometry = {.mean = {0.485f, 0.456f, 0.406f},
                                  .std = {0.229f, 0.224f, 0.225f}};
    rn_resizer resizer = {0};
    double w = 0;
    ck_assert_int_eq(golden_cases("resize", "dims"), 4);
    for (int i = 0; i < 4; i++) {
        int v[4];
        golden_few(v, 4, golden_find("resize.%d.dims", i));
        const size_t n = (size_t)v[2] * v[3] * 3;
        uint8_t *pixels = pixels_of((size_t)v[0] * v[1] * 3, 5000 + (uint32_t)i);
        const rn_image image = {.pixels = pixels, .width = v[1], .height = v[0]};
        const rn_crop whole = {0, 0, v[1], v[0]};
        float *canvas = zeros(n);
        ck_assert_int_eq(rn_resize_normalise(canvas, v[3], v[2], v[3], v[2], &image, &whole, false,
                                             &geometry, &resizer),
                         RN_OK);
        golden_compare(&w, canvas, n, golden_find("resize.%d.out", i), TOLERANCE);
        free(pixels);
        free(canvas);
    }
    rn_resizer_free(&resizer);
    printf("resizing and normalising: %.1e\n", w);
}
END_TEST

/* ---- the comparison itself ---- */

START_TEST(differences_are_seen) {
    size_t n;
    const rn_tensor *t = golden_find("conv.0.out");
    real *x = golden_reals(&n, t), most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    ck_assert(golden_difference(x, n, t) == 0);
    ck_assert(golden_difference(x, n - 1, t) == INFINITY);
    x[3] += most * (real)1.1e-5;
    ck_assert(golden_difference(x, n, t) > TOLERANCE && golden_difference(x, n, t) < 1.2e-5);
    x[3] = NAN;
    ck_assert(golden_difference(x, n, t) == INFINITY);
    free(x);
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("parity of operations");
    tcase_add_checked_fixture(tests, open_file, golden_close);
    tcase_add_test(tests, convolution);
    tcase_add_test(tests, normalisation);
    tcase_add_test(tests, max_pooling);
    tcase_add_test(tests, upsampling);
    tcase_add_test(tests, pointwise);
    tcase_add_test(tests, resizing);
    tcase_add_test(tests, differences_are_seen);
    return ops_run(tests, "parity of operations");
}
