"""make debug, without the person: gdb stops in a walk and its commands show what was going on."""
import os
import re
import shutil

import harness
from harness import TOP, check


class Gdb:
    """One run of tools/debug for all tests; each looks at a part of what it printed."""

    name = "console/gdb"

    # What gdb is told. `echo` marks the parts; the walk stopped at is /etc/motd's, in RCU mode, uncached.
    SCRIPT = [
        "break walk_unlazy if reason == WALK_OUT_not_cached && w->start->name[0] == 'm'",
        "continue", "echo PART walk\\n", "unlazy-walk",
        "echo PART tree\\n", "unlazy-dentries / 1",
        "echo PART threads\\n", "unlazy-threads",
        "echo PART mounts\\n", "unlazy-mounts",
        "echo PART percpu\\n", "unlazy-percpu cpu_number",
        "delete", "break ring_wait_cqes", "continue", "echo PART rings\\n", "unlazy-rings",
        "echo PART end\\n", "kill",
    ]

    def run(self, results):
        if not shutil.which("gdb"):
            results.add("skip", self.name, "gdb is not installed")
            return
        arguments = [a for line in self.SCRIPT for a in ("-ex", line)]
        # A session of its own: what tools/debug started ends with it, also when it hangs.
        status, text = harness.run(
            [os.path.join(TOP, "tools", "debug"), "-batch", "-iex", "set width 0", *arguments], self.name,
            env={**os.environ, "DEBUG": "1", "SMP": "2", "SNAPSHOT": "1", "TIMEOUT": str(harness.HUNG),
                 "CMD": "cd /etc; cat motd; openbench -n 50 -m ring-inline"})
        parts = dict(re.findall(r"^PART (\w+)\n(.*?)(?=^PART |\Z)", text, re.M | re.S))
        for test in (walk, tree, threads, mounts, percpu, rings):
            name = f"{self.name}/{test.__name__}"
            try:
                test(parts.get(test.__name__, ""))
                results.add("ok", name)
            except harness.Wrong as e:
                results.add("FAIL", name, detail=f"{e}\n{harness.tail(text, 60)}")


def has(text, *patterns):
    for pattern in patterns:
        check(re.search(pattern, text, re.M), f"no {pattern!r} in:\n{text}")


def walk(text):
    has(text, r"RCU walk \(.*\bRCU\b", r"^  path +motd ", r"^  at +/etc$", r"^  component +motd$")


def tree(text):
    has(text, r"^/ +dir ", r"^  etc +dir +inode \d+", r"^  proc +dir .*MOUNTED", r"^    \[proc\]")


def threads(text):
    has(text, r"^ +\d+ cat|^ +\d+ commands +process \d+ +CPU \d running", r"^ +\d+ rcu .* sleeping\n +\w+ \(kernel/",
        r"grace_period_thread \(kernel/rcu\.c:\d+\)")


def mounts(text):
    has(text, r" on /$|on /  flags", r"ext4 .* on /  ", r"proc +on /proc  ")


def percpu(text):
    has(text, r"^CPU 0: 0$", r"^CPU 1: 1$")


def rings(text):
    has(text, r"^process \d+ openbench, descriptor \d", r"^  SQ head \d+ tail \d+", r"^  CQ head", r"^  bounded +queued")


GROUPS = [Gdb()]
