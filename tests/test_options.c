#include "suite.h"
#include "temp_folder.h"
#include "train/options.h"

#include <math.h>

static rn_train_options *o; /* of the test that runs */

static void open_options(void) {
    ck_assert_int_eq(rn_train_options_create(&o), RN_OK);
}

static void close_options(void) {
    rn_train_options_free(o);
}

static void set(rn_train_options *options, const char *name, const char *value) {
    ck_assert_msg(rn_train_options_set(options, name, value) == RN_OK, "%s", rn_error_text());
}

static void refused(const char *name, const char *value, const char *text) {
    ck_assert_int_eq(rn_train_options_set(o, name, value), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), text);
}

/* ---- one by one ---- */

START_TEST(defaults) {
    ck_assert_str_eq(o->preset, "small");
    ck_assert_str_eq(o->weights, "");
    ck_assert_int_eq(o->epochs, 60);
    ck_assert_int_eq(o->batch, 8);
    ck_assert_int_eq(o->size, 0);
    ck_assert(o->lr == 0.01 && o->gamma == 2 && o->alpha == 0.25 && o->prior == 0.01);
    ck_assert_uint_eq(o->seed, 1);
    ck_assert_int_eq(o->threads, 0);
    ck_assert(o->momentum == 0.9 && o->decay == 1e-4 && o->clip == 10 && o->ema == 0.998);
    ck_assert(o->beta == 1.0 / 9 && o->box_weight == 1);
    ck_assert_int_eq(o->box_loss, RN_BOX_SMOOTH_L1);
    ck_assert(o->foreground_iou == 0.5 && o->background_iou == 0.4 && o->low_quality);
    ck_assert(o->flip == 0.5 && o->vflip == 0 && !o->dry_run);
    ck_assert_int_eq(o->schedule, 0);
    ck_assert_uint_eq(o->n_overrides, 0);
    ck_assert(!o->extended);
}
END_TEST

START_TEST(each_type_from_text) {
    set(o, "epochs", "7");
    set(o, "lr", "2.5e-3");
    set(o, "seed", "9007199254740992");
    set(o, "schedule", "step");
    set(o, "preset", "a folder/b.json");
    set(o, "low_quality", "false");
    set(o, "dry-run", "1"); /* '-' and '_' are one */
    set(o, "max-steps", "1000000000");
    set(o, "val_split", "");
    ck_assert_int_eq(o->epochs, 7);
    ck_assert(o->lr == 2.5e-3);
    ck_assert_uint_eq(o->seed, UINT64_C(9007199254740992));
    ck_assert_int_eq(o->schedule, 1);
    ck_assert_str_eq(o->preset, "a folder/b.json");
    ck_assert(!o->low_quality && o->dry_run);
    ck_assert_int_eq(o->max_steps, 1000000000);
}
END_TEST

/* Both ends of every range are in, what lies behind them is out, and what was there stays. */
START_TEST(ranges) {
    static const struct {
        const char *name, *low, *high, *below, *above, *range;
    } cases[] = {{"epochs", "1", "100000", "0", "100001", "1..100000"},
                 {"batch", "1", "1024", "0", "2147483648", "1..1024"},
                 {"size", "0", "8192", "-1", "8193", "0..8192"},
                 {"lr", "1e-9", "100", "9.9e-10", "100.00001", "1e-09..100"},
                 {"gamma", "0", "10", "-0.1", "10.1", "0..10"},
                 {"star_beta", "-10", "10", "-11", "11", "-10..10"},
                 {"poly_epsilon", "-1", "10", "-1.1", "11", "-1..10"},
                 {"ohem_batch", "1", "100000", "0", "100001", "1..100000"},
                 {"ghm_bins", "1", "1000", "0", "1001", "1..1000"},
                 {"slope_floor", "0", "1", "-0.1", "1.1", "0..1"},
                 {"prior", "1e-6", "0.5", "0", "0.51", "1e-06..0.5"},
                 {"seed", "0", "9007199254740992", "-1", "9007199254740993", "0..9007199254740992"},
                 {"threads", "1", "1024", "0", "1025", "1..1024"},
                 {"time", "0", "1e9", "-1", "1.1e9", "0..1000000000"},
                 {"max_steps", "0", "1000000000", "-1", "1000000001", "0..1000000000"},
                 {"momentum", "0", "0.9999", "-0.1", "1", "0..0.9999"},
                 {"decay", "0", "1", "-1", "2", "0..1"},
                 {"ema", "0", "0.999999", "-1", "1", "0..0.999999"},
                 {"warmup", "0", "1000000", "-1", "1000001", "0..1000000"},
                 {"foreground_iou", "0.01", "1", "0", "1.01", "0.01..1"},
                 {"scale_min", "0.1", "10", "0.09", "11", "0.1..10"},
                 {"color", "0", "0.9", "-0.1", "0.91", "0..0.9"},
                 {"workers", "1", "64", "0", "65", "1..64"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s: got %s, want %s", cases[i].name, cases[i].below,
                 cases[i].range);
        refused(cases[i].name, cases[i].below, text);
        set(o, cases[i].name, cases[i].low);
        set(o, cases[i].name, cases[i].high);
        snprintf(text, sizeof text, "%s: got %s, want %s", cases[i].name, cases[i].above,
                 cases[i].range);
        refused(cases[i].name, cases[i].above, text);
    }
    ck_assert_int_eq(o->batch, 1024);
    ck_assert(o->gamma == 10);
}
END_TEST

