/* A reader's target without libFuzzer: the corpus as it is, then 2000 seeded mutations of it, each
 * within 2 s and 512 MB. An input that ends the program is left as test_fuzz_<reader>.input, and
 * `test_fuzz_<reader> FILE...` gives files to the target once more. */
#include "base/file.h"
#include "base/random.h"
#include "fuzz.h"
#include "suite.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#endif

enum { MAX_INPUT = 1 << 14, MAX_SEEDS = 64, MUTATIONS = 2000, MAX_SECONDS = 2, MAX_MB = 512 };

typedef struct input {
    size_t size;
    uint8_t bytes[MAX_INPUT];
} input;

static input seeds[MAX_SEEDS];
static size_t n_seeds;
static input *current; /* shared with the process that runs the tests, which may die of it */

/* A sanitizer's shadow is larger than any limit: it refuses single blocks over it instead. */
const char *__asan_default_options(void) {
    return "max_allocation_size_mb=512:allocator_may_return_null=1";
}

/* ---- running one input ---- */

static void set_limits(void) {
#ifndef SANITIZED
    const struct rlimit memory = {(rlim_t)MAX_MB << 20, (rlim_t)MAX_MB << 20};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &memory), 0);
#endif
}

/* Seconds of processor time from now until SIGPROF; 0: never. A busy machine is no hang. */
static void set_timer(int seconds) {
    const struct itimerval timer = {.it_value = {.tv_sec = seconds}};
    FUZZ_CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
}

/* In a block of its own size, so that a read behind its end shows. */
static void run(const input *in) {
    uint8_t *bytes = malloc(in->size + (in->size == 0));
    FUZZ_CHECK(bytes);
    memcpy(bytes, in->bytes, in->size);
    *current = *in;
    set_timer(MAX_SECONDS);
    FUZZ_CHECK(LLVMFuzzerTestOneInput(bytes, in->size) == 0);
    set_timer(0);
    current->size = 0;
    free(bytes);
}

/* ---- mutations ---- */

enum { FLIP_BIT, SET_BYTE, COPY_BYTE, TRUNCATE, REMOVE, REPEAT, SPLICE, KINDS };

/* Replace in[at, at + n) by `m` bytes; what gets too long is cut off. */
static void replace(input *in, size_t at, size_t n, const uint8_t *bytes, size_t m) {
    static input before;
    size_t rest = in->size - at - n;
    before = *in;
    if (m > MAX_INPUT - at) m = MAX_INPUT - at;
    if (rest > MAX_INPUT - at - m) rest = MAX_INPUT - at - m;
    memcpy(in->bytes + at, bytes, m);
    memcpy(in->bytes + at + m, before.bytes + at + n, rest);
    in->size = at + m + rest;
}

static void mutate(input *in, rn_random *random) {
    static const uint8_t telling[] = "\0\1\x7f\x80\xff\xfe 0-9.e+\\\"'[]{}<>/&;,:\n";
    static uint8_t copy[MAX_INPUT];
    if (in->size == 0) return;
    const size_t at = rn_random_below(random, in->size);
    const size_t most = in->size - at < 64 || rn_random_below(random, 4) == 0 ? in->size - at : 64;
    const size_t n = 1 + rn_random_below(random, most);
    memcpy(copy, in->bytes + at, n);
    switch (rn_random_below(random, KINDS)) {
    case FLIP_BIT:
        in->bytes[at] ^= (uint8_t)(1u << rn_random_below(random, 8));
        break;
    case SET_BYTE:
        in->bytes[at] = telling[rn_random_below(random, sizeof telling)];
        break;
    case COPY_BYTE:
        in->bytes[at] = in->bytes[rn_random_below(random, in->size)];
        break;
    case TRUNCATE:
        in->size = at;
        break;
    case REMOVE:
        replace(in, at, n, copy, 0);
        break;
    case REPEAT:
        replace(in, rn_random_below(random, in->size), 0, copy, n);
        break;
    default: { /* go on as another seed does, or take a piece of it in */
        const input *other = &seeds[rn_random_below(random, n_seeds)];
        if (other->size == 0) break;
        const size_t from = rn_random_below(random, other->size);
        const size_t some = 1 + rn_random_below(random, other->size - from);
        if (rn_random_below(random, 2))
            replace(in, at, in->size - at, other->bytes + from, other->size - from);
        else
            replace(in, at, 0, other->bytes + from, some);
    }
    }
}

/* ---- tests ---- */

START_TEST(the_corpus_is_handled) {
    set_limits();
    for (size_t i = 0; i < n_seeds; i++) run(&seeds[i]);
    ck_assert_uint_gt(fuzz_n_read(), 0); /* else what follows reaches nothing behind the refusals */
}
END_TEST

START_TEST(mutations_are_handled) {
    static input in;
    set_limits();
    for (uint64_t i = 0; i < MUTATIONS; i++) {
        rn_random random = rn_random_seed(1, i, 0);
        in = seeds[i % n_seeds];
        for (uint64_t k = rn_random_below(&random, 4) + 1; k > 0; k--) mutate(&in, &random);
        if (fuzz_repair && i / n_seeds % 2) fuzz_repair(in.bytes, in.size);
        run(&in);
    }
}
END_TEST

/* ---- seeds ---- */

static bool load(input *out, const char *path) {
    uint8_t *bytes;
    if (rn_file_read(&bytes, &out->size, path, MAX_INPUT) != RN_OK) {
        fprintf(stderr, "%s\n", rn_error_text());
        return false;
    }
    memcpy(out->bytes, bytes, out->size);
    free(bytes);
    return true;
}

static bool load_corpus(void) {
    char **names = NULL, *path = NULL;
    size_t n = 0;
    bool ok = rn_folder_list(&names, &n, RN_CORPUS) == RN_OK && n > 0 && n <= MAX_SEEDS;
    for (size_t i = 0; i < n; i++) {
        ok = ok && rn_path_join(&path, RN_CORPUS, names[i]) == RN_OK && load(&seeds[i], path);
        free(path);
        path = NULL;
        free(names[i]);
    }
    free(names);
    n_seeds = n;
    return ok;
}

int main(int argc, char **argv) {
    current =
        mmap(NULL, sizeof *current, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (current == MAP_FAILED) return EXIT_FAILURE;
    for (int i = 1; i < argc; i++) {
        if (!load(&seeds[0], argv[i])) return EXIT_FAILURE;
        run(&seeds[0]);
    }
    if (argc > 1) return EXIT_SUCCESS;
    if (!load_corpus()) {
        fprintf(stderr, "%s: want 1 to %d files\n", RN_CORPUS, MAX_SEEDS);
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("fuzz " RN_READER);
    TCase *tests = tcase_create(RN_READER);
    tcase_add_test(tests, the_corpus_is_handled);
    tcase_add_test(tests, mutations_are_handled);
    suite_add_tcase(suite, tests);
    const int code = suite_run(suite);
    if (code != EXIT_SUCCESS && current->size > 0 &&
        rn_file_write("test_fuzz_" RN_READER ".input", current->bytes, current->size) == RN_OK)
        fprintf(stderr, "the input is in test_fuzz_%s.input\n", RN_READER);
    return code;
}
