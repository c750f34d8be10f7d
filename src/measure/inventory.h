/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be measured on this machine: every driver, its state, the reason where it is not ready,
 * and its channels as they are read once.
 */
#ifndef ERGON_MEASURE_INVENTORY_H
#define ERGON_MEASURE_INVENTORY_H

#include "base/json.h"
#include "ergon/env.h"

/* {"kind":"ergon.sensors","version":1,"sensors":[{"name","state","reason","grant","channels":[
 * {"name","quantity","provenance","refresh_s","valid",...}]}]}. NULL: out of memory. */
json_t *inventory_to_json(const struct ergon_env *env);

#endif
