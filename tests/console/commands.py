"""The commands a person types at the host's shell: make run and its variables, make bench."""
import json
import os
import re
import shutil
import subprocess
import tempfile

import harness
from harness import TOP, Wrong, check, equal

KERNEL = os.path.join(TOP, "build", "debug", "unlazy.elf")
DISK = os.path.join(TOP, "build", "disk.img")


class Commands:
    """Tests that start machines themselves, one after the other."""

    def __init__(self, name):
        self.name, self.tests = name, []

    def test(self, function):
        self.tests.append(function)
        return function

    def run(self, results):
        for function in self.tests:
            name = f"{self.name}/{function.__name__}"
            try:
                function(function.__name__)
                results.add("ok", name)
            except Wrong as e:
                results.add("FAIL", name, detail=str(e))


commands = Commands("console/commands")
GROUPS = [commands]


def run(name, *arguments, status=0, **variables):
    """tools/run with these arguments and variables; what it printed."""
    env = {k: v for k, v in os.environ.items() if k not in ("CMD", "DISK", "ROOT", "SMP", "MEM", "APPEND")}
    env.update({"DEBUG": "1", "SNAPSHOT": "1", "TIMEOUT": str(harness.HUNG), **variables})
    got, text = harness.run([os.path.join(TOP, "tools", "run"), *arguments], f"commands {name}",
                            timeout=harness.HUNG + 60, env=env)
    if got != status:
        raise Wrong(f"status {got}, expected {status}:\n{harness.tail(text)}")
    return text


def has(text, *patterns):
    for pattern in patterns:
        check(re.search(pattern, text, re.M), f"no {pattern!r} in:\n{harness.tail(text)}")


def last_line(text):
    return text.rstrip("\n").split("\n")[-1]


# ---- CMD ----------------------------------------------------------------------------------------------


@commands.test
def the_last_line_is_the_exit_status(name):
    for command, status in (("true", 0), ("false", 1), ("exit 3", 3), ("crash exit 255", 255), ("nosuch", 127),
                            ("crash abort", 134), ("echo 'open", 2), ("false; true", 0)):
        equal(last_line(run(name, CMD=command, SMP="2", status=status)), f"exit status {status}")


@commands.test
def make_run_succeeds_only_for_status_0(name):
    status, text = harness.make("run", "SNAPSHOT=1", "CMD=walk /etc/motd; openbench -n 200 -c 0,100")
    check(status == 0, text)
    has(text, r"= success", r"^ring-inline +100 %", r"^exit status 0$")
    status, text = harness.make("run", "SNAPSHOT=1", "CMD=cat /etc/hostname; exit 3")
    check(status != 0, "make succeeds for status 3")
    has(text, r"^unlazy$", r"^exit status 3$")


@commands.test
def every_byte_of_a_command_arrives(name):
    has(run(name, CMD="X='a b'; echo \"<$X>\" 100% \\& 'ä=;' \"q'q\""), r"^<a b> 100% & ä=; q'q$")
    # Too long for the kernel's command line.
    has(run(name, CMD="echo " + "x" * 5000 + " | wc -c"), r"^ *5001$")


@commands.test
def a_hang_is_told_and_where_the_cpus_are(name):
    text = run(name, CMD="crash spin", TIMEOUT="5", SMP="2", status=124)
    has(text, r"^tools/run: timed out after 5 s$", r"^tools/run: CPU 0 at 0x", r"^tools/run: CPU 1 at 0x")


@commands.test
def kernel_tests_on_request(name):
    text = run(name, KTEST="rcu_", SMP="2")
    has(text, r"^ok rcu_\w+", r"^\d+ passed, 0 failed")
    equal(last_line(text), "exit status 0")
    equal(last_line(run(name, APPEND="ktest=rcu_", SMP="2")), "exit status 0")


# ---- where the disk comes from ------------------------------------------------------------------------


@commands.test
def disk_is_a_file_of_any_format(name):
    with tempfile.TemporaryDirectory() as folder:
        image = f"{folder}/disk,with comma.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", DISK, "-F", "raw", image], check=True)
        has(run(name, CMD="cat /etc/hostname", DISK=image), r"^unlazy$")


@commands.test
def disk_is_a_block_url(name):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["qemu-nbd", "--fork", "--read-only", "--format=raw", f"--socket={folder}/nbd",
                        f"--pid-file={folder}/pid", DISK], check=True)
        has(run(name, CMD="cat /etc/hostname", DISK=f"nbd+unix:///?socket={folder}/nbd"), r"^unlazy$")
    described = json.dumps({"driver": "raw", "file": {"driver": "file", "filename": DISK, "locking": "off"}})
    has(run(name, CMD="cat /etc/hostname", DISK=f"json:{described}"), r"^unlazy$")


