/* pictures.c: what a person looks at while a run goes on: the first batch as the network sees it,
 * and what the best model finds on val. */
#include "base/memory.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_PICTURES = 4 }; /* of each kind */

static rn_status write_picture(const rn_trainer *t, const char *kind, size_t number,
                               rn_image *image, const rn_box *boxes, size_t n) {
    char *path = NULL;
    RN_TRY(rn_image_draw(image, boxes, n, t->config.class_names, t->config.n_classes));
    RN_TRY(rn_asprintf(&path, "%s/pictures/%s_%zu.jpg", t->folder.path, kind, number));
    const rn_status status = rn_image_write_annotated(image, path);
    free(path);
    return status;
}

/* ---- the first batch ---- */

/* *out = picture i of the batch as bytes: what rn_resize_normalise did, undone. */
static rn_status picture_of(rn_image *out, const rn_trainer *t, const rn_batch *batch, int i) {
    const rn_geometry geometry = rn_model_config_geometry(&t->config);
    const size_t w = (size_t)batch->widths[i], h = (size_t)batch->heights[i];
    int canvas_w, canvas_h;
    rn_loader_canvas(t->loader, &canvas_w, &canvas_h);
    const float *canvas = batch->images + (size_t)i * 3 * (size_t)canvas_w * (size_t)canvas_h;
    *out = (rn_image){.width = (int)w, .height = (int)h};
    RN_TRY(rn_alloc(&out->pixels, w * h, 3));
    for (size_t y = 0; y < h; y++) {
        const float *row = canvas + y * 3 * (size_t)canvas_w;
        for (size_t k = 0; k < 3 * w; k++) {
            const float value = 255 * (row[k] * geometry.std[k % 3] + geometry.mean[k % 3]);
            out->pixels[y * 3 * w + k] = (uint8_t)(fminf(fmaxf(value, 0), 255) + 0.5f);
        }
    }
    return RN_OK;
}

rn_status rn_trainer_draw_batch(const rn_trainer *t, const rn_batch *batch) {
    for (int i = 0; i < batch->n && i < MOST_PICTURES; i++) {
        const rn_target *targets = batch->targets + batch->first_target[i];
        const size_t n = batch->first_target[i + 1] - batch->first_target[i];
        rn_image image = {0};
        rn_box *boxes = NULL;
        rn_status status = rn_alloc(&boxes, n, sizeof *boxes);
        if (status == RN_OK) status = picture_of(&image, t, batch, i);
        for (size_t k = 0; status == RN_OK && k < n; k++)
            boxes[k] = (rn_box){targets[k].x1,
                                targets[k].y1,
                                targets[k].x2,
                                targets[k].y2,
                                targets[k].ignore ? 0 : 1,
                                targets[k].label};
        if (status == RN_OK) status = write_picture(t, "train", (size_t)i + 1, &image, boxes, n);
        rn_image_free(&image);
        free(boxes);
        RN_TRY(status);
    }
    return RN_OK;
}

/* ---- val ---- */

static int label_of(const rn_dataset *set, int64_t category_id) {
    size_t label = 0;
    while (label < set->n_classes && set->category_ids[label] != category_id) label++;
    return (int)label;
}

/* The rows of one picture that are to be shown, as boxes; how many. */
static size_t boxes_of(rn_box *boxes, const rn_results *results, const rn_dataset *set, int64_t id,
                       double least) {
    size_t n = 0;
    for (size_t i = 0; i < results->n; i++) {
        const rn_result_row *r = &results->rows[i];
        if (r->image_id != id || r->score < least) continue;
        boxes[n++] = (rn_box){(float)r->x,          (float)r->y,     (float)(r->x + r->w),
                              (float)(r->y + r->h), (float)r->score, label_of(set, r->category_id)};
    }
    return n;
}

rn_status rn_trainer_draw_val(const rn_trainer *t, const rn_results *results) {
    size_t drawn = 0;
    rn_box *boxes = NULL;
    rn_status status = rn_alloc(&boxes, results->n, sizeof *boxes);
    for (size_t i = 0; status == RN_OK && i < t->val.n_records && drawn < MOST_PICTURES; i++) {
        const rn_record *record = &t->val.records[i];
        rn_image image = {0};
        status = rn_record_read(&image, record, 0);
        if (status == RN_EINPUT) { /* told of already */
            status = RN_OK;
            continue;
        }
        if (status == RN_OK) {
            const size_t n =
                boxes_of(boxes, results, &t->val, record->id, t->config.show_threshold);
            status = write_picture(t, "val", ++drawn, &image, boxes, n);
        }
        rn_image_free(&image);
    }
    free(boxes);
    return status;
}
