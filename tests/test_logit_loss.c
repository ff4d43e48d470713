/* The curves of a logit's loss besides focal loss (test_loss.c): golden numbers, what they promise,
 * the sum over anchors, and the table of losses. test_logit_loss_gradient.c proves the derivatives.
 */
#include "detection/loss_table.h"
#include "detection/matcher.h"
#include "suite.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <string.h>

static void assert_near(double got, double want, double bound) {
    ck_assert_msg(fabs(got - want) <= bound * fabs(want), "got %.9g, want %.9g", got, want);
}

/* By mpmath in 40 digits. */
START_TEST(golden_values) {
    static const struct {
        rn_logit_loss loss;
        float x;
        bool foreground;
        double value, dx;
    } table[] = {
        {{RN_SHAPE_STAR, {2, 0.25f}, 1, 0, {0, 0}, NULL},
         0,
         true,
         0.0391577109398,
         -0.0672353553425},
        {{RN_SHAPE_STAR, {2, 0.25f}, 1, 0, {0, 0}, NULL}, 0, false, 0.117473132819, 0.201706066027},
        {{RN_SHAPE_STAR, {2, 0.25f}, 1, 0, {0, 0}, NULL},
         1.5f,
         true,
         0.00226874098973,
         -0.00449655249052},
        {{RN_SHAPE_STAR, {2, 0.25f}, 1, 0, {0, 0}, NULL}, 2, false, 1.14322025684, 0.714430595117},
        {{RN_SHAPE_STAR, {4, -1}, 0, 0, {0, 0}, NULL},
         -3.25f,
         false,
         5.6508171311e-7,
         2.2603242979e-6},
        {{RN_SHAPE_STAR, {4, -1}, 0, 0, {0, 0}, NULL},
         1.5f,
         true,
         0.000618921284433,
         -0.00247262315663},
        {{RN_SHAPE_POLY, {2, 0.25f}, 0, -1, {0, 0}, NULL},
         0,
         true,
         0.012071698785,
         -0.027696698785},
        {{RN_SHAPE_POLY, {2, 0.25f}, 0, -1, {0, 0}, NULL},
         0,
         false,
         0.036215096355,
         0.083090096355},
        {{RN_SHAPE_POLY, {2, 0.25f}, 0, -1, {0, 0}, NULL},
         2,
         false,
         0.725064547558,
         0.624262919765},
        {{RN_SHAPE_POLY, {0.5f, -1}, 0, 2, {0, 0}, NULL},
         1.5f,
         true,
         0.241858860889,
         -0.304189910754},
        {{RN_SHAPE_POLY, {0.5f, -1}, 0, 2, {0, 0}, NULL},
         -3.25f,
         false,
         0.0217728910796,
         0.0315765654777},
        {{RN_SHAPE_SLOPE, {2, 0.25f}, 0, 0, {0.001953125f, 0.171875f}, NULL},
         0,
         true,
         0.065659449721,
         -0.0832390630563},
        {{RN_SHAPE_SLOPE, {2, 0.25f}, 0, 0, {0.001953125f, 0.171875f}, NULL},
         0,
         false,
         0.130726610591,
         0.224010574682},
        {{RN_SHAPE_SLOPE, {2, 0.25f}, 0, 0, {0.001953125f, 0.171875f}, NULL},
         1.5f,
         true,
         0.0100421755661,
         -0.0113645677293},
        {{RN_SHAPE_SLOPE, {2, 0.25f}, 0, 0, {0.001953125f, 0.171875f}, NULL},
         -3.25f,
         false,
         9.5399207633e-5,
         0.000169994671356},
        {{RN_SHAPE_SLOPE, {1.5f, -1}, 0, 0, {0.25f, 0.5f}, NULL},
         1.5f,
         true,
         0.108553329165,
         -0.107942604576},
        {{RN_SHAPE_SLOPE, {1.5f, -1}, 0, 0, {0.25f, 0.5f}, NULL},
         2,
         false,
         1.85037688027,
         1.00205203311},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        float dx;
        const float value =
            rn_logit_loss_value(&dx, table[i].x, table[i].foreground, &table[i].loss);
        assert_near((double)value, table[i].value, 12 * FLT_EPSILON);
        assert_near((double)dx, table[i].dx, 12 * FLT_EPSILON);
    }
}
END_TEST

