GRANT EXECUTE ON FUNCTION callers TO cirt_intake;
GRANT EXECUTE ON FUNCTION report_begin TO cirt_intake;
GRANT EXECUTE ON FUNCTION report_raw_add TO cirt_intake;
GRANT EXECUTE ON FUNCTION report_rows TO cirt_intake;
GRANT EXECUTE ON FUNCTION reports_insert TO cirt_intake;
GRANT EXECUTE ON FUNCTION report_of_sender TO cirt_intake;
GRANT EXECUTE ON FUNCTION incoming_insert TO cirt_intake;
GRANT EXECUTE ON FUNCTION incoming_issuer_may TO cirt_intake;
