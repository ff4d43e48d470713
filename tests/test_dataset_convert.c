#include "convert_set.h"
#include "suite.h"

static const char *const format_names[] = {"coco", "voc", "yolo"};

/* ---- a set, written in each format without the code under test ---- */

static const char *const classes[] = {"it's \"odd\"", "a & b <c>", "\xc3\xa4\xe2\x98\x83",
                                      "a: b",         "-dash",     "yes",
                                      "null",         "12",        "# no",
                                      "back\\s",      "{~}",       "%s"};
enum { CLASSES = sizeof classes / sizeof *classes };

typedef struct picture {
    const char *split, *file;
    int width, height;
} picture;

typedef struct object {
    int picture;
    double x, y, w, h;
    int label;
    bool flag; /* a crowd for COCO, difficult for VOC */
} object;

static const picture pictures[] = {{"train", "a.bmp", 64, 48},
                                   {"train", "b b.bmp", 16, 8},
                                   {"train", "c.d.bmp", 33, 17},
                                   {"val", "e.bmp", 40, 44},
                                   {"val", "\xc3\xa4&<.bmp", 21, 13}};
enum { PICTURES = sizeof pictures / sizeof *pictures };

static const object objects[] = {
    {0, 0, 0, 64, 48, 0, false}, {0, 10, 20, 30, 8, 1, false}, {2, 1.5, 2.25, 10.1, 3.3, 2, false},
    {2, 3, 4, 5, 6, 3, true},    {3, 38, 0, 2, 44, 4, false},  {3, 1, 2, 10, 11, 5, false},
    {3, 2, 3, 11, 12, 6, false}, {3, 3, 4, 12, 13, 7, false},  {3, 4, 5, 13, 14, 8, false},
    {3, 5, 6, 14, 15, 9, false}, {3, 6, 7, 15, 16, 10, true},  {4, 0, 0, 21, 13, 11, false},
    {4, 7, 5, 2, 2, 0, false}};
enum { OBJECTS = sizeof objects / sizeof *objects };

static void add_json(char *out, size_t size, const char *text) {
    size_t n = strlen(out);
    for (; *text && n + 3 < size; text++) {
        if (*text == '"' || *text == '\\') out[n++] = '\\';
        out[n++] = *text;
    }
    out[n] = '\0';
}

static void write_coco(const char *split) {
    char name[64], json[8192] = "{\"images\": [";
    const char *comma = "";
    for (int i = 0; i < PICTURES; i++) {
        if (strcmp(pictures[i].split, split) != 0) continue;
        ADD(json, "%s{\"id\": %d, \"file_name\": \"%s\", \"width\": %d, \"height\": %d}", comma,
            100 - i, pictures[i].file, pictures[i].width, pictures[i].height);
        comma = ", ";
    }
    ADD(json, "], \"annotations\": [");
    comma = "";
    for (int i = 0; i < OBJECTS; i++) {
        const object *o = &objects[i];
        if (strcmp(pictures[o->picture].split, split) != 0) continue;
        ADD(json,
            "%s{\"id\": %d, \"image_id\": %d, \"category_id\": %d, \"bbox\": [%.17g, %.17g, %.17g, "
            "%.17g], \"area\": %d.5, \"iscrowd\": %d}",
            comma, 1000 + i, 100 - o->picture, 7 + 3 * o->label, o->x, o->y, o->w, o->h, i,
            o->flag);
        comma = ", ";
    }
    ADD(json, "], \"categories\": [");
    for (int i = 0; i < CLASSES; i++) {
        ADD(json, "%s{\"id\": %d, \"name\": \"", i ? ", " : "", 7 + 3 * i);
        add_json(json, sizeof json, classes[i]);
        ADD(json, "\"}");
    }
    ADD(json, "]}");
    snprintf(name, sizeof name, "coco/annotations/instances_%s.json", split);
    temp_text(name, json);
}

