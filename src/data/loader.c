#include "data/loader.h"
#include "base/memory.h"
#include "data/augment.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define CACHE_BYTES ((size_t)256 << 20) /* of decoded pixels; larger sets are decoded anew */
#define BAD_SHARE   20                  /* one picture in so many may be unreadable */
#define ORDER       UINT64_MAX          /* the random stream of an epoch's order; no position is */

typedef enum slot_state { FREE, BUSY, READY } slot_state;

/* What there is to say of a picture's file. */
typedef struct remark {
    size_t record;
    const char *warning; /* NULL: it cannot be read, faults[record] says why */
} remark;

/* One batch of the ring. A worker owns it while BUSY, the caller from READY until its next call. */
typedef struct slot {
    slot_state state;
    rn_batch batch;
    size_t cap_targets;
    remark *remarks; /* [n_remarks] on the pictures met, in order; repeats are possible */
    size_t n_remarks, cap_remarks;
    rn_status status; /* of the preparation */
    char *text;       /* of its failure */
} slot;

/* What a worker needs for itself. */
typedef struct worker {
    rn_loader *loader;
    pthread_t thread;
    rn_resizer resizer;
    rn_image image; /* the picture last decoded, where the set is not kept */
    size_t *order;  /* [n_records] of epoch `epoch` */
    uint64_t epoch;
} worker;

struct rn_loader {
    const rn_dataset *set;
    rn_loader_options options;
    int canvas_w, canvas_h;
    size_t batches; /* an epoch */
    slot *slots;    /* [n_slots] batch number i lies in slots[i % n_slots] */
    size_t n_slots;
    worker *workers;
    int n_workers; /* that run */

    pthread_mutex_t mutex; /* guards all below, the slots' states and the workers' claims */
    pthread_cond_t changed;
    uint64_t next_claim;   /* number of the batch that is prepared next: epoch * batches + batch */
    uint64_t next_deliver; /* of the one that rn_loader_next gives */
    uint64_t course;       /* counts the seeks: what was begun under an older one is dropped */
    bool quit;
    rn_image *cache; /* [n_records] decoded pictures, for good once there; NULL: not kept */
    char **faults;   /* [n_records] why a picture cannot be read; NULL while it is not known */

    /* The caller's alone. */
    slot *held;       /* what rn_loader_next gave last */
    bool *is_told;    /* [n_records] there was a remark on it */
    size_t n_bad;     /* records that cannot be read */
    size_t first_bad; /* the first of them that was met */
    double waited;
};

/* ---- one sample ---- */

/* The pictures' order in `epoch`. */
static void set_order(worker *w, uint64_t epoch) {
    const size_t n = w->loader->set->n_records;
    if (w->epoch == epoch) return;
    w->epoch = epoch;
    for (size_t i = 0; i < n; i++) w->order[i] = i;
    if (!w->loader->options.shuffle) return;
    rn_random random = rn_random_seed(w->loader->options.seed, epoch, ORDER);
    rn_random_shuffle(&random, w->order, n);
}

/* The picture that is known already: RN_OK with *image set, or NULL if it must be decoded;
 * RN_EINPUT if it is known to be bad. */
static rn_status find_picture(rn_loader *l, size_t record, const rn_image **image) {
    pthread_mutex_lock(&l->mutex);
    const bool bad = l->faults[record] != NULL;
    *image = l->cache && l->cache[record].pixels ? &l->cache[record] : NULL;
    pthread_mutex_unlock(&l->mutex);
    return bad ? RN_EINPUT : RN_OK;
}

/* Keep what decoding gave: the picture where the set is kept, else for this worker; or the fault.
 */
static rn_status keep_picture(worker *w, size_t record, rn_image *decoded, rn_status status,
                              const rn_image **image) {
    rn_loader *l = w->loader;
    if (status == RN_OK && !l->cache) {
        rn_image_free(&w->image);
        w->image = *decoded;
        *image = &w->image;
        return RN_OK;
    }
    pthread_mutex_lock(&l->mutex);
    if (status == RN_OK) {
        if (!l->cache[record].pixels) { /* else another worker was faster */
            l->cache[record] = *decoded;
            *decoded = (rn_image){0};
        }
        *image = &l->cache[record];
    } else if (status == RN_EINPUT && !l->faults[record] &&
               rn_strdup(&l->faults[record], rn_error_text()) != RN_OK) {
        status = RN_ENOMEM;
    }
    pthread_mutex_unlock(&l->mutex);
    rn_image_free(decoded);
    return status;
}

static rn_status get_picture(worker *w, size_t record, const rn_image **image) {
    rn_image decoded = {0};
    RN_TRY(find_picture(w->loader, record, image));
    if (*image) return RN_OK;
    const rn_status status =
        rn_record_read(&decoded, &w->loader->set->records[record], w->loader->options.max_pixels);
    return keep_picture(w, record, &decoded, status, image);
}

