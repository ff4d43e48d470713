#include "model/pickle.h"
#include "base/memory.h"
#include "model/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of all pickles of a file; a ResNet-101's takes a tenth of one of these megabytes. */
enum { MAX_PICKLE = 4 << 20 };

#define MARK      UINT32_MAX /* on the stack */
#define FORGOTTEN UINT32_MAX /* in the memo */

typedef struct opcode {
    const char *name;
    rn_status (*run)(rn_pickle *, int); /* NULL: refused */
    int argument;
} opcode;
static const opcode opcodes[256]; /* below */

const char *rn_pickle_kind_name(const rn_pickle_object *object) {
    static const char *const names[] = {"None",    "a bool",    "a number", "a number",
                                        "a text",  "a tuple",   "a list",   "a dictionary",
                                        "a class", "a storage", "a tensor"};
    return names[object->kind];
}

/* ---- failures: at the opcode that is being run ---- */

size_t rn_pickle_here(const rn_pickle *p) {
    return p->base + p->opcode;
}

rn_status rn_pickle_misfit(const rn_pickle *p) {
    return rn_fail(RN_EINPUT, "%s: offset %zu: opcode %s fits not what is before it: damaged",
                   p->path, rn_pickle_here(p), opcodes[p->bytes[p->opcode]].name);
}

rn_status rn_pickle_refuse(const rn_pickle *p, const char *what) {
    return rn_fail(RN_EINPUT, "%s: offset %zu: an opcode %s%s: " RN_PICKLE_READS, p->path,
                   rn_pickle_here(p), opcodes[p->bytes[p->opcode]].name, what);
}

rn_status rn_pickle_cut_off(const rn_pickle *p) {
    if (p->end < p->size)
        return rn_fail(RN_EINPUT, "%s: offset %zu: a pickle of over %d bytes", p->path,
                       rn_pickle_here(p), MAX_PICKLE);
    return rn_fail(RN_EINPUT, "%s: offset %zu: the pickle ends within: cut off", p->path,
                   rn_pickle_here(p));
}

/* *out = the next `n` bytes. */
static rn_status take(rn_pickle *p, const uint8_t **out, uint64_t n) {
    *out = NULL;
    if (n > p->end - p->at) return rn_pickle_cut_off(p);
    *out = p->bytes + p->at;
    p->at += (size_t)n;
    return RN_OK;
}

static rn_status take_number(rn_pickle *p, uint64_t *out, int n) {
    const uint8_t *bytes;
    RN_TRY(take(p, &bytes, (uint64_t)n));
    *out = rn_little_endian(bytes, n);
    return RN_OK;
}

/* ---- the stack ---- */

rn_status rn_pickle_push(rn_pickle *p, uint32_t id) {
    RN_TRY(rn_reserve(&p->stack, &p->cap_stack, p->n_stack + 1, sizeof *p->stack));
    p->stack[p->n_stack++] = id;
    return RN_OK;
}

static rn_status push_new(rn_pickle *p, const rn_pickle_object *object) {
    RN_TRY(rn_reserve(&p->objects, &p->cap_objects, p->n_objects + 1, sizeof *p->objects));
    p->objects[p->n_objects] = *object;
    return rn_pickle_push(p, (uint32_t)p->n_objects++);
}

rn_status rn_pickle_push_number(rn_pickle *p, rn_pickle_kind kind, int64_t number) {
    const rn_pickle_object object = {
        .kind = (uint8_t)kind, .at = (uint32_t)p->opcode, .number = number};
    return push_new(p, &object);
}

/* With `size` bytes that were just taken. */
static rn_status push_bytes(rn_pickle *p, rn_pickle_kind kind, size_t size) {
    const rn_pickle_object object = {
        .kind = (uint8_t)kind, .at = (uint32_t)(p->at - size), .size = (uint32_t)size};
    return push_new(p, &object);
}

rn_status rn_pickle_push_items(rn_pickle *p, rn_pickle_kind kind, uint32_t first, uint32_t last) {
    const rn_pickle_object object = {
        .kind = (uint8_t)kind, .at = (uint32_t)p->opcode, .first = first, .last = last};
    return push_new(p, &object);
}

uint32_t *rn_pickle_top(const rn_pickle *p, size_t depth) {
    if (depth >= p->n_stack) return NULL;
    uint32_t *slot = &p->stack[p->n_stack - 1 - depth];
    return *slot == MARK ? NULL : slot;
}

rn_pickle_object *rn_pickle_top_of(const rn_pickle *p, size_t depth, rn_pickle_kind kind) {
    const uint32_t *slot = rn_pickle_top(p, depth);
    rn_pickle_object *object = slot ? &p->objects[*slot] : NULL;
    return object && object->kind == kind ? object : NULL;
}

