/*
 * The few ACPI tables we read: MADT (CPUs, interrupt controllers, overrides), MCFG (PCI configuration
 * space), FADT (power-off, the PM timer), and of the DSDT only the _S5_ package, by searching its bytes.
 *
 * Firmware tables are not trusted: every length is checked before what it covers is read, checksums must
 * add up, and a table that fails is reported and left out. Without a MADT there is one CPU; without an
 * MCFG PCI goes through ports; without a FADT there is no power-off.
 *
 * Locking: none; filled once at boot, read-only afterwards. ACPI 6.4 chapter 5.
 */
#include "arch/x86_64/internal.h"
#include "kernel/console.h"
#include "kernel/string.h"

#define MAX_TABLE (4u << 20)

struct acpi_info acpi;

struct rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	u32 length; /* from revision 2 on */
	u64 xsdt;
	u8 extended_checksum, reserved[3];
} __packed;

struct header {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
} __packed;
static_assert(sizeof(struct header) == 36, "ACPI table header");

struct fadt {
	struct header h;
	u32 firmware_control, dsdt;
	u8 reserved, profile;
	u16 sci_interrupt;
	u32 smi_command;
	u8 acpi_enable, acpi_disable, s4bios, pstate;
	u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
} __packed;

struct madt {
	struct header h;
	u32 lapic, flags;
	u8 entries[];
} __packed;

struct mcfg_entry {
	u64 base;
	u16 segment;
	u8 first_bus, last_bus;
	u32 reserved;
} __packed;
struct mcfg {
	struct header h;
	u64 reserved;
	struct mcfg_entry entries[];
} __packed;

static bool checksum_ok(const void *p, size_t n)
{
	const u8 *b = p;
	u8 sum = 0;

	while (n--)
		sum += *b++;
	return sum == 0;
}

