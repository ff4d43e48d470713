#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "data/yolo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define YAML_MAX_BYTES ((size_t)16 << 20)

static const char *const split_names[] = {"train", "val", "valid", "test"};
enum {
    SPLITS = sizeof split_names / sizeof *split_names,
    MAX_DEPTH = 64,  /* libyaml takes a time that grows with the square of the depth ... */
    MAX_ANCHORS = 64 /* ... and looks through all anchors for each alias */
};

/* A document that libyaml has read; its nodes name each other by number, so an alias costs nothing
 * and nothing is ever expanded. */
typedef struct document {
    yaml_document_t yaml;
    const char *path;
} document;

void rn_yolo_data_free(rn_yolo_data *data) {
    for (size_t i = 0; data->class_names && i < data->n_classes; i++) free(data->class_names[i]);
    free(data->class_names);
    for (size_t s = 0; s < data->n_splits; s++) {
        for (size_t i = 0; i < data->splits[s].n; i++) free(data->splits[s].sources[i].text);
        free(data->splits[s].sources);
        free(data->splits[s].name);
    }
    free(data->splits);
    free(data->root);
    *data = (rn_yolo_data){0};
}

/* ---- nodes ---- */

static yaml_node_t *node_at(document *d, int number) {
    return yaml_document_get_node(&d->yaml, number);
}

static rn_status refuse(const document *d, const yaml_node_t *node, const char *what,
                        const char *want) {
    const char *got = node->type == YAML_SCALAR_NODE     ? (const char *)node->data.scalar.value
                      : node->type == YAML_SEQUENCE_NODE ? "a list"
                                                         : "a map";
    return rn_fail(RN_EINPUT, "%s:%zu:%zu: %s (got %.60s, want %s)", d->path,
                   node->start_mark.line + 1, node->start_mark.column + 1, what, got, want);
}

/* "", ~ and null without quotes. */
static bool is_null(const yaml_node_t *node) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (strcmp((const char *)node->data.scalar.value, nulls[i]) == 0) return true;
    return false;
}

/* A copy of a text that is not empty and holds no zero character. */
static rn_status copy_text(char **out, const document *d, const yaml_node_t *node,
                           const char *what) {
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.length == 0 ||
        strlen((const char *)node->data.scalar.value) != node->data.scalar.length)
        return refuse(d, node, what, "a text");
    return rn_strdup(out, (const char *)node->data.scalar.value);
}

static rn_status read_count(size_t *out, const document *d, const yaml_node_t *node,
                            const char *what, size_t max) {
    int64_t value = -1;
    if (node->type != YAML_SCALAR_NODE ||
        !rn_parse_int(&value, (const char *)node->data.scalar.value, node->data.scalar.length) ||
        value < 0 || (uint64_t)value > max) {
        char want[64];
        snprintf(want, sizeof want, "an integer in 0..%zu", max);
        return refuse(d, node, what, want);
    }
    *out = (size_t)value;
    return RN_OK;
}

/* ---- keys ---- */

static rn_status add_source(rn_yolo_split *split, const document *d, const yaml_node_t *node) {
    rn_yolo_source *source = &split->sources[split->n];
    *source =
        (rn_yolo_source){.line = node->start_mark.line + 1, .column = node->start_mark.column + 1};
    RN_TRY(copy_text(&source->text, d, node, split->name));
    split->n++;
    return RN_OK;
}

/* One place or a list of them. */
static rn_status read_split(rn_yolo_data *out, const char *name, document *d, yaml_node_t *node) {
    if (is_null(node)) return RN_OK;
    const bool list = node->type == YAML_SEQUENCE_NODE;
    const yaml_node_item_t *items = list ? node->data.sequence.items.start : NULL;
    const size_t n = list ? (size_t)(node->data.sequence.items.top - items) : 1;
    if (n == 0) return RN_OK;
    rn_yolo_split *split = &out->splits[out->n_splits++];
    RN_TRY(rn_strdup(&split->name, name));
    RN_TRY(rn_alloc(&split->sources, n, sizeof *split->sources));
    for (size_t i = 0; i < n; i++) RN_TRY(add_source(split, d, list ? node_at(d, items[i]) : node));
    return RN_OK;
}

