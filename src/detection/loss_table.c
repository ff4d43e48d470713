#include "detection/loss_table.h"

#include <string.h>

static const rn_loss_info table[] = {
#define X(constant, ...) [constant] = {__VA_ARGS__},
    RN_LOSS_LIST(X)
#undef X
};

const rn_loss_info *rn_loss_info_of(rn_loss_kind kind) {
    return &table[kind];
}

bool rn_loss_has_parameter(rn_loss_kind kind, const char *option) {
    const size_t n = strlen(option);
    for (const char *p = table[kind].parameters; *p; p += strspn(p, " ")) {
        const size_t length = strcspn(p, " ");
        if (length == n && memcmp(p, option, n) == 0) return true;
        p += length;
    }
    return false;
}

bool rn_loss_is_parameter(const char *option) {
    for (int kind = 0; kind < RN_LOSS_KINDS; kind++)
        if (rn_loss_has_parameter((rn_loss_kind)kind, option)) return true;
    return false;
}
