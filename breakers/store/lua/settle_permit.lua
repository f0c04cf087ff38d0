-- Give a trial call's permit back with its verdict; returns the successes so far, or -1 when the circuit has moved on.
-- KEYS circuit permits  ARGV epoch permit verdict(passed|failed|returned)
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return -1 end
if redis.call('ZREM', KEYS[2], ARGV[2]) == 0 then return -1 end
if ARGV[3] ~= 'returned' then redis.call('HINCRBY', KEYS[1], 'granted', 1) end
return redis.call('HINCRBY', KEYS[1], 'passed', ARGV[3] == 'passed' and 1 or 0)
