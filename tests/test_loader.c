#include "data/loader.h"
#include "suite.h"
#include "temp_folder.h"

#include <math.h>

/* ---- a small set: picture i is p<i>.bmp of blue 10 i, with i % 3 objects of label i ---- */

enum { PICTURES = 7 };

static rn_dataset set;
static rn_record records[PICTURES];
static rn_object objects[2 * PICTURES];
static char files[PICTURES][16];
static char paths[PICTURES][128];
static char set_name[] = "set";

/* All w x h pixels. */
static void make_set(int width, int height) {
    set = (rn_dataset){.name = set_name, .records = records, .objects = objects};
    for (int i = 0; i < PICTURES; i++) {
        snprintf(files[i], sizeof files[i], "p%d.bmp", i);
        snprintf(paths[i], sizeof paths[i], "%s", temp_path(files[i]));
        temp_bmp(files[i], width, height, (uint8_t)(10 * i));
        rn_record *r = &records[set.n_records++];
        *r = (rn_record){.file = files[i],
                         .path = paths[i],
                         .width = width,
                         .height = height,
                         .id = i,
                         .first_object = set.n_objects,
                         .n_objects = (size_t)(i % 3)};
        for (size_t k = 0; k < r->n_objects; k++)
            objects[set.n_objects++] =
                (rn_object){.x = 4, .y = 2 + 4 * (double)k, .w = 12, .h = 8, .label = i};
    }
}

/* What the loader tells, a line each. */
static char told[4096];

static void note(void *context, const char *line) {
    (void)context;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s\n", line);
}

static rn_loader_options options(void) {
    return (rn_loader_options){.batch = 3,
                               .seed = 5,
                               .geometry = {.longer = 40, .antialias = true, .std = {1, 1, 1}},
                               .augment = {.scale_min = 1, .scale_max = 1},
                               .workers = 1,
                               .hooks = {.message = note}};
}

static rn_loader_options wild(int workers) {
    rn_loader_options o = options();
    o.shuffle = true;
    o.augment = (rn_augment){
        .flip = 0.5f, .vflip = 0.3f, .scale_min = 0.6f, .scale_max = 1.6f, .color = 0.3f};
    o.workers = workers;
    return o;
}

static rn_loader *create(const rn_loader_options *o) {
    rn_loader *loader;
    const rn_status status = rn_loader_create(&loader, &set, o);
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
    return loader;
}

static const rn_batch *next(rn_loader *loader) {
    const rn_batch *batch;
    const rn_status status = rn_loader_next(loader, &batch);
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
    return batch;
}

static void seek(rn_loader *loader, uint64_t epoch, size_t batch) {
    ck_assert_int_eq(rn_loader_seek(loader, epoch, batch), RN_OK);
}

/* FNV-1a over all that a batch says. */
static uint64_t fingerprint(const rn_loader *loader, const rn_batch *b) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    int width, height;
    rn_loader_canvas(loader, &width, &height);
#define ADD(data, size)                                                                            \
    for (size_t k = 0; k < (size); k++)                                                            \
    h = (h ^ ((const uint8_t *)(data))[k]) * UINT64_C(0x100000001b3)
    ADD(b->images, sizeof(float) * 3 * (size_t)(b->n * width * height));
    ADD(b->widths, sizeof(int) * (size_t)b->n);
    ADD(b->heights, sizeof(int) * (size_t)b->n);
    ADD(b->first_target, sizeof(size_t) * (size_t)(b->n + 1));
    for (size_t i = 0; i < b->first_target[b->n]; i++) {
        ADD(&b->targets[i], offsetof(rn_target, ignore));
        ADD(&b->targets[i].ignore, 1);
    }
    for (int i = 0; i < b->n; i++) ADD(b->files[i], strlen(b->files[i]));
#undef ADD
    return h;
}

/* ---- contents ---- */

