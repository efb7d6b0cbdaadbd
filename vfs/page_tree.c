/*
 * The page tree (page_tree.h).
 *
 * It grows upwards when an index does not fit under the root, and shrinks when the top node has
 * nothing but slot 0. A file of one page has no node at all. Nodes hold parent and slot number, so that a
 * removal can free empty nodes upwards.
 *
 * Locking: mapping->lock (RANK_MAPPING) for changes; lookups under RCU.
 */
#include "vfs/page_tree.h"
#include "abi/errno.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/string.h"

#define WAY_BITS 6
#define WAYS	 (1u << WAY_BITS)
#define NODE_TAG 1ul

struct page_node {
	u8 shift;  /* bits of the index below this level */
	u8 slot;   /* which of the parent's slots this is */
	u16 count; /* slots in use; mapping->lock */
	struct page_node *parent;
	struct rcu_head rcu;
	void *slots[WAYS]; /* store_release under mapping->lock, read under RCU */
};

static struct slab_cache *node_cache;

static bool is_node(const void *entry)
{
	return (unsigned long)entry & NODE_TAG;
}

static struct page_node *to_node(void *entry)
{
	return (struct page_node *)((unsigned long)entry - NODE_TAG);
}

static void *node_entry(struct page_node *node)
{
	return (void *)((unsigned long)node + NODE_TAG);
}

static unsigned node_slot(const struct page_node *node, u64 index)
{
	return (index >> node->shift) & (WAYS - 1);
}

/* The largest index below a node at the top. */
static u64 node_max_index(const struct page_node *node)
{
	unsigned bits = node->shift + WAY_BITS;

	return bits >= 64 ? ~0ull : (1ull << bits) - 1;
}

struct page *page_tree_lookup(const struct mapping *m, u64 index)
{
	void *entry = rcu_dereference(m->root);

	if (!is_node(entry))
		return index == 0 ? entry : NULL;
	if (index > node_max_index(to_node(entry)))
		return NULL;
	do {
		struct page_node *node = to_node(entry);

		entry = rcu_dereference(node->slots[node_slot(node, index)]);
	} while (is_node(entry));
	return entry;
}

struct page *page_tree_next(const struct mapping *m, u64 index)
{
	void *entry = m->root;

	if (entry && !is_node(entry))
		return index == 0 ? entry : NULL;
	while (entry) {
		struct page_node *node = to_node(entry);
		unsigned wanted = node_slot(node, index), slot = wanted;

		if (!node->parent && index > node_max_index(node))
			return NULL;
		while (slot < WAYS && !node->slots[slot])
			slot++;
		if (slot == WAYS) {
			/* Nothing more below this node: once more from the top, behind it. */
			index = (index | node_max_index(node)) + 1;
			entry = index ? m->root : NULL;
			continue;
		}
		if (slot != wanted)
			index = (index & ~node_max_index(node)) + ((u64)slot << node->shift);
		entry = node->slots[slot];
		if (!is_node(entry))
			return entry;
	}
	return NULL;
}

static struct page_node *node_alloc(unsigned shift)
{
	struct page_node *node = slab_zalloc(node_cache, ALLOC_NOWAIT);

	if (node)
		node->shift = (u8)shift;
	return node;
}

static void node_free_rcu(struct rcu_head *head)
{
	slab_free(node_cache, container_of(head, struct page_node, rcu));
}

/* Make entry the child of node at slot (node NULL: the root). */
static void set_entry(struct mapping *m, struct page_node *node, unsigned slot, void *entry)
{
	if (entry && is_node(entry)) {
		to_node(entry)->parent = node;
		to_node(entry)->slot = (u8)slot;
	}
	if (!node) {
		store_release(&m->root, entry);
		return;
	}
	if (entry && !node->slots[slot])
		node->count++;
	else if (!entry && node->slots[slot])
		node->count--;
	store_release(&node->slots[slot], entry);
}

/* Free node and its ancestors as far as they are empty. */
static void prune_empty(struct mapping *m, struct page_node *node)
{
	while (node && node->count == 0) {
		struct page_node *parent = node->parent;

		set_entry(m, parent, node->slot, NULL);
		call_rcu(&node->rcu, node_free_rcu);
		node = parent;
	}
}

/* Take away top nodes that only have slot 0: what lies there becomes the root. */
static void shrink_height(struct mapping *m)
{
	while (is_node(m->root)) {
		struct page_node *top = to_node(m->root);

		if (top->count != 1 || !top->slots[0])
			return;
		/* Readers inside top still find their way down: slot 0 stays as it is. */
		set_entry(m, NULL, 0, top->slots[0]);
		call_rcu(&top->rcu, node_free_rcu);
	}
}

/* Put nodes above the root until index fits. An empty tree gets one node of the right height: one below it
 * would stay empty, and never be pruned. */
static int grow_height(struct mapping *m, u64 index)
{
	for (;;) {
		unsigned shift = 0;

		if (is_node(m->root)) {
			if (index <= node_max_index(to_node(m->root)))
				return 0;
			shift = to_node(m->root)->shift + WAY_BITS;
		}
		while (!m->root && index >> shift >> WAY_BITS)
			shift += WAY_BITS;
		struct page_node *top = node_alloc(shift);

		if (!top)
			return -ENOMEM;
		/* Complete before it is visible; the old root's parent is not read without the lock. */
		if (m->root)
			set_entry(m, top, 0, m->root);
		set_entry(m, NULL, 0, node_entry(top));
	}
}

/* After a failed insertion: nothing empty may stay behind. */
static void undo_insert(struct mapping *m, struct page_node *deepest)
{
	if (deepest)
		prune_empty(m, deepest);
	else if (is_node(m->root))
		prune_empty(m, to_node(m->root));
	shrink_height(m);
}

int page_tree_insert(struct mapping *m, u64 index, struct page *p)
{
	if (index == 0 && !m->root) {
		set_entry(m, NULL, 0, p);
		return 0;
	}
	if (index == 0 && !is_node(m->root))
		return -EEXIST;
	if (grow_height(m, index) != 0) {
		undo_insert(m, NULL);
		return -ENOMEM;
	}
	struct page_node *node = to_node(m->root);

	while (node->shift != 0) {
		unsigned slot = node_slot(node, index);

		if (!node->slots[slot]) {
			struct page_node *child = node_alloc(node->shift - WAY_BITS);

			if (!child) {
				undo_insert(m, node);
				return -ENOMEM;
			}
			set_entry(m, node, slot, node_entry(child));
		}
		node = to_node(node->slots[slot]);
	}
	unsigned slot = node_slot(node, index);

	if (node->slots[slot])
		return -EEXIST;
	set_entry(m, node, slot, p);
	return 0;
}

void page_tree_remove(struct mapping *m, u64 index)
{
	void *entry = m->root;
	struct page_node *node = NULL;

	while (is_node(entry)) {
		node = to_node(entry);
		entry = node->slots[node_slot(node, index)];
	}
	assert(entry);
	set_entry(m, node, node ? node_slot(node, index) : 0, NULL);
	prune_empty(m, node);
	shrink_height(m);
}

int page_tree_preload(void)
{
	/* What is freed here lands on this CPU's list, where the insertion looks first. */
	struct page_node *node = slab_alloc(node_cache, ALLOC_WAIT);

	if (!node)
		return -ENOMEM;
	slab_free(node_cache, node);
	return 0;
}

void page_tree_init(void)
{
	node_cache = slab_cache_create("page_node", sizeof(struct page_node), 0, 0, NULL);
	if (!node_cache)
		panic("no memory for the page cache");
}
