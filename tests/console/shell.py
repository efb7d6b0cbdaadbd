"""What a person types first at the serial console, and what the machine has to answer."""
import re

from harness import Group, PROMPT, check, equal
from terminal import Terminal

shell = Group("console/shell", "--smp", "4")
keys = Group("console/keys", "--smp", "2")
programs = Group("console/programs", "--smp", "4")
GROUPS = [shell, keys, programs]

# ---- commands and files ---------------------------------------------------------------------------


@shell.test
def boot_names_disk_and_file_system(c):
    check(re.search(r"^vda: \d+ sectors .* queues", c.booted, re.M), c.booted)
    check(re.search(r"^ext4 vda: .* read-only", c.booted, re.M), c.booted)


@shell.test
def echo_prints_its_words(c):
    equal(c.run("echo one  two 'three  four' \"five\""), "one two three  four five\n")
    equal(c.run("echo -n no newline"), "no newline")
    equal(c.run("echo"), "\n")


@shell.test
def ls_of_the_root(c):
    c.see("ls -l /", r"^drwxr-xr-x .* etc$", r"^-rw-r--r-- .* README$", r"^drwxrwxrwt .* tmp$",
          r"^dr-xr-xr-x .* proc$", r"^drwxr-xr-x .* dev$")


@shell.test
def ls_of_a_link_shows_where_it_points(c):
    c.see("ls -l /links/relative", r"^lrwxrwxrwx .* /links/relative -> \.\./etc/motd$")


@shell.test
def ls_of_a_missing_name(c):
    c.see("ls /nowhere", r"/nowhere: No such file or directory", status=1)


@shell.test
def ls_of_a_big_folder_is_whole(c):
    equal(c.run("ls -1 /many > /tmp/names; wc -l /tmp/names; rm /tmp/names").split()[0], "3000")


@shell.test
def cat_of_files(c):
    equal(c.run("cat /etc/hostname"), "unlazy\n")
    equal(c.run("cat /etc/hostname /links/chain40-40").splitlines()[:2],
          ["unlazy", "This is Unlazy: files are opened without blocking the caller."])
    equal(c.run("cat /cases/empty"), "")
    c.see("cat /nowhere", r"/nowhere: No such file or directory", status=1)
    c.see("cat /etc", r"/etc: Is a directory", status=1)


@shell.test
def stat_of_file_folder_and_link(c):
    c.see("stat /etc/hostname", r"Size: 7 .* regular file", r"0644/-rw-r--r--", r"Uid: 0", r"2020-12-15")
    c.see("stat /etc", r"directory")
    c.see("stat /links/dangling", r"symbolic link")
    c.see("stat -L /links/dangling", r"No such file or directory", status=1)
    c.see("stat /cases/fifo", r"fifo|FIFO")


@shell.test
def cd_and_pwd(c):
    equal(c.run("cd /usr; pwd"), "/usr\n")
    equal(c.run("cd ..; pwd"), "/\n")
    equal(c.run("cd /deep/d00/d01; cd -"), "/\n")
    equal(c.run("cd /links/folder; pwd; cd /"), "/etc\n")
    c.see("cd /nowhere", r"cd: /nowhere: No such file or directory", status=1)
    c.see("cd /etc/motd", r"Not a directory", status=1)


@shell.test
def prompt_shows_the_folder(c):
    c.type("cd /usr\r")
    c.expect(r"unlazy:/usr# ")
    c.type("cd /\r")
    c.expect(r"unlazy:/# ")


@shell.test
def find_by_name_type_and_depth(c):
    path = "/deep/" + "/".join(f"d{i:02}" for i in range(64)) + "/bottom"
    equal(c.run("find /deep -name bottom"), path + "\n")
    equal(sorted(c.run("find / -maxdepth 1 -type d").split()),
          sorted("/ /bench /cases /deep /dev /etc /links /lost+found /many /proc /tmp /usr".split()))
    equal(c.run("find /etc -name 'pass*' -type f"), "/etc/passwd\n")


