#include "losslab_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Student's t ---- */

/* The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's
 * method. */
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m <= 500; m++) {
        const double k = 2.0 * m;
        const double even = m * (b - m) * x / ((a + k - 1) * (a + k));
        const double odd = -(a + m) * (a + b + m) * x / ((a + k) * (a + k + 1));
        for (int half = 0; half < 2; half++) {
            const double term = half ? odd : even;
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            value *= d * c;
        }
        if (fabs(d * c - 1) < 1e-15) break;
    }
    return value;
}

/* I_x(a, b). */
static double incomplete_beta(double a, double b, double x) {
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* P(|T| > |t|): by its own, as 1 - CDF would lose the digits of small ones. */
static double two_sided(double t, double df) {
    return incomplete_beta(df / 2, 0.5, df / (df + t * t));
}

double lab_student_cdf(double t, double df) {
    const double tail = two_sided(t, df) / 2;
    return t > 0 ? 1 - tail : tail;
}

double lab_student_quantile(double p, double df) {
    double low = 0, high = 1;
    while (two_sided(high, df) > p && high < 1e12) high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
        const double middle = (low + high) / 2;
        *(two_sided(middle, df) > p ? &low : &high) = middle;
    }
    return (low + high) / 2;
}

/* ---- means ---- */

lab_interval lab_mean(const double *values, int n, double overlap, double alpha) {
    lab_interval out = {.mean = NAN, .low = NAN, .high = NAN, .p = NAN};
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        if (!isnan(values[i])) {
            sum += values[i];
            out.n++;
        }
    if (out.n == 0) return out;
    out.mean = sum / out.n;
    if (out.n < 2) return out;
    for (int i = 0; i < n; i++)
        if (!isnan(values[i])) squares += (values[i] - out.mean) * (values[i] - out.mean);
    const double error = sqrt(squares / (out.n - 1) * (1.0 / out.n + overlap));
    const double half = lab_student_quantile(alpha, out.n - 1) * error;
    out.low = out.mean - half;
    out.high = out.mean + half;
    out.p = error > 0 ? two_sided(out.mean / error, out.n - 1) : out.mean == 0 ? 1 : 0;
    return out;
}

void lab_grid_of(lab_grid *out, const lab_experiment *e, const lab_table *table, int metric) {
    *out = (lab_grid){.n_arms = e->n_arms,
                      .n_seeds = e->n_seeds,
                      .overlap = e->folds > 0 ? 1.0 / (e->folds - 1) : 0};
    for (int a = 0; a < e->n_arms; a++)
        for (int s = 0; s < e->n_seeds; s++) {
            const lab_cell *cell = lab_table_find(table, e->arms[a].name, e->seeds[s]);
            out->values[a][s] = cell ? cell->values[metric] : (double)NAN;
        }
}

/* ---- claims ---- */

const char *lab_verdict_text(lab_verdict verdict) {
    return verdict == LAB_HOLDS       ? "holds"
           : verdict == LAB_HOLDS_NOT ? "does not hold"
                                      : "cannot tell";
}

static double mean_of_arms(const lab_grid *grid, const int *arms, int n, int seed) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += grid->values[arms[i]][seed];
    return sum / n; /* NAN where one is missing */
}

lab_interval lab_arm_mean(const lab_grid *grid, int arm) {
    return lab_mean(grid->values[arm], grid->n_seeds, grid->overlap, 0.05);
}

int lab_best_arm(const lab_grid *grid, const int *arms, int n, int without) {
    double sums[LAB_MAX_ARMS] = {0};
    int best = 0;
    for (int s = 0; s < grid->n_seeds; s++) {
        if (s == without || isnan(mean_of_arms(grid, arms, n, s))) continue;
        for (int i = 0; i < n; i++) sums[i] += grid->values[arms[i]][s];
    }
    for (int i = 1; i < n; i++)
        if (sums[i] > sums[best]) best = i;
    return arms[best];
}

static double side_of(const lab_claim *claim, const lab_grid *grid, const int *arms, int n, int s) {
    const int without = grid->n_seeds > 1 ? s : -1;
    return claim->best ? grid->values[lab_best_arm(grid, arms, n, without)][s]
                       : mean_of_arms(grid, arms, n, s);
}

static void differences(double out[LAB_MAX_SEEDS], const lab_claim *c, const lab_grid *grid) {
    for (int s = 0; s < grid->n_seeds; s++) {
        out[s] = side_of(c, grid, c->arms, c->n_arms, s) - side_of(c, grid, c->over, c->n_over, s);
        if (c->n_arms2 > 0)
            out[s] -= side_of(c, grid, c->arms2, c->n_arms2, s) -
                      side_of(c, grid, c->over2, c->n_over2, s);
    }
}

/* Which side of a claim an arm stands on: 1 arms, 2 over, 3 and 4 those of the lead it is compared
 * with, 0 none. */
static int side_at(const lab_claim *c, int arm) {
    const int *const lists[] = {c->arms, c->over, c->arms2, c->over2};
    const int counts[] = {c->n_arms, c->n_over, c->n_arms2, c->n_over2};
    for (int side = 0; side < 4; side++)
        for (int i = 0; i < counts[side]; i++)
            if (lists[side][i] == arm) return side + 1;
    return 0;
}

/* Whether a claim's arms have any value but 0: a training too short for any of them to find
 * something says nothing of their difference. */
static bool has_values(const lab_claim *c, const lab_grid *grid) {
    for (int a = 0; a < grid->n_arms; a++) {
        if (side_at(c, a) == 0) continue;
        for (int s = 0; s < grid->n_seeds; s++)
            if (fabs(grid->values[a][s]) > 0) return true; /* not NAN */
    }
    return false;
}

