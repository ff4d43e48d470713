#include "suite.h"
#include "train/schedule.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static void near(double got, double want) {
    ck_assert_msg(fabs(got - want) <= 1e-14 * fabs(want), "got %.17g, want %.17g", got, want);
}

/* 0.01 + 0.99 (1 + cos(pi x)) / 2 at x whose cosine is known. */
START_TEST(cosine_at_known_angles) {
    const rn_schedule s = {.kind = RN_SCHEDULE_COSINE, .lr = 2, .steps = 12};
    const double third = sqrt(3) / 2;
    near(rn_schedule_lr(&s, 0), 2);
    near(rn_schedule_lr(&s, 2), 2 * (0.01 + 0.495 * (1 + third)));
    near(rn_schedule_lr(&s, 4), 2 * (0.01 + 0.495 * 1.5));
    near(rn_schedule_lr(&s, 6), 2 * 0.505);
    near(rn_schedule_lr(&s, 8), 2 * (0.01 + 0.495 * 0.5));
    near(rn_schedule_lr(&s, 10), 2 * (0.01 + 0.495 * (1 - third)));
    near(rn_schedule_lr(&s, 12), 0.02); /* a hundredth at the horizon ... */
    near(rn_schedule_lr(&s, 13), 0.02); /* ... and behind it */
    near(rn_schedule_lr(&s, UINT64_MAX), 0.02);
}
END_TEST

/* A tenth from 2/3 on, a hundredth from 8/9 on, both where the horizon divides and where not. */
START_TEST(steps_down_at_two_thirds_and_eight_ninths) {
    static const struct {
        uint64_t steps, first, second; /* first step at a tenth, at a hundredth */
    } cases[] = {{9, 6, 8},  {90, 60, 80},  {90000, 60000, 80000},
                 {10, 7, 9}, {100, 67, 89}, {1, 1, 1},
                 {2, 2, 2},  {27, 18, 24},  {2700000009, 1800000006, 2400000008}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const rn_schedule s = {.kind = RN_SCHEDULE_STEP, .lr = 0.5, .steps = cases[i].steps};
        near(rn_schedule_lr(&s, 0), 0.5);
        near(rn_schedule_lr(&s, cases[i].first - 1), 0.5);
        if (cases[i].first < cases[i].second) {
            near(rn_schedule_lr(&s, cases[i].first), 0.05);
            near(rn_schedule_lr(&s, cases[i].second - 1), 0.05);
        }
        near(rn_schedule_lr(&s, cases[i].second), 0.005);
        near(rn_schedule_lr(&s, cases[i].steps), 0.005);
        near(rn_schedule_lr(&s, 10 * cases[i].steps), 0.005);
    }
}
END_TEST

/* Four steps of warm-up: a quarter of the way from lr / 1000 to lr each, the last one at lr. */
START_TEST(warm_up_is_linear) {
    const rn_schedule s = {.kind = RN_SCHEDULE_STEP, .lr = 8, .warmup = 4, .steps = 90};
    near(rn_schedule_lr(&s, 0), 8 * 0.25075);
    near(rn_schedule_lr(&s, 1), 8 * 0.5005);
    near(rn_schedule_lr(&s, 2), 8 * 0.75025);
    near(rn_schedule_lr(&s, 3), 8);
    near(rn_schedule_lr(&s, 4), 8);
    near(rn_schedule_lr(&s, 59), 8);
    near(rn_schedule_lr(&s, 60), 0.8);
}
END_TEST

/* It is a factor on what the schedule says, not a change of its clock. */
START_TEST(warm_up_multiplies_the_cosine) {
    const rn_schedule s = {.kind = RN_SCHEDULE_COSINE, .lr = 1, .warmup = 10, .steps = 12};
    near(rn_schedule_lr(&s, 0), 0.1009);
    near(rn_schedule_lr(&s, 4), 0.5005 * (0.01 + 0.495 * 1.5));
    near(rn_schedule_lr(&s, 8), 0.9001 * (0.01 + 0.495 * 0.5));
    near(rn_schedule_lr(&s, 9), 0.01 + 0.495 * (1 - sqrt(0.5)));
    near(rn_schedule_lr(&s, 10), 0.01 + 0.495 * (1 - sqrt(3) / 2));
    near(rn_schedule_lr(&s, 12), 0.01);
}
END_TEST

START_TEST(a_warm_up_of_one_step_is_none) {
    const rn_schedule s = {.kind = RN_SCHEDULE_STEP, .lr = 3, .warmup = 1, .steps = 100};
    near(rn_schedule_lr(&s, 0), 3);
    near(rn_schedule_lr(&s, 1), 3);
}
END_TEST

/* No horizon: the first step is the peak, then the end. No 0 / 0 anywhere. */
START_TEST(no_steps_at_all) {
    const rn_schedule cosine = {.kind = RN_SCHEDULE_COSINE, .lr = 1, .steps = 0};
    const rn_schedule step = {.kind = RN_SCHEDULE_STEP, .lr = 1, .steps = 0};
    near(rn_schedule_lr(&cosine, 0), 1);
    near(rn_schedule_lr(&cosine, 1), 0.01);
    near(rn_schedule_lr(&step, 0), 1);
    near(rn_schedule_lr(&step, 1), 0.01);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("schedule");
    TCase *tcase = tcase_create("schedule");
    tcase_add_test(tcase, cosine_at_known_angles);
    tcase_add_test(tcase, steps_down_at_two_thirds_and_eight_ninths);
    tcase_add_test(tcase, warm_up_is_linear);
    tcase_add_test(tcase, warm_up_multiplies_the_cosine);
    tcase_add_test(tcase, a_warm_up_of_one_step_is_none);
    tcase_add_test(tcase, no_steps_at_all);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
