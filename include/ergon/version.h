/* SPDX-License-Identifier: Apache-2.0
 *
 * The version of the library that is running. Semantic versioning of the C ABI: symbols that begin
 * with ergon_ are kept for a major version.
 */
#ifndef ERGON_VERSION_H
#define ERGON_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* "MAJOR.MINOR.PATCH"; static storage. */
const char *ergon_version(void);

#ifdef __cplusplus
}
#endif
#endif