@shell.test
def wc_head_and_tail(c):
    equal(c.run("wc /etc/numbers").split(), ["1000", "1000", "3893", "/etc/numbers"])
    equal(c.run("head -n 2 /etc/numbers"), "1\n2\n")
    equal(c.run("tail -n 2 /etc/numbers"), "999\n1000\n")
    equal(c.run("wc -l < /etc/numbers").split()[0], "1000")


@shell.test
def time_says_how_long(c):
    c.see("time echo counted", r"^counted$", r"^real \d+\.\d{6} s$")
    c.see("time false", r"^real", status=1)


@shell.test
def redirection_in_tmp(c):
    equal(c.run("echo first > /tmp/r; echo second >> /tmp/r; cat < /tmp/r"), "first\nsecond\n")
    equal(c.run("echo again > /tmp/r; cat /tmp/r; rm /tmp/r"), "again\n")
    equal(c.run("cat /nowhere 2> /tmp/e; cat /tmp/e; rm /tmp/e"), "cat: /nowhere: No such file or directory\n")


@shell.test
def files_in_tmp_can_be_made_moved_and_removed(c):
    equal(c.run("mkdir -p /tmp/a/b; echo x > /tmp/a/b/f; mv /tmp/a/b/f /tmp/a/g; cat /tmp/a/g"), "x\n")
    equal(c.run("ln /tmp/a/g /tmp/a/h; ln -s g /tmp/a/s; cat /tmp/a/h /tmp/a/s"), "x\nx\n")
    c.see("rmdir /tmp/a", r"Directory not empty", status=1)
    c.run("rm -r /tmp/a")
    c.see("stat /tmp/a", r"No such file", status=1)


@shell.test
def the_disk_is_read_only(c):
    c.see("touch /new", r"Read-only file system", status=1)
    c.see("echo x > /etc/motd", r"Read-only file system", status=1)
    c.see("rm /etc/motd", r"Read-only file system", status=1)


@shell.test
def shell_grammar(c):
    equal(c.run("true && echo yes; false && echo no; false || echo other"), "yes\nother\n")
    equal(c.run("X=5; echo \"$X\" '$X'"), "5 $X\n")
    equal(c.run("false; echo $?"), "1\n")
    equal(c.run("echo /etc/host*"), "/etc/hostname\n")
    c.type("echo 'open\r")
    c.expect("quote is not closed")
    c.prompt()


@shell.test
def unknown_command(c):
    equal(c.run("nosuch", status=127), "sh: nosuch: not found\n")


@shell.test
def wrong_arguments_are_told(c):
    for command in ("cd /etc /usr", "pwd x", "exit 1 2", "history x", "wait x", "source", "time", "unset", "ps aux",
                    "free -h", "id root", "dmesg -x", "ls -z", "cat -z", "head -n x", "head -z", "tail -n", "wc -z",
                    "stat", "mkdir", "cp x", "ln x", "touch", "rm", "find /etc -name", "find /etc -foo",
                    "sleep x", "sleep", "seq x", "uname -r", "mount /dev/vda /mnt", "umount", "chmod rw x", "as", "walk",
                    "walk -z /", "trace", "poweroff x", "openbench -z", "openbench -c 101", "openbench -m openat,ring",
                    "openbench -n 0", "openbench all", "sh -c", "hexdump -z"):
        c.see(command, rf"usage: {command.split()[0]}\b", status=2)
    c.see("exit x", r"^sh: exit: x: not a number$", status=2)
    c.see("ls --help", r"^usage: ls \[", r"^  list folders$")
    c.see("cd --help", r"^usage: cd \[")
    equal(c.run("echo alive"), "alive\n")


@shell.test
def help_lists_everything(c):
    out = c.see("help", r"^  walk ", r"^  openbench ", r"^  ls ", r"^  cd ", r"^  poweroff ")
    check(len(out.splitlines()) > 40, out)
    equal(len(c.run("help ls").splitlines()), 1)
    c.see("help nosuch", r"nothing about .nosuch'", status=1)


