/* losslab_alarms.c: pictures of what a model finds where nothing is. */
#include "losslab_run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- scenes without any object ---- */

int lab_draw_empty(const char *path, const char *model, const rn_scenes_options *recipe) {
    enum { PICTURES = 12, BOXES = 100 };
    rn_scenes_options empty = *recipe;
    rn_detector *det = NULL;
    rn_image worst = {0};
    rn_box boxes[BOXES], worst_boxes[BOXES];
    size_t n_worst = 0;
    empty.min_objects = empty.max_objects = 0;
    rn_status status = rn_detector_open(&det, model, NULL);
    for (uint64_t i = 0; i < PICTURES && status == RN_OK; i++) {
        rn_image picture = {0};
        size_t n = 0, kept = 0;
        status = rn_scenes_render(&picture, NULL, 0, &n, NULL, &empty, RN_SCENES_VAL_INDEX + i);
        if (status == RN_OK) status = rn_detector_run(det, &picture, boxes, BOXES, &n);
        for (size_t k = 0; k < n && status == RN_OK; k++)
            if (boxes[k].score >= rn_detector_show_threshold(det)) boxes[kept++] = boxes[k];
        if (status == RN_OK && (i == 0 || kept > n_worst)) {
            rn_image swap = worst;
            worst = picture;
            picture = swap;
            memcpy(worst_boxes, boxes, kept * sizeof *boxes);
            n_worst = kept;
        }
        rn_image_free(&picture);
    }
    if (status == RN_OK)
        status = rn_image_draw(&worst, worst_boxes, n_worst, rn_detector_class_names(det),
                               rn_detector_classes(det));
    if (status == RN_OK) status = rn_image_write(&worst, path);
    rn_image_free(&worst);
    rn_detector_close(det);
    return status == RN_OK ? 0 : cli_error(status);
}

/* ---- a set with its truth ---- */

/* An object, or a detection. */
typedef struct entry {
    double image, category, score; /* score 1 of an object */
    double x, y, width, height;
    bool crowd; /* object: any number of detections are right on it */
    bool taken; /* object: found already; detection: no false alarm */
} entry;

/* By image, then falling score, then from left to right. */
static int by_image(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->image != y->image) return x->image < y->image ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->x < y->x ? -1 : x->x > y->x;
}

static double member(const lab_json *object, const char *key, double initial) {
    const lab_json *value = lab_json_get(object, key);
    return value && value->type == LAB_JSON_NUMBER ? value->number : initial;
}

/* The entries of a list of annotations or results whose score is at least `least`. */
static int read_entries(entry **out, size_t *n, const lab_json *list, double least) {
    *n = 0;
    *out = calloc(lab_json_count(list) + 1, sizeof **out);
    if (!*out) return cli_error(RN_ENOMEM);
    for (const lab_json *item = list ? list->child : NULL; item; item = item->next) {
        const lab_json *box = lab_json_get(item, "bbox");
        const double score = member(item, "score", 1);
        if (lab_json_count(box) != 4 || score < least) continue;
        const lab_json *x = box->child, *y = x->next, *w = y->next, *h = w->next;
        (*out)[(*n)++] = (entry){.image = member(item, "image_id", -1),
                                 .category = member(item, "category_id", -1),
                                 .score = score,
                                 .crowd = member(item, "iscrowd", 0) != 0,
                                 .x = x->number,
                                 .y = y->number,
                                 .width = w->number,
                                 .height = h->number};
    }
    qsort(*out, *n, sizeof **out, by_image);
    return 0;
}

static double iou(const entry *a, const entry *b) {
    const double x1 = a->x > b->x ? a->x : b->x, y1 = a->y > b->y ? a->y : b->y;
    const double right_a = a->x + a->width, right_b = b->x + b->width;
    const double low_a = a->y + a->height, low_b = b->y + b->height;
    const double w = (right_a < right_b ? right_a : right_b) - x1;
    const double h = (low_a < low_b ? low_a : low_b) - y1;
    if (w <= 0 || h <= 0) return 0;
    return w * h / (a->width * a->height + b->width * b->height - w * h);
}

/* Mark what is no false alarm. Both lists are sorted. */
static void match(entry *found, size_t n, entry *objects, size_t n_objects) {
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        entry *best = NULL;
        double most = 0.5;
        while (first < n_objects && objects[first].image < found[i].image) first++;
        for (size_t k = first; k < n_objects && objects[k].image == found[i].image; k++) {
            const double overlap = iou(&found[i], &objects[k]);
            if (objects[k].taken || objects[k].category != found[i].category || overlap < most)
                continue;
            most = overlap;
            best = &objects[k];
        }
        if (!best) continue;
        found[i].taken = true;
        best->taken = !best->crowd;
    }
}

