#include "open_set.h"
#include "suite.h"

/* ---- VOC ---- */

#define OBJECT(name, x1, y1, x2, y2)                                                               \
    "<object><name>" name "</name><bndbox><xmin>" #x1 "</xmin><ymin>" #y1 "</ymin><xmax>" #x2      \
    "</xmax><ymax>" #y2 "</ymax></bndbox></object>\n"

/* Annotations/STEM.xml of a 16 x 12 picture. */
static void voc_xml(const char *stem, const char *objects) {
    char name[64], xml[4096];
    snprintf(name, sizeof name, "Annotations/%s.xml", stem);
    snprintf(xml, sizeof xml,
             "<annotation><filename>%s.bmp</filename>\n"
             "<size><width>16</width><height>12</height></size>\n%s</annotation>",
             stem, objects);
    temp_text(name, xml);
}

/* And its picture. */
static void voc_pair(const char *stem, const char *objects) {
    char name[64];
    snprintf(name, sizeof name, "JPEGImages/%s.bmp", stem);
    temp_bmp(name, 16, 12, 0);
    voc_xml(stem, objects);
}

static void voc_four(void) {
    voc_pair("a", OBJECT("dog", 1, 2, 10, 12) OBJECT("cat", 3, 3, 5, 9));
    voc_pair("b", "");
    voc_pair("c", OBJECT("cat", 1, 1, 16, 12));
    voc_pair("d e", OBJECT("ant", 2, 2, 4, 4));
}

START_TEST(voc_reads_splits) {
    voc_four();
    temp_text("ImageSets/Main/train.txt", "c\r\na\n\nb");
    temp_text("ImageSets/Main/val.txt", "d e\n");
    temp_text("ImageSets/Main/cat_val.txt", "\xef\xbb\xbf"
                                            "d e -1\na  1\n");
    opens("train", RN_SPLIT_VAL);
    has_files("c.bmp a.bmp b.bmp");
    has_classes("ant:1 cat:2 dog:3");
    ck_assert_str_eq(set.notes, "");
    ck_assert_uint_eq(set.n_objects, 3);
    is_object(0, 0, 0, 16, 12, 1);
    is_object(1, 0, 1, 10, 11, 2);
    is_object(2, 2, 2, 3, 7, 1);
    ck_assert(set.objects[2].area == 21);
    ck_assert_uint_eq(set.records[1].first_object, 1);
    ck_assert_uint_eq(set.records[1].n_objects, 2);
    ck_assert_uint_eq(set.records[2].n_objects, 0);
    ck_assert_int_eq(set.records[2].width, 16);
    ck_assert_int_eq(set.records[2].height, 12);
    opens(NULL, RN_SPLIT_VAL);
    has_files("d e.bmp");
    has_classes("ant:1 cat:2 dog:3");
    opens("cat_val", RN_SPLIT_VAL);
    has_files("d e.bmp a.bmp");
    refused(temp_root, "tset", RN_SPLIT_VAL, "no split \"tset\" (there: cat_val, train, val)");
}
END_TEST

START_TEST(voc_train_knows_the_classes_it_shows) {
    voc_four();
    temp_text("ImageSets/Main/train.txt", "a\nb\n");
    temp_text("ImageSets/Main/test.txt", "c\n");
    temp_text("ImageSets/Main/val.txt", "d e\n");
    rn_dataset train = {0};
    ck_assert_int_eq(rn_dataset_open(&train, temp_root, NULL, RN_SPLIT_TRAIN), RN_OK);
    ck_assert_uint_eq(train.n_classes, 2);
    ck_assert_str_eq(train.class_names[0], "cat");
    ck_assert_int_eq(train.category_ids[0], 2);
    ck_assert_int_eq(train.category_ids[1], 3);
    ck_assert_int_eq(train.objects[0].label, 1);
    ck_assert_ptr_nonnull(strstr(train.notes, "class \"ant\" has no object here"));
    opens("test", RN_SPLIT_VAL);
    ck_assert_int_eq(rn_dataset_match_classes(&set, train.class_names, train.n_classes), RN_OK);
    has_classes("cat:2 dog:3");
    is_object(0, 0, 0, 16, 12, 0);
    opens(NULL, RN_SPLIT_VAL);
    ck_assert_int_eq(rn_dataset_match_classes(&set, train.class_names, train.n_classes), RN_EINPUT);
    ck_assert_ptr_nonnull(
        strstr(rn_error_text(), "class \"ant\" was not trained (known: cat, dog)"));
    has_classes("ant:1 cat:2 dog:3");
    rn_dataset_free(&train);
}
END_TEST

