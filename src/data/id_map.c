#include "data/id_map.h"
#include "base/memory.h"

#include <stdlib.h>

enum { FIRST_CAP = 64 };

struct rn_id_slot {
    int64_t id;
    size_t taken; /* index + 1; 0 is an empty slot */
};

/* The finaliser of splitmix64: ids are often 1, 2, 3 ... or multiples of a power of two. */
static uint64_t mix(int64_t id) {
    uint64_t h = (uint64_t)id;
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

/* The slot of `id`, or the empty one where it belongs; at least one slot is empty. */
static struct rn_id_slot *locate(const rn_id_map *map, int64_t id) {
    const size_t mask = map->cap - 1;
    size_t i = (size_t)mix(id) & mask;
    while (map->slots[i].taken && map->slots[i].id != id) i = (i + 1) & mask;
    return &map->slots[i];
}

static rn_status grow(rn_id_map *map) {
    rn_id_map wider = {.n = map->n};
    if (!rn_mul(&wider.cap, map->cap, 2))
        return rn_fail(RN_ENOMEM, "cannot allocate a table of %zu x 2 ids", map->cap);
    if (wider.cap == 0) wider.cap = FIRST_CAP;
    RN_TRY(rn_alloc(&wider.slots, wider.cap, sizeof *wider.slots));
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].taken) *locate(&wider, map->slots[i].id) = map->slots[i];
    free(map->slots);
    *map = wider;
    return RN_OK;
}

rn_status rn_id_map_add(rn_id_map *map, size_t *had, int64_t id, size_t index) {
    if (map->n >= map->cap / 2) RN_TRY(grow(map)); /* half full at most: short ways */
    struct rn_id_slot *slot = locate(map, id);
    *had = slot->taken ? slot->taken - 1 : RN_NO_ID;
    if (slot->taken) return RN_OK;
    *slot = (struct rn_id_slot){id, index + 1};
    map->n++;
    return RN_OK;
}

size_t rn_id_map_find(const rn_id_map *map, int64_t id) {
    if (map->cap == 0) return RN_NO_ID;
    return locate(map, id)->taken - 1; /* an empty slot gives SIZE_MAX, which is RN_NO_ID */
}

void rn_id_map_free(rn_id_map *map) {
    free(map->slots);
    *map = (rn_id_map){0};
}
