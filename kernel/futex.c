/*
 * futex(2): sleep while a word in program memory has a value.
 *
 * All programs share one address space, so a futex is its virtual address. Waiters hang in hash
 * buckets. A waiter reads the word under its bucket's lock and queues itself before letting go; a
 * waker changes the word first and takes the lock then: either the waiter sees the new value, or the
 * waker sees the waiter. Program memory is always populated, so the read does not sleep.
 *
 * Locking: bucket.lock (RANK_FUTEX; a requeue takes two, the second with subclass 1, by address)
 * guards its waiters, their address and their `woken`.
 *
 * Operations: WAIT, WAKE, WAIT_BITSET, WAKE_BITSET, REQUEUE, CMP_REQUEUE; PRIVATE and CLOCK_REALTIME
 * flags. No priority inheritance, no robust lists.
 */
#include "abi/errno.h"
#include "abi/time.h"
#include "kernel/clock.h"
#include "kernel/process_internal.h"
#include "kernel/syscall.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"

#define FUTEX_WAIT	     0
#define FUTEX_WAKE	     1
#define FUTEX_REQUEUE	     3
#define FUTEX_CMP_REQUEUE    4
#define FUTEX_WAIT_BITSET    9
#define FUTEX_WAKE_BITSET    10
#define FUTEX_PRIVATE	     128
#define FUTEX_CLOCK_REALTIME 256

#define NR_BUCKETS 256

struct bucket {
	struct spinlock lock;
	struct list_head waiters; /* in order of arrival */
} __cacheline;

struct futex_waiter {
	struct list_head node; /* a bucket; guarded by its lock */
	u64 address;	       /* the same */
	u32 bitset;
	bool woken; /* set under the bucket's lock; the last thing a waker writes */
	struct thread *thread;
};

static struct bucket buckets[NR_BUCKETS];

static struct bucket *bucket_of(u64 address)
{
	return &buckets[(address * 0x9e3779b97f4a7c15ull) >> 56];
}

/* Context: the waiter's bucket locked. w may be gone as soon as woken is set. */
static void wake_waiter(struct futex_waiter *w)
{
	struct thread *t = w->thread;

	thread_get(t);
	list_del(&w->node);
	store_release(&w->woken, true);
	thread_wake(t);
	thread_put(t);
}

int futex_wake(u64 address, u32 n, u32 bitset)
{
	struct bucket *b = bucket_of(address);
	struct futex_waiter *w, *next;
	u32 woken = 0;

	spin_lock(&b->lock);
	list_for_each_entry_safe (w, next, &b->waiters, node) {
		if (woken == n)
			break;
		if (w->address != address || !(w->bitset & bitset))
			continue;
		wake_waiter(w);
		woken++;
	}
	spin_unlock(&b->lock);
	return (int)woken;
}

/* Take w off whatever bucket it is in by now (a requeue may have moved it), unless it was woken. */
static void remove_waiter(struct futex_waiter *w)
{
	while (!load_acquire(&w->woken)) {
		u64 address = READ_ONCE(w->address);
		struct bucket *b = bucket_of(address);
		bool done;

		spin_lock(&b->lock);
		done = w->address == address;
		if (done && !w->woken) {
			list_del(&w->node);
			w->woken = true;
			spin_unlock(&b->lock);
			return;
		}
		spin_unlock(&b->lock);
	}
}

static int futex_wait(u64 address, u32 expected, u32 bitset, u64 deadline)
{
	struct futex_waiter w = {.address = address, .bitset = bitset, .thread = current};
	struct bucket *b = bucket_of(address);
	int ret = 0;
	u32 value;

	might_sleep();
	spin_lock(&b->lock);
	if (get_user(value, (u32 __user *)address))
		ret = -EFAULT;
	else if (value != expected)
		ret = -EAGAIN;
	else
		list_add_tail(&w.node, &b->waiters);
	spin_unlock(&b->lock);
	if (ret)
		return ret;
	for (;;) {
		thread_prepare_sleep(THREAD_INTERRUPTIBLE);
		if (load_acquire(&w.woken) || ret)
			break;
		ret = wait_sleep(THREAD_INTERRUPTIBLE, deadline);
	}
	thread_finish_sleep();
	if (load_acquire(&w.woken))
		return 0;
	remove_waiter(&w);
	return ret == -ETIME ? -ETIMEDOUT : ret;
}

