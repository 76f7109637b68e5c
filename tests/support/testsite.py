"""Whole CIRTs for the flow tests written in Python: a sandbox, its processes, clients that keep a list of what was acknowledged.

A Site is a sandbox in a scratch folder, gone at the end. Standard library only.
"""
import atexit
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

SOURCE = os.environ.get("SOURCE") or os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.realpath(os.environ.get("BUILD") or os.path.join(SOURCE, "build", "release"))
SANDBOX = os.path.join(SOURCE, "packaging", "sandbox")
CA = os.path.join(SOURCE, "certs", "ca")
IS_ROOT = os.geteuid() == 0
END = "-- the end of an answer --"
PATIENCE = 90  # seconds that anything may take on a machine that is busy with something else

for name in ("CIRT_CONFIG", "CIRT_URL", "CIRT_DESK_URL", "CIRT_RID_URL", "CIRT_CA", "CIRT_LMTP", "CIRT_RUN", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER"):
    os.environ.pop(name, None)
os.environ["CIRT_BUILD"] = BUILD
os.environ["NO_COLOR"] = "1"


class Failed(Exception):
    pass


def fail(text):
    raise Failed(text)


def equal(what, wanted, got):
    if wanted != got:
        fail(f"{what}: wanted {wanted!r}, got {got!r}")


def check(what, condition):
    if not condition:
        fail(what)


def skip(why):
    print(f"skipped: {why}")
    sys.exit(1 if os.environ.get("CIRT_TEST_REQUIRE") else 77)


def until(what, condition, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            fail(f"not in {seconds} s: {what}")
        time.sleep(0.05)


def run(*command, ok=True, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace", **options)
    if ok and done.returncode != 0:
        fail(f"exit {done.returncode} of {' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done


def as_user(user, *command):
    """The command, run as another OS user where we are root; from /, which nobody is kept out of."""
    return ["runuser", "-u", user, "--", *command] if IS_ROOT else list(command)


class Site:
    def __init__(self, scratch, name="home", start=True, new=()):
        self.dir = os.path.join(scratch, name)
        run(os.path.join(SOURCE, "tests", "support", "new-sandbox"), self.dir, *new)
        shown = run("bash", "-c", '. "$1/env" && . "$1/sandbox" && env -0 && printf "run=%s\\0openpgp=%s\\0" "$run" "$openpgp"', "-", self.dir).stdout
        self.env = dict(item.split("=", 1) for item in shown.split("\0") if "=" in item)
        self.run_dir = self.env["CIRT_RUN"]
        self.config = os.path.join(self.dir, "cirtd.conf")
        self.psql, self.psql_said, self.asking = None, "", threading.Lock()
        self.ports = {"feeds": self._port("CIRT_URL"), "desk": self._port("CIRT_DESK_URL"), "rid": self._port("CIRT_RID_URL")}
        if start:
            self.start()

    def _port(self, key):
        return int(self.env[key].rsplit(":", 1)[1].rstrip("/"))

    def start(self):
        run(SANDBOX, "start", self.dir)

    def stop(self):
        run(SANDBOX, "stop", self.dir)

    # --- processes ---

    def supervisor(self):
        with open(os.path.join(self.dir, "cirtd.pid")) as file:
            return int(file.read())

    def roles(self):
        """{"intake/1": pid, "gate-feeds/1": pid, ...}: what the supervisor runs now."""
        found = {}
        for pid in children_of(self.supervisor()):
            words = command_line(pid)
            if len(words) > 3 and words[2] == "--instance":
                found[f"{words[1]}/{words[3]}"] = pid
        return found

    def settled(self, count):
        """Waits until that many roles run and both listeners say that they are well."""
        until(f"{count} roles run", lambda: len(self.roles()) == count)
        until("the feeds' listener answers", lambda: self.health("feeds"))
        until("the analysts' listener answers", lambda: self.health("desk"))

    def health(self, listener):
        try:
            with Client(self, None, listener) as client:
                return client.get("/healthz")[0] == 200
        except OSError:
            return False

    def hangup(self):
        os.kill(self.supervisor(), signal.SIGHUP)

    def log(self):
        with open(os.path.join(self.dir, "log", "cirtd.log"), errors="replace") as file:
            return file.read()

    def database_log(self):
        with open(os.path.join(self.dir, "log", "postgresql", "log"), errors="replace") as file:
            return file.read()

    # --- database ---

    def pg_ctl(self, *words):
        if self.psql:
            self.psql.kill()
        newest = os.path.join("/usr/lib/postgresql", max(os.listdir("/usr/lib/postgresql"), key=float), "bin")
        log = os.path.join(self.dir, "log", "postgresql", "log")
        run(*as_user("cirt-postgres", os.path.join(newest, "pg_ctl"), *words, "-s", "-w", "-t", "60", "-D", os.path.join(self.dir, "db"), "-l", log), cwd="/")

    def sql(self, statement):
        """Rows as lists of text, as the read-only login. One psql answers all: to start one costs many times what most tests ask."""
        with self.asking:
            answer = self._ask(statement)
            if answer is None:  # the database was away in between, or the statement is wrong: then it says so again
                answer = self._ask(statement)
            if answer is None:
                fail(f"{statement}: {self.psql_said}")
        return [line.split("\t") for line in answer.splitlines()]

    def _ask(self, statement):
        """What psql answers; None where it ended instead."""
        if not self.psql:
            self.psql = subprocess.Popen(["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, errors="replace", env={**self.env, "PGOPTIONS": "-c client_min_messages=error"})
        lines = []
        try:
            self.psql.stdin.write(statement + ";\n\\echo " + END + "\n")
            self.psql.stdin.flush()
        except OSError:
            pass
        for line in self.psql.stdout:
            if line == END + "\n":
                return "".join(lines)
            lines.append(line)
        self.psql.wait()
        self.psql, self.psql_said = None, "".join(lines)
        return None

    def super_sql(self, statement):
        """As the database's superuser, the way an operator with too free a hand would; needs root."""
        run(*as_user("cirt-postgres", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", os.path.join(self.run_dir, "pg"), "-U", "postgres", "-d", "cirt",
                     "-c", statement), cwd="/")

    # --- cirt ---

    def cirt(self, profile, *words, ok=True):
        return run(os.path.join(BUILD, "cirt"), "--profile", profile, *words, ok=ok, env=self.env)

    def cirt_json(self, profile, *words):
        return json.loads(self.cirt(profile, "--json", *words).stdout)

    # --- what clients need ---

    def identity(self, name):
        return os.path.join(self.dir, "ids", name + ".crt"), os.path.join(self.dir, "ids", name + ".key")

    def context(self, identity):
        """A TLS client; identity is a sandbox's identity, a pair of files, or None."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(os.path.join(self.dir, "ids", "ca.crt"))
        context.check_hostname = False
        if identity:
            context.load_cert_chain(*(self.identity(identity) if isinstance(identity, str) else identity))
        return context


class Client:
    """One kept-alive connection to a gate."""

    def __init__(self, site, identity, listener="feeds", timeout=PATIENCE, context=None):
        self.connection = http.client.HTTPSConnection("127.0.0.1", site.ports[listener], timeout=timeout, context=context or site.context(identity))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.connection.close()

    def request(self, method, path, body=None, content_type=None, headers=None):
        headers = dict(headers or {})
        if content_type:
            headers["Content-Type"] = content_type
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body, content_type="application/json", headers=None):
        return self.request("POST", path, body, content_type, headers)


def problem(answer):
    """The problem+json of (status, headers, body)."""
    return json.loads(answer[2])


def children_of(parent):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(entry))
        except (OSError, IndexError):
            continue
    return found


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


# --- load, and the list of what was acknowledged ---

BROKEN = (OSError, http.client.HTTPException, ssl.SSLError)


def digest(bytes_):
    return hashlib.sha256(bytes_).hexdigest()


class Load:
    """Threads that send reports until told to stop, each repeating a body until it is acknowledged, as honest feeds do.

    `acknowledged` is {(sender, sha256): times}; `unsettled` what never got an answer. Anything but an acknowledgement, a 503, a 429 or a
    closed connection is a fault and kept in `faults`.
    """

    def __init__(self, site):
        self.site = site
        self.ending = threading.Event()
        self.pause = threading.Event()
        self.threads, self.parts = [], []
        self.outstanding = {}  # of each thread: reports sent and not acknowledged yet
        self.faults, self.unsettled = [], []
        self.retries = 0
        self.started = time.monotonic()

    def start(self, work, count, *arguments):
        for number in range(count):
            part = {}
            self.parts.append(part)
            thread = threading.Thread(target=self._run, args=(work, f"{work.__name__}-{len(self.threads)}", part, *arguments), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _run(self, work, name, part, *arguments):
        self.outstanding[name] = 0
        try:
            work(self, name, part, *arguments)
        except Exception as problem_:  # told by finish()
            self.faults.append(f"{name}: {problem_!r}")

    def waiting(self):
        return sum(list(self.outstanding.values()))

    def count(self):
        return sum(len(part) for part in self.parts)

    def progresses(self, more=200):
        """Waits for that many further acknowledgements."""
        wanted = self.count() + more
        until(f"{more} more acknowledgements", lambda: self.count() >= wanted or self.faults)
        check(f"faults under load: {self.faults[:3]}", not self.faults)

    def finish(self):
        """Ends the load; returns {(sender, sha256)} of what was acknowledged."""
        self.ending.set()
        for thread in self.threads:
            thread.join(PATIENCE)
            check(f"{thread.name} does not end", not thread.is_alive())
        check(f"faults under load: {self.faults[:5]}", not self.faults)
        self.seconds = time.monotonic() - self.started
        acknowledged = set()
        for part in self.parts:
            acknowledged.update(part)
        return acknowledged

    def give_up(self, since):
        return self.ending.is_set() and time.monotonic() - since > PATIENCE / 2

    # One report a request over one kept-alive connection.
    def single(self, name, part, identity):
        context, client, number = self.site.context(identity), None, 0
        while not self.ending.is_set():
            number += 1
            body = report(f"{name} {number}", number)
            self.outstanding[name] = 1
            since = time.monotonic()
            while True:
                status = 0
                try:
                    client = client or Client(self.site, None, context=context)
                    status, _, answer = client.post("/v1/reports", body)
                except BROKEN:
                    if client:
                        client.close()
                    client = None
                if status in (200, 201):
                    key = (identity, digest(body))
                    part[key] = part.get(key, 0) + 1
                    break
                if status not in (0, 429, 503):
                    self.faults.append(f"{name}: {status} {answer[:300]!r}")
                    return
                self.retries += 1
                if self.give_up(since):
                    self.unsettled.append((identity, digest(body)))
                    break
                time.sleep(0.05)
            self.outstanding[name] = 0
        if client:
            client.close()

    # NDJSON: each line is a report of its own and acknowledged by itself.
    def lines(self, name, part, identity, size=100, make=None):
        context, client, number = self.site.context(identity), None, 0
        while not self.ending.is_set():
            number += 1
            rows = make(number) if make else [report(f"{name} {number} {i}", i) for i in range(size)]
            since = time.monotonic()
            self.outstanding[name] = len(rows)
            while True:
                status = 0
                try:
                    client = client or Client(self.site, None, context=context)
                    status, _, answer = client.post("/v1/reports", b"\n".join(rows) + b"\n", "application/x-ndjson")
                except BROKEN:
                    if client:
                        client.close()
                    client = None
                if status == 200:
                    results = [json.loads(line) for line in answer.splitlines()]
                    if [r["line"] for r in results] != list(range(1, len(rows) + 1)) or any(r["status"] not in (200, 201) for r in results):
                        self.faults.append(f"{name}: {answer[:300]!r}")
                        return
                    for row in rows:
                        key = (identity, digest(row))
                        part[key] = part.get(key, 0) + 1
                    break
                if status not in (0, 429, 503):
                    self.faults.append(f"{name}: {status} {answer[:300]!r}")
                    return
                self.retries += 1
                if self.give_up(since):
                    self.unsettled += [(identity, digest(row)) for row in rows]
                    break
                time.sleep(0.05)
            self.outstanding[name] = 0
        if client:
            client.close()

    # Mail through LMTP: 250 is the acknowledgement.
    def mails(self, name, part):
        sender = f"{name.lower()}@sender.example"
        number, lmtp = 0, None
        while not self.ending.is_set():
            number += 1
            message = mail(sender, f"{name} {number}")
            since = time.monotonic()
            self.outstanding[name] = 1
            while True:
                reply = ""
                try:
                    lmtp = lmtp or Lmtp(self.site)
                    reply = lmtp.deliver(sender, message)
                except OSError:
                    if lmtp:
                        lmtp.close()
                    lmtp = None
                if reply.startswith("250"):
                    part[(sender, digest(message))] = 1
                    break
                if reply and reply[0] != "4":
                    self.faults.append(f"{name}: {reply}")
                    return
                self.retries += 1
                if self.give_up(since):
                    self.unsettled.append((sender, digest(message)))
                    break
                time.sleep(0.05)
            self.outstanding[name] = 0
        if lmtp:
            lmtp.close()


def report(text, number):
    return json.dumps({"description": text, "observations": [
        {"class": "information-gathering/scanner", "source": {"ip": f"203.0.113.{number % 250 + 1}"}}]}).encode()


def mail(sender, text, domain="xx-cert.example"):
    return (f"From: {sender}\r\nTo: incident@{domain}\r\nSubject: {text}\r\nMessage-ID: <{text.replace(' ', '.')}@sender.example>\r\n"
            f"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\n\r\nHost 203.0.113.7 scans us: {text}\r\n").encode()


class Lmtp:
    def __init__(self, site, timeout=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.recipient = f"incident@{os.path.basename(site.env.get('CIRT_DOMAIN', 'xx-cert.example'))}"
        try:
            self.socket.connect(site.env["CIRT_LMTP"])
            self.file = self.socket.makefile("rb")
            self._expect("220")
            self.say("LHLO test.example")
        except OSError:
            self.socket.close()
            raise

    def _reply(self):
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("LMTP closed")
            if line[3:4] != b"-":
                return line.decode().strip()

    def _expect(self, start):
        reply = self._reply()
        if not reply.startswith(start):
            raise ConnectionError(reply)
        return reply

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self._reply()

    def deliver(self, sender, message):
        reply = ""
        for text in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{self.recipient}>", "DATA"):
            reply = self.say(text)
            if reply[0] not in "23":
                self.say("RSET")
                return reply
        self.socket.sendall(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return self._reply()

    def close(self):
        self.socket.close()


def stored_once(site, acknowledged, load=None):
    """Every acknowledged report is there exactly once, and nothing that was not sent."""
    unsettled = load.unsettled if load else []
    rows = site.sql("SELECT coalesce(i.login, s.address), encode(r.sha256, 'hex'), count(*) FROM report r JOIN sender s ON s.id = r.sender_id "
                    "LEFT JOIN identity i ON i.id = s.identity_id GROUP BY 1, 2")
    stored = {(row[0], row[1]): int(row[2]) for row in rows}
    twice = [key for key, count in stored.items() if count != 1]
    lost = [key for key in acknowledged if key not in stored]
    unknown = [key for key in stored if key not in acknowledged and key not in unsettled]
    check(f"{len(lost)} of {len(acknowledged)} acknowledged reports are lost: {lost[:3]}", not lost)
    check(f"{len(twice)} reports are there more than once: {twice[:3]}", not twice)
    check(f"{len(unknown)} reports were never sent: {unknown[:3]}", not unknown)
    halves = site.sql("SELECT count(*) FROM report r WHERE NOT EXISTS (SELECT FROM report_raw w WHERE w.report_id = r.id AND w.no = 0) "
                      "OR NOT EXISTS (SELECT FROM report_content c WHERE c.report_id = r.id)")
    equal("reports without their bytes or content", "0", halves[0][0])
    print(f"{len(acknowledged)} acknowledged and there once")
    if load:
        print(f"{len(unsettled)} without an answer, {load.retries} retries, {len(acknowledged) / load.seconds:.0f} acknowledgements a second")


QUEUES = ("inbox", "to_verify", "to_open", "to_triage")


def triaged_once(site):
    """All that is stored was decoded and triaged, nothing of it twice, and the counts of the cases are the rows' own."""
    waiting = "SELECT " + " + ".join(f"(SELECT count(*) FROM {queue} WHERE failed IS NULL)" for queue in QUEUES)

    def settled():
        # What a killed stage had taken comes back when its lease ends, after minutes: here at once.
        if IS_ROOT:
            for queue in QUEUES:
                site.super_sql(f"UPDATE cirt.{queue} SET not_before = now() WHERE not_before > now() AND failed IS NULL")
        return site.sql(waiting) == [["0"]]

    until("the queues are empty", settled, PATIENCE if IS_ROOT else 2 * PATIENCE)
    for what, statement in (
            ("rows set aside", "SELECT " + " + ".join(f"(SELECT count(*) FROM {queue})" for queue in QUEUES)),
            ("reports without an outcome", "SELECT count(*) FROM report_content c LEFT JOIN report_outcome o USING (report_id) "
                                           "WHERE c.state <> 'malformed' AND o.state IS DISTINCT FROM 'triaged'"),
            ("reports whose observations are not there once", "SELECT count(*) FROM (SELECT c.report_id FROM report_content c LEFT JOIN observation o USING (report_id) "
                                                              "GROUP BY c.report_id, c.observations HAVING count(o.no) <> c.observations) x"),
            ("reports that are in another number of cases than one", "SELECT count(*) FROM (SELECT c.report_id FROM report_content c LEFT JOIN case_member m "
                                                                     "ON m.report_id = c.report_id AND m.until IS NULL WHERE c.observations <= 1 AND c.state <> 'malformed' "
                                                                     "GROUP BY 1 HAVING count(m.case_id) <> 1) x"),
            ("cases whose counts are wrong", "SELECT count(*) FROM case_tally t FULL JOIN (SELECT m.case_id, count(*) AS reports, sum((SELECT coalesce(sum(upper(r) - lower(r)), 0) "
                                             "FROM unnest(m.observations) r)) AS observations FROM case_member m WHERE m.until IS NULL GROUP BY 1) m USING (case_id) "
                                             "WHERE (t.reports, t.observations) IS DISTINCT FROM (m.reports, m.observations)")):
        equal(what, [["0"]], site.sql(statement))
    site.cirt("auditor", "journal", "verify")
    print("cases and their reports:", *site.sql("SELECT count(*), sum(reports) FROM case_tally")[0])


def check_ends_well(folder):
    """The sandbox stops by itself, and no sanitizer had anything to say, leaks included."""
    log = os.path.join(folder, "log", "cirtd.log")
    if not os.path.exists(log):
        return
    run(SANDBOX, "stop", folder)
    with open(log, errors="replace") as file:
        for line in file:
            check(f"{log}: {line}", "Sanitizer" not in line and "runtime error:" not in line)


def main(test):
    """Runs test(scratch) and cleans up after it."""
    sys.dont_write_bytecode = True
    if not os.access(os.path.join(BUILD, "cirtd"), os.X_OK):
        sys.exit(f"no cirtd in {BUILD}")
    scratch = run(os.path.join(SOURCE, "tests", "support", "scratch"), "cirt-flow").stdout.strip()
    os.chmod(scratch, 0o711)

    def clean():
        for entry in sorted(os.listdir(scratch)):
            if os.path.exists(os.path.join(scratch, entry, "sandbox")):
                run(SANDBOX, "destroy", os.path.join(scratch, entry), ok=False)
        shutil.rmtree(scratch, ignore_errors=True)

    atexit.register(clean)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *unused: sys.exit(130))
    try:
        test(scratch)
        for entry in sorted(os.listdir(scratch)):
            check_ends_well(os.path.join(scratch, entry))
    except Failed as problem_:
        frame = problem_.__traceback__
        while frame.tb_next and frame.tb_next.tb_frame.f_code.co_filename != __file__:
            frame = frame.tb_next
        print(f"FAILED (line {frame.tb_lineno}): {problem_}", file=sys.stderr)
        for entry in sorted(os.listdir(scratch)):
            path = os.path.join(scratch, entry, "log", "cirtd.log")
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    lines = file.read().splitlines()
                troubles = [line for line in lines[:-25] if " warn " in line or " error " in line]
                print(f"--- {path}: first troubles, last lines", *troubles[:25], "...", *lines[-25:], sep="\n", file=sys.stderr)
        sys.exit(1)