static rn_status set_name(rn_yolo_data *out, size_t label, document *d, int node) {
    if (out->class_names[label]) return refuse(d, node_at(d, node), "names", "one class a number");
    return copy_text(&out->class_names[label], d, node_at(d, node), "names");
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static rn_status check_unique(const rn_yolo_data *data, const document *d,
                              const yaml_node_t *node) {
    char **sorted;
    rn_status status = RN_OK;
    RN_TRY(rn_alloc(&sorted, data->n_classes, sizeof *sorted));
    memcpy(sorted, data->class_names, data->n_classes * sizeof *sorted);
    qsort(sorted, data->n_classes, sizeof *sorted, compare_names);
    for (size_t i = 1; i < data->n_classes && status == RN_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status =
                rn_fail(RN_EINPUT, "%s:%zu:%zu: names (got %.60s twice, want each once)", d->path,
                        node->start_mark.line + 1, node->start_mark.column + 1, sorted[i]);
    free(sorted);
    return status;
}

/* [a, b] or {0: a, 1: b}: as many names as entries, so no number can be missing. */
static rn_status read_names(rn_yolo_data *out, document *d, yaml_node_t *node) {
    const bool list = node->type == YAML_SEQUENCE_NODE;
    if (!list && node->type != YAML_MAPPING_NODE)
        return refuse(d, node, "names", "a list, or a map from 0 on");
    const size_t n = list
                         ? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start)
                         : (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    if (n == 0) return refuse(d, node, "names", "at least one");
    RN_TRY(rn_alloc(&out->class_names, n, sizeof *out->class_names));
    out->n_classes = n;
    for (size_t i = 0; i < n; i++) {
        size_t label = i;
        if (list) {
            RN_TRY(set_name(out, i, d, node->data.sequence.items.start[i]));
            continue;
        }
        const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
        RN_TRY(read_count(&label, d, node_at(d, pair->key), "names", n - 1));
        RN_TRY(set_name(out, label, d, pair->value));
    }
    return check_unique(out, d, node);
}

/* The node that `key` of the top map has, NULL if it is not there. */
static rn_status find_key(yaml_node_t **value, document *d, const char *key) {
    const yaml_node_t *top = yaml_document_get_root_node(&d->yaml);
    *value = NULL;
    for (yaml_node_pair_t *pair = top->data.mapping.pairs.start; pair < top->data.mapping.pairs.top;
         pair++) {
        const yaml_node_t *name = node_at(d, pair->key);
        if (name->type != YAML_SCALAR_NODE ||
            strcmp((const char *)name->data.scalar.value, key) != 0)
            continue;
        if (*value) return refuse(d, name, "key", "each key once");
        *value = node_at(d, pair->value);
    }
    return RN_OK;
}

static rn_status read_keys(rn_yolo_data *out, document *d) {
    yaml_node_t *node = yaml_document_get_root_node(&d->yaml);
    size_t count = 0;
    if (!node || node->type != YAML_MAPPING_NODE)
        return rn_fail(RN_EINPUT, "%s:1:1: no map of keys such as train and names", d->path);
    RN_TRY(find_key(&node, d, "path"));
    if (node && !is_null(node)) RN_TRY(copy_text(&out->root, d, node, "path"));
    RN_TRY(rn_alloc(&out->splits, SPLITS, sizeof *out->splits));
    for (size_t i = 0; i < SPLITS; i++) {
        RN_TRY(find_key(&node, d, split_names[i]));
        if (node) RN_TRY(read_split(out, split_names[i], d, node));
    }
    if (out->n_splits == 0)
        return rn_fail(RN_EINPUT, "%s:1:1: no key \"train\", \"val\", \"valid\" or \"test\"",
                       d->path);
    RN_TRY(find_key(&node, d, "names"));
    if (!node) return rn_fail(RN_EINPUT, "%s:1:1: no key \"names\"", d->path);
    RN_TRY(read_names(out, d, node));
    RN_TRY(find_key(&node, d, "nc"));
    if (!node) return RN_OK;
    RN_TRY(read_count(&count, d, node, "nc", 1000000));
    if (count == out->n_classes) return RN_OK;
    char want[64];
    snprintf(want, sizeof want, "%zu, as many as names", out->n_classes);
    return refuse(d, node, "nc", want);
}

/* ---- the file ---- */

static rn_status parse_failure(const yaml_parser_t *parser, const char *path) {
    if (parser->error == YAML_MEMORY_ERROR)
        return rn_fail(RN_ENOMEM, "%s: not enough memory for its keys", path);
    const bool reader = parser->error == YAML_READER_ERROR;
    const char *what = parser->problem ? parser->problem : "not YAML";
    if (reader) return rn_fail(RN_EINPUT, "%s: offset %zu: %s", path, parser->problem_offset, what);
    return rn_fail(RN_EINPUT, "%s:%zu:%zu: %s", path, parser->problem_mark.line + 1,
                   parser->problem_mark.column + 1, what);
}

static rn_status open_parser(yaml_parser_t *parser, const uint8_t *bytes, size_t size,
                             const char *path) {
    if (!yaml_parser_initialize(parser))
        return rn_fail(RN_ENOMEM, "%s: not enough memory for its keys", path);
    yaml_parser_set_input_string(parser, bytes, size);
    return RN_OK;
}

/* What is open or named behind the event. */
static void count_event(size_t *depth, size_t *anchors, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SEQUENCE_START_EVENT:
        ++*depth;
        *anchors += event->data.sequence_start.anchor != NULL;
        break;
    case YAML_MAPPING_START_EVENT:
        ++*depth;
        *anchors += event->data.mapping_start.anchor != NULL;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        --*depth;
        break;
    case YAML_SCALAR_EVENT:
        *anchors += event->data.scalar.anchor != NULL;
        break;
    default:
        break;
    }
}

/* Whether the whole text is YAML that can be loaded in a time in proportion to its size. */
static rn_status check_text(const uint8_t *bytes, size_t size, const char *path) {
    yaml_parser_t parser;
    yaml_event_t event;
    size_t depth = 0, anchors = 0;
    rn_status status = RN_OK;
    RN_TRY(open_parser(&parser, bytes, size, path));
    for (bool end = false; !end;) {
        if (!yaml_parser_parse(&parser, &event)) {
            status = parse_failure(&parser, path);
            break;
        }
        const yaml_mark_t place = event.start_mark;
        end = event.type == YAML_STREAM_END_EVENT;
        count_event(&depth, &anchors, &event);
        yaml_event_delete(&event);
        if (depth <= MAX_DEPTH && anchors <= MAX_ANCHORS) continue;
        status = rn_fail(RN_EINPUT, "%s:%zu:%zu: %s %d", path, place.line + 1, place.column + 1,
                         depth > MAX_DEPTH ? "nested deeper than" : "anchors, more than",
                         depth > MAX_DEPTH ? MAX_DEPTH : MAX_ANCHORS);
        break;
    }
    yaml_parser_delete(&parser);
    return status;
}

static rn_status read_text(rn_yolo_data *out, const uint8_t *bytes, size_t size, const char *path) {
    yaml_parser_t parser;
    document d = {.path = path};
    rn_status status;
    RN_TRY(check_text(bytes, size, path));
    RN_TRY(open_parser(&parser, bytes, size, path));
    if (yaml_parser_load(&parser, &d.yaml)) {
        status = read_keys(out, &d);
        yaml_document_delete(&d.yaml);
    } else {
        status = parse_failure(&parser, path);
    }
    yaml_parser_delete(&parser);
    return status;
}

rn_status rn_yolo_data_read(rn_yolo_data *out, const char *path) {
    uint8_t *bytes;
    size_t size;
    *out = (rn_yolo_data){0};
    RN_TRY(rn_file_read(&bytes, &size, path, YAML_MAX_BYTES));
    const rn_status status = read_text(out, bytes, size, path);
    free(bytes);
    if (status != RN_OK) rn_yolo_data_free(out);
    return status;
}
