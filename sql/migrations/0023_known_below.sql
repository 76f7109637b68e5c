-- Names below a domain are found by their reversed form, of which its own is the beginning.
CREATE INDEX warninglist_entry_below ON warninglist_entry (reverse(value) text_pattern_ops);
