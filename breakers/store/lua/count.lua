-- Add the outcomes of one epoch, in order, and return what the windows then hold.
-- KEYS circuit window tail  ARGV epoch codes windows(msgpack) channel slug
-- A code is 64 + 1 for a failure + 2, 4, 8, 16 for each slow mark that the call reached.
local time = redis.call('TIME')
local now, streak = tonumber(time[1]), tonumber(redis.call('HGET', KEYS[1], 'streak') or 0)
if (redis.call('HGET', KEYS[1], 'epoch') or '0') ~= ARGV[1] then
  return {0, 0, '', time[1], time[2], redis.call('HGETALL', KEYS[1])}
end
local windows, before, peak, longest, tail = cmsgpack.unpack(ARGV[3]), streak, 0, 1, 0
for _, w in ipairs(windows) do
  if w[1] == 'COUNT_BASED' then tail = math.max(tail, w[2]) else longest = math.max(longest, w[2]) end
end
local packed = redis.call('HGET', KEYS[2], now)
local counts = packed and cmsgpack.unpack(packed) or {0, 0, 0, 0, 0, 0}
for i = 1, #ARGV[2] do
  local bits = ARGV[2]:byte(i) - 64
  streak = bits % 2 == 1 and streak + 1 or 0
  peak, counts[1] = math.max(peak, streak), counts[1] + 1
  for field = 2, 6 do counts[field], bits = counts[field] + bits % 2, math.floor(bits / 2) end
end
redis.call('HSET', KEYS[2], now, cmsgpack.pack(counts))
redis.call('EXPIRE', KEYS[2], longest + 1)
redis.call('HSET', KEYS[1], 'streak', streak)
if (before == 0) ~= (streak == 0) then
  redis.call('PUBLISH', ARGV[4], cjson.encode({k = 'streak', t = ARGV[5], n = streak}))
end
if redis.call('HLEN', KEYS[2]) > 2 * longest + 8 then
  for _, second in ipairs(redis.call('HKEYS', KEYS[2])) do
    if tonumber(second) <= now - longest then redis.call('HDEL', KEYS[2], second) end
  end
end
local last = tail > 0 and ((redis.call('GET', KEYS[3]) or '') .. ARGV[2]):sub(-tail) or ''
if tail > 0 then redis.call('SET', KEYS[3], last) end
local totals = {}
for n, w in ipairs(windows) do
  local calls, failures, slow = 0, 0, 0
  if w[1] == 'COUNT_BASED' then
    local part = last:sub(-w[2])
    calls = #part
    for i = 1, calls do
      local bits = part:byte(i) - 64
      failures = failures + bits % 2
      if w[3] > 0 then slow = slow + math.floor(bits / 2 ^ w[3]) % 2 end
    end
  else
    local seconds = {}
    for second = now - w[2] + 1, now do seconds[#seconds + 1] = second end
    for _, value in ipairs(redis.call('HMGET', KEYS[2], unpack(seconds))) do
      if value then
        local c = cmsgpack.unpack(value)
        calls, failures, slow = calls + c[1], failures + c[2], slow + (w[3] > 0 and c[2 + w[3]] or 0)
      end
    end
  end
  totals[n] = {calls, failures, slow}
end
return {1, peak, cmsgpack.pack(totals), time[1], time[2], redis.call('HGETALL', KEYS[1])}