@shell.test
def permissions_of_another_user(c):
    c.see("as 1000 cat /cases/root-only", r"Permission denied", status=1)
    c.see("as 1000 cat /cases/private/inside", r"Permission denied", status=1)
    equal(c.run("as 1000 cat /cases/of-user"), "mode 0640, owner 1000\n")
    equal(c.run("as 1000 cat /cases/search-only/inside"), "in a folder of mode 0711\n")
    c.see("as 1000 id", r"1000")


@shell.test
def contents_are_right(c):
    for name in ("fragmented", "block-and-byte", "nobody-reads"):
        digest = c.run(f"sha256sum /cases/{name}").split()[0]
        c.see("cat /cases/SHA256SUMS", f"^{digest}  /cases/{name}$")


# ---- /proc and what reads it ------------------------------------------------------------------------


@shell.test
def ps_lists_kernel_and_shell(c):
    c.see("ps", r"\binit$", r"\bsh$", r"\brcu$")


@shell.test
def free_knows_the_memory(c):
    total, used, available = (int(n) for n in c.run("free").splitlines()[1].split()[:3])
    check(400000 < total <= 524288 and used < total and available <= total, f"{total} {used} {available}")


@shell.test
def mount_lists_four(c):
    c.see("mount", r"^vda / ext4 ro", r"^devfs /dev devfs", r"^proc /proc proc", r"^tmpfs /tmp tmpfs")
    equal(c.run("mount"), c.run("cat /proc/mounts"))


@shell.test
def mounts_come_and_go(c):
    c.run("mkdir /tmp/m; mount -t tmpfs tmpfs /tmp/m; echo inside > /tmp/m/f")
    c.see("mount", r"^tmpfs /tmp/m tmpfs")
    c.run("umount /tmp/m")
    c.see("cat /tmp/m/f", r"No such file", status=1)
    c.run("mount --bind /etc /tmp/m")
    equal(c.run("cat /tmp/m/hostname; umount /tmp/m; rmdir /tmp/m"), "unlazy\n")


@shell.test
def dmesg_repeats_the_boot(c):
    c.see("dmesg", r"^\[ +\d+\.\d+\] vda: ", r"^\[ +\d+\.\d+\] ext4 vda: ")


@shell.test
def proc_files_of_unlazy(c):
    names = c.run("ls -1 /proc/unlazy").split()
    for name in ("walk", "dcache", "ring", "workers", "rcu", "blk", "trace"):
        check(name in names, f"/proc/unlazy/{name} is missing: {names}")
        if name != "trace":
            check(c.run(f"cat /proc/unlazy/{name}"), f"/proc/unlazy/{name} is empty")


@shell.test
def own_descriptors(c):
    c.see("ls -l /proc/self/fd", r"0 -> /dev/console", r"2 -> /dev/console")


@shell.test
def walk_explains_a_path(c):
    c.run("echo 3 > /proc/sys/vm/drop_caches")
    c.see("walk /etc/motd", r"leaves RCU mode: not cached", r"^ref +motd .* file system", r"= success")
    c.see("walk /etc/motd", r"^rcu  motd .* dcache", r"without leaving RCU mode; cached only: success")


@shell.test
def walk_of_the_cached_attempt(c):
    c.run("echo 3 > /proc/sys/vm/drop_caches")
    c.see("walk -c /etc/motd", r"EAGAIN", status=None)
    c.run("cat /etc/motd")
    c.see("walk -c /etc/motd", r"cached only: success")


@shell.test
def walk_of_a_missing_name(c):
    c.see("walk /etc/nothing", r"No such file or directory", status=None)
    c.see("walk /etc/motd/x", r"Not a directory", status=None)


@shell.test
def drop_caches_drops(c):
    c.run("cat /etc/motd")
    before = c.run("walk -c /etc/motd")
    c.run("echo 2 > /proc/sys/vm/drop_caches")
    after = c.run("walk -c /etc/motd", status=None)
    check("success" in before and "EAGAIN" in after, before + after)
    c.run("echo 9 > /proc/sys/vm/drop_caches", status=1)
    c.run("echo nonsense > /proc/sys/vm/drop_caches", status=1)


