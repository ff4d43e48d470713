/* Whole runs through the public entries: the same bits however they are cut and spread over
 * threads, what is refused, what is kept. */
#include "base/memory.h"
#include "model/detector.h"
#include "model/weights.h"
#include "suite.h"
#include "tiny_train.h"

/* ---- the same bits ---- */

START_TEST(any_number_of_threads) {
    ok(train("set", "one", PAIRS("threads", "1")));
    ck_assert_uint_eq(result.steps, TINY_STEPS);
    ck_assert(result.finished && result.best_ap > 0 && result.best_ap50 >= result.best_ap);
    ok(train("set", "two", PAIRS("threads", "2", "workers", "1")));
    ok(train("set", "four", PAIRS("threads", "4", "workers", "5")));
    tiny_same_run(temp_path("one"), temp_path("two"));
    tiny_same_run(temp_path("one"), temp_path("four"));
    ck_assert_uint_eq(lines_with("one/results.csv", "\n"), 5);  /* the header, four epochs */
    ck_assert_uint_eq(lines_with("one/log.txt", "  wait "), 4); /* each with the share of waiting */
}
END_TEST

/* 16 steps, 4 an epoch: stops within the second and the third, at an epoch's end, and none. */
START_TEST(stopped_and_resumed) {
    ok(train("set", "whole", PAIRS("threads", "2")));
    ok(train("set", "cut", PAIRS("threads", "1", "max-steps", "6")));
    ck_assert_uint_eq(result.steps, 6);
    ck_assert(!result.finished);
    ok(resume("cut", PAIRS("threads", "4", "max-steps", "7")));
    ok(resume("cut", PAIRS("threads", "2", "max-steps", "9")));
    ok(resume("cut", PAIRS("threads", "3", "max-steps", "12")));
    ck_assert_uint_eq(result.steps, 12);
    ck_assert_uint_eq(lines_with("cut/results.csv", "\n1.5,6,"), 1);
    ck_assert_uint_eq(lines_with("cut/results.csv", "\n1.75,7,"), 1);
    ck_assert_uint_eq(lines_with("cut/results.csv", "\n2.25,9,"), 1);
    ck_assert_uint_eq(lines_with("cut/results.csv", "\n3,12,"), 1);
    ok(resume("cut", PAIRS("threads", "1")));
    ck_assert(result.finished);
    ck_assert_uint_eq(result.steps, TINY_STEPS);
    tiny_same_run(temp_path("whole"), temp_path("cut"));
}
END_TEST

/* Of the first row. */
static double class_loss(const char *results) {
    char *text = read_text(results);
    double loss = 0;
    ck_assert_int_eq(sscanf(strchr(text, '\n'), "\n%*f,%*f,%*f,%lf", &loss), 1);
    ck_assert(loss > 0);
    free(text);
    return loss;
}

/* What is dropped is a matter of the seed and the step. */
START_TEST(dropout_of_a_step) {
    ok(train("set", "whole", PAIRS("threads", "1", "head_dropout", "0.3")));
    ok(train("set", "cut", PAIRS("threads", "3", "head_dropout", "0.3", "max-steps", "6")));
    ok(resume("cut", PAIRS("threads", "2")));
    tiny_same_run(temp_path("whole"), temp_path("cut"));
    ok(train("set", "none", PAIRS("threads", "1", "max-steps", "1")));
    ok(train("set", "some", PAIRS("threads", "1", "max-steps", "1", "head_dropout", "0.3")));
    ck_assert(class_loss("none/results.csv") != class_loss("some/results.csv"));
}
END_TEST

static bool stop_at_third(void *context) {
    return ++*(int *)context >= 3;
}

