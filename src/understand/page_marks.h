/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's "accessed" marks of the pages of running processes.
 *
 * A window clears the marks (/proc/PID/clear_refs), lets the processes run for a while, and counts
 * the pages marked since (smaps, Referenced), except of code, which others mark too. Time is the
 * processes' own CPU time, from the CPU clock of each, so what others take of the processors is not
 * in it. Clearing and counting walk the pages in one order, so each page was watched for about as
 * long as lies between the middles of the two walks; what of the CPU time fell into the walks
 * themselves is stated as blur.
 *
 * Two traps, for the caller. The first access to an unmarked page costs the process time (the
 * processor sets the mark itself: about 0.6 us in a virtual machine, more than to stream the page
 * from memory), and it is user time. And marks are not renewed while a processor's TLB still holds
 * the translation: that hides some megabytes of pages that are accessed all the time, and with huge
 * pages gigabytes. Only clearing the soft-dirty marks, too, makes the kernel flush the TLBs; but
 * then the first write to a page is a fault, so such windows tell what is touched, not how fast.
 */
#ifndef ERGON_UNDERSTAND_PAGE_MARKS_H
#define ERGON_UNDERSTAND_PAGE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ergon/env.h"

enum { PAGE_MARKS_PROCESSES = 64 };

struct page_marks {
	const struct ergon_env *env;
	pid_t roots[PAGE_MARKS_PROCESSES]; /* children of ours; their descendants count too */
	size_t root_count;
	pid_t pids[PAGE_MARKS_PROCESSES];
	size_t count;
};

struct page_window {
	double touched_bytes, resident_bytes, huge_bytes;
	double cpu_s;  /* of all threads, that the pages were watched for */
	double blur_s; /* CPU time that fell into the two walks: cpu_s is uncertain by up to this */
};

/* Have all of the roots ended? They are not reaped. */
bool page_marks_ended(const struct page_marks *marks);
/* CPU time of all processes so far. */
double page_marks_cpu_s(struct page_marks *marks);
/* Sleeps until the processes have used cpu_s more, or ended, or 2 s have passed. */
void page_marks_wait(struct page_marks *marks, double cpu_s);
/* One window of at least so much CPU time, all of it seen where flush is set. False: the processes
 * have ended or cannot be seen. */
bool page_marks_window(struct page_marks *marks, double cpu_s, bool flush,
                       struct page_window *window);

#endif
