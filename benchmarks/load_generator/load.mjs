// Load on one URL: stdin has {url, headers, bodies, connections, seconds, rate?} as JSON; stdout
// gets what became of it. Each connection sends its next request once the one before is answered.
import { readFileSync } from "node:fs";
import autocannon from "autocannon";

const { url, headers, bodies, connections, seconds, rate } = JSON.parse(readFileSync(0, "utf8"));
let setups = 0;
const share = Math.ceil(bodies.length / connections);
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  method: "POST",
  headers,
  ...(rate ? { overallRate: rate } : {}),
  setupClient: (client) => {
    const first = (setups++ * share) % bodies.length;
    client.setRequests([...bodies.slice(first), ...bodies.slice(0, first)].map((body) => ({ body })));
  },
});

process.stdout.write(
  JSON.stringify({
    answered: result["2xx"],
    refused: result.non2xx,
    failed: result.errors + result.timeouts,
    seconds: result.duration,
    p50_ms: result.latency.p50,
    p99_ms: result.latency.p99,
  }),
);
