/* Minimal filtering against a direct sum in double: every kernel this processor can run, pictures
 * of several sizes at once, few tiles and many. */
#include "ops/winograd.h"
#include "ops_exec.h"
#include <string.h>

enum { MOST_PARTS = 3 };

typedef struct shape {
    int in_c, out_c;
    int sizes[MOST_PARTS][3]; /* batch, h, w; batch 0 ends the list */
} shape;

/* Odd sizes, more or fewer channels than whole vectors and chunks; the last two have more tiles
 * than one round and one slab take. */
static const shape shapes[] = {{16, 16, {{1, 1, 1}}},
                               {17, 18, {{2, 5, 3}, {1, 4, 8}}},
                               {33, 70, {{1, 9, 2}, {3, 1, 6}, {1, 13, 11}}},
                               {130, 41, {{1, 7, 6}, {2, 2, 2}}},
                               {20, 150, {{2, 37, 35}, {1, 5, 5}}},
                               {140, 16, {{1, 51, 60}, {1, 26, 30}, {1, 1, 9}}}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

typedef struct operands {
    rn_conv_part parts[MOST_PARTS];
    size_t n, in[MOST_PARTS], out[MOST_PARTS], weights;
    real *weight, *bias, *dweight;
} operands;

static operands open_operands(const shape *s) {
    operands o = {.weights = (size_t)(9 * s->in_c * s->out_c)};
    for (; o.n < MOST_PARTS && s->sizes[o.n][0]; o.n++) {
        const int *size = s->sizes[o.n];
        const size_t pixels = (size_t)(size[0] * size[1] * size[2]);
        o.in[o.n] = pixels * (size_t)s->in_c;
        o.out[o.n] = pixels * (size_t)s->out_c;
        o.parts[o.n] = (rn_conv_part){.dims = {.batch = size[0],
                                               .in_h = size[1],
                                               .in_w = size[2],
                                               .in_c = s->in_c,
                                               .out_h = size[1],
                                               .out_w = size[2],
                                               .out_c = s->out_c,
                                               .kernel = 3,
                                               .stride = 1,
                                               .pad = 1},
                                      .in = ops_random(o.in[o.n], -1, 1, 1 + o.n),
                                      .dout = ops_random(o.out[o.n], -1, 1, 11 + o.n),
                                      .out = ops_random(o.out[o.n], -1, 1, 21 + o.n),
                                      .din = ops_random(o.in[o.n], -1, 1, 31 + o.n)};
    }
    o.weight = ops_random(o.weights, -1, 1, 41);
    o.dweight = ops_random(o.weights, -1, 1, 42);
    o.bias = ops_random((size_t)s->out_c, -1, 1, 43);
    return o;
}

static void close_operands(operands *o) {
    for (size_t i = 0; i < o->n; i++) {
        free((real *)o->parts[i].in);
        free((real *)o->parts[i].dout);
        free(o->parts[i].out);
        free(o->parts[i].din);
    }
    free(o->weight);
    free(o->dweight);
    free(o->bias);
}

static void run(operands *o, rn_isa isa, int workers, bool relu) {
    ops_exec e = ops_exec_open(workers, rn_winograd_scratch(o->parts, o->n, RN_CONV_ALL));
    e.exec.isa = isa;
    const rn_conv_finish finish = {.shift = o->bias, .activation = relu ? RN_RELU : RN_LINEAR};
    rn_winograd_forward(&e.exec, o->parts, o->n, o->weight, &finish);
    rn_winograd_backward_data(&e.exec, o->parts, o->n, o->weight);
    rn_winograd_backward_weight(&e.exec, o->dweight, o->parts, o->n);
    ops_exec_close(&e);
}

/* ---- the direct sums ---- */

typedef struct sums {
    double *out[MOST_PARTS], *din[MOST_PARTS], *dweight;
} sums;

static double *doubles(size_t n, const real *start) {
    double *x = malloc(n * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < n; i++) x[i] = start ? (double)start[i] : 0;
    return x;
}

static void add_pixel(sums *want, const operands *o, size_t part, int image, int y, int x) {
    const rn_conv_part *p = &o->parts[part];
    const rn_conv_dims *d = &p->dims;
    const size_t at = ((size_t)image * d->in_h + y) * d->in_w + x;
    for (int tap = 0; tap < 9; tap++) {
        const int iy = y + tap / 3 - 1, ix = x + tap % 3 - 1;
        if (iy < 0 || iy >= d->in_h || ix < 0 || ix >= d->in_w) continue;
        const size_t from = ((size_t)image * d->in_h + iy) * d->in_w + ix;
        for (int k = 0; k < d->out_c; k++) {
            const size_t w = ((size_t)k * 9 + tap) * d->in_c, to = at * d->out_c + k;
            for (int c = 0; c < d->in_c; c++) {
                const double in = (double)p->in[from * d->in_c + c],
                             weight = (double)o->weight[w + c], dout = (double)p->dout[to];
                want->out[part][to] += in * weight;
                want->din[part][from * d->in_c + c] += dout * weight;
                want->dweight[w + c] += dout * in;
            }
        }
    }
}

/* Of operands that no pass has been over. */
static sums sums_of(const operands *o) {
    sums want = {.dweight = doubles(o->weights, o->dweight)};
    for (size_t part = 0; part < o->n; part++) {
        const rn_conv_dims *d = &o->parts[part].dims;
        want.out[part] = doubles(o->out[part], NULL);
        want.din[part] = doubles(o->in[part], o->parts[part].din);
        for (size_t i = 0; i < o->out[part]; i++)
            want.out[part][i] = (double)o->bias[i % (size_t)d->out_c];
        for (int image = 0; image < d->batch; image++)
            for (int y = 0; y < d->in_h; y++)
                for (int x = 0; x < d->in_w; x++) add_pixel(&want, o, part, image, y, x);
    }
    return want;
}

static void close_sums(sums *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free(s->out[i]);
        free(s->din[i]);
    }
    free(s->dweight);
}

