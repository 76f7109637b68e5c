-- Verdicts on mails, those of a batch at once. p_needed, p_unknown, p_to are arrays of text[] as text, p_payloads of bytea[]. Plans as in 025_mail.sql.

-- The reports whose signed payloads these repeat, or NULL for each that is the first. A verified one is never the copy of one that is not: who sends
-- another's words before they themselves do would otherwise be the original.
DROP FUNCTION IF EXISTS verdict_copy_of(bigint, timestamptz, text, bytea[]);
CREATE OR REPLACE FUNCTION verdicts_copy_of(p_reports bigint[], p_received timestamptz[], p_summary text[], p_payloads text[]) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_originals bigint[];
    v_original bigint;
    v_at int;
BEGIN
    INSERT INTO signed_payload (sha256, report_id, received)
        SELECT DISTINCT ON (s.sha256) s.sha256, u.id, u.received
        FROM unnest(p_reports, p_received, p_payloads) WITH ORDINALITY u(id, received, payloads, ord), unnest(u.payloads::bytea[]) s(sha256) ORDER BY s.sha256, u.ord
        ON CONFLICT DO NOTHING;
    SELECT array_agg((SELECT s.report_id FROM signed_payload s WHERE s.sha256 = ANY (u.payloads::bytea[]) AND s.report_id <> u.id ORDER BY s.received, s.report_id LIMIT 1)
                     ORDER BY u.ord)
        INTO v_originals FROM unnest(p_reports, p_payloads) WITH ORDINALITY u(id, payloads, ord);
    FOR i IN 1..cardinality(p_reports) LOOP
        CONTINUE WHEN v_originals[i] IS NULL;
        -- One before it in this batch may have taken the place meanwhile.
        SELECT s.report_id INTO v_original FROM signed_payload s WHERE s.sha256 = ANY (p_payloads[i]::bytea[]) AND s.report_id <> p_reports[i]
            ORDER BY s.received, s.report_id LIMIT 1;
        v_at := array_position(p_reports[:i - 1], v_original);
        IF p_summary[i] <> 'verified' OR coalesce(p_summary[v_at],
               (SELECT d.summary FROM report_verdict d WHERE d.report_id = v_original ORDER BY d.checked DESC LIMIT 1)) = 'verified' THEN
            v_originals[i] := v_original;
        ELSE
            UPDATE signed_payload s SET report_id = p_reports[i], received = p_received[i] WHERE s.sha256 = ANY (p_payloads[i]::bytea[]);
            v_originals[i] := NULL;
        END IF;
    END LOOP;
    RETURN v_originals;
END $$;