static u32 read_u32(const u8 *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A table that is whole: its length plausible, its checksum right. NULL after a word why not. */
static const struct header *table_map(u64 phys)
{
	const struct header *h = phys ? map_firmware(phys, sizeof(*h)) : NULL;
	u32 length;

	if (!h) {
		printk("acpi: no table at %#llx", (unsigned long long)phys);
		return NULL;
	}
	length = h->length;
	if (length < sizeof(*h) || length > MAX_TABLE) {
		printk("acpi: table at %#llx has length %u", (unsigned long long)phys, length);
		return NULL;
	}
	h = map_firmware(phys, length);
	if (!h || !checksum_ok(h, length)) {
		printk("acpi: table at %#llx has a bad checksum", (unsigned long long)phys);
		return NULL;
	}
	return h;
}

/* ---- MADT ---- */

static void madt_cpu(u32 apic_id, u32 flags)
{
	/* Enabled; "online capable" ones are for hot-plug. */
	if (!(flags & 1))
		return;
	if (acpi.nr_cpus == MAX_CPUS) {
		printk("acpi: CPU with APIC id %u is beyond our %u", apic_id, MAX_CPUS);
		return;
	}
	acpi.apic_ids[acpi.nr_cpus++] = apic_id;
}

static void madt_override(const u8 *e)
{
	u8 irq = e[3], flags = e[8];
	u32 gsi = read_u32(e + 4);

	if (e[2] != 0 || irq >= ARRAY_SIZE(acpi.isa_gsi))
		return;
	acpi.isa_gsi[irq] = gsi;
	acpi.isa_active_low[irq] = (flags & 3) == 3;
	acpi.isa_level[irq] = (flags >> 2 & 3) == 3;
}

static void madt_entry(const u8 *e, u8 length)
{
	switch (e[0]) {
	case 0: /* local APIC */
		if (length >= 8)
			madt_cpu(e[3], read_u32(e + 4));
		break;
	case 1: /* I/O APIC: the one of the ISA interrupts is enough */
		if (length >= 12 && read_u32(e + 8) == 0)
			acpi.ioapic_phys = read_u32(e + 4);
		break;
	case 2: /* ISA interrupt override */
		if (length >= 10)
			madt_override(e);
		break;
	case 5: /* 64-bit address of the local APICs */
		if (length >= 12)
			acpi.lapic_phys = read_u32(e + 4) | (u64)read_u32(e + 8) << 32;
		break;
	case 9: /* local x2APIC */
		if (length >= 16 && (read_u32(e + 4) > 254))
			madt_cpu(read_u32(e + 4), read_u32(e + 8));
		break;
	default:
		break;
	}
}

static void parse_madt(const struct header *h)
{
	const struct madt *m = (const struct madt *)h;
	u32 size = h->length, at = sizeof(*m);

	if (size < sizeof(*m))
		return;
	acpi.lapic_phys = m->lapic;
	while (at + 2 <= size) {
		const u8 *e = (const u8 *)h + at;

		if (e[1] < 2 || e[1] > size - at) {
			printk("acpi: MADT entry of length %u at %u", e[1], at);
			return;
		}
		madt_entry(e, e[1]);
		at += e[1];
	}
}

/* ---- MCFG ---- */

static void parse_mcfg(const struct header *h)
{
	const struct mcfg *m = (const struct mcfg *)h;

	for (size_t i = 0; sizeof(*m) + (i + 1) * sizeof(m->entries[0]) <= h->length; i++) {
		const struct mcfg_entry *e = &m->entries[i];

		if (e->segment != 0 || e->first_bus > e->last_bus)
			continue;
		acpi.ecam_phys = e->base;
		acpi.ecam_first_bus = e->first_bus;
		acpi.ecam_last_bus = e->last_bus;
		return;
	}
}

/* ---- FADT and DSDT ---- */

/* One small AML integer; returns the bytes it takes, 0 for anything else. */
static size_t aml_integer(const u8 *p, size_t left, u16 *value)
{
	if (left >= 1 && (p[0] == 0x00 || p[0] == 0x01)) {
		*value = p[0];
		return 1;
	}
	if (left >= 2 && p[0] == 0x0a) { /* BytePrefix */
		*value = p[1];
		return 2;
	}
	return 0;
}

/* Name(_S5_, Package(n) {SLP_TYPa, SLP_TYPb, ...}): NameOp, name, PackageOp, length, n, values. */
static bool parse_s5(const u8 *p, size_t left)
{
	size_t used, length_bytes;

	if (left < 7 || p[4] != 0x12)
		return false;
	length_bytes = 1 + (p[5] >> 6);
	p += 5 + length_bytes + 1;
	if (left < 5 + length_bytes + 1)
		return false;
	left -= 5 + length_bytes + 1;
	used = aml_integer(p, left, &acpi.sleep_type_a);
	return used && aml_integer(p + used, left - used, &acpi.sleep_type_b);
}

static void parse_dsdt(u64 phys)
{
	const struct header *h = table_map(phys);
	const u8 *aml = (const u8 *)(h + 1);

	if (!h || memcmp(h->signature, "DSDT", 4) != 0)
		return;
	for (size_t i = 0, n = h->length - sizeof(*h); i + 4 <= n && !acpi.have_sleep; i++)
		if (memcmp(aml + i, "_S5_", 4) == 0)
			acpi.have_sleep = parse_s5(aml + i, n - i);
}

static void parse_fadt(const struct header *h)
{
	const struct fadt *f = (const struct fadt *)h;

	if (h->length < sizeof(*f))
		return;
	acpi.pm1a_control = (u16)f->pm1a_control;
	acpi.pm1b_control = (u16)f->pm1b_control;
	acpi.pm_timer = (u16)f->pm_timer;
	parse_dsdt(f->dsdt);
}

/* ---- The root ---- */

static void parse_table(u64 phys)
{
	const struct header *h = table_map(phys);

	if (!h)
		return;
	if (memcmp(h->signature, "APIC", 4) == 0)
		parse_madt(h);
	else if (memcmp(h->signature, "MCFG", 4) == 0)
		parse_mcfg(h);
	else if (memcmp(h->signature, "FACP", 4) == 0)
		parse_fadt(h);
}

static void parse_root(u64 phys, size_t entry_size)
{
	const struct header *h = table_map(phys);
	const u8 *entries = (const u8 *)(h + 1);
	size_t n;

	if (!h)
		return;
	n = (h->length - sizeof(*h)) / entry_size;
	for (size_t i = 0; i < n; i++) {
		u64 table = 0;

		memcpy(&table, entries + i * entry_size, entry_size);
		parse_table(table);
	}
}

static void find_tables(void)
{
	u64 phys = bootinfo_rsdp();
	const struct rsdp *r = phys ? map_firmware(phys, sizeof(*r)) : NULL;

	if (!r || memcmp(r->signature, "RSD PTR ", 8) != 0 || !checksum_ok(r, 20)) {
		printk("acpi: no root pointer at %#llx", (unsigned long long)phys);
		return;
	}
	if (r->revision >= 2 && r->xsdt && checksum_ok(r, sizeof(*r)))
		parse_root(r->xsdt, 8);
	else
		parse_root(r->rsdt, 4);
}

void acpi_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(acpi.isa_gsi); i++)
		acpi.isa_gsi[i] = i;
	acpi.lapic_phys = 0xfee00000;
	find_tables();
}
