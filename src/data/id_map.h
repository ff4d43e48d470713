/* id_map.h: from a data set's own ids (any integers) to positions 0, 1, 2 ... */
#ifndef RN_DATA_ID_MAP_H
#define RN_DATA_ID_MAP_H

#include "base/status.h"

#define RN_NO_ID SIZE_MAX

/* A hash table with open addressing. Zero-initialise. */
typedef struct rn_id_map {
    struct rn_id_slot *slots; /* [cap] */
    size_t cap;               /* 0 or a power of two */
    size_t n;
} rn_id_map;

/* Give `id` the value `index` (not RN_NO_ID), unless it has one: *had is that one, else RN_NO_ID.
 * RN_ENOMEM. */
RN_MUST_USE rn_status rn_id_map_add(rn_id_map *map, size_t *had, int64_t id, size_t index);

/* The value of `id`, RN_NO_ID if it has none. */
size_t rn_id_map_find(const rn_id_map *map, int64_t id);

void rn_id_map_free(rn_id_map *map); /* and zero it */

#endif