static rn_status add_remark(slot *s, size_t record, const char *warning) {
    RN_TRY(rn_reserve(&s->remarks, &s->cap_remarks, s->n_remarks + 1, sizeof *s->remarks));
    s->remarks[s->n_remarks++] = (remark){record, warning};
    return RN_OK;
}

/* The picture for `position` of the epoch: the first that can be read from there on. */
static rn_status choose_picture(worker *w, slot *s, size_t position, size_t *record,
                                const rn_image **image) {
    const size_t n = w->loader->set->n_records;
    for (size_t i = 0; i < n; i++) {
        *record = w->order[(position + i) % n];
        const rn_status status = get_picture(w, *record, image);
        if (status == RN_OK && (*image)->warning) return add_remark(s, *record, (*image)->warning);
        if (status != RN_EINPUT) return status;
        RN_TRY(add_remark(s, *record, NULL));
    }
    return rn_fail(RN_EINPUT, "%s: no picture can be read", w->loader->set->name);
}

/* Picture i of the slot's batch, from `position` of the epoch. */
static rn_status prepare_sample(worker *w, slot *s, int i, size_t position) {
    const rn_loader *l = w->loader;
    const rn_loader_options *o = &l->options;
    rn_batch *batch = &s->batch;
    const size_t first = batch->first_target[i];
    const rn_image *image = NULL;
    size_t index = 0;
    int width, height;
    RN_TRY(choose_picture(w, s, position, &index, &image));
    const rn_record *record = &l->set->records[index];
    rn_random random = rn_random_seed(o->seed, w->epoch, position);
    rn_geometry_size(&width, &height, &o->geometry, image->width, image->height);
    const rn_view view =
        rn_augment_draw(&random, &o->augment, image->width, image->height, width, height);
    float *canvas = batch->images + (size_t)i * 3 * (size_t)l->canvas_w * (size_t)l->canvas_h;
    RN_TRY(rn_augment_image(canvas, l->canvas_w, l->canvas_h, image, &view, &o->geometry,
                            &w->resizer));
    RN_TRY(rn_reserve(&batch->targets, &s->cap_targets, first + record->n_objects,
                      sizeof *batch->targets));
    batch->first_target[i + 1] =
        first + rn_augment_targets(batch->targets + first, l->set->objects + record->first_object,
                                   record->n_objects, &view);
    batch->widths[i] = width;
    batch->heights[i] = height;
    batch->files[i] = record->file;
    return RN_OK;
}

/* ---- the workers ---- */

/* Nobody waits for work of `course` any more. */
static bool is_stale(rn_loader *l, uint64_t course) {
    pthread_mutex_lock(&l->mutex);
    const bool stale = l->quit || l->course != course;
    pthread_mutex_unlock(&l->mutex);
    return stale;
}

static void prepare(worker *w, slot *s, uint64_t number, uint64_t course) {
    rn_loader *l = w->loader;
    const size_t first = (size_t)(number % l->batches) * (size_t)l->options.batch;
    set_order(w, number / l->batches);
    s->n_remarks = 0;
    s->status = RN_OK;
    for (int i = 0; i < l->options.batch && s->status == RN_OK; i++) {
        if (is_stale(l, course)) return;
        s->status = prepare_sample(w, s, i, first + (size_t)i);
    }
    free(s->text);
    s->text = NULL;
    /* Without memory for the text the status alone must do. */
    if (s->status != RN_OK && rn_strdup(&s->text, rn_error_text()) != RN_OK) s->text = NULL;
}

