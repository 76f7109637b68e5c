GRANT EXECUTE ON FUNCTION sender_of_address TO cirt_mail;
GRANT EXECUTE ON FUNCTION reports_insert TO cirt_mail;
GRANT EXECUTE ON FUNCTION mail_envelope TO cirt_mail;