/* By the caller, by time; a run that has nothing left to do says so and changes nothing. */
START_TEST(other_stops) {
    int calls = 0;
    const rn_hooks hooks = {.context = &calls, .stop = stop_at_third};
    ok(train("set", "whole", PAIRS("threads", "2")));
    ok(train_hooked("set", "cut", PAIRS("threads", "2"), &hooks));
    ck_assert_uint_eq(result.steps, 2); /* asked before each of them */
    ck_assert(!result.finished);
    ok(resume("cut", PAIRS("time", "1e-9")));
    ck_assert_uint_eq(result.steps, 2);
    ok(resume("cut", PAIRS("max-steps", "1"))); /* less than is done */
    ck_assert_uint_eq(result.steps, 2);
    ck_assert_uint_eq(lines_with("cut/results.csv", "\n0.5,2,"), 1); /* not a row a call */
    ok(resume("cut", PAIRS("threads", "1")));
    ok(resume("cut", PAIRS("threads", "1")));
    ck_assert(result.finished);
    ck_assert_uint_eq(result.steps, TINY_STEPS);
    tiny_same_run(temp_path("whole"), temp_path("cut"));
}
END_TEST

/* More epochs for a finished run: rows go on, and a stop in the extension changes no bit. */
START_TEST(more_epochs) {
    ok(train("set", "a", PAIRS("epochs", "2")));
    ck_assert_uint_eq(result.steps, 8);
    ok(train("set", "b", PAIRS("epochs", "2")));
    ok(resume("a", PAIRS("epochs", "4")));
    ck_assert_uint_eq(result.steps, 16);
    ok(resume("b", PAIRS("epochs", "4", "max-steps", "11")));
    ck_assert(!result.finished);
    ck_assert_int_eq(resume("b", PAIRS("epochs", "5")), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "epochs: may change only when the run has finished");
    ok(resume("b", PAIRS("threads", "2")));
    ck_assert(result.finished);
    tiny_same_run(temp_path("a"), temp_path("b"));
}
END_TEST

/* AdamW has a second average to keep, SGD without the average of the weights has less. */
START_TEST(other_optimizers) {
    static const char *const adamw[] = {"optimizer", "adamw",   "ema", "0", "lr",
                                        "0.002",     "threads", "2",   NULL};
    char cut[2][8] = {"cut0", "cut1"};
    ok(train("set", "whole", adamw));
    for (int i = 0; i < 2; i++) {
        rn_train_options *o = tiny();
        set_pairs(o, adamw);
        set_pairs(o, PAIRS("max-steps", i ? "5" : "8"));
        ok(rn_train(&result, temp_path("set"), temp_path(cut[i]), o, NULL));
        rn_train_options_free(o);
        ok(resume(cut[i], PAIRS("threads", "1")));
        tiny_same_run(temp_path("whole"), temp_path(cut[i]));
    }
    rn_tensor_file file = tiny_open(temp_path("whole/last.safetensors"));
    ck_assert_ptr_nonnull(rn_tensor_file_find(&file, "square.backbone.body.conv1.weight"));
    ck_assert_ptr_null(rn_tensor_file_find(&file, "ema.backbone.body.conv1.weight"));
    rn_tensor_file_close(&file);
}
END_TEST

/* A killed process leaves rows that its checkpoint has not reached, and a temporary. */
START_TEST(rows_ahead_of_the_checkpoint) {
    ok(train("set", "whole", PAIRS("threads", "2")));
    ok(train("set", "cut", PAIRS("max-steps", "5")));
    char *rows = read_text("cut/results.csv"), *more = NULL;
    ok(rn_asprintf(&more, "%s2,8,1,1,1,1,1,1,1,1,1\n", rows));
    temp_text("cut/results.csv", more);
    temp_text("cut/last.safetensors.tmp-1-0", "half a check");
    free(rows);
    free(more);
    ok(resume("cut", PAIRS("threads", "1")));
    tiny_same_run(temp_path("whole"), temp_path("cut"));
}
END_TEST

/* ---- what lies in the folder ---- */

