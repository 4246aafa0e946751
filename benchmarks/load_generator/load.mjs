// Load on one URL: stdin has {url, headers, bodies, connections, seconds, rate?} as JSON; stdout
// gets what became of it, and the processor time that it took, in µs. A first second isn't measured:
// connections are opened in it, and Node compiles what it runs; `sent` counts its requests, too.
// Without a rate each connection sends its next request once the one before is answered, by
// autocannon. At a rate requests are due at even distances, whatever becomes of those before, by
// undici, and each one's latency counts from when it was due. (autocannon sends each second's requests
// at the second's beginning, and counts an answer after 300 ms as 300 answers, after 1 to 300 ms.)
// `late_p99_ms` is by how much the generator itself was late, with a request that was due.
import { readFileSync } from "node:fs";
import autocannon from "autocannon";
import { Pool } from "undici";

const { url, headers, bodies, connections, seconds, rate } = JSON.parse(readFileSync(0, "utf8"));
const WARM_UP_SECONDS = 1;

async function atOnce() {
  const before = await connected(WARM_UP_SECONDS);
  const used = processorTime();
  const result = await connected(seconds);
  return {
    sent: before["2xx"] + result["2xx"],
    answered: result["2xx"],
    refused: before.non2xx + result.non2xx,
    failed: before.errors + before.timeouts + result.errors + result.timeouts,
    seconds: result.duration,
    cpu_us: processorTime() - used,
    p50_ms: result.latency.p50,
    p99_ms: result.latency.p99,
  };
}

function connected(duration) {
  let setups = 0;
  const share = Math.ceil(bodies.length / connections);
  return autocannon({
    url,
    connections,
    duration,
    method: "POST",
    headers,
    setupClient: (client) => {
      const first = (setups++ * share) % bodies.length;
      client.setRequests([...bodies.slice(first), ...bodies.slice(0, first)].map((body) => ({ body })));
    },
  });
}

function processorTime() {
  const used = process.cpuUsage();
  return used.user + used.system;
}

async function paced() {
  const { origin, pathname: path } = new URL(url);
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const measured = { latencies: [], late: [] };
  const first = rate * WARM_UP_SECONDS;
  const total = rate * (WARM_UP_SECONDS + seconds);
  let [begun, ended, refused, failed, used] = [0, 0, 0, 0, 0];
  const start = performance.now();
  const due = (number) => start + (number * 1000) / rate;
  await new Promise((resolve) => {
    const end = () => ++ended === total && resolve();
    const send = (number) => {
      let status = 0;
      if (number === first) used = processorTime();
      if (number >= first) measured.late.push(performance.now() - due(number));
      pool.dispatch(
        { path, method: "POST", headers, body: bodies[number % bodies.length] },
        {
          onConnect() {},
          onHeaders(answered) {
            status = answered;
            return true;
          },
          onData: () => true,
          onComplete() {
            if (status >= 300) refused++;
            else if (number >= first) measured.latencies.push(performance.now() - due(number));
            end();
          },
          onError() {
            failed++;
            end();
          },
        },
      );
    };
    const sendDue = () => {
      while (begun < total && due(begun) <= performance.now()) send(begun++);
      if (begun < total) setTimeout(sendDue, Math.max(1, due(begun) - performance.now()));
    };
    sendDue();
  });
  const cpu_us = processorTime() - used;
  await pool.close();
  return {
    sent: ended - refused - failed,
    answered: measured.latencies.length,
    refused,
    failed,
    seconds: (performance.now() - start) / 1000 - WARM_UP_SECONDS,
    cpu_us,
    p50_ms: quantile(measured.latencies, 0.5),
    p99_ms: quantile(measured.latencies, 0.99),
    late_p99_ms: quantile(measured.late, 0.99),
  };
}

function quantile(values, part) {
  values.sort((one, other) => one - other);
  return Math.round(values[Math.floor((values.length - 1) * part)] * 10) / 10;
}

process.stdout.write(JSON.stringify(await (rate ? paced() : atOnce())));