static const rn_logit_loss shaped[] = {
    {RN_SHAPE_STAR, {2, 0.25f}, 1, 0, {0, 0}, NULL},
    {RN_SHAPE_STAR, {0.5f, -1}, -2, 0, {0, 0}, NULL},
    {RN_SHAPE_POLY, {2, 0.25f}, 0, -1, {0, 0}, NULL},
    {RN_SHAPE_POLY, {1.5f, 0.75f}, 0, 3, {0, 0}, NULL},
    {RN_SHAPE_SLOPE, {2, 0.25f}, 0, 0, {0.002f, 0.17f}, NULL},
    {RN_SHAPE_SLOPE, {0.5f, -1}, 0, 0, {0.5f, 0}, NULL},
};
enum { N_SHAPED = sizeof shaped / sizeof *shaped };

START_TEST(far_logits_stay_finite) {
    static const float far[] = {1e4f, 1e3f, 90, -90, -1e3f, -1e4f};
    for (int s = 0; s < N_SHAPED; s++)
        for (int i = 0; i < 12; i++) {
            float dx;
            const float value = rn_logit_loss_value(&dx, far[i % 6], i < 6, &shaped[s]);
            ck_assert(isfinite(value) && isfinite(dx) && value >= 0);
        }
    for (int s = 0; s < N_SHAPED; s++) {
        float dx;
        ck_assert(isnan(rn_logit_loss_value(&dx, NAN, true, &shaped[s])) && isnan(dx));
    }
}
END_TEST

START_TEST(each_shape_falls_towards_its_class) {
    for (int s = 0; s < N_SHAPED; s++)
        for (int i = -16; i <= 16; i++) {
            float dx;
            rn_logit_loss_value(&dx, (float)i / 4, true, &shaped[s]);
            ck_assert_float_lt(dx, 0);
            rn_logit_loss_value(&dx, (float)i / 4, false, &shaped[s]);
            ck_assert_float_gt(dx, 0);
        }
}
END_TEST

/* ---- slope-focal's promises ---- */

START_TEST(slope_focal_lies_between_focal_loss_and_cross_entropy) {
    rn_logit_loss loss = shaped[4];
    const rn_focal entropy = {0, 0.25f};
    for (int i = -40; i <= 40; i++) {
        const float x = (float)i / 4;
        for (int side = 0; side < 2; side++) {
            float dx, want_dx;
            loss.floor[0] = loss.floor[1] = 0;
            const float focal = rn_focal_loss(&want_dx, x, side, &loss.focal);
            ck_assert(rn_logit_loss_value(&dx, x, side, &loss) == focal && dx == want_dx);
            loss.floor[0] = loss.floor[1] = 1;
            const float ce = rn_focal_loss(&want_dx, x, side, &entropy);
            ck_assert(rn_logit_loss_value(&dx, x, side, &loss) == ce && dx == want_dx);
        }
    }
}
END_TEST

/* |dSF/dx| >= alpha floor (1 - p_t), which focal loss leaves beyond p_t .75. */
START_TEST(slope_focal_keeps_its_floor) {
    const rn_logit_loss loss = {RN_SHAPE_SLOPE, {2, -1}, 0, 0, {0.002f, 0.17f}, NULL};
    for (int i = -40; i <= 80; i++) {
        const double z = i / 8.0, q = 1 / (1 + exp(z));
        float dx, focal_dx;
        rn_logit_loss_value(&dx, (float)z, true, &loss);
        rn_focal_loss(&focal_dx, (float)z, true, &loss.focal);
        ck_assert_double_ge(-(double)dx, 0.17 * q * (1 - 1e-6)); /* but for rounding */
        if (q < 0.25 && z > 1.2) ck_assert_double_lt(-(double)focal_dx, 0.171 * q);
        rn_logit_loss_value(&dx, (float)-z, false, &loss);
        ck_assert_double_ge((double)dx, 0.002 * q * (1 - 1e-6));
    }
}
END_TEST

/* ---- the sum over anchors ---- */

