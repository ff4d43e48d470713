/* Files of torch.save: what is read from both formats, and all that is refused. */
#include "count_allocations.h"
#include "model/torch_file.h"
#include "suite.h"
#include "torch_files.h"

static rn_tensor_file tensors;
static made object; /* the pickle of the file being made */
static const float six[] = {1, 2, 3, 4, 5, 6};
static const made_storage one_storage[] = {{"0", six, 6, 4}};

static rn_status open_made(void) {
    rn_tensor_file_close(&tensors);
    return rn_tensor_file_open(&tensors, temp_path("a.pth"));
}

static void opened(void) {
    ck_assert_msg(open_made() == RN_OK, "%s", rn_error_text());
}

/* a.pth is refused with "FILE: " and `text`, and leaves nothing behind. */
static void refused(const char *text) {
    char want[600];
    snprintf(want, sizeof want, "%s: %s", temp_path("a.pth"), text);
    ck_assert_int_eq(open_made(), RN_EINPUT);
    ck_assert_str_eq(rn_error_text(), want);
    ck_assert_ptr_null(tensors.bytes);
    ck_assert_ptr_null(tensors.tensors);
    ck_assert_uint_eq(tensors.n_tensors, 0);
}

/* ---- objects ---- */

static void begin(void) {
    made_free(&object);
    begin_dict(&object);
}

static void put_tensor(const char *name, const made_tensor *t) {
    add_text(&object, name);
    add_tensor(&object, t);
}

/* A view of storage "0" of six floats, with one dimension. */
static made_tensor view(size_t n, bool older) {
    return (made_tensor){"FloatStorage", "0", 6, 0, 1, {n}, {1}, older};
}

static void finish(bool older, const made_storage *storages, int n) {
    end_dict(&object);
    (older ? save_older : save_zip)("a.pth", &object, storages, n);
}

/* The numbers of a tensor: F32, F16, BF16 and F64 alone. */
static void check_numbers(const char *name, size_t n, const double *want) {
    const rn_tensor *t = rn_tensor_file_find(&tensors, name);
    real numbers[64];
    ck_assert_msg(t != NULL, "%s is missing", name);
    ck_assert_uint_eq(t->count, n);
    ck_assert(rn_tensor_reals(numbers, t));
    for (size_t i = 0; i < n; i++) ck_assert_double_eq((double)numbers[i], want[i]);
}