/* Relative rms of the differences. */
static double error_of(const real *got, const double *want, size_t n) {
    double difference = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        square += want[i] * want[i];
    }
    return sqrt(difference / square);
}

START_TEST(close_to_the_direct_sum) {
    const shape *s = &shapes[_i];
    for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++) {
        operands o = open_operands(s);
        sums want = sums_of(&o);
        run(&o, (rn_isa)isa, 2, false);
        for (size_t part = 0; part < o.n; part++) {
            ck_assert_double_lt(error_of(o.parts[part].out, want.out[part], o.out[part]), 5e-6);
            ck_assert_double_lt(error_of(o.parts[part].din, want.din[part], o.in[part]), 5e-6);
        }
        ck_assert_double_lt(error_of(o.dweight, want.dweight, o.weights), 5e-6);
        close_sums(&want, o.n);
        close_operands(&o);
    }
}
END_TEST

START_TEST(threads_do_not_show) {
    const shape *s = &shapes[_i];
    for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++) {
        operands one = open_operands(s);
        run(&one, (rn_isa)isa, 1, true);
        for (int workers = 2; workers <= 5; workers++) {
            operands more = open_operands(s);
            run(&more, (rn_isa)isa, workers, true);
            for (size_t i = 0; i < one.n; i++) {
                ck_assert_mem_eq(one.parts[i].out, more.parts[i].out, one.out[i] * sizeof(real));
                ck_assert_mem_eq(one.parts[i].din, more.parts[i].din, one.in[i] * sizeof(real));
            }
            ck_assert_mem_eq(one.dweight, more.dweight, one.weights * sizeof(real));
            close_operands(&more);
        }
        close_operands(&one);
    }
}
END_TEST

/* ReLU and a NaN: negative sums become 0, what the NaN reaches stays visible. */
START_TEST(relu_and_nan) {
    const shape s = {16, 20, {{1, 9, 9}}};
    for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++) {
        operands plain = open_operands(&s), relu = open_operands(&s);
        run(&plain, (rn_isa)isa, 1, false);
        run(&relu, (rn_isa)isa, 1, true);
        for (size_t i = 0; i < relu.out[0]; i++)
            ck_assert(relu.parts[0].out[i] == fmax(plain.parts[0].out[i], (real)0));
        ((real *)relu.parts[0].in)[0] = (real)NAN;
        run(&relu, (rn_isa)isa, 1, true);
        for (int k = 0; k < s.out_c; k++) ck_assert(isnan(relu.parts[0].out[k]));
        ck_assert(!isnan(relu.parts[0].out[relu.out[0] - 1])); /* in another tile */
        close_operands(&plain);
        close_operands(&relu);
    }
}
END_TEST

/* A part whose gradient is not wanted is left out. */
START_TEST(unwanted_gradient) {
    operands o = open_operands(&shapes[1]), all = open_operands(&shapes[1]);
    real *din = o.parts[0].din;
    o.parts[0].din = NULL;
    run(&o, RN_ISA_BEST, 1, false);
    run(&all, RN_ISA_BEST, 1, false);
    ck_assert_mem_eq(o.parts[1].din, all.parts[1].din, o.in[1] * sizeof(real));
    o.parts[0].din = din;
    close_operands(&o);
    close_operands(&all);
}
END_TEST

START_TEST(which_shapes) {
    const rn_conv_dims fits = {.in_c = 16, .out_c = 16, .kernel = 3, .stride = 1, .pad = 1};
    rn_conv_dims d = fits;
    ck_assert(rn_winograd_fits(&d));
    d.stride = 2;
    ck_assert(!rn_winograd_fits(&d));
    d = fits;
    d.pad = 0;
    ck_assert(!rn_winograd_fits(&d));
    d = fits;
    d.kernel = 1;
    ck_assert(!rn_winograd_fits(&d));
    d = fits;
    d.in_c = 15;
    ck_assert(!rn_winograd_fits(&d));
    d = fits;
    d.shift_x = 1;
    ck_assert(!rn_winograd_fits(&d));
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("winograd");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, close_to_the_direct_sum, 0, N_SHAPES);
    tcase_add_loop_test(tests, threads_do_not_show, 0, N_SHAPES);
    tcase_add_test(tests, relu_and_nan);
    tcase_add_test(tests, unwanted_gradient);
    tcase_add_test(tests, which_shapes);
    return ops_run(tests, "winograd");
}
