/* The pickle machine: what it makes of each opcode, and all that it refuses. */
#include "count_allocations.h"
#include "model/pickle.h"
#include "suite.h"
#include "torch_files.h"

enum { BASE = 1000 }; /* of the pickle in its file: what messages count from */

static rn_pickle pickle;
static uint32_t root;

static rn_status run(const void *bytes, size_t size) {
    static uint8_t *copy; /* of its own size, so that a read behind its end shows */
    rn_pickle_close(&pickle);
    free(copy);
    copy = malloc(size + (size == 0));
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, size);
    rn_pickle_open(&pickle, copy, size, BASE, "FILE");
    return rn_pickle_next(&pickle, &root);
}

static const rn_pickle_object *ran(const void *bytes, size_t size) {
    ck_assert_msg(run(bytes, size) == RN_OK, "%s", rn_error_text());
    ck_assert_uint_eq(pickle.at, size);
    return &pickle.objects[root];
}

static void refused(const void *bytes, size_t size, const char *text) {
    ck_assert_int_eq(run(bytes, size), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), text);
}

/* Of a literal, without the zero behind it. */
#define RAN(literal)           ran(literal, sizeof literal - 1)
#define REFUSED(literal, text) refused(literal, sizeof literal - 1, text)

/* "(1, 'a', [], None)" and so on. */
static void show(char *out, size_t size, const rn_pickle_object *o) {
    static const char *const brackets[] = {"()", "[]", "{}"};
    const size_t used = strlen(out);
    char *end = out + used;
    const size_t left = size - used;
    const char *bracket;
    int n = 0;
    switch ((rn_pickle_kind)o->kind) {
    case RN_PICKLE_NONE:
        snprintf(end, left, "None");
        return;
    case RN_PICKLE_BOOL:
        snprintf(end, left, o->number ? "True" : "False");
        return;
    case RN_PICKLE_INT:
        snprintf(end, left, "%lld", (long long)o->number);
        return;
    case RN_PICKLE_NUMBER:
        snprintf(end, left, "number:%u", o->size);
        return;
    case RN_PICKLE_TEXT:
        snprintf(end, left, "'%.*s'", (int)o->size, (const char *)pickle.bytes + o->at);
        return;
    case RN_PICKLE_GLOBAL:
        snprintf(end, left, "class");
        return;
    case RN_PICKLE_TUPLE:
    case RN_PICKLE_LIST:
    case RN_PICKLE_DICT:
        bracket = brackets[o->kind - RN_PICKLE_TUPLE];
        break;
    default:
        bracket = o->kind == RN_PICKLE_TENSOR ? "TT" : "SS";
    }
    snprintf(end, left, "%c", bracket[0]);
    for (uint32_t item = o->first; item != RN_PICKLE_END; n++) {
        if (n > 0) strcat(out, o->kind == RN_PICKLE_DICT && n % 2 ? ":" : ",");
        show(out, size, rn_pickle_item(&pickle, &item));
    }
    strncat(out, bracket + 1, 1);
}

static const char *shown(const rn_pickle_object *o) {
    static char text[2048];
    text[0] = '\0';
    show(text, sizeof text, o);
    return text;
}

#define SHOWS(literal, text) ck_assert_str_eq(shown(RAN(literal)), text)

/* ---- what is read ---- */

START_TEST(numbers) {
    SHOWS("\x80\2K\xff.", "255");
    SHOWS("\x80\2M\1\2.", "513");
    SHOWS("\x80\2J\xff\xff\xff\xff.", "-1");
    SHOWS("\x80\2J\xff\xff\xff\x7f.", "2147483647");
    SHOWS("\x80\2\x8a\0.", "0");
    SHOWS("\x80\2\x8a\1\x80.", "-128");
    SHOWS("\x80\2\x8a\2\x80\0.", "128");
    SHOWS("\x80\2\x8a\5\0\0\0\0\1.", "4294967296");
    SHOWS("\x80\2\x8a\x08\0\0\0\0\0\0\0\x80.", "-9223372036854775808");
    SHOWS("\x80\2\x8a\x09\0\0\0\0\0\0\0\x80\0.", "number:9");
    SHOWS("\x80\2\x8b\1\0\0\0\xfe.", "-2");
    SHOWS("\x80\2G\x3f\xf0\0\0\0\0\0\0.", "number:8");
    SHOWS("\x80\2(N\x88\x89t.", "(None,True,False)");
}
END_TEST

