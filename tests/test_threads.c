/* The pool: every task once, results visible, late and sleeping workers, failures. Also run under
 * ThreadSanitizer. */
#include "base/memory.h"
#include "base/threads.h"
#include "suite.h"

#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST_TASKS = 1000, MOST_WORKERS = 8 };

/* What tasks write down: plain memory, so that ThreadSanitizer sees a missing barrier. */
typedef struct record {
    int done[MOST_TASKS];
    int by_worker[MOST_WORKERS];
    atomic_bool busy[MOST_WORKERS];
    atomic_int faults;
    int count;
} record;

static void note(void *context, size_t task, int worker) {
    record *r = context;
    if (worker < 0 || worker >= r->count || atomic_exchange(&r->busy[worker], true)) {
        atomic_fetch_add(&r->faults, 1);
        return;
    }
    r->done[task]++;
    r->by_worker[worker]++;
    atomic_store(&r->busy[worker], false);
}

static rn_threads *open_pool(int count) {
    rn_threads *threads = NULL;
    ck_assert_int_eq(rn_threads_create(&threads, count), RN_OK);
    ck_assert_int_eq(rn_threads_count(threads), count);
    return threads;
}

static void check_run(rn_threads *threads, size_t tasks) {
    static record r;
    int sum = 0;
    memset(&r, 0, sizeof r);
    r.count = rn_threads_count(threads);
    rn_threads_run(threads, tasks, note, &r);
    ck_assert_int_eq(atomic_load(&r.faults), 0);
    for (size_t i = 0; i < MOST_TASKS; i++) ck_assert_int_eq(r.done[i], i < tasks);
    for (int i = 0; i < MOST_WORKERS; i++) sum += r.by_worker[i];
    ck_assert_int_eq(sum, (int)tasks);
}

START_TEST(every_task_once) {
    static const size_t tasks[] = {0, 1, 2, 3, 7, 64, MOST_TASKS};
    static const int counts[] = {1, 2, 3, MOST_WORKERS};
    for (int i = 0; i < 4; i++) {
        rn_threads *threads = open_pool(counts[i]);
        for (int k = 0; k < 7; k++) check_run(threads, tasks[k]);
        rn_threads_free(threads);
    }
    for (int k = 0; k < 7; k++) check_run(NULL, tasks[k]);
    ck_assert_int_eq(rn_threads_count(NULL), 1);
    rn_threads_free(NULL);
}
END_TEST

static void add_one(void *context, size_t task, int worker) {
    (void)worker;
    ((long *)context)[task]++;
}

/* Jobs shorter than the time a worker needs to wake: most find the door shut when they come. */
START_TEST(many_short_jobs) {
    enum { JOBS = 20000 };
    static long sums[4];
    rn_threads *threads = open_pool(4);
    memset(sums, 0, sizeof sums);
    for (int job = 0; job < JOBS; job++)
        rn_threads_run(threads, 1 + (size_t)job % 4, add_one, sums);
    ck_assert_int_eq(sums[0], JOBS);
    ck_assert_int_eq(sums[1], JOBS / 4 * 3);
    ck_assert_int_eq(sums[3], JOBS / 4);
    rn_threads_free(threads);
}
END_TEST

/* Two tasks that wait for each other: only two threads at once can finish them. */
static void meet(void *context, size_t task, int worker) {
    atomic_int *arrived = context;
    (void)task;
    (void)worker;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < 2) usleep(100);
}

START_TEST(sleeping_workers_wake) {
    rn_threads *threads = open_pool(2);
    for (int job = 0; job < 30; job++) {
        atomic_int arrived = 0;
        if (job % 3 == 0) usleep(3000); /* longer than a worker looks for work */
        rn_threads_run(threads, 2, meet, &arrived);
        ck_assert_int_eq(atomic_load(&arrived), 2);
    }
    rn_threads_free(threads);
}
END_TEST

static void last_is_slow(void *context, size_t task, int worker) {
    (void)worker;
    if (task == 0) usleep(5000);
    ((long *)context)[task]++;
}

START_TEST(run_waits_for_the_slowest) {
    static long sums[16];
    rn_threads *threads = open_pool(3);
    memset(sums, 0, sizeof sums);
    for (int job = 1; job <= 10; job++) {
        rn_threads_run(threads, 16, last_is_slow, sums);
        for (int i = 0; i < 16; i++) ck_assert_int_eq(sums[i], job);
    }
    rn_threads_free(threads);
}
END_TEST

START_TEST(pools_come_and_go) {
    for (int i = 0; i < 50; i++) {
        rn_threads *threads = open_pool(1 + i % 5);
        if (i % 2) check_run(threads, 10); /* and those that never worked */
        rn_threads_free(threads);
    }
}
END_TEST

START_TEST(counts_out_of_range) {
    rn_threads *threads = (void *)&threads;
    ck_assert_int_eq(rn_threads_create(&threads, 0), RN_EINVAL);
    ck_assert_str_eq(rn_error_text(), "threads: got 0, want 1..1024");
    ck_assert_ptr_null(threads);
    ck_assert_int_eq(rn_threads_create(&threads, -1), RN_EINVAL);
    ck_assert_int_eq(rn_threads_create(&threads, 1025), RN_EINVAL);
    ck_assert_int_ge(rn_threads_default(), 1);
    ck_assert_int_le(rn_threads_default(), (int)sysconf(_SC_NPROCESSORS_CONF));
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* No room for a thousand stacks: those that were started end, nothing is left. */
START_TEST(threads_that_cannot_start) {
    struct rlimit limit, small;
    unsigned long pages = 0;
    rn_threads *threads = NULL;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    small = limit;
    small.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (256 << 20);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &small), 0);
    const rn_status status = rn_threads_create(&threads, 1000);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_int_eq(status, RN_ENOMEM);
    ck_assert_ptr_nonnull(strstr(rn_error_text(), "cannot start thread "));
    ck_assert_ptr_nonnull(strstr(rn_error_text(), " of 1000"));
    ck_assert_ptr_null(threads);
}
END_TEST
#endif

int main(void) {
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_task_once);
    tcase_add_test(tests, many_short_jobs);
    tcase_add_test(tests, sleeping_workers_wake);
    tcase_add_test(tests, run_waits_for_the_slowest);
    tcase_add_test(tests, pools_come_and_go);
    tcase_add_test(tests, counts_out_of_range);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    tcase_add_test(tests, threads_that_cannot_start);
#endif
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
