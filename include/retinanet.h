/* retinanet.h: RetinaNet in C (Lin et al., Focal Loss for Dense Object Detection,
 * arXiv:1708.02002).
 *
 * The whole library in the order one meets it: status, images, detector, data sets, training,
 * evaluation, bench. A complete program that prints what is on a picture:
 *
 *     #include <retinanet.h>
 *     #include <stdio.h>
 *
 *     int main(int argc, char **argv) {
 *         rn_detector *det = NULL;
 *         rn_image img = {0};
 *         rn_box box[100];
 *         size_t n = 0;
 *         if (argc != 3 || rn_detector_open(&det, argv[1], NULL) ||
 *             rn_image_read(&img, argv[2], NULL) || rn_detector_run(det, &img, box, 100, &n)) {
 *             fprintf(stderr, "%s\n", rn_error_text());
 *             return 1;
 *         }
 *         for (size_t i = 0; i < n; i++)
 *             printf("%s %.2f\n", rn_detector_class_name(det, box[i].label), box[i].score);
 *         rn_image_free(&img);
 *         rn_detector_close(det);
 *     }
 */
#ifndef RETINANET_H
#define RETINANET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What follows is all that the library shows. Semantic versioning: until 1.0 a new minor version
 * may change it, and the SONAME with it. */
#pragma GCC visibility push(default)

#define RN_VERSION  "0.1.0"
#define RN_MUST_USE __attribute__((warn_unused_result))

/* A struct from its fields, in C and in C++20. */
#ifdef __cplusplus
#define RN_STRUCT(type) type
#else
#define RN_STRUCT(type) (type)
#endif

/* ---- Status ---------------------------------------------------------------------------------- */

/* Every status: name, exit code of the programs, meaning. */
#define RN_STATUS_LIST(X)                                                                          \
    X(RN_OK, 0, "ok")                                                                              \
    X(RN_EINVAL, 1, "an option or argument that cannot be used")                                   \
    X(RN_EINPUT, 2, "an input file that is missing, unreadable or wrong")                          \
    X(RN_ENOMEM, 3, "not enough memory")                                                           \
    X(RN_EDIVERGED, 4, "the training loss is not finite")                                          \
    X(RN_EIO, 5, "output could not be written")

typedef enum rn_status {
#define X(name, code, text) name,
    RN_STATUS_LIST(X)
#undef X
} rn_status;

/* What went wrong in the last failed call on this thread: one line, naming file, place, what was
 * found and what was wanted. Valid until the thread's next failing call. Never NULL; "" before any
 * failure. */
const char *rn_error_text(void);

/* The exit code a program ends with for `status` (the table above). */
int rn_status_exit_code(rn_status status);

/* What a long call tells while it goes on. Every pointer may be NULL. */
typedef struct rn_hooks {
    void *context;
    /* A line for the log, without its end. */
    void (*message)(void *context, const char *line);
    /* A line that describes the moment, to be shown in place of the one before. */
    void (*progress)(void *context, const char *line);
    /* Asked after every training step: true finishes the run early, saved and resumable. */
    bool (*stop)(void *context);
} rn_hooks;

/* ---- Images ---------------------------------------------------------------------------------- */

/* [height, width, 3] bytes, RGB, rows contiguous, top row first. Zero-initialise; owned by whoever
 * called read. */
typedef struct rn_image {
    int width;           /* pixels, >= 1 */
    int height;          /* pixels, >= 1 */
    uint8_t *pixels;     /* height * width * 3 bytes, malloc'ed */
    const char *warning; /* what was wrong with the file and did no harm to the pixels, for people;
                            NULL for nothing. Never freed */
} rn_image;

/* A detection, in the pixels of the image given: half-open, width = x2 - x1. */
typedef struct rn_box {
    float x1, y1, x2, y2; /* 0 <= x1 <= x2 <= width, likewise y */
    float score;          /* probability of the class, 0..1 */
    int label;            /* 0-based class of the model */
} rn_box;

typedef struct rn_read_options {
    size_t max_pixels;       /* refuse larger pictures before allocating; 0 means 64 million */
    bool ignore_orientation; /* leave the EXIF orientation unapplied */
} rn_read_options;

/* Read a JPEG, PNG or BMP file, any channel count and depth, as upright RGB. `options` may be NULL.
 * On failure *out is empty. RN_EINPUT with "FILE: offset N: what", RN_ENOMEM. */