START_TEST(texts) {
    SHOWS("\x80\2X\3\0\0\0a\xc3\xa9.", "'a\xc3\xa9'");
    SHOWS("\x80\2U\2ab.", "'ab'");
    SHOWS("\x80\2T\2\0\0\0ab.", "'ab'");
    SHOWS("\x80\4\x95\5\0\0\0\0\0\0\0\x8c\2ab.", "'ab'");
    SHOWS("\x80\4\x8d\2\0\0\0\0\0\0\0ab.", "'ab'");
    SHOWS("\x80\3C\2ab.", "'ab'");
    SHOWS("\x80\3B\2\0\0\0ab.", "'ab'");
    SHOWS("\x80\5\x8e\2\0\0\0\0\0\0\0ab.", "'ab'");
    SHOWS("\x80\2X\0\0\0\0.", "''");
    ck_assert(rn_pickle_is(&pickle, &pickle.objects[root], ""));
    ck_assert(!rn_pickle_is(&pickle, &pickle.objects[root], "a"));
}
END_TEST

START_TEST(containers) {
    SHOWS("\x80\2).", "()");
    SHOWS("\x80\2K\1\x85.", "(1)");
    SHOWS("\x80\2K\1K\2\x86.", "(1,2)");
    SHOWS("\x80\2K\1K\2K\3\x87.", "(1,2,3)");
    SHOWS("\x80\2(K\1(K\2tK\3t.", "(1,(2),3)");
    SHOWS("\x80\2(t.", "()");
    SHOWS("\x80\2].", "[]");
    SHOWS("\x80\2]K\1a(K\2K\3e(eK\4a.", "[1,2,3,4]");
    SHOWS("\x80\2}.", "{}");
    SHOWS("\x80\2}K\1K\2s(K\3]K\5}u(u.", "{1:2,3:[],5:{}}");
}
END_TEST

START_TEST(the_stack) {
    SHOWS("\x80\2K\1K\2"
          "0.",
          "1");
    SHOWS("\x80\2K\1(K\2K\3"
          "1.",
          "1");
    SHOWS("\x80\2(0K\1.", "1"); /* a mark is taken off as well */
}
END_TEST

START_TEST(the_memo) {
    SHOWS("\x80\2]q\0K\1q\1ah\1ah\0"
          "0.",
          "[1,1]");
    SHOWS("\x80\2]r\0\0\0\0j\0\0\0\0"
          "0.",
          "[]");
    SHOWS("\x80\4]\x94K\7\x94"
          "ah\1a.",
          "[7,7]");
    SHOWS("\x80\2K\1q\3K\2q\3"
          "0"
          "0h\3.",
          "2"); /* with gaps, and again */
    refused("\x80\2K\1q\3h\2.", 8,
            "FILE: offset 1006: opcode BINGET fits not what is before it: damaged");
}
END_TEST

#define DICT                                                                                       \
    "\x80\2"                                                                                       \
    "ccollections\nOrderedDict\n"

START_TEST(dictionaries_of_torch) {
    SHOWS("\x80\2ccollections\nOrderedDict\n)R.", "{}");
    SHOWS("\x80\2ccollections\nOrderedDict\n)R(K\1K\2u}X\1\0\0\0aK\3sb.", "{1:2}");
    SHOWS(DICT "]\x85R.", "{}"); /* of Python 2 */
    SHOWS(DICT "](](U\1aK\1e(U\1bK\2te\x85R}b.", "{'a':1,'b':2}");
    SHOWS("\x80\4\x8c\x0b"
          "collections\x8c\x0bOrderedDict\x93)R.",
          "{}");
}
END_TEST

#define STORAGE                                                                                    \
    "(X\7\0\0\0storagectorch\nHalfStorage\nX\1\0\0\0"                                              \
    "7X\3\0\0\0cpuK\6tQ"
#define OLDER                                                                                      \
    "(X\7\0\0\0storagectorch\nHalfStorage\nX\1\0\0\0"                                              \
    "7X\3\0\0\0cpuK\6NtQ"

