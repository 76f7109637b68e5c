GRANT EXECUTE ON FUNCTION to_open_claim TO cirt_seal;
GRANT EXECUTE ON FUNCTION to_open_settle TO cirt_seal;
GRANT EXECUTE ON FUNCTION to_open_fail TO cirt_seal;
GRANT EXECUTE ON FUNCTION pinned_keys TO cirt_seal;
GRANT EXECUTE ON FUNCTION report_opened TO cirt_seal;
