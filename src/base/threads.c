#include "base/threads.h"
#include "base/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    SPINS = 4000, /* looks for work before a worker sleeps: 20 to 200 us by the processor's pause,
                     longer than the gap between two kernels */
    MAX_THREADS = 1024
};

/* The job's door: a bit that says it is open, below it how many workers are inside. A worker that
 * wakes late, because the machine is busy, finds it closed: the caller waits for those inside, not
 * for those asleep. */
#define DOOR_OPEN 0x80000000u

struct rn_threads {
    int count;
    pthread_t *others; /* [count - 1] workers 1.. */
    int started;

    /* The current job; written while the door is shut and nobody inside. */
    rn_task_fn *fn;
    void *context;
    size_t tasks;
    atomic_size_t next; /* the next task that nobody has taken */
    atomic_uint door;
    atomic_uint round; /* counts jobs; a change is the call to work */
    atomic_bool stop;

    pthread_mutex_t mutex; /* for sleeping alone */
    pthread_cond_t wake;
    int sleeping; /* workers that wait for `wake`; under the mutex */
};

/* One worker's argument. */
typedef struct seat {
    rn_threads *threads;
    int worker;
} seat;

int rn_threads_default(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    const int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count;
}

int rn_threads_count(const rn_threads *threads) {
    return threads ? threads->count : 1;
}

static void pause_cpu(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static bool enter(rn_threads *t) {
    unsigned door = atomic_load_explicit(&t->door, memory_order_relaxed);
    while (door & DOOR_OPEN)
        if (atomic_compare_exchange_weak_explicit(&t->door, &door, door + 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    return false;
}

static void leave(rn_threads *t) {
    atomic_fetch_sub_explicit(&t->door, 1, memory_order_release);
}

/* Take tasks until none is left. */
static void work(rn_threads *t, int worker) {
    for (;;) {
        const size_t task = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed);
        if (task >= t->tasks) return;
        t->fn(t->context, task, worker);
    }
}

/* Wait until the round is not `seen` any more: look for a while, then sleep. */
static unsigned await_round(rn_threads *t, unsigned seen) {
    for (int i = 0; i < SPINS; i++) {
        const unsigned round = atomic_load_explicit(&t->round, memory_order_acquire);
        if (round != seen) return round;
        pause_cpu();
    }
    pthread_mutex_lock(&t->mutex);
    t->sleeping++;
    while (atomic_load_explicit(&t->round, memory_order_acquire) == seen)
        pthread_cond_wait(&t->wake, &t->mutex);
    t->sleeping--;
    pthread_mutex_unlock(&t->mutex);
    return atomic_load_explicit(&t->round, memory_order_acquire);
}

static void *serve(void *argument) {
    const seat s = *(seat *)argument;
    rn_threads *t = s.threads;
    unsigned seen = 0;
    free(argument);
    for (;;) {
        seen = await_round(t, seen);
        if (atomic_load(&t->stop)) return NULL;
        if (!enter(t)) continue;
        work(t, s.worker);
        leave(t);
    }
}

/* The call to work: whoever sleeps is woken. */
static void call(rn_threads *t) {
    pthread_mutex_lock(&t->mutex);
    atomic_fetch_add_explicit(&t->round, 1, memory_order_release);
    if (t->sleeping > 0) pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->mutex);
}

void rn_threads_free(rn_threads *t) {
    if (!t) return;
    atomic_store(&t->stop, true);
    call(t);
    for (int i = 0; i < t->started; i++) pthread_join(t->others[i], NULL);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->mutex);
    free(t->others);
    free(t);
}

rn_status rn_threads_create(rn_threads **out, int count) {
    rn_threads *t = NULL;
    rn_status status = RN_OK;
    *out = NULL;
    if (count < 1 || count > MAX_THREADS)
        return rn_fail(RN_EINVAL, "threads: got %d, want 1..%d", count, MAX_THREADS);
    RN_TRY(rn_alloc(&t, 1, sizeof *t));
    t->count = count;
    pthread_mutex_init(&t->mutex, NULL); /* neither fails on Linux with default attributes */
    pthread_cond_init(&t->wake, NULL);
    if ((status = rn_alloc(&t->others, (size_t)count, sizeof *t->others)) != RN_OK) goto done;
    while (t->started < count - 1) {
        seat *s = NULL;
        if ((status = rn_alloc(&s, 1, sizeof *s)) != RN_OK) goto done;
        *s = (seat){t, t->started + 1};
        if (pthread_create(&t->others[t->started], NULL, serve, s) != 0) {
            free(s);
            status = rn_fail(RN_ENOMEM, "cannot start thread %d of %d", t->started + 2, count);
            goto done;
        }
        t->started++;
    }
done:
    if (status == RN_OK)
        *out = t;
    else
        rn_threads_free(t);
    return status;
}

void rn_threads_run(rn_threads *t, size_t tasks, rn_task_fn *fn, void *context) {
    if (!t || t->count == 1 || tasks <= 1) {
        for (size_t task = 0; task < tasks; task++) fn(context, task, 0);
        return;
    }
    t->fn = fn;
    t->context = context;
    t->tasks = tasks;
    atomic_store_explicit(&t->next, 0, memory_order_relaxed);
    atomic_store_explicit(&t->door, DOOR_OPEN, memory_order_release);
    call(t);
    work(t, 0);
    atomic_fetch_and_explicit(&t->door, ~DOOR_OPEN, memory_order_relaxed);
    for (int i = 0; atomic_load_explicit(&t->door, memory_order_acquire) > 0; i++) {
        if (i < SPINS)
            pause_cpu();
        else
            sched_yield(); /* more threads than cores: let the last one run */
    }
}
