#include "open_set.h"
#include "suite.h"

/* Pictures of 16 x 8, "name name ...", and a label file each: "0 0.5 0.5 0.25 0.5" is the box
 * (6, 2, 4 x 4). */
static void pictures(const char *images, const char *labels, const char *names) {
    char list[1024], name[128], *rest = list;
    snprintf(list, sizeof list, "%s", names);
    for (char *stem; (stem = strsep(&rest, " ")) != NULL;) {
        snprintf(name, sizeof name, "%s%s.bmp", images, stem);
        temp_bmp(name, 16, 8, 0);
        if (!labels) continue;
        snprintf(name, sizeof name, "%s%s.txt", labels, stem);
        temp_text(name, "0 0.5 0.5 0.25 0.5\n");
    }
}

static void yaml(const char *text) {
    temp_text("data.yaml", text);
}

/* ---- data.yaml ---- */

START_TEST(data_yaml_names_splits_and_classes) {
    pictures("images/train/", "labels/train/", "b a");
    pictures("images/val/", "labels/val/", "c");
    temp_text("labels/val/c.txt", "1 0.25 0.5 0.5 1\n0 1 1 0.5 0.5\n");
    yaml("train: images/train\nval: images/val\nnc: 2\nnames: [cat, sea horse]\n");
    opens(NULL, RN_SPLIT_TRAIN);
    has_files("a.bmp b.bmp");
    has_classes("cat:1 sea horse:2");
    ck_assert_str_eq(set.notes, "");
    ck_assert_uint_eq(set.n_objects, 2);
    is_object(0, 6, 2, 4, 4, 0);
    ck_assert(set.objects[0].area == 16);
    ck_assert_int_eq(set.records[1].width, 16);
    ck_assert_int_eq(set.records[1].height, 8);
    ck_assert_uint_eq(set.records[1].first_object, 1);
    opens(NULL, RN_SPLIT_VAL);
    has_files("c.bmp");
    is_object(0, 0, 0, 8, 8, 1);
    is_object(1, 12, 6, 8, 4, 0); /* as given */
    ck_assert_int_eq(open_set(temp_path("data.yaml"), NULL, RN_SPLIT_VAL), RN_OK);
    has_files("c.bmp");
    refused_whole(temp_root, "test", RN_SPLIT_VAL, "@: no split \"test\" (there: train, val)");
    opens("val", RN_SPLIT_TRAIN);
    is_object(1, 12, 6, 4, 2, 0); /* clipped */
    ck_assert_str_eq(set.notes, "clipped: 1 boxes reached out of their pictures\n");
}
END_TEST

START_TEST(the_only_yaml_file_will_do) {
    pictures("images/train/", "labels/train/", "a");
    temp_text("mine.yml", "train: images/train\nnames: [x]\n");
    opens(NULL, RN_SPLIT_TRAIN);
    has_classes("x:1");
    temp_text("other.yaml", "train: images/other\nnames: [y]\n"); /* which? neither */
    opens("train", RN_SPLIT_VAL);
    has_classes("0:1");
    yaml("train: images/train\nnames: [z]\n");
    opens(NULL, RN_SPLIT_TRAIN);
    has_classes("z:1");
    ck_assert_int_eq(open_set(temp_path("mine.yml"), NULL, RN_SPLIT_TRAIN), RN_OK);
    has_classes("x:1");
}
END_TEST

START_TEST(exports_that_climb) {
    pictures("set/train/images/", "set/train/labels/", "a");
    pictures("set/valid/images/", "set/valid/labels/", "b");
    temp_text("set/data.yaml", "train: ../train/images\nval: ../valid/images\nnames: [x]\n");
    ck_assert_int_eq(open_set(temp_path("set"), NULL, RN_SPLIT_TRAIN), RN_OK);
    has_files("a.bmp");
    ck_assert_ptr_nonnull(strstr(set.records[0].path, "/set/train/images/a.bmp"));
    ck_assert_int_eq(open_set(temp_path("set"), NULL, RN_SPLIT_VAL), RN_OK);
    has_files("b.bmp");
    pictures("train/images/", "train/labels/", "c"); /* where the text itself leads goes first */
    ck_assert_int_eq(open_set(temp_path("set"), NULL, RN_SPLIT_TRAIN), RN_OK);
    has_files("c.bmp");
}
END_TEST

