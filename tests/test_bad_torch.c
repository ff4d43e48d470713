/* Files of torch.save with the programs as a user runs them: a model in one is the model that it is
 * in safetensors, and bad ones end in one line (bad-inputs 56-66). */
#include "bad_weights.h"
#include "suite.h"
#include "torch_model.h"

static const char *const names[] = {"zip.pth", "older.pth"};

/* What is told of one of them. */
static const char *extras(const char *name) {
    static char text[600];
    snprintf(text, sizeof text,
             "%s: without metadata; its tensors are those of nano with 2 classes, unnamed "
             "(--set classes=A,B,...)\n"
             "%s: 3 tensors have no place in this network: backbone.body.bn0.num_batches_tracked, "
             "backbone.body.bn1.num_batches_tracked, backbone.body.bn2.num_batches_tracked\n",
             name, name);
    return text;
}

START_TEST(the_model_that_it_is_in_safetensors) {
    static char detected[sizeof run_out];
    make_models();
    RUN("detect", "-m", "s.safetensors", "--no-image", "--json", "-t", "0", "-q", "a.bmp");
    run_gave(0, run_out, "");
    ck_assert_ptr_nonnull(strstr(run_out, "\"class 1\""));
    strcpy(detected, run_out);
    RUN("convert", "s.safetensors", "c.safetensors");
    run_gave(0, "", "");
    for (int i = 0; i < 2; i++) {
        char want[2048];
        size_t sizes[2];
        RUN("detect", "-m", names[i], "--no-image", "--json", "-t", "0", "a.bmp");
        run_gave(0, detected, extras(names[i]));
        RUN("convert", names[i], "d.safetensors");
        run_gave(0, "", "");
        uint8_t *c = file_bytes(&sizes[0], "c.safetensors");
        uint8_t *d = file_bytes(&sizes[1], "d.safetensors");
        ck_assert_uint_eq(sizes[0], sizes[1]);
        ck_assert_int_eq(memcmp(c, d, sizes[0]), 0);
        free(c);
        free(d);
        RUN("evaluate", "set", "-m", names[i]);
        snprintf(want, sizeof want,
                 "%sevaluate: error: set/val.json: class \"key\" was not trained (known: class 0, "
                 "class 1)\n",
                 extras(names[i]));
        run_gave(2, "", want);
        RUN("train", "set", "--preset", "nano", "--weights", names[i], "--dry-run");
        ck_assert_int_eq(run_code, 0);
        snprintf(want, sizeof want,
                 "weights     %d of %d parameters from %s\n"
                 "weights     3 num_batches_tracked: dropped, not needed\n",
                 pth_n - PTH_COUNTERS, pth_n - PTH_COUNTERS, names[i]);
        ck_assert_int_eq(strncmp(run_err, want, strlen(want)), 0);
    }
}
END_TEST

START_TEST(by_its_bytes_not_its_name) {
    static char detected[sizeof run_out];
    make_models();
    ck_assert_int_eq(rename(temp_path("zip.pth"), temp_path("z.safetensors")), 0);
    ck_assert_int_eq(rename(temp_path("s.safetensors"), temp_path("s.pth")), 0);
    RUN("detect", "-m", "z.safetensors", "--no-image", "-t", "0", "-q", "a.bmp");
    run_gave(0, run_out, "");
    strcpy(detected, run_out);
    RUN("detect", "-m", "s.pth", "--no-image", "-t", "0", "-q", "a.bmp");
    run_gave(0, detected, "");
}
END_TEST

/* ---- what is refused ---- */

/* m.pth as a model, as weights to start from and to be converted: one line, and nothing in the
 * folder is other than before. Not in more memory than a small model's. */
static void little_memory(void) {
    limit_memory((rlim_t)300 << 20);
}

static void refused(const char *text) {
    const uint64_t state = temp_state();
    run_before = little_memory;
    RUN("detect", "-m", "m.pth", "--threads", "1", "--no-image", "a.bmp");
    refused_with("detect", "m.pth", text);
    run_before = little_memory;
    RUN("evaluate", "set", "-m", "m.pth", "--threads", "1", "--json", "-");
    refused_with("evaluate", "m.pth", text);
    run_before = little_memory;
    RUN("convert", "m.pth", "o.safetensors");
    refused_with("convert", "m.pth", text);
    run_before = little_memory;
    RUN(TRAIN, "--weights", "m.pth", "-o", "run");
    refused_with("train", "m.pth", text);
    ck_assert(temp_state() == state);
}

