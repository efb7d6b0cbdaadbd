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


# What holds, rounds, and who does what meanwhile.
FEW_WALKERS = (
    ("a_cached_walk_misses_no_move", 3000, "cached,cached,visit"),
    ("a_cached_walk_goes_up_where_it_came_down", 3000, "cached,cached,wander"),
    ("a_cached_walk_misses_no_mount", 1500, "cached,cached,veil"),
    ("a_missing_name_is_missing", 4000, "cached,cached,cached,openat,pair"),
    ("a_scoped_walk_stays_inside", 3000, "scoped,scoped,wander"),
    ("a_reference_is_to_what_was_found", 1000, "openat,own,recreate,pair"),
    ("what_a_walk_stands_on_stays", 200, "cached,openat,recreate,replace,mount"),
)
for name, rounds, who in FEW_WALKERS:
    def few_walkers(c, rounds=rounds, who=who):
        stress(c, rounds, 1, who)
    few_walkers.__name__ = name
    DAWDLING.test(few_walkers)

GROUPS.append(DAWDLING)
