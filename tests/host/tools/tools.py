#!/usr/bin/python3
"""tools/: what deps asks for, how run starts QEMU and judges its end, that mkdisk's images are the same every
time and shaped as they should be. Run from the top folder."""
import hashlib
import os
import re
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.getcwd()
sys.path.insert(0, f"{TOP}/tools")
import linuxguest
import usrtree

KERNELS = os.path.dirname(os.path.abspath(__file__))
tests = []


def test(function):
    tests.append(function)
    return function


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def call(*command, **environment):
    """(status, standard output, standard error) with nothing of the caller's variables."""
    plain = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR")}
    p = subprocess.run(command, env={**plain, **environment}, stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=300)
    return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")


def tool_run(kernel, *arguments, **environment):
    return call("tools/run", "--kernel", f"{KERNELS}/fake-kernel-{kernel}", *arguments, **environment)


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()


# ---- deps ----

@test
def deps_is_silent_when_nothing_is_missing():
    check(call("tools/deps", "build", "run") == (0, "", ""), "it spoke or failed")


@test
def deps_refuses_an_unknown_group():
    status, _, said = call("tools/deps", "nonsense")
    check(status == 2 and "nonsense" in said, said)


@test
def deps_names_what_it_may_not_install(folder):
    """A user without sudo, on a system where nothing is installed."""
    for name, text in (("dpkg-query", "exit 1"), ("id", "echo 1000"), ("sudo", "exit 1")):
        with open(f"{folder}/{name}", "w") as f:
            f.write(f"#!/bin/sh\n{text}\n")
        os.chmod(f"{folder}/{name}", 0o755)
    status, _, said = call("tools/deps", "run", PATH=f"{folder}:{os.environ['PATH']}")
    check(status == 1 and "apt-get install" in said and "qemu-system-x86" in said, said)


# ---- run ----

@test
def run_takes_its_disk_as_it_is(folder):
    subprocess.check_call(["truncate", "-s", "1M", f"{folder}/a,b.raw"])
    subprocess.check_call(["qemu-img", "create", "-q", "-f", "qcow2", f"{folder}/a.qcow2", "1M"])
    for disk, wanted in ((f"{folder}/a,b.raw", "a,,b.raw,format=raw"),
                         (f"{folder}/a.qcow2", "a.qcow2,format=qcow2"),
                         ("nbd://host/export", "file=nbd://host/export,format=raw"),
                         ('json:{"driver":"raw","x":1}', 'file=json:{"driver":"raw",,"x":1},if=none')):
        status, out, said = tool_run(3, "--dry-run", DISK=disk, SMP="2")
        check(status == 0 and wanted in out and "num-queues=2" in out, f"{disk}: {out}{said}")


@test
def run_says_what_is_missing():
    status, _, said = tool_run(3, DISK="/no/such.img")
    check(status == 2 and "/no/such.img: no such file" in said, said)
    status, _, said = call("tools/run", "--kernel", "/no/kernel", "--disk", "none")
    check(status == 2 and "/no/kernel" in said and "make kernel" in said, said)
    status, _, said = tool_run(3, DISK="none", ICOUNT="1", SMP="2")
    check(status == 2 and "SMP=1" in said, said)


@test
def run_hands_the_command_over():
    status, out, said = tool_run(3, DISK="none", CMD="echo 'a  b' > /x; ls")
    check(status == 3, f"{status}: {out}{said}")
    check("cmd=echo%20%27a%20%20b%27%20%3E%20/x%3B%20ls" in out, out)


@test
def run_takes_a_long_command_as_a_module():
    status, out, said = tool_run(3, DISK="none", CMD="echo abc; " * 1000)
    check(status == 3 and "cmd-module=1" in out and "abc" not in out, out[:200] + said)


@test
def run_wants_console_and_exit_to_agree():
    status, _, said = tool_run(4, DISK="none", CMD="x")
    check(status == 125 and "says exit status 3" in said, said)


@test
def run_times_out():
    status, _, said = tool_run(999, "--timeout", "2", DISK="none", CMD="x")
    check(status == 124 and "timed out" in said and re.search(r"CPU 0 at 0x\w+ hang", said), said)