START_TEST(the_key_path) {
    char text[512];
    pictures("there/images/", "there/labels/", "a");
    pictures("set/images/", "set/labels/", "b");
    temp_text("set/data.yaml", "path: ../there\ntrain: images\nnames: [x]\n");
    ck_assert_int_eq(open_set(temp_path("set"), NULL, RN_SPLIT_TRAIN), RN_OK);
    has_files("a.bmp");
    snprintf(text, sizeof text, "path: %s/there\nval: images\nnames: [x]\n", temp_root);
    temp_text("set/data.yaml", text);
    ck_assert_int_eq(open_set(temp_path("set"), NULL, RN_SPLIT_VAL), RN_OK);
    has_files("a.bmp");
    temp_text("set/data.yaml", "path: /no/such\nval: images\nnames: [x]\n"); /* another machine's */
    ck_assert_int_eq(open_set(temp_path("set"), NULL, RN_SPLIT_VAL), RN_OK);
    has_files("b.bmp");
    snprintf(text, sizeof text, "val: %s/there/images\nnames: [x]\n", temp_root);
    temp_text("set/data.yaml", text);
    ck_assert_int_eq(open_set(temp_path("set"), NULL, RN_SPLIT_VAL), RN_OK);
    has_files("a.bmp");
}
END_TEST

START_TEST(sources_in_a_list) {
    pictures("one/images/", "one/labels/", "a c");
    pictures("two/images/", "two/labels/", "b");
    yaml("val: [one/images, two/images]\nnames: [x]\n");
    opens(NULL, RN_SPLIT_VAL);
    has_files("a.bmp b.bmp c.bmp");
    pictures("two/images/", "two/labels/", "c");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/data.yaml: two pictures of split val are called \"c.bmp\"");
    yaml("val: [one/images, one/images]\nnames: [x]\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/data.yaml: two pictures of split val are called \"a.bmp\"");
}
END_TEST

