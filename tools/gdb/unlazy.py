"""gdb commands for a running Unlazy kernel (make debug).

    unlazy-threads            every thread: state, CPU, process, the function it waits in
    unlazy-bt TID             back-trace of a thread that is not running
    unlazy-dentries [DEPTH] [PATH]
                              the dentry tree below PATH (/), DEPTH levels deep (2)
    unlazy-walk               the path walk in progress in the selected frame or its callers
    unlazy-rings              ring pools with their workers; rings of the open descriptors
    unlazy-mounts             what is mounted where
    unlazy-percpu NAME        a per-CPU variable on every CPU

They only read memory: stopping anywhere is fine, a list that is being changed just then may look cut.
"""
import gdb

ENUM_STATES = {0: "runnable", 1: "sleeping", 2: "interruptible", 3: "dead"}


def list_entries(head, type_name, member):
    """The structs on a struct list_head."""
    struct = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in struct.fields() if f.name == member)
    node, start = head["next"], int(head.address)
    for _ in range(1000000):
        if int(node) == start or int(node) == 0:
            return
        yield gdb.Value(int(node) - offset).cast(struct.pointer())
        node = node["next"]


def static(name, file):
    """A static variable of one source file."""
    return gdb.parse_and_eval(f"'{file}'::{name}")


def text(value):
    return value.string(errors="replace") if value.type.code == gdb.TYPE_CODE_ARRAY or int(value) else ""


def symbol(address):
    block = gdb.execute(f"info symbol {address:#x}", to_string=True).split(" in section")[0]
    return block if "No symbol" not in block else f"{address:#x}"


def word(address):
    return int(gdb.Value(address).cast(gdb.lookup_type("unsigned long").pointer()).dereference())


def frames(thread):
    """Return addresses of a switched-out thread, innermost first (arch_switch pushed r15..rbx, rbp)."""
    try:
        sp = int(thread["arch"]["sp"])
        rbp, pc = word(sp + 40), word(sp + 48)
        for _ in range(64):
            yield pc
            if not rbp or word(rbp + 8) < 0xffff800000000000:
                return
            rbp, pc = word(rbp), word(rbp + 8)
    except gdb.MemoryError:
        return


def all_threads():
    return list_entries(static("all_threads", "kernel/thread.c"), "struct thread", "all_node")


def waits_in(thread):
    """The first function that is not the scheduler's own."""
    for pc in frames(thread):
        name = symbol(pc)
        if not name.startswith(("arch_switch", "reschedule", "schedule", "wait_sleep", "switch_to", "finish_switch", "mutex_lock",
                                "wait_for_completion", "down_")):
            return name
    return "?"


