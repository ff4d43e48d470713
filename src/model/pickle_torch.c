/* What pickles of torch.save call: the globals that are known and what is made of their arguments.
 */
#include "model/pickle_machine.h"

#include <string.h>

/* ---- what is known ---- */

typedef enum known { ORDERED_DICT, TENSOR, PARAMETER, STORAGE } known;

static const struct {
    const char *module, *name;
    known is;
    rn_dtype dtype;
} globals[] = {{"collections", "OrderedDict", ORDERED_DICT, 0},
               {"torch._utils", "_rebuild_tensor", TENSOR, 0},
               {"torch._utils", "_rebuild_tensor_v2", TENSOR, 0},
               {"torch._utils", "_rebuild_parameter", PARAMETER, 0},
               {"torch.nn.parameter", "Parameter", PARAMETER, 0},
               {"torch", "FloatStorage", STORAGE, RN_F32},
               {"torch", "HalfStorage", STORAGE, RN_F16},
               {"torch", "BFloat16Storage", STORAGE, RN_BF16},
               {"torch", "DoubleStorage", STORAGE, RN_F64},
               {"torch", "LongStorage", STORAGE, RN_I64},
               {"torch", "IntStorage", STORAGE, RN_I32},
               {"torch", "ShortStorage", STORAGE, RN_I16},
               {"torch", "CharStorage", STORAGE, RN_I8},
               {"torch", "ByteStorage", STORAGE, RN_U8},
               {"torch", "BoolStorage", STORAGE, RN_BOOL}};
enum { N_GLOBALS = sizeof globals / sizeof *globals };

static bool is_global(const rn_pickle_object *object, known what) {
    return object->kind == RN_PICKLE_GLOBAL && globals[object->number].is == what;
}

rn_dtype rn_pickle_dtype(const rn_pickle_object *global) {
    return globals[global->number].dtype;
}

/* ---- globals and what they are called with ---- */

static rn_status push_global(rn_pickle *p, const char *module, size_t module_size, const char *name,
                             size_t name_size) {
    enum { SHOWN = 100 };
    for (int i = 0; i < N_GLOBALS; i++)
        if (strlen(globals[i].module) == module_size && strlen(globals[i].name) == name_size &&
            memcmp(globals[i].module, module, module_size) == 0 &&
            memcmp(globals[i].name, name, name_size) == 0)
            return rn_pickle_push_number(p, RN_PICKLE_GLOBAL, i);
    return rn_fail(RN_EINPUT, "%s: offset %zu: a global %.*s.%.*s: " RN_PICKLE_READS, p->path,
                   rn_pickle_here(p), module_size < SHOWN ? (int)module_size : SHOWN, module,
                   name_size < SHOWN ? (int)name_size : SHOWN, name);
}

static rn_status take_line(rn_pickle *p, const char **line, size_t *size) {
    const uint8_t *begin = p->bytes + p->at;
    const uint8_t *end = p->at < p->end ? memchr(begin, '\n', p->end - p->at) : NULL;
    *line = NULL;
    *size = 0;
    if (!end) return rn_pickle_cut_off(p);
    *line = (const char *)begin;
    *size = (size_t)(end - begin);
    p->at += *size + 1;
    return RN_OK;
}

rn_status rn_pickle_global(rn_pickle *p, int argument) {
    const char *module, *name;
    size_t module_size, name_size;
    (void)argument;
    RN_TRY(take_line(p, &module, &module_size));
    RN_TRY(take_line(p, &name, &name_size));
    return push_global(p, module, module_size, name, name_size);
}

rn_status rn_pickle_stack_global(rn_pickle *p, int argument) {
    const rn_pickle_object *name = rn_pickle_top_of(p, 0, RN_PICKLE_TEXT);
    const rn_pickle_object *module = rn_pickle_top_of(p, 1, RN_PICKLE_TEXT);
    (void)argument;
    if (!name || !module) return rn_pickle_misfit(p);
    p->n_stack -= 2;
    return push_global(p, (const char *)p->bytes + module->at, module->size,
                       (const char *)p->bytes + name->at, name->size);
}

static const char *const other_arguments = " of other arguments than torch.save's";

/* Of [[key, value], ...], as Python 2 describes an OrderedDict. The one place that copies items: a
 * pickle whose lists have more of them than it has bytes copies them over and over. */
