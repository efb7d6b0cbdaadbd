/* FPU state of program threads (fpu.c). All with interrupts off, except alloc and free. */
#pragma once

struct thread;

void fpu_switch(struct thread *prev, struct thread *next);
/* The current thread starts a program: registers as at reset. */
void fpu_reset_current(void);
/* Put the registers of the current thread into t's area (clone). */
void fpu_copy_current(struct thread *t);
void fpu_free(struct thread *t);