START_TEST(batches_hold_pictures_and_targets) {
    make_set(20, 16);
    const rn_loader_options o = options();
    rn_loader *loader = create(&o);
    int width, height;
    rn_loader_canvas(loader, &width, &height);
    ck_assert_int_eq(width, 64);
    ck_assert_int_eq(height, 32);
    ck_assert_uint_eq(rn_loader_batches(loader), 3);
    const rn_batch *b = next(loader);
    ck_assert_int_eq(b->n, 3);
    ck_assert_str_eq(b->files[0], "p0.bmp");
    ck_assert_str_eq(b->files[2], "p2.bmp");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(b->widths[i], 40);
        ck_assert_int_eq(b->heights[i], 32);
        const float *canvas = b->images + (size_t)i * 64 * 32 * 3;
        ck_assert_float_eq_tol(canvas[3 * (64 * 16 + 20) + 2], (float)(10 * i) / 255, 1e-6f);
        ck_assert(canvas[3 * (64 * 16 + 40)] == 0); /* beside the picture */
    }
    const size_t want[] = {0, 0, 1, 3}; /* p0 is a background picture */
    for (int i = 0; i < 4; i++) ck_assert_uint_eq(b->first_target[i], want[i]);
    ck_assert_int_eq(b->targets[0].label, 1);
    ck_assert_int_eq(b->targets[2].label, 2);
    ck_assert_float_eq_tol(b->targets[2].x1, 8, 1e-6f);
    ck_assert_float_eq_tol(b->targets[2].y1, 12, 1e-6f);
    ck_assert_float_eq_tol(b->targets[2].x2, 32, 1e-6f);
    ck_assert_float_eq_tol(b->targets[2].y2, 28, 1e-6f);
    ck_assert(!b->targets[2].ignore);
    (void)next(loader);
    b = next(loader); /* the last of the epoch, filled from its start */
    ck_assert_str_eq(b->files[0], "p6.bmp");
    ck_assert_str_eq(b->files[1], "p0.bmp");
    ck_assert_str_eq(b->files[2], "p1.bmp");
    b = next(loader);
    ck_assert_str_eq(b->files[0], "p0.bmp");
    ck_assert_uint_eq(rn_loader_bad(loader), 0);
    ck_assert(rn_loader_waited(loader) >= 0);
    rn_loader_free(loader);
}
END_TEST

START_TEST(mirrors_move_boxes) {
    make_set(20, 16);
    rn_loader_options o = options();
    o.augment.flip = 1;
    o.augment.vflip = 1;
    rn_loader *loader = create(&o);
    const rn_batch *b = next(loader);
    ck_assert_float_eq_tol(b->targets[0].x1, 8, 1e-6f); /* 40 - 32 */
    ck_assert_float_eq_tol(b->targets[0].x2, 32, 1e-6f);
    ck_assert_float_eq_tol(b->targets[0].y1, 12, 1e-6f); /* 32 - 20 */
    ck_assert_float_eq_tol(b->targets[0].y2, 28, 1e-6f);
    /* Red grows to the right in the file, green downwards. */
    ck_assert(b->images[3 * (64 * 16 + 1)] > b->images[3 * (64 * 16 + 38)]);
    ck_assert(b->images[3 * (64 * 1 + 20) + 1] > b->images[3 * (64 * 30 + 20) + 1]);
    rn_loader_free(loader);
}
END_TEST

START_TEST(an_epoch_shows_each_picture_once) {
    make_set(20, 16);
    rn_loader_options o = options();
    o.shuffle = true;
    o.batch = 1;
    rn_loader *loader = create(&o);
    char orders[2][PICTURES + 1] = {{0}};
    for (int epoch = 0; epoch < 2; epoch++) {
        int seen = 0;
        for (int i = 0; i < PICTURES; i++) {
            orders[epoch][i] = next(loader)->files[0][1];
            seen |= 1 << (orders[epoch][i] - '0');
        }
        ck_assert_int_eq(seen, (1 << PICTURES) - 1);
    }
    ck_assert_str_ne(orders[0], orders[1]);
    ck_assert_str_ne(orders[0], "0123456");
    rn_loader_free(loader);
}
END_TEST

START_TEST(a_batch_may_be_larger_than_the_set) {
    make_set(20, 16);
    rn_loader_options o = wild(2);
    o.batch = 2 * PICTURES + 1;
    rn_loader *loader = create(&o);
    ck_assert_uint_eq(rn_loader_batches(loader), 1);
    const rn_batch *b = next(loader);
    ck_assert_str_eq(b->files[0], b->files[PICTURES]);
    ck_assert_str_eq(b->files[0], b->files[2 * PICTURES]);
    rn_loader_free(loader);
}
END_TEST

/* ---- determinism ---- */

START_TEST(workers_do_not_matter) {
    enum { BATCHES = 12 };
    make_set(20, 16);
    uint64_t want[BATCHES];
    for (int workers = 1; workers <= 3; workers++) {
        const rn_loader_options o = wild(workers);
        rn_loader *loader = create(&o);
        for (int i = 0; i < BATCHES; i++) {
            const uint64_t got = fingerprint(loader, next(loader));
            if (workers == 1)
                want[i] = got;
            else
                ck_assert_uint_eq(got, want[i]);
            for (int k = 0; k < i; k++) ck_assert(want[k] != want[i]);
        }
        rn_loader_free(loader);
    }
}
END_TEST

