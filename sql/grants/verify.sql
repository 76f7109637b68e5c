GRANT EXECUTE ON FUNCTION to_verify_claim TO cirt_verify;
GRANT EXECUTE ON FUNCTION to_verify_settle TO cirt_verify;
GRANT EXECUTE ON FUNCTION to_verify_fail TO cirt_verify;
GRANT EXECUTE ON FUNCTION to_verify_parts TO cirt_verify;
GRANT EXECUTE ON FUNCTION pinned_keys TO cirt_verify;
GRANT EXECUTE ON FUNCTION pinned_identities TO cirt_verify;
GRANT EXECUTE ON FUNCTION report_verdict_store TO cirt_verify;
