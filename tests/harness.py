"""What tests/run and the console tests share: results, machines that run once, machines one talks to."""
import os
import re
import subprocess
import sys
import threading
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(TOP, "build", "test")
COUNTS = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?")
# Nothing of this is ever right on the console, whatever the test looks at.
NEVER = re.compile(r"^.*(PANIC|\bleak: |rcu: grace period \d+ waits for).*$", re.M)
HUNG = 240  # seconds without the expected event that mean "hung", never "slow"


class Results:
    """Counts of all layers, and a line for each test. Shared by the threads of tests/run."""

    def __init__(self, verbose):
        self.lock = threading.Lock()
        self.verbose = verbose
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, verdict, name, note="", detail="", count=1):
        """One test, or count checks that a program summed up itself. detail: shown for a failure."""
        with self.lock:
            if verdict == "ok":
                self.passed += count
            elif verdict == "skip":
                self.skipped += count
            else:
                self.failed += count
                self.failures.append(name)
            print(f"{verdict:4} {name}{' (' + note + ')' if note else ''}")
            if detail and (verdict == "FAIL" or self.verbose):
                print("".join(f"     | {line[:160]}\n" for line in detail.rstrip().splitlines() if line), end="")
            sys.stdout.flush()

    def counts(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def tail(text, lines=25):
    return "\n".join(text.rstrip().splitlines()[-lines:])


def log_path(name):
    path = os.path.join(WORK, "logs", re.sub(r"[^\w.-]+", "-", name) + ".log")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def run(command, name, timeout=2 * HUNG, **options):
    """Run to the end; (status, output). The output is kept under build/test/logs, too."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, cwd=TOP, **options) as p:
        try:
            out, _ = p.communicate(timeout=timeout)
            status = p.returncode
        except subprocess.TimeoutExpired:
            p.kill()
            out, _ = p.communicate()
            out += f"\ntests/run: hung, killed after {timeout} s\n".encode()
            status = 124
    text = out.decode(errors="replace").replace("\r", "")
    with open(log_path(name), "w") as f:
        f.write(text)
    return status, text


def make(*arguments):
    """make in the root folder, as if nobody had called make before; (status, output)."""
    env = {k: v for k, v in os.environ.items() if not re.match(r"MAKE|MFLAGS", k)}
    return run(["make", "--no-print-directory", "DEBUG=1", *arguments], "make " + " ".join(arguments), env=env)


def machine(*arguments):
    """tools/run for the debug kernel; what it writes to a disk is thrown away."""
    return [os.path.join(TOP, "tools", "run"), "--debug", "--snapshot", *arguments]


def boot_and_run(name, *arguments):
    """Boot, run what --cmd or --ktest say, end; (status of tools/run, output)."""
    return run(machine("--timeout", str(HUNG), *arguments), name, timeout=HUNG + 60)


def add_lines(results, prefix, status, text, may_skip=lambda name: True,
              counts_needed=True):
    """
    Take over `ok NAME`, `FAIL NAME`, `skip NAME` lines and check them against the counts of the last
    lines. A program that prints only counts is one line with that many checks.
    """
    lines = re.findall(r"^(ok|FAIL|skip) ([\w./-]+)(.*)$", text, re.M)
    found = None
    for found in COUNTS.finditer(text):
        pass
    failed_before = results.failed
    for verdict, name, rest in lines:
        note = rest.strip(" :()")
        if verdict == "skip" and not may_skip(name):
            results.add("FAIL", f"{prefix}{name}", "must not be skipped here: " + note)
        elif verdict == "FAIL":
            at = text.index(f"FAIL {name}")
            results.add("FAIL", f"{prefix}{name}", note, tail(text[:at], 8))
        else:
            results.add(verdict, f"{prefix}{name}", note if verdict == "skip" else "")
    whole = prefix.rstrip("/")
    if not found and (counts_needed or not lines):
        results.add("FAIL", whole, f"no line with counts; status {status}", tail(text))
        return
    passed, failed, _ = (int(n or 0) for n in found.groups()) if found else (0, 0, 0)
    if not lines:
        if passed:
            results.add("ok", whole, f"{passed} checks", count=passed)
        if failed:
            results.add("FAIL", whole, f"{failed} checks", tail(text), count=failed)
    elif failed and results.failed == failed_before:
        results.add("FAIL", whole, f"{failed} failed without a line of their own", tail(text))
    if status and results.failed == failed_before:
        results.add("FAIL", whole, f"exit status {status}", tail(text))
    bad = NEVER.search(text)
    if bad:
        results.add("FAIL", whole, "on the console: " + bad.group(0), tail(text[:bad.end() + 2000], 40))


# ---- the serial console ---------------------------------------------------------------------------


class Wrong(Exception):
    """What a console test saw is not what it expects."""


class Dead(Exception):
    """The machine does not answer any more."""


PROMPT = r"unlazy:[^\r\n]*[#$] "
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\x07")


class Console:
    """A booted machine and the person at its serial line."""

    def __init__(self, name, arguments, kernel_arguments=""):
        import pexpect
        self.pexpect = pexpect
        self.name = name
        self.path = log_path(name)
        self.log = open(self.path, "w", buffering=1)
        command = machine("--append", kernel_arguments, *arguments)
        self.p = pexpect.spawn(command[0], command[1:], cwd=TOP, timeout=HUNG, encoding="utf-8",
                               codec_errors="replace", dimensions=(24, 80), logfile=self.log,
                               maxread=65536, echo=False)
        self.p.logfile_read, self.p.logfile = self.log, None
        self.p.delaybeforesend = None

    def text(self):
        self.log.flush()
        with open(self.path, errors="replace") as f:
            return f.read().replace("\r", "")

    def expect(self, pattern, timeout=None):
        """Wait for a regular expression; what came before it. Dead when the machine ends or hangs."""
        try:
            self.p.expect(pattern, timeout=timeout or HUNG)
        except self.pexpect.EOF:
            raise Dead(f"the machine ended while waiting for {pattern!r}") from None
        except self.pexpect.TIMEOUT:
            self.where_cpus_are()
            raise Dead(f"hung: waited {timeout or HUNG} s for {pattern!r}") from None
        return self.p.before

    def where_cpus_are(self):
        """tools/run tells on SIGUSR1; the answer lands in the log."""
        import signal
        self.p.kill(signal.SIGUSR1)
        try:
            self.p.expect("tools/run: that is where they are", timeout=20)
        except (self.pexpect.TIMEOUT, self.pexpect.EOF):
            pass

    def prompt(self):
        return self.expect(PROMPT)

    def type(self, keys):
        self.p.send(keys)

    def drawn(self):
        """What the line editor writes for the keys typed last: up to the bell that answers a key it does not take."""
        self.type("\x07")
        return self.expect("\x07")

    def interrupt(self, pattern):
        """
        Control-C until pattern comes: nothing tells when the program has started, and a key before that
        is lost, or comes to the shell.
        """
        for _ in range(HUNG // 2):
            self.type("\x03")
            if self.p.expect([pattern, self.pexpect.TIMEOUT], timeout=2) == 0:
                return
        self.where_cpus_are()
        raise Dead(f"control-C did not bring {pattern!r}")

    def run(self, command, status=0):
        """
        Type a command, and return what it printed, without carriage returns. Its exit status has to be
        status (None: any).
        """
        # The marks are typed in two pieces, so that their echo does not look like them.
        self.type(f'echo "<""<"; {command}; echo "[""$?"]\r')
        self.expect(r"\n<<\r*\n")
        out = ESCAPES.sub("", self.expect(r"\[(\d+)\]\r*\n")).replace("\r", "")
        got = int(self.p.match.group(1))
        self.prompt()
        if status is not None and got != status:
            raise Wrong(f"`{command}` has exit status {got}, expected {status}; it printed:\n{out}")
        return out

    def see(self, command, *patterns, status=0):
        """run(), and every pattern has to be found in a line of what it printed."""
        out = self.run(command, status)
        for pattern in patterns:
            if not re.search(pattern, out, re.M):
                raise Wrong(f"`{command}` does not print {pattern!r}, but:\n{out}")
        return out

    def objects(self):
        """Slab objects in use, by cache."""
        rows = re.findall(r"^(\S.*?) +\d+ +(\d+) +\d+$", self.run("cat /proc/slabinfo"), re.M)
        check(len(rows) > 10, str(rows))
        return {name: int(used) for name, used in rows}

    def free_memory(self):
        """In KiB."""
        return int(self.run("free").splitlines()[1].split()[2])

    def end(self):
        """poweroff; the status of tools/run."""
        self.type("poweroff\r")
        try:
            self.p.expect(self.pexpect.EOF, timeout=HUNG)
        except self.pexpect.TIMEOUT:
            self.where_cpus_are()
            raise Dead("poweroff does not end the machine") from None
        self.p.close()
        return self.p.exitstatus

    def close(self):
        self.p.close(force=True)
        self.log.close()


def equal(got, expected):
    if got != expected:
        raise Wrong(f"got\n{got!r}\nexpected\n{expected!r}")


def check(condition, why):
    if not condition:
        raise Wrong(why)


class Group:
    """Console tests that share one boot. arguments are tools/run's; prepare() may make a disk for them."""

    def __init__(self, name, *arguments, append="", prepare=None):
        self.name, self.arguments, self.append, self.prepare = name, arguments, append, prepare
        self.tests = []

    def test(self, function):
        self.tests.append(function)
        return function

    def boot(self):
        arguments = self.arguments + tuple(self.prepare() if self.prepare else ())
        console = Console(f"{self.name}", arguments, self.append)
        try:
            console.booted = console.prompt()
        except Dead:
            console.close()
            raise
        return console

    def named(self, name):
        """The tests whose full name ends so; all for an empty one."""
        return [f for f in self.tests if f"/{self.name}/{f.__name__}".endswith("/" + name) or not name]

    def run(self, results, only=""):
        """All tests, or those named so, on one machine; a test that loses it costs only itself."""
        console, lost = None, 0
        for function in self.named(only):
            name = f"{self.name}/{function.__name__}"
            if lost > 2:
                results.add("FAIL", name, "not run: the machine was lost three times")
                continue
            try:
                console = console or self.boot()
                function(console)
                results.add("ok", name)
            except Wrong as e:
                results.add("FAIL", name, detail=str(e))
            except Dead as e:
                results.add("FAIL", name, detail=f"{e}\n{tail(self.last_log(), 30)}")
                lost += 1
                if console:
                    console.close()
                console = None
            except Exception:
                results.add("FAIL", name, detail=traceback.format_exc())
        if console:
            self.finish(console, results)

    def last_log(self):
        with open(log_path(self.name), errors="replace") as f:
            return f.read().replace("\r", "")

    def finish(self, console, results):
        """After all that was done to it the machine still powers off, and never said it was broken."""
        name = f"{self.name}/powers_off"
        try:
            status = console.end()
            bad = NEVER.search(console.text())
            check(status == 0, f"tools/run ended with {status}:\n{tail(console.text())}")
            check(not bad, f"on the console: {bad and bad.group(0)}")
            results.add("ok", name)
        except (Wrong, Dead) as e:
            results.add("FAIL", name, detail=str(e))
        finally:
            console.close()