START_TEST(voc_skips_empty_boxes_and_keeps_edges) {
    voc_pair("a", OBJECT("x", 5, 5, 5, 9) OBJECT("x", 0, 0.5, 7.25, 9) OBJECT("x", 4, 9, 6, 8)
                      OBJECT("x", 15, 11, 20, 13));
    opens("all", RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_skipped, 2);
    ck_assert_uint_eq(set.n_objects, 2);
    is_object(0, 0, 0, 7.25, 9, 0);
    is_object(1, 14, 10, 6, 3, 0);
    holds("a.xml:3:1: an empty box, 5..5 x 5..9\n");
    holds("a.xml:5:1: an empty box, 4..6 x 9..8\n");
    opens("all", RN_SPLIT_TRAIN);
    is_object(1, 14, 10, 2, 2, 0);
    holds("clipped: 1 boxes");
}
END_TEST

START_TEST(voc_takes_a_missing_size_from_the_picture) {
    voc_pair("a", OBJECT("x", 1, 1, 5, 5));
    temp_bmp("JPEGImages/b.bmp", 7, 5, 0);
    temp_text("Annotations/b.xml", "<annotation><size><width>0</width><height>0</height></size>"
                                   "<filename>b</filename></annotation>");
    opens("all", RN_SPLIT_TRAIN);
    has_files("a.bmp b.bmp");
    ck_assert_int_eq(set.records[1].width, 7);
    ck_assert_int_eq(set.records[1].height, 5);
    holds("b.xml: no size, taken from the picture: 7x5\n");
}
END_TEST

START_TEST(voc_refuses_bad_annotations) {
    voc_four();
    voc_xml("z", "<object>");
    refused(temp_root, NULL, RN_SPLIT_TRAIN, "z.xml:3:11: not well-formed xml: mismatched tag");
    unlink(temp_path("Annotations/z.xml"));
    temp_text("Annotations/b.xml", "<annotation><filename>a.bmp</filename></annotation>");
    refused(temp_root, "all", RN_SPLIT_TRAIN, ": the picture \"a.bmp\" is there twice");
    temp_text("Annotations/b.xml", "<annotation><filename>../a.bmp</filename></annotation>");
    refused(temp_root, "all", RN_SPLIT_TRAIN,
            "b.xml: file name leads out of the folder (got \"../a.bmp\")");
    temp_text("ImageSets/Main/train.txt", "a\nq\n");
    refused(temp_root, NULL, RN_SPLIT_TRAIN,
            "train.txt:2:1: no annotation of that name (got \"q\")");
}
END_TEST

START_TEST(voc_without_splits_gives_a_fifth_to_val) {
    size_t train = 0, val = 0;
    for (int i = 0; i < 200; i++) {
        char stem[16];
        snprintf(stem, sizeof stem, "p%03d", i);
        voc_pair(stem, OBJECT("x", 1, 1, 5, 5));
    }
    opens(NULL, RN_SPLIT_TRAIN);
    train = set.n_records;
    opens(NULL, RN_SPLIT_VAL);
    val = set.n_records;
    ck_assert_uint_eq(train + val, 200);
    ck_assert_uint_eq(val, 39);
    ck_assert_str_eq(set.records[0].file, "p003.bmp"); /* whatever the seed, for good */
    opens("train", RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, train);
    opens("all", RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, 200);
}
END_TEST

/* ---- COCO ---- */

/* A json file of pictures "FILE ..." (16 x 12) with the annotations given; categories 2 cat, 5 dog.
 */