static void add_xml(char *out, size_t size, const char *text) {
    for (; *text; text++)
        snprintf(out + strlen(out), size - strlen(out),
                 *text == '&'   ? "&amp;"
                 : *text == '<' ? "&lt;"
                                : "%c",
                 *text);
}

static void write_voc(const char *split) {
    char name[128], list[256] = "";
    for (int i = 0; i < PICTURES; i++) {
        char xml[4096] = "<annotation><filename>";
        const picture *p = &pictures[i];
        if (strcmp(p->split, split) != 0) continue;
        add_xml(xml, sizeof xml, p->file);
        ADD(xml, "</filename><size><width>%d</width><height>%d</height></size>", p->width,
            p->height);
        for (int k = 0; k < OBJECTS; k++) {
            const object *o = &objects[k];
            if (o->picture != i) continue;
            ADD(xml, "<object><name>");
            add_xml(xml, sizeof xml, classes[o->label]);
            ADD(xml,
                "</name><difficult>%d</difficult><bndbox><xmin>%.17g</xmin><ymin>%.17g</ymin>"
                "<xmax>%.17g</xmax><ymax>%.17g</ymax></bndbox></object>",
                o->flag, o->x + 1, o->y + 1, o->x + o->w, o->y + o->h);
        }
        ADD(xml, "</annotation>");
        const int stem = (int)strlen(p->file) - 4;
        snprintf(name, sizeof name, "voc/Annotations/%.*s.xml", stem, p->file);
        temp_text(name, xml);
        ADD(list, "%.*s\n", stem, p->file);
    }
    snprintf(name, sizeof name, "voc/ImageSets/Main/%s.txt", split);
    temp_text(name, list);
}

static void write_yolo(const char *split) {
    char name[128], yaml[1024] = "train: images/train\nval: images/val\nnames: [";
    for (int i = 0; i < PICTURES; i++) {
        char labels[1024] = "";
        const picture *p = &pictures[i];
        if (strcmp(p->split, split) != 0) continue;
        for (int k = 0; k < OBJECTS; k++) {
            const object *o = &objects[k];
            if (o->picture != i) continue;
            ADD(labels, "%d %.17g %.17g %.17g %.17g\n", o->label, (o->x + o->w / 2) / p->width,
                (o->y + o->h / 2) / p->height, o->w / p->width, o->h / p->height);
        }
        snprintf(name, sizeof name, "yolo/labels/%s/%.*s.txt", split, (int)strlen(p->file) - 4,
                 p->file);
        if (*labels) temp_text(name, labels); /* else background without a file */
    }
    for (int i = 0; i < CLASSES; i++) {
        ADD(yaml, "%s\"", i ? ", " : "");
        add_json(yaml, sizeof yaml, classes[i]);
        ADD(yaml, "\"");
    }
    ADD(yaml, "]\n");
    temp_text("yolo/data.yaml", yaml);
}

/* The set as the folder coco, voc or yolo. */
static void write_set(rn_data_format format) {
    static void (*const write[])(const char *) = {write_coco, write_voc, write_yolo};
    char name[128];
    for (int i = 0; i < PICTURES; i++) {
        if (format == RN_DATA_VOC)
            snprintf(name, sizeof name, "voc/JPEGImages/%s", pictures[i].file);
        else
            snprintf(name, sizeof name, "%s/images/%s/%s", format_names[format], pictures[i].split,
                     pictures[i].file);
        temp_bmp(name, pictures[i].width, pictures[i].height, (uint8_t)(40 * i));
    }
    write[format]("train");
    write[format]("val");
}

/* ---- there and back ---- */

/* From one format to each and back. */
static void go_round(rn_data_format from) {
    const char *source = format_names[from];
    write_set(from);
    for (int to = 0; to < 3; to++) {
        const rn_data_format way[] = {from, (rn_data_format)to, from};
        char there[32], back[32];
        snprintf(there, sizeof there, "to_%s", format_names[to]);
        snprintf(back, sizeof back, "back_from_%s", format_names[to]);
        convert(source, there, (rn_data_format)to);
        convert(there, back, from);
        for (int v = 0; v < 2; v++) {
            const char *split = v ? "val" : "train";
            same_split(source, there, split, way, 2);
            same_split(source, back, split, way, 3);
        }
    }
}

