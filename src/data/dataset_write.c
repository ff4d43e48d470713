#include "data/dataset_write.h"
#include "base/field.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- text files ---- */

rn_status rn_text_open(rn_text_file *out) {
    *out = (rn_text_file){0};
    out->stream = open_memstream(&out->text, &out->size);
    return out->stream ? RN_OK : rn_fail(RN_ENOMEM, "cannot allocate a text");
}

void rn_text_discard(rn_text_file *file) {
    if (file->stream) fclose(file->stream);
    free(file->text);
    *file = (rn_text_file){0};
}

static rn_status save_as(const rn_text_file *file, const char *path) {
    if (rn_path_exists(path))
        return rn_fail(RN_EINPUT, "%s: two pictures would share this annotation", path);
    RN_TRY(rn_folder_make_above(path));
    return rn_file_write(path, file->text, file->size);
}

rn_status rn_text_save(rn_text_file *file, const char *folder, const char *name) {
    char *path = NULL;
    const bool failed = ferror(file->stream) != 0;
    rn_status status = rn_path_join(&path, folder, name);
    if (fclose(file->stream) != 0 || failed) status = rn_fail(RN_ENOMEM, "cannot allocate a text");
    file->stream = NULL;
    if (status == RN_OK) status = save_as(file, path);
    free(path);
    rn_text_discard(file);
    return status;
}

void rn_text_double(rn_text_file *file, double value) {
    char number[32];
    rn_format_double(number, value);
    fputs(number, file->stream);
}

rn_status rn_text_quoted(rn_text_file *file, const char *text) {
    char *quoted;
    RN_TRY(rn_json_quote(&quoted, text));
    fputs(quoted, file->stream);
    free(quoted);
    return RN_OK;
}

/* ---- COCO ---- */

static rn_status put_images(rn_text_file *t, const rn_dataset *set) {
    fputs("{\"images\": [", t->stream);
    for (size_t i = 0; i < set->n_records; i++) {
        const rn_record *r = &set->records[i];
        fprintf(t->stream, "%s\n{\"id\": %" PRId64 ", \"file_name\": ", i ? "," : "", r->id);
        RN_TRY(rn_text_quoted(t, r->file));
        if (r->width > 0)
            fprintf(t->stream, ", \"width\": %d, \"height\": %d", r->width, r->height);
        fputs("}", t->stream);
    }
    return RN_OK;
}

static void put_annotation(rn_text_file *t, const rn_dataset *set, const rn_record *r,
                           const rn_object *o) {
    fprintf(t->stream,
            "\n{\"id\": %" PRId64 ", \"image_id\": %" PRId64 ", \"category_id\": %" PRId64
            ", \"bbox\": [",
            o->id, r->id, set->category_ids[o->label]);
    const double box[] = {o->x, o->y, o->w, o->h};
    for (size_t i = 0; i < 4; i++) {
        if (i > 0) fputs(", ", t->stream);
        rn_text_double(t, box[i]);
    }
    fputs("], \"area\": ", t->stream);
    rn_text_double(t, o->area);
    fprintf(t->stream, ", \"iscrowd\": %d}", o->crowd);
}

static void put_annotations(rn_text_file *t, const rn_dataset *set) {
    fputs("],\n\"annotations\": [", t->stream);
    for (size_t i = 0; i < set->n_records; i++) {
        const rn_record *r = &set->records[i];
        for (size_t k = 0; k < r->n_objects; k++) {
            if (r->first_object + k > 0) fputs(",", t->stream);
            put_annotation(t, set, r, &set->objects[r->first_object + k]);
        }
    }
}

static rn_status put_categories(rn_text_file *t, const rn_dataset *set) {
    fputs("],\n\"categories\": [", t->stream);
    for (size_t i = 0; i < set->n_classes; i++) {
        fprintf(t->stream, "%s\n{\"id\": %" PRId64 ", \"name\": ", i ? "," : "",
                set->category_ids[i]);
        RN_TRY(rn_text_quoted(t, set->class_names[i]));
        fputs("}", t->stream);
    }
    fputs("]}\n", t->stream);
    return RN_OK;
}

