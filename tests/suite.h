/* suite.h: the end of every test program. */
#ifndef RN_TESTS_SUITE_H
#define RN_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Run the suite, freed afterwards, and say what main returns. */
static inline int suite_run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV); /* normal unless CK_VERBOSITY says */
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
