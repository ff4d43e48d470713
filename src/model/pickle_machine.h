/* pickle_machine.h: what the opcodes of a pickle work with. Private to pickle.c, the stack machine,
 * and pickle_torch.c, what torch.save has it call. */
#ifndef RN_MODEL_PICKLE_MACHINE_H
#define RN_MODEL_PICKLE_MACHINE_H

#include "model/pickle.h"

/* Behind every refusal. */
#define RN_PICKLE_READS "only tensors, dictionaries, numbers and strings are read"

/* ---- failures, RN_EINPUT ---- */

/* Where in the file the opcode is that is being run. */
size_t rn_pickle_here(const rn_pickle *p);
/* It finds other things before it than it works on: no pickler writes that. */
RN_MUST_USE rn_status rn_pickle_misfit(const rn_pickle *p);
/* It is refused, with `what` of it. */
RN_MUST_USE rn_status rn_pickle_refuse(const rn_pickle *p, const char *what);
/* The pickle ends within it. */
RN_MUST_USE rn_status rn_pickle_cut_off(const rn_pickle *p);

/* ---- the stack ---- */

RN_MUST_USE rn_status rn_pickle_push(rn_pickle *p, uint32_t id);
/* New objects. */
RN_MUST_USE rn_status rn_pickle_push_number(rn_pickle *p, rn_pickle_kind kind, int64_t number);
RN_MUST_USE rn_status rn_pickle_push_items(rn_pickle *p, rn_pickle_kind kind, uint32_t first,
                                           uint32_t last);

/* Where on the stack an object is, `depth` below the top; NULL if there is none. */
uint32_t *rn_pickle_top(const rn_pickle *p, size_t depth);
/* The same of a kind, as an object. */
rn_pickle_object *rn_pickle_top_of(const rn_pickle *p, size_t depth, rn_pickle_kind kind);

/* ---- opcodes; the argument is theirs in the table of pickle.c ---- */

RN_MUST_USE rn_status rn_pickle_empty(rn_pickle *p, int kind);
RN_MUST_USE rn_status rn_pickle_append(rn_pickle *p, int kind);
RN_MUST_USE rn_status rn_pickle_global(rn_pickle *p, int argument);
RN_MUST_USE rn_status rn_pickle_stack_global(rn_pickle *p, int argument);
RN_MUST_USE rn_status rn_pickle_reduce(rn_pickle *p, int argument);
RN_MUST_USE rn_status rn_pickle_build(rn_pickle *p, int argument);
RN_MUST_USE rn_status rn_pickle_persistent(rn_pickle *p, int argument);

#endif