RN_MUST_USE rn_status rn_image_read(rn_image *out, const char *path,
                                    const rn_read_options *options);
void rn_image_free(rn_image *image); /* and zero it */

/* Write `image` as JPEG (quality 92) or PNG by the ending of `path`; beside it first, then renamed.
 * RN_EINVAL for another ending and for a JPEG side over 65535, RN_EIO. */
RN_MUST_USE rn_status rn_image_write(const rn_image *image, const char *path);

/* The same for a picture that carries our mark (a JPEG comment, a PNG text), and whether a file
 * carries it: such a file may be replaced without asking. */
RN_MUST_USE rn_status rn_image_write_annotated(const rn_image *image, const char *path);
bool rn_image_is_annotated(const char *path);

/* Draw boxes with anti-aliased labels ("dog 0.91") in place; colour by label, line width by picture
 * size. */
RN_MUST_USE rn_status rn_image_draw(rn_image *image, const rn_box *boxes, size_t n,
                                    char *const *class_names, size_t n_classes);

/* ---- Detector -------------------------------------------------------------------------------- */

typedef struct rn_detector rn_detector;

typedef struct rn_detector_options {
    int threads;            /* 0: one a core */
    float score_threshold;  /* of the candidates; negative: the model's own (0.05) */
    int nms_agnostic;       /* NMS over all classes together instead of class by class */
    const rn_hooks *hooks;  /* told what is odd about the model file; may be NULL */
    const char *const *set; /* texts "KEY=VALUE" over the model's configuration (the keys of
                               `config` in models/README.md; "classes=A,B,C" names the classes),
                               NULL behind the last; may be NULL */
    const char *isa;        /* vector instructions: "plain", "avx2" or "avx512"; NULL: the widest
                               that the processor has. Results differ in the last digits */
} rn_detector_options;
#define RN_DETECTOR_OPTIONS_DEFAULT                                                                \
    (RN_STRUCT(rn_detector_options){.threads = 0,                                                  \
                                    .score_threshold = -1.0f,                                      \
                                    .nms_agnostic = 0,                                             \
                                    .hooks = NULL,                                                 \
                                    .set = NULL,                                                   \
                                    .isa = NULL})

/* Open a model file: safetensors with its configuration inside, or without, where names and shapes
 * are those of the presets nano and small or of a RetinaNet of torchvision: retinanet_resnet50_fpn,
 * retinanet_resnet50_fpn_v2, or resnet18, 34, 50 or 101 with resnet_fpn_backbone; or such a state
 * dict as PyTorch's torch.save writes it (.pth), told by its first bytes, of which no code is run.
 * Of a checkpoint the weights are those that best.safetensors would have (the average where there
 * is one).
 * Not shared between threads: open one a thread. NULL options: the default. RN_EINPUT (what is
 * wrong with the file), RN_EINVAL (of options->set), RN_ENOMEM. On failure *out is NULL. */
RN_MUST_USE rn_status rn_detector_open(rn_detector **out, const char *path,
                                       const rn_detector_options *options);
void rn_detector_close(rn_detector *det);
size_t rn_detector_classes(const rn_detector *det);
const char *rn_detector_class_name(const rn_detector *det, int label);
char *const *rn_detector_class_names(const rn_detector *det); /* [classes] */
int64_t rn_detector_category_id(const rn_detector *det,
                                int label); /* the id of the data set it was trained on */
float rn_detector_show_threshold(
    const rn_detector *det); /* best-F1 score threshold found in training, 0.5 if none */

/* Find objects in one image.
 *
 *   image   only read
 *   out     room for `cap` boxes, written in order of falling score
 *   n_out   boxes written, <= cap; 0 is a normal answer, not an error
 *
 * Per pyramid level the 1000 best (anchor, class) pairs above the score threshold are decoded; the
 * levels are merged and each class goes through NMS at IoU 0.5 (section 4.1).
 *
 * RN_EINVAL if the image has no pixels; RN_ENOMEM if an image larger than any before it does not
 * fit. After an error *n_out is 0 and `det` stays usable. */
RN_MUST_USE rn_status rn_detector_run(rn_detector *det, const rn_image *image, rn_box *out,
                                      size_t cap, size_t *n_out);

typedef enum rn_weight_type {
    RN_WEIGHTS_FLOAT, /* IEEE 754 binary32 */
    RN_WEIGHTS_HALF   /* binary16 for the weights of convolutions: half the file */
} rn_weight_type;

