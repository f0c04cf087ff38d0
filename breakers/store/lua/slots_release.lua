-- Ends a reservation: its slot is busy for one period more. ARGV: id, name, timeout, period (ms). Answer: 1, or 0 when there is none.
local id, name, timeout, period = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local records = load(id, timeout, period)
local held = records[name]
if not held then return 0 end
-- Unique by time; the timeout is taken off because nothing is on its way any more.
local cooling = name .. '~' .. string.format('%.0f', now)
held.n = held.n + (records[cooling] and records[cooling].n or 0)
held.expiry, held.timeout = now - timeout, timeout
records[name], records[cooling] = nil, held
save(id, records)
return 1