START_TEST(sources_that_are_not_there) {
    pictures("images/", "labels/", "a");
    yaml("train: images\nval:\n- nowhere/at all\nnames: [x]\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/data.yaml:3:3: no such folder or list (got \"nowhere/at all\")");
    yaml("names: [x]\nval: /nowhere\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/data.yaml:2:6: no such folder or list (got \"/nowhere\")");
    yaml("names: [x]\nval: \"\\e[2J\\n\"\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/data.yaml:2:6: no such folder or list (got \"?[2J?\")");
    mkdir(temp_path("empty"), 0777);
    yaml("names: [x]\nval: empty\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL, "@: no JPEG, PNG or BMP picture in this split");
    yaml("names: [x\nval: empty\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/data.yaml:2:4: did not find expected ',' or ']'");
}
END_TEST

/* ---- folders alone ---- */

START_TEST(splits_below_images) {
    pictures("images/train/", "labels/train/", "a");
    pictures("images/val2017/", "labels/val2017/", "b");
    pictures("images/test/", NULL, "c"); /* no labels: no split of a labelled set */
    opens("train", RN_SPLIT_TRAIN);
    has_files("a.bmp");
    has_classes("0:1");
    opens(NULL, RN_SPLIT_VAL);
    has_files("b.bmp");
    refused_whole(temp_root, "test", RN_SPLIT_VAL, "@: no split \"test\" (there: train, val2017)");
}
END_TEST

START_TEST(splits_above_images) {
    pictures("train/images/", "train/labels/", "a");
    pictures("valid/images/", "valid/labels/", "b");
    opens(NULL, RN_SPLIT_TRAIN);
    has_files("a.bmp");
    opens(NULL, RN_SPLIT_VAL);
    has_files("b.bmp");
}
END_TEST

START_TEST(images_and_labels_alone) {
    char stem[16];
    for (int i = 0; i < 50; i++) {
        snprintf(stem, sizeof stem, "p%03d", i);
        pictures("images/", "labels/", stem);
    }
    opens("all", RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, 50);
    opens(NULL, RN_SPLIT_TRAIN);
    ck_assert_uint_eq(set.n_records, 41);
    opens(NULL, RN_SPLIT_VAL);
    has_files("p003.bmp p010.bmp p015.bmp p018.bmp p024.bmp p025.bmp p030.bmp p032.bmp p047.bmp");
    opens("val", RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, 9);
    refused_whole(temp_root, "test", RN_SPLIT_VAL, "@: no split \"test\" (there: all)");
}
END_TEST

/* ---- classes without data.yaml ---- */

START_TEST(classes_txt) {
    pictures("images/val/", "labels/val/", "a");
    temp_text("labels/classes.txt", "dog\n");
    opens(NULL, RN_SPLIT_VAL);
    has_classes("dog:1");
    temp_text("classes.txt", "\xef\xbb\xbf"
                             "cat \r\nsea horse\r\n\t\xc3\xa4\r\n\r\n");
    opens(NULL, RN_SPLIT_VAL);
    has_classes("cat:1 sea horse:2 \xc3\xa4:3");
    temp_text("labels/val/a.txt", "3 0.5 0.5 0.5 0.5\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/labels/val/a.txt:1:1: class (got 3, want an integer in 0..2)");
}
END_TEST

START_TEST(classes_txt_that_is_wrong) {
    pictures("images/val/", "labels/val/", "a");
    temp_text("classes.txt", "cat\ndog\ncat\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/classes.txt:3:1: names (got cat twice, want each once)");
    temp_text("classes.txt", "cat\n\ndog\n"); /* is dog 1 or 2? */
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/classes.txt:3:1: names (got dog behind an empty line, want a name a line)");
    temp_text("classes.txt", "cat\nd\xf6g\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL, "@/classes.txt:2:1: not UTF-8");
    temp_text("classes.txt", "\n"); /* as if it were not there */
    opens(NULL, RN_SPLIT_VAL);
    has_classes("0:1");
}
END_TEST

START_TEST(numbers_as_classes) {
    pictures("images/train/", "labels/train/", "a");
    pictures("images/val/", "labels/val/", "b");
    temp_text("labels/train/a.txt", "3 0.5 0.5 0.5 0.5\n");
    opens(NULL, RN_SPLIT_VAL); /* the same classes in every split */
    has_classes("0:1 1:2 2:3 3:4");
    temp_text("labels/train/a.txt", "10000 0.5 0.5 0.5 0.5\n");
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/labels/train/a.txt:1:1: class (got 10000, want an integer in 0..9999)");
    temp_text("labels/train/a.txt", "");
    temp_text("labels/val/b.txt", "");
    opens(NULL, RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_classes, 0);
    refused_whole(temp_root, NULL, RN_SPLIT_TRAIN, "@: nothing to learn: no object in 1 pictures");
}
END_TEST

/* ---- lists ---- */

START_TEST(a_list_of_pictures) {
    pictures("images/train/", "labels/train/", "a b c");
    pictures("images/", "labels/", "d e");
    temp_text("val.txt", "\xef\xbb\xbf./images/train/c.bmp\r\n\r\n  images/d.bmp \n"
                         "././images/train/a.bmp");
    yaml("val: val.txt\nnames: [x]\n");
    opens(NULL, RN_SPLIT_VAL);
    has_files("images/d.bmp images/train/a.bmp images/train/c.bmp");
    ck_assert_uint_eq(set.n_objects, 3);
    ck_assert_str_eq(set.notes, "");
}
END_TEST

START_TEST(listed_pictures_that_are_missing) {
    char list[1024] = "images/none.bmp\n", stem[16];
    for (int i = 0; i < 19; i++) {
        snprintf(stem, sizeof stem, "p%02d", i);
        pictures("images/", "labels/", stem);
        snprintf(list + strlen(list), 32, "images/%s.bmp\n", stem);
    }
    temp_text("val.txt", list);
    yaml("val: val.txt\nnames: [x]\n");
    opens(NULL, RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, 19);
    ck_assert_str_eq(set.notes, "skipped: images/none.bmp: no such picture\n");
    strcat(list, "images/gone.bmp\n");
    temp_text("val.txt", list);
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@: 2 of 21 pictures are missing, the first is \"images/gone.bmp\"");
}
END_TEST

static void list_refused(const char *text, const char *want) {
    temp_text("set/val.txt", text);
    refused_whole(temp_path("set"), NULL, RN_SPLIT_VAL, want);
}

START_TEST(lists_lead_nowhere_else) {
    pictures("outside/", "outside/", "z");
    pictures("set/images/", "set/labels/", "a");
    temp_text("set/data.yaml", "val: val.txt\nnames: [x]\n");
    list_refused("images/a.bmp\n../outside/z.bmp\n",
                 "@/set/val.txt:2:1: file name leads out of the folder (got \"../outside/z.bmp\")");
    list_refused("images/../../outside/z.bmp\n",
                 "@/set/val.txt:1:1: file name leads out of the folder (got "
                 "\"images/../../outside/z.bmp\")");
    list_refused("/etc/x.bmp\n",
                 "@/set/val.txt:1:1: file name leads out of the folder (got \"/etc/x.bmp\")");
    ck_assert_int_eq(symlink("../../outside/z.bmp", temp_path("set/images/z.bmp")), 0);
    list_refused("images/z.bmp\n",
                 "@/set/val.txt:1:1: file name is a link out of the folder (got \"images/z.bmp\")");
    list_refused("images/a.bmp\nimages/a.txt\n",
                 "@/set/val.txt:2:1: no picture (got \"images/a.txt\", want a JPEG, PNG or BMP)");
    list_refused("images/a.bmp\n./images/a.bmp\n",
                 "@/set/data.yaml: two pictures of split val are called \"images/a.bmp\"");
    list_refused("", "@/set: no JPEG, PNG or BMP picture in this split");
}
END_TEST

/* ---- pictures and their labels ---- */

START_TEST(folders_in_folders) {
    pictures("images/val/", "labels/val/", "b");
    pictures("images/val/x/y/", "labels/val/x/y/", "a");
    pictures("images/val/x.jpg/", "labels/val/x.jpg/", "c"); /* a folder, whatever its name */
    opens(NULL, RN_SPLIT_VAL);
    has_files("b.bmp x.jpg/c.bmp x/y/a.bmp");
    ck_assert_uint_eq(set.n_objects, 3);
}
END_TEST

START_TEST(a_ring_of_links) {
    pictures("images/val/x/", "labels/val/x/", "a");
    ck_assert_int_eq(symlink(".", temp_path("images/val/self")), 0);
    ck_assert_int_eq(symlink("..", temp_path("images/val/x/up")), 0);
    ck_assert_int_eq(symlink("../..", temp_path("images/val/x/top")), 0);
    opens(NULL, RN_SPLIT_VAL);
    has_files("x/a.bmp");
}
END_TEST

START_TEST(links_to_folders_are_followed) {
    pictures("elsewhere/", "elsewhere/", "a");
    pictures("images/val/", "labels/val/", "b");
    ck_assert_int_eq(symlink("../../elsewhere", temp_path("images/val/more")), 0);
    opens(NULL, RN_SPLIT_VAL);
    has_files("b.bmp more/a.bmp");
    ck_assert_uint_eq(set.n_objects, 2);
}
END_TEST

START_TEST(a_link_to_nothing_is_a_missing_picture) {
    pictures("images/val/", "labels/val/", "a");
    ck_assert_int_eq(symlink("nowhere.bmp", temp_path("images/val/b.bmp")), 0);
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@: 1 of 2 pictures are missing, the first is \"b.bmp\"");
}
END_TEST

