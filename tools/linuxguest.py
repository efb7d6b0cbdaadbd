"""The Linux guest to compare with: Debian's cloud kernel, unpacked under build/, never installed.

Its initramfs holds tools/linux-init.c, openbench (the very file that runs on Unlazy) and the modules for a
virtio disk.
"""
import glob
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys

from qemu import TOP

PACKAGE = "linux-image-cloud-amd64"
# The disk (with what it depends on), and the checksum driver that an installed system loads by itself.
MODULES = ["virtio_pci", "virtio_blk", "crc32c-intel"]
# Without the hardening that costs instructions on every call: Linux at its fastest.
CMDLINE = "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off init_on_alloc=0"


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def kernel_package():
    """The package the always-newest one stands for."""
    depends = run("apt-cache", "depends", PACKAGE)
    found = re.search(r"Depends: (linux-image-\S+)", depends)
    if not found:
        sys.exit(f"tools/bench: apt knows no {PACKAGE}; try apt-get update")
    return found.group(1)


def fetch_kernel(folder):
    """Download and unpack once; returns (vmlinuz, folder of modules)."""
    root = os.path.join(folder, "root")
    if not glob.glob(f"{root}/boot/vmlinuz-*"):
        os.makedirs(folder, exist_ok=True)
        package = kernel_package()
        print(f"tools/bench: downloading {package}", file=sys.stderr)
        run("apt-get", "download", "-qq", package, cwd=folder)
        shutil.rmtree(f"{root}.new", ignore_errors=True)
        run("dpkg-deb", "-x", glob.glob(f"{folder}/{package}_*.deb")[0], f"{root}.new")
        os.rename(f"{root}.new", root)
    vmlinuz = sorted(glob.glob(f"{root}/boot/vmlinuz-*"))[-1]
    modules = glob.glob(f"{root}/lib/modules/*") + glob.glob(f"{root}/usr/lib/modules/*")
    return vmlinuz, modules[0]


def read_module(path):
    with open(path, "rb") as f:
        data = f.read()
    return lzma.decompress(data) if path.endswith(".xz") else data


def modules_in_order(folder):
    """MODULES and what they depend on, dependencies first: [(name, bytes)]."""
    paths = {}
    for path in glob.glob(f"{folder}/kernel/**/*.ko*", recursive=True):
        paths[os.path.basename(path).split(".ko")[0].replace("-", "_")] = path
    order, seen = [], set()

    def visit(name):
        name = name.replace("-", "_")
        if name in seen or name not in paths:  # not there: built in
            return
        seen.add(name)
        data = read_module(paths[name])
        depends = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in filter(None, depends.group(1).decode().split(",") if depends else []):
            visit(other)
        order.append((name, data))

    for name in MODULES:
        visit(name)
    return order


def cpio(entries):
    """A newc archive of (name, mode, data, device) entries."""
    out = bytearray()
    for ino, (name, mode, data, device) in enumerate([*entries, ("TRAILER!!!", 0, b"", (0, 0))], 1):
        encoded = name.encode() + b"\0"
        fields = [ino, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0]
        out += b"070701" + b"".join(b"%08X" % f for f in fields) + encoded
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def make_initramfs(path, folder, init, openbench):
    entries = [(name, stat.S_IFDIR | 0o755, b"", (0, 0)) for name in ("dev", "disk", "modules")]
    entries.append(("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1)))
    for name, source in (("init", init), ("openbench", openbench)):
        with open(source, "rb") as f:
            entries.append((name, stat.S_IFREG | 0o755, f.read(), (0, 0)))
    for i, (name, data) in enumerate(modules_in_order(folder)):
        entries.append((f"modules/{i:02}-{name}.ko", stat.S_IFREG | 0o644, data, (0, 0)))
    with open(path, "wb") as f:
        f.write(cpio(entries))


def prepare(openbench):
    """Everything made under build/linux; returns QEMU's arguments to boot it."""
    folder = os.path.join(TOP, "build", "linux")
    vmlinuz, modules = fetch_kernel(folder)
    init = os.path.join(folder, "init")
    initramfs = os.path.join(folder, "initramfs.cpio")
    run("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", init,
        os.path.join(TOP, "tools", "linux-init.c"))
    make_initramfs(initramfs, modules, init, openbench)
    return ["-kernel", vmlinuz, "-initrd", initramfs, "-append", CMDLINE]
