-- Takes back and leases tokens of many buckets for one holder, and tells the others whom that concerns.
-- KEYS: part of the ledger, then a bucket for each ask. ARGV: holder, sequence number, lease µs, push channel, asks.
-- Answer: for each ask {state, granted, level, µs until the next token (or until the ledger sees again), elsewhere}.
local holder, seq, lease, pushed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), {}
local told_again, deaf = 50000, 500000

-- What others need and have leased; what they could give back when told; whether one has yet to answer the last telling.
local function survey(bucket)
  local need, leased, hope, silent = 0, 0, 0, false
  for other, record in pairs(bucket.holders) do
    if other ~= holder then need, leased = need + record.need, leased + record.n end
    if other ~= holder and record.n > 0 and now - record.at < deaf then
      hope = hope + math.max(record.idle, math.min(record.n, bucket.spilled - record.spilled))
      silent = silent or record.at <= bucket.told
    end
  end
  return need, leased, hope, silent
end

-- The holder states what it keeps. Use that it tells of late frees what has been spilled since.
local function settle(bucket, mine, keep, back, age)
  back = math.min(back, mine.n - keep)
  local spent = mine.n - keep - back
  local spilled = bucket.spilled - mine.spilled - math.max(0, now - age - mine.at) * bucket.rate / 1000000
  local freed = math.max(0, math.min(spent, spilled))
  bucket.spilled, bucket.level = bucket.spilled - freed, bucket.level + freed + back
  bucket.leased = bucket.leased - spent - back
end

local function exchange(key, id, keep, back, need, want, age, rate, burst, created)
  local bucket, blind = load(key, lease, rate, burst, created * 1000)
  if not bucket then return {'blind', 0, 0, math.ceil(blind), false} end
  local mine = bucket.holders[holder] or {n = 0, seq = 0, at = now, spilled = bucket.spilled}
  if seq <= mine.seq then return {'lost', 0, 0, 0, false} end
  local state = keep > mine.n and 'lost' or 'held'
  if state == 'lost' then keep, back = 0, 0 end
  settle(bucket, mine, keep, back, age)
  bucket.level = math.min(bucket.level, math.max(0, burst - bucket.leased))

  local theirs, leased, hope, silent = survey(bucket)
  local free = math.floor(bucket.level)
  local needed = math.min(need, free)
  local spare = theirs > 0 and 0 or leased > 0 and math.floor((free - needed) / 2) or free - needed
  local extra = math.max(0, math.min(want - need, spare))
  local granted, unmet = needed + extra, need - needed
  bucket.level, bucket.leased = bucket.level - granted, bucket.leased + granted

  -- Whoever was told hears the answer, also when it is no.
  local answered = theirs > 0 and (bucket.level >= 1 or (mine.at <= bucket.told and mine.n > 0))
  if answered then for _, record in pairs(bucket.holders) do record.need = 0 end end
  local tell = now - bucket.told >= told_again
  local elsewhere = bucket.level < 1 and bucket.level + hope >= 1 and (tell or silent)
  tell = tell and elsewhere and unmet > 0
  if tell then bucket.told = now end
  if answered or tell then table.insert(pushed, id) end

  local n = keep + granted
  bucket.holders[holder] = (n > 0 or unmet > 0) and {n = n, idle = keep + extra, need = unmet, seq = seq, at = now,
    spilled = bucket.spilled, expiry = now + lease} or nil
  local level = bucket.level
  save(key, lease, bucket)
  return {state, granted, level, level < 1 and math.ceil((1 - level) / rate * 1000000) or 0, elsewhere}
end

local answers = {}
for i, ask in ipairs(cmsgpack.unpack(ARGV[5])) do answers[i] = exchange(KEYS[i + 1], unpack(ask)) end
if #pushed > 0 then redis.call('PUBLISH', ARGV[4], cjson.encode({k = 'tokens', ids = pushed})) end
return cmsgpack.pack(answers)
