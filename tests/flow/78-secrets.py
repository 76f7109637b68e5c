#!/usr/bin/env python3
"""No password and no private key in a log, on a command line, in an environment, or in a file that others may read; also where things fail."""
import glob
import os
import pwd
import re
import signal
import stat
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import BUILD, IS_ROOT, SOURCE, Client, Site, check, command_line, equal, main, report, run, skip, until  # noqa: E402


def as_nobody():
    """A normal user's sandbox is the one with passwords; root tests it as another user."""
    user = pwd.getpwnam("nobody")
    for folder in (SOURCE, BUILD):
        while folder != "/":
            if not os.stat(folder).st_mode & stat.S_IXOTH:
                skip(f"{folder} is closed to other users")
            folder = os.path.dirname(folder)
    python = "/usr/bin/python3"
    if not os.access(python, os.X_OK):
        skip(f"no {python}, which other users can run")
    os.initgroups("nobody", user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.chdir("/")
    os.execv(python, [python, os.path.realpath(__file__)])


def secrets_of(site):
    found = {}
    for path in glob.glob(os.path.join(site.dir, "secrets", "*")):
        with open(path) as file:
            found[path] = [file.read().strip().encode()]
    for path in glob.glob(os.path.join(site.dir, "**", "*.key"), recursive=True):
        with open(path) as file:
            found[path] = [line.encode() for line in file.read().splitlines() if len(line) > 40]
    check("no passwords", any("/secrets/" in path for path in found))
    check("no private keys", sum(path.endswith(".key") for path in found) > 8)
    for path in found:
        equal(f"mode of {path}", "0o600", oct(stat.S_IMODE(os.stat(path).st_mode)))
    return found


def check_no_secret(secrets, where, text):
    for path, lines in secrets.items():
        for line in lines:
            check(f"what stands in {path} is in {where}", line not in text)


def check_processes(site, secrets):
    pids = [site.supervisor(), *site.roles().values()]
    for pid in pids:
        for part in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{part}", "rb") as file:
                text = file.read()
            check_no_secret(secrets, f"{part} of {command_line(pid)}", text)
            check(f"{part} of {command_line(pid)} names a password", b"PGPASS" not in text)
    for pid in site.roles().values():
        with open(f"/proc/{pid}/environ", "rb") as file:
            names = {item.split(b"=")[0] for item in file.read().split(b"\0") if item}
        equal(f"environment of {command_line(pid)}", {b"PATH", b"LANG", b"TZ"}, names)


def check_files(site, secrets):
    """Logs and configuration; and nothing secret in a file that others may read."""
    kept = set(secrets)
    for folder, _, names in os.walk(site.dir):
        if folder.startswith(os.path.join(site.dir, "db")):
            continue
        for name in names:
            path = os.path.join(folder, name)
            if path in kept or not os.path.isfile(path):
                continue
            is_open = os.stat(path).st_mode & (stat.S_IRGRP | stat.S_IROTH)
            if is_open or "/log/" in path or name.endswith((".conf", "env", "sandbox")):
                with open(path, "rb") as file:
                    text = file.read()
                check_no_secret(secrets, path, text)
                check(f"a private key in {path}", b"PRIVATE KEY" not in text)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def trouble(site):
    """What makes programs talk: wrong passwords, keys and certificates that do not fit, a configuration with a password in a broken line."""
    count = len(site.roles())
    for role in ("intake", "desk", "triage"):
        path = os.path.join(site.dir, "secrets", role)
        with open(path) as file:
            password = file.read()
        os.chmod(path, 0o600)
        write(path, "wrong-" + password)
        site.hangup()
        until("the new configuration is out", lambda: site.log().count("run reloaded") > 0)
        before = len(site.log())
        for name, pid in site.roles().items():
            if name.startswith(role):
                os.kill(pid, signal.SIGKILL)
        until(f"{role} meets the wrong password", lambda: re.search(f"{role}\\S* database_away", site.log()[before:]))
        write(path, password)
        site.hangup()
        for name, pid in site.roles().items():
            if name.startswith(role):
                os.kill(pid, signal.SIGKILL)
    site.settled(count)
    key = os.path.join(site.dir, "keys", "gate-feeds.key")
    with open(key) as file:
        good = file.read()
    with open(site.identity("lead")[1]) as file:
        write(key, file.read())
    before = len(site.log())
    site.hangup()
    until("a key that does not fit is refused", lambda: "gate-feeds reload_failed" in site.log()[before:])
    write(key, good)
    with open(os.path.join(site.dir, "secrets", "intake")) as file:
        password = file.read().strip()
    with open(site.config) as file:
        config = file.read()
    write(site.config, config.replace("database {", f'database {{\n    password = "{password}" nonsense'))
    before = len(site.log())
    site.hangup()
    until("a broken configuration is refused", lambda: "run reload_failed" in site.log()[before:])
    write(site.config, config)
    site.hangup()
    site.settled(count)


def test(scratch):
    site = Site(scratch, start=False)
    with open(site.config) as file:
        config = file.read()
    write(site.config, config.replace('run = "', 'log = "debug"\nrun = "', 1))
    site.start()
    secrets = secrets_of(site)
    with Client(site, "feed") as client:
        equal("a report", 201, client.post("/v1/reports", report("one", 1))[0])
    site.cirt("lead", "ls", "is:any")
    check_processes(site, secrets)
    trouble(site)
    check_processes(site, secrets)
    site.stop()
    check_files(site, secrets)


if IS_ROOT:
    as_nobody()
main(test)