START_TEST(from_coco_and_back) {
    go_round(RN_DATA_COCO);
    rn_dataset a = whole("coco", "val"), b = whole("back_from_coco", "val");
    for (size_t i = 0; i < a.n_classes; i++) {
        ck_assert_str_eq(a.class_names[i], b.class_names[i]);
        ck_assert_int_eq(a.category_ids[i], b.category_ids[i]);
    }
    for (size_t i = 0; i < a.n_records; i++) ck_assert_int_eq(a.records[i].id, b.records[i].id);
    for (size_t i = 0; i < a.n_objects; i++) ck_assert_int_eq(a.objects[i].id, b.objects[i].id);
    rn_dataset_free(&b);
    b = whole("back_from_yolo", "val"); /* no ids, but the order */
    for (size_t i = 0; i < a.n_classes; i++) ck_assert_str_eq(a.class_names[i], b.class_names[i]);
    rn_dataset_free(&a);
    rn_dataset_free(&b);
}
END_TEST

START_TEST(from_voc_and_back) {
    go_round(RN_DATA_VOC);
}
END_TEST

START_TEST(from_yolo_and_back) {
    go_round(RN_DATA_YOLO);
}
END_TEST

START_TEST(what_it_says) {
    write_set(RN_DATA_COCO);
    convert("coco", "v", RN_DATA_VOC);
    said(told, "train: 3 pictures, 4 boxes, 12 classes\nval: 2 pictures, 9 boxes, 12 classes\n");
    convert("coco", "y", RN_DATA_YOLO);
    said(told, "train: 3 pictures, 3 boxes, 12 classes\nval: 2 pictures, 8 boxes, 12 classes\n"
               "left out: 2 crowd regions, which YOLO cannot say\n");
    convert("v", "c", RN_DATA_COCO);
    said(told, "train: 3 pictures, 4 boxes, 12 classes\nval: 2 pictures, 9 boxes, 12 classes\n"
               "2 objects marked difficult are written as any others\n");
    ck_assert_int_eq(rn_data_convert(temp_path("y"), temp_path("quiet"), RN_DATA_COCO, true, NULL),
                     RN_OK);
}
END_TEST

/* ---- sets without splits ---- */

enum { MANY = 30 };

static void many_pictures(const char *folder) {
    char name[64];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "%sp%03d.bmp", folder, i);
        temp_bmp(name, 16, 8, 0);
    }
}

static void many_coco(const char *name) {
    char json[8192] = "{\"images\": [";
    for (int i = 0; i < MANY; i++)
        ADD(json, "%s{\"id\": %d, \"file_name\": \"p%03d.bmp\"}", i ? ", " : "", i, i);
    ADD(json, "], \"annotations\": [{\"id\": 1, \"image_id\": 0, \"category_id\": 1, \"bbox\": "
              "[1, 1, 4, 4]}], \"categories\": [{\"id\": 1, \"name\": \"x\"}]}");
    temp_text(name, json);
    many_pictures("in/images/");
}

static void many_voc(void) {
    char name[64], xml[512];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "in/Annotations/p%03d.xml", i);
        snprintf(xml, sizeof xml,
                 "<annotation><filename>p%03d.bmp</filename><object><name>x</name><bndbox>"
                 "<xmin>2</xmin><ymin>2</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>"
                 "</annotation>",
                 i);
        temp_text(name, xml);
    }
    many_pictures("in/JPEGImages/");
}

static void many_yolo(void) {
    char name[64];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "in/labels/p%03d.txt", i);
        temp_text(name, "0 0.5 0.5 0.5 0.5\n");
    }
    many_pictures("in/images/");
}

