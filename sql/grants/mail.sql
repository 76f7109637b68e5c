GRANT EXECUTE ON FUNCTION mails_insert TO cirt_mail;
