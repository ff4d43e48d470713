#include "fuzz.h"
#include "train/options.h"

#include <string.h>

/* What was read, written and read again is the same. */
static void check_model(const rn_model_config *config) {
    rn_model_config again;
    char *before, *after;
    FUZZ_CHECK(rn_model_config_check(config) == RN_OK);
    FUZZ_CHECK(rn_model_config_to_json(&before, config) == RN_OK);
    FUZZ_CHECK(rn_model_config_from_json(&again, before, "again", NULL, NULL) == RN_OK);
    FUZZ_CHECK(rn_model_config_to_json(&after, &again) == RN_OK);
    FUZZ_CHECK(strcmp(before, after) == 0);
    rn_model_config_free(&again);
    free(before);
    free(after);
}

static void check_options(const rn_train_options *options) {
    rn_train_options again;
    char *before, *after;
    FUZZ_CHECK(rn_train_options_to_json(&before, options) == RN_OK);
    FUZZ_CHECK(rn_train_options_from_json(&again, before, "again") == RN_OK);
    FUZZ_CHECK(rn_train_options_to_json(&after, &again) == RN_OK);
    FUZZ_CHECK(strcmp(before, after) == 0);
    rn_train_options_clear(&again);
    free(before);
    free(after);
}

/* A preset, and the options that a checkpoint keeps: the same table, and much of the same
 * code. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const rn_model_config empty;
    rn_train_options options = rn_train_options_defaults();
    const char *path = fuzz_file(data, size);
    rn_model_config config;
    memset(&config, 0x55, sizeof config);
    strcpy(options.preset, path);
    const rn_status status = rn_train_options_model(&config, &options);
    if (status == RN_EINVAL) { /* read, but its values go not together with the other options */
        FUZZ_CHECK(strncmp(rn_error_text(), path, strlen(path)) != 0);
        rn_model_config_free(&config);
    } else if (!fuzz_read(status, path)) {
        FUZZ_CHECK(memcmp(&config, &empty, sizeof config) == 0);
    } else {
        check_model(&config);
        check_options(&options);
        rn_model_config_free(&config);
    }
    rn_train_options_clear(&options);

    char *text = strndup((const char *)data, size);
    FUZZ_CHECK(text);
    if (fuzz_read(rn_train_options_from_json(&options, text, "args"), "args: "))
        check_options(&options);
    rn_train_options_clear(&options);
    free(text);
    return 0;
}