/* A name stands for a number outside of the range. */
START_TEST(named_numbers) {
    set(o, "alpha", "none");
    ck_assert(o->alpha == RN_ALPHA_NONE);
    set(o, "alpha", "auto");
    ck_assert(o->alpha == RN_ALPHA_AUTO);
    set(o, "alpha", "-1");
    ck_assert(o->alpha == RN_ALPHA_NONE);
    set(o, "slope_floor_background", "0.5");
    set(o, "slope_floor_background", "auto");
    ck_assert(o->slope_floor_background == RN_FLOOR_AUTO);
    refused("alpha", "0", "alpha: got 0, want 1e-06..0.999999 or none or auto");
    refused("alpha", "1", "alpha: got 1, want 1e-06..0.999999 or none or auto");
    refused("alpha", "-0.5", "alpha: got -0.5, want 1e-06..0.999999 or none or auto");
    refused("alpha", "automatic", "alpha: got automatic, want 1e-06..0.999999 or none or auto");
    refused("slope_floor_background", "-2", "slope_floor_background: got -2, want 0..1 or auto");
    ck_assert(o->alpha == RN_ALPHA_NONE);
}
END_TEST

/* gamma and alpha are the loss's where neither the user nor the preset says. */
START_TEST(defaults_of_a_loss) {
    rn_model_config config;
    set(o, "preset", "nano");
    set(o, "loss", "alpha-ce");
    ck_assert_int_eq(rn_train_options_model(&config, o), RN_OK);
    rn_model_config_free(&config);
    ck_assert(o->gamma == 0 && o->alpha == 0.75);
    set(o, "alpha", "0.5");
    ck_assert_int_eq(rn_train_options_model(&config, o), RN_OK);
    rn_model_config_free(&config);
    ck_assert(o->gamma == 0 && o->alpha == 0.5);
    temp_open();
    temp_text("a.json",
              "{\"train\": {\"loss\": \"poly-focal\", \"gamma\": 3, \"alpha\": \"none\"}}");
    set(o, "preset", temp_path("a.json"));
    set(o, "loss", "poly-focal");
    ck_assert_msg(rn_train_options_model(&config, o) == RN_OK, "%s", rn_error_text());
    rn_model_config_free(&config);
    ck_assert(o->gamma == 3 && o->alpha == 0.5);
    temp_close();
}
END_TEST

START_TEST(no_numbers) {
    static const char *const reals[] = {"nan", "inf", "1e400", "0,01", "", " 1", "1 ", "0x1", "+1"};
    static const char *const ints[] = {"1.5", "1e1", "", "eight", "8x", "99999999999999999999"};
    char text[128];
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        snprintf(text, sizeof text, "lr: got %s, want 1e-09..100", reals[i]);
        refused("lr", reals[i], text);
    }
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        snprintf(text, sizeof text, "batch: got %s, want 1..1024", ints[i]);
        refused("batch", ints[i], text);
    }
    refused("loss", "hinge",
            "loss: got hinge, want one of: focal, ce, alpha-ce, focal-star, poly-focal, "
            "slope-focal, ohem, sampling-free, ghm, softmax-focal, objectness");
    refused("schedule", "", "schedule: got , want one of: cosine, step");
    refused("box_loss", "iou", "box_loss: got iou, want one of: smooth_l1, giou");
    refused("dry_run", "yes", "dry_run: got yes, want true or false");
    ck_assert(o->lr == 0.01);
    ck_assert_int_eq(o->batch, 8);
}
END_TEST

