/*
 * The console: a 16550 at COM1. Output polls; when the transmitter is empty a whole FIFO of 16 bytes
 * goes out without another look, because a port access is the expensive part under an emulator. Input
 * comes by interrupt and goes to the line discipline in kernel/.
 *
 * Locking: none. Callers of arch_console_putc serialise themselves (kernel/printk.c) or are panicking,
 * when a lost character is the smaller evil.
 */
#include "arch/x86_64/internal.h"
#include "kernel/console.h"

#define COM1	     0x3f8
#define COM1_IRQ     4
#define UART_DATA    (COM1 + 0)
#define UART_IER     (COM1 + 1)
#define UART_FCR     (COM1 + 2)
#define UART_LCR     (COM1 + 3)
#define UART_MCR     (COM1 + 4)
#define UART_LSR     (COM1 + 5)
#define LSR_DATA     0x01
#define LSR_TX_EMPTY 0x20
#define FIFO_SIZE    16
/* A transmitter that is never ready (no UART) must not stop the machine. */
#define TX_PATIENCE 1000000

static u32 tx_room;

void serial_init(void)
{
	outb(UART_IER, 0);
	outb(UART_LCR, 0x80); /* divisor 1: 115200 baud */
	outb(UART_DATA, 1);
	outb(UART_IER, 0);
	outb(UART_LCR, 0x03); /* 8 bits, no parity, 1 stop bit */
	outb(UART_FCR, 0x07); /* FIFOs on and empty, receive trigger at 1 byte */
	outb(UART_MCR, 0x0b); /* DTR, RTS, interrupt line enabled */
}

void arch_console_putc(char c)
{
	if (READ_ONCE(tx_room) == 0) {
		for (unsigned i = 0; i < TX_PATIENCE && !(inb(UART_LSR) & LSR_TX_EMPTY); i++)
			arch_cpu_relax();
		WRITE_ONCE(tx_room, FIFO_SIZE);
	}
	WRITE_ONCE(tx_room, READ_ONCE(tx_room) - 1);
	outb(UART_DATA, (u8)c);
}

static void serial_interrupt(void *arg)
{
	(void)arg;
	while (inb(UART_LSR) & LSR_DATA)
		console_receive((char)inb(UART_DATA));
}

void arch_console_irq_enable(void)
{
	int vector = irq_vector_alloc(0, serial_interrupt, NULL);

	if (vector < 0) {
		printk("serial: no interrupt vector, console input is off");
		return;
	}
	ioapic_route_isa(COM1_IRQ, 0, (u8)vector);
	outb(UART_IER, 0x01);
}
