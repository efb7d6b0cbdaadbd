"""Opens by every method while names, folders, mounts and caches change: every answer has an explanation, the
memory comes back, and no grace period stalls (stress looks itself; user/bin/stress/stress.h says how).

Then few walkers against one kind of change, in a kernel whose readers dawdle (kernel/dawdle.c): each of the
checks a walk makes on its way is needed, and its mutant dies here."""
import re

from harness import Group, check, equal

GROUPS = [Group(f"console/races-smp{n}", "--smp", str(n)) for n in (1, 2, 4)]
DAWDLING = Group("console/races-dawdling", "--smp", "4", append="dawdle=100")


def test(function):
    for group in GROUPS:
        group.test(function)
    return function


def stress(c, rounds, seed, only=None):
    out = c.run(f"stress -r {rounds} -s {seed}" + (f" -o {only}" if only else ""))
    found = re.search(rf"^stress: seed {seed}, {rounds} rounds, (\d+) mounts gone, \d+ times busy\n"
                      r"stress: (\d+) opens, (\d+) missing, (\d+) would block, (\d+) unexplained$", out, re.M)
    check(found, out)
    check(found.group(0) == out.strip(), out)  # and nothing was complained about
    mounts, opens, _, _, unexplained = map(int, found.groups())
    check(opens > rounds, out)
    equal(unexplained, 0)
    return mounts, opens


@test
def every_answer_is_explained(c):
    mounts, opens = stress(c, 150, 1)
    check(mounts >= 150 * 3 // 4 and opens > 150 * 100, f"{mounts} mounts, {opens} opens")


@test
def another_seed(c):
    stress(c, 30, 20201211)


@DAWDLING.test
def a_cached_walk_misses_no_move(c):
    stress(c, 3000, 1, "cached,cached,visit")


@DAWDLING.test
def a_cached_walk_goes_up_where_it_came_down(c):
    stress(c, 3000, 1, "cached,cached,wander")


@DAWDLING.test
def a_cached_walk_misses_no_mount(c):
    stress(c, 1500, 1, "cached,cached,veil")


@DAWDLING.test
def a_missing_name_is_missing(c):
    stress(c, 4000, 1, "cached,cached,cached,openat,pair")


@DAWDLING.test
def a_scoped_walk_stays_inside(c):
    stress(c, 3000, 1, "scoped,scoped,wander")


@DAWDLING.test
def a_reference_is_to_what_was_found(c):
    stress(c, 1000, 1, "openat,own,recreate,pair")


@DAWDLING.test
def what_a_walk_stands_on_stays(c):
    stress(c, 200, 1, "cached,openat,recreate,replace,mount")


GROUPS.append(DAWDLING)