/* How many objects are above the last mark. Each is walked over once, for it is taken off then. */
static bool count_to_mark(const rn_pickle *p, size_t *n) {
    for (*n = 0; *n < p->n_stack; ++*n)
        if (p->stack[p->n_stack - 1 - *n] == MARK) return true;
    return false;
}

/* The top `n` go to the end of a chain. */
static rn_status move_items(rn_pickle *p, size_t n, uint32_t *first, uint32_t *last) {
    RN_TRY(rn_reserve(&p->items, &p->cap_items, p->n_items + n, sizeof *p->items));
    for (size_t i = p->n_stack - n; i < p->n_stack; i++) {
        const uint32_t item = (uint32_t)p->n_items++;
        p->items[item].object = p->stack[i];
        p->items[item].next = RN_PICKLE_END;
        if (*last == RN_PICKLE_END)
            *first = item;
        else
            p->items[*last].next = item;
        *last = item;
    }
    p->n_stack -= n;
    return RN_OK;
}

/* ---- opcodes; the argument is theirs in the table ---- */

static rn_status protocol(rn_pickle *p, int argument) {
    uint64_t version;
    (void)argument;
    RN_TRY(take_number(p, &version, 1));
    if (version >= 2 && version <= 5) return RN_OK;
    return rn_fail(RN_EINPUT, "%s: offset %zu: pickle protocol %d, want 2 to 5", p->path,
                   rn_pickle_here(p), (int)version);
}

/* A frame is for reading ahead. */
static rn_status frame(rn_pickle *p, int argument) {
    uint64_t size;
    return take_number(p, &size, argument);
}

static rn_status mark(rn_pickle *p, int argument) {
    (void)argument;
    return rn_pickle_push(p, MARK);
}

static rn_status none(rn_pickle *p, int argument) {
    return rn_pickle_push_number(p, RN_PICKLE_NONE, argument);
}

static rn_status boolean(rn_pickle *p, int argument) {
    return rn_pickle_push_number(p, RN_PICKLE_BOOL, argument);
}

/* Of 4 bytes it is signed, of fewer it is not. */
static rn_status integer(rn_pickle *p, int bytes) {
    uint64_t value;
    RN_TRY(take_number(p, &value, bytes));
    return rn_pickle_push_number(p, RN_PICKLE_INT,
                                 bytes == 4 ? (int32_t)(uint32_t)value : (int64_t)value);
}

/* In as few bytes as it needs, two's complement. */
static rn_status long_integer(rn_pickle *p, int length_bytes) {
    const uint8_t *bytes;
    uint64_t n;
    RN_TRY(take_number(p, &n, length_bytes));
    RN_TRY(take(p, &bytes, n));
    if (n > 8) return push_bytes(p, RN_PICKLE_NUMBER, (size_t)n);
    uint64_t value = rn_little_endian(bytes, (int)n);
    if (n > 0 && n < 8 && bytes[n - 1] >= 0x80) value |= UINT64_MAX << 8 * n;
    return rn_pickle_push_number(p, RN_PICKLE_INT, (int64_t)value);
}

static rn_status floating(rn_pickle *p, int bytes) {
    const uint8_t *value;
    RN_TRY(take(p, &value, (uint64_t)bytes));
    return push_bytes(p, RN_PICKLE_NUMBER, (size_t)bytes);
}

static rn_status text(rn_pickle *p, int length_bytes) {
    const uint8_t *bytes;
    uint64_t n;
    RN_TRY(take_number(p, &n, length_bytes));
    RN_TRY(take(p, &bytes, n));
    return push_bytes(p, RN_PICKLE_TEXT, (size_t)n);
}

rn_status rn_pickle_empty(rn_pickle *p, int kind) {
    return rn_pickle_push_items(p, (rn_pickle_kind)kind, RN_PICKLE_END, RN_PICKLE_END);
}

static rn_status make_tuple(rn_pickle *p, size_t n) {
    uint32_t first = RN_PICKLE_END, last = RN_PICKLE_END;
    RN_TRY(move_items(p, n, &first, &last));
    return rn_pickle_push_items(p, RN_PICKLE_TUPLE, first, last);
}

static rn_status tuple(rn_pickle *p, int n) {
    for (int i = 0; i < n; i++)
        if (!rn_pickle_top(p, (size_t)i)) return rn_pickle_misfit(p);
    return make_tuple(p, (size_t)n);
}

static rn_status marked_tuple(rn_pickle *p, int argument) {
    size_t n;
    (void)argument;
    if (!count_to_mark(p, &n)) return rn_pickle_misfit(p);
    RN_TRY(make_tuple(p, n));
    p->n_stack--;
    p->stack[p->n_stack - 1] = p->stack[p->n_stack]; /* in place of the mark */
    return RN_OK;
}