static void coco(const char *name, const char *files, const char *annotations) {
    char json[8192], list[4096], *rest = list;
    size_t size = 0;
    int id = 0;
    snprintf(list, sizeof list, "%s", files);
    size += (size_t)snprintf(json, sizeof json, "{\"images\": [");
    for (char *file; (file = strsep(&rest, " ")) != NULL; id++)
        size += (size_t)snprintf(json + size, sizeof json - size,
                                 "%s{\"id\": %d, \"file_name\": \"%s\", \"width\": 16, "
                                 "\"height\": 12}",
                                 id ? ", " : "", id + 1, file);
    snprintf(json + size, sizeof json - size,
             "], \"annotations\": [%s], \"categories\": [{\"id\": 2, \"name\": \"cat\"}, "
             "{\"id\": 5, \"name\": \"dog\"}]}",
             annotations);
    temp_text(name, json);
}

#define ANNOTATION(id, image, category, box)                                                       \
    "{\"id\": " #id ", \"image_id\": " #image ", \"category_id\": " #category ", \"bbox\": " box   \
    ", \"area\": 1, \"iscrowd\": 0}"
#define ONE ANNOTATION(1, 1, 5, "[1, 2, 3, 4]")

static void pictures(const char *folder, const char *files) {
    char list[4096], name[128], *rest = list;
    snprintf(list, sizeof list, "%s", files);
    for (char *file; (file = strsep(&rest, " ")) != NULL;) {
        snprintf(name, sizeof name, "%s%s", folder, file);
        temp_bmp(name, 16, 12, 0);
    }
}

START_TEST(coco_finds_splits_and_pictures) {
    coco("train.json", "a.bmp b.bmp", ONE);
    coco("val.json", "c.bmp", ONE);
    coco("trainval.json", "a.bmp b.bmp c.bmp", ONE);
    pictures("images/", "a.bmp c.bmp");
    pictures("train/", "b.bmp");
    opens(NULL, RN_SPLIT_TRAIN);
    has_files("a.bmp b.bmp");
    has_classes("cat:2 dog:5");
    is_object(0, 1, 2, 3, 4, 1);
    ck_assert_ptr_nonnull(strstr(set.records[1].path, "/train/b.bmp"));
    opens(NULL, RN_SPLIT_VAL);
    has_files("c.bmp");
    refused(temp_root, "trainval", RN_SPLIT_TRAIN, /* b.bmp lies in train/ alone */
            "1 of 3 pictures are missing, the first is \"b.bmp\"");
}
END_TEST

START_TEST(coco_finds_the_layout_of_coco) {
    coco("annotations/instances_train2017.json", "a.bmp", ONE);
    coco("annotations/instances_val2017.json", "b.bmp", "");
    temp_text("annotations/captions_val2017.json", "{}");
    pictures("train2017/", "a.bmp");
    pictures("images/val2017/", "b.bmp");
    opens(NULL, RN_SPLIT_TRAIN);
    has_files("a.bmp");
    opens("val", RN_SPLIT_VAL);
    has_files("b.bmp");
    ck_assert_int_eq(open_set(temp_path("annotations/instances_val2017.json"), NULL, RN_SPLIT_VAL),
                     RN_OK);
    has_files("b.bmp");
    refused(temp_root, "test", RN_SPLIT_VAL,
            "no split \"test\" (there: captions_val2017, train2017, val2017)");
    coco("annotations/instances_val2014.json", "b.bmp", "");
    refused(temp_root, NULL, RN_SPLIT_VAL, "two splits could be \"val\" (got val2014 and val2017)");
}
END_TEST

START_TEST(coco_takes_one_file) {
    const char *names = "p0.bmp p1.bmp p2.bmp p3.bmp p4.bmp p5.bmp p6.bmp p7.bmp p8.bmp p9.bmp";
    char path[256];
    coco("things.json", names,
         ONE "," ANNOTATION(2, 2, 5, "[1, 1, 2, 2]") "," ANNOTATION(3, 3, 5, "[1, 1, 2, 2]"));
    pictures("", names);
    snprintf(path, sizeof path, "%s/things.json", temp_root);
    ck_assert_int_eq(open_set(path, NULL, RN_SPLIT_TRAIN), RN_OK);
    const size_t train = set.n_records;
    ck_assert_int_eq(open_set(path, NULL, RN_SPLIT_VAL), RN_OK);
    ck_assert_uint_eq(train + set.n_records, 10);
    ck_assert_uint_lt(train, 10);
    ck_assert_int_eq(open_set(path, "things", RN_SPLIT_VAL), RN_OK);
    ck_assert_uint_eq(set.n_records, 10);
    coco("val.json", "p3.bmp", ""); /* a file of val: the other is train, whole */
    ck_assert_int_eq(open_set(path, NULL, RN_SPLIT_TRAIN), RN_OK);
    ck_assert_uint_eq(set.n_records, 10);
    ck_assert_int_eq(open_set(path, NULL, RN_SPLIT_VAL), RN_OK);
    has_files("p3.bmp");
    ck_assert_int_eq(open_set(temp_path("val.json"), NULL, RN_SPLIT_VAL), RN_OK);
    has_files("p3.bmp");
    refused(temp_path("none.json"), NULL, RN_SPLIT_VAL, "none.json: no such file or folder");
}
END_TEST