START_TEST(hidden_files_are_no_pictures) {
    pictures("images/val/", "labels/val/", "a");
    temp_text("images/val/._a.bmp", "what a Mac leaves");
    pictures("images/val/.ipynb_checkpoints/", NULL, "a-checkpoint");
    opens(NULL, RN_SPLIT_VAL);
    has_files("a.bmp");
    ck_assert_str_eq(set.notes, "");
}
END_TEST

START_TEST(other_files_are_passed_over) {
    pictures("images/val/", "labels/val/", "a");
    temp_text("images/val/b.gif", "GIF89a");
    temp_text("images/val/c.WebP", "RIFF");
    temp_text("images/val/README", "hello");
    temp_text("images/val/gif", "hello");
    temp_text("images/val/d.json", "{}");
    opens(NULL, RN_SPLIT_VAL);
    has_files("a.bmp");
    ck_assert_str_eq(set.notes, "skipped: 2 pictures that are no JPEG, PNG or BMP\n");
}
END_TEST

START_TEST(endings_in_any_case) {
    pictures("images/val/", "labels/val/", "a");
    ck_assert_int_eq(rename(temp_path("images/val/a.bmp"), temp_path("images/val/a.JPeG")), 0);
    opens(NULL, RN_SPLIT_VAL);
    has_files("a.JPeG");
    ck_assert_uint_eq(set.n_objects, 1);
}
END_TEST

