-- name: partitions
SELECT done, more FROM clock_partitions()

-- name: escalate
SELECT done, more FROM clock_escalate()

-- name: waiting
SELECT done, more FROM clock_waiting()

-- name: expire
SELECT done, more FROM clock_expire()

-- name: digests
SELECT done, more FROM clock_digests()

-- name: anchor
SELECT done, more FROM clock_anchor()

-- name: key_warnings
SELECT done, more FROM clock_key_warnings()

-- name: keys_forgotten
SELECT done, more FROM clock_keys_forgotten()