/* "in" in all formats has all pictures, and the same ones are val. */
static void same_fifth(void) {
    static const char val[] = "p003.bmp p010.bmp p015.bmp p018.bmp p024.bmp p025.bmp";
    ck_assert_int_eq(open_set(temp_path("in"), NULL, RN_SPLIT_VAL), RN_OK);
    has_files(val);
    for (int to = 0; to < 3; to++) {
        const char *folder = format_names[to];
        convert("in", folder, (rn_data_format)to);
        ck_assert_int_eq(open_set(temp_path(folder), NULL, RN_SPLIT_TRAIN), RN_OK);
        ck_assert_uint_eq(set.n_records, MANY - 6);
        ck_assert_int_eq(open_set(temp_path(folder), NULL, RN_SPLIT_VAL), RN_OK);
        has_files(val);
    }
}

START_TEST(coco_without_splits) {
    many_coco("in/things.json");
    same_fifth();
}
END_TEST

START_TEST(coco_of_train_alone) {
    many_coco("in/train.json");
    same_fifth();
}
END_TEST

START_TEST(voc_without_splits) {
    many_voc();
    same_fifth();
}
END_TEST

START_TEST(yolo_without_splits) {
    many_yolo();
    same_fifth();
}
END_TEST

/* ---- odd sets ---- */

/* in/train.json of one picture, 16 x 8, with these annotations: "[x, y, w, h]" each. */
static void one_coco(const char *file, const char *const *boxes) {
    char json[4096], name[64];
    snprintf(json, sizeof json,
             "{\"images\": [{\"id\": 1, \"file_name\": \"%s\", \"width\": 16, \"height\": 8}], "
             "\"annotations\": [",
             file);
    for (int i = 0; boxes[i]; i++)
        ADD(json, "%s{\"id\": %d, \"image_id\": 1, \"category_id\": 1, \"bbox\": %s}",
            i ? ", " : "", i + 1, boxes[i]);
    ADD(json, "], \"categories\": [{\"id\": 1, \"name\": \"x\"}]}");
    temp_text("in/train.json", json);
    snprintf(name, sizeof name, "in/images/%s", file);
    temp_bmp(name, 16, 8, 0);
}

START_TEST(boxes_that_are_no_good) {
    one_coco("a.bmp", TEXTS("[1, 1, 4, 4]", "[-2, 1, 4, 4]", "[14, 6, 4, 4]", "[16, 1, 3, 3]",
                            "[1, 1, 0, 4]", "[1, 1, 4, -1]", "[3, 3, 1, 4]", "[3, 3, 4, 0.5]"));
    convert("in", "v", RN_DATA_VOC);
    said(told, "train: 1 pictures, 3 boxes, 1 classes\n"
               "clipped: 2 boxes reached out of their pictures\n"
               "left out: 3 boxes that are empty or outside of their pictures\n"
               "left out: 2 boxes of a pixel or less across, which VOC cannot say\n");
    ck_assert_int_eq(open_set(temp_path("v"), "train", RN_SPLIT_WHOLE), RN_OK);
    ck_assert_str_eq(set.notes, "");
    is_object(0, 1, 1, 4, 4, 0);
    is_object(1, 0, 1, 2, 4, 0);
    is_object(2, 14, 6, 2, 2, 0);
    convert("in", "y", RN_DATA_YOLO);
    said(told, "train: 1 pictures, 5 boxes, 1 classes\n"
               "clipped: 2 boxes reached out of their pictures\n"
               "left out: 3 boxes that are empty or outside of their pictures\n");
    ck_assert_int_eq(open_set(temp_path("y"), "train", RN_SPLIT_WHOLE), RN_OK);
    ck_assert_uint_eq(set.n_objects, 5);
    is_object(3, 3, 3, 1, 4, 0);
    is_object(4, 3, 3, 4, 0.5, 0);
    convert("in", "c", RN_DATA_COCO); /* can say them all */
    said(told, "train: 1 pictures, 8 boxes, 1 classes\n");
    ck_assert_int_eq(open_set(temp_path("c"), "train", RN_SPLIT_WHOLE), RN_OK);
    is_object(1, -2, 1, 4, 4, 0);
    is_object(5, 1, 1, 4, -1, 0);
}
END_TEST