# ---- mkdisk ----

@test
def a_plan_is_shaped_like_usr():
    plan = usrtree.Plan(usrtree.REAL_FILES)
    lengths = [len(path) for path in plan.files]
    depths = [0] * len(usrtree.REAL_DEPTHS)
    for path in plan.files:
        depths[path.count("/") - usrtree.FIRST_DEPTH] += 1
    check(len(set(plan.files)) == usrtree.REAL_FILES, "a file twice or missing")
    check(abs(statistics.median(lengths) - 68) <= 3, f"median length {statistics.median(lengths)}")
    check(max(lengths) == 195, f"longest path {max(lengths)}")
    check(all(abs(a - b) <= 12 for a, b in zip(depths, usrtree.REAL_DEPTHS)), str(depths))
    check(abs(len(plan.folders) - usrtree.REAL_FOLDERS) < 50, f"{len(plan.folders)} folders")
    check(len(plan.symlinks) == usrtree.REAL_SYMLINKS, f"{len(plan.symlinks)} links")


@test
def an_image_is_the_same_every_time(folder):
    for name in "ab":
        status, _, said = call("tools/mkdisk", "--files", "100", "-o", f"{folder}/{name}.img")
        check(status == 0, said)
    check(sha256(f"{folder}/a.img") == sha256(f"{folder}/b.img"), "two images differ")
    fsck = call("/sbin/e2fsck", "-fn", f"{folder}/a.img")
    check(fsck[0] == 0, fsck[1] + fsck[2])
    listing = call("/sbin/debugfs", "-R", "cat /bench/list", f"{folder}/a.img")[1].split()
    check(len(listing) == 100, f"{len(listing)} files in /bench/list")
    last = call("/sbin/debugfs", "-R", f"cat {listing[-1]}", f"{folder}/a.img")[1]
    check(last == listing[-1] + "\n", f"{listing[-1]} holds {last!r}")


@test
def an_image_is_made_once(folder):
    image = f"{folder}/a.img"
    made = []
    for files in ("20", "20", "30"):
        status, _, said = call("tools/mkdisk", "--quiet", "--files", files, "-o", image)
        check(status == 0, said)
        made.append(os.stat(image).st_ino)
    check(made[0] == made[1] != made[2], f"inodes of the three: {made}")
    check(sorted(os.listdir(folder)) == ["a.img", "a.img.stamp"], str(os.listdir(folder)))


@test
def an_image_of_a_folder(folder):
    os.makedirs(f"{folder}/root/sub")
    with open(f"{folder}/root/sub/file", "w") as f:
        f.write("mine\n")
    status, _, said = call("tools/mkdisk", "--root", f"{folder}/root", "-o", f"{folder}/a.img")
    check(status == 0, said)
    check(call("/sbin/debugfs", "-R", "cat /sub/file", f"{folder}/a.img")[1] == "mine\n", "no /sub/file")


# ---- the Linux guest ----

@test
def an_initramfs_is_a_cpio_archive():
    archive = linuxguest.cpio([("dir", 0o40755, b"", (0, 0)), ("dir/file", 0o100644, b"12345", (0, 0))])
    found, at = [], 0
    while True:
        check(archive[at:at + 6] == b"070701" and at % 4 == 0, f"no header at {at}")
        field = [int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = archive[at + 110:at + 110 + field[11] - 1].decode()
        data = at + (110 + field[11] + 3) // 4 * 4
        if name == "TRAILER!!!":
            break
        found.append((name, field[1], archive[data:data + field[6]]))
        at = data + (field[6] + 3) // 4 * 4
    check(found == [("dir", 0o40755, b""), ("dir/file", 0o100644, b"12345")], str(found))


def main():
    failed = 0
    for function in tests:
        try:
            with tempfile.TemporaryDirectory(prefix="unlazy-tools-") as folder:
                function(*[folder][:function.__code__.co_argcount])
            print(f"ok {function.__name__}", flush=True)
        except Exception as e:
            failed += 1
            print(f"FAIL {function.__name__}: {e or type(e).__name__}", flush=True)
    print(f"{len(tests) - failed} passed, {failed} failed")
    return failed != 0


sys.exit(main())