START_TEST(labels_beside_the_pictures) {
    pictures("mine/", "mine/", "a b.c");
    yaml("val: mine\nnames: [x]\n");
    opens(NULL, RN_SPLIT_VAL);
    has_files("a.bmp b.c.bmp");
    ck_assert_uint_eq(set.n_objects, 2);
}
END_TEST

START_TEST(no_label_file_is_background) {
    pictures("images/val/", "labels/val/", "a");
    pictures("images/val/", NULL, "b c");
    temp_text("labels/val/c.txt", "");
    opens(NULL, RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, 3);
    ck_assert_uint_eq(set.records[1].n_objects, 0);
    ck_assert_uint_eq(set.records[2].n_objects, 0);
    ck_assert_str_eq(set.notes, "1 pictures without a label file are taken as background\n");
}
END_TEST

/* Only those of the part that is opened. */
START_TEST(background_is_counted_by_part) {
    pictures("images/", "labels/", "p003 a");
    pictures("images/", NULL, "p010 p000 p001"); /* p003, p010 are val */
    opens(NULL, RN_SPLIT_TRAIN);
    has_files("a.bmp p000.bmp p001.bmp");
    ck_assert_str_eq(set.notes, "2 pictures without a label file are taken as background\n");
    opens(NULL, RN_SPLIT_VAL);
    has_files("p003.bmp p010.bmp");
    ck_assert_str_eq(set.notes, "1 pictures without a label file are taken as background\n");
}
END_TEST

START_TEST(no_label_file_at_all) {
    pictures("images/val/", NULL, "a b");
    pictures("images/train/", "labels/train/", "c");
    mkdir(temp_path("labels/val"), 0777);
    refused_whole(temp_root, "val", RN_SPLIT_VAL,
                  "@: no labels for \"a.bmp\", nor for any other picture (want a .txt of its name "
                  "in labels/, or beside it)");
    temp_text("labels/val/a.txt", "");
    opens("val", RN_SPLIT_VAL);
}
END_TEST

START_TEST(repeated_boxes_are_skipped) {
    pictures("images/val/", "labels/val/", "a");
    temp_text("labels/val/a.txt", "0 0.5 0.5 0.25 0.5\n0 0.5 0.5 0.25 0.25\n\n"
                                  "0 0.5 0.50 0.25 0.5\n");
    opens(NULL, RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_objects, 2);
    ck_assert_uint_eq(set.n_skipped, 1);
    ck_assert_ptr_nonnull(strstr(set.notes, "labels/val/a.txt:4:1: the same box as before\n"));
}
END_TEST

/* 16 x 8 as stored, 8 x 16 as seen: shares are of the picture as seen. */
START_TEST(a_turned_picture) {
    mkdir(temp_path("images"), 0777);
    mkdir(temp_path("images/val"), 0777);
    turned_jpeg("images/val/a.jpg", 6);
    temp_text("labels/val/a.txt", "0 0.5 0.5 0.25 0.5\n");
    opens(NULL, RN_SPLIT_VAL);
    ck_assert_int_eq(set.records[0].width, 8);
    ck_assert_int_eq(set.records[0].height, 16);
    is_object(0, 3, 4, 2, 8, 0);
    rn_image image;
    ck_assert_int_eq(rn_record_read(&image, &set.records[0], 0), RN_OK);
    ck_assert_int_eq(image.width, 8);
    rn_image_free(&image);
}
END_TEST

START_TEST(a_picture_that_cannot_be_read) {
    rn_image image;
    pictures("images/val/", "labels/val/", "a");
    temp_text("images/val/a.bmp", "no picture");
    opens(NULL, RN_SPLIT_VAL);
    ck_assert_uint_eq(set.n_records, 1);
    ck_assert_uint_eq(set.n_objects, 1); /* missed by whatever is evaluated */
    ck_assert_int_eq(set.records[0].width, 0);
    ck_assert_int_eq(rn_record_read(&image, &set.records[0], 0), RN_EINPUT);
}
END_TEST

/* ---- which format ---- */

static const char coco[] =
    "{\"images\": [{\"id\": 1, \"file_name\": \"a.bmp\", \"width\": 16, \"height\": 8}],\n"
    "\"annotations\": [], \"categories\": [{\"id\": 7, \"name\": \"coco\"}]}";

