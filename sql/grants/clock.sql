GRANT EXECUTE ON FUNCTION clock_partitions TO cirt_clock;
GRANT EXECUTE ON FUNCTION clock_escalate TO cirt_clock;
GRANT EXECUTE ON FUNCTION clock_waiting TO cirt_clock;
GRANT EXECUTE ON FUNCTION clock_expire TO cirt_clock;
GRANT EXECUTE ON FUNCTION clock_digests TO cirt_clock;
GRANT EXECUTE ON FUNCTION clock_anchor TO cirt_clock;
GRANT EXECUTE ON FUNCTION clock_key_warnings TO cirt_clock;