START_TEST(seeking_is_running_there) {
    make_set(20, 16);
    const rn_loader_options o = wild(2);
    rn_loader *loader = create(&o);
    uint64_t want[12];
    for (int i = 0; i < 12; i++) want[i] = fingerprint(loader, next(loader));
    static const struct {
        uint64_t epoch;
        size_t batch;
    } places[] = {{1, 2}, {0, 0}, {3, 1}, {0, 1}, {2, 0}, {2, 0}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        seek(loader, places[i].epoch, places[i].batch);
        for (size_t k = 3 * places[i].epoch + places[i].batch; k < 12; k++)
            ck_assert_uint_eq(fingerprint(loader, next(loader)), want[k]);
    }
    ck_assert_int_eq(rn_loader_seek(loader, 0, 3), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "batch of the epoch out of range (got 3, want 0..2)");
    rn_loader_free(loader);
    /* The first call may be a seek, many in a row too, and the end may come at any time. */
    for (int i = 0; i < 20; i++) {
        loader = create(&o);
        for (int k = 0; k < i % 4; k++) seek(loader, (uint64_t)k, (size_t)(k % 3));
        for (int k = 0; k < i % 3; k++) (void)next(loader);
        rn_loader_free(loader);
    }
}
END_TEST

/* ---- bad pictures ---- */

/* 60 records on the same seven files; one is no picture. */
static rn_record many[60];
static char broken[128];

static void make_many(void) {
    make_set(20, 16);
    for (int i = 0; i < 60; i++) many[i] = records[1];
    temp_text("broken.bmp", "BM, but not much more");
    snprintf(broken, sizeof broken, "%s", temp_path("broken.bmp"));
    set.records = many;
    set.n_records = 60;
}

START_TEST(a_bad_picture_is_replaced_and_counted) {
    char want[256];
    make_many();
    many[4].path = broken;
    many[5] = records[2];
    for (int workers = 1; workers <= 3; workers += 2) {
        rn_loader_options o = options();
        o.workers = workers;
        rn_loader *loader = create(&o);
        told[0] = '\0';
        (void)next(loader);
        ck_assert_uint_eq(rn_loader_bad(loader), 0); /* however far the workers are */
        ck_assert_str_eq(told, "");
        const rn_batch *b = next(loader);
        ck_assert_str_eq(b->files[0], "p1.bmp");
        ck_assert_str_eq(b->files[1], "p2.bmp"); /* the next of the epoch, twice */
        ck_assert_str_eq(b->files[2], "p2.bmp");
        ck_assert_uint_eq(rn_loader_bad(loader), 1);
        for (int i = 0; i < 40; i++) (void)next(loader);
        ck_assert_uint_eq(rn_loader_bad(loader), 1); /* once, not each epoch */
        snprintf(want, sizeof want,
                 "skipped: %s: offset 14: a BMP header that is cut or older than BITMAPINFO\n",
                 broken);
        ck_assert_str_eq(told, want);
        rn_loader_free(loader);
    }
}
END_TEST

START_TEST(a_picture_of_another_size_is_bad) {
    char want[256];
    make_many();
    many[0].width = 21;
    const rn_loader_options o = options();
    rn_loader *loader = create(&o);
    (void)next(loader);
    ck_assert_uint_eq(rn_loader_bad(loader), 1);
    snprintf(want, sizeof want, "skipped: %s: not of the annotated size (got 20x16, want 21x16)\n",
             records[1].path);
    ck_assert_str_eq(told, want);
    rn_loader_free(loader);
}
END_TEST

START_TEST(too_many_bad_pictures_are_refused) {
    make_many();
    for (int i = 0; i < 4; i++) many[3 * i + 1].path = broken;
    const rn_loader_options o = options();
    rn_loader *loader = create(&o);
    const rn_batch *b;
    for (int i = 0; i < 3; i++) (void)next(loader);
    ck_assert_uint_eq(rn_loader_bad(loader), 3); /* 3 of 60 are 5%, 4 are more */
    ck_assert_int_eq(rn_loader_next(loader, &b), RN_EINPUT);
    ck_assert_ptr_null(b);
    ck_assert_ptr_nonnull(strstr(
        rn_error_text(), "set: more than 5% of the pictures cannot be read (got 4 of 60): "));
    rn_loader_free(loader);
}
END_TEST

START_TEST(no_good_picture_ends) {
    make_set(20, 16);
    temp_text("broken.bmp", "BM, but not much more");
    snprintf(broken, sizeof broken, "%s", temp_path("broken.bmp"));
    for (int i = 0; i < PICTURES; i++) {
        records[i].path = broken;
        records[i].width = 0; /* to be probed, in vain */
    }
    const rn_loader_options o = wild(3);
    rn_loader *loader = create(&o);
    const rn_batch *b;
    ck_assert_int_eq(rn_loader_next(loader, &b), RN_EINPUT);
    ck_assert_int_eq(rn_loader_next(loader, &b), RN_EINPUT);
    rn_loader_free(loader);
}
END_TEST

