/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls that have a safer one beside them do not compile. The build includes this header in front
 * of every source file of ours (cmake/library.cmake); nobody includes it by hand.
 *
 * The system headers that declare them come first, so that only our uses are hit. What to write
 * instead stands at the right.
 */
#ifndef ERGON_BASE_BANNED_H
#define ERGON_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define ERGON_BANNED(call, instead) call##_is_banned_use_##instead

/* No bound on what they write. */
#undef strcpy
#define strcpy(...) ERGON_BANNED(strcpy, snprintf_or_memcpy)
#undef stpcpy
#define stpcpy(...) ERGON_BANNED(stpcpy, snprintf_or_memcpy)
#undef strcat
#define strcat(...) ERGON_BANNED(strcat, snprintf_or_text_puts)
#undef strncpy
#define strncpy(...) ERGON_BANNED(strncpy, snprintf_or_memcpy)
#undef strncat
#define strncat(...) ERGON_BANNED(strncat, snprintf_or_text_puts)
#undef sprintf
#define sprintf(...) ERGON_BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) ERGON_BANNED(vsprintf, vsnprintf)
#undef gets
#define gets(...) ERGON_BANNED(gets, fgets)

/* No way to tell a bad number from 0. */
#undef atoi
#define atoi(...) ERGON_BANNED(atoi, parse_i64)
#undef atol
#define atol(...) ERGON_BANNED(atol, parse_i64)
#undef atoll
#define atoll(...) ERGON_BANNED(atoll, parse_i64)
#undef atof
#define atof(...) ERGON_BANNED(atof, parse_real)

/* Hidden state shared by every thread of the program. */
#undef strtok
#define strtok(...) ERGON_BANNED(strtok, strcspn)
#undef rand
#define rand(...) ERGON_BANNED(rand, rng_u64)
#undef srand
#define srand(...) ERGON_BANNED(srand, rng_init)
#undef random
#define random(...) ERGON_BANNED(random, rng_u64)
#undef drand48
#define drand48(...) ERGON_BANNED(drand48, rng_uniform)
#undef gmtime
#define gmtime(...) ERGON_BANNED(gmtime, gmtime_r)
#undef localtime
#define localtime(...) ERGON_BANNED(localtime, localtime_r)
#undef ctime
#define ctime(...) ERGON_BANNED(ctime, strftime)
#undef asctime
#define asctime(...) ERGON_BANNED(asctime, strftime)

/* A name that someone else can take between two calls; a shell where none was asked for. */
#undef tmpnam
#define tmpnam(...) ERGON_BANNED(tmpnam, mkstemp)
#undef mktemp
#define mktemp(...) ERGON_BANNED(mktemp, mkstemp)
#undef system
#define system(...) ERGON_BANNED(system, posix_spawn)
#undef popen
#define popen(...) ERGON_BANNED(popen, posix_spawn)

#endif