/* The top `n` go into the container below them. */
static rn_status extend(rn_pickle *p, size_t n, rn_pickle_kind kind) {
    rn_pickle_object *container = rn_pickle_top_of(p, n, kind);
    if (!container || (kind == RN_PICKLE_DICT && n % 2 != 0)) return rn_pickle_misfit(p);
    return move_items(p, n, &container->first, &container->last);
}

rn_status rn_pickle_append(rn_pickle *p, int kind) {
    const size_t n = kind == RN_PICKLE_DICT ? 2 : 1;
    for (size_t i = 0; i < n; i++)
        if (!rn_pickle_top(p, i)) return rn_pickle_misfit(p);
    return extend(p, n, (rn_pickle_kind)kind);
}

static rn_status append_marked(rn_pickle *p, int kind) {
    size_t n;
    if (!count_to_mark(p, &n)) return rn_pickle_misfit(p);
    uint32_t *above = &p->stack[p->n_stack - n];
    memmove(above - 1, above, n * sizeof *above); /* over the mark */
    p->n_stack--;
    return extend(p, n, (rn_pickle_kind)kind);
}

static rn_status pop(rn_pickle *p, int argument) {
    (void)argument;
    if (p->n_stack == 0) return rn_pickle_misfit(p);
    p->n_stack--;
    return RN_OK;
}

static rn_status pop_mark(rn_pickle *p, int argument) {
    size_t n;
    (void)argument;
    if (!count_to_mark(p, &n)) return rn_pickle_misfit(p);
    p->n_stack -= n + 1;
    return RN_OK;
}

/* ---- the memo: objects by number, which picklers count up ---- */

static rn_status remember(rn_pickle *p, uint64_t number) {
    const uint32_t *slot = rn_pickle_top(p, 0);
    /* A number as large as there are bytes before it would take memory that the file has not. */
    if (!slot || number > p->opcode) return rn_pickle_misfit(p);
    RN_TRY(rn_reserve(&p->memo, &p->cap_memo, (size_t)number + 1, sizeof *p->memo));
    while (p->n_memo <= number) p->memo[p->n_memo++] = FORGOTTEN;
    p->memo[number] = *slot;
    return RN_OK;
}

static rn_status put(rn_pickle *p, int bytes) {
    uint64_t number;
    RN_TRY(take_number(p, &number, bytes));
    return remember(p, number);
}

static rn_status memoize(rn_pickle *p, int argument) {
    (void)argument;
    return remember(p, p->n_memo);
}

static rn_status get(rn_pickle *p, int bytes) {
    uint64_t number;
    RN_TRY(take_number(p, &number, bytes));
    if (number >= p->n_memo || p->memo[number] == FORGOTTEN) return rn_pickle_misfit(p);
    return rn_pickle_push(p, p->memo[number]);
}