/* m.pth with one pickle, in both formats. Its first byte is at 66 and at 72. */
static void refused_object(const void *object, size_t size, size_t at, const char *text) {
    for (int older = 0; older < 2; older++) {
        char want[300];
        made m = {0};
        add(&m, object, size);
        (older ? save_older : save_zip)("m.pth", &m, NULL, 0);
        snprintf(want, sizeof want, "offset %zu: %s", (older ? 72 : 66) + at, text);
        refused(want);
        made_free(&m);
    }
}

START_TEST(code_is_not_run) {
    static const char call[] = "cos\nsystem\nX\x0b\0\0\0touch owned\x85R";
    refused_object(call, sizeof call - 1, 0,
                   "a global os.system: only tensors, dictionaries, numbers and strings are read");
    refused_object("(S'touch owned'\nios\nsystem\n", 26, 1,
                   "an opcode STRING: only tensors, dictionaries, numbers and strings are read");
    ck_assert_int_ne(access(temp_path("owned"), F_OK), 0);
}
END_TEST

START_TEST(bombs) {
    made m = {0};
    char text[200];
    add(&m, "]q\0", 3);
    for (int i = 1; i <= 60; i++) {
        const uint8_t doubled[] = {']', '(', 'h',       (uint8_t)(i - 1), 'h', (uint8_t)(i - 1),
                                   'e', 'q', (uint8_t)i};
        add(&m, doubled, sizeof doubled);
    }
    for (int i = 0; i < 60; i++) add_raw(&m, "\x86");
    for (int older = 0; older < 2; older++) {
        (older ? save_older : save_zip)("m.pth", &m, NULL, 0);
        snprintf(text, sizeof text, "offset %zu: a tuple, want a dictionary of tensors",
                 (older ? 72 : 66) + m.size - 1);
        refused(text);
    }
    m.size = 0;
    while (m.size < 5 << 20) add_raw(&m, "]]]]]]]]");
    save_zip("m.pth", &m, NULL, 0); /* where data.pkl begins at 64 */
    refused("offset 4194368: a pickle of over 4194304 bytes");
    save_older("m.pth", &m, NULL, 0);
    refused("offset 4194304: a pickle of over 4194304 bytes");
    made_free(&m);
}
END_TEST

START_TEST(line_56_under_eight_bytes) {
    static const char older[] = "\x80\2\x8a\x0al\xfc\x9c", zip[] = "PK\3\4\0\0\0";
    for (size_t n = 2; n < 8; n++) {
        char text[100];
        temp_bytes("m.pth", zip, n);
        snprintf(text, sizeof text, "offset %zu: no end of a zip directory here: cut off?", n);
        refused(text);
        temp_bytes("m.pth", older, n);
        snprintf(text, sizeof text, "offset %d: the pickle ends within: cut off", 2);
        refused(text);
    }
}
END_TEST

/* Cut at a half, in the middle of the data. */
START_TEST(truncated) {
    make_models();
    for (int i = 0; i < 2; i++) {
        char text[100];
        struct stat info;
        ck_assert_int_eq(rename(temp_path(names[i]), temp_path("m.pth")), 0);
        ck_assert_int_eq(stat(temp_path("m.pth"), &info), 0);
        ck_assert_int_eq(truncate(temp_path("m.pth"), info.st_size / 2), 0);
        RUN("detect", "-m", "m.pth", "--no-image", "a.bmp");
        ck_assert_int_eq(run_code, 2);
        const char *place = strstr(run_err, "m.pth: ");
        ck_assert_ptr_nonnull(place);
        snprintf(text, sizeof text, "%.*s", (int)strcspn(place + 7, "\n"), place + 7);
        ck_assert_ptr_nonnull(strstr(text, "cut off"));
        refused(text);
    }
}
END_TEST

/* One entry's data are another's as well, or more than there are. */
START_TEST(zip_files_that_lie) {
    made_zip z = {0};
    zip_add(&z, "a/data.pkl", "\x80\2}.", 4);
    zip_add(&z, "a/data/0", "0123456789", 10);
    zip_end(&z);
    set_little(&z.file, z.central[1] + 42, z.local[0], 4);
    temp_bytes("m.pth", z.file.data, z.file.size);
    refused("offset 0: zip entry a/data/0 is another in the directory");
    set_little(&z.file, z.central[1] + 42, z.local[1], 4);
    set_little(&z.file, z.central[1] + 20, 1u << 31, 4);
    set_little(&z.file, z.central[1] + 24, 1u << 31, 4);
    temp_bytes("m.pth", z.file.data, z.file.size);
    refused("offset 68: zip entry a/data/0 runs into the directory");
    zip_free(&z);
}
END_TEST