/* Write the model at `in`, any that rn_detector_open takes, to `out` for use: configuration,
 * changed by `set` as in rn_detector_options, and weights, of a checkpoint those that
 * best.safetensors would have (the average where there is one). `out` may be `in`; what was there
 * stays on failure. RN_EINPUT (`in` is no model, or has a weight that binary16 cannot hold),
 * RN_EINVAL (of `set`), RN_ENOMEM, RN_EIO.
 */
RN_MUST_USE rn_status rn_model_convert(const char *in, const char *out, rn_weight_type type,
                                       const char *const *set);

/* Write the network of the model at `in` to `out` as ONNX (operator set 17), for other runtimes:
 * from normalised pictures to the logits and deltas of each level. models/README.md describes them.
 * `set`, RN_EINPUT, RN_EINVAL, RN_ENOMEM, RN_EIO as above. */
RN_MUST_USE rn_status rn_model_to_onnx(const char *in, const char *out, const char *const *set);

/* ---- Data sets ------------------------------------------------------------------------------- */

/* A generated detection set: a table seen from above, on it objects of several classes (key, gear,
 * leaf, mug, starfish, fish, button, scissors) among look-alikes without labels. A pure function of
 * the options. COCO json (train.json, val.json), images/ (JPEG) and masks/ (one grey PNG a picture,
 * pixel = 1 + index of the object in the picture). */
typedef struct rn_scenes_options {
    uint64_t seed;
    int train, val;               /* pictures of each split; a split of 0 is not written */
    int width, height;            /* pixels, 32..2048 */
    int min_objects, max_objects; /* objects a picture, 0..64; fewer than min where no more fit */
    float min_size, max_size;     /* longer side of an object over the picture's shorter side,
                                     0.04..0.9; to about 5%, before anything hides a part of it */
    int classes;                  /* 1 .. RN_SCENES_MAX_CLASSES */
    float clutter;                /* 0..1: how many distractors and how busy the background is */
    float noise;                  /* 0..1: sensor noise and lighting changes */
    float overlap;                /* highest IoU of two objects' boxes */
    bool masks;                   /* write masks/ */
} rn_scenes_options;
#define RN_SCENES_MAX_CLASSES 8
#define RN_SCENES_OPTIONS_DEFAULT                                                                  \
    (RN_STRUCT(rn_scenes_options){.seed = 1,                                                       \
                                  .train = 2400,                                                   \
                                  .val = 200,                                                      \
                                  .width = 160,                                                    \
                                  .height = 160,                                                   \
                                  .min_objects = 0,                                                \
                                  .max_objects = 6,                                                \
                                  .min_size = 0.18f,                                               \
                                  .max_size = 0.5f,                                                \
                                  .classes = 5,                                                    \
                                  .clutter = 0.5f,                                                 \
                                  .noise = 0.5f,                                                   \
                                  .overlap = 0.3f,                                                 \
                                  .masks = true})

/* Render picture `index` of the set in memory, without files. Picture i of train is index i,
 * picture i of val is RN_SCENES_VAL_INDEX + i.
 *
 *   boxes   room for `cap` >= max_objects, tight around the visible part of each object (at least
 *           half of it), whole pixels, score 1
 *   mask    NULL or height * width bytes: 0, or 1 + index of the box whose object is seen there
 *
 * RN_EINVAL for options out of range, RN_ENOMEM; then *out is empty and *n_boxes 0. */
#define RN_SCENES_VAL_INDEX (UINT64_C(1) << 32)
RN_MUST_USE rn_status rn_scenes_render(rn_image *out, rn_box *boxes, size_t cap, size_t *n_boxes,
                                       uint8_t *mask, const rn_scenes_options *options,
                                       uint64_t index);

/* Write the whole set into `folder` (made if missing), the json last. Threads: 0 for one a core;
 * the same bytes with any number. RN_EINVAL for options out of range or a folder that holds a set
 * already, RN_ENOMEM, RN_EIO. */
RN_MUST_USE rn_status rn_scenes_write(const char *folder, const rn_scenes_options *options,
                                      int threads);

/* The name of class `label`, NULL outside of 0 .. RN_SCENES_MAX_CLASSES - 1. */
const char *rn_scenes_class_name(int label);

