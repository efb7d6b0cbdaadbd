"""make run APP=: a user's own program becomes a command of the shell, and may do what it likes."""
import os
import shutil

import harness
from harness import Group, TOP, check, equal

APPS = os.path.join(TOP, "tests", "apps")


def kernel_with(app):
    """A kernel that carries the program too, made in a folder of its own: other tests boot the other one."""
    flavor = "app-" + os.path.basename(app).removesuffix(".c")
    folder = os.path.join(TOP, "build", flavor)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(TOP, "build", "debug"), folder)
    status, text = harness.make("kernel", f"FLAVOR={flavor}", f"APP={app}")
    check(status == 0, f"make APP={app} ends with {status}:\n{text}")
    return ["--kernel", os.path.join(folder, "unlazy.elf")]


own = Group("console/app-of-one-file", "--smp", "2", prepare=lambda: kernel_with(f"{APPS}/own.c"))
several = Group("console/app-of-a-folder", "--smp", "4", prepare=lambda: kernel_with(f"{APPS}/several"))
GROUPS = [own, several]


@own.test
def it_is_a_command(c):
    equal(c.run("cd /tmp; own; cd /"), "own: 0 arguments, in /tmp\n")
    c.run("own a 'b c' d", status=3)
    c.type("ow\t\r")
    c.expect(r"own: 0 arguments, in /")
    c.prompt()
    c.see("help", r"^Programs besides:.* own\b")


@own.test
def a_crash_ends_only_itself(c):
    c.see("own crash", r"own\[\d+\]: invalid write at address 8, ", r"own: killed by SIGSEGV", status=139)
    c.see("own abort", r"own: killed by SIGABRT", status=134)
    equal(c.run("echo alive"), "alive\n")


@own.test
def what_it_leaks_is_given_back(c):
    c.run("own leak; echo 3 > /proc/sys/vm/drop_caches")
    objects, used = c.objects(), memory_used(c)
    for _ in range(4):
        c.see("own leak", r"^leaked$")
    c.run("echo 3 > /proc/sys/vm/drop_caches")
    after = c.objects()
    for name in objects:
        check(after[name] <= objects[name] + 16, f"{name}: {objects[name]} objects, then {after[name]}")
    # One run leaks 16 MiB, 500 descriptors and four threads.
    check(memory_used(c) < used + 2048, f"{used} KiB in use, then {memory_used(c)}")
    check("own" not in c.run("ps"), "threads of it are left")


def memory_used(c):
    return int(c.run("free").splitlines()[1].split()[1])


@several.test
def threads_and_rings_work(c):
    equal(c.run("several"), "several: 4 threads opened 400 files\n")
    equal(c.run("several; several"), 2 * "several: 4 threads opened 400 files\n")
