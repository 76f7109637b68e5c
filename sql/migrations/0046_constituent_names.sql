-- Whose names lie below a domain (049_victim.sql).
CREATE INDEX constituent_domain_reverse ON constituent_domain (reverse(domain) text_pattern_ops);