static rn_status write_coco(const rn_dataset *set, const char *folder, const char *split) {
    rn_text_file t;
    char *name = NULL;
    rn_status status;
    RN_TRY(rn_text_open(&t));
    if ((status = put_images(&t, set)) != RN_OK) goto done;
    put_annotations(&t, set);
    if ((status = put_categories(&t, set)) != RN_OK) goto done;
    if ((status = rn_asprintf(&name, "annotations/instances_%s.json", split)) != RN_OK) goto done;
    status = rn_text_save(&t, folder, name);
done:
    free(name);
    rn_text_discard(&t);
    return status;
}

/* ---- VOC ---- */

/* XML 1.0 has no way to write control characters. */
static rn_status put_xml_text(rn_text_file *t, const char *text) {
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c < 0x20)
            return rn_fail(RN_EINPUT, "xml cannot hold a name with the control character %d", c);
        if (c == '&' || c == '<' || c == '>')
            fprintf(t->stream, "&#%d;", c);
        else
            fputc(c, t->stream);
    }
    return RN_OK;
}

/* VOC counts pixels from 1 and both ends belong to the box: half-open (x, x + w) is that. */
static rn_status put_object(rn_text_file *t, const rn_dataset *set, const rn_object *o) {
    const struct {
        const char *name;
        double value;
    } sides[] = {
        {"xmin", o->x + 1}, {"ymin", o->y + 1}, {"xmax", o->x + o->w}, {"ymax", o->y + o->h}};
    fputs("  <object>\n    <name>", t->stream);
    RN_TRY(put_xml_text(t, set->class_names[o->label]));
    fprintf(t->stream, "</name>\n    <difficult>%d</difficult>\n    <bndbox>",
            o->difficult || o->crowd);
    for (size_t i = 0; i < 4; i++) {
        fprintf(t->stream, "<%s>", sides[i].name);
        rn_text_double(t, sides[i].value);
        fprintf(t->stream, "</%s>", sides[i].name);
    }
    fputs("</bndbox>\n  </object>\n", t->stream);
    return RN_OK;
}

static int stem_size(const char *file) {
    const char *dot = strrchr(rn_path_name(file), '.');
    return dot ? (int)(dot - file) : (int)strlen(file);
}

static rn_status write_xml(const rn_dataset *set, const rn_record *r, const char *folder) {
    rn_text_file t;
    char *name = NULL;
    rn_status status;
    RN_TRY(rn_text_open(&t));
    fputs("<annotation>\n  <filename>", t.stream);
    if ((status = put_xml_text(&t, r->file)) != RN_OK) goto done;
    fputs("</filename>\n", t.stream);
    if (r->width > 0)
        fprintf(t.stream, "  <size><width>%d</width><height>%d</height><depth>3</depth></size>\n",
                r->width, r->height);
    for (size_t k = 0; k < r->n_objects && status == RN_OK; k++)
        status = put_object(&t, set, &set->objects[r->first_object + k]);
    if (status != RN_OK) goto done;
    fputs("</annotation>\n", t.stream);
    status = rn_asprintf(&name, "Annotations/%.*s.xml", stem_size(r->file), r->file);
    if (status == RN_OK) status = rn_text_save(&t, folder, name);
done:
    free(name);
    rn_text_discard(&t);
    return status;
}

static rn_status write_voc(const rn_dataset *set, const char *folder, const char *split) {
    rn_text_file list;
    char *name = NULL;
    rn_status status;
    RN_TRY(rn_text_open(&list));
    for (size_t i = 0; i < set->n_records; i++) {
        const char *file = set->records[i].file;
        if ((status = write_xml(set, &set->records[i], folder)) != RN_OK) goto done;
        fprintf(list.stream, "%.*s\n", stem_size(file), file);
    }
    status = rn_asprintf(&name, "ImageSets/Main/%s.txt", split);
    if (status == RN_OK) status = rn_text_save(&list, folder, name);
done:
    free(name);
    rn_text_discard(&list);
    return status;
}

/* ---- YOLO ---- */

/* FOLDER/images/SPLIT/FILE has its labels in FOLDER/labels/SPLIT; but readers put labels/ in place
 * of the last images/ there is, and a set may have such a folder of its own. */
static rn_status label_name(char **out, const char *split, const char *file) {
    static const char images[] = "/images/", labels[] = "/labels/";
    RN_TRY(rn_asprintf(out, "%s%s/%.*s.txt", images, split, stem_size(file), file));
    char *last = *out;
    for (char *next; (next = strstr(last + 1, images)) != NULL;) last = next;
    memcpy(last, labels, strlen(labels));
    return RN_OK;
}

