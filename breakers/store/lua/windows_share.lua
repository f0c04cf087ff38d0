-- Add counts by second to sliding windows, drop what has left them, and return what they then hold.
-- KEYS one hash a window: second -> count, `total`, `first` (the oldest second that may count)
-- ARGV msgpack of {window-s, since, {{age, count}, ...}} for each key
-- Returns {now, {total, since, second, count, second, count, ...} for each key}
local now, answers = tonumber(redis.call('TIME')[1]), {}
for i, ask in ipairs(cmsgpack.unpack(ARGV[1])) do
  local key, window, oldest = KEYS[i], ask[1], now - ask[1] + 1
  local kept = redis.call('HMGET', key, 'total', 'first')
  local total, first = tonumber(kept[1] or 0), tonumber(kept[2] or oldest)
  if oldest - first >= window then
    redis.call('DEL', key)
    total = 0
  else
    for second = first, oldest - 1 do
      local count = redis.call('HGET', key, second)
      if count then
        total = total - count
        redis.call('HDEL', key, second)
      end
    end
  end
  for _, told in ipairs(ask[3]) do
    if told[1] < window then
      redis.call('HINCRBY', key, now - told[1], told[2])
      total = total + told[2]
    end
  end
  local since = math.max(ask[2], oldest)
  local answer = {total, since}
  if total > 0 then
    redis.call('HSET', key, 'total', total, 'first', oldest)
    redis.call('EXPIRE', key, window + 1)
    local seconds = {}
    for second = since, now do seconds[#seconds + 1] = second end
    for n, count in ipairs(#seconds > 0 and redis.call('HMGET', key, unpack(seconds)) or {}) do
      if count then
        answer[#answer + 1] = seconds[n]
        answer[#answer + 1] = tonumber(count)
      end
    end
  else
    redis.call('DEL', key)
  end
  answers[i] = answer
end
return {now, answers}
