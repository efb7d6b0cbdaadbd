"""What a person types first, at the serial console, and what the machine has to answer."""
import harness
from harness import Group, check, equal

shell = Group("console/shell", "--smp", "4")
GROUPS = [shell]


@shell.test
def prompt_comes_up(c):
    check("PANIC" not in c.booted, c.booted)


@shell.test
def echo_prints_its_words(c):
    equal(c.run("echo one  two 'three  four'"), "one two three  four\n")


@shell.test
def ls_of_the_root(c):
    c.see("ls -l /", r"^drwxr-xr-x .* etc$", r"^-rw-r--r-- .* README$", r"^drwxrwxrwt .* tmp$")


@shell.test
def cat_of_a_file(c):
    c.see("cat /etc/hostname", r"^unlazy$")


@shell.test
def unknown_command(c):
    c.see("nosuch", r"nosuch: not found", status=127)
