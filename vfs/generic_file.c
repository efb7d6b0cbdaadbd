/*
 * Reading regular files through the page cache, with readahead; writing and truncating files that exist in
 * memory only (tmpfs).
 *
 * Readahead: a stream that continues where the last window ended doubles the window, up to READAHEAD_MAX
 * pages; a jump starts small again. The page in the middle of a window carries PAGE_READAHEAD: whoever
 * reads it starts the next window, so that a stream never waits for its data. file->ra is only a
 * hint; readers of one file may race on it.
 *
 * Locking: inode->rwsem for writers of memory files (size, data). Readers take no lock: a page's bytes
 * may be seen half written, its size is one word.
 */
#include "abi/errno.h"
#include "kernel/string.h"
#include "kernel/uaccess.h"
#include "vfs/generic.h"

#define READAHEAD_MIN 4u
#define READAHEAD_MAX 32u

/* ---- Readahead ---- */

/* The window to read from a missing page on; wanted: pages this call needs at least. */
static u32 next_window(struct readahead *ra, u64 index, u64 wanted)
{
	u32 window = READ_ONCE(ra->window);

	if (index == READ_ONCE(ra->next) && window != 0)
		window *= 2;
	else
		window = index == 0 ? READAHEAD_MIN : 1;
	window = (u32)MIN(MAX((u64)window, wanted), (u64)READAHEAD_MAX);
	WRITE_ONCE(ra->window, window);
	WRITE_ONCE(ra->next, index + window);
	return window;
}

static void continue_stream(struct file *f, struct mapping *m, struct page *p, u64 limit)
{
	u64 next = READ_ONCE(f->ra.next);

	atomic_fetch_and(&p->flags, ~PAGE_READAHEAD);
	if (next <= p->index || next - p->index > READAHEAD_MAX)
		return; /* another stream's mark */
	page_cache_readahead(m, next, limit, next_window(&f->ra, next, 1));
}

/* The page at index, up to date; NULL: a hole (memory only). ERR_PTR(-EAGAIN) under nowait. */
static struct page *page_for_read(struct file *f, u64 index, u64 limit, u64 wanted, bool nowait)
{
	struct mapping *m = &f->inode->mapping;
	struct page *p = page_cache_get(m, index);

	if (!p && !m->ops)
		return NULL;
	if (p) {
		u32 flags = load_acquire(&p->flags);

		if (likely((flags & (PAGE_UPTODATE | PAGE_LOADING)) == PAGE_UPTODATE)) {
			if (unlikely(flags & PAGE_READAHEAD) && !nowait)
				continue_stream(f, m, p, limit);
			return p;
		}
		page_put(p);
	}
	if (nowait)
		return ERR_PTR(-EAGAIN);
	return page_cache_read(m, index, limit, p ? 1 : next_window(&f->ra, index, wanted));
}

ssize generic_file_read(struct file *f, void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	u64 size = READ_ONCE(f->inode->size), limit = DIV_ROUND_UP(size, PAGE_SIZE);
	size_t done = 0;

	if (*pos >= size)
		return 0;
	len = (size_t)MIN((u64)len, size - *pos);
	while (done < len) {
		u64 offset = *pos % PAGE_SIZE;
		size_t n = (size_t)MIN((u64)(len - done), PAGE_SIZE - offset);
		char __user *to = (char __user *)buf + done;
		struct page *p = page_for_read(f, *pos / PAGE_SIZE, limit,
			DIV_ROUND_UP(offset + len - done, PAGE_SIZE),
			call_flags & FILE_CALL_NOWAIT);

		if (IS_ERR(p))
			return done ? (ssize)done : PTR_ERR(p);
		int error = p ? copy_to_user(to, (char *)page_address(p) + offset, n)
			      : clear_user(to, n);

		if (p)
			page_put(p);
		if (error)
			return done ? (ssize)done : error;
		done += n;
		*pos += n;
	}
	return (ssize)done;
}

const struct file_ops regular_file_ops = {.read = generic_file_read};

/* ---- Files in memory ---- */

/* Bytes written into one page, or -errno. Context: inode->rwsem held for writing. */
static ssize write_page(struct inode *inode, const void __user *from, size_t len, u64 pos)
{
	u64 offset = pos % PAGE_SIZE;
	size_t n = (size_t)MIN((u64)len, PAGE_SIZE - offset);
	struct page *p = page_cache_create(&inode->mapping, pos / PAGE_SIZE);

	if (IS_ERR(p))
		return PTR_ERR(p);
	int error = copy_from_user((char *)page_address(p) + offset, from, n);

	page_put(p);
	if (error)
		return error;
	if (pos + n > inode->size)
		WRITE_ONCE(inode->size, pos + n);
	return (ssize)n;
}

static void touch_modified(struct inode *inode)
{
	struct timespec64 now = inode_now();

	spin_lock(&inode->lock);
	inode->mtime = inode->ctime = now;
	inode->blocks = inode->mapping.nr_pages * (PAGE_SIZE / 512);
	spin_unlock(&inode->lock);
}

static ssize write_locked(struct file *f, const void __user *buf, size_t len, u64 *pos)
{
	struct inode *inode = f->inode;
	size_t done = 0;

	if (READ_ONCE(f->flags) & O_APPEND)
		*pos = inode->size;
	if (*pos >= MEMORY_FILE_MAX)
		return -EFBIG;
	len = (size_t)MIN((u64)len, MEMORY_FILE_MAX - *pos);
	inode_drop_setid(inode);
	while (done < len) {
		ssize n = write_page(inode, (const char __user *)buf + done, len - done, *pos);

		if (n < 0) {
			if (!done)
				return n;
			break;
		}
		done += (size_t)n;
		*pos += (u64)n;
	}
	touch_modified(inode);
	return (ssize)done;
}

ssize memory_file_write(
	struct file *f, const void __user *buf, size_t len, u64 *pos, unsigned call_flags)
{
	if (len == 0)
		return 0;
	if (call_flags & FILE_CALL_NOWAIT)
		return -EAGAIN; /* pages are allocated */
	rwsem_down_write(&f->inode->rwsem);
	ssize result = write_locked(f, buf, len, pos);

	rwsem_up_write(&f->inode->rwsem);
	return result;
}

int memory_truncate(struct inode *inode, u64 size)
{
	u64 tail = size % PAGE_SIZE;

	if (size > MEMORY_FILE_MAX)
		return -EFBIG;
	bool shrinks = size < inode->size;

	WRITE_ONCE(inode->size, size);
	if (shrinks) {
		mapping_truncate(&inode->mapping, DIV_ROUND_UP(size, PAGE_SIZE));
		/* What lies behind the end must read as zeros when the file grows again. */
		struct page *p = tail ? page_cache_get(&inode->mapping, size / PAGE_SIZE) : NULL;

		if (p) {
			memset((char *)page_address(p) + tail, 0, PAGE_SIZE - tail);
			page_put(p);
		}
	}
	touch_modified(inode);
	return 0;
}
