/* real.h: the number type of the network and of the detection maths.
 *
 * src/ops, src/nn, src/detection and src/model are compiled twice: with float for use, with double
 * for the proofs of the gradients (tests only). Literals in those folders are written as (real)0.5
 * and maths goes through <tgmath.h>. */
#ifndef RN_BASE_REAL_H
#define RN_BASE_REAL_H

#include <tgmath.h>

#ifdef RN_REAL_IS_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif
