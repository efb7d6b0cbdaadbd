/*
 * The ACPI parser takes good tables apart correctly and survives damaged ones: every table is handed
 * over in a heap block of exactly the mapped size, so AddressSanitizer sees any read outside.
 */
#include "arch/x86_64/acpi.c"

/* libc's own headers do not go together with kernel/compiler.h. */
int printf(const char *fmt, ...);
void *calloc(size_t n, size_t size);
void free(void *p);
int rand(void);
void srand(unsigned seed);
int main(void);

#define NR_BLOBS 7
#define BASE	 0x1000ull
#define SPACING	 0x1000ull
#define ROUNDS	 20000

static struct {
	u8 bytes[256];
	size_t size;
} blobs[NR_BLOBS];
enum { RSDP, XSDT, RSDT, MADT, MCFG, FADT, DSDT };

static void *mapped[64];
static unsigned nr_mapped, failures;

static u64 phys_of(unsigned blob)
{
	return BASE + blob * SPACING;
}

/* What paging would map: bytes past the end of a blob are other memory, here zeros. */
const void *map_firmware(u64 phys, size_t size)
{
	u64 blob = (phys - BASE) / SPACING, offset = (phys - BASE) % SPACING;
	u8 *copy;

	if (phys < BASE || blob >= NR_BLOBS || nr_mapped == ARRAY_SIZE(mapped) || size > 1 << 16)
		return NULL;
	copy = calloc(1, size);
	for (size_t i = 0; i < size && offset + i < blobs[blob].size; i++)
		copy[i] = blobs[blob].bytes[offset + i];
	mapped[nr_mapped++] = copy;
	return copy;
}

u64 bootinfo_rsdp(void)
{
	return phys_of(RSDP);
}

void printk(const char *fmt, ...)
{
	(void)fmt;
}

static void put(unsigned blob, const void *bytes, size_t n)
{
	memcpy(blobs[blob].bytes + blobs[blob].size, bytes, n);
	blobs[blob].size += n;
}

static void put_number(unsigned blob, u64 v, size_t n)
{
	put(blob, &v, n);
}

static void fix_sum(u8 *bytes, size_t n, size_t at)
{
	u8 sum = 0;

	bytes[at] = 0;
	for (size_t i = 0; i < n; i++)
		sum += bytes[i];
	bytes[at] = (u8)-sum;
}

static void begin(unsigned blob, const char *signature)
{
	blobs[blob].size = 0;
	put(blob, signature, 4);
	for (unsigned i = 4; i < 36; i++)
		put_number(blob, 0, 1);
}

static void end(unsigned blob)
{
	u32 size = (u32)blobs[blob].size;

	memcpy(blobs[blob].bytes + 4, &size, 4);
	fix_sum(blobs[blob].bytes, size, 9);
}

static void build_madt(void)
{
	static const u8 entries[] = {
		0, 8, 0, 0, 1, 0, 0, 0,			   /* CPU 0 */
		0, 8, 1, 5, 1, 0, 0, 0,			   /* CPU with APIC id 5 */
		0, 8, 2, 6, 0, 0, 0, 0,			   /* disabled */
		1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0, /* I/O APIC */
		2, 10, 0, 4, 9, 0, 0, 0, 0x0f, 0,	   /* ISA 4 -> 9, low, level */
	};

	begin(MADT, "APIC");
	put_number(MADT, 0xfee00000, 4);
	put_number(MADT, 1, 4);
	put(MADT, entries, sizeof(entries));
	end(MADT);
}

static void build_fadt(void)
{
	begin(FADT, "FACP");
	put_number(FADT, 0, 4);
	put_number(FADT, phys_of(DSDT), 4);
	while (blobs[FADT].size < offsetof(struct fadt, pm1a_control))
		put_number(FADT, 0, 1);
	put_number(FADT, 0x604, 4);
	put_number(FADT, 0, 8);
	put_number(FADT, 0x608, 4);
	end(FADT);
}

