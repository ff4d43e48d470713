#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t n_read;

size_t fuzz_n_read(void) {
    return n_read;
}

const char *fuzz_file(const uint8_t *data, size_t size) {
    static char path[32];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        FUZZ_CHECK(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    FUZZ_CHECK(ftruncate(fd, 0) == 0);
    FUZZ_CHECK(size == 0 || pwrite(fd, data, size, 0) == (ssize_t)size);
    return path;
}

bool fuzz_read(rn_status status, const char *name) {
    const char *text = rn_error_text();
    if (status == RN_OK) {
        n_read++;
        return true;
    }
    FUZZ_CHECK(status == RN_EINPUT);
    FUZZ_CHECK(strncmp(text, name, strlen(name)) == 0 && strlen(text) > strlen(name) + 2);
    for (; *text; text++) FUZZ_CHECK((unsigned char)*text >= 0x20 && *text != 0x7f);
    return false;
}
