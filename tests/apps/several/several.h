/* How many of count opens of path through a new ring succeed; negative when there is no ring. */
int open_through_ring(const char *path, int count);
