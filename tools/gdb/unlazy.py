"""gdb commands that know the kernel's structures. tools/debug loads this file; by hand: source tools/gdb/unlazy.py

    unlazy-dentries [PATH] [DEPTH]   the cached names below PATH (/), DEPTH levels (2)
    unlazy-walk                      the path walk the selected frame, or one of its callers, is in
    unlazy-threads [NAME|TID]        all threads, with the stacks of those that do not run
    unlazy-rings                     rings: indices, requests under way, workers
    unlazy-mounts                    what is mounted where
    unlazy-percpu NAME               a per-CPU variable on every CPU
    unlazy-type TEXT                 type TEXT and return at the guest's console (under tools/debug)

Everything is read from a stopped machine and nothing is changed, so a structure may be seen in the middle of
an update. Flags are named after the headers' #define lines; only names of types and fields are repeated here.
"""
import os
import re

import gdb

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST = 100  # entries shown of a long list


# ---- what every command needs ----------------------------------------------------------------------


def static(where, name):
    """A static variable by its file."""
    return gdb.parse_and_eval(f"'{where}'::{name}")


def type_of(name):
    return gdb.lookup_type(name)


def address(value):
    return int(value.cast(type_of("unsigned long")))


def container_of(pointer, struct, member):
    kind = type_of(struct)
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == member)
    return gdb.Value(address(pointer) - offset).cast(kind.pointer())


def each(head, struct, member):
    """Pointers to the entries of a list_head; ends at damage instead of running for ever."""
    end, at = address(head.address), head["next"]
    for _ in range(10_000_000):
        if address(at) in (end, 0):
            return
        yield container_of(at, struct, member)
        at = at["next"]


def read_flags(header, prefix):
    """{bit: name} from lines `#define PREFIX_NAME 0x10u`."""
    found = {}
    with open(os.path.join(TOP, header)) as f:
        for name, value in re.findall(rf"^#define {prefix}(\w+)\s+(0x[0-9a-f]+)u\b", f.read(), re.M):
            found.setdefault(int(value, 16), name)
    return found


def flag_names(value, names):
    return " ".join(name for bit, name in sorted(names.items())
                    if bit & (bit - 1) == 0 and int(value) & bit)


def text(array):
    """A char array up to its NUL."""
    return array.string(errors="replace", length=-1)


def value_name(value, prefix=""):
    """An enumerator without its prefix."""
    return str(value).removeprefix(prefix).lower().replace("_", " ")


class Command(gdb.Command):
    """Turns what a half-updated or unmapped structure causes into one line."""

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        try:
            self.run(gdb.string_to_argv(argument))
        except gdb.MemoryError as e:
            print(f"(stopped: {e})")


# ---- dentries --------------------------------------------------------------------------------------

DENTRY_FLAGS = {bit: name for bit, name in read_flags("vfs/dcache.h", "DENTRY_").items() if bit > 7}
DENTRY_ROOT = next(bit for bit, name in DENTRY_FLAGS.items() if name == "ROOT")
DENTRY_MOUNTED = next(bit for bit, name in DENTRY_FLAGS.items() if name == "MOUNTED")
DENTRY_TYPES = ["negative", "dir", "file", "link", "other"]


def dentry_name(d):
    if int(d["flags"]) & DENTRY_ROOT:
        return "/"
    return d["name"].string(errors="replace", length=int(d["hash_len"]) & 0xffffffff)


def dentry_line(d):
    flags, inode = int(d["flags"]), d["inode"]
    ino = f"inode {int(inode['ino'])}" if address(inode) else "-"
    kind = flags & 7
    return (f"{DENTRY_TYPES[kind] if kind < len(DENTRY_TYPES) else '?':9}{ino:15}"
            f" seq {int(d['seq']['sequence']):<4} refs {int(d['ref']['count']):<3}"
            f" {flag_names(flags, DENTRY_FLAGS)}").rstrip()


def mounts():
    return each(static("vfs/mount.c", "mounts"), "struct mount", "node")


def mounted_on(mount, d):
    for m in mounts():
        if address(m["mountpoint"]) == address(d) and address(m["parent"]) == address(mount):
            return m
    return None


