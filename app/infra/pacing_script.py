"""The Lua in which all workers count together what they start at a provider; asked through `infra.pacing`.

One call is one moment for everybody: the server runs scripts one after another, and the time is the server's own.
Times are whole microseconds. The keys, in order: `state` (a hash: what throttles taught), `own` and `learned` (lists:
what was started in the window of the provider's own limit and of the learned one, as `first last count`: so many were
allowed from `first` on, and will have started at `last`), `batches`
(a hash: who sends, as `until promised slots`), `stated` (a list as the other two, of requests: what was asked in the
window that the service itself states), and `memory`, one for all providers: since when this server remembers.
"""

LEASE = 10.0  # seconds a batch keeps its slots and promises without a sign of life

SCRIPT = """
local state, own_log, learned_log, batches, stated_log, memory = unpack(KEYS)
local op, now, token = ARGV[1], tonumber(ARGV[2]), ARGV[7]
local own, span, most, born = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local SECOND = 1000000
local LEASE = @LEASE@ * SECOND
local FORGET = 900 * SECOND      -- a lesson is forgotten so long after the last throttle
local RECOVERY = 60              -- seconds of sending at a rate that double it
local SLOWEST = 1 / 60           -- messages a second, however often it is halved
local FIRST_HOLD, LONGEST_HOLD = SECOND, 60 * SECOND  -- after a throttle that says no moment
local CHUNK = 50000              -- who waits, waits for what this time brings
local BUSY = 250000              -- when to look again for what others hold
local HEARD_FOR = 60 * SECOND    -- a stated limit holds so long after it was last stated, or for two of its windows
if not now then
  local time = redis.call('TIME')
  now = time[1] * SECOND + time[2]
end

local function whole(number) return string.format('%.0f', number) end
local function get(name) return tonumber(redis.call('HGET', state, name)) or 0 end

local since = tonumber(redis.call('GET', memory))
if not since then
  since = now
  redis.call('SET', memory, whole(now))
end

-- who sends now, and what is promised to the others

local promised, slots, mine = 0, 0, nil
local sending = redis.call('HGETALL', batches)
for index = 1, #sending, 2 do
  local till, some, few = sending[index + 1]:match('^(%d+) (%d+) (%d+)$')
  if tonumber(till) <= now then
    redis.call('HDEL', batches, sending[index])
  else
    slots = slots + few
    if sending[index] == token then mine = {tonumber(some), tonumber(few)} else promised = promised + some end
  end
end

local function keep_batch(some, few)
  redis.call('HSET', batches, token, whole(now + LEASE) .. ' ' .. whole(some) .. ' ' .. whole(few))
end

-- the limits that hold now

local held = get('held')
local rate = get('rate')  -- messages a second that throttles taught; 0: none did
if rate > 0 and now - get('cut') > FORGET then
  redis.call('HDEL', state, 'rate', 'cut', 'taught', 'strikes')
  rate = 0
end

local rules = {}
if own > 0 then rules[1] = {log = own_log, count = own, window = span} end
if rate > 0 then
  local count = math.max(1, math.floor(rate))
  rules[#rules + 1] = {log = learned_log, count = count, window = SECOND * count / rate}
end
local lessons = #rules
if get('stated_until') > now then  -- in requests, of up to `each` messages
  local count, window = get('stated'), get('stated_window')
  rules[#rules + 1] = {log = stated_log, count = count, window = window, each = get('stated_each')}
end

local function read_log(rule)
  rule.entries, rule.used = {}, 0
  local gone = 0
  for _, text in ipairs(redis.call('LRANGE', rule.log, 0, -1)) do
    local first, last, count = text:match('^(%d+) (%d+) (%d+)$')
    if tonumber(last) <= now - rule.window then
      gone = gone + 1
    else
      table.insert(rule.entries, {tonumber(first), tonumber(last), tonumber(count)})
      rule.used = rule.used + count
    end
  end
  if gone > 0 then redis.call('LTRIM', rule.log, gone, -1) end
  local tail = rule.entries[#rule.entries]
  if tail and tail[1] > now then  -- the server's clock was set back: all of it counts as started now
    rule.entries = {{now, now, rule.used}}
    redis.call('DEL', rule.log)
    redis.call('RPUSH', rule.log, whole(now) .. ' ' .. whole(now) .. ' ' .. whole(rule.used))
  end
end

local function note(rule, count, till)  -- all of them will have started by then
  local tail = rule.entries[#rule.entries]
  till = math.max(till, tail and tail[2] or 0)
  if tail and now - tail[1] < rule.window / 100 then
    redis.call('LSET', rule.log, -1, whole(tail[1]) .. ' ' .. whole(till) .. ' ' .. whole(tail[3] + count))
  else
    redis.call('RPUSH', rule.log, whole(now) .. ' ' .. whole(till) .. ' ' .. whole(count))
  end
end

local function wait_for(rule, count)  -- until so many of the window's starts are behind it
  local freed = 0
  for _, entry in ipairs(rule.entries) do
    freed = freed + entry[3]
    if freed >= count then return entry[2] + rule.window - now end
  end
  return BUSY
end

local function look(wanted, is_patient)  -- how many may start now; with none: how long to wait, and why
  if held > now then return 0, held - now, 'held' end
  local room, wait = wanted, 0
  for _, rule in ipairs(rules) do
    read_log(rule)
    local needed, free = 1, rule.count - rule.used - math.ceil(promised / (rule.each or 1))
    if is_patient and not rule.each then
      needed = math.min(wanted, math.max(1, math.floor(rule.count * CHUNK / rule.window)))
    end
    if rule.log == own_log and born < since and since <= now and now < since + rule.window then
      free = 0  -- what was started before the server lost its memory is not known: the window counts as full
      wait = math.max(wait, since + rule.window - now)
    elseif free < needed then
      wait = math.max(wait, wait_for(rule, needed - free))
    end
    room = math.min(room, free * (rule.each or 1))
  end
  if wait > 0 then return 0, wait, 'rate' end
  return room, 0, ''
end

local function keep_keys()
  local longest = math.max(FORGET, held - now)
  for _, rule in ipairs(rules) do longest = math.max(longest, 2 * rule.window) end
  for index = 1, 5 do redis.call('PEXPIRE', KEYS[index], whole(longest / 1000 + 60000)) end
end

-- what may be asked

local ops = {}

function ops.look()
  if #rules == 0 and most == 0 and held <= now then return {-1, -1, 0, ''} end
  local room, wait, why = look(tonumber(ARGV[8]), true)
  if room > 0 and most > 0 and slots >= most then return {0, 0, BUSY, 'slots'} end
  return {room, -1, whole(wait), why}
end

function ops.enter()
  local found = ops.look()
  if found[1] < 1 then return found end
  local few = most > 0 and math.min(most - slots, tonumber(ARGV[9])) or 0
  keep_batch(#rules > 0 and found[1] or 0, few)
  keep_keys()
  return {#rules > 0 and found[1] or -1, most > 0 and few or -1, 0, ''}
end

function ops.start()
  if most > 0 and not mine then return {0, 0, BUSY, 'slots'} end
  if #rules == 0 and held <= now then return {-1, -1, 0, ''} end
  local room, wait, why = look(tonumber(ARGV[8]), false)
  if room < 1 then return {0, 0, whole(wait), why} end
  for _, rule in ipairs(rules) do note(rule, rule.each and 1 or room, now + tonumber(ARGV[9])) end
  if mine then keep_batch(math.max(0, mine[1] - room), mine[2]) end
  keep_keys()
  return {room, -1, 0, ''}
end

function ops.renew()
  if not mine then return {0} end
  keep_batch(mine[1], mine[2])
  return {1}
end

function ops.leave()
  redis.call('HDEL', batches, token)
  local went_well = tonumber(ARGV[8])
  if rate > 0 and went_well > 0 then
    rate = rate + went_well / RECOVERY
    local enough = own > 0 and own * SECOND / span or 4 * get('taught')
    if rate >= enough then
      redis.call('HDEL', state, 'rate', 'cut', 'taught', 'strikes')
    else
      redis.call('HSET', state, 'rate', tostring(rate), 'strikes', 0)
    end
  end
  return {1}
end

function ops.throttle()
  local wait, age, seen = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
  local strikes = get('strikes')
  if now - age > get('cut') then  -- what was under way when the rate was cut says nothing new
    local base = rate > 0 and rate or own > 0 and own * SECOND / span or seen
    strikes = strikes + 1
    redis.call('HSETNX', state, 'taught', tostring(base))
    redis.call('HSET', state, 'rate', tostring(math.max(base / 2, SLOWEST)), 'cut', whole(now), 'strikes', strikes)
  elseif own == 0 and strikes == 1 and seen > get('taught') then  -- the same burst, as who sent more of it saw it
    redis.call('HSET', state, 'rate', tostring(seen / 2), 'taught', tostring(seen))
  end
  if wait < 0 then wait = math.min(FIRST_HOLD * 2 ^ math.max(0, strikes - 1), LONGEST_HOLD) end
  held = math.max(held, now + wait)
  redis.call('HSET', state, 'held', whole(held))
  keep_keys()
  return {whole(held - now)}
end

function ops.state()
  local count, left, reset, each = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
  if left == 0 then held = math.max(held, now + reset) end
  redis.call('HSET', state, 'held', whole(held))
  if count > 0 then
    local is_same = get('stated_until') > now and get('stated') == count
    local window = math.max(SECOND, reset, is_same and get('stated_window') or 0)  -- the longest that was seen of it
    local till = now + math.max(HEARD_FOR, 2 * window)
    if not is_same then redis.call('DEL', stated_log) end
    redis.call('HSET', state, 'stated', whole(count), 'stated_window', whole(window))
    redis.call('HSET', state, 'stated_each', whole(each), 'stated_until', whole(till))
    local rule = {log = stated_log, count = count, window = window, each = each}
    read_log(rule)
    if left >= 0 and count - left > rule.used then  -- asked before we counted, or by others with the same account
      local tail = rule.entries[#rule.entries]
      local last = math.max(now + reset - window, tail and tail[2] or 0)
      redis.call('RPUSH', stated_log, whole(now) .. ' ' .. whole(last) .. ' ' .. whole(count - left - rule.used))
    end
    rules[#rules + 1] = rule
  end
  keep_keys()
  return {1}
end

function ops.usage()
  local used, window = 0, 0
  if lessons > 0 then
    read_log(rules[1])
    used, window = rules[1].used, rules[1].window
  end
  return {tostring(rate), used, whole(window), slots, whole(math.max(0, held - now))}
end

return ops[op]()
""".replace("@LEASE@", str(LEASE))

# Messages that wait for a limit, by the moment at which they may be looked at again: with one, it is put in, without
# one those that are due are taken out. The keys: the sorted set, and `memory`, which begins when the first ticker asks.
WAKE = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
redis.call('SET', KEYS[2], string.format('%.0f', now), 'NX')
if ARGV[2] ~= '' then
  redis.call('ZADD', KEYS[1], 'LT', string.format('%.0f', now + ARGV[3]), ARGV[2])
  return {}
end
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, 1000)
if #due > 0 then redis.call('ZREM', KEYS[1], unpack(due)) end
local following = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
table.insert(due, 1, following and string.format('%.0f', following - now) or '')
return due
"""
