/* SPDX-License-Identifier: Apache-2.0
 *
 * What a wattmeter says: one line of a log or a serial port, and the JSON of smart plugs. Pure
 * functions, any text may come in. Powers in W.
 */
#ifndef ERGON_MEASURE_SENSORS_METER_LINE_H
#define ERGON_MEASURE_SENSORS_METER_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The power in a line such as "123.4", "12:00:01,230.1,0.53,121.9" or "P=121.9W": fields are parted
 * by comma, semicolon, blank or tab; column counts from 1, 0 takes the last field that is a number.
 * A field may begin with NAME= or NAME: and end in W, mW or kW. False where there is no such
 * number, or one that is negative, over 1 MW or no number at all. */
bool meter_line_power(const char *line, size_t length, unsigned column, double *power_w);

/* Tasmota's "Status 10" (StatusSNS.ENERGY.Power, a number or a list, whose sum counts). */
bool tasmota_power(const json_t *answer, double *power_w);

/* Shelly: Gen2 and later "Shelly.GetStatus" (sum of apower of switch:N, of total_act_power of
 * em:N, of apower of pm1:N), Gen1 "/status" (sum of meters[].power and emeters[].power). */
bool shelly_power(const json_t *answer, double *power_w);

#endif
