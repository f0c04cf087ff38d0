-- Renews, takes back and leases slots of many contracts at once, and tells the owners whom that concerns.
-- ARGV: lease ms, sequence number, push channel, asks. Answer per ask: {slots owned or -1, owed, elsewhere, wait ms}.
local lease, seq, pushed = tonumber(ARGV[1]), tonumber(ARGV[2]), {}

local function survey(records, holder, timeout, period)
  local demand, claims, owners, poorest, soonest, idle = 0, 0, 1, never, never, false
  for other, record in pairs(records) do
    if other ~= holder then
      local alive = record.expiry > now
      if alive then demand, owners = demand + record.need, owners + (record.seq > 0 and 1 or 0) end
      if alive and record.claim then claims = claims + record.need
      elseif alive and record.need > 0 then poorest = math.min(poorest, record.n) end
      idle = idle or (alive and record.ready <= now)
      soonest = math.min(soonest, alive and record.ready or cold_at(record, timeout, period))
    end
  end
  return demand, claims, owners, poorest, soonest, idle
end

local function exchange(id, holder, keep, valid, want, need, ready, limit, timeout, period, created)
  local records, total = load(id, timeout, period)
  local mine = records[holder] or {n = 0, need = 0, ready = never, seq = 0, told = 0}
  local blind = blind_for(created, lease, timeout, period)
  if seq <= mine.seq then return {mine.n, 0, 0, -1} end
  -- While the ledger is blind, it believes an owner whose lease still holds; nobody else can be given those slots.
  if keep > mine.n and not (valid and blind > 0) then return {-1, 0, 0, blind} end
  local demand, claims, owners, poorest, soonest, idle = survey(records, holder, timeout, period)
  if blind > 0 then demand, claims, soonest, idle = 0, 0, now + blind, false end
  local free, grant = limit - total + mine.n - keep, 0
  local gives_way = need == 0 or keep >= limit / owners or keep < mine.n  -- what it lets go is not for itself
  local mine_to_take = free - (gives_way and demand or claims)
  if blind == 0 and mine_to_take > 0 then grant = math.min(want, math.ceil(mine_to_take / 2)) end
  free = free - grant
  local n, ready_at = keep + grant, (grant > need and now) or (ready < 0 and never) or now + ready
  local owed = math.max(0, demand - free)
  if need > 0 then
    -- In need itself, it evens things out with the poorest: never so far that the same slot would come back.
    local fair = (poorest == 0 or poorest + 1 < n) and math.max(1, math.floor((n - poorest) / 2)) or 0
    owed = math.min(owed, math.max(-free, fair, claims - free))
  end
  owed = math.min(owed, keep)  -- what is granted is used once before it goes on, or it would go round unused
  local told = need > 0 and grant == 0 and idle and now - mine.told >= 20
  if told or (demand > 0 and (n < mine.n or (mine.ready <= now and ready_at > now))) then table.insert(pushed, id) end
  records[holder] = (n > 0 or need > 0) and {n = n, expiry = now + lease, timeout = timeout, need = need,
    ready = ready_at, seq = seq, told = told and now or mine.told} or nil
  save(id, records)
  return {n, owed, idle and 1 or 0, soonest < never and math.max(0, soonest - now) or -1}
end

local answers = {}
for i, ask in ipairs(cmsgpack.unpack(ARGV[4])) do answers[i] = exchange(unpack(ask)) end
if #pushed > 0 then redis.call('PUBLISH', ARGV[3], cjson.encode({k = 'slots', ids = pushed})) end
return answers