START_TEST(yaml_of_something_else_beside_coco) {
    temp_text("val.json", coco);
    pictures("images/", NULL, "a");
    temp_text("config.yaml", "model: retinanet\nlr: 0.01\n");
    opens(NULL, RN_SPLIT_VAL);
    has_classes("coco:7");
    unlink(temp_path("val.json"));
    refused_whole(temp_root, NULL, RN_SPLIT_VAL,
                  "@/config.yaml:1:1: no key \"train\", \"val\", \"valid\" or \"test\"");
}
END_TEST

START_TEST(yolo_before_coco) {
    temp_text("val.json", coco);
    pictures("images/val/", "labels/val/", "a");
    opens(NULL, RN_SPLIT_VAL);
    has_classes("0:1");
    yaml("val: images/val\nnames: [yolo]\n");
    opens(NULL, RN_SPLIT_VAL);
    has_classes("yolo:1");
    ck_assert_int_eq(open_set(temp_path("val.json"), NULL, RN_SPLIT_VAL), RN_OK);
    has_classes("coco:7");
}
END_TEST

START_TEST(voc_before_yolo) {
    pictures("images/val/", "labels/val/", "a");
    pictures("images/", NULL, "b");
    yaml("val: images/val\nnames: [yolo]\n");
    mkdir(temp_path("annotations"), 0777);
    opens(NULL, RN_SPLIT_VAL);
    has_classes("yolo:1");
    temp_text("annotations/b.xml", "<annotation><object><name>voc</name><bndbox><xmin>1</xmin>"
                                   "<ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>"
                                   "</annotation>");
    opens("all", RN_SPLIT_VAL);
    has_classes("voc:1");
    ck_assert_int_eq(open_set(temp_path("data.yaml"), NULL, RN_SPLIT_VAL), RN_OK);
    has_classes("yolo:1");
}
END_TEST

START_TEST(what_is_no_yolo_set) {
    pictures("images/val/", NULL, "a");
    refused(temp_root, NULL, RN_SPLIT_VAL, ": no data set (looked for ");
    mkdir(temp_path("folder.yaml"), 0777);
    refused(temp_path("folder.yaml"), NULL, RN_SPLIT_VAL, ": no data set (looked for ");
    refused_whole(temp_path("none.yaml"), NULL, RN_SPLIT_VAL,
                  "@/none.yaml: no such file or folder");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dataset_yolo");
    TCase *tests = tcase_create("dataset_yolo");
    tcase_add_checked_fixture(tests, temp_open, close_all);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, data_yaml_names_splits_and_classes);
    tcase_add_test(tests, the_only_yaml_file_will_do);
    tcase_add_test(tests, exports_that_climb);
    tcase_add_test(tests, the_key_path);
    tcase_add_test(tests, sources_in_a_list);
    tcase_add_test(tests, sources_that_are_not_there);
    tcase_add_test(tests, splits_below_images);
    tcase_add_test(tests, splits_above_images);
    tcase_add_test(tests, images_and_labels_alone);
    tcase_add_test(tests, classes_txt);
    tcase_add_test(tests, classes_txt_that_is_wrong);
    tcase_add_test(tests, numbers_as_classes);
    tcase_add_test(tests, a_list_of_pictures);
    tcase_add_test(tests, listed_pictures_that_are_missing);
    tcase_add_test(tests, lists_lead_nowhere_else);
    tcase_add_test(tests, folders_in_folders);
    tcase_add_test(tests, a_ring_of_links);
    tcase_add_test(tests, links_to_folders_are_followed);
    tcase_add_test(tests, a_link_to_nothing_is_a_missing_picture);
    tcase_add_test(tests, hidden_files_are_no_pictures);
    tcase_add_test(tests, other_files_are_passed_over);
    tcase_add_test(tests, endings_in_any_case);
    tcase_add_test(tests, labels_beside_the_pictures);
    tcase_add_test(tests, no_label_file_is_background);
    tcase_add_test(tests, background_is_counted_by_part);
    tcase_add_test(tests, no_label_file_at_all);
    tcase_add_test(tests, repeated_boxes_are_skipped);
    tcase_add_test(tests, a_turned_picture);
    tcase_add_test(tests, a_picture_that_cannot_be_read);
    tcase_add_test(tests, yaml_of_something_else_beside_coco);
    tcase_add_test(tests, yolo_before_coco);
    tcase_add_test(tests, voc_before_yolo);
    tcase_add_test(tests, what_is_no_yolo_set);
    return suite_run(suite);
}