typedef enum rn_data_format {
    RN_DATA_COCO, /* annotations/instances_<split>.json, images/<split>/ */
    RN_DATA_VOC,  /* Annotations/, JPEGImages/, ImageSets/Main/<split>.txt */
    RN_DATA_YOLO  /* data.yaml, images/<split>/, labels/<split>/ */
} rn_data_format;

/* Write every split of DATA (a folder or file of a format that is recognised) into `folder`, which
 * must be empty or not there, in the format `to`. All that both formats can say is kept; what `to`
 * cannot is told in messages, with its count: VOC and YOLO clip boxes to the picture and have no
 * empty ones, VOC none of a pixel across, nor classes without a box; VOC marks crowds as difficult,
 * YOLO leaves them out; COCO and YOLO have no difficult; data.yaml has keys for train, val and test
 * alone. A picture is left out that cannot be read for the size which boxes need.
 *
 *   pictures   copy them too, byte by byte
 *
 * RN_EINPUT for DATA that is wrong or has pictures whose names would collide, RN_EINVAL for a
 * folder in use, RN_ENOMEM, RN_EIO. */
RN_MUST_USE rn_status rn_data_convert(const char *data, const char *folder, rn_data_format to,
                                      bool pictures, const rn_hooks *hooks);

/* ---- Training -------------------------------------------------------------------------------- */

/* Options by name: every option of `train --help` and every key of a preset file. */
typedef struct rn_train_options rn_train_options;

RN_MUST_USE rn_status rn_train_options_create(rn_train_options **out);
void rn_train_options_free(rn_train_options *options);
/* RN_EINVAL for an unknown name (the nearest is suggested) or a value out of its range. */
RN_MUST_USE rn_status rn_train_options_set(rn_train_options *options, const char *name,
                                           const char *value);
/* Whether they go together and with their preset, as rn_train asks first. RN_EINVAL, RN_EINPUT. */
RN_MUST_USE rn_status rn_train_options_check(const rn_train_options *options);
/* Names, defaults and help, one option at a time, in order; false behind the last. */
typedef struct rn_option_info {
    const char *name; /* "lr" */
    const char *help; /* one line */
    char initial[64]; /* the default as text */
} rn_option_info;
bool rn_train_options_info(rn_option_info *out, size_t index);

typedef struct rn_train_result {
    uint64_t steps; /* done in all, earlier parts of a resumed run included */
    bool finished;  /* the horizon was reached, or early stopping ended it */
    double best_ap; /* on val; -1 without val */
    double best_ap50;
    double seconds; /* spent training in this call */
} rn_train_result;

/* Train on DATA (a folder or file of a format that is recognised) into folder `run`, which must not
 * exist yet. The folder gets args.json, results.csv, dominance.csv, log.txt, pictures/,
 * best.safetensors and last.safetensors. RN_EDIVERGED if a loss is not finite: the checkpoints
 * before are kept. */
RN_MUST_USE rn_status rn_train(rn_train_result *out, const char *data, const char *run,
                               const rn_train_options *options, const rn_hooks *hooks);
/* Go on with a run as if it had not stopped: the same bits. Only epochs (of a finished run),
 * max-steps, time and threads may be set. */
RN_MUST_USE rn_status rn_train_resume(rn_train_result *out, const char *run,
                                      const rn_train_options *options, const rn_hooks *hooks);

/* ---- Evaluation ------------------------------------------------------------------------------ */

#define RN_COCO_STATS 12

/* What a score threshold gives at IoU .50: precision n_true / (n_true + n_false), recall n_true /
 * n_objects, F1 2 n_true / (n_true + n_false + n_objects). */
typedef struct rn_curve_point {
    double score;           /* the threshold: detections of at least this score count */
    size_t n_true, n_false; /* of these; a second detection of one object is false */
} rn_curve_point;

/* Precision and recall at every score that occurs. */
typedef struct rn_curve {
    rn_curve_point *points; /* [n] by falling score */
    size_t n;
    size_t n_objects;     /* to be found: no crowds, no difficult ones */
    double best_f1;       /* the highest, ... */
    double best_f1_score; /* ... half-way to the next score below, if there is one; 0.5 where
                             nothing is found */
} rn_curve;

typedef struct rn_class_report {
    char *name;
    int64_t category_id;     /* the data set's */
    double ap, ap50;         /* COCO's; -1 where the class has no object, as below */
    double voc_ap, voc07_ap; /* PASCAL VOC's at IoU .50: over all points, over 11 points */
    rn_curve curve;
} rn_class_report;