START_TEST(tensors_of_torch) {
    SHOWS("\x80\2" STORAGE ".", "S'storage',class,'7','cpu',6S");
    SHOWS("\x80\2" OLDER ".", "S'storage',class,'7','cpu',6,NoneS");
    SHOWS("\x80\2"
          "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0K\6\x85K\1\x85\x89NtR.",
          "TS'storage',class,'7','cpu',6S,0,(6),(1),False,NoneT");
    uint32_t item = pickle.objects[root].first;
    item = rn_pickle_item(&pickle, &item)->first;
    (void)rn_pickle_item(&pickle, &item);
    ck_assert_int_eq(rn_pickle_dtype(rn_pickle_item(&pickle, &item)), RN_F16);
    SHOWS("\x80\2"
          "ctorch._utils\n_rebuild_parameter\nctorch._utils\n_rebuild_tensor\n(" STORAGE
          "tR\x88N\x87R.",
          "TS'storage',class,'7','cpu',6ST");
    SHOWS("\x80\2"
          "ctorch.nn.parameter\nParameter\nctorch._utils\n_rebuild_tensor\n(" STORAGE
          "tR\x88\x86R.",
          "TS'storage',class,'7','cpu',6ST");
}
END_TEST

START_TEST(types_of_storages) {
    static const struct {
        const char *name;
        rn_dtype dtype;
    } types[] = {{"Float", RN_F32}, {"Half", RN_F16}, {"BFloat16", RN_BF16}, {"Double", RN_F64},
                 {"Long", RN_I64},  {"Int", RN_I32},  {"Short", RN_I16},     {"Char", RN_I8},
                 {"Byte", RN_U8},   {"Bool", RN_BOOL}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char program[64];
        snprintf(program, sizeof program,
                 "\x80\2"
                 "ctorch\n%sStorage\n.",
                 types[i].name);
        ck_assert_int_eq(rn_pickle_dtype(ran(program, strlen(program))), types[i].dtype);
    }
}
END_TEST

START_TEST(one_pickle_behind_another) {
    static const char both[] = "\x80\2K\1q\0.\x80\2]h\0.";
    ck_assert_int_eq(run(both, sizeof both - 1), RN_OK);
    ck_assert_uint_eq(pickle.at, 7);
    ck_assert_str_eq(shown(&pickle.objects[root]), "1");
    ck_assert_int_eq(rn_pickle_next(&pickle, &root), RN_EINPUT); /* each has a memo of its own */
    ck_assert_str_eq(rn_error_text(),
                     "FILE: offset 1010: opcode BINGET fits not what is before it: damaged");
}
END_TEST

/* ---- what is not ---- */

#define ALONE ": only tensors, dictionaries, numbers and strings are read"