@shell.test
def a_script_runs(c):
    c.run("echo 'echo from a script' > /tmp/s; echo 'false' >> /tmp/s")
    equal(c.run("sh /tmp/s", status=1), "from a script\n")
    equal(c.run("source /tmp/s; rm /tmp/s"), "from a script\n")


# ---- keys -------------------------------------------------------------------------------------------


def answer(c):
    """What was printed between the echoed line and the next prompt."""
    out = c.expect(PROMPT)
    return out.replace("\r", "").split("\n", 1)[1] if "\n" in out else out


def cancel(c):
    """Control-C and the new prompt; there may be older ones on the way."""
    c.type("\x03")
    c.expect(r"\^C\r*\n")
    c.prompt()


@keys.test
def an_empty_line_is_nothing(c):
    c.type("\r")
    c.prompt()
    c.type("   \r")
    c.prompt()
    c.see("echo $?", r"^0$")


@keys.test
def arrow_up_repeats_a_line(c):
    c.run("echo $((1))", status=None)
    c.type("echo remembered\r")
    c.prompt()
    c.type("\x1b[A")
    c.expect("echo remembered")
    c.type("\r")
    equal(answer(c), "remembered\n")


@keys.test
def arrow_down_comes_back(c):
    c.type("echo unfinished\x1b[A\x1b[A\x1b[B\x1b[B")
    c.type(" line\r")
    c.expect(r"unfinished line\r+\n")
    c.prompt()


@keys.test
def history_lists_lines(c):
    c.run("echo for the history")
    c.see("history", r"echo for the history")


@keys.test
def search_finds_an_older_line(c):
    c.run("echo needle in a haystack")
    c.run("echo something else")
    c.type("\x12needle")
    c.expect("echo needle in a haystack")
    c.type("\r")
    c.expect(r"needle in a haystack\r+\n.*\[0\]")
    c.prompt()


@keys.test
def tab_completes_commands(c):
    c.type("openb\t--help > /dev/null; echo $?\r")
    c.expect("openbench --help")
    equal(answer(c), "0\n")


@keys.test
def tab_completes_paths(c):
    c.type("cat /etc/hostn\t\r")
    c.expect("/etc/hostname ")
    equal(answer(c), "unlazy\n")
    c.type("ls /ca\t\r")
    c.expect("/cases/")
    c.prompt()


@keys.test
def tab_lists_several(c):
    c.type("cat /etc/\t\t")
    c.expect("hostname")
    c.expect("passwd")
    cancel(c)


@keys.test
def tab_on_nothing_rings(c):
    c.type("cat /nothing-there\t")
    c.expect("\x07")
    cancel(c)


@keys.test
def editing_in_the_middle(c):
    # left, left, insert; backspace; home; end; delete word; delete to the end and put it back
    c.type("echo ac\x1b[Db\r")
    c.expect(r"\nabc\r")
    c.prompt()
    c.type("xecho right wrong\x17\x1b[H\x1b[3~\x05here\r")
    c.expect(r"\nright here\r")
    c.prompt()
    c.type("echo one two\x1b[D\x1b[D\x1b[D\x0b\x19 three\x7f\x7f\x7f\x7f\x7fX\r")
    c.expect(r"\none twoX\r|\none two X\r")
    c.prompt()


@keys.test
def letters_beyond_ascii(c):
    c.type("echo naïveé\x7f ☃\r")
    c.expect("\nnaïve ☃\r")
    c.prompt()


@keys.test
def a_line_longer_than_the_screen(c):
    words = " ".join(f"word{i}" for i in range(60))
    c.type(f"echo {words} > /tmp/long; cat /tmp/long; rm /tmp/long\r")
    c.expect("\n" + words + "\r")
    c.prompt()