/* Zero-initialise; owned by whoever called evaluate. */
typedef struct rn_report {
    double stats[RN_COCO_STATS]; /* AP, AP50, AP75, AP small, medium, large, AR 1, 10, 100, AR
                                    small, medium, large; -1 for none */
    double voc_ap, voc07_ap;     /* means of the classes' */
    rn_class_report *classes;    /* [n_classes] */
    size_t n_classes;
    size_t n_images, n_objects, n_detections;
    size_t n_unknown;  /* detections of categories that the truth has not: left out */
    size_t n_bad;      /* pictures that could not be read: their objects count as missed */
    rn_curve curve;    /* of all classes' detections together */
    size_t *confusion; /* [n_classes + 1, n_classes + 1] objects of the row's class found as the
                          column's, the last one being background; NULL if not asked for */
    double confusion_score; /* its detections have at least this score */
    rn_curve_point *points; /* private: those of all curves */
} rn_report;
void rn_report_free(rn_report *report); /* and zero it */

typedef struct rn_evaluate_options {
    int threads;            /* 0: one a core */
    const char *split;      /* of DATA; NULL: val, else valid, else test */
    const char *results;    /* a COCO results file to write a model's detections to, those of
                               classes that the set has; NULL: none */
    bool confusion;         /* count the confusion matrix */
    double score;           /* of its detections at least; negative: where F1 is best */
    const char *const *set; /* of the model, as in rn_detector_options */
    const char *isa;        /* likewise */
} rn_evaluate_options;
#define RN_EVALUATE_OPTIONS_DEFAULT                                                                \
    (RN_STRUCT(rn_evaluate_options){.threads = 0,                                                  \
                                    .split = NULL,                                                 \
                                    .results = NULL,                                               \
                                    .confusion = false,                                            \
                                    .score = -1,                                                   \
                                    .set = NULL,                                                   \
                                    .isa = NULL})

/* Measure a results file (a COCO json list of image_id, category_id, bbox, score) against ground
 * truth: a COCO json file, or a folder that rn_data_convert would take. Every box counts as given.
 *
 * The COCO numbers are the reference code's. The VOC ones follow its development kit: detections by
 * falling score, each of them held to the object of its class that it overlaps most; at IoU .50 and
 * more that object, if it is found for the first time, makes it right; of a difficult object (or a
 * crowd) it counts neither way; else it is wrong. Boxes are half-open: the kit's "+ 1" for whole
 * pixels is left out. Recalls are compared exactly. However many boxes a picture has, all count, as
 * there; for the COCO numbers and the curves the 100 best of each class do.
 *
 * The confusion matrix knows no classes while it matches: the detections of a picture by falling
 * score, however many, each takes the free object that it overlaps most, IoU .50 at least. Those
 * that take none are of the row "background", unless they lie on a crowd or a difficult object of
 * their class; objects that are not taken are of the column "background".
 *
 * NULL options: the default. Hooks may be NULL. RN_EINPUT with FILE:LINE:COL, RN_ENOMEM, RN_EIO;
 * then *out is empty. */
RN_MUST_USE rn_status rn_evaluate_files(rn_report *out, const char *truth, const char *detections,
                                        const rn_evaluate_options *options, const rn_hooks *hooks);
/* The same for a model that is run on a split of DATA. */
RN_MUST_USE rn_status rn_evaluate_model(rn_report *out, const char *model, const char *data,
                                        const rn_evaluate_options *options, const rn_hooks *hooks);

/* Write what a report can show into `folder`, which is made if missing; files of these names are
 * replaced.
 *
 *   pr.csv          class, score, true and false detections, precision, recall, F1: a row for each
 *                   score at which more is found; "(all)" is all classes together
 *   pr_curve.png    precision over recall, a dot where F1 is best
 *   f1_curve.png    F1 over the score threshold
 *   confusion.csv   a row for each class of the truth, then background; so are the columns
 *   confusion.png   the same, darker with the share of the row; of less than 2000 classes alone
 *
 * The last two only where the matrix was counted.
 * RN_ENOMEM, RN_EIO. */
RN_MUST_USE rn_status rn_report_write(const rn_report *report, const char *folder);

/* Make `score`, 0..1, the threshold from which detect shows the boxes of a model: its file is
 * replaced by one that differs in its configuration alone. RN_EINVAL (score), RN_EINPUT (no model),
 * RN_ENOMEM, RN_EIO. */
