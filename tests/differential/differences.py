"""
Where Unlazy answers otherwise than Linux on purpose. Each row matches one field of one kind of call, with the
values of both sides, and says why; what no row matches is a bug.

The campaign prints how often each row was used: one that is never used has no reason to be here.
"""
import re

ENDS = "ends"  # explained, but the two file systems are different from here on


class Row:
    def __init__(self, name, call, field, linux, ours, reason, when=None, ends=False):
        """
        call: what the line begins with. field: key of `key=value`, or "" for the result itself; or some of them. linux, ours: what
        both say there (whole). when: one more condition on the two answers' fields; `call` is among them.
        """
        self.name, self.reason, self.when, self.ends = name, reason, when, ends
        self.fields = (field,) if isinstance(field, str) else field
        self.call = re.compile(call)
        self.linux, self.ours = re.compile(linux), re.compile(ours)

    def matches(self, call, field, there, here):
        if field not in self.fields or not self.call.match(call):
            return False
        if not (self.linux.fullmatch(there.get(field, "")) and self.ours.fullmatch(here.get(field, ""))):
            return False
        try:
            return self.when is None or self.when(there, here)
        except (KeyError, ValueError):  # no such field, or no number in it
            return False


# What stat says of a directory's size: 40 bytes and 20 for each entry there, the number of entries here.
DIRECTORY = r"04\d{4}"


def counts_entries(there, here):
    return re.fullmatch(DIRECTORY, there["mode"]) and int(there["size"]) == 40 + 20 * int(here["size"])


