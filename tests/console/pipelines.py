"""Several programs at once: pipes between them, and the background."""
from harness import Group, check, equal

pipelines = Group("console/pipelines", "--smp", "2")
GROUPS = [pipelines]


@pipelines.test
def bytes_go_from_one_to_the_next(c):
    equal(c.run("seq 3 | cat | cat"), "1\n2\n3\n")
    c.see("seq 20000 | wc -l", r"^ *20000\b")


@pipelines.test
def status_is_the_last_ones(c):
    c.run("true | false", status=1)
    c.run("false | true", status=0)
    c.see("nosuch | cat", r"nosuch: not found", status=0)


@pipelines.test
def builtins_take_part(c):
    c.see("help | wc -l", r"^ *[1-9][0-9]\b")
    c.see("seq 5 | time wc -l", r"^ *5\b", r"^real ")
    equal(c.run("echo a b | cat > /tmp/x; cat /tmp/x"), "a b\n")


@pipelines.test
def a_reader_that_leaves_ends_the_writer(c):
    # Without SIGPIPE this would count for hours.
    equal(c.run("seq 1000000000 | head -n 2"), "1\n2\n")


@pipelines.test
def the_background(c):
    out = c.run("sleep 0.1 & echo first; wait; echo last")
    check(out.index("first") < out.index("exit status 0") < out.index("last"), out)


@pipelines.test
def what_is_no_pipeline(c):
    for command in ("echo a | | cat", "| cat", "& cat", "echo a && | cat"):
        c.see(f"sh -c '{command}'", r"sh: a command is missing", status=2)