RN_MUST_USE rn_status rn_model_set_show_threshold(const char *model, double score);

/* ---- Bench ----------------------------------------------------------------------------------- */

typedef struct rn_bench_options {
    const char *preset;     /* name or file; NULL: r18 */
    const char *model;      /* weights and configuration from this file, in place of the preset's
                               with random weights and `classes`; NULL for none */
    const char *const *set; /* texts "KEY=VALUE" over the model's configuration, in training over
                               its options too; NULL behind the last; may be NULL */
    const char *input;      /* file of floats [batch, height, width, 3] in place of noise, in the
                               machine's order of bytes; NULL for none */
    const char *outputs;    /* infer: write a file of floats: of each level, from P3 on, the logits
                               [anchors, classes], then the deltas [anchors, 4]; behind them the
                               boxes [n, 6]: x1, y1, x2, y2, score, label. NULL for none */
    const char *data;       /* train: the set whose pictures the loader prepares meanwhile, as
                               training does; NULL: the same batch again and again */
    int width, height;      /* of the input */
    int batch;              /* train only */
    int classes;            /* without a model file */
    int threads;            /* 0: one a core */
    int runs;               /* timed runs, behind one that is not */
    const char *isa;        /* as in rn_detector_options */
} rn_bench_options;
#define RN_BENCH_OPTIONS_DEFAULT                                                                   \
    (RN_STRUCT(rn_bench_options){.preset = NULL,                                                   \
                                 .model = NULL,                                                    \
                                 .set = NULL,                                                      \
                                 .input = NULL,                                                    \
                                 .outputs = NULL,                                                  \
                                 .data = NULL,                                                     \
                                 .width = 320,                                                     \
                                 .height = 320,                                                    \
                                 .batch = 1,                                                       \
                                 .classes = 91,                                                    \
                                 .threads = 0,                                                     \
                                 .runs = 10,                                                       \
                                 .isa = NULL})

/* One kind of layer in the fastest run. */
typedef struct rn_bench_kind {
    char name[32];                        /* "conv 3x3", "conv 7x7 stride 2", "group_norm" ... */
    int layers;                           /* of this kind */
    double forward_ms, backward_ms;       /* of all of them */
    double forward_gflop, backward_gflop; /* direct sums, multiply and add counted each, however
                                             they are really found; convolutions alone */
} rn_bench_kind;
enum { RN_BENCH_KINDS = 32 };

typedef struct rn_bench_result {
    int width, height; /* of the input */
    size_t classes;
    double ms_best, ms_median;
    double images_per_s; /* at the median */
    double gflop;      /* of one run: convolutions, multiply and add counted each; training is three
                          times its forward */
    double peak_mb;    /* highest resident memory of the process */
    double planned_mb; /* activations, gradients and scratch */
    double peak_gflops;   /* float multiply-adds that the threads together do at most, measured */
    const char *peak_isa; /* the instructions that did them; never freed */
    /* The parts of the fastest run, in ms. */
    double forward_ms;     /* from the network's input on */
    double postprocess_ms; /* infer: from the heads to the boxes */
    double criterion_ms;   /* train: matching and losses */
    double backward_ms;
    double optimizer_ms; /* clipping and update */
    double loader_ms;    /* waiting for the loader; 0 without data */
    /* What was found. */
    size_t boxes;                         /* infer */
    double cls_loss, box_loss, grad_norm; /* train, first step */
    rn_bench_kind kinds[RN_BENCH_KINDS];  /* [n_kinds] in the order of their first layers */
    size_t n_kinds;
} rn_bench_result;

/* Inference from the network's input to the boxes, batch 1. RN_EINVAL, RN_EINPUT (model, preset,
 * input), RN_ENOMEM, RN_EIO (outputs). */
RN_MUST_USE rn_status rn_bench_infer(rn_bench_result *out, const rn_bench_options *options);
/* A whole training step: forward, losses, backward, optimizer. Without data each picture has the
 * same eight objects: object k of side (2 + k) / 20 of the shorter side s stands (3 k mod 8) / 7 of
 * the way to the right, k / 7 of the way down, its class is 11 k mod classes. With data, width and
 * height are the canvas of pictures whose longer side is the larger of the two. RN_EINPUT (data)
 * besides. */
RN_MUST_USE rn_status rn_bench_train(rn_bench_result *out, const rn_bench_options *options);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