class Command(gdb.Command):
    """A command whose output appears even when one entry cannot be read."""

    def __init__(self):
        super().__init__(self.NAME, gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        try:
            self.run(gdb.string_to_argv(argument))
        except gdb.MemoryError as e:
            print(f"{self.NAME}: {e}")


class Threads(Command):
    """List every thread."""
    NAME = "unlazy-threads"

    def run(self, _argv):
        print(f"{'tid':>5} {'state':<13} {'cpu':>3} {'name':<20} {'process':<16} waits in")
        for t in all_threads():
            state = "running" if int(t["on_cpu"]) else ENUM_STATES.get(int(t["state"]), "?")
            process = text(t["process"]["name"]) if int(t["process"]) else "-"
            where = "" if int(t["on_cpu"]) else waits_in(t)
            print(f"{int(t['tid']):>5} {state:<13} {int(t['cpu']):>3} {text(t['name']):<20} "
                  f"{process:<16} {where}")


class Backtrace(Command):
    """Back-trace of the thread with that tid."""
    NAME = "unlazy-bt"

    def run(self, argv):
        for t in all_threads():
            if argv and int(t["tid"]) == int(argv[0]):
                if int(t["on_cpu"]):
                    print(f"running on CPU {int(t['cpu'])}: `thread {int(t['cpu']) + 1}`, then `bt`")
                for pc in [] if int(t["on_cpu"]) else frames(t):
                    line = gdb.find_pc_line(pc - 1)
                    where = f"  {line.symtab.filename}:{line.line}" if line.symtab else ""
                    print(f"{pc:#x} {symbol(pc)}{where}")
                return
        print("unlazy-bt: no such thread")


def root_mount():
    return static("root_mount", "vfs/mount.c")


def children(dentry):
    return list_entries(dentry["children"], "struct dentry", "sibling")


def describe(dentry):
    inode = dentry["inode"]
    what = f"inode {int(inode['ino'])}" if int(inode) else "negative"
    return f"{what} seq {int(dentry['seq']['sequence'])} flags {int(dentry['flags']):#x}"


class Dentries(Command):
    """The dentry tree."""
    NAME = "unlazy-dentries"

    def run(self, argv):
        depth = int(argv[0]) if argv else 2
        at = root_mount()["root"]
        for name in argv[1].strip("/").split("/") if len(argv) > 1 else []:
            found = [d for d in children(at) if text(d["name"]) == name]
            if name and not found:
                print(f"unlazy-dentries: {name} is not cached")
                return
            at = found[0] if name else at
        self.show(at, 0, depth)

    def show(self, dentry, level, depth):
        print(f"{'  ' * level}{text(dentry['name']) or '/'}  ({describe(dentry)})")
        if level < depth:
            for child in sorted(children(dentry), key=lambda d: text(d["name"])):
                self.show(child, level + 1, depth)


class Walk(Command):
    """The struct walk of the innermost frame that has one."""
    NAME = "unlazy-walk"

    def run(self, _argv):
        frame = gdb.selected_frame()
        while frame is not None:
            try:
                w = frame.read_var("w")
            except ValueError:
                w = None
            if w is not None and str(w.type.strip_typedefs()).endswith("struct walk *"):
                print(f"in {frame.name()}:")
                self.show(w.dereference())
                print("at", describe(w["path"]["dentry"]), text(w["path"]["dentry"]["name"]))
                return
            frame = frame.older()
        print("unlazy-walk: no frame here has a walk; set a breakpoint in walk_component")


    def show(self, w):
        """Every field; of the link stack what is in use."""
        for field in w.type.strip_typedefs().fields():
            if field.name != "links":
                print(f"  {field.name} = {w[field.name].format_string(max_depth=2)}")
        for i in range(int(w["depth"])):
            print(f"  links[{i}] = {w['links'][i].format_string(max_depth=2)}")


class Rings(Command):
    """Worker pools."""
    NAME = "unlazy-rings"

    def run(self, _argv):
        for pool in list_entries(static("pools", "ring/stats.c"), "struct ring_pool", "node"):
            owner = "exiting" if int(pool["exiting"]) else text(pool["process"]["name"])
            print(f"pool {int(pool):#x} of {owner}: {int(pool['nr_threads'])} workers")
            for kind, account in enumerate(("bounded", "unbounded")):
                a = pool["accounts"][kind]
                print(f"  {account}: running {int(a['running'])} idle {int(a['nr_idle'])} "
                      f"queued {int(a['queued'])} of {int(a['max_workers'])}")
            for w in list_entries(pool["workers"], "struct ring_worker", "node"):
                thread = w["thread"]
                request = int(w["current_request"])
                print(f"  worker tid {int(thread['tid'])} request {request:#x} {waits_in(thread)}")


class Mounts(Command):
    """Mounts with their mount points."""
    NAME = "unlazy-mounts"

    def run(self, _argv):
        for m in list_entries(static("mounts", "vfs/mount.c"), "struct mount", "node"):
            at = text(m["mountpoint"]["name"]) if int(m["mountpoint"]) else ""
            print(f"{int(m['id']):>3} {text(m['sb']['fs']['name']):<6} on {at or '/'} "
                  f"from {text(m['source'])} flags {int(m['flags']):#x} frozen {int(m['frozen'])}")


class PerCpu(Command):
    """A per-CPU variable on every CPU."""
    NAME = "unlazy-percpu"

    def run(self, argv):
        variable = gdb.parse_and_eval(argv[0])
        for cpu in range(int(gdb.parse_and_eval("nr_cpus"))):
            offset = int(gdb.parse_and_eval(f"arch_percpu_offsets[{cpu}]"))
            address = (int(variable.address) + offset) & (1 << 64) - 1
            print(f"CPU {cpu}: {gdb.Value(address).cast(variable.type.pointer()).dereference()}")


for command in (Threads, Backtrace, Dentries, Walk, Rings, Mounts, PerCpu):
    command()
print("Unlazy: unlazy-threads unlazy-bt unlazy-dentries unlazy-walk unlazy-rings unlazy-mounts "
      "unlazy-percpu")
