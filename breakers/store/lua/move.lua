-- Compare the epoch and set the next state; tell everyone, and log the move with the failures that led to it.
-- KEYS circuit window tail permits failures log
-- ARGV epoch to reason wait_ms openings outage(0|1) channel slug log-kept
if (redis.call('HGET', KEYS[1], 'epoch') or '0') ~= ARGV[1] then return false end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = string.format('%.0f', math.max(now, tonumber(ARGV[1]) + 1))
local text = string.format('%.0f', now)
local from = redis.call('HGET', KEYS[1], 'state') or 'CLOSED'
local since = redis.call('HGET', KEYS[1], 'since') or '0'
local began = redis.call('HGET', KEYS[1], 'outage') or '0'
local outage = ARGV[6] == '0' and '0' or (began == '0' and text or began)
local untilms = ARGV[2] == 'OPEN' and string.format('%.0f', now + tonumber(ARGV[4])) or '0'
redis.call('HSET', KEYS[1], 'epoch', epoch, 'state', ARGV[2], 'since', text, 'until', untilms, 'reason', ARGV[3],
  'openings', ARGV[5], 'outage', outage, 'streak', 0, 'passed', 0, 'granted', 0)
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
local failures = ARGV[2] == 'OPEN' and redis.call('LRANGE', KEYS[5], 0, 9) or {}
local entry = {epoch = epoch, at = text, from = from, to = ARGV[2], reason = ARGV[3], wait = ARGV[4], since = since}
entry.failures = #failures > 0 and failures or nil
redis.call('RPUSH', KEYS[6], cjson.encode(entry))
redis.call('LTRIM', KEYS[6], -tonumber(ARGV[9]), -1)
local circuit = redis.call('HGETALL', KEYS[1])
redis.call('PUBLISH', ARGV[7], cjson.encode({k = 'state', t = ARGV[8], c = circuit}))
return circuit