START_TEST(texts_fit_or_are_refused) {
    char value[RN_OPTION_TEXT + 1];
    memset(value, 'a', sizeof value);
    value[RN_OPTION_TEXT] = '\0';
    refused("weights", value, "weights: longer than 1023 bytes");
    ck_assert_str_eq(o->weights, "");
    value[RN_OPTION_TEXT - 1] = '\0';
    set(o, "weights", value);
    ck_assert_str_eq(o->weights, value);
}
END_TEST

START_TEST(time_has_units) {
    static const struct {
        const char *text;
        double seconds;
    } good[] = {{"90", 90}, {"90s", 90},     {"30m", 1800},  {"1.5h", 5400},
                {"0m", 0},  {"0.25s", 0.25}, {"1e2m", 6000}, {"0", 0}};
    static const char *const bad[] = {"m",    "s",    "h30", "30M",  "30 m", "1h30m",
                                      "1,5h", "30mm", "30d", "nanm", "infs", "1e308h"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        set(o, "time", good[i].text);
        ck_assert(o->time == good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        snprintf(text, sizeof text, "time: got %s, want 0..1000000000", bad[i]);
        refused("time", bad[i], text);
    }
}
END_TEST

START_TEST(unknown_names) {
    refused("epohcs", "3", "unknown option epohcs (did you mean epochs?)");
    refused("epoch", "3", "unknown option epoch (did you mean epochs?)");
    refused("max-step", "3", "unknown option max-step (did you mean max_steps?)");
    refused("anchor_side", "3", "unknown option anchor_side (did you mean anchor_sides?)");
    refused("fpn-chanels", "8", "unknown option fpn-chanels (did you mean fpn_channels?)");
    refused("zzz", "3", "unknown option zzz");
    refused("", "3", "unknown option ");
    refused("Batch", "3", "unknown option Batch (did you mean batch?)");
}
END_TEST

/* --help is made of these. */
START_TEST(the_list_of_options) {
    rn_option_info info;
    size_t n = 0;
    bool seed = false, threads = false, lr = false;
    for (; rn_train_options_info(&info, n); n++) {
        ck_assert(info.name[0] && info.help[0]);
        ck_assert_ptr_null(strchr(info.help, '\n'));
        seed |= strcmp(info.name, "seed") == 0 && strcmp(info.initial, "1") == 0;
        lr |= strcmp(info.name, "lr") == 0 && strcmp(info.initial, "0.01") == 0;
        /* its 0 cannot be given: the help says what stands for it */
        threads |= strcmp(info.name, "threads") == 0 && strcmp(info.initial, "") == 0;
    }
    ck_assert(seed && lr && threads);
    ck_assert_uint_ge(n, 30);
    ck_assert(!rn_train_options_info(&info, n));
    ck_assert(!rn_train_options_info(&info, SIZE_MAX));
    ck_assert(rn_train_options_info(&info, 0));
    ck_assert_str_eq(info.name, "preset");
    ck_assert_str_eq(info.initial, "small");
}
END_TEST

/* ---- together with a preset ---- */

static rn_model_config model;

static void make_model(void) {
    ck_assert_msg(rn_train_options_model(&model, o) == RN_OK, "%s", rn_error_text());
}

static void no_model(rn_status want, const char *text) {
    ck_assert_int_eq(rn_train_options_model(&model, o), want);
    ck_assert_str_eq(rn_error_text(), text);
    rn_model_config_free(&model);
}

/* A preset with values for training that are not the program's. */
static void make_preset(void) {
    temp_open();
    temp_text("p.json", "{\"width\": 16, \"size_longer\": 96, \"train\": {\"optimizer\": "
                        "\"adamw\", \"lr\": 0.04, \"epochs\": 30, \"batch\": 4}}");
    set(o, "preset", temp_path("p.json"));
}

START_TEST(a_presets_defaults) {
    make_preset();
    make_model();
    ck_assert_int_eq(model.width, 16);
    ck_assert_int_eq(model.size_longer, 96);
    ck_assert(o->lr == 0.04 && o->optimizer == RN_OPTIMIZER_ADAMW);
    ck_assert_int_eq(o->epochs, 30);
    ck_assert_int_eq(o->batch, 4);
    rn_model_config_free(&model);
    temp_close();
}
END_TEST

/* What the user has given stands, even where it is what the program has by default. */
START_TEST(the_users_values_stand) {
    make_preset();
    set(o, "epochs", "60");
    set(o, "lr", "0.01");
    set(o, "optimizer", "sgd");
    make_model();
    ck_assert_int_eq(o->epochs, 60);
    ck_assert(o->lr == 0.01 && o->optimizer == RN_OPTIMIZER_SGD);
    ck_assert_int_eq(o->batch, 4); /* this one was not given */
    rn_model_config_free(&model);
    temp_close();
}
END_TEST

START_TEST(built_in_presets) {
    static const struct {
        const char *name;
        int width, depth;
    } cases[] = {
        {"nano", 16, 18}, {"small", 32, 18}, {"mobile", 32, 18}, {"r18", 64, 18}, {"r50", 64, 50}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set(o, "preset", cases[i].name);
        make_model();
        ck_assert_int_eq(model.width, cases[i].width);
        ck_assert_int_eq(model.depth, cases[i].depth);
        rn_model_config_free(&model);
    }
}
END_TEST

static int norm_of_r18(void) {
    set(o, "preset", "r18"); /* frozen batch norm */
    make_model();
    const int norm = model.norm;
    rn_model_config_free(&model);
    return norm;
}

START_TEST(frozen_statistics_need_weights) {
    ck_assert_int_eq(norm_of_r18(), RN_NORM_GROUP);
    set(o, "weights", "resnet18.safetensors");
    ck_assert_int_eq(norm_of_r18(), RN_NORM_FROZEN);
    set(o, "weights", "");
    set(o, "norm", "frozen");
    ck_assert_int_eq(norm_of_r18(), RN_NORM_FROZEN);
}
END_TEST

START_TEST(a_preset_file) {
    temp_open();
    temp_text("p.json", "{\"width\": 8, \"fpn_channels\": 16, \"size_longer\": 96, \"train\": "
                        "{\"gamma\": 1.5, \"low_quality\": false, \"schedule\": \"step\"}}");
    set(o, "preset", temp_path("p.json"));
    set(o, "fpn_channels", "24");
    set(o, "anchor-sides", "16,24,32,48,64");
    set(o, "width", "32");
    set(o, "width", "16"); /* the last one counts */
    make_model();
    ck_assert_int_eq(model.width, 16);
    ck_assert_int_eq(model.fpn_channels, 24);
    ck_assert_int_eq(model.size_longer, 96);
    ck_assert(model.anchor_sides[1] == 24 && model.n_anchor_sides == 5);
    ck_assert(o->gamma == 1.5 && !o->low_quality);
    ck_assert_int_eq(o->schedule, 1);
    rn_model_config_free(&model);
    temp_close();
}
END_TEST

/* --size is the longer side, whatever rule the preset has. */
START_TEST(size_replaces_the_presets_rule) {
    set(o, "preset", "r50"); /* shorter 800, longer 1333 */
    set(o, "size", "32");
    make_model();
    ck_assert_int_eq(model.size_shorter, 0);
    ck_assert_int_eq(model.size_longer, 32);
    rn_model_config_free(&model);
    set(o, "size", "31");
    no_model(RN_EINVAL, "size: got 31, want 32..8192");
}
END_TEST

START_TEST(presets_that_do_not_work) {
    char text[2048];
    set(o, "preset", "nanno");
    no_model(RN_EINVAL, "preset: got nanno, want nano, small, mobile, r18, r50 or a file");
    temp_open();
    temp_text("a.json", "{\"train\": {\"epohcs\": 3}}");
    set(o, "preset", temp_path("a.json"));
    snprintf(text, sizeof text, "%s: unknown option epohcs (did you mean epochs?)", o->preset);
    no_model(RN_EINPUT, text);
    temp_text("b.json", "{\"train\": {\"epochs\": 0}}");
    set(o, "preset", temp_path("b.json"));
    snprintf(text, sizeof text, "%s: epochs: got 0, want 1..100000", o->preset);
    no_model(RN_EINPUT, text);
    set(o, "preset", "/nowhere/c.json");
    no_model(RN_EINPUT, "/nowhere/c.json: cannot open: No such file or directory");
    temp_close();
}
END_TEST

START_TEST(values_that_do_not_fit_each_other) {
    set(o, "preset", "nano");
    set(o, "scale_min", "1.5");
    no_model(RN_EINVAL, "scale_min: got 1.5, want at most scale_max (1.25)");
    set(o, "scale_max", "1.5");
    make_model(); /* equal is a fixed factor */
    rn_model_config_free(&model);
    set(o, "background_iou", "0.6");
    no_model(RN_EINVAL, "background_iou: got 0.6, want at most foreground_iou (0.5)");
    set(o, "background_iou", "0.5");
    set(o, "width", "12");
    no_model(RN_EINVAL, "width: got 12, want a multiple of group_channels (8)");
}
END_TEST

/* A wrong value of the model's is told at once, not when the preset is read. */
START_TEST(overrides_are_checked_at_once) {
    refused("depth", "9", "depth: got 9, want 10..101");
    refused("norm", "layer", "norm: got layer, want one of: group, batch, frozen");
    refused("anchor_sides", "1,2,3,4,5,6", "anchor_sides: got 1,2,3,4,5,6, want at most 5 numbers");
    ck_assert_uint_eq(o->n_overrides, 0);
    set(o, "norm", "batch");
    ck_assert_uint_eq(o->n_overrides, 1);
}
END_TEST

START_TEST(copies_are_their_own) {
    rn_train_options copy;
    set(o, "width", "16");
    set(o, "epochs", "5");
    ck_assert_int_eq(rn_train_options_copy(&copy, o), RN_OK);
    set(o, "width", "32");
    set(o, "epochs", "6");
    ck_assert_uint_eq(copy.n_overrides, 1);
    ck_assert_str_eq(copy.overrides[0].value, "16");
    ck_assert(copy.overrides[0].value != o->overrides[0].value);
    ck_assert_int_eq(copy.epochs, 5);
    rn_train_options_clear(&copy);
    ck_assert_uint_eq(copy.n_overrides, 0);
    rn_train_options_clear(&copy);
    rn_train_options_free(NULL);
}
END_TEST

/* ---- resume ---- */

static rn_train_options stopped; /* of the run, as its checkpoint has them */

static void resume_refused(const char *name, const char *value, bool finished, const char *text) {
    rn_train_options *given;
    ck_assert_int_eq(rn_train_options_create(&given), RN_OK);
    set(given, name, value);
    ck_assert_int_eq(rn_train_options_resume(&stopped, given, finished), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), text);
    rn_train_options_free(given);
}