@commands.test
def disk_that_is_not_there(name):
    has(run(name, CMD="true", DISK="/nowhere.img", status=2), r"DISK=/nowhere.img: no such file")
    has(run(name, CMD="true", ROOT="/nowhere", status=2), r"ROOT=/nowhere: no such folder")
    has(run(name, CMD="true", ROOT="/tmp", DISK="none", status=2), r"DISK or ROOT, not both")


@commands.test
def root_is_a_folder(name):
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/of/mine")
        with open(f"{folder}/of/mine/file", "w") as f:
            f.write("my own words\n")
        os.symlink("of/mine/file", f"{folder}/link")
        has(run(name, CMD="cat /of/mine/file; cat /link; ls -l /", ROOT=folder),
            r"^my own words\nmy own words$", r"link -> of/mine/file$")
        # Changed, it is another image.
        with open(f"{folder}/of/mine/file", "a") as f:
            f.write("more of them\n")
        has(run(name, CMD="cat /link", ROOT=folder), r"^my own words\nmore of them$")


# ---- the machine --------------------------------------------------------------------------------------


@commands.test
def smp_and_mem(name):
    for cpus, memory in ((1, "128M"), (3, "256M"), (8, "1G")):
        text = run(name, CMD="ps; free", SMP=str(cpus), MEM=memory)
        has(text, rf"^vda: .*, {cpus} queues of ", *(rf" idle/{cpu}$" for cpu in range(1, cpus)))
        total = int(re.search(r"^ +total .*\n +(\d+)", text, re.M).group(1))
        want = int(memory[:-1]) * (1024 if memory[-1] == "M" else 1 << 20)
        check(want * 8 // 10 < total <= want, f"MEM={memory} is {total} KiB")


@commands.test
def debug_chooses_the_kernel(name):
    has(run(name, "--dry-run", DEBUG="1"), r"-kernel \S+/build/debug/unlazy.elf")
    # There need not be a release build yet: then that is what it says.
    release = os.path.join(TOP, "build", "release", "unlazy.elf")
    text = run(name, "--dry-run", DEBUG="0", status=0 if os.path.exists(release) else 2)
    has(text, r"build/release/unlazy.elf")
    check("no kernel there; build it with `make kernel`" in text or os.path.exists(release), text)


# ---- APP that cannot be -------------------------------------------------------------------------------


@commands.test
def app_that_cannot_be(name):
    for app, why in (("/nowhere.c", "no such .c file"), ("/tmp/ls.c/../sh.c", "there is a program named sh already")):
        status, text = harness.make("-n", "kernel", f"APP={app}")
        check(status != 0 and why in text, text)


# ---- make bench ---------------------------------------------------------------------------------------


def rows_of(what, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        status, text = harness.run([os.path.join(TOP, "tools", "bench"), what, "--kernel", KERNEL, "--disk", DISK,
                                    "--output", f"{folder}/rows.json", *arguments], f"commands bench {what}")
        check(status == 0, f"status {status}:\n{harness.tail(text)}")
        with open(f"{folder}/rows.json") as f:
            return json.load(f), text


@commands.test
def rows_of_the_table(name):
    rows, text = rows_of("table", "--files", "500", "--rounds", "2", "--smp", "2", "--mem", "512M")
    methods = {"openat", "threads", "ring-queued", "ring-inline", "ring-norcu", "ring-resume"}
    equal({(r["method"], r["cached_percent"]) for r in rows}, {(m, c) for m in methods for c in (0, 33, 89, 100)})
    for r in rows:
        equal(list(r), ["system", "method", "cached_percent", "files", "ns_per_open", "inline", "queued", "errors"])
        equal((r["system"], r["files"], r["errors"]), ("unlazy", 500, 0))
        check(r["ns_per_open"] > 0, str(r))
        if r["method"] == "ring-queued":
            equal((r["inline"], r["queued"]), (0, 500))
        elif r["method"].startswith("ring"):
            equal(r["inline"] + r["queued"], 500)
            # A few are queued because the descriptor table has to grow, which may sleep.
            check(abs(r["inline"] - 5 * r["cached_percent"]) <= 25, str(r))
        else:
            equal((r["inline"], r["queued"]), (None, None))
    has(text, r"ring-queued / ring-inline", r"\(1,014,975 / 900,474\)")


@commands.test
def rows_of_instructions(name):
    rows, _ = rows_of("insns")
    seen = set()
    for r in rows:
        equal(list(r), ["system", "method", "operation", "components", "batch", "instructions"])
        check(r["system"] == "unlazy" and r["instructions"] > 0, str(r))
        seen.add((r["method"], r["operation"], r["components"], r["batch"]))
    for method in "ring-inline", "ring-queued":
        for components in 1, 4, 8:
            for batch in 1, 32:
                check((method, "open+close", components, batch) in seen, f"no {method} {components} {batch}")
    check(any(s[0] == "openat" and s[1] == "open+close" for s in seen), "no openat loop")
    check(any(s[1] == "enoent" for s in seen), "no ENOENT")
