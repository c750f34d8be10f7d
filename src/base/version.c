/* SPDX-License-Identifier: Apache-2.0 */
#include "ergon/version.h"

const char *ergon_version(void)
{
	return ERGON_VERSION;
}
