/* The last lines typed, in a ring. */
#include <stdlib.h>
#include <string.h>

#include "sh.h"

#define HISTORY_SIZE 200

static char *lines[HISTORY_SIZE];
static unsigned newest, count; /* lines[newest] is the last one when count > 0 */

const char *history_get(unsigned i)
{
	return i < count ? lines[(newest + HISTORY_SIZE - i) % HISTORY_SIZE] : NULL;
}

void history_add(const char *line)
{
	char *copy;

	if (!*line || (count && strcmp(line, history_get(0)) == 0))
		return;
	copy = strdup(line);
	if (!copy)
		return;
	newest = count ? (newest + 1) % HISTORY_SIZE : 0;
	free(lines[newest]);
	lines[newest] = copy;
	if (count < HISTORY_SIZE)
		count++;
}
