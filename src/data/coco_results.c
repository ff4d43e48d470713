#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "data/coco.h"
#include "data/id_map.h"
#include "data/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct reader {
    rn_json json;
    rn_results *results;
    size_t cap;
    rn_id_map image_ids;    /* of the truth */
    rn_id_map category_ids; /* of the truth */
} reader;

static rn_status read_row(reader *r, const rn_json_token *token) {
    enum { IMAGE_ID, CATEGORY_ID, BBOX, SCORE, KEYS };
    static const char *const keys[KEYS] = {"image_id", "category_id", "bbox", "score"};
    rn_json_members members = {.what = "detection", .keys = keys, .n = KEYS, .required = KEYS};
    rn_results *results = r->results;
    rn_result_row row = {0};
    double box[4];
    rn_json_token value;
    size_t key;
    RN_TRY(rn_json_begin(&r->json, &members, token));
    for (;;) {
        RN_TRY(rn_json_member(&r->json, &members, &key, &value));
        if (key == KEYS) break;
        if (key == IMAGE_ID)
            RN_TRY(rn_json_int(&r->json, &row.image_id, &value, "\"image_id\" of a detection",
                               -RN_JSON_MAX_INT, RN_JSON_MAX_INT));
        if (key == CATEGORY_ID)
            RN_TRY(rn_json_int(&r->json, &row.category_id, &value, "\"category_id\" of a detection",
                               -RN_JSON_MAX_INT, RN_JSON_MAX_INT));
        if (key == BBOX)
            RN_TRY(rn_json_doubles(&r->json, box, 4, &value, "\"bbox\" of a detection"));
        if (key == SCORE)
            RN_TRY(rn_json_double(&r->json, &row.score, &value, "\"score\" of a detection"));
    }
    if (rn_id_map_find(&r->image_ids, row.image_id) == RN_NO_ID)
        return rn_json_fail(&r->json, token->offset,
                            "detection in an image that the ground truth has not (got image_id "
                            "%lld)",
                            (long long)row.image_id);
    if (rn_id_map_find(&r->category_ids, row.category_id) == RN_NO_ID) {
        results->n_unknown_category++;
        return RN_OK;
    }
    row.x = box[0];
    row.y = box[1];
    row.w = box[2];
    row.h = box[3];
    RN_TRY(rn_reserve(&results->rows, &r->cap, results->n + 1, sizeof *results->rows));
    results->rows[results->n++] = row;
    return RN_OK;
}

static rn_status read_rows(reader *r) {
    rn_json_token token;
    RN_TRY(rn_json_next(&r->json, &token));
    if (token.type != RN_JSON_ARRAY)
        return rn_json_unwanted(&r->json, &token, "detections", "an array");
    for (;;) {
        RN_TRY(rn_json_next(&r->json, &token));
        if (token.type == RN_JSON_ARRAY_END) break;
        RN_TRY(read_row(r, &token));
    }
    return rn_json_next(&r->json, &token); /* nothing may follow */
}

static rn_status map_truth(reader *r, const rn_dataset *truth) {
    size_t had;
    for (size_t i = 0; i < truth->n_records; i++)
        RN_TRY(rn_id_map_add(&r->image_ids, &had, truth->records[i].id, i));
    for (size_t i = 0; i < truth->n_classes; i++)
        RN_TRY(rn_id_map_add(&r->category_ids, &had, truth->category_ids[i], i));
    return RN_OK;
}

rn_status rn_results_read(rn_results *out, const char *path, const rn_dataset *truth) {
    reader r = {.results = out};
    uint8_t *bytes = NULL;
    size_t size;
    rn_status status;
    *out = (rn_results){0};
    if ((status = rn_file_read(&bytes, &size, path, RN_COCO_MAX_BYTES)) != RN_OK ||
        (status = rn_json_open(&r.json, path, (const char *)bytes, size)) != RN_OK ||
        (status = map_truth(&r, truth)) != RN_OK)
        goto done;
    status = read_rows(&r);
done:
    rn_id_map_free(&r.image_ids);
    rn_id_map_free(&r.category_ids);
    rn_json_free(&r.json);
    free(bytes);
    if (status != RN_OK) rn_results_free(out);
    return status;
}

/* ---- writing ---- */

enum { ROW_TEXT = 512 }; /* more than any row needs: two ids and five numbers of 32 */

/* "{...}" of a row in out[ROW_TEXT]; returns its length. */
static int format_row(char *out, const rn_result_row *row) {
    const double values[5] = {row->x, row->y, row->w, row->h, row->score};
    char text[5][32];
    for (int i = 0; i < 5; i++) rn_format_double(text[i], values[i]);
    return snprintf(out, ROW_TEXT,
                    "{\"image_id\": %" PRId64 ", \"category_id\": %" PRId64
                    ", \"bbox\": [%s, %s, %s, %s], \"score\": %s}",
                    row->image_id, row->category_id, text[0], text[1], text[2], text[3], text[4]);
}

static rn_status write_rows(rn_writer *file, const rn_results *results) {
    char text[1 << 14];
    size_t used = 1;
    text[0] = '[';
    for (size_t i = 0; i < results->n; i++) {
        if (sizeof text - used < ROW_TEXT + 4) {
            RN_TRY(rn_writer_write(file, text, used));
            used = 0;
        }
        used += (size_t)format_row(text + used, &results->rows[i]);
        if (i + 1 == results->n) break;
        text[used++] = ',';
        text[used++] = '\n';
    }
    text[used++] = ']';
    text[used++] = '\n';
    return rn_writer_write(file, text, used);
}

rn_status rn_results_write(const char *path, const rn_results *results) {
    rn_writer *file;
    RN_TRY(rn_writer_open(&file, path));
    const rn_status status = write_rows(file, results);
    if (status == RN_OK) return rn_writer_commit(file);
    rn_writer_abort(file);
    return status;
}

void rn_results_free(rn_results *results) {
    free(results->rows);
    *results = (rn_results){0};
}
