"""Names, links, descriptors and submission entries that nobody should send: an errno each, and the shell still works."""
from harness import Group, check, equal

badinput = Group("console/bad-input", "--smp", "4")
small = Group("console/little-memory", "--smp", "2", "--mem", "96M")
GROUPS = [badinput, small]

LONG_NAME = "n" * 300
LONG_PATH = "./" * 2500


def alive(c):
    equal(c.run("echo alive > /tmp/f; cat /tmp/f; rm /tmp/f"), "alive\n")


def refused(c, path, reason):
    """By open, by stat, by the ring inline and queued."""
    c.see(f"cat {path}", f"cat: {path[:60]}.*: {reason}$", status=1)
    c.see(f"stat -L {path}", f"stat: {path[:60]}.*: {reason}$", status=1)
    c.run(f"echo {path} > /tmp/list")
    for method in "openat", "ring-inline", "ring-queued":
        c.see(f"openbench -l /tmp/list -m {method} -c 0", rf"^{method} .* 1  {reason}$", status=1)
    alive(c)


@badinput.test
def a_name_of_300_characters(c):
    refused(c, "/etc/" + LONG_NAME, "File name too long")
    c.see(f"touch /tmp/{LONG_NAME}", "File name too long", status=1)
    c.see(f"mkdir /tmp/{LONG_NAME}", "File name too long", status=1)
    c.see(f"ln -s x /tmp/{LONG_NAME}", "File name too long", status=1)
    fits = LONG_NAME[:255]
    c.see(f"touch /tmp/{fits}; ls /tmp; rm /tmp/{fits}", f"^{fits}$")


@badinput.test
def a_path_of_5000_characters(c):
    refused(c, LONG_PATH, "File name too long")
    c.see(f"cd {LONG_PATH}", "File name too long", status=1)
    c.run(f"cd /etc; cat {LONG_PATH[:4080]}hostname; cd /")


@badinput.test
def a_loop_of_symbolic_links(c):
    c.run("ln -s b /tmp/a; ln -s a /tmp/b")
    refused(c, "/tmp/a", "Too many levels of symbolic links")
    refused(c, "/tmp/b/c", "Too many levels of symbolic links")
    c.see("walk /tmp/a", r"Too many levels of symbolic links", status=None)
    c.run("rm /tmp/a /tmp/b")
    # The limit is 40 links.
    c.run("cat /links/chain40-40")
    c.see("cat /links/chain41-41", "Too many levels of symbolic links", status=1)


@badinput.test
def no_descriptors_left(c):
    c.see("limits", r"^ok open_ends_with_emfile$", r"^ok a_closed_one_is_there_again$",
          r"^ok ring_open_ends_with_emfile$", r"^ok a_closed_one_is_the_rings_again$")
    alive(c)


@badinput.test
def garbage_for_submission_entries(c):
    c.run("garbage 1; echo 3 > /proc/sys/vm/drop_caches")
    before = c.objects()
    for seed in range(1, 4):
        c.see(f"garbage 4 {seed}", r"^ok every_opcode_with_random_fields$", r"^ok random_words_for_indices$",
              r"^ok entries_and_indices_that_move$", r" 0 failed$")
    c.run("echo 3 > /proc/sys/vm/drop_caches")
    after = c.objects()
    for name in before:
        check(after[name] <= before[name] + 16, f"{name}: {before[name]} objects before, {after[name]} after")
    alive(c)


def fill_up(c, command):
    """A file in memory that takes all there is."""
    c.see(f"{command} > /tmp/full", r"No space left on device", status=1)
    c.see("df /tmp", r"^ +\d+ +0 ")
    # No page of it has to stay for the shell to say why, and to give it back.
    c.run("rm /tmp/full; echo 3 > /proc/sys/vm/drop_caches")
    alive(c)


@small.test
def a_file_that_fills_the_memory(c):
    fill_up(c, "cat /dev/zero")
    before = c.free_memory()
    fill_up(c, "cat /dev/zero")
    check(c.free_memory() > before - 2048, f"{before} KiB were free, then {c.free_memory()}")


@small.test
def a_script_that_starts_itself(c):
    c.run("echo 'sh /tmp/s' > /tmp/s")
    c.see("sh /tmp/s", r"^sh: sh: cannot be started: (Cannot allocate memory|Resource temporarily unavailable)$",
          status=None)
    alive(c)


@badinput.test
def bytes_that_are_no_text(c):
    c.run("cat /dev/urandom | head -c 20000 > /tmp/noise")
    c.run("cat /tmp/noise > /dev/null; wc /tmp/noise; sh /tmp/noise > /dev/null 2> /dev/null; rm /tmp/noise", status=None)
    alive(c)