@keys.test
def a_line_of_8000_bytes_runs_and_a_longer_one_rings(c):
    before = len(c.text())
    c.type("echo " + "x" * 8000 + " > /tmp/x; wc -c < /tmp/x\r")
    c.expect(r"\n *8001\s")
    c.prompt()
    written = len(c.text()) - before
    check(written < 3 * 8000, f"a line of 8000 bytes made the shell write {written}")
    c.type("echo " + "y" * 8400)
    c.expect("\x07")
    cancel(c)


LEFT, RIGHT, HOME, END, DELETE = "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[F", "\x1b[3~"


@keys.test
def the_screen_shows_the_line(c):
    """Whatever the keys and however they come, screen and cursor are where the line is."""
    words = " ".join(f"w{i}" for i in range(60))  # three rows
    for keys, line, before in (
            ("abc", "abc", "abc"),
            ("abc" + LEFT * 2 + "X", "aXbc", "aX"),
            (words, words, words),
            (words + HOME + "first ", "first " + words, "first "),
            (words + LEFT * 100 + "\x7f" * 5, words[:-105] + words[-100:], words[:-105]),
            (words + HOME + RIGHT * 90 + DELETE * 3, words[:90] + words[93:], words[:90]),
            (words + LEFT * 60 + "\x0b" + HOME + "\x19", words[-60:] + words[:-60], words[-60:]),
            (words + "\x15" + "short", "short", "short"),
            ("x" * 70 + LEFT + "yy", "x" * 69 + "yyx", "x" * 69 + "yy"),
            # Exactly to the edge, the prompt has ten columns, and one more.
            ("e" * 70, "e" * 70, "e" * 70),
            ("e" * 71 + "\x7f", "e" * 70, "e" * 70),
            ("e" * 150 + LEFT * 80 + "\x7f" * 2, "e" * 148, "e" * 68),
            ("naïve ☃ é" + LEFT * 3 + "\x7f", "naïve☃ é", "naïve"),
            (words + "\x1b[A\x1b[B" + END + "!", words + "!", words + "!"),
            (words + "\x12nothing like it\x07", words, words)):
        for slowly in (False,) if "\x12" in keys else (False, True):
            seen = Terminal().feed("unlazy:/# ")
            if slowly:  # each key is drawn by itself
                for key in re.findall(r"\x1b\[\d*[A-Z~]|.", keys, re.S):
                    c.type(key)
                    seen.feed(c.drawn())
            else:
                c.type(keys)
                seen.feed(c.drawn())
            equal(seen.text(), "unlazy:/# " + line)
            equal(seen.before_cursor(), "unlazy:/# " + before)
            cancel(c)


wide = Group("console/wide-terminal", "--smp", "1", append="rows=50 columns=132")
GROUPS.append(wide)


@wide.test
def a_line_breaks_where_the_terminal_ends(c):
    line = "echo " + "x" * 200
    c.type(line)
    seen = Terminal(132).feed("unlazy:/# " + c.drawn())
    equal(seen.text(), "unlazy:/# " + line)
    equal(len(seen.rows[0]), 132)
    cancel(c)
    longest = max(len(line.rstrip()) for line in c.run("ls /many").splitlines())
    check(100 < longest <= 132, f"ls fills {longest} columns")


@keys.test
def control_c_gives_a_new_prompt(c):
    c.type("this is not run")
    cancel(c)
    c.see("echo ok", r"^ok$")


@keys.test
def control_c_ends_a_running_program(c):
    for how in ("spin", "sleep"):
        c.type(f"crash {how}\r")
        c.expect(rf"crash {how}\r+\n")
        c.interrupt("killed by SIGINT")
        c.see("echo alive", r"^alive$")


@keys.test
def control_c_ends_a_program_that_waits_for_a_fifo(c):
    c.type("cat /cases/fifo\r")
    c.expect(r"cat /cases/fifo\r+\n")
    c.interrupt("killed by SIGINT")
    c.see("echo alive", r"^alive$")


