-- Lease one trial call of a half-open circuit, fleet-wide; a lease that is never settled lapses.
-- KEYS circuit permits  ARGV epoch permit permitted lease_ms
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[1], 'state') ~= 'HALF_OPEN' then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local settled = tonumber(redis.call('HGET', KEYS[1], 'granted') or 0)
if redis.call('ZCARD', KEYS[2]) + settled >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[4]), ARGV[2])
redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[4]) + 1000)
return 1
