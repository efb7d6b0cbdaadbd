"""An ext4 image that both systems mount read-only: on Linux through a loop device."""
import os
import shutil
import subprocess
import tempfile

DATE = 1_000_000_000  # of everything in it


class Nothing:
    """No image: sequences begin with an empty tmpfs."""

    path = device = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def fill(top):
    """What the sequences' few names can meet: all kinds of files, links of all lengths, loops, big and sparse files."""
    def path(name):
        return os.path.join(top, name)

    def write(name, mode, *pieces):
        with open(path(name), "wb") as f:
            for at, data in pieces:
                f.seek(at)
                f.write(data)
        os.chmod(path(name), mode)

    for name, mode in (("a", 0o755), ("a/b", 0o1777), ("a/b/c", 0o700), ("a/c", 0o2755), ("d", 0o711), ("a/e", 0)):
        os.mkdir(path(name))
        os.chmod(path(name), mode)
    write("b", 0o644, (0, b"hello\n"))
    write("a/a", 0o4711, (0, bytes(range(256)) * 50))
    write("a/b/a", 0o600, (0, b"x" * 4096))
    write("d/a", 0o644, (100_000, b"after a hole"))
    write("d/b", 0o444)
    write("d/" + "n" * 255, 0o640, (0, b"a long name"))
    os.link(path("b"), path("a/d"))
    for name, text in (("c", "a"), ("e", "d/a"), ("f", "f"), ("a/f", "/a/b"), ("d/c", "../a/c"), ("d/d", "nothing"),
                       ("d/e", "./" * 29 + "a"), ("d/f", "../" * 40 + "./" * 40 + "b"), ("a/b/d", "/"), ("a/b/e", "../../e/")):
        os.symlink(text, path(name))
    os.mkfifo(path("a/b/f"))
    for i in range(200):  # more than one block of names
        write(f"a/c/entry number {i}", 0o644)
    if os.geteuid() == 0:
        os.chown(path("a/b/a"), 1000, 1000)
        os.chown(path("d/" + "n" * 255), 0, 1001)
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            os.utime(os.path.join(folder, name), (DATE, DATE + 1), follow_symlinks=False)


class Mountable:
    """The image, and where Linux has it. OSError, CalledProcessError: it cannot have it."""

    def __init__(self, work):
        self.folder = tempfile.mkdtemp(prefix="ext4-", dir=work)  # others may run, too
        self.path = os.path.join(self.folder, "image")
        tree = os.path.join(self.folder, "tree")
        try:
            os.mkdir(tree)
            fill(tree)
            self.make(tree)
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def make(self, tree):
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, self.path, "16M"], check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        self.device = subprocess.run(["losetup", "-r", "-f", "--show", self.path], check=True, text=True,
                                     capture_output=True).stdout.strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["losetup", "-d", self.device], check=False)
        shutil.rmtree(self.folder)
