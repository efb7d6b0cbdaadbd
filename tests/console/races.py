"""Opens by every method while names, folders, mounts and caches change: every answer has an explanation, the
memory comes back, and no grace period stalls (stress looks itself; user/bin/stress/stress.h says how)."""
import re

from harness import Group, check, equal

GROUPS = [Group(f"console/races-smp{n}", "--smp", str(n)) for n in (1, 2, 4)]


def test(function):
    for group in GROUPS:
        group.test(function)
    return function


def stress(c, rounds, seed):
    out = c.run(f"stress -r {rounds} -s {seed}")
    found = re.search(rf"^stress: seed {seed}, {rounds} rounds, (\d+) mounts gone, \d+ times busy\n"
                      r"stress: (\d+) opens, (\d+) missing, (\d+) would block, (\d+) unexplained$", out, re.M)
    check(found, out)
    check(found.group(0) == out.strip(), out)  # and nothing was complained about
    mounts, opens, _, _, unexplained = map(int, found.groups())
    check(mounts >= rounds * 3 // 4, out)
    check(opens > 100 * rounds, out)
    equal(unexplained, 0)


@test
def every_answer_is_explained(c):
    stress(c, 300, 1)


@test
def another_seed(c):
    stress(c, 50, 20201211)
