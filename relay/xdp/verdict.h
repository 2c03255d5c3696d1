/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef NETPORT_VERDICT_H
#define NETPORT_VERDICT_H

#include "shared.h"

/* Anything below is a drop, for that reason of enum np_drop. */
enum np_verdict {
	NP_PASS = NP_DROPS, /* as it came, to whoever is next */
	NP_UP,              /* rewritten, to this machine */
	NP_FORWARD,         /* rewritten, the way that was found */
	NP_RESOLVE,         /* rewritten, to an interface whose neighbour the kernel has to ask for */
};

#endif