START_TEST(resume_takes_what_may_change) {
    stopped = rn_train_options_defaults();
    stopped.lr = 0.5;
    stopped.threads = 3;
    ck_assert_int_eq(rn_train_options_resume(&stopped, o, false), RN_OK);
    ck_assert_int_eq(stopped.threads, 3); /* what is not given stays */
    ck_assert_int_eq(stopped.max_steps, 0);
    set(o, "threads", "2");
    set(o, "max_steps", "77");
    set(o, "time", "1m");
    ck_assert_int_eq(rn_train_options_resume(&stopped, o, false), RN_OK);
    ck_assert_int_eq(stopped.threads, 2);
    ck_assert_int_eq(stopped.max_steps, 77);
    ck_assert(stopped.time == 60 && stopped.lr == 0.5);
    ck_assert_int_eq(stopped.epochs, 60);
    ck_assert(!stopped.extended);
}
END_TEST

START_TEST(epochs_of_a_finished_run) {
    stopped = rn_train_options_defaults();
    resume_refused("epochs", "61", false, "epochs: may change only when the run has finished");
    ck_assert_int_eq(stopped.epochs, 60);
    set(o, "epochs", "60");
    ck_assert_int_eq(rn_train_options_resume(&stopped, o, true), RN_OK);
    ck_assert(!stopped.extended); /* no more than there were */
    set(o, "epochs", "61");
    ck_assert_int_eq(rn_train_options_resume(&stopped, o, true), RN_OK);
    ck_assert(stopped.extended);
    ck_assert_int_eq(stopped.epochs, 61);
}
END_TEST

