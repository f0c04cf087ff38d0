-- Add one process's counts, once: a batch whose number is not higher than its last one was added already.
-- KEYS batches marks used totals, then a minute and a second for each minute and second of the batch
-- ARGV sender number ttl-of-senders-s minutes(msgpack of {minute, ttl-s, {field, n, ...}})
--      seconds(msgpack of {second, ttl-s, fields-kept, {field, n, ...}}) totals(msgpack of {field, n, ...})
--      used(msgpack of {key, second, ...})
if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
local at = 4
for _, entry in ipairs(cmsgpack.unpack(ARGV[4])) do
  at = at + 1
  for i = 1, #entry[3], 2 do redis.call('HINCRBY', KEYS[at], entry[3][i], entry[3][i + 1]) end
  redis.call('EXPIRE', KEYS[at], entry[2])
  redis.call('HINCRBY', KEYS[2], entry[1], 1)
end
for _, entry in ipairs(cmsgpack.unpack(ARGV[5])) do
  at = at + 1
  local room = entry[3] - redis.call('HLEN', KEYS[at])
  for i = 1, #entry[4], 2 do
    local known = room <= 0 and redis.call('HEXISTS', KEYS[at], entry[4][i]) == 1
    if room > 0 or known then
      if redis.call('HINCRBY', KEYS[at], entry[4][i], entry[4][i + 1]) == entry[4][i + 1] then room = room - 1 end
    end
  end
  redis.call('EXPIRE', KEYS[at], entry[2])
end
local totals, used = cmsgpack.unpack(ARGV[6]), cmsgpack.unpack(ARGV[7])
for i = 1, #totals, 2 do redis.call('HINCRBY', KEYS[4], totals[i], totals[i + 1]) end
for i = 1, #used, 2 do
  if used[i + 1] > tonumber(redis.call('HGET', KEYS[3], used[i]) or 0) then
    redis.call('HSET', KEYS[3], used[i], used[i + 1])
  end
end
return 1
