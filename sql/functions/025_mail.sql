-- Decoding, verifying and opening: the queues inbox, to_verify and to_open, and what their stages write. A claim leases rows by moving
-- not_before ahead and counting the attempt; a settled row goes; after eight tries, or at once where the fault is in the input, it is set aside.
-- Fresh rows come many at a time. A row that was claimed before comes alone, so that one which kills its worker takes no other down with it.
--
-- A mail goes round: decode finds what is closed (encrypted, signed opaquely, compressed), seal or verify open it into report_clear, decode reads on
-- inside, step by step; then its signed parts go to verify, which writes the verdict (026_decoded.sql, 027_verdict.sql).
--
-- What is called for every batch is plpgsql, which keeps its plans: an SQL function is planned at each call. The plans are made when a queue may be empty,
-- and are kept while it fills: so they go by keys and nested loops, whatever would be cheaper at that moment. What drives them stands before a LEFT
-- JOIN, or the keys are in an = ANY: of an inner join the planner would read the whole index of a table that has but a few rows at that moment.

-- How long a claimed row is another's: as long as a mail waits when its worker was killed. Work that takes longer is no harm: its row is
-- still settled by one only. How long a failed one rests.
CREATE OR REPLACE FUNCTION queue_lease() RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT interval '15 seconds' $$;
CREATE OR REPLACE FUNCTION queue_rest(p_attempts int) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT least(interval '1 second' * power(2, p_attempts), interval '10 minutes') $$;
CREATE OR REPLACE FUNCTION queue_is_spent(p_attempts int) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT p_attempts >= 8 $$;
-- The transaction that calls this does not wait for the disk. Only for what claims, works and settles in the database alone: after a crash of
-- PostgreSQL it is as if the stage had not come to these rows yet, and it does them again. What was acknowledged to a sender was on disk before, and
-- whoever acts on what is written here (triage, share, push) commits with a wait, which takes all that was written before along.
CREATE OR REPLACE FUNCTION queue_commits_lazily() RETURNS void LANGUAGE plpgsql AS
$$ BEGIN PERFORM set_config('synchronous_commit', 'off', true); END $$;
CREATE OR REPLACE FUNCTION queue_died(p_attempts int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT format('its worker ended %s times without an answer', p_attempts) $$;

-- The stages that read hostile bytes see and change no report but those in their hands: a claimed row of their queue names it.
CREATE OR REPLACE FUNCTION stage_holds(p_held boolean, p_report bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT p_held THEN
        RAISE EXCEPTION 'report r% is not at hand', p_report USING ERRCODE = 'CI403';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION inbox_holds(p_report bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ SELECT EXISTS (SELECT FROM inbox i WHERE i.report_id = p_report AND i.attempts > 0 AND i.failed IS NULL) $$;

-- One at a time for a report: of two that opened the last two things of a step, each would take the other for still at work.
CREATE OR REPLACE FUNCTION report_lock(p_report bigint) RETURNS void LANGUAGE sql AS
$$ SELECT pg_advisory_xact_lock(20260104, (p_report % 2147483647)::int) $$;

-- Into the inbox, unless it waits there already.
CREATE OR REPLACE FUNCTION inbox_add(p_report bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    INSERT INTO inbox (report_id, received) SELECT r.id, r.received FROM report r WHERE r.id = p_report
        AND NOT EXISTS (SELECT FROM inbox i WHERE i.report_id = p_report AND i.attempts = 0 AND i.failed IS NULL);
    PERFORM pg_notify('cirt_inbox', '');
END $$;

-- --- decode ---

-- As many as have 8 MiB together. raw: the bytes, where they are one chunk; has_steps: something in it was opened, or tried. tlp: what was said when it came,
-- and RED where it could not be read and called itself so: read again by another mapping, it is no wider without a word.
DROP FUNCTION IF EXISTS inbox_claim();
CREATE FUNCTION inbox_claim()
RETURNS TABLE (id bigint, attempts int, report_id bigint, sender_id bigint, channel text, name text, media_type text, format text,
               tlp smallint, default_tlp smallint, default_class text, is_first boolean, mail_from text, raw bytea, has_steps boolean, confidence smallint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE v_ids bigint[];
BEGIN
    PERFORM queue_commits_lazily();
    UPDATE inbox q SET failed = now(), error = coalesce(q.error, queue_died(q.attempts))
        WHERE q.id = ANY (ARRAY(SELECT x.id FROM inbox x WHERE x.failed IS NULL AND x.not_before <= now() AND x.attempts > 0 AND queue_is_spent(x.attempts) FOR UPDATE SKIP LOCKED));
    v_ids := ARRAY(SELECT q.id FROM inbox q WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND NOT queue_is_spent(q.attempts)
                   ORDER BY q.not_before, q.id LIMIT 1 FOR UPDATE SKIP LOCKED);
    IF v_ids = '{}' THEN
        SELECT array_agg(x.id) INTO v_ids FROM (
            SELECT f.id, sum(r.size) OVER (ORDER BY f.id) - r.size AS before, r.size
            FROM (SELECT q.id, q.report_id, q.received FROM inbox q WHERE q.failed IS NULL AND q.attempts = 0 ORDER BY q.id LIMIT 64 FOR UPDATE SKIP LOCKED) f
                LEFT JOIN report r ON r.id = f.report_id AND r.received = f.received) x
            WHERE coalesce(x.before, 0) = 0 OR x.before + x.size <= 8388608; -- one that is longer comes alone
    END IF;
    IF v_ids IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH taken AS (
        UPDATE inbox q SET attempts = q.attempts + 1, not_before = now() + queue_lease() WHERE q.id = ANY (v_ids)
        RETURNING q.id, q.attempts, q.report_id, q.received)
    SELECT t.id, t.attempts, r.id, r.sender_id, r.channel, r.name, r.media_type, c.format,
           CASE WHEN NOT c.tlp_assumed OR (c.tlp = 4 AND i.default_tlp IS DISTINCT FROM 4) THEN c.tlp END, i.default_tlp, i.default_class, c.state = 'decoding', m.mail_from,
           CASE WHEN r.size <= 1048576 THEN (SELECT w.bytes FROM report_raw w WHERE w.report_id = r.id AND w.received = r.received AND w.no = 0) END,
           EXISTS (SELECT FROM report_clear x WHERE x.report_id = r.id), e.confidence
    FROM taken t LEFT JOIN report r ON r.id = t.report_id AND r.received = t.received
    LEFT JOIN report_content c ON c.report_id = r.id AND c.received = r.received
    LEFT JOIN sender s ON s.id = r.sender_id LEFT JOIN identity i ON i.id = s.identity_id
    LEFT JOIN feed e ON e.identity_id = i.id
    LEFT JOIN report_mail m ON m.report_id = r.id
    ORDER BY t.id;
END $$;

DROP FUNCTION IF EXISTS inbox_settle(bigint, int);
CREATE OR REPLACE FUNCTION inbox_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY DELETE FROM inbox q WHERE q.id = ANY (p_ids) AND q.attempts = p_attempts[array_position(p_ids, q.id)] RETURNING q.id;
END $$;

CREATE OR REPLACE FUNCTION inbox_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    UPDATE inbox SET error = p_error, not_before = now() + queue_rest(attempts),
        failed = CASE WHEN p_final OR queue_is_spent(attempts) THEN now() END
    WHERE id = p_id AND attempts = p_attempts $$;

DROP FUNCTION IF EXISTS inbox_bytes(bigint);
-- What was closed in a mail and was opened, or tried. bytes NULL: it could not be opened. is_stale: to be tried again.
DROP FUNCTION IF EXISTS inbox_clear(bigint);
CREATE OR REPLACE FUNCTION inbox_steps(p_report bigint)
RETURNS TABLE (step int, path text, kind text, protocol text, bytes bytea, needed json, signatures jsonb, problem text, is_stale boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
    SELECT step, path, kind, protocol, bytes, array_to_json(coalesce(needed_keys, '{}')), signatures, problem, is_stale
    FROM report_clear WHERE report_id = p_report AND inbox_holds(p_report) ORDER BY step, path $$;

-- Hands what is closed in one step to who can open it: what is encrypted to seal, the rest to verify, which has no key and needs none.
DROP FUNCTION IF EXISTS inbox_to_open(bigint, text, bytea);
CREATE OR REPLACE FUNCTION inbox_to_open(p_report bigint, p_step int, p_paths text[], p_kinds text[], p_protocols text[], p_bytes bytea[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
    PERFORM stage_holds(inbox_holds(p_report), p_report);
    DELETE FROM to_open WHERE report_id = p_report;
    DELETE FROM to_verify WHERE report_id = p_report;
    INSERT INTO to_open (report_id, received, step, path, protocol, bytes)
        SELECT r.id, r.received, p_step, u.path, u.protocol, u.bytes
        FROM unnest(p_paths, p_kinds, p_protocols, p_bytes) u(path, kind, protocol, bytes), report r WHERE r.id = p_report AND u.kind = 'encrypted';
    IF FOUND THEN
        PERFORM pg_notify('cirt_to_open', '');
    END IF;
    IF NOT p_kinds <@ ARRAY['encrypted'] THEN
        INSERT INTO to_verify (report_id, received, message, unwraps) SELECT r.id, r.received, '{}', true FROM report r WHERE r.id = p_report RETURNING id INTO v_id;
        INSERT INTO signed_part (to_verify_id, step, path, kind, protocol, bytes, signature)
            SELECT v_id, p_step, u.path, u.kind, u.protocol, u.bytes, ''
            FROM unnest(p_paths, p_kinds, p_protocols, p_bytes) u(path, kind, protocol, bytes) WHERE u.kind <> 'encrypted';
        PERFORM pg_notify('cirt_to_verify', '');
    END IF;
END $$;

-- --- verify ---

-- One that nothing comes of. The row stays, for the doctor; but the mail goes on: as one whose signature cannot be checked.
CREATE OR REPLACE FUNCTION to_verify_set_aside(p_id bigint, p_error text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    q to_verify;
    v_none text[] := ARRAY[NULL]::text[];
BEGIN
    UPDATE to_verify v SET failed = now(), error = p_error WHERE v.id = p_id AND v.failed IS NULL RETURNING * INTO q;
    IF q.id IS NULL THEN
        RETURN;
    ELSIF q.unwraps THEN
        PERFORM report_lock(q.report_id);
        INSERT INTO report_clear AS c (report_id, received, step, path, kind, protocol, problem)
            SELECT q.report_id, q.received, p.step, p.path, p.kind, p.protocol, p_error FROM signed_part p WHERE p.to_verify_id = p_id
            ON CONFLICT (report_id, step, path) DO UPDATE SET problem = EXCLUDED.problem, is_stale = false;
        PERFORM report_go_on(q.report_id);
    ELSE
        PERFORM verdicts_write(ARRAY[q.report_id], ARRAY[q.received], ARRAY['bad'], ARRAY['none'], v_none, v_none, v_none, v_none, ARRAY[NULL::timestamptz],
            ARRAY[jsonb_build_array(jsonb_build_object('path', '1', 'covered', false, 'verdict', 'error', 'error', p_error))::text],
            v_none, v_none, ARRAY['{}'], ARRAY['{}'], ARRAY['{}'], ARRAY['{}']);
    END IF;
END $$;

DROP FUNCTION IF EXISTS to_verify_claim();
CREATE FUNCTION to_verify_claim() RETURNS TABLE (id bigint, attempts int, report_id bigint, message jsonb, unwraps boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE v_ids bigint[];
BEGIN
    PERFORM queue_commits_lazily();
    PERFORM to_verify_set_aside(q.id, coalesce(q.error, queue_died(q.attempts))) FROM to_verify q
        WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND queue_is_spent(q.attempts) FOR UPDATE SKIP LOCKED;
    v_ids := ARRAY(SELECT q.id FROM to_verify q WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND NOT queue_is_spent(q.attempts)
                   ORDER BY q.not_before, q.id LIMIT 1 FOR UPDATE SKIP LOCKED);
    IF v_ids = '{}' THEN
        v_ids := ARRAY(SELECT q.id FROM to_verify q WHERE q.failed IS NULL AND q.attempts = 0 ORDER BY q.id LIMIT 64 FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN QUERY
    WITH taken AS (
        UPDATE to_verify q SET attempts = q.attempts + 1, not_before = now() + queue_lease() WHERE q.id = ANY (v_ids)
        RETURNING q.id, q.attempts, q.report_id, q.message, q.unwraps)
    SELECT t.id, t.attempts, t.report_id, t.message, t.unwraps FROM taken t ORDER BY t.id;
END $$;

DROP FUNCTION IF EXISTS to_verify_settle(bigint, int);
CREATE OR REPLACE FUNCTION to_verify_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY DELETE FROM to_verify q WHERE q.id = ANY (p_ids) AND q.attempts = p_attempts[array_position(p_ids, q.id)] RETURNING q.id;
END $$;

CREATE OR REPLACE FUNCTION to_verify_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF p_final OR queue_is_spent(p_attempts) THEN
        PERFORM to_verify_set_aside(q.id, p_error) FROM to_verify q WHERE q.id = p_id AND q.attempts = p_attempts;
    ELSE
        UPDATE to_verify SET error = p_error, not_before = now() + queue_rest(attempts) WHERE id = p_id AND attempts = p_attempts;
    END IF;
END $$;

-- The parts of these rows, in order, as many rows as have p_bytes together (the first in any case); one row of NULLs where it has none.
DROP FUNCTION IF EXISTS to_verify_parts(bigint);
CREATE OR REPLACE FUNCTION to_verify_parts(p_ids bigint[], p_bytes bigint)
RETURNS TABLE (id bigint, step int, path text, kind text, protocol text, bytes bytea, signature bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH size AS (
        SELECT u.id, u.ord, coalesce((SELECT sum(length(p.bytes) + length(p.signature)) FROM signed_part p WHERE p.to_verify_id = u.id), 0) AS size
        FROM unnest(p_ids) WITH ORDINALITY u(id, ord)),
    total AS (
        SELECT s.id, s.ord, sum(s.size) OVER (ORDER BY s.ord) AS total FROM size s)
    SELECT q.id, p.step, p.path, p.kind, p.protocol, p.bytes, p.signature
    FROM total t LEFT JOIN to_verify q ON q.id = t.id LEFT JOIN signed_part p ON p.to_verify_id = t.id
    WHERE (t.ord = 1 OR t.total <= p_bytes) AND coalesce(q.attempts, 0) > 0 AND q.failed IS NULL ORDER BY t.ord, p.step, p.path;
END $$;

-- Keys that came or changed since then, for verify's and seal's own homes. Those of the last ten seconds come again and again: a transaction that
-- began before the newest we know may have committed after it.
DROP FUNCTION IF EXISTS pinned_keys(bigint);
CREATE FUNCTION pinned_keys(p_since_us bigint) RETURNS TABLE (fingerprint text, protocol text, armoured text, changed_us bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT k.fingerprint, k.protocol, k.armoured, (extract(epoch FROM k.changed) * 1000000)::bigint FROM mail_key k
    WHERE k.distrusted IS NULL AND k.pinned IS NOT NULL
      AND k.changed > least(timestamptz 'epoch' + p_since_us * interval '1 microsecond', now() - interval '10 seconds') ORDER BY k.changed;
END $$;

-- Whose keys these are, an address a row. id: the same for all keys of one of them. is_refused: distrusted, or of one who is disabled: such a key
-- counts for nobody, whatever CA speaks for it; it comes with no address. No row where nobody has said a word about it.
DROP FUNCTION IF EXISTS pinned_identities(text[]);
CREATE OR REPLACE FUNCTION signer_identities(p_fingerprints text[])
RETURNS TABLE (fingerprint text, id text, name text, address text, is_refused boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT k.fingerprint, w.id, w.name, a.address, w.is_refused
    FROM mail_key k
    LEFT JOIN identity i ON i.id = k.identity_id LEFT JOIN peer p ON p.id = k.peer_id LEFT JOIN contact c ON c.id = k.contact_id
    CROSS JOIN LATERAL (SELECT CASE WHEN k.identity_id IS NOT NULL THEN 'identity ' || k.identity_id WHEN k.peer_id IS NOT NULL THEN 'peer ' || k.peer_id
                                    ELSE 'contact ' || k.contact_id END, coalesce(i.name, i.login, p.name, c.name, c.address),
                               k.distrusted IS NOT NULL OR NOT coalesce(i.enabled, p.enabled, c.enabled)) w(id, name, is_refused)
    LEFT JOIN LATERAL unnest(key_counts_for(k)) a(address) ON NOT w.is_refused
    WHERE k.fingerprint = ANY (p_fingerprints) AND (k.pinned IS NOT NULL OR k.distrusted IS NOT NULL);
END $$;

-- The names we know addresses by, where somebody vouches for them: of certificates that a CA of ours speaks for. is_refused: an analyst disabled the
-- address, or whose it is; then no CA makes it count.
DROP FUNCTION IF EXISTS contact_name(text);
DROP FUNCTION IF EXISTS contact_names(text[]);
CREATE OR REPLACE FUNCTION contact_names(p_addresses text[]) RETURNS TABLE (address text, id text, name text, is_refused boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT c.address, CASE WHEN c.identity_id IS NOT NULL THEN 'identity ' || c.identity_id WHEN c.peer_id IS NOT NULL THEN 'peer ' || c.peer_id
                           ELSE 'contact ' || c.id END, coalesce(i.name, i.login, p.name, c.name, c.address), NOT (c.enabled AND coalesce(i.enabled, p.enabled, true))
    FROM contact c LEFT JOIN identity i ON i.id = c.identity_id LEFT JOIN peer p ON p.id = c.peer_id
    WHERE c.address = ANY (ARRAY(SELECT lower(a) FROM unnest(p_addresses) a)) AND c.is_known;
END $$;

-- --- opening: seal, and verify for what needs no key ---

-- Back to decode, when all that was closed in this step is open or given up. The caller has the lock.
CREATE OR REPLACE FUNCTION report_go_on(p_report bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM to_open q WHERE q.report_id = p_report AND q.failed IS NULL AND NOT EXISTS (
                       SELECT FROM report_clear c WHERE c.report_id = p_report AND c.step = q.step AND c.path = q.path AND NOT c.is_stale))
        AND NOT EXISTS (SELECT FROM to_verify q JOIN signed_part p ON p.to_verify_id = q.id
                        WHERE q.report_id = p_report AND q.failed IS NULL AND q.unwraps AND NOT EXISTS (
                            SELECT FROM report_clear c WHERE c.report_id = p_report AND c.step = p.step AND c.path = p.path AND NOT c.is_stale)) THEN
        PERFORM inbox_add(p_report);
    END IF;
END $$;

-- What came of it; p_bytes NULL: it could not be opened, p_needed are the keys that could. What was open stays open though its key is gone.
CREATE OR REPLACE FUNCTION report_clear_write(p_report bigint, p_step int, p_path text, p_kind text, p_protocol text, p_bytes bytea,
                                              p_needed text[], p_signatures jsonb, p_problem text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM report_lock(p_report);
    INSERT INTO report_clear AS c (report_id, received, step, path, kind, protocol, bytes, needed_keys, signatures, problem)
        SELECT r.id, r.received, p_step, p_path, p_kind, p_protocol, p_bytes, p_needed, p_signatures, p_problem FROM report r WHERE r.id = p_report
        ON CONFLICT (report_id, step, path) DO UPDATE SET kind = EXCLUDED.kind, protocol = EXCLUDED.protocol,
            bytes = coalesce(EXCLUDED.bytes, c.bytes),
            signatures = CASE WHEN EXCLUDED.bytes IS NULL AND c.bytes IS NOT NULL THEN c.signatures ELSE EXCLUDED.signatures END,
            needed_keys = EXCLUDED.needed_keys, problem = EXCLUDED.problem, opened = now(), is_stale = false;
    PERFORM report_go_on(p_report);
END $$;

DROP FUNCTION IF EXISTS report_opened(bigint, text, bytea, text[], jsonb);
CREATE OR REPLACE FUNCTION report_opened(p_report bigint, p_step int, p_path text, p_bytes bytea, p_needed text[], p_signatures jsonb, p_problem text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_protocol text;
BEGIN
    SELECT q.protocol INTO v_protocol FROM to_open q WHERE q.report_id = p_report AND q.step = p_step AND q.path = p_path AND q.attempts > 0 AND q.failed IS NULL;
    PERFORM stage_holds(FOUND, p_report);
    PERFORM report_clear_write(p_report, p_step, p_path, 'encrypted', v_protocol, p_bytes, p_needed, p_signatures, p_problem);
END $$;

CREATE OR REPLACE FUNCTION report_unwrapped(p_report bigint, p_step int, p_path text, p_bytes bytea, p_signatures jsonb, p_problem text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v signed_part;
BEGIN
    SELECT p.* INTO v FROM to_verify q JOIN signed_part p ON p.to_verify_id = q.id
        WHERE q.report_id = p_report AND q.unwraps AND q.attempts > 0 AND q.failed IS NULL AND p.step = p_step AND p.path = p_path;
    PERFORM stage_holds(FOUND, p_report);
    PERFORM report_clear_write(p_report, p_step, p_path, v.kind, v.protocol, p_bytes, '{}', p_signatures, p_problem);
END $$;

-- As to_verify_set_aside(): the mail goes on as one that cannot be opened.
CREATE OR REPLACE FUNCTION to_open_set_aside(p_id bigint, p_error text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE q to_open;
BEGIN
    UPDATE to_open o SET failed = now(), error = p_error WHERE o.id = p_id AND o.failed IS NULL RETURNING * INTO q;
    IF q.id IS NOT NULL THEN
        PERFORM report_clear_write(q.report_id, q.step, q.path, 'encrypted', q.protocol, NULL, '{}', '[]', p_error);
    END IF;
END $$;

DROP FUNCTION IF EXISTS to_open_claim();
CREATE FUNCTION to_open_claim() RETURNS TABLE (id bigint, attempts int, report_id bigint, step int, path text, protocol text, bytes bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE v_ids bigint[];
BEGIN
    PERFORM queue_commits_lazily();
    PERFORM to_open_set_aside(q.id, coalesce(q.error, queue_died(q.attempts))) FROM to_open q
        WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND queue_is_spent(q.attempts) FOR UPDATE SKIP LOCKED;
    v_ids := ARRAY(SELECT q.id FROM to_open q WHERE q.failed IS NULL AND q.not_before <= now() AND q.attempts > 0 AND NOT queue_is_spent(q.attempts)
                   ORDER BY q.not_before, q.id LIMIT 1 FOR UPDATE SKIP LOCKED);
    IF v_ids = '{}' THEN
        v_ids := ARRAY(SELECT q.id FROM to_open q WHERE q.failed IS NULL AND q.attempts = 0 ORDER BY q.id LIMIT 4 FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN QUERY
    WITH taken AS (
        UPDATE to_open q SET attempts = q.attempts + 1, not_before = now() + queue_lease() WHERE q.id = ANY (v_ids)
        RETURNING q.id, q.attempts, q.report_id, q.step, q.path, q.protocol, q.bytes)
    SELECT t.id, t.attempts, t.report_id, t.step, t.path, t.protocol, t.bytes FROM taken t ORDER BY t.id;
END $$;

DROP FUNCTION IF EXISTS to_open_settle(bigint, int);
CREATE OR REPLACE FUNCTION to_open_settle(p_ids bigint[], p_attempts int[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    PERFORM queue_commits_lazily();
    RETURN QUERY DELETE FROM to_open q WHERE q.id = ANY (p_ids) AND q.attempts = p_attempts[array_position(p_ids, q.id)] RETURNING q.id;
END $$;

CREATE OR REPLACE FUNCTION to_open_fail(p_id bigint, p_attempts int, p_error text, p_final boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
BEGIN
    IF p_final OR queue_is_spent(p_attempts) THEN
        PERFORM to_open_set_aside(q.id, p_error) FROM to_open q WHERE q.id = p_id AND q.attempts = p_attempts;
    ELSE
        UPDATE to_open SET error = p_error, not_before = now() + queue_rest(attempts) WHERE id = p_id AND attempts = p_attempts;
    END IF;
END $$;

-- --- again ---

-- Mails to be opened, decoded and verified anew: a key came, was pinned, revoked or distrusted, or somebody asks. Their content stays till then,
-- and what was triaged is not triaged again. Others than judged mails are left alone. How many they are.
CREATE OR REPLACE FUNCTION reports_recheck(p_reports bigint[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE
    v_reports bigint[] := ARRAY(SELECT DISTINCT u.id FROM unnest(p_reports) u(id) WHERE EXISTS (SELECT FROM report_verdict d WHERE d.report_id = u.id) ORDER BY 1);
BEGIN
    -- Signatures inside an encryption show only when it is opened.
    UPDATE report_clear c SET is_stale = true FROM (
        SELECT x.report_id, x.step, x.path FROM report_clear x WHERE x.report_id = ANY (v_reports) AND (x.bytes IS NULL OR x.signatures <> '[]')
        ORDER BY 1, 2, 3 FOR UPDATE) o WHERE c.report_id = o.report_id AND c.step = o.step AND c.path = o.path;
    DELETE FROM to_open q WHERE q.report_id = ANY (v_reports) AND q.failed IS NOT NULL;
    DELETE FROM to_verify q WHERE q.report_id = ANY (v_reports) AND q.failed IS NOT NULL;
    PERFORM inbox_add(u.id) FROM unnest(v_reports) u(id);
    RETURN cardinality(v_reports);
END $$;

CREATE OR REPLACE FUNCTION report_verify(p_report bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE r visible_report;
BEGIN
    SELECT * INTO r FROM visible_report v WHERE v.id = p_report;
    IF r.id IS NULL THEN
        PERFORM refuse('CI404', format('there is no report r%s', p_report));
    ELSIF reports_recheck(ARRAY[p_report]) = 0 THEN
        PERFORM refuse('CI409', format('report r%s is %s', p_report, CASE WHEN r.channel = 'mail' THEN r.state || ', its signature was not looked at yet' ELSE 'no mail' END),
                       format('cirt report show r%s', p_report), json_build_object('state', r.state));
    END IF;
END $$;