#define NUMBERS(name, ...)                                                                         \
    check_numbers(name, sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

/* ---- literal files ---- */

/* torch.save({'w': torch.tensor([1., 2.])}) of PyTorch 1.13, in the older format. */
START_TEST(reads_a_literal_older_file) {
    static const char file[] =
        "\x80\2\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M\xe9\3.\x80\2}q\0(X\x10\0\0\0"
        "protocol_versionq\1M\xe9\3X\x0d\0\0\0little_endianq\2\x88X\x0a\0\0\0type_sizesq\3}q\4("
        "X\5\0\0\0shortq\5K\2X\3\0\0\0intq\6K\4X\4\0\0\0longq\7K\4uu.\x80\2}q\0X\1\0\0\0wq\1c"
        "torch._utils\n_rebuild_tensor_v2\nq\2((X\7\0\0\0storageq\3ctorch\nFloatStorage\nq\4"
        "X\x09\0\0\0"
        "123456789q\5X\3\0\0\0cpuq\6K\2Ntq\7QK\0K\2\x85q\x08K\1\x85q\x09\x89"
        "ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds.\x80\2]q\0X\x09\0\0\0"
        "123456789q\1"
        "a.\2\0\0\0\0\0\0\0\0\0\x80\x3f\0\0\0\x40";
    temp_bytes("a.pth", file, sizeof file - 1);
    opened();
    ck_assert_uint_eq(tensors.n_tensors, 1);
    ck_assert_uint_eq(tensors.n_metadata, 0);
    ck_assert(tensors.torch && !tensors.verified);
    const rn_tensor *w = rn_tensor_file_find(&tensors, "w");
    ck_assert(w && w->dtype == RN_F32 && w->n_dims == 1 && w->dims[0] == 2 && !w->strided);
    ck_assert_uint_eq(w->offset, sizeof file - 1 - 8);
    NUMBERS("w", 1, 2);
}
END_TEST

START_TEST(reads_a_literal_zip_file) {
    static const char pickle[] =
        "\x80\2}q\0X\1\0\0\0wq\1ctorch._utils\n_rebuild_tensor_v2\nq\2((X\7\0\0\0storageq\3c"
        "torch\nFloatStorage\nq\4X\1\0\0\0"
        "0q\5X\3\0\0\0cpuq\6K\2tq\7QK\0K\2\x85q\x08K\1\x85q\x09"
        "\x89"
        "ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds.";
    made_zip z = {0};
    zip_add(&z, "x.y/data.pkl", pickle, sizeof pickle - 1);
    zip_add(&z, "x.y/data/0", "\0\0\x80\x3f\0\0\0\x40", 8);
    zip_add(&z, "x.y/version", "3\n", 2);
    zip_add(&z, "x.y/byteorder", "little", 6);
    zip_add(&z, "x.y/.data/serialization_id", "0123", 4);
    zip_end(&z);
    temp_bytes("a.pth", z.file.data, z.file.size);
    zip_free(&z);
    opened();
    ck_assert_uint_eq(tensors.n_tensors, 1);
    ck_assert(tensors.torch && tensors.verified);
    const rn_tensor *w = rn_tensor_file_find(&tensors, "w");
    ck_assert(w && w->dtype == RN_F32 && w->n_dims == 1 && w->dims[0] == 2 && !w->strided);
    ck_assert_uint_eq(w->offset % 64, 0);
    NUMBERS("w", 1, 2);
}
END_TEST

/* What PyTorch 1.13.1 wrote: a zip file with sizes behind the data and a 64-bit end, and the same
 * in the older format. */
START_TEST(reads_fixtures) {
    static const char *const names[] = {RN_TESTS "/fixtures/torch_zip.pth",
                                        RN_TESTS "/fixtures/torch_older.pth"};
    for (int i = 0; i < 2; i++) {
        rn_tensor_file_close(&tensors);
        ck_assert_msg(rn_tensor_file_open(&tensors, names[i]) == RN_OK, "%s", rn_error_text());
        ck_assert_uint_eq(tensors.n_tensors, 4);
        NUMBERS("a.weight", 0, 1, 2, 3, 4, 5);
        NUMBERS("half", 1.5, -2);
        NUMBERS("turned", 0, 3, 1, 4, 2, 5);
        const rn_tensor *n = rn_tensor_file_find(&tensors, "n");
        ck_assert(n && n->dtype == RN_I64 && n->n_dims == 0);
        ck_assert_uint_eq(rn_little_endian(n->data, 8), 7);
        ck_assert(tensors.verified == (i == 0));
    }
}
END_TEST

/* ---- what is read ---- */

START_TEST(every_type) {
    static const struct {
        const char *type;
        rn_dtype dtype;
        uint8_t bytes[8]; /* of 3 */
        bool is_real;
    } types[] = {{"FloatStorage", RN_F32, {0, 0, 0x40, 0x40}, true},
                 {"HalfStorage", RN_F16, {0, 0x42}, true},
                 {"BFloat16Storage", RN_BF16, {0x40, 0x40}, true},
                 {"DoubleStorage", RN_F64, {0, 0, 0, 0, 0, 0, 8, 0x40}, true},
                 {"LongStorage", RN_I64, {3}, false},
                 {"IntStorage", RN_I32, {3}, false},
                 {"ShortStorage", RN_I16, {3}, false},
                 {"CharStorage", RN_I8, {3}, false},
                 {"ByteStorage", RN_U8, {3}, false},
                 {"BoolStorage", RN_BOOL, {1}, false}};
    for (int i = 0; i < 20; i++) {
        const bool older = i % 2;
        const size_t size = rn_dtype_size(types[i / 2].dtype);
        const made_tensor t = {types[i / 2].type, "k", 1, 0, 0, {0}, {0}, older}; /* a scalar */
        const made_storage s = {"k", types[i / 2].bytes, 1, size};
        real number;
        begin();
        put_tensor("t", &t);
        finish(older, &s, 1);
        opened();
        const rn_tensor *read = rn_tensor_file_find(&tensors, "t");
        ck_assert(read && read->count == 1 && read->n_dims == 0);
        ck_assert_int_eq(read->dtype, types[i / 2].dtype);
        ck_assert_mem_eq(read->data, types[i / 2].bytes, size);
        ck_assert(rn_tensor_reals(&number, read) == types[i / 2].is_real);
        if (types[i / 2].is_real) ck_assert(number == 3);
    }
}
END_TEST

/* Views of one storage: numbers 1 to 6, in any order. */
START_TEST(views) {
    for (int older = 0; older < 2; older++) {
        begin();
        put_tensor("plain", &(made_tensor){"FloatStorage", "0", 6, 0, 2, {2, 3}, {3, 1}, older});
        put_tensor("turned", &(made_tensor){"FloatStorage", "0", 6, 0, 2, {3, 2}, {1, 3}, older});
        put_tensor("part", &(made_tensor){"FloatStorage", "0", 6, 2, 1, {3}, {1}, older});
        put_tensor("steps", &(made_tensor){"FloatStorage", "0", 6, 1, 1, {3}, {2}, older});
        put_tensor("one",
                   &(made_tensor){"FloatStorage", "0", 6, 5, 3, {1, 1, 1}, {9, 9, 9}, older});
        put_tensor("thin", &(made_tensor){"FloatStorage", "0", 6, 0, 2, {6, 1}, {1, 77}, older});
        put_tensor("none", &(made_tensor){"FloatStorage", "0", 6, 6, 2, {0, 7}, {7, 1}, older});
        put_tensor("last", &(made_tensor){"FloatStorage",
                                          "0",
                                          6,
                                          0,
                                          4,
                                          {1, 3, 1, 2},
                                          {6, 1, 6, 3},
                                          older}); /* channels last */
        finish(older, one_storage, 1);
        opened();
        ck_assert_uint_eq(tensors.n_tensors, 8);
        NUMBERS("plain", 1, 2, 3, 4, 5, 6);
        NUMBERS("turned", 1, 4, 2, 5, 3, 6);
        NUMBERS("part", 3, 4, 5);
        NUMBERS("steps", 2, 4, 6);
        NUMBERS("one", 6);
        NUMBERS("thin", 1, 2, 3, 4, 5, 6);
        NUMBERS("last", 1, 4, 2, 5, 3, 6);
        ck_assert_uint_eq(rn_tensor_file_find(&tensors, "none")->count, 0);
        static const char *const strided[] = {"turned", "steps", "last"};
        size_t n = 0;
        for (size_t i = 0; i < tensors.n_tensors; i++) n += tensors.tensors[i].strided;
        ck_assert_uint_eq(n, 3);
        for (int i = 0; i < 3; i++) ck_assert(rn_tensor_file_find(&tensors, strided[i])->strided);
        ck_assert_uint_eq(rn_tensor_place(rn_tensor_file_find(&tensors, "turned"), 3), 4);
        ck_assert_ptr_eq(rn_tensor_file_find(&tensors, "plain")->data, /* shared, not copied */
                         rn_tensor_file_find(&tensors, "turned")->data);
    }
}
END_TEST

/* What torch.save writes beside the tensors, and what trainings put there. */
START_TEST(state_dicts_in_checkpoints) {
    static const char *const names[] = {"state_dict", "model", "model_state_dict"};
    for (int i = 0; i < 6; i++) {
        const bool older = i % 2;
        const made_tensor t = view(6, older);
        made_free(&object);
        add_raw(&object, "}(");
        add_text(&object, "epoch");
        add_int(&object, 7);
        add_text(&object, "optimizer");
        add_raw(&object, "}(");
        add_text(&object, "state");
        add_raw(&object, "}(");
        add_int(&object, 0);
        add_tensor(&object, &t); /* under a number: no state dict */
        add_raw(&object, "uu");
        add_text(&object, names[i / 2]);
        begin_dict(&object);
        put_tensor("w", &t);
        add_text(&object, "none");
        add_raw(&object, "N");
        add_text(&object, "numbers");
        add_raw(&object, "](K\1K\2e");
        end_dict(&object);
        add_raw(&object, "}");
        add_text(&object, "_metadata");
        add_raw(&object, "ccollections\nOrderedDict\n)Rsb"); /* BUILD */
        add_text(&object, names[(i / 2 + 1) % 3]);           /* of another kind: no rival */
        add_text(&object, "a name");
        finish(older, one_storage, 1);
        opened();
        ck_assert_uint_eq(tensors.n_tensors, 1);
        NUMBERS("w", 1, 2, 3, 4, 5, 6);
    }
}
END_TEST

/* ---- what is no state dict ---- */

START_TEST(refuses_other_objects) {
    static const struct {
        const char *object;
        size_t size;
        const char *text;
    } cases[] = {
        {"N", 1, "offset 72: None, want a dictionary of tensors"},
        {"K\5", 2, "offset 72: a number, want a dictionary of tensors"},
        {"]", 1, "offset 72: a list, want a dictionary of tensors"},
        {")", 1, "offset 72: a tuple, want a dictionary of tensors"},
        {"\x88", 1, "offset 72: a bool, want a dictionary of tensors"},
        {"X\1\0\0\0a", 6, "offset 77: a text, want a dictionary of tensors"},
        {"ctorch\nFloatStorage\n", 20, "offset 72: a class, want a dictionary of tensors"},
        {"}", 1,
         "offset 72: no state dict: found nothing (want tensors, or a dictionary of them as "
         "state_dict, model or model_state_dict)"},
        {"}(X\1\0\0\0aK\1X\5\0\0\0model}u", 22,
         "offset 72: no state dict: found a, model (want tensors, or a dictionary of them as "
         "state_dict, model or model_state_dict)"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_free(&object);
        add(&object, cases[i].object, cases[i].size);
        save_older("a.pth", &object, NULL, 0);
        refused(cases[i].text);
    }
    made_free(&object);
    add_raw(&object, "}(");
    for (int i = 0; i < 12; i++) {
        char key[64];
        snprintf(key, sizeof key, "key %d%s", i, i ? "" : " with a name that is rather long");
        add_text(&object, key);
        add_raw(&object, "N");
    }
    finish(true, NULL, 0);
    refused("offset 72: no state dict: found key 0 with a name that is rath, key 1, key 2, key 3, "
            "key 4, key 5, key 6, key 7, key 8, key 9, ... (want tensors, or a dictionary of them "
            "as state_dict, model or model_state_dict)");
}
END_TEST

START_TEST(refuses_more_than_one_state_dict) {
    const made_tensor t = view(6, true);
    for (int own = 0; own < 2; own++) {
        made_free(&object);
        add_raw(&object, "}(");
        if (own) put_tensor("lr", &t);
        add_text(&object, "model");
        begin_dict(&object);
        put_tensor("w", &t);
        end_dict(&object);
        if (!own) {
            add_text(&object, "state_dict");
            begin_dict(&object);
            put_tensor("w", &t);
            end_dict(&object);
        }
        finish(true, one_storage, 1);
        refused(own ? "offset 72: more than one state dict: found tensors of its own, model: keep "
                      "one"
                    : "offset 72: more than one state dict: found state_dict, model: keep one");
    }
}
END_TEST

/* ---- tensors ---- */

/* A file whose one tensor, "t", is refused with `text` behind its place. */
static void refused_tensor(const made_tensor *t, const char *text) {
    char want[300];
    const char *place;
    begin();
    put_tensor("t", t);
    finish(t->older, one_storage, 1);
    ck_assert_int_eq(open_made(), RN_EINPUT);
    place = strstr(rn_error_text(), ": offset ");
    ck_assert_ptr_nonnull(place);
    snprintf(want, sizeof want, "offset %lu: %s", strtoul(place + 9, NULL, 10), text);
    refused(want);
}

START_TEST(refuses_wrong_views) {
    static const size_t huge = (size_t)1 << 62;
    static const char past[] = "tensor t: reaches past the 6 numbers of its storage";
    const struct {
        made_tensor t;
        const char *text;
    } cases[] = {
        {{"FloatStorage", "0", 6, 0, 1, {7}, {1}, 0}, past},
        {{"FloatStorage", "0", 6, 1, 1, {6}, {1}, 0}, past},
        {{"FloatStorage", "0", 6, 6, 1, {1}, {1}, 0}, past},
        {{"FloatStorage", "0", 6, 7, 1, {0}, {1}, 0}, past},
        {{"FloatStorage", "0", 6, -1, 1, {1}, {1}, 0}, past},
        {{"FloatStorage", "0", 6, INT64_MAX, 1, {1}, {1}, 0}, past},
        {{"FloatStorage", "0", 6, 0, 2, {2, 3}, {4, 1}, 0}, past},
        {{"FloatStorage", "0", 6, 0, 1, {3}, {3}, 0}, past},
        {{"FloatStorage", "0", 6, 0, 1, {3}, {huge}, 0}, past},
        {{"FloatStorage", "0", 6, 0, 2, {3, 3}, {huge, huge}, 0}, past},
        {{"FloatStorage", "0", 6, 0, 2, {5, 2}, {huge, 1}, 0}, past}, /* 4 * 2^62 is 0 */
        {{"FloatStorage", "0", 6, 0, 2, {huge, 8}, {0, 0}, 0},
         "tensor t: the product of its shape overflows"},
        {{"FloatStorage", "0", 6, 0, 1, {7}, {0}, 0},
         "tensor t: 7 numbers from a storage of 6: expanded, save its clone()"},
        {{"FloatStorage", "0", 6, 0, 2, {huge, 1}, {0, 0}, 0},
         "tensor t: 4611686018427387904 numbers from a storage of 6: expanded, save its clone()"},
        {{"FloatStorage",
          "0",
          6,
          0,
          9,
          {1, 1, 1, 1, 1, 1, 1, 1, 1},
          {1, 1, 1, 1, 1, 1, 1, 1, 1},
          0},
         "tensor t: want a shape of at most 8 sizes"},
        {{"FloatStorage", "0", 6, 0, 1, {SIZE_MAX}, {1}, 0},
         "tensor t: want a shape of at most 8 sizes"}, /* -1 */
        {{"FloatStorage", "0", 6, 0, 1, {2}, {SIZE_MAX}, 0},
         "tensor t: want a stride for each size"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_tensor t = cases[i].t;
        refused_tensor(&t, cases[i].text);
        t.older = true;
        refused_tensor(&t, cases[i].text);
    }
}
END_TEST

/* Its arguments are no tuple of the four. */
START_TEST(refuses_other_arguments) {
    static const struct {
        const char *arguments;
        size_t size;
        const char *text;
    } cases[] = {{"t", 1, "want a storage, an offset, sizes and strides"},
                 {"K\0)t", 4, "want a storage, an offset, sizes and strides"},
                 {"N))t", 4, "want a storage, an offset, sizes and strides"},
                 {"K\0])t", 5, "want a shape of at most 8 sizes"},
                 {"K\0N)t", 5, "want a shape of at most 8 sizes"},
                 {"K\0N\x85)t", 6, "want a shape of at most 8 sizes"},
                 {"K\0K\1\x85)t", 7, "want a stride for each size"},
                 {"K\0K\1\x85Nt", 7, "want a stride for each size"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const made_tensor t = view(1, true);
        char want[200];
        begin();
        add_text(&object, "t");
        add_raw(&object, "ctorch._utils\n_rebuild_tensor\n(");
        add_storage(&object, &t);
        add(&object, cases[i].arguments, cases[i].size);
        snprintf(want, sizeof want, "offset %zu: tensor t: %s", 72 + object.size, cases[i].text);
        add_raw(&object, "R");
        finish(true, one_storage, 1);
        refused(want);
    }
}
END_TEST

START_TEST(refuses_names) {
    const made_tensor t = view(6, true);
    begin();
    put_tensor("w", &t);
    put_tensor("v", &t);
    put_tensor("w", &t);
    finish(true, one_storage, 1);
    refused("offset 98: tensor w stands twice");
    begin();
    add(&object, "X\3\0\0\0a\0b", 8);
    add_tensor(&object, &t);
    finish(true, one_storage, 1);
    refused("offset 105: tensor a has a zero byte in its name");
}
END_TEST

/* One long text as the name of every tensor: no copies of it are made. */
START_TEST(refuses_a_name_for_all) {
    const made_tensor t = view(6, true);
    static char name[100001];
    memset(name, 'n', sizeof name - 1);
    begin();
    add_text(&object, name);
    add(&object, "q\0", 2);
    add_tensor(&object, &t);
    add(&object, "q\1", 2);
    for (int i = 0; i < 100000; i++) add(&object, "h\0h\1", 4);
    finish(true, one_storage, 1);
    const size_t before = allocated_bytes;
    ck_assert_int_eq(open_made(), RN_EINPUT);
    if (COUNTS_ALLOCATIONS) ck_assert_uint_le(allocated_bytes - before, 64 * object.size);
    char want[300];
    snprintf(want, sizeof want, "offset 105: tensor %.100s stands twice", name);
    refused(want);
}
END_TEST

/* ---- storages ---- */

START_TEST(refuses_wrong_storages) {
    made_tensor t = view(6, false);
    const made_storage five[] = {{"0", six, 5, 4}}, other[] = {{"1", six, 6, 4}};
    const made_storage twice[] = {{"0", six, 6, 4}, {"0", six, 6, 4}};
    const made_storage more[] = {{"0", six, 6, 4}, {"1", six, 6, 4}};
    char want[200];
    begin();
    put_tensor("w", &t);
    finish(false, other, 1);
    refused("offset 187: storage 0 is not in the file");
    begin();
    put_tensor("w", &t);
    finish(false, five, 1);
    refused("offset 320: storage 0: 20 bytes for 6 numbers of F32");
    begin();
    put_tensor("w", &t);
    finish(false, more, 2); /* of no tensor: torch.save writes none, others may */
    opened();
    t.older = true;
    begin();
    put_tensor("w", &t);
    const size_t keys = 72 + object.size + 6;
    finish(true, other, 1);
    snprintf(want, sizeof want, "offset %zu: a storage that no tensor has", keys + 5);
    refused(want);
    begin();
    put_tensor("w", &t);
    finish(true, one_storage, 0);
    refused("offset 194: storage 0 is not in the file");
    begin();
    put_tensor("w", &t);
    finish(true, five, 1);
    snprintf(want, sizeof want, "offset %zu: storage 0: 5 numbers, the pickle says 6", keys + 8);
    refused(want);
    begin();
    put_tensor("w", &t);
    finish(true, twice, 2);
    snprintf(want, sizeof want, "offset %zu: storage 0 stands twice", keys + 6 + 8 + 8 + 24);
    refused(want);
}
END_TEST

START_TEST(refuses_storages_described_twice) {
    for (int kind = 0; kind < 2; kind++) {
        made_tensor t = view(6, true), u = view(1, true);
        if (kind == 0)
            u.type = "IntStorage";
        else
            u.count = 5;
        begin();
        put_tensor("t", &t);
        put_tensor("u", &u);
        finish(true, one_storage, 1);
        ck_assert_int_eq(open_made(), RN_EINPUT);
        ck_assert_ptr_nonnull(
            strstr(rn_error_text(), ": storage 0 has another type or length elsewhere"));
    }
}
END_TEST

/* Numbers that the file has no room for, before anything is allocated for them. */
START_TEST(refuses_huge_storages) {
    static const int64_t counts[] = {INT64_MAX, (int64_t)1 << 62, 1000};
    for (int i = 0; i < 3; i++) {
        char want[200];
        made_tensor t = view(1, true);
        t.count = counts[i];
        begin();
        put_tensor("t", &t);
        finish(true, one_storage, 1);
        struct stat info;
        ck_assert_int_eq(stat(temp_path("a.pth"), &info), 0);
        const size_t before = allocated_bytes;
        ck_assert_int_eq(open_made(), RN_EINPUT);
        if (COUNTS_ALLOCATIONS) ck_assert_uint_le(allocated_bytes - before, 16384);
        snprintf(want, sizeof want,
                 "offset %d: storage 0: %lld numbers of F32 in a file of %lld bytes",
                 i == 2 ? 194 : 199, (long long)counts[i], (long long)info.st_size);
        refused(want);
    }
}
END_TEST

/* ---- the two formats ---- */

static uint8_t *read_made(size_t *size) {
    uint8_t *bytes;
    ck_assert_int_eq(rn_file_read(&bytes, size, temp_path("a.pth"), 1 << 20), RN_OK);
    return bytes;
}

/* Thousands of files are read from memory: no disk is that fast. */
static rn_status read_bytes(const uint8_t *bytes, size_t size) {
    rn_tensor_file_close(&tensors);
    tensors = (rn_tensor_file){.bytes = malloc(size + (size == 0)), .size = size};
    ck_assert_ptr_nonnull(tensors.bytes);
    memcpy(tensors.bytes, bytes, size);
    return rn_torch_read(&tensors, "FILE");
}

static void make_two(bool older) {
    static const uint8_t halves[] = {0, 0x3c, 0, 0xc0};
    const made_storage storages[] = {{"0", six, 6, 4}, {"1", halves, 2, 2}};
    begin();
    put_tensor("w", &(made_tensor){"FloatStorage", "0", 6, 0, 2, {3, 2}, {1, 3}, older});
    put_tensor("b", &(made_tensor){"HalfStorage", "1", 2, 0, 1, {2}, {1}, older});
    finish(older, storages, 2);
}

static void check_two(void) {
    ck_assert_uint_eq(tensors.n_tensors, 2);
    NUMBERS("w", 1, 4, 2, 5, 3, 6);
    NUMBERS("b", 1, -2);
}

START_TEST(refuses_every_truncation) {
    for (int older = 0; older < 2; older++) {
        make_two(older);
        size_t size;
        uint8_t *bytes = read_made(&size);
        for (size_t left = 2; left < size; left++) {
            ck_assert_int_eq(read_bytes(bytes, left), RN_EINPUT);
            ck_assert_int_eq(strncmp(rn_error_text(), "FILE: offset ", 13), 0);
        }
        if (older) {
            temp_bytes("a.pth", bytes, size - 1);
            snprintf((char *)bytes, 100, "offset %zu: storage 1 is cut off", size - 4);
            refused((char *)bytes);
        }
        free(bytes);
    }
}
END_TEST

/* A zip file's checksums see each bit of names, shapes and numbers: what is read is what was
 * written. */
START_TEST(no_flipped_bit_changes_a_zip_file) {
    make_two(false);
    size_t size, good = 0;
    uint8_t *bytes = read_made(&size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (bit >= 16 && read_bytes(bytes, size) == RN_OK) { /* else not torch.save's */
            check_two();
            good++;
        }
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_uint_gt(good, 0); /* padding, times, the version */
    free(bytes);
}
END_TEST

/* The older format has no checksum: a number may be another, but nothing worse comes of it. */
START_TEST(flipped_bits_of_an_older_file) {
    make_two(true);
    size_t size, good = 0;
    uint8_t *bytes = read_made(&size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (bit >= 16 && read_bytes(bytes, size) == RN_OK) { /* else not torch.save's */
            good++;
            ck_assert_uint_le(tensors.n_tensors, 2);
            for (size_t i = 0; i < tensors.n_tensors; i++) {
                real numbers[8];
                ck_assert_uint_le(tensors.tensors[i].count, 8);
                (void)rn_tensor_reals(numbers, &tensors.tensors[i]);
            }
        }
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_uint_ge(good, 8 * 28); /* those of the numbers */
    free(bytes);
}
END_TEST

START_TEST(refuses_wrong_zip_files) {
    static const struct {
        const char *names[2];
        const char *text;
    } cases[] = {
        {{"a/x", "b"}, "offset 0: a zip file without data.pkl: not from torch.save"},
        {{"data.pkl", "/data.pk"}, "offset 0: a zip file without data.pkl: not from torch.save"},
        {{"a/b/data.pkl", "a/data.pkl2"},
         "offset 0: a zip file without data.pkl: not from torch.save"},
        {{"b/data.pkl", "a/data.pkl"}, "offset 0: a second data.pkl"},
        {{"a/data.pkl", "a/byteorder"}, "offset 128: byteorder }., want little"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_zip z = {0};
        zip_add(&z, cases[i].names[0], "}.", 2);
        zip_add(&z, cases[i].names[1], "}.", 2);
        zip_end(&z);
        temp_bytes("a.pth", z.file.data, z.file.size);
        refused(cases[i].text);
        zip_free(&z);
    }
    made_zip z = {0};
    zip_add(&z, "a/data.pkl", "\x80\2}.}.", 6);
    zip_end(&z);
    temp_bytes("a.pth", z.file.data, z.file.size);
    refused("offset 68: 2 bytes behind the pickle");
    zip_free(&z);
    temp_text("a.pth", "PK");
    refused("offset 2: no end of a zip directory here: cut off?");
}
END_TEST

START_TEST(refuses_a_global) {
    static const char call[] = "cos\nsystem\nX\4\0\0\0echo\x85R";
    static const char text[] =
        "a global os.system: only tensors, dictionaries, numbers and strings are read";
    char want[200];
    for (int older = 0; older < 2; older++) {
        made_free(&object);
        add(&object, call, sizeof call - 1);
        (older ? save_older : save_zip)("a.pth", &object, NULL, 0);
        snprintf(want, sizeof want, "offset %d: %s", older ? 72 : 66, text);
        refused(want);
    }
}
END_TEST

START_TEST(refuses_wrong_older_files) {
    static const struct {
        const char *file;
        size_t size;
        const char *text;
    } cases[] = {
#define CASE(literal, text) {literal, sizeof literal - 1, text}
#define MAGIC               "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
        CASE("\x80\2}.", "offset 0: a pickle without torch.save's magic number"),
        CASE("\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x18.",
             "offset 0: a pickle without torch.save's magic number"),
        CASE("\x80\2\x8a\x0b\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\0.",
             "offset 0: a pickle without torch.save's magic number"),
        CASE(MAGIC, "offset 15: the pickle ends within: cut off"),
        CASE(MAGIC "\x80\2M\xea\3.", "offset 17: this version of torch.save's format is unknown"),
        CASE(MAGIC "\x80\2].", "offset 17: this version of torch.save's format is unknown"),
        CASE(MAGIC "\x80\2M\xe9\3.\x80\2].",
             "offset 23: a list where a dictionary of the system is due"),
        CASE(MAGIC "\x80\2M\xe9\3.\x80\2}X\x0d\0\0\0little_endian\x89s.",
             "offset 42: not little-endian"),
        CASE(MAGIC "\x80\2M\xe9\3.\x80\2}X\x0d\0\0\0little_endianK\1s.",
             "offset 42: not little-endian"),
        CASE(MAGIC "\x80\2M\xe9\3.\x80\2}.\x80\2}.\x80\2}.",
             "offset 31: a dictionary where a list of the storages is due"),
        CASE(MAGIC "\x80\2M\xe9\3.\x80\2}.\x80\2}.\x80\2]K\1a.",
             "offset 32: a storage that no tensor has"),
        CASE(MAGIC "\x80\2M\xe9\3.\x80\2}.\x80\2}.\x80\2].xyz",
             "offset 33: 3 bytes belong to no storage")};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        temp_bytes("a.pth", cases[i].file, cases[i].size);
        refused(cases[i].text);
    }
}
END_TEST

/* ---- which reader ---- */

/* By the first bytes, and never by them alone: the length of a safetensors header may be 0x4b50. */
START_TEST(told_from_safetensors) {
    static const struct {
        const char *bytes;
        size_t size;
        bool torch;
    } cases[] = {{"PK\3\4\0\0\0\0\0", 9, true},
                 {"PK\0\0\0\0\0\0{", 9, false},
                 {"\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9", 9, true},
                 {"\x80\4\x95\x0d\0\0\0\0\0", 9, true},
                 {"\x80\2\0\0\0\0\0\0{", 9, false},
                 {"\x80\6\0\0\0\0\0\0\0", 9, false},
                 {"\x80\1\0\0\0\0\0\0\0", 9, false},
                 {"\2\0\0\0\0\0\0\0{}", 10, false},
                 {"PK", 2, true},
                 {"P", 1, false},
                 {"", 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert(rn_torch_is((const uint8_t *)cases[i].bytes, cases[i].size) == cases[i].torch);
}
END_TEST

static void clean(void) {
    rn_tensor_file_close(&tensors);
    made_free(&object);
    temp_close();
}

int main(void) {
    Suite *suite = suite_create("torch_file");
    TCase *tests = tcase_create("torch_file");
    tcase_add_checked_fixture(tests, temp_open, clean);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, reads_a_literal_older_file);
    tcase_add_test(tests, reads_a_literal_zip_file);
    tcase_add_test(tests, reads_fixtures);
    tcase_add_test(tests, every_type);
    tcase_add_test(tests, views);
    tcase_add_test(tests, state_dicts_in_checkpoints);
    tcase_add_test(tests, refuses_other_objects);
    tcase_add_test(tests, refuses_more_than_one_state_dict);
    tcase_add_test(tests, refuses_wrong_views);
    tcase_add_test(tests, refuses_other_arguments);
    tcase_add_test(tests, refuses_names);
    tcase_add_test(tests, refuses_a_name_for_all);
    tcase_add_test(tests, refuses_wrong_storages);
    tcase_add_test(tests, refuses_storages_described_twice);
    tcase_add_test(tests, refuses_huge_storages);
    tcase_add_test(tests, refuses_every_truncation);
    tcase_add_test(tests, no_flipped_bit_changes_a_zip_file);
    tcase_add_test(tests, flipped_bits_of_an_older_file);
    tcase_add_test(tests, refuses_wrong_zip_files);
    tcase_add_test(tests, refuses_a_global);
    tcase_add_test(tests, refuses_wrong_older_files);
    tcase_add_test(tests, told_from_safetensors);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
