/* SPDX-License-Identifier: Apache-2.0 */
#include "model/import/protobuf.h"

struct pb pb_open(const void *data, size_t length)
{
	const uint8_t *bytes = data ? data : (const uint8_t *)"";
	return (struct pb){ .at = bytes, .end = bytes + length };
}

static bool fail(struct pb *pb)
{
	pb->bad = true;
	return false;
}

/* At most ten groups of seven bits. */
static bool read_varint(struct pb *pb, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 70 && pb->at < pb->end; shift += 7) {
		uint8_t byte = *pb->at++;
		if (shift < 64)
			*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return fail(pb);
}

static bool read_fixed(struct pb *pb, size_t size, uint64_t *value)
{
	if ((size_t)(pb->end - pb->at) < size)
		return fail(pb);
	*value = 0;
	for (size_t i = 0; i < size; i++)
		*value |= (uint64_t)pb->at[i] << (8 * i);
	pb->at += size;
	return true;
}

bool pb_next(struct pb *pb, struct pb_field *field)
{
	uint64_t tag, length;
	*field = (struct pb_field){ 0 };
	if (pb->bad || pb->at >= pb->end || !read_varint(pb, &tag))
		return false;
	if (tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
		return fail(pb);
	field->number = (uint32_t)(tag >> 3);
	field->type = (enum pb_type)(tag & 7);
	switch (field->type) {
	case PB_VARINT:
		return read_varint(pb, &field->value);
	case PB_64BIT:
		return read_fixed(pb, 8, &field->value);
	case PB_32BIT:
		return read_fixed(pb, 4, &field->value);
	case PB_BYTES:
		if (!read_varint(pb, &length) || length > (uint64_t)(pb->end - pb->at))
			return fail(pb);
		field->bytes = pb->at;
		field->length = (size_t)length;
		pb->at += length;
		return true;
	default: /* groups have long been gone */
		return fail(pb);
	}
}

struct pb pb_message(const struct pb_field *field)
{
	struct pb pb = pb_open(field->bytes, field->length);
	pb.bad = field->type != PB_BYTES;
	return pb;
}

bool pb_integers(const struct pb_field *field, int64_t *out, size_t max, size_t *count)
{
	if (field->type == PB_VARINT) {
		if (*count >= max)
			return false;
		out[(*count)++] = (int64_t)field->value;
		return true;
	}
	struct pb pb = pb_message(field);
	uint64_t value;
	while (!pb.bad && pb.at < pb.end && read_varint(&pb, &value)) {
		if (*count >= max)
			return false;
		out[(*count)++] = (int64_t)value;
	}
	return !pb.bad;
}
