/* Every kernel this processor can run, for every width and for numbers of rows around its tiles. */
#include "ops/gemm.h"
#include "ops_exec.h"
#include <string.h>

enum { MAX_ROWS = 14, MAX_DEPTH = 21, STEP = 3, C_STRIDE = RN_GEMM_COLUMNS + 2 };

typedef struct operands {
    real *a, *b, *c;
    real *c_rows[MAX_ROWS];
    const real *a_rows[MAX_ROWS];
} operands;

static operands operands_open(int columns, int depth) {
    const size_t b_stride = MAX_DEPTH * RN_LANES;
    operands o = {.a = ops_random(MAX_ROWS * MAX_DEPTH * STEP, -1, 1, 1),
                  .b = ops_random(RN_GEMM_PANELS * b_stride, -1, 1, 2),
                  .c = ops_random(MAX_ROWS * C_STRIDE, -1, 1, 3)};
    for (int j = columns; j < RN_GEMM_COLUMNS; j++)
        for (int k = 0; k < depth; k++)
            o.b[(size_t)(j / RN_LANES) * b_stride + (size_t)(k * RN_LANES + j % RN_LANES)] = 0;
    for (int r = 0; r < MAX_ROWS; r++) {
        o.c_rows[r] = o.c + r * C_STRIDE;
        o.a_rows[r] = o.a + (MAX_ROWS - 1 - r) * MAX_DEPTH * STEP; /* any order will do */
    }
    return o;
}

static void operands_close(operands *o) {
    free(o->a);
    free(o->b);
    free(o->c);
}

static void check_one(rn_isa isa, int rows, int columns, int depth, size_t step) {
    operands o = operands_open(columns, depth);
    const rn_gemm gemm = {.c = o.c_rows,
                          .a = o.a_rows,
                          .b = o.b,
                          .rows = (size_t)rows,
                          .step = step,
                          .depth = (size_t)depth,
                          .b_step = RN_LANES,
                          .b_stride = MAX_DEPTH * RN_LANES,
                          .columns = columns};
    real *before = ops_random(MAX_ROWS * C_STRIDE, -1, 1, 3);
    rn_gemm_run(&gemm, isa);
    for (int r = 0; r < MAX_ROWS; r++) {
        for (int j = 0; j < C_STRIDE; j++) {
            double want = (double)before[r * C_STRIDE + j];
            if (r >= rows || j >= columns) { /* not ours to touch */
                ck_assert(o.c[r * C_STRIDE + j] == before[r * C_STRIDE + j]);
                continue;
            }
            const real *b = o.b + (size_t)(j / RN_LANES) * gemm.b_stride + j % RN_LANES;
            for (int k = 0; k < depth; k++)
                want += (double)o.a_rows[r][(size_t)k * step] * (double)b[k * RN_LANES];
            ck_assert_double_eq_tol((double)o.c[r * C_STRIDE + j], want, 1e-5);
        }
    }
    free(before);
    operands_close(&o);
}

START_TEST(every_kernel) {
    for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++)
        for (int rows = 1; rows <= MAX_ROWS; rows++)
            for (int columns = 1; columns <= RN_GEMM_COLUMNS; columns += columns % 5 + 1)
                check_one((rn_isa)isa, rows, columns, rows % 2 ? MAX_DEPTH : 1,
                          columns % 2 ? 1 : STEP);
}
END_TEST

/* How rows are grouped does not show: each alone, or all at once, the same bits. */
START_TEST(rows_are_independent) {
    for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++) {
        operands all = operands_open(40, MAX_DEPTH), one = operands_open(40, MAX_DEPTH);
        rn_gemm gemm = {.c = all.c_rows,
                        .a = all.a_rows,
                        .b = all.b,
                        .rows = MAX_ROWS,
                        .step = 1,
                        .depth = MAX_DEPTH,
                        .b_step = RN_LANES,
                        .b_stride = MAX_DEPTH * RN_LANES,
                        .columns = 40};
        rn_gemm_run(&gemm, (rn_isa)isa);
        for (int r = 0; r < MAX_ROWS; r++) {
            gemm.c = one.c_rows + r;
            gemm.a = one.a_rows + r;
            gemm.rows = 1;
            rn_gemm_run(&gemm, (rn_isa)isa);
        }
        ck_assert_mem_eq(all.c, one.c, MAX_ROWS * C_STRIDE * sizeof(real));
        operands_close(&all);
        operands_close(&one);
    }
}
END_TEST

int main(void) {
    TCase *tests = tcase_create("gemm");
    tcase_add_test(tests, every_kernel);
    tcase_add_test(tests, rows_are_independent);
    return ops_run(tests, "gemm");
}
