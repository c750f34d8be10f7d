/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as people write and read them. Parsing is strict: the whole text must be the number and
 * its unit, finite and in range; anything else is an error that says what was expected.
 */
#ifndef ERGON_BASE_UNITS_H
#define ERGON_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_US UINT64_C(1000)
#define J_PER_KWH 3.6e6

/* Each returns false when text is not exactly such a number. */
bool parse_real(const char *text, double *value);  /* finite */
bool parse_u64(const char *text, uint64_t *value); /* decimal, no sign */
bool parse_i64(const char *text, int64_t *value);
bool parse_duration_ns(const char *text, uint64_t *ns); /* 100us 5ms 2.5s 3m 1h 2d; bare: seconds */
bool parse_power_w(const char *text, double *power_w);  /* 250 250W 1.2kW 3MW */
bool parse_fraction(const char *text, double *fraction); /* 5% or 0.05 -> 0.05 */
bool parse_bytes(const char *text,
                 uint64_t *bytes); /* 64 64K 16MiB 2GB; K and KiB are 1024, KB 1000 */

double seconds_from_ns(uint64_t ns);
uint64_t ns_from_seconds(
    double seconds); /* rounds to nearest; saturates; 0 for negatives and NaN */

/* "1.23 kJ", "456 mW", "12.0 GFLOP/s": three significant digits, SI prefix. Returns out. */
char *format_si(char *out, size_t size, double value, const char *unit);
/* "1.250 s", "3 min 20 s", "2 h 05 min", "1 d 3 h", "45 us": for people. Returns out. */
char *format_duration(char *out, size_t size, double seconds);

#endif