START_TEST(train_alone_is_cut_in_two) {
    const char *names = "p0.bmp p1.bmp p2.bmp p3.bmp p4.bmp p5.bmp p6.bmp p7.bmp p8.bmp p9.bmp";
    coco("train.json", names, "");
    pictures("", names);
    opens(NULL, RN_SPLIT_VAL);
    const size_t val = set.n_records;
    ck_assert(val > 0 && val < 10);
    opens("val", RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, val);
    opens("train", RN_SPLIT_VAL); /* what is trained on by default: never with val's in it */
    ck_assert_uint_eq(set.n_records, 10 - val);
    refused(temp_root, "test", RN_SPLIT_VAL, "no split \"test\" (there: train)");
    coco("valid.json", "p0.bmp", "");
    opens("train", RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, 10);
    opens(NULL, RN_SPLIT_VAL);
    has_files("p0.bmp");
    refused(temp_root, "val", RN_SPLIT_VAL, "no split \"val\" (there: train, valid)");
    unlink(temp_path("train.json"));
    refused(temp_root, NULL, RN_SPLIT_TRAIN, "no split \"train\" (there: valid)");
}
END_TEST

START_TEST(training_cleans_objects) {
    coco(
        "all.json", "a.bmp b.bmp",
        ANNOTATION(1, 1, 5, "[1, 2, 0, 4]") "," ANNOTATION(2, 1, 5, "[1, 2, 3, -4]") "," ANNOTATION(
            3, 1, 2,
            "[-1, 10, 4.5, 4]") "," ANNOTATION(4, 2, 2,
                                               "[16, 1, 3, 3]") "," ANNOTATION(5, 2, 5,
                                                                               "[12, 0, 4, 12]"));
    pictures("", "a.bmp b.bmp");
    opens("all", RN_SPLIT_TRAIN);
    ck_assert_uint_eq(set.n_skipped, 3);
    ck_assert_uint_eq(set.n_objects, 2);
    is_object(0, 0, 10, 3.5, 2, 0);
    is_object(1, 12, 0, 4, 12, 1);
    ck_assert_uint_eq(set.records[1].first_object, 1);
    ck_assert_str_eq(set.notes, "skipped: a.bmp: object 1, an empty box (1, 2, 0 x 4)\n"
                                "skipped: a.bmp: object 2, an empty box (1, 2, 3 x -4)\n"
                                "skipped: b.bmp: object 4, outside of the picture (16, 1, 3 x 3)\n"
                                "clipped: 1 boxes reached out of their pictures\n");
    opens("all", RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_objects, 5);
    is_object(2, -1, 10, 4.5, 4, 0);
}
END_TEST

START_TEST(training_needs_objects) {
    coco("all.json", "a.bmp", "");
    pictures("", "a.bmp");
    refused(temp_root, "all", RN_SPLIT_TRAIN, "nothing to learn: no object in 1 pictures");
    opens("all", RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, 1);
    ck_assert_uint_eq(set.n_objects, 0);
}
END_TEST

START_TEST(missing_pictures_are_skipped_up_to_a_twentieth) {
    char names[512] = "p0.bmp";
    for (int i = 1; i < 20; i++) snprintf(names + strlen(names), 16, " p%d.bmp", i);
    coco("all.json", names, ONE);
    pictures("images/", names);
    unlink(temp_path("images/p7.bmp"));
    opens("all", RN_SPLIT_TRAIN);
    ck_assert_uint_eq(set.n_records, 19);
    ck_assert_str_eq(set.notes, "skipped: p7.bmp: no such picture\n");
    unlink(temp_path("images/p9.bmp"));
    refused(temp_root, "all", RN_SPLIT_TRAIN,
            "2 of 20 pictures are missing, the first is \"p7.bmp\"");
}
END_TEST

