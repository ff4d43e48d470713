/* peak.h: the most that this machine's arithmetic gives: what a kernel's speed is a share of. */
#ifndef RN_TRAIN_PEAK_H
#define RN_TRAIN_PEAK_H

#include "base/threads.h"

/* 1e9 float multiply-adds, each counted as two, that all workers together do a second in registers
 * alone, with the widest instructions there are: the best of some tries, about 50 ms in all. *isa
 * is their name, never freed. */
double rn_peak_gflops(const char **isa, rn_threads *threads);

#endif
