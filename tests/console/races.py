"""Opens by every method while names, folders, mounts and caches change: every answer has an explanation, and
the memory comes back."""
import re

from harness import Group, check, equal

GROUPS = [Group(f"console/races-smp{n}", "--smp", str(n)) for n in (1, 2, 4)]


def test(function):
    for group in GROUPS:
        group.test(function)
    return function


@test
def every_answer_is_explained(c):
    out = c.run("stress -r 60")
    found = re.search(r"^stress: (\d+) opens, (\d+) missing, (\d+) would block, (\d+) unexplained$", out, re.M)
    check(found, out)
    check(int(found.group(1)) > 1000, out)
    equal(found.group(4), "0")


@test
def memory_comes_back(c):
    c.run("echo 3 > /proc/sys/vm/drop_caches")
    before = c.objects()
    c.run("stress -r 30 -s 3")
    c.run("echo 3 > /proc/sys/vm/drop_caches")
    after = c.objects()
    # A few come with the threads and mounts of the moment; a leak would be one for each change or open.
    for name in before:
        check(after[name] <= before[name] + 16, f"{name}: {before[name]} objects before, {after[name]} after")