ROWS = [
    Row("size-of-a-directory", "", "size", r"\d+", r"\d+",
        "What st_size of a directory means is a file system's own affair; both count entries, in other units.",
        when=counts_entries),
    Row("statx-attributes", "(ring-)?statx", "attributes", r"(0|2000)/[0-9a-f]+", "(0|2000)/2000",
        "No append-only, immutable, compressed or undumpable files here: the mask says so.",
        when=lambda there, here: there["attributes"].split("/")[0] == here["attributes"].split("/")[0]),
    Row("long-link-takes-no-page", "", "blocks", "8", "0",
        "A symbolic link's text is kept beside its inode here; Linux' tmpfs puts one of 128 bytes and more into a page.",
        when=lambda there, here: there["mode"] == "120777" and int(there["size"]) >= 127),
    Row("long-name-before-other-errors", r".*\{n\*256\}", ("", "cached", "plain"), r"E[A-Z]+", "ENAMETOOLONG",
        "All errors are true of the call; a name's length is looked at first here, not when it is looked up."),
    Row("ring-bad-buffer-and-descriptor", r"ring-p?(read|write)\(-?\d+, bad", "", "EFAULT", "EBADF",
        "Both are bad; the buffer is looked at when it is used. Linux' ring did so, too, before it learned to import early."),
    Row("no-xdev-takes-absolute-links", r'(ring-)?openat2\(.*, "(?!/).*0x[0-9a-f]*[13579bdf]\}', ("", "plain"), "EXDEV", r"(?!EXDEV).*",
        "CONTRACT 2: an absolute link is refused when it leads to another mount. Linux refuses it on a relative path, "
        "too, where it stays (sequences with mounts do not draw this).", ends=True),
    Row("ring-how-has-a-limit", r"ring-openat2\(.*, (4097|5000|-1)$", ("", "cached"), ".*", "E2BIG",
        "CONTRACT 2: above 4096 bytes is E2BIG, and the ring knows no other rules. Linux' forgot this one.", ends=True),
    Row("ring-reads-nothing", r"ring-p?read\(-?\d+, 0", "", "0", "EISDIR",
        "Linux' ring asks nobody when nothing is to be read; read(2) of a directory is EISDIR there as here."),
    Row("no-sigio", "descriptor", "flags", r"\d+", r"\d+",
        "O_ASYNC is for SIGIO, and there are no signal handlers: F_SETFL never sets it, not even on pipes.",
        when=lambda there, here: (there.get("") == "pipe" or there["mode"].startswith("010")) and
        int(there["flags"], 8) - int(here["flags"], 8) == 0o20000),
    Row("no-sigio", r"fcntl\(\d+, 3", "", r"\d+", r"\d+", "The same, asked with F_GETFL.",
        when=lambda there, here: int(there[""]) - int(here[""]) == 0o20000),
    Row("pipe-file-system", "fstatfs", "type", "50495045", "0",
        "Pipes are no file system of their own here."),
    Row("sticky-directory-and-unopenable", r"creat|(ring-)?open.*CREAT", ("", "plain"), "EACCES", "ELOOP|ENXIO",
        "Linux' protection of sticky directories (meant for FIFOs and regular files) also judges what cannot be opened "
        "in any case: a link that is not followed, a socket, a device that nobody drives."),
    Row("no-holes", r"lseek\(\d+, \d+, 3$", "", r"\d+|ENXIO", r"\d+",
        "lseek(2) allows a file to be data up to its end, for which both hole and data are then where they were looked for.",
        when=lambda there, here: here[""] == here["call"].split()[1].rstrip(",") and
        (there[""] == "ENXIO" or int(there[""]) > int(here[""]))),
    Row("no-holes", r"lseek\(\d+, \d+, 4$", "", r"\d+", r"\d+",
        "The same: the hole at the end is the only one.", when=lambda there, here: int(there[""]) < int(here[""])),
    Row("pipe-holds-a-page", "p?writev?", "", r"\d+", r"\d+|EAGAIN",
        "A pipe holds 4096 bytes here, 65536 on Linux.", ends=True,
        when=lambda there, here: there["position"] == "ESPIPE" and int(there[""]) > (int(here[""]) if here[""] != "EAGAIN" else 0)),
    Row("no-largest-position", r"lseek\(\d+, 9223372036854775807, 0", "", "EINVAL", "9223372036854775807",
        "No file system limits positions here, only sizes; Linux' ext4 does.", ends=True),
    Row("rights-need-no-disk", "(ring-)?openat2", "cached", "EAGAIN", r"\d+",
        "Linux' ext4 may have to read an access control list before it lets somebody pass; there are none here.",
        when=lambda there, here: here["cached"] == here["plain"] == there["plain"]),
    Row("negative-entries-stay-cached", "(ring-)?openat2", "cached", "EAGAIN", "ENOENT|ENAMETOOLONG",
        "CONTRACT 1: a cached negative entry answers ENOENT. Linux' tmpfs keeps none.",
        when=lambda there, here: there["plain"] == here["plain"] == here["cached"]),
]


def fields(result):
    """The words of a result: key=value by key, the result itself under "", others by themselves."""
    found = {}
    for i, word in enumerate(re.findall(r'\w+="[^"]*"|"[^"]*"\S*|\S+', result)):
        key, equals, value = word.partition("=")
        if equals and re.fullmatch(r"\w+", key):
            found[key] = value
        else:
            found["" if i == 0 else word] = word
    return found


def split(line):
    """call(arguments), result. What is left behind has ` : ` between them."""
    call, mark, result = line.partition(") = ")
    if mark:
        return call, result
    call, _, result = re.sub(r" (=|:) ", "\0", line, count=1).partition("\0")
    return call, result


class Table:
    def __init__(self, used):
        self.used = used

    def explain(self, there, here):
        """Are all differences of two lines in the table? True, ENDS or None."""
        (call, there), (other, here) = split(there), split(here)
        if call != other:
            return None
        there, here = fields(there) | {"call": call}, fields(here) | {"call": call}
        for row in ROWS:
            if row.ends and any(row.matches(call, field, there, here) for field in row.fields):
                self.used[row.name] += 1
                return ENDS
        rows = []
        for field in there.keys() | here.keys():
            if there.get(field) == here.get(field):
                continue
            row = next((r for r in ROWS if r.matches(call, field, there, here)), None)
            if not row:
                return None
            rows.append(row)
        for row in rows:
            self.used[row.name] += 1
        return bool(rows) or None


def names():
    return list(dict.fromkeys(row.name for row in ROWS))
