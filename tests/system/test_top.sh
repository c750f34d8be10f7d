#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `ergon top` on a real pseudo-terminal: sizes, resizing, terminals without colour, no sensors; and
# without a terminal.
. tests/system/lib.sh
needs python3
start_machine "$scratch/sys"

# Without a terminal: one screen, several, a document; no library is needed for these.
"$ERGON" top --sysfs "$scratch/sys" --once >"$scratch/once"
grep -q '^ergon top .* W measured' "$scratch/once" || fail "--once: no first line"
# 70 W; a busy machine reads the counters and the clock some time apart.
grep -qE '^package-1 *(6[5-9]|7[0-5])\.[0-9] W' "$scratch/once" || {
	cat "$scratch/once"
	fail "--once: no power of package-1"
}
grep -q ' PID .*POWER' "$scratch/once" || fail "--once: no processes"
[ "$(awk '{ if (length($0) > 80) n++ } END { print n + 0 }' "$scratch/once")" = 0 ] || fail "wider than 80 columns"
"$ERGON" top --sysfs "$scratch/sys" --batch --frames 2 --interval 300ms >"$scratch/batch"
[ "$(grep -c '^ergon top' "$scratch/batch")" = 2 ] || fail "--frames 2 prints not two"
"$ERGON" top --sysfs "$scratch/sys" --once --interval 500ms --json "$scratch/top.json" >/dev/null
python3 - "$scratch/top.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["kind"] == "ergon.top" and abs(d["total"]["average_power_w"] / 134 - 1) < 0.1, d
a = d["attribution"]
assert sum(r["energy_uj"] for r in a["processes"] + a["rest"]) == a["total_uj"]
PY
"$ERGON" top </dev/null >/dev/null 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 2 ] && grep -q -- --once "$scratch/err" || fail "no terminal: status $status"
"$ERGON" top --sysfs "$scratch/none" --once | grep -q 'modelled' || fail "without sensors no model"

python3 - "$ERGON" "$scratch" <<'PY'
import fcntl, os, pty, re, select, signal, struct, sys, termios, time
ergon, scratch = sys.argv[1:]

class Top:
    def __init__(self, term, rows, columns, *options, sysfs="sys", env=None):
        self.out = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": term, "LC_ALL": "C.UTF-8", **(env or {})})
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execv(ergon, [ergon, "top", "--sysfs", f"{scratch}/{sysfs}", "--interval", "200ms", *options])
    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)
    def read(self, seconds):
        end = time.time() + seconds
        while time.time() < end:
            ready, _, _ = select.select([self.fd], [], [], 0.05)
            if ready:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    return
                if not data:
                    return
                self.out += data
    def until(self, text, seconds=15):
        end = time.time() + seconds
        while text not in self.text():
            assert time.time() < end, (text, self.text()[-2000:])
            self.read(0.1)
    def text(self):
        plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][0-9A-B]|\x1b[=>78]|[\x0e\x0f]", b" ", self.out)
        return plain.decode("utf-8", "replace")
    def key(self, key):
        os.write(self.fd, key)
    def end(self):
        self.read(0.5)
        for _ in range(100):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            self.read(0.1)
            time.sleep(0.1)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError("it does not end")

def quits(top, name):
    top.key(b"q")
    status = top.end()
    assert status == 0, (name, status, top.text()[-500:])
    print(f"{name}: ok")

top = Top("xterm-256color", 24, 80)
top.until("package-1")
top.until("PROCESS")
assert "\x1b[?1049h" in top.out.decode("utf-8", "replace"), "no full screen"
top.key(b"g")
top.until("CGROUP")
top.key(b" ")
top.until("[paused]")
top.out = b""
for rows, columns in (30, 100), (5, 20), (1, 1), (2, 300), (24, 80):
    top.resize(rows, columns)
    top.read(0.3)
top.key(b" ")
top.out = b""
top.resize(40, 120)
top.until("DOMAIN")
quits(top, "80 x 24, keys, resizing")
assert "\x1b[?1049l" in top.out.decode("utf-8", "replace"), "the terminal is not put back"

for term in "vt100", "linux", "screen":
    top = Top(term, 24, 80)
    top.until("package-1")
    if term == "vt100":
        assert not re.search(rb"\x1b\[3[0-9]m", top.out), "colour on a terminal without"
    quits(top, term)
top = Top("xterm", 24, 80, env={"NO_COLOR": "1"})
top.until("package-1")
assert not re.search(rb"\x1b\[[0-9;]*3[0-9]m", top.out), "colour in spite of NO_COLOR"
quits(top, "NO_COLOR")
for rows, columns in (1, 1), (3, 10), (200, 400):
    top = Top("xterm", rows, columns)
    top.read(0.8)
    quits(top, f"{columns} x {rows}")
top = Top("xterm", 24, 80, sysfs="none")
top.until("modelled")
quits(top, "no sensors")
top = Top("no-such-terminal", 24, 80)
status = top.end()
assert status == 1 and "--once" in top.text(), (status, top.text())
print("unknown terminal: ok")
PY
echo ok
