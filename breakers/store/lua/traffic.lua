-- Add seconds of traffic, whatever the epoch, and remember the last failures.
-- KEYS traffic failures  ARGV seconds(msgpack of {age, counts}) failures(msgpack of JSON texts) seconds-kept failures-kept
local now, kept = tonumber(redis.call('TIME')[1]), tonumber(ARGV[3])
for _, entry in ipairs(cmsgpack.unpack(ARGV[1])) do
  for _, field in ipairs({now - entry[1], 'total'}) do
    local packed = redis.call('HGET', KEYS[1], field)
    local sum = packed and cmsgpack.unpack(packed) or {}
    for i, n in ipairs(entry[2]) do sum[i] = (sum[i] or 0) + n end
    redis.call('HSET', KEYS[1], field, cmsgpack.pack(sum))
  end
end
if redis.call('HLEN', KEYS[1]) > kept + 60 then
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if field ~= 'total' and tonumber(field) <= now - kept then redis.call('HDEL', KEYS[1], field) end
  end
end
local failures = cmsgpack.unpack(ARGV[2])
if #failures > 0 then
  redis.call('LPUSH', KEYS[2], unpack(failures))
  redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[4]) - 1)
end
