#include "data/draw.h"
#include "suite.h"
#include "temp_folder.h"
#include "train/run.h"

#include <dirent.h>
#include <math.h>
#include <sys/wait.h>

static const char header[] =
    "epoch,step,lr,cls_loss,box_loss,positives,grad_norm,images_per_s,seconds,val_ap,val_ap50,"
    "bg_loss_share,bg_grad_share\n";
static const char dominance_header[] = "epoch,step,level,positives,negatives,ignored,"
                                       "bg_loss_share,bg_grad_share,fg_loss,bg_loss\n";

static rn_run_folder folder;

/* The whole file as text; "" where there is none. */
static const char *text_of(const char *name) {
    static char text[4096];
    FILE *file = fopen(temp_path(name), "rb");
    const size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[n] = '\0';
    if (file) fclose(file);
    return text;
}

static bool there(const char *name) {
    struct stat info;
    return stat(temp_path(name), &info) == 0;
}

static void make(const char *name) {
    ck_assert_msg(rn_run_create(&folder, temp_path(name)) == RN_OK, "%s", rn_error_text());
}

/* Neither descriptors nor memory are left behind by a failure. */
static void refused(rn_status got, rn_status want, const char *path, const char *why) {
    char text[512];
    snprintf(text, sizeof text, "%s: %s", path, why);
    ck_assert_int_eq(got, want);
    ck_assert_str_eq(rn_error_text(), text);
    ck_assert_int_eq(folder.lock, -1);
    ck_assert_int_eq(folder.log, -1);
    ck_assert_ptr_null(folder.path);
    ck_assert_ptr_null(folder.results);
    ck_assert_ptr_null(folder.dominance);
}

/* ---- the folder ---- */

START_TEST(a_new_folder) {
    make("a/b/run");
    ck_assert_str_eq(folder.path, temp_path("a/b/run"));
    ck_assert_str_eq(folder.results, header);
    ck_assert_str_eq(folder.dominance, dominance_header);
    ck_assert_int_ge(folder.lock, 0);
    ck_assert_int_ge(folder.log, 0);
    ck_assert(there("a/b/run/.lock") && there("a/b/run/log.txt"));
    ck_assert(!there("a/b/run/results.csv") && !there("a/b/run/dominance.csv")); /* not before there
                                                                                    is a row */
    rn_run_close(&folder);
    ck_assert_int_eq(folder.lock, -1);
    rn_run_close(&folder);
}
END_TEST

START_TEST(a_folder_that_exists_is_refused) {
    static const char format[] =
        "exists already (go on with it by --resume %s, or choose another -o)";
    char text[256];
    mkdir(temp_path("run"), 0777);
    snprintf(text, sizeof text, format, temp_path("run"));
    refused(rn_run_create(&folder, temp_path("run")), RN_EINVAL, temp_path("run"), text);
    ck_assert(!there("run/.lock") && !there("run/log.txt"));
    temp_text("file", "mine");
    snprintf(text, sizeof text, format, temp_path("file"));
    refused(rn_run_create(&folder, temp_path("file")), RN_EINVAL, temp_path("file"), text);
    ck_assert_str_eq(text_of("file"), "mine");
}
END_TEST

START_TEST(odd_names) {
    make("slash/");
    ck_assert(there("slash/.lock"));
    rn_run_close(&folder);
    make("c//d///e//");
    ck_assert(there("c/d/e/.lock"));
    rn_run_close(&folder);
    make("with a space \xc3\xa4\xff");
    ck_assert(there("with a space \xc3\xa4\xff/log.txt"));
    rn_run_close(&folder);
    refused(rn_run_create(&folder, ""), RN_EIO, "",
            "cannot make the folder: No such file or directory");
}
END_TEST

