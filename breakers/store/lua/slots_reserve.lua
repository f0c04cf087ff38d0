-- Puts one slot under a name with an expiry of its own: renewed, taken from a giver's lease, or from what is free.
-- ARGV: id, name, ttl ms, giver or "", sequence number, limit, timeout, period, created, lease (ms), claim ms, channel.
-- With a claim a reservation that is refused keeps the next free slot for itself, for so long.
-- Answer: {0 refused | 1 granted | 2 taken from the giver, wait ms}.
local id, name, giver = ARGV[1], ARGV[2], ARGV[4]
local ttl, seq, limit, timeout, period = tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local claim, claiming, claims = tonumber(ARGV[11]), 'claim:' .. name, 0
local records, total = load(id, timeout, period)
local held, from, source = records[name], records[giver], 1
if claim == 0 then
  for other, record in pairs(records) do if record.claim and other ~= claiming then claims = claims + record.need end end
end
local blind = blind_for(tonumber(ARGV[9]), tonumber(ARGV[10]), timeout, period)
if held and held.expiry <= now then
  -- Its call may have been sent: it cools under another name, and a new slot is needed.
  records[name .. '~' .. string.format('%.0f', held.expiry)], held = held, nil
end
if from and from.n > 0 and seq > from.seq and not held then
  from.n, from.seq, source = from.n - 1, seq, 2
elseif not held and (blind > 0 or total + claims >= limit) then
  if claim > 0 and blind == 0 then
    records[claiming] = {n = 0, expiry = now + claim, timeout = timeout, need = 1, ready = never, seq = 0, told = 0, claim = true}
    save(id, records)
    redis.call('PUBLISH', ARGV[12], cjson.encode({k = 'slots', ids = {tonumber(id)}}))
  end
  return {0, blind}
end
records[claiming] = nil
records[name] = {n = 1, expiry = now + ttl, timeout = timeout, need = 0, ready = never, seq = 0, told = 0}
save(id, records)
return {source, 0}
