GRANT EXECUTE ON FUNCTION fetch_folders TO cirt_fetch;
GRANT EXECUTE ON FUNCTION fetch_report TO cirt_fetch;
GRANT EXECUTE ON FUNCTION fetch_raw_add TO cirt_fetch;
GRANT EXECUTE ON FUNCTION fetch_refused TO cirt_fetch;
GRANT EXECUTE ON FUNCTION fetch_claim TO cirt_fetch;
GRANT EXECUTE ON FUNCTION fetch_polled TO cirt_fetch;
GRANT EXECUTE ON FUNCTION fetch_settle TO cirt_fetch;
GRANT EXECUTE ON FUNCTION fetch_fail TO cirt_fetch;
