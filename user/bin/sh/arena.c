/* Memory for one line: a list of blocks, freed together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sh.h"

#define BLOCK_SIZE 4096

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

struct arena {
	struct block *blocks; /* the first one has the room */
};

static void *need(void *p)
{
	if (!p) {
		fputs("sh: out of memory\n", stderr);
		_Exit(125);
	}
	return p;
}

struct arena *arena_new(void)
{
	return need(calloc(1, sizeof(struct arena)));
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->blocks;

	size = (size + 15) & ~(size_t)15;
	if (!b || b->size - b->used < size) {
		size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		b = need(malloc(sizeof(*b) + room));
		b->used = 0;
		b->size = room;
		b->next = a->blocks;
		a->blocks = b;
	}
	b->used += size;
	return memset(b->data + b->used - size, 0, size);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	return memcpy(arena_alloc(a, len + 1), s, len);
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	free(a);
}
