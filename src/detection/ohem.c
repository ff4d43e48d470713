#include "detection/ohem.h"
#include "detection/matcher.h"

/* Which anchors a heap holds: the hardest at its top. */
typedef struct heap {
    size_t *at;
    size_t n;
    const real *loss;
} heap;

/* A total order, so that every way to sort gives the same. NaN is hardest: it must stay visible. */
static bool is_harder(const real *loss, size_t a, size_t b) {
    const bool no_a = loss[a] != loss[a], no_b = loss[b] != loss[b];
    if (no_a != no_b) return no_a;
    if (!no_a && loss[a] != loss[b]) return loss[a] > loss[b];
    return a < b;
}

static void sink(heap *h, size_t i) {
    for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && is_harder(h->loss, h->at[child + 1], h->at[child])) child++;
        if (!is_harder(h->loss, h->at[child], h->at[i])) return;
        const size_t moved = h->at[i];
        h->at[i] = h->at[child];
        h->at[child] = moved;
    }
}

static size_t take_hardest(heap *h) {
    const size_t hardest = h->at[0];
    h->at[0] = h->at[--h->n];
    sink(h, 0);
    return hardest;
}

typedef enum example_side { ALL, FOREGROUND, BACKGROUND } example_side;

/* The anchors of a side. A heap, not a sorted list: of 200,000 some hundreds are looked at. */
static heap heap_of(size_t *order, const real *loss, const int *match, size_t n_anchors,
                    example_side side) {
    heap h = {.at = order, .loss = loss};
    for (size_t i = 0; i < n_anchors; i++)
        if (match[i] != RN_MATCH_IGNORE && (side == ALL || (match[i] >= 0) == (side == FOREGROUND)))
            h.at[h.n++] = i;
    for (size_t i = h.n / 2; i-- > 0;) sink(&h, i);
    return h;
}

/* Put up to `most` of a heap behind kept[n]. Returns how many are kept then. */
static size_t keep_hardest(size_t *kept, size_t n, size_t most, heap *h, const real *anchors,
                           real nms_iou) {
    const size_t end = n + most;
    while (n < end && h->n > 0) {
        const size_t hardest = take_hardest(h);
        bool stays = true;
        for (size_t i = 0; i < n && stays; i++)
            stays = rn_iou(anchors + 4 * kept[i], anchors + 4 * hardest) <= nms_iou;
        if (stays) kept[n++] = hardest;
    }
    return n;
}

size_t rn_ohem_choose(int *chosen, const real *loss, const int *match, const real *anchors,
                      size_t n_anchors, const rn_ohem *ohem, size_t *order, size_t *kept) {
    const size_t most = (size_t)ohem->batch;
    size_t n;
    heap h = heap_of(order, loss, match, n_anchors, ohem->ratio ? FOREGROUND : ALL);
    if (ohem->ratio) {
        n = keep_hardest(kept, 0, most / 4, &h, anchors, ohem->nms_iou);
        const size_t room = most - n, thrice = 3 * (n > 0 ? n : 1);
        h = heap_of(order, loss, match, n_anchors, BACKGROUND);
        n = keep_hardest(kept, n, thrice < room ? thrice : room, &h, anchors, ohem->nms_iou);
    } else {
        n = keep_hardest(kept, 0, most, &h, anchors, ohem->nms_iou);
    }
    for (size_t i = 0; i < n_anchors; i++) chosen[i] = RN_MATCH_IGNORE;
    for (size_t i = 0; i < n; i++) chosen[kept[i]] = match[kept[i]];
    return n;
}