START_TEST(files_of_a_run) {
    rn_detector *det[2];
    ok(train("set", "run", PAIRS("max-steps", "4", "seed", "9")));
    ck_assert(there("run/args.json") && there("run/log.txt") && there("run/best.safetensors"));
    char *args = read_text("run/args.json");
    ck_assert_ptr_nonnull(strstr(args, "\"seed\": 9,"));
    ck_assert_ptr_nonnull(strstr(args, "\"batch\": 2,"));
    ck_assert_ptr_nonnull(strstr(args, "\"version\": \"" RN_VERSION "\""));
    free(args);
    ck_assert_uint_eq(lines_with("run/log.txt", "first loss"), 1);
    ck_assert_uint_eq(lines_with("run/log.txt", "stopped after 4 steps"), 1);
    /* best.safetensors holds the average, under the names of the weights */
    rn_tensor_file last = tiny_open(temp_path("run/last.safetensors"));
    rn_tensor_file best = tiny_open(temp_path("run/best.safetensors"));
    const char *name = "head.classification_head.cls_logits.weight";
    const rn_tensor *ema =
        rn_tensor_file_find(&last, "ema.head.classification_head.cls_logits.weight");
    const rn_tensor *weights = rn_tensor_file_find(&last, name);
    const rn_tensor *used = rn_tensor_file_find(&best, name);
    ck_assert(ema && weights && used && used->dtype == RN_F32);
    ck_assert_mem_eq(used->data, ema->data, 4 * used->count);
    ck_assert(memcmp(used->data, weights->data, 4 * used->count) != 0);
    rn_tensor_file_close(&last);
    rn_tensor_file_close(&best);
    for (int i = 0; i < 2; i++) { /* both can be used, and are the same */
        ok(rn_detector_open(&det[i], temp_path(i ? "run/best.safetensors" : "run/last.safetensors"),
                            NULL));
        ck_assert_uint_eq(rn_detector_classes(det[i]), 2);
        ck_assert_str_eq(rn_detector_class_name(det[i], 1), rn_scenes_class_name(1));
    }
    ck_assert_mem_eq(rn_detector_weights(det[0]), rn_detector_weights(det[1]),
                     rn_detector_graph(det[0])->n_stored * sizeof(real));
    rn_detector_close(det[0]);
    rn_detector_close(det[1]);
}
END_TEST

START_TEST(a_dry_run_leaves_nothing) {
    ok(train("set", "run", PAIRS("dry_run", "true")));
    ck_assert(!there("run"));
    ck_assert_uint_eq(result.steps, 0);
}
END_TEST

/* One more start, from the weights of another. */
/* Sides that would do better are told, to be copied; where the anchors do, nothing is. */
START_TEST(anchors_that_do_not_fit) {
    ok(train("set", "large", PAIRS("anchor_sides", "64,96,128,192,256", "epochs", "1")));
    ck_assert_uint_eq(
        lines_with("large/log.txt", "with --set anchor-sides=16,24,32,48,64 it would"), 1);
    ok(train("set", "fit", PAIRS("epochs", "1")));
    ck_assert_uint_eq(lines_with("fit/log.txt", "have no anchor with IoU"), 1);
    ck_assert_uint_eq(lines_with("fit/log.txt", "anchor-sides"), 0);
}
END_TEST

START_TEST(weights_to_start_from) {
    char path[256];
    ok(train("set", "first", PAIRS("max-steps", "8")));
    snprintf(path, sizeof path, "%s", temp_path("first/best.safetensors"));
    ok(train("set", "second", PAIRS("weights", path, "max-steps", "1", "lr", "1e-9")));
    rn_tensor_file from = tiny_open(path);
    rn_tensor_file to = tiny_open(temp_path("second/last.safetensors"));
    for (size_t i = 0; i < from.n_tensors; i++) { /* lr 1e-9 moves nothing visible */
        const rn_tensor *a = &from.tensors[i], *b = rn_tensor_file_find(&to, a->name);
        ck_assert_ptr_nonnull(b);
        float x, y;
        memcpy(&x, a->data, 4);
        memcpy(&y, b->data, 4);
        ck_assert_float_eq_tol(x, y, 1e-6f);
    }
    rn_tensor_file_close(&from);
    rn_tensor_file_close(&to);
    /* other classes: the class head is left as initialised, and the log says so */
    rn_scenes_options o = RN_SCENES_OPTIONS_DEFAULT;
    o.train = 6;
    o.val = 2;
    o.width = o.height = 64;
    o.classes = 3;
    o.masks = false;
    ok(rn_scenes_write(temp_path("three"), &o, 1));
    ok(train("three", "third", PAIRS("weights", path, "max-steps", "1")));
    ck_assert_uint_eq(lines_with("third/log.txt", "class head reset: trained on 2 classes (key, "
                                                  "gear), here 3 (key, gear, leaf)"),
                      1);
    /* what a checkpoint has besides is in its place */
    snprintf(path, sizeof path, "%s", temp_path("first/last.safetensors"));
    ok(train("set", "fourth", PAIRS("weights", path, "max-steps", "1")));
    ck_assert_uint_eq(lines_with("fourth/log.txt", "weights     "), 1);
}
END_TEST

