#!/usr/bin/python3
"""Disk images as they come to us in the worst case: tests/diskimage.py KIND FILE

    good            a small ext4 with /etc/hostname, /file, /folder/inside; the others are this one, damaged
    empty           all zero                        tiny            one sector
    no-magic        super block without its magic   super-garbage   super block of seeded random bytes
    super-flip      one bit of the super block      truncated       the second half is missing
    root-garbage    the root folder's block is random
    folder-garbage  /folder's block is random       inode-garbage   the inode of /file is
    extent-garbage  the extents in the inode of /file, with a right checksum
    journal         /file's new contents are only in the journal
    journal-damaged ... and the journal is damaged
    feature-NAME    an ext4 feature that we do not have: encrypt, casefold, inline_data, bigalloc

Deterministic but for what mke2fs puts in by itself (UUID).
"""
import os
import random
import re
import subprocess
import sys
import tempfile

ENV = dict(os.environ, LC_ALL="C", PATH=os.environ["PATH"] + ":/sbin:/usr/sbin",
           E2FSPROGS_FAKE_TIME="1608000000")
BLOCK = 4096
SUPER, SUPER_MAGIC = 1024, 1024 + 56
FEATURES = {
    "encrypt": "-O encrypt", "casefold": "-O casefold", "inline_data": "-O inline_data",
    "bigalloc": "-O bigalloc -C 16384",
}


def run(*command):
    p = subprocess.run(command, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if p.returncode:
        raise OSError(f"tests/diskimage.py: {' '.join(command)}: status {p.returncode}\n{p.stdout}")
    return p.stdout


def make_good(image, options=""):
    with tempfile.TemporaryDirectory() as tree:
        for path, text in {"etc/hostname": "unlazy\n", "file": "old contents\n" + "x" * 5000,
                           "folder/inside": "inside\n"}.items():
            os.makedirs(os.path.dirname(f"{tree}/{path}"), exist_ok=True)
            with open(f"{tree}/{path}", "w") as f:
                f.write(text)
        with open(image, "wb") as f:
            f.truncate(32 << 20)
        run("mke2fs", "-q", "-F", "-t", "ext4", "-b", str(BLOCK), *options.split(), "-d", tree, image)


def poke(image, offset, data):
    with open(image, "r+b") as f:
        f.seek(offset)
        f.write(data)


def noise(size):
    return random.Random(20201215).randbytes(size)


def block_of(image, path, logical=0):
    return int(run("debugfs", "-R", f"bmap {path} {logical}", image).split("\n")[-2].split()[0])


def inode_of(image, path, block_size=BLOCK):
    """Where the inode lies in the image, in bytes."""
    found = re.search(r"located at block (\d+), offset (0x[0-9a-f]+)",
                      run("debugfs", "-R", f"imap {path}", image))
    return int(found.group(1)) * block_size + int(found.group(2), 16)


def make_journal(image, options=""):
    """options of debugfs' journal_open: -c for checksums."""
    make_good(image)
    target = block_of(image, "/file")
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/new", "wb") as f:
            f.write(b"new contents\n".ljust(BLOCK, b"y"))
        with open(f"{folder}/commands", "w") as f:
            f.write(f"jo {options}\njw -b {target} {folder}/new\njc\n")
        run("debugfs", "-w", "-f", f"{folder}/commands", image)


def make(kind, image):
    if kind == "empty":
        with open(image, "wb") as f:
            f.truncate(32 << 20)
    elif kind == "tiny":
        with open(image, "wb") as f:
            f.truncate(512)
    elif kind.startswith("feature-") and kind[8:] in FEATURES:
        make_good(image, FEATURES[kind[8:]])
    elif kind.startswith("journal"):
        make_journal(image, "-c" if kind == "journal-damaged" else "")
        if kind == "journal-damaged":
            poke(image, block_of(image, "<8>", 2) * BLOCK + 12, noise(64))
    else:
        make_good(image)
        damage = {
            "good": lambda: None,
            "no-magic": lambda: poke(image, SUPER_MAGIC, b"\0\0"),
            "super-garbage": lambda: poke(image, SUPER, noise(56) + b"\x53\xef" + noise(900)),
            "super-flip": lambda: poke(image, SUPER + 0x20, b"\x01"),
            "truncated": lambda: os.truncate(image, 16 << 20),
            "root-garbage": lambda: poke(image, block_of(image, "/") * BLOCK, noise(BLOCK)),
            "folder-garbage": lambda: poke(image, block_of(image, "/folder") * BLOCK, noise(BLOCK)),
            "inode-garbage": lambda: poke(image, inode_of(image, "/file"), noise(128)),
            # debugfs writes a new checksum.
            "extent-garbage": lambda: run("debugfs", "-w", "-R", "sif /file block[5] 0xfffffff0", image),
        }
        if kind not in damage:
            raise ValueError(f"tests/diskimage.py: no kind {kind}; see --help")
        damage[kind]()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__)
        sys.exit(0 if "--help" in sys.argv else 2)
    make(sys.argv[1], sys.argv[2])