/* Holm's step-down: the k-th smallest of m times m - k + 1, never below the one before. */
static void correct(lab_finding *findings, int n) {
    int order[LAB_MAX_CLAIMS], m = 0;
    double largest = 0;
    for (int i = 0; i < n; i++) {
        int k = m;
        if (isnan(findings[i].difference.p)) continue;
        for (; k > 0 && findings[order[k - 1]].difference.p > findings[i].difference.p; k--)
            order[k] = order[k - 1];
        order[k] = i;
        m++;
    }
    for (int k = 0; k < m; k++) {
        largest = fmax(largest, fmin(1, (m - k) * findings[order[k]].difference.p));
        findings[order[k]].p = largest;
    }
}

static lab_verdict judge(const lab_claim *claim, const lab_finding *f) {
    const bool found = f->p < 0.05; /* not for NAN */
    const int sign = f->difference.mean > 0 ? LAB_MORE : LAB_LESS;
    if (claim->expect == LAB_SAME)
        return f->equivalent ? LAB_HOLDS : found ? LAB_HOLDS_NOT : LAB_CANNOT_TELL;
    if (f->equivalent) return LAB_HOLDS_NOT;
    if (!found) return LAB_CANNOT_TELL;
    return sign == (int)claim->expect ? LAB_HOLDS : LAB_HOLDS_NOT;
}

void lab_judge(lab_finding *out, const lab_experiment *e, const lab_grid *grids) {
    double values[LAB_MAX_SEEDS];
    for (int c = 0; c < e->n_claims; c++) {
        const lab_claim *claim = &e->claims[c];
        differences(values, claim, &grids[c]);
        const double overlap = grids[c].overlap;
        const lab_interval strict = lab_mean(values, grids[c].n_seeds, overlap, 0.05 / e->n_claims);
        out[c] = (lab_finding){.difference = lab_mean(values, grids[c].n_seeds, overlap, 0.05),
                               .p = NAN};
        out[c].equivalent = has_values(claim, &grids[c]) && strict.low >= -claim->margin &&
                            strict.high <= claim->margin;
    }
    correct(out, e->n_claims);
    for (int c = 0; c < e->n_claims; c++) out[c].verdict = judge(&e->claims[c], &out[c]);
}

/* ---- the control ---- */

/* splitmix64 (Steele et al., 2014). */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* +1 where seed s gives every side of a claim its own results, up to order, -1 where it gives those
 * of the opposite sides, else 0. */
static int what_is_left(const lab_claim *c, int n_arms, int names[LAB_MAX_ARMS][LAB_MAX_SEEDS],
                        int s) {
    static const int opposite[] = {0, 2, 1, 4, 3};
    bool own = true, other = true;
    for (int a = 0; a < n_arms; a++) {
        const int side = side_at(c, a), got = side_at(c, names[a][s]);
        if (side == 0) continue;
        own = own && got == side;
        other = other && got == opposite[side];
    }
    return own ? 1 : other ? -1 : 0;
}

/* Whether the seeds that a claim was measured with (those not NAN) were mixed at all. */
static bool counts(const lab_experiment *e, int claim, const double *measured,
                   int names[LAB_MAX_ARMS][LAB_MAX_SEEDS]) {
    int first = 0, n = 0;
    for (int s = 0; s < e->n_seeds; s++) {
        if (isnan(measured[s])) continue;
        const int left = what_is_left(&e->claims[claim], e->n_arms, names, s);
        if (n++ > 0 && left != first) return true;
        first = left;
    }
    return n > 0 && first == 0;
}

/* A shuffle of the arms' names among those of the same data (Fisher-Yates: an arm that is drawn of
 * other data is drawn again). */
static void shuffle(int names[LAB_MAX_ARMS][LAB_MAX_SEEDS], const lab_experiment *e, int s,
                    uint64_t *seed) {
    for (int a = 0; a < e->n_arms; a++) names[a][s] = a;
    for (int a = e->n_arms - 1; a > 0; a--) {
        int b;
        do b = (int)(next_random(seed) % (uint64_t)(a + 1));
        while (e->arms[b].data_group != e->arms[a].data_group);
        const int swap = names[a][s];
        names[a][s] = names[b][s];
        names[b][s] = swap;
    }
}

double lab_false_alarm_rate(const lab_experiment *e, const lab_grid *grids, int n, uint64_t seed) {
    static int names[LAB_MAX_ARMS][LAB_MAX_SEEDS]; /* whose result arm a gets in seed s */
    lab_finding findings[LAB_MAX_CLAIMS];
    double measured[LAB_MAX_CLAIMS][LAB_MAX_SEEDS];
    lab_grid *shuffled = calloc(LAB_MAX_CLAIMS, sizeof *shuffled);
    size_t tried = 0, found = 0;
    for (int c = 0; c < e->n_claims; c++) differences(measured[c], &e->claims[c], &grids[c]);
    for (int k = 0; k < n && shuffled; k++) {
        for (int s = 0; s < e->n_seeds; s++) shuffle(names, e, s, &seed);
        for (int c = 0; c < e->n_claims; c++) {
            shuffled[c] =
                (lab_grid){.n_arms = e->n_arms, .n_seeds = e->n_seeds, .overlap = grids[c].overlap};
            for (int a = 0; a < e->n_arms; a++)
                for (int s = 0; s < e->n_seeds; s++)
                    shuffled[c].values[a][s] = grids[c].values[names[a][s]][s];
        }
        lab_judge(findings, e, shuffled);
        for (int c = 0; c < e->n_claims; c++) {
            if (!counts(e, c, measured[c], names)) continue;
            tried++;
            found += findings[c].p < 0.05;
        }
    }
    free(shuffled);
    return tried > 0 ? (double)found / (double)tried : -1;
}
