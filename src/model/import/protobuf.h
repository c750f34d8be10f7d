/* SPDX-License-Identifier: Apache-2.0
 *
 * The wire format of protocol buffers, read in place: fields one after the other, nothing copied.
 *
 * A message is a run of (tag, value); a value is a varint, 4 or 8 bytes, or a length and as many
 * bytes, which may be a message again. The reader checks every length against what is left; what it
 * does not like makes `bad` true and ends the message. Source: protobuf.dev, "Encoding".
 */
#ifndef ERGON_MODEL_IMPORT_PROTOBUF_H
#define ERGON_MODEL_IMPORT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pb_type { PB_VARINT = 0, PB_64BIT = 1, PB_BYTES = 2, PB_32BIT = 5 };

struct pb {
	const uint8_t *at, *end;
	bool bad;
};

struct pb_field {
	uint32_t number;
	enum pb_type type;
	uint64_t value;       /* of a varint, or the bits of a fixed one */
	const uint8_t *bytes; /* [length], borrowed */
	size_t length;
};

struct pb pb_open(const void *data, size_t length);
/* False at the end, or where the message is malformed (pb->bad). */
bool pb_next(struct pb *pb, struct pb_field *field);
/* The field's bytes as a message of their own. */
struct pb pb_message(const struct pb_field *field);
/* Appends the integers of a repeated field, packed or not, to out[*count] up to max; false where
 * there are more, or where they are malformed. */
bool pb_integers(const struct pb_field *field, int64_t *out, size_t max, size_t *count);

#endif
