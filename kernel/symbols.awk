# Turns `nm -n` into the symbol table the back-trace reads (kernel/symbols.c): functions only, in
# ascending order, as 32-bit offsets from the first one. With no input: an empty table.
BEGIN {
	n = 0
	offset = 0
	print "\t.section .symbols, \"a\""
	print "\t.balign 8"
}
$2 ~ /^[tT]$/ && $3 !~ /^(\.|__pfx)/ {
	if ($1 == last)
		next
	last = $1
	address[n] = $1
	name[n++] = $3
}
END {
	print "\t.globl kernel_symbol_base, kernel_symbol_count, kernel_symbol_offsets"
	print "\t.globl kernel_symbol_names, kernel_symbol_text"
	printf "kernel_symbol_base:\n\t.quad 0x%s\n", n ? address[0] : "0"
	printf "kernel_symbol_count:\n\t.long %d\n", n
	print "kernel_symbol_offsets:"
	for (i = 0; i < n; i++)
		printf "\t.long 0x%s - 0x%s\n", address[i], address[0]
	print "kernel_symbol_names:"
	for (i = 0; i < n; i++) {
		printf "\t.long %d\n", offset
		offset += length(name[i]) + 1
	}
	print "kernel_symbol_text:"
	for (i = 0; i < n; i++)
		printf "\t.asciz \"%s\"\n", name[i]
	print "\t.section .note.GNU-stack, \"\", @progbits"
}
