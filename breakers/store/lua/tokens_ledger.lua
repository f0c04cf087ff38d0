-- Opens one part of the ledger; put before every tokens verb. KEYS[1]: "run id, since when this part has been complete".
-- A bucket is {since, at, rate, burst, level, spilled, told, holders}; a holder is {n, idle, need, seq, at, spilled,
-- expiry}. Times in µs. `spilled` counts refill that found the bucket full, and so tells what late news of use frees.
local clock, never = redis.call('TIME'), 9e15
local now = clock[1] * 1000000 + clock[2]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local known, since = string.match(redis.call('GET', KEYS[1]) or '', '(%w+) (%d+)')
since = known == run and tonumber(since) or now
if since == now then redis.call('SET', KEYS[1], run .. ' ' .. string.format('%.0f', now)) end

local function refill(bucket, to)
  local gained = math.max(0, to - bucket.at) * bucket.rate / 1000000
  local added = math.min(gained, math.max(0, bucket.burst - bucket.leased - bucket.level))
  bucket.level, bucket.spilled = bucket.level + added, bucket.spilled + gained - added
  bucket.at = math.max(bucket.at, to)
end

-- A lease ends in its turn: what it held is gone, and from then on the bucket has room for that much.
local function lapse(bucket)
  while true do
    local first, expiry = nil, now
    for holder, record in pairs(bucket.holders) do
      if record.expiry <= expiry then first, expiry = holder, record.expiry end
    end
    if not first then return end
    refill(bucket, expiry)
    bucket.leased = bucket.leased - bucket.holders[first].n
    bucket.holders[first] = nil
  end
end

-- The bucket as it is now, or how long the ledger stays blind: leases from before its time may still be used.
local function load(key, lease, rate, burst, created)
  local packed = redis.call('GET', key)
  local bucket = packed and cmsgpack.unpack(packed)
  if bucket and bucket.since == since then
    bucket.leased = 0
    for _, record in pairs(bucket.holders) do bucket.leased = bucket.leased + record.n end
    local revised = bucket.rate ~= rate or bucket.burst ~= burst
    bucket.rate = math.min(bucket.rate, rate)
    lapse(bucket)
    refill(bucket, now)
    if revised then
      -- The level stays. What was spilled under other terms is forgotten.
      bucket.level, bucket.spilled = math.min(bucket.level, math.max(0, burst - bucket.leased)), 0
      for _, record in pairs(bucket.holders) do record.spilled = 0 end
    end
  else
    local sighted = now - since - lease
    if created > since then sighted = never elseif sighted < 0 then return nil, -sighted end
    bucket = {since = since, at = now, level = math.min(burst, sighted * rate / 1000000),
      spilled = 0, told = 0, leased = 0, holders = {}}
  end
  bucket.rate, bucket.burst = rate, burst
  return bucket, 0
end

-- Kept until it is full again, and until a bucket that this ledger does not know counts as full.
local function save(key, lease, bucket)
  local full = bucket.burst / bucket.rate * 1000000
  local rest = bucket.leased > 0 and lease + full or (bucket.burst - bucket.level) / bucket.rate * 1000000
  bucket.leased = nil
  if not next(bucket.holders) then bucket.spilled = 0 else rest = math.max(rest, lease) end
  local ttl = math.max(rest, since + lease + full - now)
  redis.call('SET', key, cmsgpack.pack(bucket), 'PX', string.format('%.0f', math.ceil(ttl / 1000) + 1))
end