/* The first two convolutions of a MobileNetV2 of width 8 with folded batch norm. */
static const char *numbered_file(void) {
    static char path[256];
    static const struct {
        const char *name;
        int n_dims;
        size_t dims[4];
    } tensors[] = {{"00.conv.weight", 4, {8, 3, 3, 3}},
                   {"00.conv.bias", 1, {8}},
                   {"01.dw.weight", 4, {8, 1, 3, 3}},
                   {"01.dw.bias", 1, {8}}};
    static real numbers[216];
    rn_safetensors_writer w = {0};
    for (int i = 0; i < 216; i++) numbers[i] = (real)(i % 7 - 3) / 16;
    for (int i = 0; i < 4; i++) {
        rn_tensor_entry e = {.dtype = RN_F32, .n_dims = tensors[i].n_dims, .data = numbers};
        snprintf(e.name, sizeof e.name, "%s", tensors[i].name);
        memcpy(e.dims, tensors[i].dims, sizeof tensors[i].dims);
        ok(rn_safetensors_add(&w, &e));
    }
    snprintf(path, sizeof path, "%s", temp_path("imagenet.safetensors"));
    ok(rn_safetensors_save(&w, path));
    rn_safetensors_writer_free(&w);
    return path;
}

/* What a classifier asks for becomes part of the model, and a resumed run still has it. */
START_TEST(weights_of_a_classifier) {
    const char *path = numbered_file();
    char want[512];
    ok(train("set", "run",
             PAIRS("weights", path, "backbone", "mobilenet_v2", "norm", "frozen", "freeze", "0",
                   "max-steps", "1")));
    ck_assert_uint_eq(lines_with("run/log.txt",
                                 "weights     as they were trained: mean=0.5,0.5,0.5, "
                                 "std=0.5,0.5,0.5, same_padding=true"),
                      1);
    ck_assert_uint_eq(lines_with("run/log.txt", "weights     10 of "), 1);
    ck_assert_uint_eq(lines_with("run/args.json", "\"same_padding\": true, "), 1);
    ok(resume("run", PAIRS("max-steps", "2")));
    rn_model_file file;
    ok(rn_model_file_open(&file, temp_path("run/last.safetensors")));
    ck_assert(file.config.same_padding && file.config.mean[1] == 0.5 && file.config.std[2] == 0.5);
    rn_model_file_close(&file);
    ck_assert_int_eq(
        train("set", "new", PAIRS("weights", path, "backbone", "mobilenet_v2", "norm", "group")),
        RN_EINVAL);
    snprintf(want, sizeof want,
             "%s: batch norm is folded into its convolutions, which wants --set norm=frozen (got "
             "group)",
             path);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert(!there("new"));
}
END_TEST

/* A file that gives nothing is told before a folder is made. */
START_TEST(weights_that_do_not_fit) {
    char path[256], want[512];
    snprintf(path, sizeof path, "%s", temp_path("w.safetensors"));
    temp_text("w.safetensors", "1234567");
    ck_assert_int_eq(train("set", "run", PAIRS("weights", path)), RN_EINPUT);
    snprintf(want, sizeof want, "%s: offset 0: ", path);
    ck_assert_msg(strncmp(rn_error_text(), want, strlen(want)) == 0, "%s", rn_error_text());
    ck_assert(!there("run"));
}
END_TEST

/* ---- odd data ---- */

static const char one_object[] =
    "{\"images\": [{\"id\": 1, \"file_name\": \"a.bmp\", \"width\": 64, \"height\": 48},"
    "{\"id\": 2, \"file_name\": \"b.bmp\", \"width\": 64, \"height\": 48},"
    "{\"id\": 3, \"file_name\": \"c.bmp\", \"width\": 64, \"height\": 48}],"
    "\"annotations\": [%s], \"categories\": [{\"id\": 7, \"name\": \"x\"}]}";