@keys.test
def control_d_ends_input(c):
    # What is typed before the terminal is back in line mode comes as it is, here and on Linux.
    c.type("echo 'go'; cat > /tmp/typed\r")
    c.expect(r"\ngo\r")
    c.type("typed line\r")
    c.type("\x04")
    c.prompt()
    equal(c.run("cat /tmp/typed; rm /tmp/typed"), "typed line\n")


@keys.test
def exit_gives_a_fresh_shell(c):
    c.type("X=gone; exit\r")
    c.prompt()
    equal(c.run("echo \"[$X]\"; pwd"), "[]\n/\n")


@keys.test
def garbage_bytes_do_no_harm(c):
    c.type("\x1b[999;999~\x1bOZ\x00\x01\x02\x1b[\xff\xfe\x80\x03")
    c.prompt()
    c.see("echo sane", r"^sane$")


# ---- programs ---------------------------------------------------------------------------------------


def crashes(c, how, signal, message):
    c.see(f"crash {how}", message, rf"crash: killed by {signal}",
          status=128 + {"SIGSEGV": 11, "SIGFPE": 8, "SIGABRT": 6}[signal])
    equal(c.run("echo alive"), "alive\n")


@programs.test
def a_crash_ends_only_the_program(c):
    crashes(c, "read", "SIGSEGV", r"crash\[\d+\]: invalid read")
    crashes(c, "write", "SIGSEGV", r"crash\[\d+\]: invalid write")
    crashes(c, "jump", "SIGSEGV", r"crash\[\d+\]: jump to unmapped")
    crashes(c, "divide", "SIGFPE", r"crash\[\d+\]: divide error")
    crashes(c, "abort", "SIGABRT", r"")


@programs.test
def exit_statuses_come_back(c):
    for status in (0, 1, 2, 127, 255):
        c.run(f"crash exit {status}", status=status)


@programs.test
def a_leak_is_given_back(c):
    c.run("crash leak", status=7)
    first = int(c.run("free").splitlines()[1].split()[1])
    for _ in range(4):
        c.run("crash leak", status=7)
    last = int(c.run("free").splitlines()[1].split()[1])
    # One run leaks 7 MiB and three threads.
    check(last - first < 4096, f"{first} KiB in use, after four more leaking programs {last} KiB")


@programs.test
def openbench_small_run(c):
    out = c.run("openbench -n 100 -c 0,100")
    rows = {(r[0], r[1]): r for r in (line.split() for line in out.splitlines()[1:]) if len(r) > 6}
    equal(len(rows), 12)
    for (method, cached), row in rows.items():
        equal(row[-1], "0")
        if method.startswith("ring"):
            inline, queued = int(row[-3]), int(row[-2])
            equal(inline + queued, 100)
            if method == "ring-queued" or cached == "0":
                equal(inline, 0)
            else:
                equal(queued, 0)


@programs.test
def trace_shows_a_walk(c):
    c.run("echo 2 > /proc/sys/vm/drop_caches")
    c.see("trace -- cat /etc/hostname", r"^unlazy$", r"walk_unlazy +reason=not_cached links=0$",
          r"walk_step +name=hostname result=0$")
    c.see("trace -- openbench -n 20 -m ring-queued -c 0", r"ring_queue +opcode=\d+", r"worker_start +opcode=\d+",
          r"cqe +user_data=\d+ result=\d+")
    c.see("trace show --json", r'"name":"walk_unlazy",.*"reason":"not_cached"')


@programs.test
def statistics_of_the_ring_move(c):
    def inline():
        return int(re.search(r"^inline (\d+)", c.run("cat /proc/unlazy/ring"), re.M).group(1))
    before = inline()
    c.run("openbench -n 50 -m ring-inline -c 100")
    check(inline() >= before + 50, "fewer than 50 opens inline")


@programs.test
def retry_strategy_can_be_chosen(c):
    for name in ("norcu", "resume", "rcu"):
        c.run(f"echo retry={name} > /proc/unlazy/ring")
        c.see("cat /proc/unlazy/ring", rf"^retry {name}$")
    c.run("echo retry=nonsense > /proc/unlazy/ring", status=1)