/* Claim batches in order, each into its own slot as soon as that is free. */
static void *work(void *context) {
    worker *w = context;
    rn_loader *l = w->loader;
    pthread_mutex_lock(&l->mutex);
    while (!l->quit) {
        slot *s = &l->slots[l->next_claim % l->n_slots];
        if (s->state != FREE) {
            pthread_cond_wait(&l->changed, &l->mutex);
            continue;
        }
        const uint64_t number = l->next_claim++, course = l->course;
        s->state = BUSY;
        pthread_mutex_unlock(&l->mutex);
        prepare(w, s, number, course);
        pthread_mutex_lock(&l->mutex);
        s->state = course == l->course ? READY : FREE;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* ---- the caller's side ---- */

rn_status rn_loader_seek(rn_loader *l, uint64_t epoch, size_t batch) {
    if (batch >= l->batches)
        return rn_fail(RN_EINVAL, "batch of the epoch out of range (got %zu, want 0..%zu)", batch,
                       l->batches - 1);
    pthread_mutex_lock(&l->mutex);
    l->course++;
    l->held = NULL;
    for (size_t i = 0; i < l->n_slots; i++) /* a BUSY one is freed by its worker */
        if (l->slots[i].state == READY) l->slots[i].state = FREE;
    l->next_claim = l->next_deliver = epoch * l->batches + batch;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    return RN_OK;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Say what is wrong with a picture. */
static void tell(const rn_loader *l, const remark *m) {
    if (m->warning)
        rn_tell(&l->options.hooks, "warning: %s: %s", l->set->records[m->record].path, m->warning);
    else
        rn_tell(&l->options.hooks, "skipped: %s", l->faults[m->record]);
}

/* Tell of the slot's odd pictures and count the bad ones, each once. Done on delivery, so that the
 * count, and the batch that is refused, do not depend on how far the workers are ahead. */
static rn_status take_remarks(rn_loader *l, const slot *s) {
    for (size_t i = 0; i < s->n_remarks; i++) {
        const remark *m = &s->remarks[i];
        if (l->is_told[m->record]) continue;
        l->is_told[m->record] = true;
        if (!m->warning && l->n_bad++ == 0) l->first_bad = m->record;
        tell(l, m);
    }
    if (l->n_bad * BAD_SHARE <= l->set->n_records) return RN_OK;
    return rn_fail(RN_EINPUT,
                   "%s: more than 5%% of the pictures cannot be read (got %zu of %zu): %s",
                   l->set->name, l->n_bad, l->set->n_records, l->faults[l->first_bad]);
}

rn_status rn_loader_next(rn_loader *l, const rn_batch **batch) {
    *batch = NULL;
    pthread_mutex_lock(&l->mutex);
    if (l->held) {
        l->held->state = FREE;
        l->held = NULL;
        pthread_cond_broadcast(&l->changed);
    }
    slot *s = &l->slots[l->next_deliver % l->n_slots];
    const double start = now();
    while (s->state != READY) pthread_cond_wait(&l->changed, &l->mutex);
    l->waited += now() - start;
    l->held = s;
    l->next_deliver++;
    pthread_mutex_unlock(&l->mutex);
    RN_TRY(take_remarks(l, s));
    if (s->status != RN_OK)
        return rn_fail(s->status, "%s", s->text ? s->text : "not enough memory for a batch");
    *batch = &s->batch;
    return RN_OK;
}

void rn_loader_canvas(const rn_loader *l, int *width, int *height) {
    *width = l->canvas_w;
    *height = l->canvas_h;
}

size_t rn_loader_batches(const rn_loader *l) {
    return l->batches;
}

size_t rn_loader_bad(const rn_loader *l) {
    return l->n_bad;
}

double rn_loader_waited(const rn_loader *l) {
    return l->waited;
}

/* ---- making and unmaking ---- */

static rn_status check_options(const rn_loader_options *o, const rn_dataset *set) {
    const rn_augment *a = &o->augment;
    if (set->n_records == 0) return rn_fail(RN_EINPUT, "%s: no pictures", set->name);
    if (o->batch < 1) return rn_fail(RN_EINVAL, "batch out of range (got %d, want >= 1)", o->batch);
    if (o->workers < 1)
        return rn_fail(RN_EINVAL, "loader workers out of range (got %d, want >= 1)", o->workers);
    if (!(a->scale_min > 0 && a->scale_min <= a->scale_max && a->scale_max <= 100))
        return rn_fail(RN_EINVAL,
                       "scale jitter out of range (got %g to %g, want 0 < min <= max <= 100)",
                       (double)a->scale_min, (double)a->scale_max);
    if (!(a->color >= 0 && a->color <= 1))
        return rn_fail(RN_EINVAL, "colour jitter out of range (got %g, want 0..1)",
                       (double)a->color);
    return RN_OK;
}

static int round_up_32(int side) {
    return (side + 31) / 32 * 32;
}

/* The canvas that holds every picture resized, and the bytes of all decoded. A picture whose size
 * is unknown and cannot be found is a bad one: that shows when its turn comes. */
static rn_status measure_set(int *canvas_w, int *canvas_h, size_t *decoded, const rn_dataset *set,
                             const rn_geometry *geometry) {
    *canvas_w = *canvas_h = 32;
    *decoded = 0;
    for (size_t i = 0; i < set->n_records; i++) {
        int width, height, w, h;
        const rn_status status = rn_record_size(&width, &height, &set->records[i]);
        if (status == RN_EINPUT) continue;
        RN_TRY(status);
        rn_geometry_size(&w, &h, geometry, width, height);
        if (round_up_32(w) > *canvas_w) *canvas_w = round_up_32(w);
        if (round_up_32(h) > *canvas_h) *canvas_h = round_up_32(h);
        if (*decoded <= CACHE_BYTES) *decoded += (size_t)width * (size_t)height * 3;
    }
    return RN_OK;
}

/* One that is given, one that is ready, and one a worker. */
static size_t count_slots(const rn_loader_options *o) {
    return (size_t)o->workers + 2;
}

rn_status rn_loader_plan(size_t *bytes, int *width, int *height, const rn_dataset *set,
                         const rn_loader_options *o) {
    size_t decoded, batch;
    RN_TRY(check_options(o, set));
    RN_TRY(measure_set(width, height, &decoded, set, &o->geometry));
    if (!rn_mul(&batch, (size_t)*width * (size_t)*height * 3 * sizeof(float), (size_t)o->batch) ||
        !rn_mul(bytes, batch, count_slots(o)))
        return rn_fail(RN_ENOMEM, "a batch of %d pictures is too large", o->batch);
    if (decoded <= CACHE_BYTES) *bytes += decoded;
    return RN_OK;
}

static rn_status create_slot(slot *s, const rn_loader *l) {
    const size_t n = (size_t)l->options.batch;
    size_t floats;
    if (!rn_mul(&floats, (size_t)l->canvas_w * (size_t)l->canvas_h * 3, n))
        return rn_fail(RN_ENOMEM, "a batch of %zu pictures is too large", n);
    s->batch.n = l->options.batch;
    RN_TRY(rn_alloc(&s->batch.images, floats, sizeof *s->batch.images));
    RN_TRY(rn_alloc(&s->batch.widths, n, sizeof *s->batch.widths));
    RN_TRY(rn_alloc(&s->batch.heights, n, sizeof *s->batch.heights));
    RN_TRY(rn_alloc(&s->batch.first_target, n + 1, sizeof *s->batch.first_target));
    return rn_alloc(&s->batch.files, n, sizeof *s->batch.files);
}

static void free_slot(slot *s) {
    free(s->batch.images);
    free(s->batch.widths);
    free(s->batch.heights);
    free(s->batch.targets);
    free(s->batch.first_target);
    free(s->batch.files);
    free(s->remarks);
    free(s->text);
}

static rn_status create_rings(rn_loader *l) {
    const size_t n = l->set->n_records, n_workers = (size_t)l->options.workers;
    size_t decoded;
    RN_TRY(measure_set(&l->canvas_w, &l->canvas_h, &decoded, l->set, &l->options.geometry));
    RN_TRY(rn_alloc(&l->faults, n, sizeof *l->faults));
    RN_TRY(rn_alloc(&l->is_told, n, sizeof *l->is_told));
    if (decoded <= CACHE_BYTES) RN_TRY(rn_alloc(&l->cache, n, sizeof *l->cache));
    RN_TRY(rn_alloc(&l->slots, count_slots(&l->options), sizeof *l->slots));
    l->n_slots = count_slots(&l->options);
    for (size_t i = 0; i < l->n_slots; i++) RN_TRY(create_slot(&l->slots[i], l));
    RN_TRY(rn_alloc(&l->workers, n_workers, sizeof *l->workers));
    for (size_t i = 0; i < n_workers; i++) {
        l->workers[i].loader = l;
        l->workers[i].epoch = UINT64_MAX;
        RN_TRY(rn_alloc(&l->workers[i].order, n, sizeof *l->workers[i].order));
    }
    return RN_OK;
}

rn_status rn_loader_create(rn_loader **out, const rn_dataset *set,
                           const rn_loader_options *options) {
    rn_loader *l;
    rn_status status;
    *out = NULL;
    RN_TRY(check_options(options, set));
    RN_TRY(rn_alloc(&l, 1, sizeof *l));
    l->set = set;
    l->options = *options;
    l->batches = (set->n_records + (size_t)options->batch - 1) / (size_t)options->batch;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    status = create_rings(l);
    for (; status == RN_OK && l->n_workers < options->workers; l->n_workers++)
        if (pthread_create(&l->workers[l->n_workers].thread, NULL, work,
                           &l->workers[l->n_workers]) != 0) {
            status = rn_fail(RN_ENOMEM, "no thread for the loader (%d run)", l->n_workers);
            break;
        }
    if (status != RN_OK) {
        rn_loader_free(l);
        return status;
    }
    *out = l;
    return RN_OK;
}

void rn_loader_free(rn_loader *l) {
    if (!l) return;
    pthread_mutex_lock(&l->mutex);
    l->quit = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->n_workers; i++) pthread_join(l->workers[i].thread, NULL);
    for (int i = 0; l->workers && i < l->options.workers; i++) {
        rn_resizer_free(&l->workers[i].resizer);
        rn_image_free(&l->workers[i].image);
        free(l->workers[i].order);
    }
    free(l->workers);
    for (size_t i = 0; i < l->n_slots; i++) free_slot(&l->slots[i]);
    free(l->slots);
    for (size_t i = 0; i < l->set->n_records; i++) {
        if (l->cache) rn_image_free(&l->cache[i]);
        if (l->faults) free(l->faults[i]);
    }
    free(l->cache);
    free(l->faults);
    free(l->is_told);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}
