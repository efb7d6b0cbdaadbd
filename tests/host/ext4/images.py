#!/usr/bin/python3
"""ext4 against images of every kind that we claim to read, refuse or survive.

    build/host/bin/ext4_images [--keep] [--fuzz N] [--seed N] [--faults N] [NAME...]

Each image is made by mke2fs from one source folder, read through fs/ext4 (ext4_host beside it, under
AddressSanitizer) and compared with the folder name by name: type, permissions, owner, links, size, time,
contents. Then: refusals, truncation, journals in need of replay (written by debugfs), single reads
failing, and seeded damage. Prints "ok NAME" and "FAIL NAME: why"; --fuzz N damages N images of each
kind, from --seed on; --faults N lets about N reads of each fail (0: every one).
"""
import argparse
import filecmp
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from diskimage import block_of as file_block, inode_of as inode_place, poke

HOST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ext4_host")
ENV = dict(os.environ, LC_ALL="C", PATH=os.environ["PATH"] + ":/sbin:/usr/sbin",
           ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=8")
MTIME = 1608000000

# name, mke2fs options
KINDS = [
    ("ext2-1k", "-t ext2 -b 1024"),
    ("ext2-4k", "-t ext2 -b 4096"),
    ("ext2-rev0", "-r 0 -b 1024 -O none"),
    ("ext2-no-filetype", "-t ext2 -b 1024 -O ^filetype"),
    ("ext3-1k", "-t ext3 -b 1024"),
    ("ext3-4k", "-t ext3 -b 4096 -I 128"),
    ("ext4-1k", "-t ext4 -b 1024"),
    ("ext4-2k", "-t ext4 -b 2048"),
    ("ext4-4k", "-t ext4 -b 4096"),
    ("ext4-default-large", "-t ext4 -T default"),
    ("ext4-no-csum", "-t ext4 -b 1024 -O ^metadata_csum"),
    ("ext4-gdt-csum", "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg"),
    ("ext4-32bit", "-t ext4 -b 4096 -O ^64bit"),
    ("ext4-32bit-gdt-csum", "-t ext4 -b 1024 -O ^64bit,^metadata_csum,uninit_bg"),
    ("ext4-csum-seed", "-t ext4 -b 1024 -O metadata_csum_seed"),
    ("ext4-meta-bg", "-t ext4 -b 1024 -O meta_bg,^resize_inode -g 1024"),
    ("ext4-meta-bg-32bit", "-t ext4 -b 1024 -O meta_bg,^resize_inode,^64bit -g 512"),
    ("ext4-sparse-super2", "-t ext4 -b 1024 -O sparse_super2,meta_bg,^resize_inode -g 1024"),
    ("ext4-inode-128", "-t ext4 -b 4096 -I 128"),
    ("ext4-inode-1024", "-t ext4 -b 4096 -I 1024"),
    ("ext4-indirect", "-t ext4 -b 1024 -O ^extents,^64bit"),
    ("ext4-no-flex-bg", "-t ext4 -b 1024 -O ^flex_bg -g 2048"),
    ("ext4-no-journal", "-t ext4 -b 4096 -O ^has_journal"),
    ("ext4-more", "-t ext4 -b 4096 -O large_dir,ea_inode,mmp,quota,project,orphan_file,fast_commit"),
    ("ext4-no-dir-index", "-t ext4 -b 1024 -O ^dir_index"),
    ("ext4-tea", "-t ext4 -b 1024"),
    ("ext4-legacy", "-t ext4 -b 1024"),
]
# With 1 KiB blocks 5,000 names need a hash tree of two levels.
LARGE_FOLDERS = ("ext4-1k", "ext4-4k", "ext3-1k")
# name, mke2fs options, word that the console line must contain
REFUSED = [
    ("bigalloc", "-t ext4 -O bigalloc -C 16384", "bigalloc"),
    ("inline-data", "-t ext4 -O inline_data", "inline_data"),
    ("encrypt", "-t ext4 -O encrypt", "encrypt"),
    ("casefold", "-t ext4 -O casefold", "casefold"),
    ("journal-device", "-O journal_dev -b 4096", "journal_dev"),
    ("64k-blocks", "-t ext4 -b 65536", "2^6 KiB"),
]

passed = failed = 0


class Failure(Exception):
    pass


def run(argv, ok=(0,), **kw):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENV, **kw)
    if ok is not None and p.returncode not in ok:
        raise Failure(f"{' '.join(argv)[:200]}: status {p.returncode}\n"
                      + p.stdout.decode(errors="replace")[-2000:])
    return p


