#include "base/field.h"
#include "base/memory.h"
#include "model/half.h"
#include "model/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8 };

void rn_safetensors_writer_free(rn_safetensors_writer *writer) {
    for (size_t i = 0; i < writer->n_metadata; i++) {
        free(writer->metadata[i].key);
        free(writer->metadata[i].value);
    }
    free(writer->metadata);
    free(writer->entries);
    *writer = (rn_safetensors_writer){0};
}

rn_status rn_safetensors_add(rn_safetensors_writer *w, const rn_tensor_entry *entry) {
    RN_TRY(rn_reserve(&w->entries, &w->cap_entries, w->n_entries + 1, sizeof *w->entries));
    w->entries[w->n_entries++] = *entry;
    return RN_OK;
}

rn_status rn_safetensors_add_metadata(rn_safetensors_writer *w, const char *key,
                                      const char *value) {
    RN_TRY(rn_reserve(&w->metadata, &w->cap_metadata, w->n_metadata + 1, sizeof *w->metadata));
    rn_metadata *entry = &w->metadata[w->n_metadata++];
    *entry = (rn_metadata){0};
    RN_TRY(rn_strdup(&entry->key, key));
    return rn_strdup(&entry->value, value);
}

/* ---- tensors as the file has them ---- */

static size_t count_of(const rn_tensor_entry *entry) {
    size_t count = 1;
    for (int i = 0; i < entry->n_dims; i++) count *= entry->dims[i];
    return count;
}

/* The number at place `i` of the file's tensor. */
static float number_at(const rn_tensor_entry *e, size_t i) {
    if (!e->permuted) return (float)e->data[i];
    const size_t in = e->dims[1], taps = e->dims[2] * e->dims[3];
    const size_t tap = i % taps, channel = i / taps % in, out = i / (taps * in);
    return (float)e->data[(out * taps + tap) * in + channel];
}

size_t rn_tensor_entry_size(const rn_tensor_entry *e) {
    return count_of(e) * rn_dtype_size(e->dtype);
}

void rn_tensor_entry_encode(uint8_t *bytes, const rn_tensor_entry *e) {
    const size_t count = count_of(e);
    if (e->raw) memcpy(bytes, e->raw, rn_tensor_entry_size(e));
    for (size_t i = 0; !e->raw && i < count; i++) {
        const float number = number_at(e, i);
        if (e->dtype == RN_F32) {
            memcpy(bytes + 4 * i, &number, 4);
        } else {
            const uint16_t half = rn_float_to_half(number);
            memcpy(bytes + 2 * i, &half, 2);
        }
    }
}

/* ---- the header ---- */

typedef struct text {
    char *bytes;
    size_t length, cap;
} text;

static rn_status put(text *t, const char *more) {
    const size_t n = strlen(more);
    RN_TRY(rn_reserve(&t->bytes, &t->cap, t->length + n + 1, 1));
    memcpy(t->bytes + t->length, more, n + 1);
    t->length += n;
    return RN_OK;
}

static rn_status put_quoted(text *t, const char *more) {
    char *quoted = NULL;
    RN_TRY(rn_json_quote(&quoted, more));
    const rn_status status = put(t, quoted);
    free(quoted);
    return status;
}

static rn_status put_metadata(text *t, const rn_safetensors_writer *w) {
    RN_TRY(put(t, RN_CHECKSUM_KEY "00000000\""));
    for (size_t i = 0; i < w->n_metadata; i++) {
        RN_TRY(put(t, ","));
        RN_TRY(put_quoted(t, w->metadata[i].key));
        RN_TRY(put(t, ":"));
        RN_TRY(put_quoted(t, w->metadata[i].value));
    }
    return put(t, "}");
}

static rn_status put_tensor(text *t, const rn_tensor_entry *e, size_t *offset) {
    const size_t bytes = rn_tensor_entry_size(e);
    char number[64];
    RN_TRY(put(t, ","));
    RN_TRY(put_quoted(t, e->name));
    RN_TRY(put(t, ":{\"dtype\":\""));
    RN_TRY(put(t, rn_dtype_name(e->dtype)));
    RN_TRY(put(t, "\",\"shape\":["));
    for (int i = 0; i < e->n_dims; i++) {
        snprintf(number, sizeof number, "%s%zu", i ? "," : "", e->dims[i]);
        RN_TRY(put(t, number));
    }
    snprintf(number, sizeof number, "],\"data_offsets\":[%zu,%zu]}", *offset, *offset + bytes);
    *offset += bytes;
    return put(t, number);
}

/* The length and the header with a checksum of zeros, padded with blanks so that the data are
 * aligned to 8 bytes. */
static rn_status make_header(text *t, const rn_safetensors_writer *w) {
    size_t offset = 0;
    RN_TRY(put(t, "........")); /* the length, known at the end */
    RN_TRY(put_metadata(t, w));
    for (size_t i = 0; i < w->n_entries; i++) RN_TRY(put_tensor(t, &w->entries[i], &offset));
    RN_TRY(put(t, "}"));
    while (t->length % 8 != 0) RN_TRY(put(t, " "));
    for (int i = 0; i < LENGTH_BYTES; i++)
        t->bytes[i] = (char)((uint64_t)(t->length - LENGTH_BYTES) >> 8 * i);
    return RN_OK;
}

/* ---- saving ---- */

/* Room for the largest tensor. */
static rn_status make_buffer(uint8_t **buffer, const rn_safetensors_writer *w) {
    size_t most = 1;
    for (size_t i = 0; i < w->n_entries; i++)
        if (rn_tensor_entry_size(&w->entries[i]) > most)
            most = rn_tensor_entry_size(&w->entries[i]);
    return rn_alloc(buffer, most, 1);
}

/* The data are encoded twice, here and when written: the checksum stands before them. */
static void put_checksum(text *header, const rn_safetensors_writer *w, uint8_t *buffer) {
    uint32_t crc = rn_crc32(0, header->bytes, header->length);
    char digits[RN_CHECKSUM_DIGITS + 1];
    for (size_t i = 0; i < w->n_entries; i++) {
        rn_tensor_entry_encode(buffer, &w->entries[i]);
        crc = rn_crc32(crc, buffer, rn_tensor_entry_size(&w->entries[i]));
    }
    snprintf(digits, sizeof digits, "%08" PRIx32, crc);
    memcpy(header->bytes + LENGTH_BYTES + strlen(RN_CHECKSUM_KEY), digits, RN_CHECKSUM_DIGITS);
}

static rn_status write_all(rn_writer *file, const rn_safetensors_writer *w, const text *header,
                           uint8_t *buffer) {
    RN_TRY(rn_writer_write(file, header->bytes, header->length));
    for (size_t i = 0; i < w->n_entries; i++) {
        rn_tensor_entry_encode(buffer, &w->entries[i]);
        RN_TRY(rn_writer_write(file, buffer, rn_tensor_entry_size(&w->entries[i])));
    }
    return RN_OK;
}

rn_status rn_safetensors_save(const rn_safetensors_writer *w, const char *path) {
    rn_writer *file = NULL;
    uint8_t *buffer = NULL;
    text header = {0};
    rn_status status;
    if ((status = make_buffer(&buffer, w)) != RN_OK) goto done;
    if ((status = make_header(&header, w)) != RN_OK) goto done;
    put_checksum(&header, w, buffer);
    if ((status = rn_writer_open(&file, path)) != RN_OK) goto done;
    if ((status = write_all(file, w, &header, buffer)) != RN_OK) goto done;
    status = rn_writer_commit(file);
    file = NULL;
done:
    rn_writer_abort(file);
    free(header.bytes);
    free(buffer);
    return status;
}
