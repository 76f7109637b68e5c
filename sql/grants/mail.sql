GRANT EXECUTE ON FUNCTION mail_insert TO cirt_mail;