static const char annotation[] = "{\"id\": 1, \"image_id\": 2, \"category_id\": 7, \"bbox\": [9, "
                                 "9, 30, 25], \"area\": 750, \"iscrowd\": 0}";

/* A set of three pictures, the second with an object if `with` says so. No val. */
static void three_pictures(const char *name, bool with) {
    char path[64], *json = NULL;
    static const char *const files[] = {"a.bmp", "b.bmp", "c.bmp"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/images/%s", name, files[i]);
        temp_bmp(path, 64, 48, (uint8_t)(80 * i));
    }
    snprintf(path, sizeof path, "%s/train.json", name);
    ok(rn_asprintf(&json, one_object, with ? annotation : ""));
    temp_text(path, json);
    free(json);
}

/* Two of three batches hold no object at all. No val: the last is the best. */
START_TEST(background_pictures) {
    three_pictures("few", true);
    ok(train("few", "run", PAIRS("batch", "1", "epochs", "3", "eval_every", "2", "val-split", "")));
    ck_assert(result.finished && result.best_ap == -1 && result.best_ap50 == -1);
    ck_assert_uint_eq(result.steps, 9);
    char *rows = read_text("run/results.csv");
    ck_assert_ptr_null(strstr(rows, "nan"));
    ck_assert_ptr_null(strstr(rows, "inf"));
    ck_assert_ptr_null(strstr(rows, "null"));
    free(rows);
    rn_tensor_file last = tiny_open(temp_path("run/last.safetensors"));
    rn_tensor_file best = tiny_open(temp_path("run/best.safetensors"));
    for (size_t i = 0; i < best.n_tensors; i++) {
        char name[160];
        snprintf(name, sizeof name, "ema.%s", best.tensors[i].name);
        const rn_tensor *ema = rn_tensor_file_find(&last, name);
        ck_assert_ptr_nonnull(ema);
        ck_assert_mem_eq(ema->data, best.tensors[i].data, 4 * ema->count);
    }
    rn_tensor_file_close(&last);
    rn_tensor_file_close(&best);
}
END_TEST

START_TEST(nothing_to_train_on) {
    char want[512];
    three_pictures("none", false);
    ck_assert_int_eq(train("none", "run", PAIRS("batch", "1")), RN_EINPUT);
    snprintf(want, sizeof want, "%s: nothing to learn: no object in 3 pictures",
             temp_path("none/train.json"));
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert(!there("run"));
}
END_TEST

/* ---- refused ---- */

