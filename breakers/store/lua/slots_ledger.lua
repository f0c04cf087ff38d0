-- Opens the ledger; put before every slots verb. Fields of the hash: "alive" = run id and since when this ledger has
-- been complete; a contract's id = its records, holder -> {n, expiry, timeout, need, ready, seq, told}. One with `claim` owns nothing and needs what comes free first.
local ledger, clock = KEYS[1], redis.call('TIME')
local now, never = clock[1] * 1000 + math.floor(clock[2] / 1000), 9e15
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local known, since = string.match(redis.call('HGET', ledger, 'alive') or '', '(%w+) (%d+)')
since = known == run and tonumber(since) or now
if since == now then redis.call('HSET', ledger, 'alive', run .. ' ' .. string.format('%.0f', now)) end

-- A holder that did not renew keeps its slots until its last call has ended and cooled.
local function cold_at(record, timeout, period)
  return record.expiry + math.max(record.timeout, timeout) + period
end

local function load(id, timeout, period)
  local packed, total = redis.call('HGET', ledger, id), 0
  local records = packed and cmsgpack.unpack(packed) or {}
  for holder, record in pairs(records) do
    if now >= (record.n > 0 and cold_at(record, timeout, period) or record.expiry) then records[holder] = nil
    else total = total + record.n end
  end
  return records, total
end

local function save(id, records)
  if next(records) then redis.call('HSET', ledger, id, cmsgpack.pack(records)) else redis.call('HDEL', ledger, id) end
end

-- How long nothing may be granted because calls from before this ledger may still count at the provider.
local function blind_for(created, lease, timeout, period)
  return created > since and 0 or math.max(0, since + lease + timeout + period - now)
end
