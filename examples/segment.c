/* segment.c: the losses outside of detection: a small network that marks the pixels of objects on
 * generated scenes, trained with cross entropy and with focal loss: segment [STEPS]
 *
 * Prints the intersection over union with the scenes' masks on pictures that it has not seen, at a
 * threshold of .5 and at the best one (focal loss makes for scores less sure of themselves). */
#include <math.h>
#include <retinanet.h>
#include <retinanet_loss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 96, PIXELS = SIDE * SIDE, WINDOWS = 5, IN = 3 * WINDOWS + 1, HIDDEN = 16 };
enum { WEIGHTS = (IN + 1) * HIDDEN + 1, TRAINED = 60, TESTED = 20, BINS = 100 };

typedef struct network {
    float weight[WEIGHTS], velocity[WEIGHTS], square[WEIGHTS]; /* of Adam */
} network;

typedef struct sample {
    float in[PIXELS][IN];
    int target[PIXELS]; /* 0: an object's pixel, -1: none */
} sample;

/* Colours of the pixel against the means of larger and larger windows around it. */
static void describe(sample *out, const rn_image *image, const uint8_t *mask) {
    static const int reach[WINDOWS] = {1, 3, 7, 15, SIDE};
    static double sum[SIDE + 1][SIDE + 1];
    for (int channel = 0; channel < 3; channel++) {
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                sum[y + 1][x + 1] = image->pixels[(y * SIDE + x) * 3 + channel] / 64.0 +
                                    sum[y][x + 1] + sum[y + 1][x] - sum[y][x];
        for (int i = 0; i < PIXELS; i++)
            for (int w = 0; w < WINDOWS; w++) {
                const int y = i / SIDE, x = i % SIDE, r = reach[w];
                const int y1 = y < r ? 0 : y - r, y2 = y + r >= SIDE ? SIDE : y + r + 1;
                const int x1 = x < r ? 0 : x - r, x2 = x + r >= SIDE ? SIDE : x + r + 1;
                const double mean = (sum[y2][x2] - sum[y1][x2] - sum[y2][x1] + sum[y1][x1]) /
                                    ((y2 - y1) * (x2 - x1));
                out->in[i][3 * w + channel] =
                    (float)(w < WINDOWS - 1 ? image->pixels[i * 3 + channel] / 64.0 - mean
                                            : mean - 2);
            }
    }
    for (int i = 0; i < PIXELS; i++) out->in[i][IN - 1] = 1, out->target[i] = mask[i] ? 0 : -1;
}

static rn_status render(sample *out, uint64_t index) {
    static uint8_t mask[PIXELS];
    rn_scenes_options options = RN_SCENES_OPTIONS_DEFAULT;
    rn_image image = {0};
    rn_box boxes[4];
    size_t n;
    options.width = options.height = SIDE;
    options.min_objects = 1;
    options.max_objects = 2; /* few and small: most pixels are background */
    options.max_size = 0.3f;
    options.clutter = 0;
    const rn_status status = rn_scenes_render(&image, boxes, 4, &n, mask, &options, index);
    if (status == RN_OK) describe(out, &image, mask);
    rn_image_free(&image);
    return status;
}

/* logit = last . ReLU(first . in) + bias; with dlogits the gradient is added to `gradient`. */
static void run(float *logits, float *gradient, const float *dlogits, const network *net,
                const sample *s) {
    const float *first = net->weight, *last = first + IN * HIDDEN;
    for (int i = 0; i < PIXELS; i++) {
        float logit = last[HIDDEN];
        for (int h = 0; h < HIDDEN; h++) {
            float sum = 0;
            for (int k = 0; k < IN; k++) sum += first[h * IN + k] * s->in[i][k];
            if (sum <= 0) continue;
            logit += last[h] * sum;
            if (!dlogits) continue;
            gradient[IN * HIDDEN + h] += dlogits[i] * sum;
            for (int k = 0; k < IN; k++) gradient[h * IN + k] += dlogits[i] * last[h] * s->in[i][k];
        }
        if (dlogits) gradient[WEIGHTS - 1] += dlogits[i];
        logits[i] = logit;
    }
}

static rn_status train(network *net, const sample *samples, const rn_loss *loss, int steps) {
    static float logits[PIXELS], dlogits[PIXELS];
    memset(net, 0, sizeof *net);
    for (int i = 0; i < WEIGHTS - 1; i++) /* any numbers that differ */
        net->weight[i] = 0.4f * (float)sin(12.9898 * (i + 1));
    net->weight[WEIGHTS - 1] = -3; /* most are background */
    for (int step = 1; step <= steps; step++) {
        const sample *s = &samples[step * 7 % TRAINED];
        float gradient[WEIGHTS] = {0};
        double sum;
        int objects = 1;
        for (int i = 0; i < PIXELS; i++) objects += s->target[i] == 0;
        run(logits, NULL, NULL, net, s);
        const rn_status status =
            rn_loss_sum(&sum, dlogits, logits, s->target, NULL, PIXELS, 1, loss);
        if (status != RN_OK) return status;
        run(logits, gradient, dlogits, net, s);
        for (int i = 0; i < WEIGHTS; i++) { /* Adam */
            const float g = gradient[i] / (float)objects,
                        rate = 0.02f * (float)(steps - step) / (float)steps;
            net->velocity[i] += 0.1f * (g - net->velocity[i]);
            net->square[i] += 0.01f * (g * g - net->square[i]);
            net->weight[i] -= rate * net->velocity[i] / (sqrtf(net->square[i]) + 1e-6f);
        }
    }
    return RN_OK;
}

static void test(const network *net, const sample *samples, const char *name) {
    static float logits[PIXELS];
    double hits[BINS] = {0}, marked[BINS] = {0}, objects = 0, best = 0;
    for (int n = 0; n < TESTED; n++) {
        run(logits, NULL, NULL, net, &samples[n]);
        for (int i = 0; i < PIXELS; i++) {
            const bool object = samples[n].target[i] == 0;
            const int bin = (int)(BINS / (1 + exp(-(double)logits[i])));
            objects += object;
            for (int b = 0; b <= bin && b < BINS; b++) marked[b]++, hits[b] += object;
        }
    }
    for (int b = 1; b < BINS; b++) best = fmax(best, hits[b] / (marked[b] + objects - hits[b]));
    printf("%-6s IoU %.3f at .5, %.3f at the best threshold; %.1f%% of the pixels are objects'\n",
           name, hits[BINS / 2] / (marked[BINS / 2] + objects - hits[BINS / 2]), best,
           100 * objects / ((double)TESTED * PIXELS));
}

int main(int argc, char **argv) {
    static const char *const names[] = {"ce", "focal"};
    static network net;
    sample *samples = calloc(TRAINED + TESTED, sizeof *samples);
    rn_status status = samples ? RN_OK : RN_ENOMEM;
    for (uint64_t i = 0; i < TRAINED + TESTED && status == RN_OK; i++)
        status = render(&samples[i], i < TRAINED ? i : RN_SCENES_VAL_INDEX + i);
    for (int i = 0; i < 2 && status == RN_OK; i++) {
        rn_loss loss;
        status = rn_loss_named(&loss, names[i]);
        if (status == RN_OK) status = train(&net, samples, &loss, argc > 1 ? atoi(argv[1]) : 600);
        if (status == RN_OK) test(&net, samples + TRAINED, names[i]);
    }
    free(samples);
    if (status != RN_OK) fprintf(stderr, "%s\n", rn_error_text());
    return rn_status_exit_code(status);
}
