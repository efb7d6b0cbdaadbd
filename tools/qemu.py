"""How QEMU is started: the same for tools/run and both guests of tools/bench."""
import json
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
URL = re.compile(r"^[a-z][a-z0-9+.-]*:")


def kvm_works():
    """KVM only where the CPU itself virtualises: a bare /dev/kvm may be a much slower emulation."""
    try:
        with open("/proc/cpuinfo") as f:
            if not re.search(r"^flags\s*:.*\b(svm|vmx)\b", f.read(), re.M):
                return False
        os.close(os.open("/dev/kvm", os.O_RDWR))
        return True
    except OSError:
        return False


def image_format(path):
    """Ask qemu-img; a file it cannot name is raw."""
    try:
        out = subprocess.run(["qemu-img", "info", "-U", "--output=json", path],
                             capture_output=True, text=True, check=True).stdout
        return json.loads(out)["format"]
    except (OSError, subprocess.CalledProcessError, KeyError, ValueError):
        return "raw"


def disk(where, queues, snapshot=False, read_only=False):
    """Arguments for the virtio-blk disk `where`, a file or a block URL; None when there is no such file."""
    if os.path.exists(where):
        drive = "file=" + os.path.abspath(where).replace(",", ",,")
        drive += ",format=" + image_format(where)
    elif URL.match(where):
        drive = "file=" + where.replace(",", ",,")
        # A json: description names its own driver. What lies behind the other URLs is taken as raw
        # bytes: guessing a format would let a guest choose it by writing a header.
        if not where.startswith("json:"):
            drive += ",format=raw"
    else:
        return None
    drive += ",if=none,id=disk0,discard=unmap,detect-zeroes=off"
    drive += ",snapshot=on" if snapshot else ""
    drive += ",readonly=on" if read_only else ""
    return ["-drive", drive, "-device",
            f"virtio-blk-pci,drive=disk0,disable-legacy=on,num-queues={queues}"]


def command(smp, mem, cpu="max", icount=False):
    """The machine: q35, serial line on standard input and output, an exit port for the guest."""
    if icount:
        accel = ["-accel", "tcg", "-icount", "shift=0,sleep=off"]
    elif kvm_works():
        accel = ["-accel", "kvm"]
    else:
        accel = ["-accel", "tcg,thread=multi"]
    return [
        "qemu-system-x86_64", "-machine", "q35", *accel, "-cpu", cpu, "-smp", str(smp), "-m", mem,
        "-nodefaults", "-no-user-config", "-display", "none",
        "-chardev", "stdio,id=console,mux=on,signal=off",
        "-serial", "chardev:console", "-mon", "chardev=console,mode=readline",
        "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
    ]