def enter_mounts(mount, d):
    """Where a walk that comes to d in mount really is."""
    while int(d["flags"]) & DENTRY_MOUNTED:
        m = mounted_on(mount, d)
        if m is None:
            break
        mount, d = m, m["root"]
    return mount, d


def children(d):
    return each(d["children"], "struct dentry", "sibling")


def path_text(path):
    """A struct path as text, `..` from mount to mount."""
    mount, d = path["mnt"], path["dentry"]
    if not address(mount):
        return "(nowhere)"
    names = []
    for _ in range(10_000):
        if address(d) == address(mount["root"]):
            if address(mount["parent"]) == address(mount):
                break
            mount, d = mount["parent"], mount["mountpoint"]
            continue
        names.append(dentry_name(d))
        if address(d["parent"]) == address(d):
            names.append("(unreachable)")
            break
        d = d["parent"]
    return "/" + "/".join(reversed(names))


class Dentries(Command):
    """unlazy-dentries [PATH] [DEPTH]: the dentry tree below PATH as the dcache has it, mounts crossed.

Negative entries are names known not to exist. What is not cached is not there: nothing is looked up."""

    def run(self, arguments):
        path = next((a for a in arguments if not a.isdigit()), "/")
        depth = next((int(a) for a in arguments if a.isdigit()), 2)
        mount = static("vfs/mount.c", "root_mount")
        if not address(mount):
            print("nothing is mounted yet")
            return
        mount, d = enter_mounts(mount, mount["root"])
        for name in path.split("/"):
            if not name:
                continue
            d = next((c for c in children(d) if dentry_name(c) == name), None)
            if d is None:
                print(f"{path}: `{name}' is not in the dcache")
                return
            mount, d = enter_mounts(mount, d)
        print(f"{path:32} {dentry_line(d)}")
        self.show(mount, d, depth, 1)

    def show(self, mount, d, depth, level):
        if depth < level:
            return
        for n, child in enumerate(children(d)):
            if n == MOST:
                print("  " * level + "... and more")
                return
            name = "  " * level + dentry_name(child)
            print(f"{name:32} {dentry_line(child)}")
            inner_mount, inner = enter_mounts(mount, child)
            if address(inner) != address(child):
                where = "  " * level + f"  [{text(inner['sb']['name'])}]"
                print(f"{where:32} {dentry_line(inner)}")
            self.show(inner_mount, inner, depth, level + 1)


# ---- walks -----------------------------------------------------------------------------------------

WALK_FLAGS = read_flags("vfs/walk.h", "WALK_")


def find_walk():
    """The struct walk of the selected frame or its nearest caller that has one, and that frame."""
    frame = gdb.selected_frame()
    while frame:
        try:
            block = frame.block()
        except RuntimeError:  # no debug information
            block = None
        while block and not block.is_static:
            for symbol in block:
                if not (symbol.is_argument or symbol.is_variable):
                    continue
                kind = symbol.type.strip_typedefs()
                pointer = kind.code == gdb.TYPE_CODE_PTR
                target = kind.target() if pointer else kind
                if str(target.unqualified()) != "struct walk":
                    continue
                value = symbol.value(frame)
                if not value.is_optimized_out:
                    return (value.dereference() if pointer else value), frame
            block = block.superblock
        frame = frame.older()
    return None, None