START_TEST(unknown_sizes_are_probed) {
    make_set(20, 16);
    for (int i = 0; i < PICTURES; i++) records[i].width = records[i].height = 0;
    temp_bmp("p3.bmp", 16, 40, 30);
    const rn_loader_options o = options();
    rn_loader *loader = create(&o);
    int width, height;
    rn_loader_canvas(loader, &width, &height);
    ck_assert_int_eq(width, 64);
    ck_assert_int_eq(height, 64);
    (void)next(loader);
    const rn_batch *b = next(loader);
    ck_assert_int_eq(b->widths[0], 16);
    ck_assert_int_eq(b->heights[0], 40);
    rn_loader_free(loader);
}
END_TEST

/* 5 batches of 3 pictures of 64 x 32 x 3 floats, 7 decoded ones of 20 x 16 x 3 bytes. */
START_TEST(memory_is_told_before) {
    size_t bytes;
    int width, height;
    make_set(20, 16);
    rn_loader_options o = options();
    o.workers = 3;
    ck_assert_int_eq(rn_loader_plan(&bytes, &width, &height, &set, &o), RN_OK);
    ck_assert_uint_eq(bytes, 5 * 3 * 64 * 32 * 3 * 4 + 7 * 20 * 16 * 3);
    ck_assert(width == 64 && height == 32);
    o.batch = 0;
    ck_assert_int_eq(rn_loader_plan(&bytes, &width, &height, &set, &o), RN_EINVAL);
}
END_TEST

/* Beyond 256 MB decoded nothing is kept; the batches are the same. */
START_TEST(large_sets_are_decoded_anew) {
    make_many();
    for (int i = 0; i < 60; i++) many[i] = records[i % PICTURES];
    rn_loader_options o = wild(2);
    o.shuffle = false;
    uint64_t want[6];
    rn_loader *loader = create(&o);
    for (int i = 0; i < 6; i++) want[i] = fingerprint(loader, next(loader));
    rn_loader_free(loader);
    many[59].width = 20000; /* pretends to be large; six batches do not reach it */
    many[59].height = 16000;
    loader = create(&o);
    for (int i = 0; i < 6; i++) ck_assert_uint_eq(fingerprint(loader, next(loader)), want[i]);
    rn_loader_free(loader);
}
END_TEST

/* ---- options ---- */

static void invalid(const rn_loader_options *o, const char *text) {
    rn_loader *loader;
    ck_assert_int_eq(rn_loader_create(&loader, &set, o), RN_EINVAL);
    ck_assert_ptr_null(loader);
    ck_assert_str_eq(rn_error_text(), text);
}

START_TEST(options_are_checked) {
    make_set(20, 16);
    rn_loader_options o = options();
    o.batch = 0;
    invalid(&o, "batch out of range (got 0, want >= 1)");
    o = options();
    o.workers = 0;
    invalid(&o, "loader workers out of range (got 0, want >= 1)");
    o = options();
    o.augment.scale_min = 2;
    invalid(&o, "scale jitter out of range (got 2 to 1, want 0 < min <= max <= 100)");
    o = options();
    o.augment.color = NAN;
    invalid(&o, "colour jitter out of range (got nan, want 0..1)");
    o = options();
    set.n_records = 0;
    rn_loader *loader;
    ck_assert_int_eq(rn_loader_create(&loader, &set, &o), RN_EINPUT);
    rn_loader_free(NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("loader");
    TCase *tests = tcase_create("loader");
    tcase_add_checked_fixture(tests, temp_open, temp_close);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, batches_hold_pictures_and_targets);
    tcase_add_test(tests, mirrors_move_boxes);
    tcase_add_test(tests, an_epoch_shows_each_picture_once);
    tcase_add_test(tests, a_batch_may_be_larger_than_the_set);
    tcase_add_test(tests, workers_do_not_matter);
    tcase_add_test(tests, seeking_is_running_there);
    tcase_add_test(tests, a_bad_picture_is_replaced_and_counted);
    tcase_add_test(tests, a_picture_of_another_size_is_bad);
    tcase_add_test(tests, too_many_bad_pictures_are_refused);
    tcase_add_test(tests, no_good_picture_ends);
    tcase_add_test(tests, unknown_sizes_are_probed);
    tcase_add_test(tests, memory_is_told_before);
    tcase_add_test(tests, large_sets_are_decoded_anew);
    tcase_add_test(tests, options_are_checked);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
