/*
 * Small ext4 disks in memory, and ways to damage them where it matters. An input does not carry an image: it
 * says which of four (ext4/make-images), and what to change there. A change names a structure of the disk
 * (a region) and a place in it, and the checksums over what was changed can be made again, so that damage
 * gets past them.
 */
#pragma once

#include "tests/fuzz/fuzz.h"

#define IMAGES 4

struct image;

/* Find out what lies where; once. */
void image_init(void);
/* The n-th image as it was made; undoes what was changed since. */
struct image *image_choose(unsigned n);
u8 *image_bytes(struct image *im);
u64 image_size(const struct image *im);
const char *image_name(const struct image *im);
/* One change: seven bytes of input, and how. */
void image_change(struct image *im, u8 how, struct fuzz_input *in);
/* Make the checksums over everything that was changed again. */
void image_repair(struct image *im);
