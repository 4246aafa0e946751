// Load on one URL: stdin has {url, headers, bodies, connections, seconds, rate?} as JSON; stdout
// gets what became of it, and the processor time that it took, in µs. Without a rate each connection
// sends its next request once the one before is answered, by autocannon. At a rate requests are due
// at even distances, whatever becomes of those before, and each one's latency counts from when it was
// due. (autocannon sends each second's requests at the second's beginning, and counts an answer after
// 300 ms as 300 answers, after 1 to 300 ms.)
import { readFileSync } from "node:fs";
import http from "node:http";
import autocannon from "autocannon";

const { url, headers, bodies, connections, seconds, rate } = JSON.parse(readFileSync(0, "utf8"));

async function atOnce() {
  let setups = 0;
  const share = Math.ceil(bodies.length / connections);
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    method: "POST",
    headers,
    setupClient: (client) => {
      const first = (setups++ * share) % bodies.length;
      client.setRequests([...bodies.slice(first), ...bodies.slice(0, first)].map((body) => ({ body })));
    },
  });
  return {
    answered: result["2xx"],
    refused: result.non2xx,
    failed: result.errors + result.timeouts,
    seconds: result.duration,
    cpu_us: processorTime(),
    p50_ms: result.latency.p50,
    p99_ms: result.latency.p99,
  };
}

function processorTime() {
  const used = process.cpuUsage();
  return used.user + used.system;
}

async function paced() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const latencies = [];
  const total = rate * seconds;
  let [begun, ended, refused, failed] = [0, 0, 0, 0];
  const start = performance.now();
  const due = (number) => start + (number * 1000) / rate;
  await new Promise((resolve) => {
    const end = () => ++ended === total && resolve();
    const send = (number) => {
      const body = bodies[number % bodies.length];
      const own = { ...headers, "content-length": Buffer.byteLength(body) };
      const request = http.request(url, { method: "POST", headers: own, agent }, (answer) => {
        answer.resume().on("end", () => {
          if (answer.statusCode >= 300) refused++;
          else latencies.push(performance.now() - due(number));
          end();
        });
      });
      request.on("error", () => failed++ >= 0 && end()).end(body);
    };
    const sendDue = () => {
      while (begun < total && due(begun) <= performance.now()) send(begun++);
      if (begun < total) setTimeout(sendDue, due(begun) - performance.now());
    };
    sendDue();
  });
  agent.destroy();
  latencies.sort((one, other) => one - other);
  const quantile = (part) => Math.round(latencies[Math.floor((latencies.length - 1) * part)] * 10) / 10;
  return {
    answered: latencies.length,
    refused,
    failed,
    seconds: (performance.now() - start) / 1000,
    cpu_us: processorTime(),
    p50_ms: quantile(0.5),
    p99_ms: quantile(0.99),
  };
}

process.stdout.write(JSON.stringify(await (rate ? paced() : atOnce())));
