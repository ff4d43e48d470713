/* The losses and their derivatives in double against torch in double. */
#include "parity_losses.h"
#include "suite.h"

int main(void) {
    Suite *suite = suite_create("parity in double");
    suite_add_tcase(suite, losses_case());
    return suite_run(suite);
}