START_TEST(folders_of_the_sets_own) {
    one_coco("images/x/images/a.bmp", TEXTS("[1, 1, 4, 4]"));
    convert("in", "y", RN_DATA_YOLO);
    ck_assert(rn_path_exists(temp_path("y/images/train/images/x/images/a.bmp")));
    convert("y", "c", RN_DATA_COCO);
    convert("c", "v", RN_DATA_VOC);
    ck_assert_int_eq(open_set(temp_path("y"), "train", RN_SPLIT_WHOLE), RN_OK);
    has_files("images/x/images/a.bmp");
    is_object(0, 1, 1, 4, 4, 0);
    ck_assert_int_eq(open_set(temp_path("v"), "train", RN_SPLIT_WHOLE), RN_OK);
    has_files("images_x_images_a.bmp");
    is_object(0, 1, 1, 4, 4, 0);
}
END_TEST

static void two_coco(const char *json_name, const char *first, const char *second) {
    char json[512], name[64];
    snprintf(json, sizeof json,
             "{\"images\": [{\"id\": 1, \"file_name\": \"%s\"}%s%s%s], \"annotations\": [], "
             "\"categories\": []}",
             first, second ? ", {\"id\": 2, \"file_name\": \"" : "", second ? second : "",
             second ? "\"}" : "");
    temp_text(json_name, json);
    snprintf(name, sizeof name, "in/images/%s", first);
    temp_bmp(name, 16, 8, 0);
    if (second) snprintf(name, sizeof name, "in/images/%s", second);
    temp_bmp(name, 16, 8, 0);
}

START_TEST(names_that_collide) {
    two_coco("in/train.json", "x/a.bmp", "x_a.png");
    not_converted("in", "v", RN_DATA_VOC, RN_EINPUT,
                  "@/v/Annotations/x_a.xml: two pictures would share this annotation");
    convert("in", "y", RN_DATA_YOLO);
    two_coco("in/train.json", "x/a.bmp", "x/a.png");
    not_converted("in", "y2", RN_DATA_YOLO, RN_EINPUT,
                  "@/y2/labels/train/x/a.txt: two pictures would share this annotation");
    two_coco("in/train.json", "a.bmp", NULL); /* VOC has one folder for all splits */
    two_coco("in/val.json", "a.bmp", NULL);
    convert("in", "y3", RN_DATA_YOLO);
    not_converted("in", "v3", RN_DATA_VOC, RN_EINPUT,
                  "@/v3/Annotations/a.xml: two pictures would share this annotation");
}
END_TEST

START_TEST(names_of_splits) {
    two_coco("in/train2017.json", "a.bmp", NULL);
    two_coco("in/val_1.json", "b.bmp", NULL);
    two_coco("in/train2017: \"#\\'.json", "c.bmp", NULL);
    two_coco("in/captions_val_1.json", "b.bmp", NULL);
    convert("in", "y", RN_DATA_YOLO);
    said(told, "captions_val_1: left out, the other splits have its pictures\n"
               "train2017: 1 pictures, 0 boxes, 0 classes\n"
               "train2017: \"#\\': 1 pictures, 0 boxes, 0 classes\n"
               "val_1: 1 pictures, 0 boxes, 0 classes\n"
               "1 splits are not in data.yaml, which knows train, val and test alone\n");
    ck_assert(rn_path_exists(temp_path("y/images/train2017: \"#\\'/c.bmp")));
}
END_TEST