START_TEST(pictures_stay_in_the_folder) {
    coco("all.json", "a.bmp", ONE);
    pictures("images/", "b.bmp");
    pictures("outside/", "c.bmp");
    ck_assert_int_eq(symlink("b.bmp", temp_path("images/a.bmp")), 0);
    opens("all", RN_SPLIT_TRAIN); /* a link inside of the folder */
    unlink(temp_path("images/a.bmp"));
    ck_assert_int_eq(symlink("../outside/c.bmp", temp_path("images/a.bmp")), 0);
    refused(temp_root, "all", RN_SPLIT_TRAIN, "file name is a link out of the folder");
    coco("all.json", "/etc/passwd", ONE);
    refused(temp_root, "all", RN_SPLIT_TRAIN, "/etc/passwd");
    coco("all.json", "x/../../outside/c.bmp", ONE);
    refused(temp_root, "all", RN_SPLIT_TRAIN, "../outside/c.bmp");
}
END_TEST

/* ---- what is no set, and classes ---- */

START_TEST(what_is_no_set_is_refused) {
    refused(temp_root, NULL, RN_SPLIT_TRAIN,
            ": no data set (looked for VOC: Annotations/*.xml with JPEGImages or images; YOLO: "
            "data.yaml, or images/<split> with labels/<split>; COCO: <split>.json or "
            "annotations/instances_<split>.json)");
    refused("/nowhere/at all", NULL, RN_SPLIT_TRAIN, "/nowhere/at all: no such file or folder");
    temp_text("a.txt", "hello");
    refused(temp_path("a.txt"), NULL, RN_SPLIT_TRAIN, "no data set");
}
END_TEST

START_TEST(classes_follow_the_model) {
    char bee[] = "bee", dog[] = "dog", cat[] = "cat", *names[] = {bee, dog, cat};
    coco("all.json", "a.bmp", ONE);
    pictures("", "a.bmp");
    opens("all", RN_SPLIT_VAL);
    ck_assert_int_eq(rn_dataset_match_classes(&set, names, 3), RN_OK);
    has_classes("bee:6 dog:5 cat:2");
    is_object(0, 1, 2, 3, 4, 1);
    ck_assert_int_eq(rn_dataset_match_classes(&set, names + 1, 1), RN_OK);
    has_classes("dog:5");
    is_object(0, 1, 2, 3, 4, 0);
    ck_assert_int_eq(rn_dataset_match_classes(&set, names, 1), RN_EINPUT);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "class \"dog\" was not trained (known: bee)"));
}
END_TEST

/* ---- pictures of records ---- */

START_TEST(records_are_read_as_annotated) {
    char file[] = "r.jpg", path[256];
    rn_image image;
    rn_record record = {.file = file, .path = path};
    int width, height;
    snprintf(path, sizeof path, "%s/r.jpg", temp_root);
    turned_jpeg("r.jpg", 6); /* to be turned right by a quarter: 8 x 16, red above */
    record.width = 16, record.height = 8;
    ck_assert_int_eq(rn_record_read(&image, &record, 0), RN_OK);
    ck_assert_int_eq(image.width, 16);
    ck_assert_int_gt(image.pixels[3 * (16 * 4 + 1)], 200);
    rn_image_free(&image);
    record.width = 8, record.height = 16;
    ck_assert_int_eq(rn_record_read(&image, &record, 0), RN_OK);
    ck_assert_int_eq(image.width, 8);
    ck_assert_int_gt(image.pixels[3 * (8 * 1 + 4)], 200);
    ck_assert_int_lt(image.pixels[3 * (8 * 14 + 4)], 60);
    rn_image_free(&image);
    record.width = record.height = 0;
    ck_assert_int_eq(rn_record_size(&width, &height, &record), RN_OK);
    ck_assert(width == 8 && height == 16);
    ck_assert_int_eq(rn_record_read(&image, &record, 0), RN_OK);
    ck_assert_int_eq(image.width, 8);
    rn_image_free(&image);
    record.width = 16, record.height = 9;
    ck_assert_int_eq(rn_record_read(&image, &record, 0), RN_EINPUT);
    ck_assert_ptr_nonnull(
        strstr(rn_error_text(), "r.jpg: not of the annotated size (got 8x16, want 16x9)"));
    ck_assert_ptr_null(image.pixels);
    record.width = 16, record.height = 8;
    ck_assert_int_eq(rn_record_read(&image, &record, 100), RN_EINPUT); /* 128 pixels are more */
}
END_TEST