START_TEST(a_run_that_exists) {
    char want[512];
    ok(train("set", "run", PAIRS("max-steps", "1")));
    char *before = read_text("run/log.txt");
    ck_assert_int_eq(train("set", "run", PAIRS("max-steps", "1")), RN_EINVAL);
    snprintf(want, sizeof want,
             "%s: exists already (go on with it by --resume %s, or choose another -o)",
             temp_path("run"), temp_path("run"));
    ck_assert_str_eq(rn_error_text(), want);
    char *after = read_text("run/log.txt");
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

/* Another first digit in the first bbox. */
static void change_a_box(char *json) {
    char *box = strstr(json, "\"bbox\"");
    ck_assert_ptr_nonnull(box);
    box += strcspn(box, "123456789");
    *box = *box == '9' ? '8' : (char)(*box + 1);
}

START_TEST(data_that_have_changed) {
    char want[128];
    ok(train("set", "run", PAIRS("max-steps", "2")));
    char *json = read_text("set/train.json");
    change_a_box(json);
    temp_text("set/train.json", json);
    free(json);
    ck_assert_int_eq(resume("run", PAIRS("max-steps", "3")), RN_EINVAL);
    snprintf(want, sizeof want, "%s: the data have changed; train_set was: 8 pictures, ",
             temp_path("run/last.safetensors"));
    ck_assert_msg(strncmp(rn_error_text(), want, strlen(want)) == 0, "%s", rn_error_text());
}
END_TEST

START_TEST(options_that_have_changed) {
    ok(train("set", "run", PAIRS("max-steps", "2")));
    ck_assert_int_eq(resume("run", PAIRS("lr", "0.05")), RN_EINVAL);
    ck_assert_str_eq(
        rn_error_text(),
        "lr: cannot change in a resumed run (threads, max-steps, time and epochs can)");
    ck_assert_int_eq(resume("run", PAIRS("width", "8")), RN_EINVAL);
    ck_assert_str_eq(
        rn_error_text(),
        "width: cannot change in a resumed run (threads, max-steps, time and epochs can)");
}
END_TEST

/* One bit of the checkpoint flipped; best.safetensors in its place. */
START_TEST(checkpoints_that_are_none) {
    char want[256];
    uint8_t *bytes;
    size_t size;
    ok(train("set", "run", PAIRS("max-steps", "4")));
    ok(rn_file_read(&bytes, &size, temp_path("run/last.safetensors"), 1 << 24));
    bytes[size - 100] ^= 4;
    temp_bytes("run/last.safetensors", bytes, size);
    free(bytes);
    ck_assert_int_eq(resume("run", PAIRS("max-steps", "5")), RN_EINPUT);
    ok(rn_file_read(&bytes, &size, temp_path("run/best.safetensors"), 1 << 24));
    temp_bytes("run/last.safetensors", bytes, size);
    free(bytes);
    ck_assert_int_eq(resume("run", PAIRS("max-steps", "5")), RN_EINPUT);
    snprintf(want, sizeof want,
             "%s: offset 8: no checkpoint of a training run (best.safetensors cannot be resumed)",
             temp_path("run/last.safetensors"));
    ck_assert_str_eq(rn_error_text(), want);
}
END_TEST

/* A rate that no network stands: named is the step and its pictures; what was saved stays. */
START_TEST(a_run_that_diverges) {
    uint8_t *before, *after;
    size_t sizes[2];
    ok(train("set", "run",
             PAIRS("norm", "frozen", "head_norm", "none", "lr", "100", "clip", "0", "warmup", "0",
                   "max-steps", "1")));
    ok(rn_file_read(&before, &sizes[0], temp_path("run/last.safetensors"), 1 << 24));
    ck_assert_int_eq(resume("run", PAIRS("threads", "2")), RN_EDIVERGED);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "; pictures: "));
    ck_assert_ptr_nonnull(
        strstr(rn_error_text(), "; the checkpoint before is kept (try a lower --lr)"));
    ck_assert_int_eq(strncmp(rn_error_text(), "step ", 5), 0);
    ok(rn_file_read(&after, &sizes[1], temp_path("run/last.safetensors"), 1 << 24));
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(before, after, sizes[0]);
    free(before);
    free(after);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name) {
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, make_set, temp_close);
    tcase_set_timeout(tcase, 120); /* for the sanitizers */
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void) {
    Suite *suite = suite_create("trainer");
    TCase *bits = add_case(suite, "bits"), *files = add_case(suite, "files");
    TCase *refused = add_case(suite, "refused");
    tcase_add_test(bits, any_number_of_threads);
    tcase_add_test(bits, stopped_and_resumed);
    tcase_add_test(bits, dropout_of_a_step);
    tcase_add_test(bits, other_stops);
    tcase_add_test(bits, more_epochs);
    tcase_add_test(bits, other_optimizers);
    tcase_add_test(bits, rows_ahead_of_the_checkpoint);
    tcase_add_test(files, files_of_a_run);
    tcase_add_test(files, a_dry_run_leaves_nothing);
    tcase_add_test(files, anchors_that_do_not_fit);
    tcase_add_test(files, weights_to_start_from);
    tcase_add_test(files, weights_of_a_classifier);
    tcase_add_test(files, weights_that_do_not_fit);
    tcase_add_test(files, background_pictures);
    tcase_add_test(refused, nothing_to_train_on);
    tcase_add_test(refused, a_run_that_exists);
    tcase_add_test(refused, data_that_have_changed);
    tcase_add_test(refused, options_that_have_changed);
    tcase_add_test(refused, checkpoints_that_are_none);
    tcase_add_test(refused, a_run_that_diverges);
    return suite_run(suite);
}
