"""Disks that are missing, empty, damaged, or fail to read: a line says why, and the shell works."""
import os
import re

import diskimage
from harness import Group, WORK, check, equal

GROUPS = []
EMPTY_ROOT = r"the root is an empty tmpfs$"


def image(kind):
    path = os.path.join(WORK, "disks", kind)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    diskimage.make(kind, path)
    return path


def shell_works(c):
    equal(c.run("echo alive > /tmp/f; cat /tmp/f; rm /tmp/f"), "alive\n")
    c.see("cat /proc/mounts", r"^proc /proc proc")
    c.see("ps", r"\bsh$")


def refused(name, kind, *lines):
    """Nothing to mount there: the reasons are on the console, and the root is empty."""
    group = Group(f"console/disk-{name}", "--smp", "2",
                  prepare=lambda: ["--disk", image(kind) if kind else "none"])
    GROUPS.append(group)

    @group.test
    def says_why(c):
        for line in lines:
            c.see("dmesg", line)
        c.see("dmesg", EMPTY_ROOT)

    @group.test
    def shell_works_without_it(c):
        shell_works(c)
        equal(sorted(c.run("ls -1 /").split()), ["dev", "proc", "tmp"])
        c.see("cat /etc/hostname", r"cat: /etc/hostname: No such file or directory", status=1)
        c.see("walk /etc/hostname", r"No such file or directory", status=None)


def mounted(name, kind, prepare=None):
    group = Group(f"console/disk-{name}", "--smp", "2",
                  prepare=prepare or (lambda: ["--disk", image(kind)]))
    GROUPS.append(group)

    def shell_works_with_it(c):
        shell_works(c)
    group.test(shell_works_with_it)
    return group.test


refused("missing", None, r"root: no block device;")
refused("empty", "empty", r"ext4 vda: not mounted: no ext4, ext3 or ext2 file system \(0 where 0xef53 should be\)$")
refused("tiny", "tiny", r"ext4 vda: not mounted: cannot read the super block")
refused("no-magic", "no-magic", r"ext4 vda: not mounted: no ext4, ext3 or ext2 file system")
refused("damaged-super-block", "super-garbage", r"ext4 vda: not mounted: ")
refused("super-block-checksum", "super-flip", r"ext4 vda: not mounted: wrong checksum of the super block$")
refused("truncated", "truncated",
        r"ext4 vda: not mounted: truncated: the file system has 8192 blocks of 4096 bytes, the device only 4096$")
refused("journal-damaged", "journal-damaged",
        r"ext4 vda: not mounted: its journal needs recovery and a block in it has the wrong checksum")
for feature in diskimage.FEATURES:
    refused(feature, f"feature-{feature}", rf"ext4 vda: not mounted: feature {feature} .*is not supported$")


# ---- mounted, but not all of it can be read ---------------------------------------------------------


@mounted("journal", "journal")
def a_journal_is_replayed_into_memory(c):
    c.see("dmesg", r"1 transactions of the journal replayed into memory \(1 blocks\)$")
    equal(c.run("head -n 1 /file"), "new contents\n")


@mounted("damaged-root", "root-garbage")
def nothing_of_the_disk_is_there(c):
    c.see("ls /", r"ls: /: Structure needs cleaning", status=1)
    c.see("cat /etc/hostname", r"cat: /etc/hostname: Structure needs cleaning", status=1)
    c.see("dmesg", r"ext4 vda: inode 2, block \d+: a directory block without its checksum$")


@mounted("damaged-folder", "folder-garbage")
def only_that_folder_is_lost(c):
    c.see("ls /folder", r"ls: /folder: Structure needs cleaning", status=1)
    c.see("cat /folder/inside", r"cat: /folder/inside: Structure needs cleaning", status=1)
    c.see("find /", r"find: /folder: Structure needs cleaning", r"^/etc/hostname$", status=1)
    equal(c.run("cat /etc/hostname"), "unlazy\n")
    c.see("dmesg", r"ext4 vda: inode \d+, block \d+: a directory block without its checksum$")


@mounted("damaged-inode", "inode-garbage")
def only_that_file_is_lost(c):
    c.see("ls -l /", r"ls: /file: Bad message", r" folder$", status=1)
    c.see("cat /file", r"cat: /file: Bad message", status=1)
    equal(c.run("cat /folder/inside"), "inside\n")
    c.see("dmesg", r"ext4 vda: inode \d+, block \d+: wrong checksum of the inode$")


@mounted("damaged-extents", "extent-garbage")
def only_its_contents_are_lost(c):
    c.see("ls -l /file", r" 5013 .* /file$")
    c.see("cat /file", r"cat: /file: Input/output error", status=1)
    equal(c.run("cat /folder/inside"), "inside\n")
    c.see("dmesg", r"ext4 vda: inode \d+: an extent outside the file system$")


# ---- reads that fail ----------------------------------------------------------------------------------


def failing():
    """The good disk, on which reads of the first block of /file and of /folder fail, for good."""
    path, rules = image("good"), os.path.join(WORK, "disks", "blkdebug.conf")
    with open(rules, "w") as f:
        for name in "/file", "/folder":
            sector = diskimage.block_of(path, name) * (diskimage.BLOCK // 512)
            f.write(f'[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "{sector}"\n')
    return ["--disk", f"blkdebug:{rules}:{path}"]


reads = mounted("read-errors", "good", failing)


@reads
def of_contents(c):
    c.see("cat /file", r"cat: /file: Input/output error", status=1)
    c.see("dmesg", r"vda: read at sector \d+ failed", r"ext4 vda: inode \d+, block \d+: file contents cannot be read")
    c.see("cat /file", r"cat: /file: Input/output error", status=1)


@reads
def of_a_folder(c):
    c.see("cat /folder/inside", r"cat: /folder/inside: Input/output error", status=1)
    c.see("ls /folder", r"ls: /folder: Input/output error", status=1)
    c.see("walk /folder/inside", r"Input/output error", status=None)


@reads
def on_the_ring(c):
    c.run("echo /folder/inside > /tmp/list; echo /etc/hostname >> /tmp/list")
    for method in "ring-inline", "ring-queued":
        out = c.run(f"openbench -l /tmp/list -m {method} -c 0", status=None)
        check(re.search(rf"^{method} .* 2 +1  Input/output error$", out, re.M), out)


@reads
def other_files_are_read(c):
    equal(c.run("cat /etc/hostname"), "unlazy\n")