/* The picture with the most false alarms: found[*begin..*end); the first one where there is none.
 */
static void find_worst(const entry *found, size_t n, size_t *begin, size_t *end) {
    size_t most = 0;
    *begin = *end = 0;
    for (size_t i = 0, next; i < n; i = next) {
        size_t wrong = 0;
        for (next = i; next < n && found[next].image == found[i].image; next++)
            wrong += !found[next].taken;
        if (wrong <= most) continue;
        most = wrong;
        *begin = i;
        *end = next;
    }
}

static const lab_json *find_id(const lab_json *list, double id) {
    for (const lab_json *item = list ? list->child : NULL; item; item = item->next)
        if (member(item, "id", -1) == id) return item;
    return NULL;
}

static const char *text_of(const lab_json *object, const char *key) {
    const lab_json *value = lab_json_get(object, key);
    return value && value->type == LAB_JSON_TEXT ? value->text : "";
}

static int draw(const char *path, const char *picture, const entry *found, size_t n,
                const lab_json *categories) {
    enum { BOXES = 100 };
    rn_image image = {0};
    rn_box boxes[BOXES];
    char *names[BOXES]; /* a label each: ids are any numbers */
    size_t kept = 0;
    rn_status status = rn_image_read(&image, picture, NULL);
    for (size_t i = 0; i < n && kept < BOXES; i++) {
        const entry *f = &found[i];
        if (f->taken) continue;
        boxes[kept] = (rn_box){.x1 = (float)f->x,
                               .y1 = (float)f->y,
                               .x2 = (float)(f->x + f->width),
                               .y2 = (float)(f->y + f->height),
                               .score = (float)f->score,
                               .label = (int)kept};
        names[kept++] = (char *)text_of(find_id(categories, f->category), "name");
    }
    if (status == RN_OK) status = rn_image_draw(&image, boxes, kept, names, kept);
    if (status == RN_OK) status = rn_image_write(&image, path);
    rn_image_free(&image);
    return status == RN_OK ? 0 : cli_error(status);
}

static int show_threshold(double *out, const char *model) {
    rn_detector *det = NULL;
    const rn_status status = rn_detector_open(&det, model, NULL);
    if (status != RN_OK) return cli_error(status);
    *out = rn_detector_show_threshold(det);
    rn_detector_close(det);
    return 0;
}

int lab_draw_alarms(const char *path, const char *data, int folds, const char *split,
                    const char *model, const char *results, const char *folder) {
    static const char *const splits[] = {"val", "valid", "test"};
    char copy[PATH_MAX], file[PATH_MAX + 128] = "", picture[2 * PATH_MAX];
    lab_json *truth = NULL, *list = NULL;
    entry *objects = NULL, *found = NULL;
    size_t n_objects = 0, n = 0, begin, end;
    double least = 0;
    snprintf(copy, sizeof copy, "%s", data);
    int code = folds ? 0 : lab_copy_open(copy, sizeof copy, 0, folder);
    for (size_t i = 0; code == 0 && i < (split[0] ? 1 : 3); i++) {
        const char *name = split[0] ? split : splits[i];
        snprintf(file, sizeof file, "%s/annotations/instances_%s.json", copy, name);
        snprintf(picture, sizeof picture, "%s/images/%s%s", copy, folds ? "" : name,
                 folds ? "" : "/");
        if (access(file, F_OK) == 0) break;
        file[0] = '\0';
    }
    if (code == 0 && !file[0]) return 0; /* val has a name that is not known here: no picture */
    if (code == 0) code = show_threshold(&least, model);
    if (code == 0) code = lab_json_read(&truth, file);
    if (code == 0) code = lab_json_read(&list, results);
    if (code == 0) code = read_entries(&objects, &n_objects, lab_json_get(truth, "annotations"), 0);
    if (code == 0) code = read_entries(&found, &n, list, least);
    if (code == 0) {
        match(found, n, objects, n_objects);
        find_worst(found, n, &begin, &end);
        const lab_json *images = lab_json_get(truth, "images");
        const lab_json *image = end > begin ? find_id(images, found[begin].image) : images->child;
        const size_t used = strlen(picture);
        snprintf(picture + used, sizeof picture - used, "%s", text_of(image, "file_name"));
        code = draw(path, picture, found + begin, end - begin, lab_json_get(truth, "categories"));
    }
    free(objects);
    free(found);
    lab_json_free(truth);
    lab_json_free(list);
    return code;
}