/* line 61: a state dict of another network. */
START_TEST(of_no_model) {
    const made_tensor t = {"FloatStorage", "0", 1, 0, 1, {1}, {1}, false};
    const made_storage s = {"0", "\0\0\x80\x3f", 1, 4};
    made object = {0};
    begin_dict(&object);
    add_text(&object, "conv1.weight");
    add_tensor(&object, &t);
    end_dict(&object);
    save_zip("m.pth", &object, &s, 1);
    made_free(&object);
    RUN("detect", "-m", "m.pth", "--no-image", "a.bmp");
    refused_with("detect", "m.pth", "its 1 tensors are those of no model known here");
    RUN("evaluate", "set", "-m", "m.pth");
    refused_with("evaluate", "m.pth", "its 1 tensors are those of no model known here");
    RUN("convert", "m.pth", "o.safetensors");
    refused_with("convert", "m.pth", "its 1 tensors are those of no model known here");
    RUN(TRAIN, "-q", "--weights", "m.pth", "-o", "run");
    run_refused(2, "train: error: m.pth: no tensor fits this network");
}
END_TEST

START_TEST(line_63_not_finite) {
    make_models();
    for (int older = 0; older < 2; older++) {
        char text[200];
        rn_tensor_file file;
        make_pth("m.pth", "s.safetensors", older, true);
        ck_assert_int_eq(rn_tensor_file_open(&file, temp_path("m.pth")), RN_OK);
        snprintf(text, sizeof text,
                 "offset %zu: tensor head.classification_head.cls_logits.bias: number 0 is not "
                 "finite",
                 rn_tensor_file_find(&file, "head.classification_head.cls_logits.bias")->offset);
        rn_tensor_file_close(&file);
        RUN("detect", "-m", "m.pth", "--no-image", "a.bmp");
        refused_with("detect", "m.pth", text);
    }
}
END_TEST

/* line 64: one bit of one weight. The older format has no checksum. */
START_TEST(line_64_a_flipped_bit) {
    char text[200];
    size_t size;
    rn_tensor_file file;
    make_models();
    uint8_t *bytes = file_bytes(&size, "zip.pth");
    ck_assert_int_eq(rn_tensor_file_open(&file, temp_path("zip.pth")), RN_OK);
    const rn_tensor *t = rn_tensor_file_find(&file, "backbone.body.conv1.weight");
    const size_t at = t->offset;
    bytes[at] ^= 1;
    temp_bytes("m.pth", bytes, size);
    rn_tensor_file_close(&file);
    free(bytes);
    ck_assert_int_eq(rn_tensor_file_open(&file, temp_path("m.pth")), RN_EINPUT);
    snprintf(text, sizeof text, "%s", strstr(rn_error_text(), "m.pth: ") + 7);
    char begin[100];
    snprintf(begin, sizeof begin, "offset %zu: zip entry archive/data/", at);
    ck_assert_int_eq(strncmp(text, begin, strlen(begin)), 0);
    ck_assert_ptr_nonnull(strstr(text, " has the checksum "));
    refused(text);
}
END_TEST

/* line 66 */
START_TEST(no_checkpoint_of_ours) {
    make_models();
    ck_assert_int_eq(rename(temp_path("zip.pth"), temp_path("old/last.safetensors")), 0);
    RUN("train", "--resume", "old");
    run_refused(2, "train: error: old/last.safetensors: offset 8: no checkpoint of a training run "
                   "(best.safetensors cannot be resumed)");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bad_torch");
    TCase *tcase = tcase_create("torch");
    tcase_add_checked_fixture(tcase, make, clean);
    tcase_set_timeout(tcase, 180); /* for the sanitizers */
    tcase_add_test(tcase, the_model_that_it_is_in_safetensors);
    tcase_add_test(tcase, by_its_bytes_not_its_name);
    tcase_add_test(tcase, code_is_not_run);
    tcase_add_test(tcase, bombs);
    tcase_add_test(tcase, line_56_under_eight_bytes);
    tcase_add_test(tcase, truncated);
    tcase_add_test(tcase, zip_files_that_lie);
    tcase_add_test(tcase, of_no_model);
    tcase_add_test(tcase, line_63_not_finite);
    tcase_add_test(tcase, line_64_a_flipped_bit);
    tcase_add_test(tcase, no_checkpoint_of_ours);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