static void lock_two(struct bucket *a, struct bucket *b)
{
	if (a > b) {
		lock_two(b, a);
		return;
	}
	spin_lock(&a->lock);
	if (a != b)
		spin_lock_nested(&b->lock, 1);
}

/* Wake up to n waiters of from, move up to m more to `to`. expected: NULL, or the word's value. */
static int futex_requeue(u64 from, u64 to, u32 n, u32 m, const u32 *expected)
{
	struct bucket *a = bucket_of(from), *b = bucket_of(to);
	struct futex_waiter *w, *next;
	int woken = 0, moved = 0;
	u32 value;
	int err = 0;

	lock_two(a, b);
	if (expected) {
		if (get_user(value, (u32 __user *)from))
			err = -EFAULT;
		else if (value != *expected)
			err = -EAGAIN;
	}
	list_for_each_entry_safe (w, next, &a->waiters, node) {
		if (err || (u32)(woken + moved) >= n + m)
			break;
		if (w->address != from)
			continue;
		if ((u32)woken < n) {
			wake_waiter(w);
			woken++;
		} else if ((u32)moved < m) {
			WRITE_ONCE(w->address, to);
			list_move_tail(&w->node, &b->waiters);
			moved++;
		}
	}
	if (a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
	return err ? err : woken + moved;
}

/* WAIT's timeout is relative, WAIT_BITSET's absolute on its clock. 0 or -errno. */
static int read_deadline(
	const struct timespec64 __user *timeout, bool absolute, bool realtime, u64 *out)
{
	struct timespec64 ts;
	u64 ns, now = clock_ns();

	*out = DEADLINE_NEVER;
	if (!timeout)
		return 0;
	if (get_user(ts, timeout))
		return -EFAULT;
	if (!timespec_to_ns(&ts, &ns))
		return -EINVAL;
	if (absolute && realtime)
		ns = ns > clock_wall_ns() - now ? ns - (clock_wall_ns() - now) : 0;
	else if (!absolute)
		ns = ns > DEADLINE_NEVER - 1 - now ? DEADLINE_NEVER - 1 : now + ns;
	*out = ns;
	return 0;
}

SYSCALL6(futex, u32 __user *, uaddr, int, op, u32, val, const struct timespec64 __user *, timeout,
	u32 __user *, uaddr2, u32, val3)
{
	int command = op & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME);
	u64 address = (u64)uaddr, deadline;
	u32 val2 = (u32)(u64)timeout; /* REQUEUE passes a number in timeout's place */
	int err;

	if (address % sizeof(u32) || address >= USER_TOP)
		return address % sizeof(u32) ? -EINVAL : -EFAULT;
	switch (command) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		if (command == FUTEX_WAIT)
			val3 = ~0u;
		if (!val3)
			return -EINVAL;
		err = read_deadline(timeout, command == FUTEX_WAIT_BITSET,
			op & FUTEX_CLOCK_REALTIME, &deadline);
		return err ? err : futex_wait(address, val, val3, deadline);
	case FUTEX_WAKE:
		return futex_wake(address, val, ~0u);
	case FUTEX_WAKE_BITSET:
		return val3 ? futex_wake(address, val, val3) : -EINVAL;
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		if ((u64)uaddr2 % sizeof(u32) || (u64)uaddr2 >= USER_TOP)
			return -EINVAL;
		if ((s32)val < 0 || (s32)val2 < 0)
			return -EINVAL;
		return futex_requeue(address, (u64)uaddr2, val, val2,
			command == FUTEX_CMP_REQUEUE ? &val3 : NULL);
	default:
		return -ENOSYS;
	}
}

void futex_init(void)
{
	for (unsigned i = 0; i < NR_BUCKETS; i++) {
		spin_lock_init(&buckets[i].lock, RANK_FUTEX);
		list_init(&buckets[i].waiters);
	}
}
