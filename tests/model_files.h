/* model_files.h: safetensors files made by hand, and whole model files to be spoilt, in the
 * temporary folder. */
#ifndef RN_TESTS_MODEL_FILES_H
#define RN_TESTS_MODEL_FILES_H

#include "base/file.h"
#include "temp_folder.h"
#include "tiny_network.h"

/* ---- by hand ---- */

#define TENSOR(name, dtype, shape, offsets)                                                        \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}"

/* `length` as the header's length, then `header`, then `size` bytes 0, 1, 2 ... */
static inline void raw_file(const char *name, uint64_t length, const char *header, size_t size) {
    const size_t n = strlen(header);
    uint8_t bytes[8192];
    ck_assert_uint_le(8 + n + size, sizeof bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(length >> 8 * i);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < size; i++) bytes[8 + n + i] = (uint8_t)i;
    temp_bytes(name, bytes, 8 + n + size);
}

/* ---- a model ---- */

static rn_model_config config;
static rn_network network;
static real *weights;

static inline void model_make(int norm) {
    config = tiny_config();
    config.norm = norm;
    network = tiny_network(&config);
    weights = tiny_weights(&network, 0.01);
}

static inline void model_free(void) {
    rn_network_free(&network);
    rn_model_config_free(&config);
    free(weights);
}

/* All that a model file holds, about to be saved. */
static inline rn_safetensors_writer whole(void) {
    rn_safetensors_writer w = {0};
    ck_assert_int_eq(rn_model_add_metadata(&w, &config), RN_OK);
    ck_assert_int_eq(rn_weights_add(&w, weights, &network.graph, "", false), RN_OK);
    return w;
}

static inline void finish(rn_safetensors_writer *w, const char *name) {
    ck_assert_msg(rn_safetensors_save(w, temp_path(name)) == RN_OK, "%s", rn_error_text());
    rn_safetensors_writer_free(w);
}

static inline void save_model(const char *name) {
    rn_safetensors_writer w = whole();
    finish(&w, name);
}

/* A file without tensors and with these metadata; NULL: none. */
static inline void save_metadata(const char *name, const char *format, const char *json) {
    rn_safetensors_writer w = {0};
    if (format) ck_assert_int_eq(rn_safetensors_add_metadata(&w, "format", format), RN_OK);
    if (json) ck_assert_int_eq(rn_safetensors_add_metadata(&w, "config", json), RN_OK);
    finish(&w, name);
}

static inline rn_tensor_entry *entry_of(rn_safetensors_writer *w, const char *tensor) {
    for (size_t i = 0; i < w->n_entries; i++)
        if (strcmp(w->entries[i].name, tensor) == 0) return &w->entries[i];
    ck_abort_msg("%s is missing", tensor);
}

static inline void drop(rn_safetensors_writer *w, const char *tensor) {
    rn_tensor_entry *entry = entry_of(w, tensor);
    *entry = w->entries[--w->n_entries];
}

/* ---- a file that was saved ---- */

static inline uint8_t *file_bytes(size_t *size, const char *name) {
    static uint8_t *bytes; /* static: or gcc 12 warns of what it would point to */
    ck_assert_msg(rn_file_read(&bytes, size, temp_path(name), 1 << 24) == RN_OK, "%s",
                  rn_error_text());
    return bytes;
}

/* Put it back with a checksum that matches. */
static inline void reseal(const char *name, uint8_t *bytes, size_t size) {
    uint8_t *crc = bytes + 8 + strlen(RN_CHECKSUM_KEY);
    char digits[9];
    memset(crc, '0', 8);
    snprintf(digits, sizeof digits, "%08x", rn_crc32(0, bytes, size));
    memcpy(crc, digits, 8);
    temp_bytes(name, bytes, size);
}

/* Take all metadata out of it, the checksum with them. */
static inline void strip_metadata(const char *name) {
    static const char key[] = "{\"__metadata__\":";
    size_t size;
    uint64_t length;
    uint8_t *bytes = file_bytes(&size, name);
    memcpy(&length, bytes, 8);
    char *header = (char *)bytes + 8, *end = header + strlen(key);
    ck_assert_int_eq(strncmp(header, key, strlen(key)), 0);
    for (bool text = false; text || *end != '}'; end++) { /* of an object of texts */
        if (*end == '\\')
            end++;
        else if (*end == '"')
            text = !text;
    }
    ck_assert_int_eq(end[1], ',');
    const size_t taken = (size_t)(end + 2 - (header + 1));
    memmove(header + 1, end + 2, size - 8 - 1 - taken);
    length -= taken;
    memcpy(bytes, &length, 8);
    temp_bytes(name, bytes, size - taken);
    free(bytes);
}

/* Change bytes of its header. */
static inline void patch(const char *name, const char *from, const char *to) {
    size_t size;
    uint8_t *bytes = file_bytes(&size, name);
    char *at = strstr((char *)bytes + 8, from);
    ck_assert_ptr_nonnull(at);
    ck_assert_uint_eq(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    reseal(name, bytes, size);
    free(bytes);
}

/* Where in it the data of a tensor begin. */
static inline size_t data_at(const char *name, const char *tensor) {
    static const char key[] = "\"data_offsets\":[";
    char quoted[256];
    size_t size;
    uint64_t length;
    uint8_t *bytes = file_bytes(&size, name);
    memcpy(&length, bytes, 8);
    snprintf(quoted, sizeof quoted, "\"%s\":", tensor);
    const char *at = strstr((char *)bytes + 8, quoted);
    ck_assert_ptr_nonnull(at);
    at = strstr(at, key);
    ck_assert_ptr_nonnull(at);
    const size_t from = 8 + (size_t)length + strtoul(at + strlen(key), NULL, 10);
    free(bytes);
    return from;
}

/* Change number `index` of a tensor of floats. */
static inline void poke(const char *name, const char *tensor, size_t index, float number) {
    const size_t at = data_at(name, tensor) + 4 * index;
    size_t size;
    uint8_t *bytes = file_bytes(&size, name);
    memcpy(bytes + at, &number, 4);
    reseal(name, bytes, size);
    free(bytes);
}

#endif
