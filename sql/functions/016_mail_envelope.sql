-- How the MTA handed a message over: who it says sent it, and for which of our addresses.
CREATE OR REPLACE FUNCTION mail_envelope(p_report bigint, p_from text, p_recipients text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = cirt, pg_temp AS
$$ INSERT INTO report_mail (report_id, received, mail_from, recipients) VALUES (p_report, now(), p_from, p_recipients) $$;