-- A key that was pinned or revoked after its mail came, but before the verdict was written, was perhaps not there when the signature was looked at; and whoever changed
-- it found no verdict to have judged again. So they are judged once more; likewise where our key arrived while the mail was being opened.
CREATE OR REPLACE FUNCTION verdicts_outrun(p_reports bigint[], p_received timestamptz[], p_encryption text[], p_parts text[], p_needed text[], p_unknown text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_first timestamptz := (SELECT min(u) FROM unnest(p_received) u);
    v_reports bigint[];
BEGIN
    IF NOT 'undecryptable' = ANY (p_encryption) AND NOT EXISTS (SELECT FROM mail_key k WHERE k.changed > v_first) THEN
        RETURN;
    END IF;
    v_reports := ARRAY(
        SELECT u.id FROM unnest(p_reports, p_received, p_encryption, p_parts, p_needed, p_unknown) u(id, received, encryption, parts, needed, unknown)
        LEFT JOIN LATERAL (SELECT d.checked FROM report_verdict d WHERE d.report_id = u.id ORDER BY d.checked DESC OFFSET 1 LIMIT 1) b ON true
        WHERE EXISTS (SELECT FROM mail_key k WHERE k.changed > greatest(u.received, b.checked)
                      AND (k.fingerprint = ANY (u.unknown::text[]) OR k.key_ids && ARRAY(SELECT right(x, 16) FROM unnest(u.unknown::text[]) x)
                           OR (k.revoked > greatest(u.received, b.checked)
                               AND k.fingerprint IN (SELECT p ->> 'fingerprint' FROM jsonb_array_elements(u.parts::jsonb) p))))
            OR (u.encryption = 'undecryptable' AND b.checked IS NULL
                AND EXISTS (SELECT FROM own_key o WHERE o.gone IS NULL AND o.can_decrypt AND o.key_ids && u.needed::text[])));
    IF cardinality(v_reports) > 0 THEN
        PERFORM reports_recheck(v_reports);
    END IF;
END $$;

-- Writes the verdicts, and lets the reports go on: to triage the first time; again where one was held and its verdict is another now. What was
-- triaged, or dropped, stays as it is.
DROP FUNCTION IF EXISTS verdict_write(bigint, text, text, text, text, text, text, timestamptz, jsonb, text, text, text[], text[], bytea[], text[]);
DROP FUNCTION IF EXISTS is_our_address(text);
CREATE OR REPLACE FUNCTION verdicts_write(
    p_reports bigint[], p_received timestamptz[], p_summary text[], p_encryption text[], p_covers text[], p_signer text[], p_fingerprint text[], p_key_now text[],
    p_signed timestamptz[], p_parts text[], p_protocol text[], p_algorithm text[], p_needed text[], p_unknown text[], p_payloads text[], p_to text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_n int := cardinality(p_reports);
    v_observations int[];
    v_goes boolean[];    -- it was never judged; or was held, and is not what it was
    v_changed boolean[]; -- the verdict is another than the one before
    v_originals bigint[] := array_fill(NULL::bigint, ARRAY[v_n]);
    v_domain text := (SELECT lower(s.domain) FROM site s);
    v_ours text[] := ARRAY(SELECT a FROM own_key k, unnest(k.addresses) a WHERE k.gone IS NULL) || ('incident@' || v_domain);
    v_released bigint[];
BEGIN
    PERFORM reports_lock(p_reports);
    SELECT array_agg(k.observations ORDER BY u.ord), array_agg(k.state = 'decoding' ORDER BY u.ord)
        INTO STRICT v_observations, v_goes
        FROM unnest(p_reports, p_received) WITH ORDINALITY u(id, received, ord) LEFT JOIN report_content k ON k.report_id = u.id AND k.received = u.received;
    IF EXISTS (SELECT FROM unnest(p_payloads) u(payloads) WHERE u.payloads <> '{}') THEN
        v_originals := verdicts_copy_of(p_reports, p_received, p_summary, p_payloads);
    END IF;
    SELECT array_agg((SELECT (d.summary, d.encryption, d.signer, d.copy_of) IS DISTINCT FROM (u.summary, u.encryption, u.signer, u.original)
                      FROM report_verdict d WHERE d.report_id = u.id ORDER BY d.checked DESC LIMIT 1) ORDER BY u.ord)
        INTO v_changed
        FROM unnest(p_reports, p_summary, p_encryption, p_signer, v_originals) WITH ORDINALITY u(id, summary, encryption, signer, original, ord);
    -- Fresh: within a day of its making, with five minutes for clocks that go wrong, and to us inside of what is signed.
    INSERT INTO report_verdict (report_id, received, summary, encryption, covers, signer, fingerprint, key_now, signed, parts, protocol, algorithm,
                                is_fresh, copy_of, needed_keys, unknown_keys)
        SELECT u.id, u.received, u.summary, u.encryption, u.covers, u.signer, u.fingerprint, u.key_now, u.signed, u.parts::jsonb, u.protocol, u.algorithm,
               coalesce(u.summary = 'verified' AND u.original IS NULL AND u.received BETWEEN u.signed - interval '5 minutes' AND u.signed + interval '24 hours'
                   AND EXISTS (SELECT FROM unnest(u.addressed::text[]) a(address)
                               WHERE lower(a.address) = ANY (v_ours) OR (lower(a.address) LIKE 'case+%' AND lower(a.address) LIKE '%@' || v_domain)
                                   OR lower(a.address) IN (SELECT lower(btrim(r, '<>')) FROM report_mail m, unnest(m.recipients) r WHERE m.report_id = u.id)), false),
               u.original, u.needed::text[], u.unknown::text[]
        FROM unnest(p_reports, p_received, p_summary, p_encryption, p_covers, p_signer, p_fingerprint, p_key_now, p_signed, p_parts, p_protocol, p_algorithm,
                    v_originals, p_needed, p_unknown, p_to)
             u(id, received, summary, encryption, covers, signer, fingerprint, key_now, signed, parts, protocol, algorithm, original, needed, unknown, addressed);
    UPDATE report_content k SET state = 'received' FROM unnest(p_reports, p_received, v_goes) u(id, received, goes)
        WHERE u.goes AND k.report_id = u.id AND k.received = u.received AND k.report_id = ANY (p_reports) AND k.received = ANY (p_received);
    IF true = ANY (v_changed) THEN
        WITH gone AS (
            DELETE FROM report_outcome o USING unnest(p_reports, v_changed) u(id, changed)
            WHERE u.changed AND o.report_id = u.id AND o.report_id = ANY (p_reports) AND o.state = 'held' AND o.rule IS NULL AND NOT EXISTS (SELECT FROM incoming n WHERE n.report_id = u.id)
            RETURNING o.report_id)
        SELECT array_agg(g.report_id) INTO v_released FROM gone g;
    END IF;
    PERFORM reports_route((SELECT array_agg(CASE WHEN (u.goes OR u.id = ANY (v_released)) AND NOT EXISTS (SELECT FROM report_outcome o WHERE o.report_id = u.id) THEN u.id
                                                 ELSE 0 END ORDER BY u.ord) FROM unnest(p_reports, v_goes) WITH ORDINALITY u(id, goes, ord)),
                          array_fill('triage'::text, ARRAY[v_n]), p_received, v_observations);
    PERFORM verdicts_outrun(p_reports, p_received, p_encryption, p_parts, p_needed, p_unknown);
    PERFORM pg_notify('cirt_changes', '');
END $$;

-- Of mails in the hands of decode or verify.
DROP FUNCTION IF EXISTS report_verdict_store(bigint, text, text, text, text, text, text, timestamptz, jsonb, text);
DROP FUNCTION IF EXISTS report_verdict_store(bigint, text, text, text, text, text, text, timestamptz, jsonb, text, text, text[], text[], bytea[], text[]);
CREATE OR REPLACE FUNCTION verdicts_store(
    p_reports bigint[], p_summary text[], p_encryption text[], p_covers text[], p_signer text[], p_fingerprint text[], p_key_now text[],
    p_signed timestamptz[], p_parts text[], p_protocol text[], p_algorithm text[], p_needed text[], p_unknown text[], p_payloads text[], p_to text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE v_received timestamptz[];
BEGIN
    SELECT array_agg(coalesce((SELECT i.received FROM inbox i WHERE i.report_id = u.id AND i.attempts > 0 AND i.failed IS NULL LIMIT 1),
                              (SELECT q.received FROM to_verify q WHERE q.report_id = u.id AND NOT q.unwraps AND q.attempts > 0 AND q.failed IS NULL LIMIT 1)) ORDER BY u.ord)
        INTO v_received FROM unnest(p_reports) WITH ORDINALITY u(id, ord);
    PERFORM stage_holds(array_position(v_received, NULL) IS NULL, p_reports[array_position(v_received, NULL)]);
    PERFORM verdicts_write(p_reports, v_received, p_summary, p_encryption, p_covers, p_signer, p_fingerprint, p_key_now, p_signed, p_parts, p_protocol, p_algorithm,
                           p_needed, p_unknown, p_payloads, p_to);
END $$;