static void check_sum(const rn_logit_loss *loss, size_t n_anchors, int n_classes) {
    enum { LOGITS = 3000 };
    static float logits[LOGITS], got[LOGITS];
    static int match[LOGITS];
    const int labels[] = {0, n_classes - 1};
    const size_t k = (size_t)n_classes;
    rn_logit_loss one = *loss;
    double want = 0;
    for (size_t i = 0; i < n_anchors; i++)
        match[i] = i % 7 == 3 ? (int)(i % 2) : i % 11 == 5 ? RN_MATCH_IGNORE : RN_MATCH_BACKGROUND;
    for (size_t i = 0; i < n_anchors * k; i++)
        logits[i] = (i % 2 ? -1.0f : 1.0f) * 30 * powf(0.998f, (float)i);
    const double sum =
        rn_logit_loss_sum(got, logits, match, labels, n_anchors, n_classes, 0.37f, loss);
    for (size_t i = 0; i < n_anchors * k; i++) {
        const int m = match[i / k];
        float dx = 0;
        if (loss->class_alpha) one.focal.alpha = loss->class_alpha[i % k];
        if (m != RN_MATCH_IGNORE)
            want += (double)rn_logit_loss_value(&dx, logits[i], m >= 0 && (int)(i % k) == labels[m],
                                                &one);
        if (memcmp(&got[i], &(float){dx * 0.37f}, sizeof dx) != 0)
            ck_abort_msg("logit %zu: %.9g, want %.9g", i, (double)got[i], (double)(dx * 0.37f));
    }
    assert_near(sum, want, 1e-13);
}

START_TEST(sum_has_the_bits_of_its_logits) {
    static const float alphas[] = {0.9f, 0.99f, 0.5f, 0.75f, 0.25f};
    rn_logit_loss weighed = {RN_SHAPE_FOCAL, {0, -1}, 0, 0, {0, 0}, alphas};
    for (int s = 0; s < N_SHAPED; s++) {
        check_sum(&shaped[s], 600, 5);
        check_sum(&shaped[s], 3000, 1);
    }
    check_sum(&weighed, 600, 5);
    weighed.focal.gamma = 2;
    check_sum(&weighed, 600, 5);
    check_sum(&weighed, 0, 5);
}
END_TEST

START_TEST(every_instruction_set_gives_the_same_bits) {
    enum { N = 1000 };
    float x[N], want[N], got[N];
    for (int i = 0; i < N; i++) x[i] = (i % 2 ? -1.0f : 1.0f) * 200 * powf(0.98f, (float)i);
    for (int s = 0; s < N_SHAPED; s++) {
        const double sum = rn_logit_loss_background(want, x, N, 0.37f, &shaped[s], RN_ISA_PLAIN);
        for (int isa = RN_ISA_PLAIN; isa <= (int)rn_isa_best(); isa++) {
            ck_assert(rn_logit_loss_background(got, x, N, 0.37f, &shaped[s], (rn_isa)isa) == sum);
            ck_assert_mem_eq(got, want, sizeof got);
        }
    }
}
END_TEST

/* ---- the table ---- */

START_TEST(the_table_of_losses) {
    ck_assert_str_eq(rn_loss_info_of((rn_loss_kind)0)->name, "focal");
    for (int kind = 0; kind < RN_LOSS_KINDS; kind++) {
        const rn_loss_info *info = rn_loss_info_of((rn_loss_kind)kind);
        ck_assert(info->name[0] && info->gamma >= 0);
        ck_assert(info->alpha == -1 || (info->alpha > 0 && info->alpha < 1));
        for (int other = 0; other < kind; other++)
            ck_assert_str_ne(info->name, rn_loss_info_of((rn_loss_kind)other)->name);
    }
    ck_assert(rn_loss_has_parameter(RN_LOSS_FOCAL, "gamma"));
    ck_assert(rn_loss_has_parameter(RN_LOSS_FOCAL, "alpha"));
    ck_assert(!rn_loss_has_parameter(RN_LOSS_FOCAL, "slope_floor"));
    ck_assert(rn_loss_has_parameter(RN_LOSS_SLOPE_FOCAL, "slope_floor"));
    ck_assert(!rn_loss_has_parameter(RN_LOSS_CE, "alpha") &&
              !rn_loss_has_parameter(RN_LOSS_CE, ""));
    ck_assert(rn_loss_is_parameter("alpha") && !rn_loss_is_parameter("lr"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("logit loss");
    TCase *tests = tcase_create("logit loss");
    tcase_add_test(tests, golden_values);
    tcase_add_test(tests, far_logits_stay_finite);
    tcase_add_test(tests, each_shape_falls_towards_its_class);
    tcase_add_test(tests, slope_focal_lies_between_focal_loss_and_cross_entropy);
    tcase_add_test(tests, slope_focal_keeps_its_floor);
    tcase_add_test(tests, sum_has_the_bits_of_its_logits);
    tcase_add_test(tests, every_instruction_set_gives_the_same_bits);
    tcase_add_test(tests, the_table_of_losses);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
