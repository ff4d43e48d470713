#include "detection/anchors.h"

int rn_anchors_per_cell(const rn_anchor_spec *spec) {
    return spec->n_scales * spec->n_ratios;
}

/* To the nearest integer, ties to even, as torch.round does. */
static double round_even(double x) {
    const double down = floor(x), part = x - down;
    if (part != 0.5) return floor(x + 0.5);
    return fmod(down, 2.0) == 0 ? down : down + 1;
}

/* Half of an anchor's width and height around its centre, ratio-major: ratio = h / w, area = (side
 * scale)^2. */
static void cell_anchor(double corners[4], const rn_anchor_spec *spec, int level, int index) {
    const double ratio = spec->ratios[index / spec->n_scales];
    double side = spec->sides[level] * spec->scales[index % spec->n_scales];
    if (spec->rounded) side = floor(side);
    const double h = side * sqrt(ratio), w = side / sqrt(ratio);
    corners[0] = -w / 2;
    corners[1] = -h / 2;
    corners[2] = w / 2;
    corners[3] = h / 2;
    for (int i = 0; spec->rounded && i < 4; i++) corners[i] = round_even(corners[i]);
}

void rn_anchors_level(real *out, const rn_anchor_spec *spec, int level, int grid_h, int grid_w,
                      double stride_y, double stride_x) {
    double cell[RN_MAX_CELL_ANCHORS][4];
    const int per_cell = rn_anchors_per_cell(spec);
    for (int a = 0; a < per_cell; a++) cell_anchor(cell[a], spec, level, a);
    for (int y = 0; y < grid_h; y++)
        for (int x = 0; x < grid_w; x++) {
            const double cx = (x + spec->offset) * stride_x, cy = (y + spec->offset) * stride_y;
            for (int a = 0; a < per_cell; a++, out += 4) {
                out[0] = (real)(cx + cell[a][0]);
                out[1] = (real)(cy + cell[a][1]);
                out[2] = (real)(cx + cell[a][2]);
                out[3] = (real)(cy + cell[a][3]);
            }
        }
}