static rn_status dict_of_pairs(rn_pickle *p, uint32_t pairs) {
    RN_TRY(rn_pickle_empty(p, RN_PICKLE_DICT));
    while (pairs != RN_PICKLE_END) {
        const rn_pickle_object *pair = rn_pickle_item(p, &pairs);
        if (pair->kind != RN_PICKLE_LIST && pair->kind != RN_PICKLE_TUPLE)
            return rn_pickle_refuse(p, other_arguments);
        const uint32_t key = pair->first;
        const uint32_t value = key == RN_PICKLE_END ? key : p->items[key].next;
        if (value == RN_PICKLE_END || p->items[value].next != RN_PICKLE_END ||
            p->n_items + 2 > p->at)
            return rn_pickle_refuse(p, other_arguments);
        RN_TRY(rn_pickle_push(p, p->items[key].object));
        RN_TRY(rn_pickle_push(p, p->items[value].object));
        RN_TRY(rn_pickle_append(p, RN_PICKLE_DICT));
    }
    return RN_OK;
}

rn_status rn_pickle_reduce(rn_pickle *p, int argument) {
    const rn_pickle_object *callee = rn_pickle_top_of(p, 1, RN_PICKLE_GLOBAL);
    const rn_pickle_object *arguments = rn_pickle_top_of(p, 0, RN_PICKLE_TUPLE);
    (void)argument;
    if (!callee || !arguments) return rn_pickle_misfit(p);
    uint32_t first = arguments->first;
    const uint32_t id = first == RN_PICKLE_END ? 0 : p->items[first].object;
    const rn_pickle_object *object = rn_pickle_item(p, &first);
    p->n_stack -= 2;
    if (is_global(callee, ORDERED_DICT) && !object) return rn_pickle_empty(p, RN_PICKLE_DICT);
    if (is_global(callee, ORDERED_DICT) && object->kind == RN_PICKLE_LIST && first == RN_PICKLE_END)
        return dict_of_pairs(p, object->first);
    if (is_global(callee, PARAMETER) && object && object->kind == RN_PICKLE_TENSOR)
        return rn_pickle_push(p, id);
    if (is_global(callee, TENSOR) && object && object->kind == RN_PICKLE_STORAGE)
        return rn_pickle_push_items(p, RN_PICKLE_TENSOR, arguments->first, arguments->last);
    return rn_pickle_refuse(p, other_arguments);
}

/* What OrderedDict has besides its items: the _metadata of a state dict, versions of its modules.
 */
rn_status rn_pickle_build(rn_pickle *p, int argument) {
    (void)argument;
    if (!rn_pickle_top(p, 0) || !rn_pickle_top(p, 1)) return rn_pickle_misfit(p);
    if (!rn_pickle_top_of(p, 1, RN_PICKLE_DICT))
        return rn_pickle_refuse(p, " for another than an OrderedDict");
    p->n_stack--;
    return RN_OK;
}

/* ("storage", type, key, location, number of elements), in the older format with None behind. */
rn_status rn_pickle_persistent(rn_pickle *p, int argument) {
    const rn_pickle_object *id = rn_pickle_top_of(p, 0, RN_PICKLE_TUPLE);
    (void)argument;
    if (!rn_pickle_top(p, 0)) return rn_pickle_misfit(p);
    if (!id) return rn_pickle_refuse(p, other_arguments);
    uint32_t item = id->first;
    const rn_pickle_object *what = rn_pickle_item(p, &item), *type = rn_pickle_item(p, &item),
                           *key = rn_pickle_item(p, &item), *where = rn_pickle_item(p, &item),
                           *count = rn_pickle_item(p, &item), *view = rn_pickle_item(p, &item);
    if (!count || !rn_pickle_is(p, what, "storage") || !is_global(type, STORAGE) ||
        key->kind != RN_PICKLE_TEXT || where->kind != RN_PICKLE_TEXT ||
        count->kind != RN_PICKLE_INT || count->number < 0 ||
        (view && view->kind != RN_PICKLE_NONE) || item != RN_PICKLE_END)
        return rn_pickle_refuse(p, other_arguments);
    p->n_stack--;
    return rn_pickle_push_items(p, RN_PICKLE_STORAGE, id->first, id->last);
}
