/* train.c: train a detector from a C program, with progress, and look at one picture with it.
 *
 *     train DATA RUN PICTURE */
#include <retinanet.h>
#include <stdio.h>

static void show(void *context, const char *line) {
    (void)context;
    printf("%s\n", line);
}

static int fail(rn_status status) {
    fprintf(stderr, "%s\n", rn_error_text());
    return rn_status_exit_code(status);
}

/* The boxes that the run's model shows on a picture. */
static rn_status look(const char *run, const char *picture) {
    rn_detector *det = NULL;
    rn_image image = {0};
    rn_box boxes[100];
    size_t n = 0;
    char path[4096];
    snprintf(path, sizeof path, "%s/best.safetensors", run);
    rn_status status = rn_detector_open(&det, path, NULL);
    if (status == RN_OK) status = rn_image_read(&image, picture, NULL);
    if (status == RN_OK) status = rn_detector_run(det, &image, boxes, 100, &n);
    for (size_t i = 0; i < n && boxes[i].score >= rn_detector_show_threshold(det); i++)
        printf("%s %.2f at %.0f,%.0f\n", rn_detector_class_name(det, boxes[i].label),
               boxes[i].score, boxes[i].x1, boxes[i].y1);
    rn_image_free(&image);
    rn_detector_close(det);
    return status;
}

int main(int argc, char **argv) {
    static const char *const settings[][2] = {{"preset", "nano"}, {"max-steps", "20"}};
    const rn_hooks hooks = {.message = show};
    rn_train_options *options = NULL;
    rn_train_result result;
    if (argc != 4) {
        fprintf(stderr, "usage: %s DATA RUN PICTURE\n", argv[0]);
        return 1;
    }
    rn_status status = rn_train_options_create(&options);
    for (size_t i = 0; i < sizeof settings / sizeof *settings && status == RN_OK; i++)
        status = rn_train_options_set(options, settings[i][0], settings[i][1]);
    if (status == RN_OK) status = rn_train(&result, argv[1], argv[2], options, &hooks);
    rn_train_options_free(options);
    if (status == RN_OK) printf("%llu steps\n", (unsigned long long)result.steps);
    if (status == RN_OK) status = look(argv[2], argv[3]);
    return status == RN_OK ? 0 : fail(status);
}