/* pickletools.opcodes of Python 3.8, under its names. */
static const opcode opcodes[256] = {
    [0x80] = {"PROTO", protocol, 0},
    [0x95] = {"FRAME", frame, 8},
    ['.'] = {"STOP", NULL, 0}, /* rn_pickle_next's */
    ['('] = {"MARK", mark, 0},
    ['0'] = {"POP", pop, 0},
    ['1'] = {"POP_MARK", pop_mark, 0},
    ['N'] = {"NONE", none, 0},
    [0x88] = {"NEWTRUE", boolean, 1},
    [0x89] = {"NEWFALSE", boolean, 0},
    ['K'] = {"BININT1", integer, 1},
    ['M'] = {"BININT2", integer, 2},
    ['J'] = {"BININT", integer, 4},
    [0x8a] = {"LONG1", long_integer, 1},
    [0x8b] = {"LONG4", long_integer, 4},
    ['G'] = {"BINFLOAT", floating, 8},
    ['U'] = {"SHORT_BINSTRING", text, 1},
    ['T'] = {"BINSTRING", text, 4},
    ['C'] = {"SHORT_BINBYTES", text, 1},
    ['B'] = {"BINBYTES", text, 4},
    [0x8e] = {"BINBYTES8", text, 8},
    [0x8c] = {"SHORT_BINUNICODE", text, 1},
    ['X'] = {"BINUNICODE", text, 4},
    [0x8d] = {"BINUNICODE8", text, 8},
    [')'] = {"EMPTY_TUPLE", rn_pickle_empty, RN_PICKLE_TUPLE},
    [']'] = {"EMPTY_LIST", rn_pickle_empty, RN_PICKLE_LIST},
    ['}'] = {"EMPTY_DICT", rn_pickle_empty, RN_PICKLE_DICT},
    [0x85] = {"TUPLE1", tuple, 1},
    [0x86] = {"TUPLE2", tuple, 2},
    [0x87] = {"TUPLE3", tuple, 3},
    ['t'] = {"TUPLE", marked_tuple, 0},
    ['a'] = {"APPEND", rn_pickle_append, RN_PICKLE_LIST},
    ['e'] = {"APPENDS", append_marked, RN_PICKLE_LIST},
    ['s'] = {"SETITEM", rn_pickle_append, RN_PICKLE_DICT},
    ['u'] = {"SETITEMS", append_marked, RN_PICKLE_DICT},
    ['q'] = {"BINPUT", put, 1},
    ['r'] = {"LONG_BINPUT", put, 4},
    [0x94] = {"MEMOIZE", memoize, 0},
    ['h'] = {"BINGET", get, 1},
    ['j'] = {"LONG_BINGET", get, 4},
    ['c'] = {"GLOBAL", rn_pickle_global, 0},
    [0x93] = {"STACK_GLOBAL", rn_pickle_stack_global, 0},
    ['R'] = {"REDUCE", rn_pickle_reduce, 0},
    ['b'] = {"BUILD", rn_pickle_build, 0},
    ['Q'] = {"BINPERSID", rn_pickle_persistent, 0},
    /* refused: other classes' objects, sets, and the text forms of protocol 0 */
    ['2'] = {"DUP", NULL, 0},
    ['F'] = {"FLOAT", NULL, 0},
    ['I'] = {"INT", NULL, 0},
    ['L'] = {"LONG", NULL, 0},
    ['P'] = {"PERSID", NULL, 0},
    ['S'] = {"STRING", NULL, 0},
    ['V'] = {"UNICODE", NULL, 0},
    ['d'] = {"DICT", NULL, 0},
    ['g'] = {"GET", NULL, 0},
    ['i'] = {"INST", NULL, 0},
    ['l'] = {"LIST", NULL, 0},
    ['o'] = {"OBJ", NULL, 0},
    ['p'] = {"PUT", NULL, 0},
    [0x81] = {"NEWOBJ", NULL, 0},
    [0x82] = {"EXT1", NULL, 0},
    [0x83] = {"EXT2", NULL, 0},
    [0x84] = {"EXT4", NULL, 0},
    [0x8f] = {"EMPTY_SET", NULL, 0},
    [0x90] = {"ADDITEMS", NULL, 0},
    [0x91] = {"FROZENSET", NULL, 0},
    [0x92] = {"NEWOBJ_EX", NULL, 0},
    [0x96] = {"BYTEARRAY8", NULL, 0},
    [0x97] = {"NEXT_BUFFER", NULL, 0},
    [0x98] = {"READONLY_BUFFER", NULL, 0}};

/* ---- whole pickles ---- */

void rn_pickle_open(rn_pickle *p, const uint8_t *bytes, size_t size, size_t base,
                    const char *path) {
    *p = (rn_pickle){.bytes = bytes,
                     .path = path,
                     .base = base,
                     .size = size,
                     .end = size < MAX_PICKLE ? size : MAX_PICKLE};
}

void rn_pickle_close(rn_pickle *p) {
    free(p->objects);
    free(p->items);
    free(p->stack);
    free(p->memo);
    *p = (rn_pickle){0};
}

rn_status rn_pickle_next(rn_pickle *p, uint32_t *root) {
    p->n_stack = p->n_memo = 0;
    for (;;) {
        const uint8_t *byte;
        p->opcode = p->at;
        RN_TRY(take(p, &byte, 1));
        const opcode *op = &opcodes[*byte];
        if (*byte == '.') break;
        if (!op->name)
            return rn_fail(RN_EINPUT, "%s: offset %zu: 0x%02x is no opcode of a pickle: damaged",
                           p->path, rn_pickle_here(p), *byte);
        if (!op->run) return rn_pickle_refuse(p, "");
        RN_TRY(op->run(p, op->argument));
    }
    const uint32_t *slot = rn_pickle_top(p, 0);
    if (!slot || p->n_stack != 1) return rn_pickle_misfit(p);
    *root = *slot;
    return RN_OK;
}

rn_pickle_object *rn_pickle_item(const rn_pickle *p, uint32_t *item) {
    if (*item == RN_PICKLE_END) return NULL;
    rn_pickle_object *object = &p->objects[p->items[*item].object];
    *item = p->items[*item].next;
    return object;
}

bool rn_pickle_is(const rn_pickle *p, const rn_pickle_object *object, const char *name) {
    return object->kind == RN_PICKLE_TEXT && object->size == strlen(name) &&
           memcmp(p->bytes + object->at, name, object->size) == 0;
}
