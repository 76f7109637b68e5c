-- The first identity of a new site: an admin, who then registers everybody else through the API.
CREATE OR REPLACE FUNCTION first_admin(p_login text, p_key bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = cirt, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
    IF EXISTS (SELECT FROM registered_key k JOIN identity i ON i.id = k.identity_id WHERE k.key_sha256 = p_key AND i.login = p_login) THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM identity WHERE role = 'admin') THEN
        RAISE EXCEPTION 'there is an admin already' USING ERRCODE = 'CI409', HINT = 'an admin adds others: cirt analyst add LOGIN --role admin --key CERT';
    END IF;
    INSERT INTO identity (login, role) VALUES (p_login, 'admin') RETURNING id INTO v_id;
    INSERT INTO registered_key (key_sha256, identity_id) VALUES (p_key, v_id);
    PERFORM journal_append(0, 'cirtd migrate', 'identity added', p_login, jsonb_build_object('role', 'admin', 'key', encode(p_key, 'hex')));
END $$;