class Walk(Command):
    """unlazy-walk: the state of the path walk that the selected frame is in (select another with `frame N`).

A sequence that differs from the one the walk sampled means that its next check fails."""

    def run(self, arguments):
        w, frame = find_walk()
        if w is None:
            print("no struct walk in this frame or its callers")
            return
        flags = int(w["flags"])
        rcu = "RCU" in flag_names(flags, WALK_FLAGS).split()
        print(f"walk in {frame.name()}: {'RCU walk' if rcu else 'ref walk'} ({flag_names(flags, WALK_FLAGS)})")
        if address(w["start"]):
            start = w["start"]
            print(f"  path       {start['name'].string(errors='replace')}  (dirfd {int(start['dirfd'])})")
        print(f"  at         {path_text(w['path'])}")
        if address(w["path"]["mnt"]):
            d = w["path"]["dentry"]
            print(f"             {dentry_line(d)}")
            if rcu:
                self.compare("sequence", w["seq"], d["seq"]["sequence"])
        kind = value_name(w["last_type"], "WALK_LAST_")
        length = int(w["last"]["hash_len"]) & 0xffffffff
        if kind == "normal" and 0 < length <= 255 and address(w["last"]["name"]):
            print(f"  component  {w['last']['name'].string(errors='replace', length=length)}")
        else:
            print(f"  component  ({kind})")
        self.compare("mounts", w["mount_seq"], gdb.parse_and_eval("mount_lock.count.sequence"))
        self.compare("renames", w["rename_seq"], gdb.parse_and_eval("rename_lock.count.sequence"))
        if address(w["root"]["mnt"]):
            print(f"  root       {path_text(w['root'])}")
        print(f"  links      {int(w['total_links'])} followed, {int(w['depth'])} on the stack")
        for i in range(min(int(w["depth"]), 40)):
            link = w["links"][i]
            rest = link["rest"].string(errors="replace") if address(link["rest"]) else "(nothing)"
            print(f"    {i}: {path_text(link['path'])}, then {rest}")

    @staticmethod
    def compare(what, sampled, now):
        changed = "" if int(sampled) == int(now) else f", now {int(now)}"
        print(f"  {what:10} {int(sampled)}{changed}")


# ---- threads ---------------------------------------------------------------------------------------

THREAD_FLAGS = read_flags("kernel/sched.h", "THREAD_")


def place(pc):
    """Function, file and line of a return address."""
    block, line = gdb.block_for_pc(pc - 1), gdb.find_pc_line(pc - 1)
    while block and not block.function:
        block = block.superblock
    if not block:
        return gdb.execute(f"info symbol {pc:#x}", to_string=True).split(" in section")[0]
    where = f" ({line.symtab.filename}:{line.line})" if line.symtab else ""
    return f"{block.function.name}{where}"


def stack_of(t):
    """Return addresses of a thread that is switched out, by its frame pointers."""
    frame = gdb.Value(int(t["arch"]["sp"])).cast(type_of("struct switch_frame").pointer())
    low, high = address(t["stack"]), int(t["arch"]["stack_top"])
    if not low <= address(frame) < high:
        return
    yield int(frame["return_address"])
    word, at = type_of("unsigned long").pointer(), int(frame["rbp"])
    while low <= at < high - 8:
        words = gdb.Value(at).cast(word)
        pc = int(words[1])
        if not pc:
            return
        yield pc
        if int(words[0]) <= at:
            return
        at = int(words[0])


class Threads(Command):
    """unlazy-threads [NAME|TID]: every thread (or those of this name), and where it sleeps or waits for a CPU.

Running threads are gdb's own: thread N+1 is CPU N."""

    def run(self, arguments):
        for t in each(static("kernel/thread.c", "all_threads"), "struct thread", "all_node"):
            name = text(t["name"])
            if arguments and arguments[0] not in (name, str(int(t["tid"]))):
                continue
            process = t["process"]
            pid = int(process["pid"]) if address(process) else 0
            running = bool(t["on_cpu"])
            state = "running" if running else value_name(
                t["state"].cast(type_of("enum thread_state")), "THREAD_")
            extra = flag_names(t["flags"], THREAD_FLAGS)
            if int(t["nonblock_depth"]):
                extra += " (nonblocking attempt)"
            print(f"{int(t['tid']):5} {name:16} process {pid:<4} CPU {int(t['cpu'])} {state} {extra}".rstrip())
            if running:
                continue
            for pc in stack_of(t):
                print(f"        {place(pc)}")


# ---- rings -----------------------------------------------------------------------------------------


def open_files(process):
    """(descriptor, struct file pointer) of a process."""
    files = process["files"]
    if not address(files):
        return
    slots, count = address(files["slots"]), int(files["max"])
    data = gdb.selected_inferior().read_memory(slots, count * 8)
    for fd, word in enumerate(memoryview(data).cast("B").cast("Q")):
        if word:
            yield fd, gdb.Value(word).cast(type_of("struct file").pointer())


def request_line(r):
    name = r["op"]["name"]
    where = value_name(gdb.Value(int(r["where"])).cast(type_of("enum ring_where")), "REQ_")
    return (f"{name.string() if address(name) else '?':12} {where:13}"
            f" user_data {int(r['user_data']):#x}")


