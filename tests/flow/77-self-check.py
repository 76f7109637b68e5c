#!/usr/bin/env python3
"""Each role looks at itself before it works: with a right, descriptor, configuration section, user or capability too much it refuses and says which."""
import os
import pwd
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import BUILD, IS_ROOT, Site, check, equal, main, run, skip, until  # noqa: E402

CIRTD = os.path.join(BUILD, "cirtd")


def start(name, *words, user=None, descriptors=(), wrapper=()):
    """Starts a role by hand; its exit status and what it said. One that takes up its work is stopped, and its status is None."""
    who = {}
    if user and IS_ROOT:
        entry = pwd.getpwnam(user)
        who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    process = subprocess.Popen([*wrapper, CIRTD, name, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", pass_fds=descriptors, **who)
    try:
        said = process.communicate(timeout=10)[0]
        return process.returncode, said
    except subprocess.TimeoutExpired:
        process.kill()
        return None, process.communicate()[0]


def refuses(what, wanted, result):
    status, said = result
    check(f"{what}: exit {status}: {said}", status not in (0, None))
    check(f"{what}: does not say why: {said}", re.search(wanted, said))


def test_process(site, names):
    """One sandbox's roles by hand. The configuration on a descriptor is the whole of it: what concerns others is too much."""
    for name in names:
        user = f"cirt-{name}"
        with open(site.config) as file:
            everything = file.read()
        config = os.memfd_create("config", 0)
        os.write(config, everything.encode())
        if IS_ROOT:
            refuses(f"{name} as root", "does not run as root", start(name, "-c", site.config))
            refuses(f"{name} as root under a supervisor", "does not run as root", start(name, "--config-fd", str(config), descriptors=(config,)))
            caps = ("setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--inh-caps", "+net_bind_service", "--ambient-caps", "+net_bind_service", "--")
            refuses(f"{name} with a capability", "holds capabilities", start(name, "-c", site.config, wrapper=caps))
        refuses(f"{name} with everybody's configuration", "section .* is too much", start(name, "--config-fd", str(config), user=user, descriptors=(config,)))
        left = os.open("/dev/null", os.O_RDONLY)
        refuses(f"{name} with an inherited descriptor", f"descriptor {left} was inherited", start(name, "-c", site.config, user=user, descriptors=(left,)))
        os.close(left)
        os.close(config)


RIGHTS = (  # what a hasty hand may do, how it is undone, what the role says
    ("GRANT SELECT ON cirt.registered_key TO {0}", "REVOKE SELECT ON cirt.registered_key FROM {0}", "SELECT registered_key"),
    ("GRANT SELECT (sha256) ON cirt.report TO {0}", "REVOKE SELECT (sha256) ON cirt.report FROM {0}", r"SELECT report\.sha256"),
    ("GRANT USAGE ON SEQUENCE cirt.report_id_seq TO {0}", "REVOKE USAGE ON SEQUENCE cirt.report_id_seq FROM {0}", "USAGE report_id_seq"),
    ("GRANT EXECUTE ON FUNCTION cirt.first_admin TO {0}", "REVOKE EXECUTE ON FUNCTION cirt.first_admin FROM {0}", "EXECUTE first_admin"),
    ("GRANT EXECUTE ON FUNCTION cirt.report_week TO {0} WITH GRANT OPTION", "REVOKE ALL ON FUNCTION cirt.report_week FROM {0}", "EXECUTE report_week with grant option"),
    ("GRANT SELECT ON cirt.sender TO PUBLIC", "REVOKE SELECT ON cirt.sender FROM PUBLIC", "SELECT sender"),
    ("GRANT pg_read_all_data TO {0}", "REVOKE pg_read_all_data FROM {0}", "MEMBER pg_read_all_data"),
    ("GRANT cirt_owner TO {0}", "REVOKE cirt_owner FROM {0}", "MEMBER cirt_owner"),
    ("ALTER ROLE {0} CREATEROLE", "ALTER ROLE {0} NOCREATEROLE", "ATTRIBUTE createrole"),
    ("ALTER ROLE {0} SUPERUSER", "ALTER ROLE {0} NOSUPERUSER", "ATTRIBUTE superuser"),
    ("GRANT CREATE ON SCHEMA cirt TO {0}", "REVOKE CREATE ON SCHEMA cirt FROM {0}", "CREATE schema cirt"),
    ("GRANT CREATE, TEMPORARY ON DATABASE cirt TO {0}", "REVOKE CREATE, TEMPORARY ON DATABASE cirt FROM {0}", "CREATE database"),
)


def test_rights(site, names, logins):
    for number, (grant, revoke, wanted) in enumerate(RIGHTS):
        # Each right with another role, so that all of both come up.
        name = names[number % len(names)]
        login = logins[name]
        site.super_sql(grant.format(login))
        refuses(f"{name} with {wanted}", f"cirt_\\w+ holds too much: .*({wanted})", start(name, "-c", site.config, user=f"cirt-{name}"))
        site.super_sql(revoke.format(login))
    for name in names:
        site.super_sql(f"GRANT DELETE ON cirt.journal TO {logins[name]}")
        refuses(f"{name} with a right on the journal", "holds too much: DELETE journal", start(name, "-c", site.config, user=f"cirt-{name}"))
        site.super_sql(f"REVOKE DELETE ON cirt.journal FROM {logins[name]}")


def test_restart(site):
    """Under the supervisor: a role that holds too much does not come back until it is put right; the others go on."""
    count = len(site.roles())
    site.super_sql("GRANT SELECT ON cirt.registered_key TO cirt_intake")
    before = len(site.log())
    for name in ("intake/1", "intake/2"):
        os.kill(site.roles()[name], 9)
    until("intake refuses", lambda: len(re.findall("intake/[12] role_refuses .*holds too much: SELECT registered_key", site.log()[before:])) >= 2)
    site.super_sql("REVOKE SELECT ON cirt.registered_key FROM cirt_intake")
    site.settled(count)


def test(scratch):
    if not IS_ROOT:
        skip("rights are granted by the superuser, who is root's here")
    site = Site(scratch)
    processes = sorted({name.partition("/")[0] for name in site.roles()})
    in_database = [name for name in processes if not name.startswith("gate")]
    test_process(site, processes)
    # The running roles keep their sockets: those that hold none are started beside them, the rest refuse before they take theirs.
    test_rights(site, in_database, {name: f"cirt_{name}" for name in in_database})
    test_restart(site)


main(test)