START_TEST(refuses_opcodes) {
    static const struct {
        uint8_t byte;
        const char *name;
    } opcodes[] = {{'2', "DUP"},         {'F', "FLOAT"},        {'I', "INT"},
                   {'L', "LONG"},        {'P', "PERSID"},       {'S', "STRING"},
                   {'V', "UNICODE"},     {'d', "DICT"},         {'g', "GET"},
                   {'i', "INST"},        {'l', "LIST"},         {'o', "OBJ"},
                   {'p', "PUT"},         {0x81, "NEWOBJ"},      {0x82, "EXT1"},
                   {0x83, "EXT2"},       {0x84, "EXT4"},        {0x8f, "EMPTY_SET"},
                   {0x90, "ADDITEMS"},   {0x91, "FROZENSET"},   {0x92, "NEWOBJ_EX"},
                   {0x96, "BYTEARRAY8"}, {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"}};
    for (size_t i = 0; i < sizeof opcodes / sizeof *opcodes; i++) {
        uint8_t program[] = {0x80, 2, '(', opcodes[i].byte, '1', '\n', '.'};
        char text[200];
        snprintf(text, sizeof text, "FILE: offset 1003: an opcode %s" ALONE, opcodes[i].name);
        refused(program, sizeof program, text);
    }
}
END_TEST

/* Every byte is an opcode of the two lists or no opcode at all. */
START_TEST(refuses_what_is_no_opcode) {
    int n = 0;
    for (int byte = 0; byte < 256; byte++) {
        const uint8_t program[] = {0x80, 2, (uint8_t)byte};
        char text[100];
        snprintf(text, sizeof text, "FILE: offset 1002: 0x%02x is no opcode of a pickle: damaged",
                 (unsigned)byte);
        ck_assert_int_eq(run(program, sizeof program), RN_EINPUT);
        n += strcmp(rn_error_text(), text) == 0;
    }
    ck_assert_int_eq(n, 256 - 68); /* pickletools knows 68 */
    REFUSED("\x80\1N.", "FILE: offset 1000: pickle protocol 1, want 2 to 5");
    REFUSED("\x80\6N.", "FILE: offset 1000: pickle protocol 6, want 2 to 5");
}
END_TEST

START_TEST(refuses_globals) {
    char program[600], text[600], name[300];
    REFUSED("\x80\2"
            "cos\nsystem\n(X\4\0\0\0echotR.",
            "FILE: offset 1002: a global os.system" ALONE);
    REFUSED("\x80\2"
            "cposix\nsystem\n.",
            "FILE: offset 1002: a global posix.system" ALONE);
    REFUSED("\x80\2"
            "c__builtin__\neval\n.",
            "FILE: offset 1002: a global __builtin__.eval" ALONE);
    REFUSED("\x80\2Nctorch\nFloatStorag\n.", "FILE: offset 1003: a global torch.FloatStorag" ALONE);
    REFUSED("\x80\2"
            "ctorch\nFloatStorages\n.",
            "FILE: offset 1002: a global torch.FloatStorages" ALONE);
    REFUSED("\x80\2"
            "ctorc\nFloatStorage\n.",
            "FILE: offset 1002: a global torc.FloatStorage" ALONE);
    REFUSED("\x80\2"
            "c\n\n.",
            "FILE: offset 1002: a global ." ALONE);
    REFUSED("\x80\2"
            "ca\x1b[31m\nb\rc\n.",
            "FILE: offset 1002: a global a?[31m.b?c" ALONE);
    REFUSED("\x80\4\x8c\2os\x8c\6system\x93.", "FILE: offset 1014: a global os.system" ALONE);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(program, sizeof program,
             "\x80\2"
             "cm\n%s\n.",
             name);
    snprintf(text, sizeof text, "FILE: offset 1002: a global m.%.100s" ALONE, name);
    refused(program, strlen(program), text);
}
END_TEST

START_TEST(refuses_other_calls) {
    static const char reduce[] = " an opcode REDUCE of other arguments than torch.save's" ALONE;
    static const char persid[] = " an opcode BINPERSID of other arguments than torch.save's" ALONE;
    char text[200];
    snprintf(text, sizeof text, "FILE: offset 1032:%s", reduce);
    REFUSED(DICT "]K\1a\x85R.", text); /* a list, but not of pairs */
    snprintf(text, sizeof text, "FILE: offset 1034:%s", reduce);
    REFUSED(DICT "]]K\1aa\x85R.", text);
    snprintf(text, sizeof text, "FILE: offset 1038:%s", reduce);
    REFUSED(DICT "](K\1K\2K\3\x87"
                 "e\x85R.",
            text);
    snprintf(text, sizeof text, "FILE: offset 1030:%s", reduce);
    REFUSED(DICT "])\x86R.", text);
    snprintf(text, sizeof text, "FILE: offset 1029:%s", reduce);
    REFUSED(DICT ")\x85R.", text);
    snprintf(text, sizeof text, "FILE: offset 1023:%s", reduce);
    REFUSED("\x80\2"
            "ctorch\nFloatStorage\n)R.",
            text);
    snprintf(text, sizeof text, "FILE: offset 1036:%s", reduce);
    REFUSED("\x80\2"
            "ctorch._utils\n_rebuild_tensor_v2\n)R.",
            text);
    snprintf(text, sizeof text, "FILE: offset 1037:%s", reduce);
    REFUSED("\x80\2"
            "ctorch._utils\n_rebuild_parameter\n]\x85R.",
            text);
    REFUSED("\x80\2]}b.",
            "FILE: offset 1004: an opcode BUILD for another than an OrderedDict" ALONE);
#define ID(literal)                                                                                \
    { literal, sizeof literal - 1 }
    static const struct {
        const char *program;
        size_t size;
    } ids[] = {ID("K\1"),
               ID("]"),
               ID(")"),
               ID("(X\7\0\0\0storaget"),
               ID("(X\6\0\0\0modulectorch\nHalfStorage\nX\1\0\0\0"
                  "7X\3\0\0\0cpuK\6t"),
               ID("(X\7\0\0\0storageccollections\nOrderedDict\nX\1\0\0\0"
                  "7X\3\0\0\0cpuK\6t"),
               ID("(X\7\0\0\0storageX\1\0\0\0fX\1\0\0\0"
                  "7X\3\0\0\0cpuK\6t"),
               ID("(X\7\0\0\0storagectorch\nHalfStorage\nK\7X\3\0\0\0cpuK\6t"),
               ID("(X\7\0\0\0storagectorch\nHalfStorage\nX\1\0\0\0"
                  "7NK\6t"),
               ID("(X\7\0\0\0storagectorch\nHalfStorage\nX\1\0\0\0"
                  "7X\3\0\0\0cpuNt"),
               ID("(X\7\0\0\0storagectorch\nHalfStorage\nX\1\0\0\0"
                  "7X\3\0\0\0cpuJ\xff\xff\xff\xfft"),
               ID("(X\7\0\0\0storagectorch\nHalfStorage\nX\1\0\0\0"
                  "7X\3\0\0\0cpuK\6)t"), /* a view */
               ID("(X\7\0\0\0storagectorch\nHalfStorage\nX\1\0\0\0"
                  "7X\3\0\0\0cpuK\6NNt")};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        uint8_t program[100] = {0x80, 2};
        memcpy(program + 2, ids[i].program, ids[i].size);
        program[2 + ids[i].size] = 'Q';
        snprintf(text, sizeof text, "FILE: offset %zu:%s", 1002 + ids[i].size, persid);
        refused(program, 3 + ids[i].size, text);
    }
}
END_TEST

/* What no pickler writes. */
START_TEST(refuses_misfits) {
    static const struct {
        const char *program;
        size_t size, at;
        const char *name;
    } cases[] = {{"0", 1, 0, "POP"},
                 {"1", 1, 0, "POP_MARK"},
                 {"N1", 2, 1, "POP_MARK"},
                 {"t", 1, 0, "TUPLE"},
                 {"Nt", 2, 1, "TUPLE"},
                 {"\x85", 1, 0, "TUPLE1"},
                 {"(\x85", 2, 1, "TUPLE1"},
                 {"N\x86", 2, 1, "TUPLE2"},
                 {"N(N\x86", 4, 3, "TUPLE2"},
                 {"NN\x87", 3, 2, "TUPLE3"},
                 {"a", 1, 0, "APPEND"},
                 {"Na", 2, 1, "APPEND"},
                 {"](a", 3, 2, "APPEND"},
                 {"}Na", 3, 2, "APPEND"},
                 {"e", 1, 0, "APPENDS"},
                 {"]Ne", 3, 2, "APPENDS"},
                 {"(Ne", 3, 2, "APPENDS"},
                 {"}(Ne", 4, 3, "APPENDS"},
                 {"N(e", 3, 2, "APPENDS"},
                 {"s", 1, 0, "SETITEM"},
                 {"}Ns", 3, 2, "SETITEM"},
                 {"]NNs", 4, 3, "SETITEM"},
                 {"}(Ns", 4, 3, "SETITEM"},
                 {"u", 1, 0, "SETITEMS"},
                 {"}(Nu", 4, 3, "SETITEMS"},
                 {"](NNu", 5, 4, "SETITEMS"},
                 {"}NNu", 4, 3, "SETITEMS"},
                 {"q\0", 2, 0, "BINPUT"},
                 {"(q\0", 3, 1, "BINPUT"},
                 {"r\0\0\0\0", 5, 0, "LONG_BINPUT"},
                 {"\x94", 1, 0, "MEMOIZE"},
                 {"h\0", 2, 0, "BINGET"},
                 {"j\0\0\0\0", 5, 0, "LONG_BINGET"},
                 {"\x93", 1, 0, "STACK_GLOBAL"},
                 {"X\0\0\0\0\x93", 6, 5, "STACK_GLOBAL"},
                 {"NX\0\0\0\0\x93", 7, 6, "STACK_GLOBAL"},
                 {"R", 1, 0, "REDUCE"},
                 {")R", 2, 1, "REDUCE"},
                 {"N)R", 3, 2, "REDUCE"},
                 {"ccollections\nOrderedDict\nNR", 27, 26, "REDUCE"},
                 {"b", 1, 0, "BUILD"},
                 {"}b", 2, 1, "BUILD"},
                 {"}(b", 3, 2, "BUILD"},
                 {"Q", 1, 0, "BINPERSID"},
                 {"(Q", 2, 1, "BINPERSID"},
                 {".", 1, 0, "STOP"},
                 {"(.", 2, 1, "STOP"},
                 {"NN.", 3, 2, "STOP"},
                 {"(N.", 3, 2, "STOP"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[100];
        snprintf(text, sizeof text,
                 "FILE: offset %zu: opcode %s fits not what is before it: damaged",
                 BASE + cases[i].at, cases[i].name);
        refused(cases[i].program, cases[i].size, text);
    }
}
END_TEST

/* Every beginning of a pickle with an opcode of each length. */
START_TEST(refuses_what_is_cut_off) {
    static const char whole[] =
        "\x80\4\x95\0\0\0\0\0\0\0\0(K\1M\1\2J\1\2\3\4\x8a\2\1\2\x8b\2\0\0\0\1\2G\0\0\0\0\0\0\0\0"
        "U\1aT\1\0\0\0aX\1\0\0\0a\x8c\1a\x8d\1\0\0\0\0\0\0\0aC\1aq\0r\1\0\0\0h\0j\1\0\0\0"
        "ccollections\nOrderedDict\nt.";
    (void)RAN(whole);
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char text[100];
        ck_assert_int_eq(run(whole, n), RN_EINPUT);
        snprintf(text, sizeof text, "FILE: offset %zu: the pickle ends within: cut off",
                 BASE + pickle.opcode);
        ck_assert_str_eq(rn_error_text(), text);
        ck_assert_uint_le(pickle.opcode, n);
    }
}
END_TEST

/* ---- bombs ---- */

/* Lengths that the file has not. */
START_TEST(refuses_lengths) {
    static const char text[] = "FILE: offset 1002: the pickle ends within: cut off";
    REFUSED("\x80\2X\xff\xff\xff\xffzz.", text);
    REFUSED("\x80\2T\xff\xff\xff\xffzz.", text);
    REFUSED("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xffzz.", text);
    REFUSED("\x80\4\x8e\xff\xff\xff\xff\xff\xff\xff\x7fzz.", text);
    REFUSED("\x80\2\x8b\xff\xff\xff\xffzz.", text);
    REFUSED("\x80\2Nr\xff\xff\xff\xff.",
            "FILE: offset 1003: opcode LONG_BINPUT fits not what is before it: damaged");
    REFUSED("\x80\2Nr\4\0\0\0.",
            "FILE: offset 1003: opcode LONG_BINPUT fits not what is before it: damaged");
}
END_TEST

/* A list of two of the one before, sixty times: 2^60 items for whoever copies. */
START_TEST(a_doubled_list_costs_nothing) {
    made m = {0};
    add_raw(&m, "\x80\2]q");
    add_little(&m, 0, 1);
    for (int i = 1; i <= 60; i++) {
        add_raw(&m, "](h");
        add_little(&m, (uint64_t)i - 1, 1);
        add_raw(&m, "h");
        add_little(&m, (uint64_t)i - 1, 1);
        add_raw(&m, "eq");
        add_little(&m, (uint64_t)i, 1);
    }
    add_raw(&m, "\x86"); /* of the last two, over and over again */
    for (int i = 0; i < 59; i++) add_raw(&m, "\x86");
    add_raw(&m, ".");
    const size_t before = allocated_bytes;
    (void)ran(m.data, m.size);
    if (COUNTS_ALLOCATIONS) ck_assert_uint_le(allocated_bytes - before, 128 * m.size);
    ck_assert_uint_eq(pickle.n_objects, 61 + 60);
    ck_assert_uint_eq(pickle.n_items, 2 * 60 + 2 * 60);
    made_free(&m);
}
END_TEST

/* The only items that are copied are those of pairs: a thousand pairs of two bytes, a thousand
 * times of six bytes. */
START_TEST(a_list_of_pairs_is_not_copied_for_ever) {
    made m = {0};
    char text[200];
    add_raw(&m, DICT);
    add(&m, "q\1](K\1K\2\x86q\2", 11);
    for (int i = 0; i < 1000; i++) add_raw(&m, "h\2");
    add(&m,
        "e\x85q\3"
        "0",
        5);
    for (int i = 0; i < 1000; i++) add_raw(&m, "h\1h\3R0");
    add_raw(&m, ".");
    ck_assert_int_eq(run(m.data, m.size), RN_EINPUT);
    snprintf(text, sizeof text,
             "FILE: offset %zu: an opcode REDUCE of other arguments than torch.save's" ALONE,
             BASE + pickle.opcode);
    ck_assert_str_eq(rn_error_text(), text);
    ck_assert_uint_le(pickle.n_items, pickle.at);
    made_free(&m);
}
END_TEST

/* Nested as deep as there are bytes; nothing recurses. */
START_TEST(a_million_nested_lists) {
    enum { N = 1000000 };
    made m = {0};
    add_raw(&m, "\x80\2");
    for (int i = 0; i < N; i++) add_raw(&m, "]");
    for (int i = 1; i < N; i++) add_raw(&m, "a");
    add_raw(&m, ".");
    (void)ran(m.data, m.size);
    ck_assert_uint_eq(pickle.n_objects, N);
    ck_assert_uint_eq(pickle.n_items, N - 1);
    made_free(&m);
}
END_TEST

START_TEST(refuses_a_huge_pickle) {
    enum { LIMIT = 4 << 20 };
    static const char *const bytes[] = {"]", "(", "N"};
    for (int i = 0; i < 3; i++) {
        made m = {0};
        char text[100];
        add_raw(&m, "\x80\2");
        while (m.size < LIMIT + 10) add_raw(&m, bytes[i]);
        const size_t before = allocated_bytes;
        snprintf(text, sizeof text, "FILE: offset %d: a pickle of over 4194304 bytes",
                 BASE + LIMIT);
        refused(m.data, m.size, text);
        if (COUNTS_ALLOCATIONS) ck_assert_uint_le(allocated_bytes - before, 64 * m.size);
        m.size = LIMIT - 1; /* one that has this length is none too many */
        add_raw(&m, ".");
        snprintf(text, sizeof text,
                 "FILE: offset %d: opcode STOP fits not what is before it: damaged",
                 BASE + LIMIT - 1);
        refused(m.data, m.size, text);
        made_free(&m);
    }
}
END_TEST

static void close_pickle(void) {
    rn_pickle_close(&pickle);
    ck_assert_ptr_null(pickle.objects);
}

int main(void) {
    Suite *suite = suite_create("pickle");
    TCase *tests = tcase_create("pickle");
    tcase_add_checked_fixture(tests, NULL, close_pickle);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, numbers);
    tcase_add_test(tests, texts);
    tcase_add_test(tests, containers);
    tcase_add_test(tests, the_stack);
    tcase_add_test(tests, the_memo);
    tcase_add_test(tests, dictionaries_of_torch);
    tcase_add_test(tests, tensors_of_torch);
    tcase_add_test(tests, types_of_storages);
    tcase_add_test(tests, one_pickle_behind_another);
    tcase_add_test(tests, refuses_opcodes);
    tcase_add_test(tests, refuses_what_is_no_opcode);
    tcase_add_test(tests, refuses_globals);
    tcase_add_test(tests, refuses_other_calls);
    tcase_add_test(tests, refuses_misfits);
    tcase_add_test(tests, refuses_what_is_cut_off);
    tcase_add_test(tests, refuses_lengths);
    tcase_add_test(tests, a_doubled_list_costs_nothing);
    tcase_add_test(tests, a_list_of_pairs_is_not_copied_for_ever);
    tcase_add_test(tests, a_million_nested_lists);
    tcase_add_test(tests, refuses_a_huge_pickle);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
