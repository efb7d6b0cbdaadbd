/*
 * What the virtio host tests stand on: a kernel of a few functions whose time, memory and interrupts
 * are the test's, and a virtio device that can be told to lie.
 */
#pragma once

#include "drivers/pci.h"
#include "drivers/virtio/blk.h"
#include "kernel/block.h"

/* The host's libc, by declaration: its headers define words that kernel/compiler.h defines too. */
int dprintf(int fd, const char *fmt, ...) __printf(2, 3);
int vdprintf(int fd, const char *fmt, __builtin_va_list ap);
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *aligned_alloc(size_t align, size_t size);
void free(void *p);
__noreturn void abort(void);

/* ---- Tests ---- */

struct test {
	const char *name;
	void (*fn)(void);
};
extern const struct test queue_tests[], blk_tests[], pci_tests[];

void check_failed(const char *file, int line, const char *what, long long a, long long b);
#define CHECK(c)                                                                                   \
	do {                                                                                       \
		if (!(c))                                                                          \
			check_failed(__FILE__, __LINE__, #c, 0, 1);                                \
	} while (0)
#define EQ(a, b)                                                                                   \
	do {                                                                                       \
		long long a_ = (long long)(a), b_ = (long long)(b);                                \
		if (a_ != b_)                                                                      \
			check_failed(__FILE__, __LINE__, #a " == " #b, a_, b_);                    \
	} while (0)

/* ---- The kernel below (fake_kernel.c) ---- */

/* Forget the log, the command line and pending work; the clock starts at 1 s. */
void fake_kernel_reset(void);
extern u64 fake_now;	    /* clock_ns() */
extern u64 fake_step;	    /* added by each clock_ns() */
extern u64 fake_rtc_behind; /* how much less the RTC has seen pass, in nanoseconds */
extern const char *fake_cmdline_key;
extern u64 fake_cmdline_value;
/* Run what work_queue was given; true when there was something. */
bool fake_run_work(void);
/* Run the timer that is due first, moving time to its deadline; false when none is armed. */
bool fake_run_timer(void);
/* How many console lines contain the words. */
unsigned fake_log_count(const char *words);
/* Pages and kmalloc memory not yet given back. */
long fake_allocations(void);
/* Give all of it back, from under whoever has it still: the kernel ends here. */
void fake_kernel_end(void);
u32 fake_random(void);
extern u32 fake_seed;

/* ---- The device (fake_device.c) ---- */

#define FAKE_QUEUES  8
#define FAKE_SECTORS 256
#define FAKE_PIECES  80

struct fake_piece {
	u8 *bytes;
	u32 length;
	bool writable;
};

/* A chain as the device found it. */
struct fake_chain {
	u16 head;
	unsigned count;
	struct fake_piece pieces[FAKE_PIECES];
};

struct fake_queue {
	u16 size, vector, avail_seen, used_index, used_told;
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	unsigned notifies;
};

struct fake_device {
	struct virtio_transport transport;
	u64 features, driver_features;
	u8 status, generation;
	u8 config[64];
	u32 config_length;
	u16 nr_queues, queue_entries;
	struct fake_queue queues[FAKE_QUEUES];
	struct {
		void (*fn)(void *arg);
		void *arg;
		unsigned cpu;
	} vectors[FAKE_QUEUES];
	unsigned routes_left, interrupts, resets;
	bool on, dma_stopped;
	/* how it misbehaves */
	bool refuses_features, never_resets, refuses_vectors, keeps_changing, silent;
	u8 *disk;
};

/* A good device of FAKE_SECTORS sectors whose sector n is filled with byte n. */
struct fake_device *fake_device_new(void);
void fake_device_free(struct fake_device *d);
void fake_config(struct fake_device *d, u32 offset, u64 value, unsigned length);
/* Play the device on a queue that is not behind a transport. */
void fake_queue_attach(struct fake_queue *q, const struct virtqueue *vq);
/* The next chain the driver has shown; false when there is none. */
bool fake_take(struct fake_queue *q, struct fake_chain *chain);
/* Write a used element and advance the index, honestly or not. */
void fake_put_used(struct fake_queue *q, u32 id, u32 length);
/* Serve one block request and set its status byte; returns the bytes written. */
u32 fake_serve_chain(struct fake_device *d, const struct fake_chain *chain);
/* Serve everything on all queues, then interrupt where the driver asked for it. */
unsigned fake_serve(struct fake_device *d);
void fake_interrupt(struct fake_device *d, unsigned vector);

/* ---- The PCI bus (fake_pci.c) ---- */

#define FAKE_BAR_BYTES 0x4000u

struct fake_function {
	u16 bdf;
	u8 config[256];
	u64 bar_size[PCI_BARS]; /* 0: not implemented */
};

extern u8 *fake_bar_memory; /* behind BAR 4 of fake_pci_virtio */
extern bool fake_no_vectors_left;
/* Take all functions off the bus. */
void fake_pci_clear(void);
/* Put a function on it that has nothing but its identity. */
struct fake_function *fake_pci_add(u16 bdf, u16 vendor, u16 device);
/* Set bytes of its configuration space. */
void fake_pci_put(struct fake_function *f, unsigned offset, unsigned size, u64 value);
/* One virtio function alone, BAR 4 (64 bits) over fake_bar_memory, with well-formed capabilities. */
struct fake_function *fake_pci_virtio(void);
/* Where those begin. */
#define FAKE_CAP_COMMON 0x40
#define FAKE_CAP_NOTIFY 0x54
#define FAKE_CAP_DEVICE 0x7c
#define FAKE_CAP_MSIX	0xa4