START_TEST(one_split_keeps_its_name) {
    static const char *const names[][2] = {
        {"val", "val"}, {"test2017", "test"}, {"valid", "valid"}, {"mine: \"#\\'", "train"}};
    for (int i = 0; i < 4; i++) {
        char name[64], out[16];
        snprintf(name, sizeof name, "in/%s.json", names[i][0]);
        snprintf(out, sizeof out, "y%d", i);
        one_coco("a.bmp", TEXTS("[1, 1, 4, 4]"));
        ck_assert_int_eq(rename(temp_path("in/train.json"), temp_path(name)), 0);
        convert("in", out, RN_DATA_YOLO);
        ck_assert_int_eq(open_set(temp_path(out), names[i][1], RN_SPLIT_WHOLE), RN_OK);
        has_files("a.bmp");
        unlink(temp_path(name));
    }
}
END_TEST

START_TEST(voc_lists_that_repeat) {
    write_set(RN_DATA_VOC);
    temp_text("voc/ImageSets/Main/trainval.txt", "a\nb b\nc.d\ne\n");
    temp_text("voc/ImageSets/Main/12_train.txt", "a 1\nb b -1\n");
    convert("voc", "y", RN_DATA_YOLO);
    said(told, "12_train: left out, the other splits have its pictures\n"
               "trainval: left out, the other splits have its pictures\n"
               "train: 3 pictures, 4 boxes, 12 classes\nval: 2 pictures, 9 boxes, 12 classes\n"
               "2 objects marked difficult are written as any others\n");
}
END_TEST

/* VOC knows the classes of its boxes alone. */
START_TEST(classes_without_a_box) {
    write_set(RN_DATA_COCO);
    for (int i = 0; i < 2; i++) { /* of val's alone */
        unlink(temp_path("coco/annotations/instances_train.json"));
        convert("coco", i ? "y" : "v", i ? RN_DATA_YOLO : RN_DATA_VOC);
        said(told, i ? "val: 2 pictures, 8 boxes, 12 classes\n"
                       "left out: 1 crowd regions, which YOLO cannot say\n"
                     : "val: 2 pictures, 9 boxes, 12 classes\n"
                       "left out: 3 classes without a box, which VOC cannot say\n");
    }
    ck_assert_int_eq(open_set(temp_path("v"), "val", RN_SPLIT_WHOLE), RN_OK);
    ck_assert_uint_eq(set.n_classes, 9);
    ck_assert_int_eq(open_set(temp_path("y"), "val", RN_SPLIT_WHOLE), RN_OK);
    ck_assert_uint_eq(set.n_classes, 12);
}
END_TEST

/* Classes are numbered alike in all splits, whichever show them. */
START_TEST(classes_of_all_splits) {
    static const char json[] =
        "{\"images\": [{\"id\": 1, \"file_name\": \"%s.bmp\"}], \"annotations\": [{\"id\": 1, "
        "\"image_id\": 1, \"category_id\": 5, \"bbox\": [1, 1, 4, 4]}], \"categories\": "
        "[{\"id\": 5, \"name\": \"%s\"}]}";
    char text[512];
    snprintf(text, sizeof text, json, "a", "cat");
    temp_text("in/train.json", text);
    snprintf(text, sizeof text, json, "b", "dog");
    temp_text("in/val.json", text);
    temp_bmp("in/images/a.bmp", 16, 8, 0);
    temp_bmp("in/images/b.bmp", 16, 8, 0);
    convert("in", "y", RN_DATA_YOLO);
    ck_assert_int_eq(open_set(temp_path("y"), "val", RN_SPLIT_WHOLE), RN_OK);
    has_classes("cat:1 dog:2");
    is_object(0, 1, 1, 4, 4, 1);
}
END_TEST

START_TEST(names_that_are_no_utf8) {
    temp_bmp("in/images/train/\xff.bmp", 16, 8, 0);
    temp_text("in/labels/train/\xff.txt", "0 0.5 0.5 0.5 0.5\n");
    not_converted("in", "c", RN_DATA_COCO, RN_EINPUT,
                  "@/in: a file name that is not UTF-8 (got \"\xff.bmp\")");
    not_converted("in", "v", RN_DATA_VOC, RN_EINPUT,
                  "@/in: a file name that is not UTF-8 (got \"\xff.bmp\")");
    convert("in", "y", RN_DATA_YOLO);
}
END_TEST