def show_pool(pool):
    for name, i in (("bounded", 0), ("unbounded", 1)):
        a = pool["accounts"][i]
        print(f"  {name:9} queued {int(a['queued'])} running {int(a['running'])}"
              f" idle {int(a['nr_idle'])} workers {int(a['nr_workers'])} of {int(a['max_workers'])}")
    for w in each(pool["workers"], "struct ring_worker", "node"):
        state = value_name(gdb.Value(int(w["state"])).cast(type_of("enum ring_worker_state")), "WORKER_")
        request = w["current_request"]
        doing = request_line(request) if address(request) else ""
        print(f"    thread {int(w['thread']['tid'])} {state}{' (asleep)' if w['asleep'] else ''} {doing}".rstrip())


class Rings(Command):
    """unlazy-rings: every ring by process and descriptor, then the process' workers."""

    def run(self, arguments):
        ring_ops = address(gdb.parse_and_eval("&ring_file_ops"))
        found = False
        for p in each(static("kernel/process.c", "all_processes"), "struct process", "all_node"):
            for fd, f in open_files(p):
                if address(f["ops"]) == ring_ops:
                    found = True
                    print(f"process {int(p['pid'])} {text(p['name'])}, descriptor {fd}")
                    self.show(f["private_data"].cast(type_of("struct ring").pointer()))
            if address(p["ring_pool"]):
                print(f"workers of process {int(p['pid'])} {text(p['name'])}")
                show_pool(p["ring_pool"])
        if not found:
            print("no rings")

    @staticmethod
    def show(ring):
        shared = ring["rings"]
        sq_tail, sq_head = int(shared["sq_tail"]), int(ring["sq_head"])
        cq_tail, cq_head = int(ring["cq_tail"]), int(shared["cq_head"])
        print(f"  SQ head {sq_head} tail {sq_tail}: {(sq_tail - sq_head) & 0xffffffff}"
              f" of {int(ring['sq_entries'])} to be taken")
        print(f"  CQ head {cq_head} tail {cq_tail}: {(cq_tail - cq_head) & 0xffffffff}"
              f" of {int(ring['cq_entries'])} to be seen"
              f"{', OVERFLOW' if address(ring['overflow']) else ''}")
        for n, r in enumerate(each(ring["inflight"], "struct ring_request", "inflight")):
            if n == MOST:
                print("    ... and more")
                break
            print(f"    {request_line(r)}")


# ---- and ------------------------------------------------------------------------------------------


class Mounts(Command):
    """unlazy-mounts: what is mounted where, in the order it was."""

    def run(self, arguments):
        for m in mounts():
            top = address(m["parent"]) == address(m)
            where = "/" if top else path_text({"mnt": m["parent"], "dentry": m["mountpoint"]})
            print(f"{int(m['id']):3} {text(m['sb']['name']):16} on {where}  flags {int(m['flags']):#x}")


class PerCpu(Command):
    """unlazy-percpu NAME: a per-CPU variable on every CPU."""

    def run(self, arguments):
        if len(arguments) != 1:
            print("usage: unlazy-percpu NAME")
            return
        variable = gdb.parse_and_eval(arguments[0])
        for cpu in range(int(gdb.parse_and_eval("nr_cpus"))):
            offset = int(gdb.parse_and_eval(f"arch_percpu_offsets[{cpu}]"))
            copy = gdb.Value((address(variable.address) + offset) % (1 << 64))
            print(f"CPU {cpu}: {copy.cast(variable.type.pointer()).dereference()}")


class Type(Command):
    """unlazy-type TEXT: type TEXT and return at the guest's console; it is read when the guest runs."""

    def invoke(self, argument, from_tty):
        path = os.environ.get("UNLAZY_CONSOLE")
        if not path:
            print("unlazy-type: works under tools/debug (make debug)")
            return
        with open(path, "w") as f:
            f.write(argument + "\n")


Dentries("unlazy-dentries")
Walk("unlazy-walk")
Threads("unlazy-threads")
Rings("unlazy-rings")
Mounts("unlazy-mounts")
PerCpu("unlazy-percpu")
Type("unlazy-type")
