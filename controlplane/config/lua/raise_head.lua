-- Point the head at a version, unless it already points further; ARGV[2] = "1" lowers it too.
-- KEYS[1] head   ARGV[1] number   ARGV[2] force
local present = tonumber(redis.call('GET', KEYS[1]) or '-1')
local number = tonumber(ARGV[1])
if present > number and ARGV[2] ~= '1' then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