static rn_status write_labels(const rn_dataset *set, const rn_record *r, const char *folder,
                              const char *split) {
    rn_text_file t;
    char *name = NULL;
    RN_TRY(rn_text_open(&t));
    for (size_t k = 0; k < r->n_objects; k++) {
        const rn_object *o = &set->objects[r->first_object + k];
        const double shares[] = {(o->x + o->w / 2) / r->width, (o->y + o->h / 2) / r->height,
                                 o->w / r->width, o->h / r->height};
        fprintf(t.stream, "%d", o->label);
        for (size_t i = 0; i < 4; i++) {
            fputs(" ", t.stream);
            rn_text_double(&t, shares[i]);
        }
        fputs("\n", t.stream);
    }
    rn_status status = label_name(&name, split, r->file);
    if (status == RN_OK) status = rn_text_save(&t, folder, name + 1);
    free(name);
    rn_text_discard(&t);
    return status;
}

static rn_status write_yolo(const rn_dataset *set, const char *folder, const char *split) {
    for (size_t i = 0; i < set->n_records; i++)
        RN_TRY(write_labels(set, &set->records[i], folder, split));
    return RN_OK;
}

/* The key of data.yaml that a split goes under: "train2017" is train, unless train is there too.
 * NULL where none fits; but the only split of a set is train then. */
static const char *key_of(char *const *splits, size_t n, size_t split) {
    static const char *const keys[] = {"train", "val", "valid", "test"};
    enum { KEYS = sizeof keys / sizeof *keys };
    for (size_t k = 0; k < KEYS; k++)
        if (strcmp(splits[split], keys[k]) == 0) return keys[k];
    for (size_t k = 0; k < KEYS; k++) {
        const size_t size = strlen(keys[k]);
        bool fits = strncmp(splits[split], keys[k], size) == 0;
        for (size_t i = 0; i < n; i++)
            if (i != split && strncmp(splits[i], keys[k], size) == 0 &&
                (i < split || splits[i][size] == '\0'))
                fits = false; /* it is another's */
        if (fits) return keys[k];
    }
    return n == 1 ? keys[0] : NULL;
}

static rn_status put_split(rn_text_file *t, const char *key, const char *split) {
    char *images;
    RN_TRY(rn_asprintf(&images, "images/%s", split));
    fprintf(t->stream, "%s: ", key);
    const rn_status status = rn_text_quoted(t, images);
    fputs("\n", t->stream);
    free(images);
    return status;
}

static rn_status write_data_yaml(size_t *n_nameless, char *const *class_names, size_t n_classes,
                                 const char *folder, char *const *splits, size_t n_splits) {
    rn_text_file t;
    rn_status status = RN_OK;
    RN_TRY(rn_text_open(&t));
    for (size_t i = 0; i < n_splits && status == RN_OK; i++) {
        const char *key = key_of(splits, n_splits, i);
        if (key) status = put_split(&t, key, splits[i]);
        *n_nameless += !key;
    }
    fprintf(t.stream, "nc: %zu\nnames:\n", n_classes);
    for (size_t i = 0; i < n_classes && status == RN_OK; i++) {
        fprintf(t.stream, "  %zu: ", i);
        status = rn_text_quoted(&t, class_names[i]);
        fputs("\n", t.stream);
    }
    if (status == RN_OK) status = rn_text_save(&t, folder, "data.yaml");
    rn_text_discard(&t);
    return status;
}

const rn_set_format rn_set_format_coco = {.pictures = "images",
                                          .by_split = true,
                                          .has_crowds = true,
                                          .names_files = true,
                                          .write = write_coco};
const rn_set_format rn_set_format_voc = {.pictures = "JPEGImages",
                                         .clips = true,
                                         .least = 1,         /* xmin < xmax, counted from 1 */
                                         .has_crowds = true, /* as difficult: ignored too */
                                         .has_difficult = true,
                                         .same_classes = true,
                                         .names_files = true,
                                         .write = write_voc};
const rn_set_format rn_set_format_yolo = {.pictures = "images",
                                          .by_split = true,
                                          .clips = true,
                                          .needs_sizes = true,
                                          .same_classes = true,
                                          .write = write_yolo,
                                          .finish = write_data_yaml};