START_TEST(names_that_xml_cannot_hold) {
    one_coco("a.bmp", TEXTS("[1, 1, 4, 4]"));
    temp_text("in/train.json",
              "{\"images\": [{\"id\": 1, \"file_name\": \"a.bmp\"}], \"annotations\": [{\"id\": 1, "
              "\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 4, 4]}], \"categories\": "
              "[{\"id\": 1, \"name\": \"a\\u0007b\"}]}");
    not_converted("in", "v", RN_DATA_VOC, RN_EINPUT,
                  "xml cannot hold a name with the control character 7");
    convert("in", "y", RN_DATA_YOLO);
    ck_assert_int_eq(open_set(temp_path("y"), "train", RN_SPLIT_WHOLE), RN_OK);
    has_classes("a\x07"
                "b:1");
}
END_TEST

/* ---- pictures ---- */

START_TEST(a_picture_annotated_as_stored) {
    char text[512];
    static const char json[] =
        "{\"images\": [{\"id\": 1, \"file_name\": \"t.jpg\", \"width\": %d, \"height\": %d}, "
        "{\"id\": 2, \"file_name\": \"b.bmp\"}], \"annotations\": [{\"id\": 1, \"image_id\": 1, "
        "\"category_id\": 1, \"bbox\": [1, 2, 5, 4]}], \"categories\": [{\"id\": 1, \"name\": "
        "\"x\"}]}";
    temp_bmp("in/b.bmp", 16, 8, 0);
    turned_jpeg("in/t.jpg", 6); /* 16 x 8 stored, 8 x 16 seen */
    snprintf(text, sizeof text, json, 16, 8);
    temp_text("in/train.json", text);
    convert("in", "v", RN_DATA_VOC);
    said(told, "train: 2 pictures, 1 boxes, 1 classes\n");
    convert("v", "c", RN_DATA_COCO);
    ck_assert_int_eq(open_set(temp_path("c"), "train", RN_SPLIT_WHOLE), RN_OK);
    ck_assert_int_eq(set.records[0].width, 16);
    is_object(0, 1, 2, 5, 4, 0);
    convert("in", "y", RN_DATA_YOLO);
    said(told, "train: 1 pictures, 0 boxes, 1 classes\n"
               "left out: 1 pictures that cannot be read, or not in the annotated size\n");
    snprintf(text, sizeof text, json, 8, 16);
    temp_text("in/train.json", text);
    convert("in", "y2", RN_DATA_YOLO);
    said(told, "train: 2 pictures, 1 boxes, 1 classes\n");
    ck_assert_int_eq(open_set(temp_path("y2"), "train", RN_SPLIT_WHOLE), RN_OK);
    ck_assert_int_eq(set.records[1].width, 8);
    is_object(0, 1, 2, 5, 4, 0);
}
END_TEST

/* The boxes of YOLO are shares: without the picture nobody knows of what. */
START_TEST(a_picture_that_cannot_be_read) {
    temp_bmp("in/images/val/a.bmp", 16, 8, 0);
    temp_text("in/images/val/b.bmp", "no picture");
    temp_text("in/labels/val/a.txt", "0 0.5 0.5 0.5 0.5\n");
    temp_text("in/labels/val/b.txt", "0 0.5 0.5 0.5 0.5\n");
    for (int to = 0; to < 3; to++) {
        convert("in", format_names[to], (rn_data_format)to);
        said(told, "val: 1 pictures, 1 boxes, 1 classes\n"
                   "left out: 1 pictures that cannot be read, or not in the annotated size\n");
        ck_assert_int_eq(open_set(temp_path(format_names[to]), "val", RN_SPLIT_WHOLE), RN_OK);
        has_files("a.bmp");
        is_object(0, 4, 2, 8, 4, 0);
    }
}
END_TEST

