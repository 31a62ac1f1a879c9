-- For wrk: events of severity 1, from 20 addresses at random. Prints what the demo's README shows.

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("seed", threads)
end

function init()
  math.randomseed(seed)
end

function request()
  local event = string.format('{"address": "198.18.1.%d", "severity": 1}', math.random(20))
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, event)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format("%d requests, %.0f per second; p50 %.1f ms, p99 %.1f ms; errors %d",
    summary.requests, summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
