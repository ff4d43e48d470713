/* loader.h: batches for training, prepared in the background.
 *
 * Every sample depends on (seed, epoch, position in the epoch) alone, so neither the number of
 * threads nor a stop and resume changes it. */
#ifndef RN_DATA_LOADER_H
#define RN_DATA_LOADER_H

#include "data/dataset.h"
#include "data/image.h"

/* One object of a prepared picture, in canvas pixels. */
typedef struct rn_target {
    float x1, y1, x2, y2;
    int label;
    bool ignore; /* crowd, or mostly cut away: neither positive nor negative */
} rn_target;

typedef struct rn_batch {
    float *images; /* [n, canvas_h, canvas_w, 3] normalised, zero outside of each picture */
    int n; /* pictures, the full batch size always: the last batch of an epoch is filled from the
              epoch's start */
    int *widths; /* [n] picture size inside the canvas */
    int *heights;
    rn_target *targets; /* all pictures' targets, grouped */
    size_t
        *first_target;  /* [n + 1] picture i has targets[first_target[i] .. first_target[i + 1]) */
    const char **files; /* [n] for messages */
} rn_batch;

/* Augmentation; every strength 0 gives the plain picture. */
typedef struct rn_augment {
    float flip;      /* probability of a left-right mirror */
    float vflip;     /* probability of a top-bottom mirror */
    float scale_min; /* scale jitter: the picture is scaled by exp(uniform(log min, log max)); 1 and
                        1 for none. Larger than the */
    float scale_max; /* canvas: a random crop; smaller: a random place inside the canvas */
    float color;     /* brightness, contrast and saturation factors in 1 +- color */
} rn_augment;

typedef struct rn_loader_options {
    int batch; /* pictures a batch */
    uint64_t seed;
    bool shuffle; /* a new order each epoch, from (seed, epoch) */
    rn_geometry geometry;
    rn_augment augment;
    int workers;       /* background threads, >= 1 */
    size_t max_pixels; /* decoding limit, 0 for the default */
    rn_hooks hooks;    /* message: a line for each picture that is skipped or has a warning */
} rn_loader_options;

typedef struct rn_loader rn_loader;

/* `set` must outlive the loader. The canvas is fixed for the loader's life: the largest resized
 * picture of the set, each side rounded up to a multiple of 32. Picture sizes that an annotation
 * lacks are probed from the files. Small sets (<= 256 MB of decoded pixels) are kept decoded. */
RN_MUST_USE rn_status rn_loader_create(rn_loader **out, const rn_dataset *set,
                                       const rn_loader_options *options);
void rn_loader_free(rn_loader *loader);
/* What rn_loader_create would take for batches and kept pictures, and its canvas; nothing is
 * allocated. */
RN_MUST_USE rn_status rn_loader_plan(size_t *bytes, int *width, int *height, const rn_dataset *set,
                                     const rn_loader_options *options);
void rn_loader_canvas(const rn_loader *loader, int *width, int *height);
size_t rn_loader_batches(const rn_loader *loader); /* an epoch: ceil(pictures / batch) */

/* Go to batch `batch` of epoch `epoch` and prepare from there on, over the epoch's end into the
 * next. */
RN_MUST_USE rn_status rn_loader_seek(rn_loader *loader, uint64_t epoch, size_t batch);
/* The next batch; valid until the next call. A picture that cannot be read (rn_record_read) is
 * replaced by the next of the epoch, told and counted, once; more than 5% of the set is RN_EINPUT.
 * That is of the batches given, however far the workers are ahead. RN_ENOMEM. */
RN_MUST_USE rn_status rn_loader_next(rn_loader *loader, const rn_batch **batch);
size_t rn_loader_bad(const rn_loader *loader); /* pictures that could not be read, so far */
double
rn_loader_waited(const rn_loader *loader); /* seconds that rn_loader_next has waited in all */

#endif
