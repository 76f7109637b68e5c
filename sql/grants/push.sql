GRANT EXECUTE ON FUNCTION push_claim TO cirt_push;
GRANT EXECUTE ON FUNCTION push_settle TO cirt_push;
GRANT EXECUTE ON FUNCTION push_fail TO cirt_push;
GRANT EXECUTE ON FUNCTION push_answered TO cirt_push;
GRANT EXECUTE ON FUNCTION push_stopped TO cirt_push;
