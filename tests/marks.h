/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What wb_io executes in the guest and wb_insns sees from outside: at MARKS begin
 * the writes that are to be counted, at MARKS + N the N-th lot of them ends.
 */
#ifndef WB_BENCH_MARKS_H
#define WB_BENCH_MARKS_H

#define MARKS		0x77620000UL
#define NR_MARKS	16

#endif