def test(name, fn, *args):
    global passed, failed
    try:
        fn(*args)
        print(f"ok {name}")
        passed += 1
    except (Failure, OSError) as e:
        print(f"FAIL {name}: {e}")
        failed += 1
    sys.stdout.flush()


# ---- The source folder ----

def pattern(tag, size):
    r = random.Random(tag)
    return r.randbytes(size)


def put(path, data=b"", mode=0o644):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def sparse(path, size, pieces):
    with open(path, "wb") as f:
        for offset, data in pieces:
            f.seek(offset)
            f.write(data)
        f.truncate(size)


def make_source(top, entries):
    """Everything a path walk or a read can meet; `entries` names in one folder."""
    os.mkdir(top)
    j = lambda *p: os.path.join(top, *p)
    os.mkdir(j("sizes"))
    for size in (0, 1, 59, 60, 511, 1023, 1024, 1025, 4095, 4096, 4097, 12 * 1024, 12 * 1024 + 1,
                 12 * 4096, 49153, 268 * 1024, 300 * 1024 + 7, 1 << 20):
        put(j("sizes", str(size)), pattern(str(size), size))
    put(j("sizes", "large"), pattern("large", 5 << 20))
    sparse(j("sparse-1"), 20 << 20, [(0, b"first"), (9 << 20, pattern("m", 9000)), (19 << 20, b"x" * 3000)])
    sparse(j("sparse-empty"), 10 << 20, [])
    sparse(j("sparse-tail"), (3 << 20) + 17, [((3 << 20) + 10, b"tail!!!")])
    # One block of data, one hole, and so on: one extent each.
    sparse(j("fragments"), 1000 * 8192, [(i * 8192, b"%d" % i * 100) for i in range(1000)])
    os.mkdir(j("links"))
    for n in (1, 58, 59, 60, 61, 120, 255, 1000):
        os.symlink("t" * n, j("links", f"link-{n}"))
    os.symlink("../sizes/4096", j("links", "relative"))
    os.mkdir(j("many"))
    for i in range(entries):
        put(j("many", f"file-{i:08d}-{'x' * (i % 60)}"))
    os.mkdir(j("names"))
    for n in ("a b", "UMLAUT-\xe4\xf6\xfc", "new\nline", ".hidden", "..two", "...", "%41", "n" * 255):
        put(j("names", n), n.encode())
    d = j("deep")
    for i in range(40):
        os.mkdir(d)
        d = os.path.join(d, f"level-{i}")
    os.mkfifo(j("fifo"), 0o600)
    try:
        os.mknod(j("null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(j("big-device"), stat.S_IFBLK | 0o660, os.makedev(259, 70000))
    except PermissionError:
        pass
    put(j("setuid"), b"s", 0o4755)
    put(j("secret"), b"s", 0o000)
    put(j("hard-1"), b"one inode")
    os.link(j("hard-1"), j("hard-2"))
    os.mkdir(j("sticky"))
    os.chmod(j("sticky"), 0o1777)
    if os.getuid() == 0:
        os.chown(j("hard-1"), 70000, 80000)
    for folder, dirs, files in os.walk(top, topdown=False):
        for n in dirs + files:
            os.utime(os.path.join(folder, n), (MTIME, MTIME + len(n)), follow_symlinks=False)


def mkfs(image, options, source=None, size="64M", extra=()):
    if os.path.exists(image):
        os.unlink(image)
    run(["truncate", "-s", size, image])
    run(["mke2fs", "-q", "-F", *options.split(), *extra, *(["-d", source] if source else []), image])


def index_folders(image):
    run(["e2fsck", "-fyD", image], ok=(0, 1))


# ---- Comparing ----

def unescape(s):
    out = bytearray()
    i = 0
    b = s.encode()
    while i < len(b):
        if b[i] == ord("%"):
            out.append(int(b[i + 1:i + 3], 16))
            i += 3
        else:
            out.append(b[i])
            i += 1
    return bytes(out)


def dump(image, folder):
    os.mkdir(folder)
    p = run([HOST, "dump", image, folder], ok=(0, 1))
    entries = {}
    for line in p.stdout.decode().split("\n"):
        if line.startswith("#") or not line:
            continue
        f = line.split(" ")
        if len(f) != 13:
            raise Failure(f"unexpected line: {line}")
        entries[unescape(f[0])] = f[1:]
    if p.returncode:
        raise Failure("errors in the walk:\n" + p.stdout.decode()[-1500:])
    return entries


DT = {stat.S_IFREG: 8, stat.S_IFDIR: 4, stat.S_IFLNK: 10, stat.S_IFIFO: 1, stat.S_IFCHR: 2, stat.S_IFBLK: 6}


def compare(source, entries, contents, file_types=True):
    wanted = set()
    for folder, dirs, files in os.walk(os.fsencode(source)):
        for n in dirs + files:
            path = os.path.join(folder, n)
            rel = b"/" + os.path.relpath(path, os.fsencode(source))
            wanted.add(rel)
            if rel not in entries:
                raise Failure(f"{rel} is missing")
            compare_one(path, rel, entries[rel], contents, file_types)
    extra = set(entries) - wanted - {b"", b"/lost+found"}
    if extra:
        raise Failure(f"names that should not be there: {sorted(extra)[:5]}")


def compare_one(path, rel, e, contents, file_types):
    ino, mode, uid, gid, nlink, size, rdev, dtype, mtime, btime, blocks, link = e
    st = os.lstat(path)
    want = {"mode": st.st_mode, "uid": st.st_uid, "gid": st.st_gid, "mtime": int(st.st_mtime)}
    got = {"mode": int(mode, 8), "uid": int(uid), "gid": int(gid), "mtime": int(mtime.split(".")[0])}
    if stat.S_ISDIR(st.st_mode):
        want["nlink"] = 2 + sum(os.path.isdir(os.path.join(path, n)) and
                                not os.path.islink(os.path.join(path, n)) for n in os.listdir(path))
    else:
        want["nlink"], want["size"], got["size"] = st.st_nlink, st.st_size, int(size)
    got["nlink"] = int(nlink)
    want["type"] = DT[stat.S_IFMT(st.st_mode)] if file_types else 0
    got["type"] = int(dtype)
    if stat.S_ISLNK(st.st_mode):
        want["link"], got["link"] = os.readlink(path), unescape(link)
    if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        want["rdev"], got["rdev"] = st.st_rdev, int(rdev)
    if want != got:
        raise Failure(f"{rel}: {got}, expected {want}")
    if stat.S_ISREG(st.st_mode) and not filecmp.cmp(path, os.path.join(os.fsencode(contents), ino.encode()), False):
        raise Failure(f"contents of {rel} differ")


def check_image(image, source, tmp, file_types=True):
    contents = os.path.join(tmp, "contents")
    shutil.rmtree(contents, ignore_errors=True)
    try:
        compare(source, dump(image, contents), contents, file_types)
    finally:
        shutil.rmtree(contents, ignore_errors=True)


def test_kind(name, options, source, tmp):
    image = os.path.join(tmp, "image")
    mkfs(image, options, source, "1G" if name.endswith("large") else "64M")
    file_types = "filetype" not in options and "-r 0" not in options
    if name in LARGE_FOLDERS: # as mke2fs leaves it: without an index
        check_image(image, source, tmp, file_types)
    if name in ("ext4-tea", "ext4-legacy"):
        run(["tune2fs", "-E", "hash_alg=" + name[5:], image])
    index_folders(image)
    check_image(image, source, tmp, file_types)


# ---- Corners ----

def test_times(tmp):
    """Nanoseconds, dates before 1970 and beyond 2038, the time of birth."""
    image = os.path.join(tmp, "image")
    mkfs(image, "-t ext4", size="16M")
    put(os.path.join(tmp, "some"), b"some")
    rows = [("a", 1000000000, 0, 123456789), ("b", 0x7fffffff, 1, 999999999), ("c", -5, 0, 0), ("d", -5, 1, 7),
            ("e", 12, 3, 1)]
    for name, seconds, epoch, ns in rows:
        extra = ns << 2 | epoch
        debugfs(image, f"write {tmp}/some {name}", *(
            c for t in ("mtime", "crtime") for c in (f"sif {name} {t} @{seconds & 0xffffffff:#x}",
                                                     f"sif {name} {t}_extra {extra:#x}")))
    entries = dump(image, os.path.join(tmp, "contents-times"))
    shutil.rmtree(os.path.join(tmp, "contents-times"))
    for name, seconds, epoch, ns in rows:
        want = f"{seconds + (epoch << 32)}.{ns:09d}"
        got = entries[b"/" + name.encode()]
        if got[8] != want or got[9] != want:
            raise Failure(f"{name}: {got[8]} and {got[9]}, expected {want}")


def test_unwritten(options, tmp):
    """Space that was allocated and never written reads as zeros, whatever lies there."""
    source, image = os.path.join(tmp, "unwritten"), os.path.join(tmp, "image")
    shutil.rmtree(source, ignore_errors=True)
    os.mkdir(source)
    sparse(os.path.join(source, "f"), 400 * 4096, [(0, b"begin"), (399 * 4096, b"end")])
    mkfs(image, options, source, "16M")
    debugfs(image, "fallocate f 10 300")
    blocks = {file_block(image, "f", n) for n in (10, 77, 300)}
    if 0 in blocks:
        raise Failure("debugfs allocates nothing")
    for b in blocks:
        poke(image, b * 4096, b"\xaa" * 4096)
    check_image(image, source, tmp)


def test_far(tmp):
    """Offsets that need all 32 bits of a block's number."""
    source, image = os.path.join(tmp, "far"), os.path.join(tmp, "image")
    shutil.rmtree(source, ignore_errors=True)
    os.mkdir(source)
    at = 3 << 40 # mke2fs copies nothing longer
    sparse(os.path.join(source, "f"), at + 5000, [(0, b"begin"), (at + 100, b"far away")])
    mkfs(image, "-t ext4 -b 1024", source, "16M")
    ino = inode_of(image, "f")
    if read_file(image, ino, at + 98, 12) != b"\0\0far away\0\0":
        raise Failure("the far end is wrong")
    if read_file(image, ino, at // 2, 8) != bytes(8) or read_file(image, ino, 0, 6) != b"begin\0":
        raise Failure("the beginning or the hole is wrong")


def test_tail(tmp):
    """What lies behind the end of a file in its last block is not shown (ext4_host looks)."""
    source, image = os.path.join(tmp, "tail"), os.path.join(tmp, "image")
    shutil.rmtree(source, ignore_errors=True)
    os.mkdir(source)
    put(os.path.join(source, "f"), b"s" * 5000)
    put(os.path.join(source, "g"), b"s")
    mkfs(image, "-t ext4 -b 4096", source, "16M")
    poke(image, file_block(image, "f", 1) * 4096 + 904, b"\xaa" * (4096 - 904))
    poke(image, file_block(image, "g", 0) * 4096 + 1, b"\xaa" * 4095)
    shutil.rmtree(os.path.join(tmp, "contents"), ignore_errors=True)
    dump(image, os.path.join(tmp, "contents"))
    shutil.rmtree(os.path.join(tmp, "contents"))


def test_loops(tmp):
    """A folder that is reached a second way, from below or from the side, does not make the tree endless."""
    image = os.path.join(tmp, "image")
    mkfs(image, "-t ext4 -O ^metadata_csum", size="16M")
    debugfs(image, "mkdir a", "mkdir a/b", "mkdir c", "link a a/b/up", "link a/b a/b/self", "link / a/b/root",
            "link a/b c/side", "link <8> c/journal", "link <60> c/deleted")
    shutil.rmtree(os.path.join(tmp, "contents"), ignore_errors=True)
    os.mkdir(os.path.join(tmp, "contents"))
    out = run([HOST, "dump", image, os.path.join(tmp, "contents")], ok=(1,)).stdout.decode()
    shutil.rmtree(os.path.join(tmp, "contents"))
    for line in ("/a/b/up lookup -117", "/a/b/self lookup -117", "/a/b/root lookup -117",
                 "/c/journal lookup -117", "/c/deleted lookup -117", "a directory with two parents",
                 "an entry leads back to its own ancestor", "an entry leads to a reserved inode",
                 "a name leads to a deleted inode"):
        if line not in out:
            raise Failure(f"no '{line}' in\n{out}")


def dirent_place(image, folder, name):
    """Where the entry lies, in bytes; the folder is one block."""
    block = file_block(image, folder)
    with open(image, "rb") as f:
        f.seek(block * 1024)
        return block * 1024 + f.read(1024).index(name) - 8


def test_wrong_words(tmp):
    """One word at a time, and the console line that must name it."""
    source, good, image = (os.path.join(tmp, n) for n in ("words", "good", "image"))
    shutil.rmtree(source, ignore_errors=True)
    os.makedirs(os.path.join(source, "d"))
    put(os.path.join(source, "f"), pattern("words", 3000))
    put(os.path.join(source, "d", "entry"), b"x")
    put(os.path.join(source, "d", "second"), b"x")
    os.symlink("target", os.path.join(source, "l"))
    os.symlink("t" * 100, os.path.join(source, "long"))
    sparse(os.path.join(source, "two"), 9000, [(0, b"a"), (8192, b"b")])
    sparse(os.path.join(source, "tree"), 100 * 8192, [(i * 8192, b"%d" % i) for i in range(100)])
    mkfs(good, "-t ext4 -b 1024 -O ^metadata_csum", source, "16M")
    f, d, l, two, tree, long = (inode_place(good, n, 1024) for n in ("f", "d", "l", "two", "tree", "long"))
    with open(good, "rb") as disk:
        disk.seek(tree + 0x28 + 12 + 4)
        leaf = struct.unpack("<I", disk.read(4))[0] * 1024
    entry = dirent_place(good, "d", b"entry")
    rows = [
        (f + 0x28, "<H", 0, "without its magic"),
        (f + 0x28 + 2, "<HH", (5, 5), "too many entries"),
        (f + 0x28 + 2, "<HH", (3, 2), "too many entries"),
        (f + 0x28 + 6, "<H", 6, "too deep"),
        (f + 0x28 + 12 + 8, "<I", 0x7fffffff, "outside the file system"),
        (f + 0x28 + 12 + 6, "<H", 1, "outside the file system"),
        (f + 0x28 + 12 + 4, "<H", 0, "out of its place"),
        (f + 0x28 + 12 + 4, "<H", 32767, "outside the file system"),
        (two + 0x28 + 12, "<I", 9, "out of order"),
        (two + 0x28 + 24, "<I", 0, "out of order"),
        (tree + 0x28 + 6, "<H", 2, "wrong depth"),
        (tree + 0x28 + 2, "<H", 0, "empty extent index"),
        (tree + 0x28 + 12 + 4, "<I", 0x7fffffff, "outside the file system"),
        (leaf, "<H", 0, "without its magic"),
        (leaf + 2, "<HH", (200, 200), "too many entries"),
        (leaf + 6, "<H", 1, "wrong depth"),
        (leaf + 24, "<I", 0, "out of order"),
        (f, "<H", 0o170644, "no known type"),
        (f + 4, "<I", 0xffffffff, None),
        (f + 0x1a, "<H", 0, "deleted inode"),
        (f + 0x6c, "<I", 0xffffffff, "file of impossible size"),
        (f + 0x80, "<H", 0xfff0, "extra fields"),
        (f + 0x80, "<H", 30, "extra fields"),
        (f + 0x20, "<I", 0x10080000, "inline"),
        (d + 4, "<I", 1, "directory of impossible size"),
        (d + 4, "<I", 0x40000000, "directory of impossible size"),
        (d + 4, "<I", 2048, "a hole in a directory"),
        (l + 0x28, "<I", 0, "empty or contains a NUL"),
        (l + 4, "<I", 0, "empty or contains a NUL"),
        (long + 4, "<I", 1024, "link of impossible size"),
        (entry, "<I", 0x7fffffff, "impossible inode"),
        (entry + 4, "<H", 0, "impossible length"),
        (entry + 4, "<H", 10, "impossible length"),
        (entry + 4, "<H", 2000, "impossible length"),
        (entry + 6, "<B", 255, "name does not fit"),
        (entry + 6, "<B", 0, "name does not fit"),
        (entry + 9, "<B", ord("/"), "slash or NUL"),
        (entry + 9, "<B", 0, "slash or NUL"),
    ]
    for place, form, value, words in rows:
        shutil.copy(good, image)
        poke(image, place, struct.pack(form, *(value if isinstance(value, tuple) else (value,))))
        shutil.rmtree(os.path.join(tmp, "contents"), ignore_errors=True)
        os.mkdir(os.path.join(tmp, "contents"))
        out = run([HOST, "dump", image, os.path.join(tmp, "contents")], ok=(0, 1)).stdout.decode(errors="replace")
        if words and words not in out:
            raise Failure(f"{value} at {place}: no '{words}' in\n{out}")
    shutil.rmtree(os.path.join(tmp, "contents"))


# Found by search: names "c" * 224 + number with one hash (half_md4) under this seed.
COLLISION_SEED = "11111111-1111-1111-1111-111111111111"
COLLIDING = (14218779, 25783887, 91191716, 113557109, 124137265,
             47834206, 48243808, 83476840, 124788251, 125629419)


def test_collisions(tmp):
    """More names with one hash than fit a block: the search must go on in the next leaf."""
    source, image = os.path.join(tmp, "collisions"), os.path.join(tmp, "image")
    shutil.rmtree(source, ignore_errors=True)
    os.mkdir(source)
    for n in COLLIDING:
        put(os.path.join(source, "c" * 224 + f"{n:09d}"))
    for n in range(300):
        put(os.path.join(source, f"{n}-" + "o" * 200))
    for f in os.listdir(source):
        os.utime(os.path.join(source, f), (MTIME, MTIME))
    mkfs(image, f"-t ext4 -b 1024 -E hash_seed={COLLISION_SEED}", source, "16M")
    index_folders(image)
    out = subprocess.run(["debugfs", "-R", "htree_dump /", image], env=ENV, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout.decode(errors="replace")
    if "(**)" not in out: # debugfs' mark
        raise Failure("no hash goes over two blocks")
    check_image(image, source, tmp)


# ---- Refusals ----

def expect_refused(image, *words):
    p = run([HOST, "mount", image], ok=(1,))
    lines = [l for l in p.stdout.decode().split("\n") if l.startswith("# ")]
    if not lines or not all(w in lines[-1] for w in words):
        raise Failure(f"says {lines}, expected {words}")


def test_refused(options, word, tmp):
    image = os.path.join(tmp, "image")
    mkfs(image, options, size="64M")
    expect_refused(image, "not mounted", word)


def test_truncated(tmp):
    image = os.path.join(tmp, "image")
    mkfs(image, "-t ext4 -b 4096", size="64M")
    run(["truncate", "-s", "63M", image])
    expect_refused(image, "truncated", "16384 blocks", "16128")


def test_no_filesystem(tmp):
    image = os.path.join(tmp, "image")
    for size in (0, 512, 1024, 2048, 1 << 20):
        with open(image, "wb") as f:
            f.truncate(size)
        expect_refused(image, "not mounted")


def test_damaged_super(tmp):
    image = os.path.join(tmp, "image")
    mkfs(image, "-t ext4 -b 4096", size="64M")
    poke(image, 1024 + 0x78, b"X")
    expect_refused(image, "wrong checksum of the super block")
    # Without a checksum each value is checked by itself.
    for offset, value, words in ((0x14, 7, "first data block"), (0x20, 0, "blocks in a group"),
                                 (0x20, 0xffffffff, "blocks in a group"), (0x28, 0, "inodes in a group"),
                                 (0x28, 0xfffffff8, "inodes in a group"), (0x0, 5, "contradict"),
                                 (0x18, 20, "2^20 KiB"), (0x58, 0x101, "inode size"),
                                 (0x58, 0x8000, "inode size"), (0x4, 0, "number of blocks"),
                                 (0x54, 0, "first inode"), (0x4, 0x7fffffff, "")):
        mkfs(image, "-t ext4 -b 4096 -O ^metadata_csum", size="64M")
        poke(image, 1024 + offset, struct.pack("<I", value))
        expect_refused(image, "not mounted", words)


# ---- Journals ----

def debugfs(image, *commands):
    p = run(["debugfs", "-w", "-f", "-", image], input=("\n".join(commands) + "\n").encode())
    return p.stdout.decode(errors="replace")


def changed_blocks(before, after, size):
    out = []
    with open(before, "rb") as a, open(after, "rb") as b:
        nr = 0
        while True:
            x, y = a.read(size), b.read(size)
            if not x:
                return out
            if x != y:
                out.append((nr, y))
            nr += 1


def write_journal(image, tmp, transactions, version, size):
    """Each transaction: a list of (block, contents), a list of revoked blocks, committed or not."""
    commands = [f"jo {version}"]
    for i, (blocks, revoked, commit) in enumerate(transactions):
        data = os.path.join(tmp, f"journal-{i}")
        put(data, b"".join(c for _, c in blocks))
        words = "jw"
        if blocks:
            words += " -b " + ",".join(str(b) for b, _ in blocks)
        if revoked:
            words += " -r " + ",".join(str(b) for b in revoked)
        commands.append(f"{words} {'' if commit else '-c'} {data if blocks else ''}")
    out = debugfs(image, *commands, "jc")
    if "error" in out.lower() or "usage" in out.lower():
        raise Failure(out)


def journal_source(tmp):
    source = os.path.join(tmp, "journal-source")
    shutil.rmtree(source, ignore_errors=True)
    os.mkdir(source)
    for i in range(60):
        put(os.path.join(source, f"f{i}"), pattern(f"j{i}", 5000))
    os.mkdir(os.path.join(source, "d"))
    for i in range(200):
        put(os.path.join(source, "d", f"x{i}"), b"%d" % i)
    return source


def test_journal(options, version, size, tmp):
    """A whole batch of changes that is in the journal only, over several transactions."""
    source = journal_source(tmp)
    before, after = os.path.join(tmp, "before"), os.path.join(tmp, "after")
    mkfs(before, options, source, "32M")
    shutil.copy(before, after)
    put(os.path.join(source, "d", "new"), pattern("new", 70000))
    put(os.path.join(source, "f1"), pattern("other", 3000))
    os.unlink(os.path.join(source, "f2"))
    os.mkdir(os.path.join(source, "fresh"))
    debugfs(after, f"write {source}/d/new d/new", "rm f1", f"write {source}/f1 f1", "rm f2", "mkdir fresh",
            "sif fresh mode 040755")
    for n in ("d/new", "f1"):
        debugfs(after, f"sif {n} mode 0100644")
    changes = changed_blocks(before, after, size)
    if len(changes) < 10:
        raise Failure("too few changes")
    garbage = [(b, b"\xaa" * size) for b, _ in changes[1:6]]
    middle = len(changes) // 2
    write_journal(before, tmp, [(garbage, [], True), (changes[:middle], [], True),
                                (changes[middle:], [], True), (garbage, [], False)], version, size)
    for folder, dirs, files in os.walk(source):
        for n in dirs + files:
            os.utime(os.path.join(folder, n), (MTIME, MTIME))
    wanted = os.path.join(tmp, "contents-after")
    shutil.rmtree(wanted, ignore_errors=True)
    want = dump(after, wanted)
    got_dir = os.path.join(tmp, "contents-before")
    shutil.rmtree(got_dir, ignore_errors=True)
    got = dump(before, got_dir)
    if want != got:
        raise Failure(f"{set(map(str, want.items())) ^ set(map(str, got.items()))}")
    for n in os.listdir(wanted):
        if not filecmp.cmp(os.path.join(wanted, n), os.path.join(got_dir, n), False):
            raise Failure(f"contents of inode {n} differ")
    shutil.rmtree(wanted)
    shutil.rmtree(got_dir)


def read_file(image, ino, offset, length):
    return bytes.fromhex(run([HOST, "read", image, str(ino), str(offset), str(length)]).stdout.decode().strip())


def inode_of(image, path):
    out = subprocess.run(["debugfs", "-R", f"stat {path}", image], env=ENV, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout
    return int(out.split(b"Inode:")[1].split()[0])


def test_journal_rules(options, version, size, tmp):
    """Revocation, escaped blocks, later copies over earlier ones, uncommitted ones not at all."""
    source = journal_source(tmp)
    image = os.path.join(tmp, "image")
    mkfs(image, options, source, "32M")
    ino = {n: inode_of(image, n) for n in ("f1", "f2", "f3", "f4", "f5")}
    block = {n: file_block(image, n) for n in ino}
    old = {n: pattern(f"j{n[1:]}", 5000)[:size] for n in ino}
    escaped = b"\xc0\x3b\x39\x98" + b"e" * (size - 4)
    write_journal(image, tmp, [
        ([(block["f1"], b"1" * size), (block["f2"], b"2" * size), (block["f3"], escaped)], [], True),
        ([(block["f1"], b"3" * size)], [], True),
        ([], [block["f2"]], True), # debugfs cannot revoke and write in one transaction
        ([], [block["f5"]], True),
        ([(block["f5"], b"5" * size)], [], True),
        ([(block["f4"], b"4" * size)], [], False)], version, size)
    want = {"f1": b"3" * size, "f2": old["f2"], "f3": escaped, "f4": old["f4"], "f5": b"5" * size}
    for n in ino:
        if read_file(image, ino[n], 0, size) != want[n]:
            raise Failure(f"{n} is wrong")
    return image


def test_journal_damage(tmp):
    """A checksummed journal whose committed part is damaged is refused, a clean one is not looked at."""
    options, size = "-t ext4 -b 1024", 1024
    source = journal_source(tmp)
    image = os.path.join(tmp, "image")
    mkfs(image, options, source, "32M")
    b = file_block(image, "f1")
    write_journal(image, tmp, [([(b, b"1" * size)], [], True), ([(b, b"2" * size)], [], True)], "-c", size)
    first = file_block(image, "<8>", 0)
    with open(image, "rb") as f:
        f.seek(first * size)
        journal = f.read(64 * size)
    for offset, word in ((size + 12, "damaged"), (2 * size + 7, "wrong checksum"), (3 * size + 20, "damaged"),
                         (20, "checksum"), (0, "super block")):
        damaged = image + "-damaged"
        shutil.copy(image, damaged)
        poke(damaged, first * size + offset, bytes([journal[offset] ^ 1]))
        expect_refused(damaged, "journal needs recovery", word)
    # The very last commit block torn: the last transaction never happened.
    torn = image + "-torn"
    shutil.copy(image, torn)
    poke(torn, (first + 6) * size + 40, b"\xff")
    if read_file(torn, inode_of(image, "f1"), 0, size) != b"1" * size:
        raise Failure("a torn last transaction is not left out")


# ---- Faults and damage ----

def small_source(tmp):
    source = os.path.join(tmp, "small-source")
    if os.path.exists(source):
        return source
    os.mkdir(source)
    j = lambda *p: os.path.join(source, *p)
    for i in range(8):
        put(j(f"file{i}"), pattern(f"s{i}", 1500 * i))
    sparse(j("fragments"), 1200 * 1024 * 2, [(i * 2048, b"%d" % i) for i in range(0, 1200, 3)])
    os.mkdir(j("many"))
    for i in range(400):
        put(j("many", f"name-{i}-{'y' * (i % 20)}"))
    os.makedirs(j("a", "b", "c"))
    os.symlink("short", j("a", "short-link"))
    os.symlink("l" * 200, j("a", "long-link"))
    os.mkfifo(j("a", "b", "fifo"))
    return source


DAMAGE_KINDS = [("ext2", "-t ext2 -b 1024"), ("ext4", "-t ext4 -b 1024"),
                ("ext4-no-csum", "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg"),
                ("ext4-4k", "-t ext4 -b 4096 -O ^metadata_csum,meta_bg,^resize_inode")]


def damage_image(name, options, tmp):
    image = os.path.join(tmp, f"damage-{name}")
    if not os.path.exists(image):
        mkfs(image, options, small_source(tmp), "6M", ("-N", "600", "-J", "size=1") if "ext4" in name
             and "4k" not in name else ("-N", "600"))
        index_folders(image)
    return image


def damage_journal(tmp):
    image = os.path.join(tmp, "damage-journal")
    if os.path.exists(image):
        return image
    base = damage_image("ext4-no-csum", DAMAGE_KINDS[2][1], tmp)
    shutil.copy(base, image)
    after = image + "-after"
    shutil.copy(base, after)
    debugfs(after, "rm file1", "mkdir d2", "rm many/name-7-yyyyyyy")
    write_journal(image, tmp, [(changed_blocks(base, after, 1024), [5, 6, 7], True)], "", 1024)
    return image


def test_faults(image, count):
    run([HOST, "faults", image, str(count)])


def test_fuzz(image, seed, count):
    run([HOST, "fuzz", image, str(seed), str(count)])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("names", nargs="*")
    ap.add_argument("--keep", action="store_true")
    ap.add_argument("--fuzz", type=int, default=100)
    ap.add_argument("--faults", type=int, default=100)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    tmp = tempfile.mkdtemp(prefix="ext4-images-")

    def want(name):
        return not args.names or any(name.startswith(n) for n in args.names)

    for line in run([HOST, "units"], ok=(0, 1)).stdout.decode().split("\n"):
        if line and want("units"):
            print(line)
            globals()["passed" if line.startswith("ok") else "failed"] += 1
    sources = {}
    for name, options in KINDS:
        if want(name):
            entries = 5000 if name in LARGE_FOLDERS else 700
            if entries not in sources:
                sources[entries] = os.path.join(tmp, f"source-{entries}")
                make_source(sources[entries], entries)
            test(name, test_kind, name, options, sources[entries], tmp)
    for name, fn, *more in (("times", test_times), ("unwritten", test_unwritten, "-t ext4 -b 4096"),
                            ("unwritten-no-csum", test_unwritten, "-t ext4 -b 4096 -O ^metadata_csum"),
                            ("far", test_far), ("tail", test_tail), ("loops", test_loops), ("wrong-words", test_wrong_words),
                            ("collisions", test_collisions)):
        if want(name):
            test(name, fn, *more, tmp)
    for name, options, word in REFUSED:
        if want(f"refused-{name}"):
            test(f"refused-{name}", test_refused, options, word, tmp)
    for name, fn in (("truncated", test_truncated), ("no-file-system", test_no_filesystem),
                     ("damaged-super-block", test_damaged_super), ("journal-damage", test_journal_damage)):
        if want(name):
            test(name, fn, tmp)
    for name, options, version, size in (("journal-v3", "-t ext4 -b 1024", "-c", 1024),
                                         ("journal-v3-4k", "-t ext4 -b 4096", "-c", 4096),
                                         ("journal-v2", "-t ext4 -b 1024", "-c -v 2", 1024),
                                         ("journal-plain", "-t ext4 -b 1024", "", 1024),
                                         ("journal-32bit", "-t ext4 -b 4096 -O ^64bit,^metadata_csum", "", 4096),
                                         ("journal-ext3", "-t ext3 -b 1024", "", 1024)):
        if want(name):
            test(name, test_journal, options, version, size, tmp)
            test(f"{name}-rules", test_journal_rules, options, version, size, tmp)
    for name, options in DAMAGE_KINDS:
        if want(f"faults-{name}"):
            test(f"faults-{name}", test_faults, damage_image(name, options, tmp), args.faults)
        if want(f"fuzz-{name}"):
            test(f"fuzz-{name}", test_fuzz, damage_image(name, options, tmp), args.seed, args.fuzz)
    if want("fuzz-journal"):
        test("faults-journal", test_faults, damage_journal(tmp), args.faults)
        test("fuzz-journal", test_fuzz, damage_journal(tmp), args.seed, args.fuzz)
    if args.keep:
        print(tmp, file=sys.stderr)
    else:
        shutil.rmtree(tmp)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
