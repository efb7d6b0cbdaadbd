"""A folder tree shaped like /usr, the same for the same number of files.

Calibrated on a real one of 137,821 files: how many files lie at which depth, how many folders and
symbolic links come with them, the length of paths (median 68, longest 195). Plan.build() only names
things; Plan.write() puts them on the disk.
"""
import os
import random

# Of 137,821 files: how many paths have 3, 4, 5, ... components (/usr/bin/env has 3).
REAL_FILES = 137821
REAL_DEPTHS = [1175, 4046, 31282, 17161, 16218, 19009, 25678, 14087, 4442, 2615, 1564, 409, 90]
REAL_FOLDERS = 17490
REAL_SYMLINKS = 6160
LONGEST_PATH = 195
FIRST_DEPTH = 3

# Those with most folders first. Files of depth 3 are nearly all commands: the chances are per folder.
TOP_FOLDERS = ["share", "lib", "include", "src", "libexec", "local", "games", "sbin", "bin"]
TOP_CHANCES = [3, 3, 4, 2, 1, 1, 1, 25, 60]

ONSETS = "b c d f g h j k l m n p r s t v w x z br ch cl cr dr fl gl gr pl pr sh sl st th tr".split()
VOWELS = "a e i o u ai ea ee io ou".split()
CODAS = ["", "", "", "n", "r", "s", "t", "l", "m", "x", "nd", "rt", "st", "ck"]
SUFFIXES = [".h", ".py", ".so", ".html", ".png", ".svg", ".gz", ".js", ".c", ".mo", ".txt", ".xml", "",
            ".conf", ".json", ".pyc", ".hpp", ".rst", ".a", ".pm"]


def spread(total, weights):
    """Whole numbers in proportion to weights that sum to total (largest remainder)."""
    whole = sum(weights)
    exact = [total * w / whole for w in weights]
    counts = [int(e) for e in exact]
    by_rest = sorted(range(len(weights)), key=lambda i: (counts[i] - exact[i], i))
    for i in by_rest[:total - sum(counts)]:
        counts[i] += 1
    return counts


class Plan:
    """folders: paths, parents first. files, symlinks: sorted within a folder, folders in order."""

    def __init__(self, files, seed=2):
        self.random = random.Random(seed)
        self.names = {}
        self.folders = ["/usr"]
        self.files = []
        self.symlinks = []
        self.build(files)

    def pick(self, items, skew):
        """One of items; a skew above 1 prefers the first ones, as a few big folders do."""
        return items[int(len(items) * self.random.random() ** skew)]

    def word(self, syllables):
        r = self.random
        return "".join(self.pick(ONSETS, 1) + self.pick(VOWELS, 1) + self.pick(CODAS, 1)
                       for _ in range(1 + int(syllables * r.random())))

    def folder_name(self):
        r = self.random.random()
        if r < 0.25:
            return self.word(2) + "-" + self.word(3)
        if r < 0.35:
            return f"{self.word(2)}{int(r * 1000) % 10}.{int(r * 10000) % 10}"
        return self.word(2)

    def file_name(self):
        name = self.word(3)
        r = self.random.random()
        if r < 0.5:
            name += "-_."[int(r * 100) % 3] + self.word(3)
        if r < 0.2:
            name += "-" + self.word(3)
        return name + self.pick(SUFFIXES, 1.5)

    def add(self, parent, make_name):
        """A fresh name in parent, its path not longer than the longest real one."""
        taken = self.names.setdefault(parent, set())
        name = make_name()
        room = LONGEST_PATH - len(parent) - 1
        while name in taken or len(name) > room:
            name = name[:max(1, room - 6)] + str(int(self.random.random() * 100000))
        taken.add(name)
        return f"{parent}/{name}"

    def build(self, files):
        per_depth = spread(files, REAL_DEPTHS)
        nr_folders = max(30, round(files * REAL_FOLDERS / REAL_FILES))
        nr_symlinks = max(10, round(files * REAL_SYMLINKS / REAL_FILES))
        level = [f"/usr/{name}" for name in TOP_FOLDERS]
        self.folders += level
        by_parent = {}
        # A folder at depth d holds the files of depth d + 1; folders follow the files they hold.
        nr_at = [len(level)] + spread(nr_folders, per_depth[1:])
        for step, count in enumerate(per_depth):
            if step > 0:
                # At least one, so that the next depth has somewhere to be.
                wanted = max(1, nr_at[step]) if sum(per_depth[step:]) else 0
                parents = level if step > 1 else level[:6]
                level = [self.add(self.pick(parents, 2 if step > 1 else 3.5), self.folder_name) for _ in range(wanted)]
                self.folders += level
            for _ in range(count):
                if step == 0:
                    parent = level[self.weighted(TOP_CHANCES)]
                else:
                    parent = self.pick(level, 2.5)
                by_parent.setdefault(parent, []).append(self.add(parent, self.file_name))
        self.lengthen(by_parent)
        for folder in self.find_order():
            self.files += sorted(by_parent.get(folder, []))
        self.link(nr_symlinks)

    def weighted(self, weights):
        at = self.random.random() * sum(weights)
        for i, w in enumerate(weights):
            at -= w
            if at < 0:
                return i
        return 0

    def lengthen(self, by_parent):
        """Give one file of the longest parent the longest path of the real tree."""
        parent = max(by_parent, key=lambda p: (len(p), p))
        name = "x" * min(255, LONGEST_PATH - len(parent) - 1)
        by_parent[parent][0] = f"{parent}/{name}"

    def find_order(self):
        """Folders as find(1) visits them: each followed by everything below it."""
        below = {}
        for folder in self.folders[1:]:
            below.setdefault(folder.rsplit("/", 1)[0], []).append(folder)
        stack, order = ["/usr"], []
        while stack:
            folder = stack.pop()
            order.append(folder)
            stack += sorted(below.get(folder, []), reverse=True)
        return order

    def link(self, count):
        """Symbolic links: to a sibling, to a file elsewhere by `..`, to an absolute path."""
        for i in range(count):
            target = self.pick(self.files, 1)
            if i % 3 == 0:
                parent = target.rsplit("/", 1)[0]
                where = target.rsplit("/", 1)[1]
            else:
                parent = self.pick(self.folders, 1)
                where = target if i % 3 == 2 else os.path.relpath(target, parent)
            self.symlinks.append((self.add(parent, self.file_name), where))

    def write(self, top, content, progress):
        """Make it all below the folder top. content(i, path) gives a file's bytes."""
        for folder in self.folders:
            os.mkdir(top + folder)
        for i, path in enumerate(self.files):
            with open(top + path, "wb") as f:
                f.write(content(i, path))
            if i % 4096 == 0:
                progress(i, len(self.files))
        for path, where in self.symlinks:
            os.symlink(where, top + path)