static void build(void)
{
	/* Name(_S5_, Package(4) {5, 5, 0, 0}) among other bytes */
	static const u8 aml[] = {
		0x10, 0x5f, 0x08, '_', 'S', '5', '_', 0x12, 0x08, 0x04, 0x0a, 5, 0x0a, 5, 0, 0};

	build_madt();
	build_fadt();
	begin(MCFG, "MCFG");
	put_number(MCFG, 0, 8);
	put_number(MCFG, 0xb0000000, 8);
	put_number(MCFG, 0, 3);
	put_number(MCFG, 255, 5);
	end(MCFG);
	begin(DSDT, "DSDT");
	put(DSDT, aml, sizeof(aml));
	end(DSDT);
	begin(XSDT, "XSDT");
	begin(RSDT, "RSDT");
	for (unsigned i = MADT; i <= FADT; i++) {
		put_number(XSDT, phys_of(i), 8);
		put_number(RSDT, phys_of(i), 4);
	}
	end(XSDT);
	end(RSDT);
	blobs[RSDP].size = 0;
	put(RSDP, "RSD PTR ", 8);
	put_number(RSDP, 0, 7);
	put_number(RSDP, 2, 1);
	put_number(RSDP, phys_of(RSDT), 4);
	put_number(RSDP, 36, 4);
	put_number(RSDP, phys_of(XSDT), 8);
	put_number(RSDP, 0, 4);
	fix_sum(blobs[RSDP].bytes, 20, 8);
	fix_sum(blobs[RSDP].bytes, 36, 32);
}

static void parse(void)
{
	memset(&acpi, 0, sizeof(acpi));
	acpi_init();
	while (nr_mapped)
		free(mapped[--nr_mapped]);
}

static void check(const char *name, bool ok)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	failures += !ok;
}

static bool all_found(void)
{
	return acpi.nr_cpus == 2 && acpi.apic_ids[1] == 5 && acpi.ioapic_phys == 0xfec00000 &&
	       acpi.isa_gsi[4] == 9 && acpi.isa_active_low[4] && acpi.isa_level[4] &&
	       acpi.ecam_phys == 0xb0000000 && acpi.ecam_last_bus == 255 &&
	       acpi.pm1a_control == 0x604 && acpi.pm_timer == 0x608 && acpi.have_sleep &&
	       acpi.sleep_type_a == 5;
}

/* A MADT that ends with one entry of each type, as short as its own length byte says. */
static void short_entries(void)
{
	for (unsigned type = 0; type < 12; type++)
		for (unsigned length = 2; length < 20; length++) {
			build();
			blobs[MADT].size = sizeof(struct madt);
			put_number(MADT, type, 1);
			put_number(MADT, length, 1);
			for (unsigned i = 2; i < length; i++)
				put_number(MADT, 0xff, 1);
			end(MADT);
			parse();
		}
}

/* The DSDT cut off at every byte of its _S5_ package, whose length claims to take 1 to 4 bytes. */
static void cut_packages(unsigned length_bytes)
{
	for (size_t cut = sizeof(struct header);; cut++) {
		build();
		if (cut >= blobs[DSDT].size)
			return;
		blobs[DSDT].bytes[sizeof(struct header) + 8] |= (u8)((length_bytes - 1) << 6);
		blobs[DSDT].size = cut;
		end(DSDT);
		parse();
	}
}

static void damage_at_random(void)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned blob = (unsigned)rand() % NR_BLOBS;

		build();
		for (int n = rand() % 4; n >= 0; n--)
			blobs[blob].bytes[(size_t)rand() % blobs[blob].size] = (u8)rand();
		if (rand() % 4 == 0)
			blobs[blob].size = (size_t)rand() % blobs[blob].size;
		/* Mostly with a right checksum, so that the damage gets behind it. */
		if (blob != RSDP && rand() % 8) {
			u32 length;

			memcpy(&length, blobs[blob].bytes + 4, 4);
			if (length >= 36 && length <= sizeof(blobs[0].bytes))
				fix_sum(blobs[blob].bytes, length, 9);
		}
		parse();
	}
}

int main(void)
{
	build();
	parse();
	check("acpi_reads_all_tables_from_the_xsdt", all_found());

	blobs[RSDP].bytes[15] = 0; /* revision 0: only the RSDT counts */
	fix_sum(blobs[RSDP].bytes, 20, 8);
	parse();
	check("acpi_reads_all_tables_from_the_rsdt", all_found());

	build();
	blobs[MADT].bytes[20]++;
	parse();
	check("acpi_leaves_out_a_table_with_a_bad_checksum",
		acpi.nr_cpus == 0 && acpi.ecam_phys == 0xb0000000);

	build();
	blobs[MADT].bytes[45] = 0; /* an entry of length 0 */
	fix_sum(blobs[MADT].bytes, blobs[MADT].size, 9);
	parse();
	check("acpi_stops_at_an_entry_of_length_zero", acpi.nr_cpus == 0);

	short_entries();
	check("acpi_reads_no_entry_beyond_its_length", true);
	for (unsigned n = 1; n <= 4; n++)
		cut_packages(n);
	check("acpi_reads_no_package_beyond_its_table", true);
	srand(1);
	damage_at_random();
	check("acpi_survives_damage", true);
	return failures != 0;
}