/* ---- the shared sets ---- */

static void counts(const char *name, const char *split, rn_split_use use, size_t records,
                   size_t classes) {
    char data[256];
    snprintf(data, sizeof data, "%s/datasets/%s", RN_SHARED, name);
    ck_assert_msg(open_set(data, split, use) == RN_OK, "%s", rn_error_text());
    ck_assert_msg(set.n_records == records, "%s %s: %zu pictures", name, split ? split : "",
                  set.n_records);
    ck_assert_uint_eq(set.n_classes, classes);
}

START_TEST(shared_sets_open) {
    if (!rn_path_is_folder(RN_SHARED "/datasets/bccd")) {
        printf("skipped: %s/datasets is missing\n", RN_SHARED);
        return;
    }
    counts("bccd", NULL, RN_SPLIT_TRAIN, 205, 3);
    size_t objects = set.n_objects + set.n_skipped, skipped = set.n_skipped;
    counts("bccd", NULL, RN_SPLIT_VAL, 87, 3);
    objects += set.n_objects + set.n_skipped, skipped += set.n_skipped;
    counts("bccd", "test", RN_SPLIT_VAL, 72, 3);
    objects += set.n_objects + set.n_skipped, skipped += set.n_skipped;
    has_classes("Platelets:1 RBC:2 WBC:3");
    ck_assert_uint_eq(objects, 4888);
    ck_assert_uint_eq(skipped, 2);
    counts("bccd", "trainval", RN_SPLIT_VAL, 292, 3);
    counts("license_plate", NULL, RN_SPLIT_TRAIN, 425, 1);
    objects = set.n_objects;
    counts("license_plate", NULL, RN_SPLIT_VAL, 109, 1);
    ck_assert_uint_eq(objects + set.n_objects, 652);
    counts("deeppcb", NULL, RN_SPLIT_TRAIN, 1000, 6);
    objects = set.n_objects;
    counts("deeppcb", NULL, RN_SPLIT_VAL, 500, 6);
    ck_assert_uint_eq(objects + set.n_objects, 10013);
    counts("raccoon", "all", RN_SPLIT_VAL, 200, 1);
    ck_assert_uint_eq(set.n_objects, 217);
    counts("raccoon", NULL, RN_SPLIT_TRAIN, 162, 1);
    objects = set.n_objects;
    counts("raccoon", NULL, RN_SPLIT_VAL, 38, 1);
    ck_assert_uint_eq(objects + set.n_objects, 217);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dataset");
    TCase *tests = tcase_create("dataset");
    tcase_add_checked_fixture(tests, temp_open, close_all);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, voc_reads_splits);
    tcase_add_test(tests, voc_train_knows_the_classes_it_shows);
    tcase_add_test(tests, voc_skips_empty_boxes_and_keeps_edges);
    tcase_add_test(tests, voc_takes_a_missing_size_from_the_picture);
    tcase_add_test(tests, voc_refuses_bad_annotations);
    tcase_add_test(tests, voc_without_splits_gives_a_fifth_to_val);
    tcase_add_test(tests, coco_finds_splits_and_pictures);
    tcase_add_test(tests, coco_finds_the_layout_of_coco);
    tcase_add_test(tests, coco_takes_one_file);
    tcase_add_test(tests, train_alone_is_cut_in_two);
    tcase_add_test(tests, training_cleans_objects);
    tcase_add_test(tests, training_needs_objects);
    tcase_add_test(tests, missing_pictures_are_skipped_up_to_a_twentieth);
    tcase_add_test(tests, pictures_stay_in_the_folder);
    tcase_add_test(tests, what_is_no_set_is_refused);
    tcase_add_test(tests, classes_follow_the_model);
    tcase_add_test(tests, records_are_read_as_annotated);
    tcase_add_test(tests, shared_sets_open);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