/* The same value as before is refused too: nothing of it can be taken. */
START_TEST(resume_refuses_the_rest) {
    static const char *const pairs[][2] = {
        {"lr", "0.01"}, {"batch", "8"},       {"seed", "1"},    {"preset", "small"},
        {"size", "64"}, {"workers", "2"},     {"flip", "0"},    {"dry_run", "true"},
        {"ema", "0.5"}, {"schedule", "step"}, {"weights", "x"}, {"val_split", "test"}};
    static const char rest[] =
        ": cannot change in a resumed run (threads, max-steps, time and epochs can)";
    stopped = rn_train_options_defaults();
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s%s", pairs[i][0], rest);
        resume_refused(pairs[i][0], pairs[i][1], true, text);
    }
    set(o, "head_depth", "3");
    set(o, "flip", "0");
    set(o, "width", "8");
    set(o, "threads", "2");
    set(o, "batch", "8");
    ck_assert_int_eq(rn_train_options_resume(&stopped, o, true), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "batch, flip, head_depth, width: cannot change in a resumed "
                                      "run (threads, max-steps, time and epochs can)");
}
END_TEST

/* ---- JSON ---- */

/* Every field: a second trip through text gives the same text, and each value its bits. */
START_TEST(json_there_and_back) {
    rn_train_options back;
    char *json = NULL, *again = NULL;
    set(o, "preset", "a \"b\"\\c\n\xc3\xa4.json");
    set(o, "seed", "1000000000000000");
    set(o, "lr", "0.30000000000000004");
    set(o, "clip", "1e-300");
    set(o, "time", "1e9");
    set(o, "alpha", "-1");
    set(o, "schedule", "step");
    set(o, "low_quality", "false");
    set(o, "threads", "1024");
    ck_assert_int_eq(rn_train_options_to_json(&json, o), RN_OK);
    ck_assert_msg(rn_train_options_from_json(&back, json, "x") == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(rn_train_options_to_json(&again, &back), RN_OK);
    ck_assert_str_eq(again, json);
    ck_assert_str_eq(back.preset, "a \"b\"\\c\n\xc3\xa4.json");
    ck_assert_uint_eq(back.seed, UINT64_C(1000000000000000));
    ck_assert(back.lr == 0.30000000000000004 && back.clip == 1e-300 && back.time == 1e9);
    ck_assert(back.beta == 1.0 / 9 && back.alpha == -1 && !back.low_quality);
    ck_assert_int_eq(back.schedule, 1);
    ck_assert_int_eq(back.threads, 1024);
    ck_assert_ptr_nonnull(strstr(json, "\"seed\": 1000000000000000,"));
    ck_assert_ptr_nonnull(strstr(json, "\"schedule\": \"step\""));
    ck_assert_ptr_nonnull(strstr(json, "\"alpha\": \"none\""));
    free(json);
    free(again);
}
END_TEST

START_TEST(defaults_as_json) {
    rn_train_options back;
    char *json = NULL;
    ck_assert_int_eq(rn_train_options_to_json(&json, o), RN_OK);
    ck_assert_msg(rn_train_options_from_json(&back, json, "x") == RN_OK, "%s", rn_error_text());
    ck_assert_int_eq(back.threads, 0);
    free(json);
    ck_assert_int_eq(rn_train_options_from_json(&back, "{}", "x"), RN_OK);
    ck_assert_int_eq(back.epochs, 60);
}
END_TEST

START_TEST(json_that_does_not_fit) {
    static const char *const cases[][2] = {
        {"", "f: the options are no JSON object"},
        {"[]", "f: the options are no JSON object"},
        {"null", "f: the options are no JSON object"},
        {"{\"epochs\": 3", "f: the options are no JSON object"},
        {"{} x", "f: the options are no JSON object"},
        {"{\"epohcs\": 3}", "f: unknown option epohcs"},
        {"{\"epochs\": 0}", "f: epochs: got 0, want 1..100000"},
        {"{\"epochs\": 1.5}", "f: epochs: got 1.5, want 1..100000"},
        {"{\"epochs\": 1e30}", "f: epochs: got 1e+30, want 1..100000"},
        {"{\"epochs\": \"3\"}", "f: epochs: want a number"},
        {"{\"epochs\": true}", "f: epochs: want a number"},
        {"{\"epochs\": null}", "f: epochs: want a number"},
        {"{\"low_quality\": 1}", "f: low_quality: want true or false"},
        {"{\"preset\": 7}", "f: preset: want a text"},
        {"{\"preset\": null}", "f: preset: want a text"},
        {"{\"schedule\": 0}", "f: schedule: want a text"},
        {"{\"schedule\": \"linear\"}", "f: schedule: got linear, want one of: cosine, step"},
        {"{\"lr\": -1}", "f: lr: got -1, want 1e-09..100"},
        {"{\"threads\": -1}", "f: threads: got -1, want 1..1024"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rn_train_options out;
        ck_assert_msg(rn_train_options_from_json(&out, cases[i][0], "f") == RN_EINPUT, "%s",
                      cases[i][0]);
        ck_assert_str_eq(rn_error_text(), cases[i][1]);
    }
}
END_TEST

/* ---- for the other parts ---- */

START_TEST(criterion_and_optimizer) {
    set(o, "gamma", "1.5");
    set(o, "alpha", "0.75");
    set(o, "beta", "0.25");
    set(o, "box_weight", "2");
    set(o, "box_loss", "giou");
    set(o, "foreground_iou", "0.625");
    set(o, "background_iou", "0.375");
    set(o, "low_quality", "false");
    set(o, "momentum", "0.5");
    set(o, "decay", "0.125");
    set(o, "clip", "3");
    set(o, "ema", "0.25");
    set(o, "optimizer", "adamw");
    set(o, "loss", "slope-focal");
    set(o, "slope_floor", "0.5");
    set(o, "prior", "0.2");
    const rn_criterion_options c = rn_criterion_options_of(o);
    const rn_optimizer_options p = rn_optimizer_options_of(o);
    ck_assert(c.focal.gamma == 1.5f && c.focal.alpha == 0.75f);
    ck_assert(c.loss == RN_LOSS_SLOPE_FOCAL && c.slope_floor[1] == 0.5f);
    ck_assert(c.slope_floor[0] == 0.125f); /* .5 * .2 / .8 */
    ck_assert(c.beta == 0.25f && c.box_weight == 2 && c.box_loss == RN_BOX_GIOU);
    ck_assert(c.matcher.foreground == 0.625f && c.matcher.background == 0.375f);
    ck_assert(!c.matcher.low_quality);
    ck_assert(p.momentum == 0.5 && p.decay == 0.125 && p.clip == 3 && p.ema_decay == 0.25);
    ck_assert(p.kind == RN_OPTIMIZER_ADAMW);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name) {
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, open_options, close_options);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void) {
    Suite *suite = suite_create("options");
    TCase *one = add_case(suite, "one by one"), *preset = add_case(suite, "preset");
    TCase *resume = add_case(suite, "resume"), *json = add_case(suite, "json");
    tcase_add_test(one, defaults);
    tcase_add_test(one, each_type_from_text);
    tcase_add_test(one, ranges);
    tcase_add_test(one, named_numbers);
    tcase_add_test(one, no_numbers);
    tcase_add_test(one, texts_fit_or_are_refused);
    tcase_add_test(one, time_has_units);
    tcase_add_test(one, unknown_names);
    tcase_add_test(one, the_list_of_options);
    tcase_add_test(preset, a_presets_defaults);
    tcase_add_test(preset, the_users_values_stand);
    tcase_add_test(preset, built_in_presets);
    tcase_add_test(preset, frozen_statistics_need_weights);
    tcase_add_test(preset, defaults_of_a_loss);
    tcase_add_test(preset, a_preset_file);
    tcase_add_test(preset, size_replaces_the_presets_rule);
    tcase_add_test(preset, presets_that_do_not_work);
    tcase_add_test(preset, values_that_do_not_fit_each_other);
    tcase_add_test(preset, overrides_are_checked_at_once);
    tcase_add_test(preset, copies_are_their_own);
    tcase_add_test(resume, resume_takes_what_may_change);
    tcase_add_test(resume, epochs_of_a_finished_run);
    tcase_add_test(resume, resume_refuses_the_rest);
    tcase_add_test(json, json_there_and_back);
    tcase_add_test(json, defaults_as_json);
    tcase_add_test(json, json_that_does_not_fit);
    tcase_add_test(json, criterion_and_optimizer);
    return suite_run(suite);
}