START_TEST(a_folder_that_is_given_up) {
    make("a/run");
    rn_run_log(&folder, "first");
    temp_text("a/run/args.json", "{}");
    temp_text("a/run/last.safetensors", "half");
    const char *error = "kept";
    (void)rn_fail(RN_EIO, "%s", error);
    rn_run_discard(&folder);
    ck_assert_str_eq(rn_error_text(), error); /* why it was given up is still to be told */
    ck_assert(!there("a/run") && there("a"));
    ck_assert_ptr_null(folder.path);
    rn_run_discard(&folder); /* none: nothing happens */
    make("b");
    temp_text("b/notes.txt", "mine");
    rn_run_discard(&folder);
    ck_assert_str_eq(text_of("b/notes.txt"), "mine");
    ck_assert(!there("b/log.txt"));
}
END_TEST

/* As with a folder that cannot be written, which root always can. */
START_TEST(a_folder_that_cannot_be_made) {
    temp_text("file", "mine");
    refused(rn_run_create(&folder, temp_path("file/run")), RN_EIO, temp_path("file/run"),
            "cannot make the folder: Not a directory");
    ck_assert_str_eq(text_of("file"), "mine");
}
END_TEST

/* What an other process says of the folder. */
static int opened_elsewhere(const char *path, const char *want) {
    const pid_t child = fork();
    int status;
    if (child == 0) {
        rn_run_folder other;
        const rn_status result = rn_run_open(&other, path);
        if (result != RN_OK && strcmp(rn_error_text(), want) != 0) _exit(100);
        _exit((int)result);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(one_process_at_a_time) {
    char path[128], want[256];
    snprintf(path, sizeof path, "%s", temp_path("run"));
    snprintf(want, sizeof want, "%s: another process is training in this folder", path);
    make("run");
    temp_text("run/last.safetensors", "");
    ck_assert_int_eq(opened_elsewhere(path, want), RN_EINVAL);
    rn_run_close(&folder);
    ck_assert_int_eq(opened_elsewhere(path, want), RN_OK); /* and its end frees the folder again */
    ck_assert_int_eq(rn_run_open(&folder, path), RN_OK);
    ck_assert_int_eq(opened_elsewhere(path, want), RN_EINVAL);
    rn_run_close(&folder);
}
END_TEST

START_TEST(leftovers_of_a_killed_process_go) {
    char path[128];
    snprintf(path, sizeof path, "%s", temp_path("run"));
    make("run");
    temp_text("run/last.safetensors", "mine");
    temp_text("run/last.safetensors.tmp-123-0", "half");
    temp_text("run/results.csv.tmp-9-1", "");
    temp_text("run/pictures/val_1.jpg", "mine");
    temp_text("run/pictures/val_2.jpg.tmp-9-0", "half");
    rn_run_close(&folder);
    ck_assert_int_eq(rn_run_open(&folder, path), RN_OK);
    ck_assert(!there("run/last.safetensors.tmp-123-0") && !there("run/results.csv.tmp-9-1"));
    ck_assert(!there("run/pictures/val_2.jpg.tmp-9-0"));
    ck_assert_str_eq(text_of("run/last.safetensors"), "mine");
    ck_assert_str_eq(text_of("run/pictures/val_1.jpg"), "mine");
    rn_run_close(&folder);
}
END_TEST

START_TEST(no_run) {
    DIR *dir;
    int files = 0;
    refused(rn_run_open(&folder, temp_path("none")), RN_EINPUT, temp_path("none"),
            "no folder of a run");
    temp_text("file", "");
    refused(rn_run_open(&folder, temp_path("file")), RN_EINPUT, temp_path("file"),
            "no folder of a run");
    mkdir(temp_path("photos"), 0777);
    refused(rn_run_open(&folder, temp_path("photos")), RN_EINPUT, temp_path("photos"),
            "no folder of a run (no last.safetensors in it)");
    ck_assert_ptr_nonnull(dir = opendir(temp_path("photos")));
    while (readdir(dir)) files++;
    closedir(dir);
    ck_assert_int_eq(files, 2); /* . and .. alone: nothing was left there */
}
END_TEST

START_TEST(names_inside) {
    char *path = NULL;
    make("run/");
    ck_assert_int_eq(rn_run_path(&path, &folder, "args.json"), RN_OK);
    ck_assert_str_eq(path, temp_path("run/args.json"));
    free(path);
    rn_run_close(&folder);
}
END_TEST

/* ---- the log ---- */

START_TEST(the_log_grows) {
    make("run");
    rn_run_log(&folder, "first");
    rn_run_log(&folder, "");
    rn_run_close(&folder);
    rn_run_log(&folder, "lost"); /* no log, no harm */
    temp_text("run/last.safetensors", "");
    ck_assert_int_eq(rn_run_open(&folder, temp_path("run")), RN_OK);
    rn_run_log(&folder, "50% more");
    ck_assert_str_eq(text_of("run/log.txt"), "first\n\n50% more\n");
    rn_run_close(&folder);
}
END_TEST

/* ---- the rows ---- */

static void add(double epoch, uint64_t step) {
    const rn_results_row row = {.epoch = epoch,
                                .step = step,
                                .lr = 0.0025,
                                .cls_loss = 1.125,
                                .box_loss = 0.1,
                                .positives = 46.5,
                                .grad_norm = 1e-30,
                                .images_per_s = 120,
                                .seconds = 3.25,
                                .val_ap = NAN,
                                .val_ap50 = NAN,
                                .levels = {{30, 900, 7.5, {0.75, 0.25}, {1, 1}},
                                           {1, 99, 0, {0.25, 0.5}, {0.5, 0}},
                                           {0, 9, 0, {0.125, 0}, {0, 0}}}};
    ck_assert_msg(rn_run_add_row(&folder, &row) == RN_OK, "%s", rn_error_text());
}

/* results.csv is the header and `rows`. */
static void rows_are(const char *rows) {
    char want[2048];
    snprintf(want, sizeof want, "%s%s", header, rows);
    ck_assert_str_eq(text_of("run/results.csv"), want);
}

/* Of the losses 1.125 of 1.875 are background's, of the gradients 1.5 of 2.5. */
#define CELLS ",0.0025,1.125,0.1,46.5,1e-30,120,3.25,,,0.6,0.6\n"

START_TEST(rows_as_text) {
    const rn_results_row best = {.epoch = 2,
                                 .step = UINT64_C(18446744073709551615),
                                 .cls_loss = 1.0 / 3,
                                 .val_ap = 0.5,
                                 .val_ap50 = 0.75};
    make("run");
    add(1, 4);
    rows_are("1,4" CELLS);
    add(1.5, 6);
    ck_assert_int_eq(rn_run_add_row(&folder, &best), RN_OK);
    rows_are("1,4" CELLS "1.5,6" CELLS
             "2,18446744073709551615,0,0.3333333333333333,0,0,0,0,0,0.5,0.75,,\n");
    rn_run_close(&folder);
}
END_TEST

#define LEVELS(epoch, step)                                                                        \
    epoch "," step ",P3,30,900,7.5,0.75,0.5,0.25,0.75\n" epoch "," step                            \
          ",P4,1,99,0,0.3333333333333333,1,0.5,0.25\n" epoch "," step                              \
          ",P5,0,9,0,1,,0,0.125\n" epoch "," step ",P6,0,0,0,,,0,0\n" epoch "," step               \
          ",P7,0,0,0,,,0,0\n"

START_TEST(rows_by_level) {
    char want[2048];
    make("run");
    add(1, 4);
    add(1.5, 6);
    snprintf(want, sizeof want, "%s%s", dominance_header, LEVELS("1", "4") LEVELS("1.5", "6"));
    ck_assert_str_eq(text_of("run/dominance.csv"), want);
    rn_run_close(&folder);
    temp_text("run/last.safetensors", "");
    ck_assert_int_eq(rn_run_open(&folder, temp_path("run")), RN_OK);
    rn_run_drop_rows(&folder, 5);
    add(2, 8);
    snprintf(want, sizeof want, "%s%s", dominance_header, LEVELS("1", "4") LEVELS("2", "8"));
    ck_assert_str_eq(text_of("run/dominance.csv"), want);
    rn_run_close(&folder);
    unlink(temp_path("run/dominance.csv")); /* a run of an older version has none */
    ck_assert_int_eq(rn_run_open(&folder, temp_path("run")), RN_OK);
    ck_assert_str_eq(folder.dominance, dominance_header);
    rn_run_close(&folder);
    mkdir(temp_path("run/dominance.csv"), 0777);
    refused(rn_run_open(&folder, temp_path("run")), RN_EINPUT, temp_path("run/dominance.csv"),
            "is a folder");
}
END_TEST

/* A version before had two columns less. */
START_TEST(rows_of_fewer_columns) {
    char old[512], want[512];
    snprintf(old, sizeof old, "%.*s\n1,10,x,,\n2,20,y,,\n",
             (int)(strstr(header, ",bg_loss_share") - header), header);
    snprintf(want, sizeof want, "%s1,10,x,,,,\n2,20,y,,,,\n", header);
    mkdir(temp_path("run"), 0777);
    temp_text("run/last.safetensors", "");
    temp_text("run/results.csv", old);
    ck_assert_int_eq(rn_run_open(&folder, temp_path("run")), RN_OK);
    ck_assert_str_eq(folder.results, want);
    rn_run_close(&folder);
}
END_TEST

START_TEST(rows_of_a_resumed_run) {
    make("run");
    for (int i = 1; i <= 4; i++) add(i, 10 * (uint64_t)i);
    rn_run_close(&folder);
    temp_text("run/last.safetensors", "");
    ck_assert_int_eq(rn_run_open(&folder, temp_path("run")), RN_OK);
    rn_run_drop_rows(&folder, 40); /* nothing lies behind */
    rn_run_drop_rows(&folder,
                     29); /* a checkpoint of step 29: rows 30 and 40 were of a killed run */
    add(2.9, 29);
    rows_are("1,10" CELLS "2,20" CELLS "2.9,29" CELLS);
    rn_run_drop_rows(&folder, 20); /* the row of the checkpoint's own step stays */
    add(3, 30);
    rows_are("1,10" CELLS "2,20" CELLS "3,30" CELLS);
    rn_run_drop_rows(&folder, 0);
    ck_assert_str_eq(folder.results, header);
    rn_run_drop_rows(&folder, 0);
    add(0.1, 1);
    rows_are("0.1,1" CELLS);
    rn_run_close(&folder);
}
END_TEST

/* A file that someone has cut or edited does no harm. */
START_TEST(results_of_all_kinds) {
    static const char *const cases[][2] = {
        {"h\n1,5,x\nnonsense\n2,6,x\n", "h\n1,5,x\n"}, /* no step: it and what follows go */
        {"h\n1,5,x\n2,12", "h\n1,5,x\n"},
        {"h\n1,5,x\n2,6,0.2", "h\n1,5,x\n"}, /* cut: the next row would stand in its line */
        {"h\n", "h\n"},
        {"h", "h"},
        {"", ""}};
    mkdir(temp_path("run"), 0777);
    temp_text("run/last.safetensors", "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        temp_text("run/results.csv", cases[i][0]);
        ck_assert_int_eq(rn_run_open(&folder, temp_path("run")), RN_OK);
        rn_run_drop_rows(&folder, 10);
        ck_assert_str_eq(folder.results, cases[i][1]);
        rn_run_close(&folder);
    }
    unlink(temp_path("run/results.csv"));
    ck_assert_int_eq(rn_run_open(&folder, temp_path("run")), RN_OK);
    ck_assert_str_eq(folder.results, header);
    rn_run_close(&folder);
    mkdir(temp_path("run/results.csv"), 0777);
    refused(rn_run_open(&folder, temp_path("run")), RN_EINPUT, temp_path("run/results.csv"),
            "is a folder");
}
END_TEST

START_TEST(a_row_that_cannot_be_written) {
    const rn_results_row row = {.epoch = 1};
    char want[256];
    make("run");
    mkdir(temp_path("run/results.csv"), 0777);
    ck_assert_int_eq(rn_run_add_row(&folder, &row), RN_EIO);
    snprintf(want, sizeof want, "%s: cannot write: Is a directory", temp_path("run/results.csv"));
    ck_assert_str_eq(rn_error_text(), want);
    rn_run_close(&folder);
}
END_TEST

/* ---- the picture ---- */

static void has_color(const rn_image *image, int x, int y, rn_color want) {
    const uint8_t *p = image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    ck_assert_msg(p[0] == want.r && p[1] == want.g && p[2] == want.b, "(%d, %d): %d %d %d", x, y,
                  p[0], p[1], p[2]);
}

/* Two panels of 400 x 300 pixels, at (70, 60) and (570, 60): the losses up to the highest, AP up to
 * 1. */
START_TEST(the_curves_are_drawn) {
    static const rn_results_row rows[] = {
        {.epoch = 1, .step = 5, .cls_loss = 1, .box_loss = 0.5, .val_ap = -1, .val_ap50 = NAN},
        {.epoch = 2, .step = 10, .cls_loss = 0.5, .box_loss = 0.25, .val_ap = 0, .val_ap50 = 0.5},
        {.epoch = 4, .step = 20, .cls_loss = 0, .box_loss = 0.25, .val_ap = 0.5, .val_ap50 = 1}};
    const rn_color first = rn_draw_color(0), second = rn_draw_color(1);
    rn_image image;
    make("run");
    ck_assert_int_eq(rn_run_plot(&folder), RN_OK);
    ck_assert(!there("run/pictures/curves.png")); /* of nothing */
    for (int i = 0; i < 3; i++) ck_assert_int_eq(rn_run_add_row(&folder, &rows[i]), RN_OK);
    ck_assert_msg(rn_run_plot(&folder) == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(rn_image_read(&image, temp_path("run/pictures/curves.png"), NULL), RN_OK);
    ck_assert(image.width == 1000 && image.height == 420);
    has_color(&image, 170, 60, first);  /* epoch 1, the highest loss */
    has_color(&image, 270, 210, first); /* epoch 2, half of it */
    has_color(&image, 220, 135, first); /* half-way */
    has_color(&image, 470, 360, first);
    has_color(&image, 170, 210, second);
    has_color(&image, 370, 285, second);
    has_color(&image, 770, 360, first); /* AP 0; of -1 nothing is drawn */
    has_color(&image, 970, 210, first);
    has_color(&image, 970, 60, second);
    has_color(&image, 870, 135, second);
    has_color(&image, 720, 300, (rn_color){255, 255, 255});
    rn_image_free(&image);
    rn_run_close(&folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("run");
    TCase *place = tcase_create("folder"), *rows = tcase_create("rows");
    tcase_add_checked_fixture(place, temp_open, temp_close);
    tcase_add_checked_fixture(rows, temp_open, temp_close);
    tcase_add_test(place, a_new_folder);
    tcase_add_test(place, a_folder_that_exists_is_refused);
    tcase_add_test(place, odd_names);
    tcase_add_test(place, a_folder_that_is_given_up);
    tcase_add_test(place, a_folder_that_cannot_be_made);
    tcase_add_test(place, one_process_at_a_time);
    tcase_add_test(place, leftovers_of_a_killed_process_go);
    tcase_add_test(place, no_run);
    tcase_add_test(place, names_inside);
    tcase_add_test(rows, the_log_grows);
    tcase_add_test(rows, rows_as_text);
    tcase_add_test(rows, rows_by_level);
    tcase_add_test(rows, rows_of_fewer_columns);
    tcase_add_test(rows, rows_of_a_resumed_run);
    tcase_add_test(rows, results_of_all_kinds);
    tcase_add_test(rows, a_row_that_cannot_be_written);
    tcase_add_test(rows, the_curves_are_drawn);
    suite_add_tcase(suite, place);
    suite_add_tcase(suite, rows);
    return suite_run(suite);
}