START_TEST(annotations_alone) {
    static const char *const there[] = {"annotations/instances_val.json", "Annotations/e.xml",
                                        "labels/val/e.txt"};
    write_set(RN_DATA_COCO);
    for (int to = 0; to < 3; to++) {
        char name[64];
        const rn_data_format format = (rn_data_format)to;
        snprintf(name, sizeof name, "out_%d", to);
        ck_assert_int_eq(try_convert("coco", name, format, false), RN_OK);
        ck_assert(!rn_path_exists(temp_path("out_0/images")));
        ck_assert(!rn_path_exists(temp_path("out_1/JPEGImages")));
        ck_assert(!rn_path_exists(temp_path("out_2/images")));
        snprintf(name, sizeof name, "out_%d/%s", to, there[to]);
        ck_assert(rn_path_exists(temp_path(name)));
    }
}
END_TEST

/* ---- where to ---- */

START_TEST(folders_in_use) {
    write_set(RN_DATA_YOLO);
    temp_text("used/a", "");
    not_converted("yolo", "used", RN_DATA_COCO, RN_EINVAL, "@/used: the folder is not empty");
    not_converted("yolo", "yolo", RN_DATA_COCO, RN_EINVAL, "@/yolo: the folder is not empty");
    not_converted("yolo", "used/a", RN_DATA_COCO, RN_EINVAL, "@/used/a: is no folder");
    not_converted("yolo", "used/a/b", RN_DATA_COCO, RN_EIO,
                  "@/used/a/b/annotations: cannot make the folder: Not a directory");
    mkdir(temp_path("empty"), 0777);
    convert("yolo", "empty", RN_DATA_COCO);
    convert("yolo", "new/and/deep", RN_DATA_COCO);
    ck_assert(rn_path_exists(temp_path("new/and/deep/images/val/e.bmp")));
}
END_TEST

START_TEST(sets_that_are_none) {
    not_converted("nowhere", "out", RN_DATA_COCO, RN_EINPUT, "@/nowhere: no such file or folder");
    write_set(RN_DATA_YOLO);
    temp_text("yolo/labels/val/e.txt", "0 0.5 0.5\n");
    not_converted("yolo", "out", RN_DATA_COCO, RN_EINPUT,
                  "@/yolo/labels/val/e.txt:1:1: fields of the line (got 3, want 5: class x y "
                  "width height)");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dataset_convert");
    TCase *tests = tcase_create("dataset_convert");
    tcase_add_checked_fixture(tests, temp_open, close_all);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, from_coco_and_back);
    tcase_add_test(tests, from_voc_and_back);
    tcase_add_test(tests, from_yolo_and_back);
    tcase_add_test(tests, what_it_says);
    tcase_add_test(tests, coco_without_splits);
    tcase_add_test(tests, coco_of_train_alone);
    tcase_add_test(tests, voc_without_splits);
    tcase_add_test(tests, yolo_without_splits);
    tcase_add_test(tests, boxes_that_are_no_good);
    tcase_add_test(tests, folders_of_the_sets_own);
    tcase_add_test(tests, names_that_collide);
    tcase_add_test(tests, names_of_splits);
    tcase_add_test(tests, one_split_keeps_its_name);
    tcase_add_test(tests, voc_lists_that_repeat);
    tcase_add_test(tests, classes_without_a_box);
    tcase_add_test(tests, classes_of_all_splits);
    tcase_add_test(tests, names_that_are_no_utf8);
    tcase_add_test(tests, names_that_xml_cannot_hold);
    tcase_add_test(tests, a_picture_annotated_as_stored);
    tcase_add_test(tests, a_picture_that_cannot_be_read);
    tcase_add_test(tests, annotations_alone);
    tcase_add_test(tests, folders_in_use);
    tcase_add_test(tests, sets_that_are_none);
    return suite_run(suite);
}
