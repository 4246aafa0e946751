// Load on one URL: stdin has {url, headers, bodies, connections, seconds, rate?} as JSON; stdout
// gets what became of it, and the processor time that it took, in µs. Without a rate each connection
// sends its next request once the one before is answered. Requests are made beforehand and answers
// read no further than needed: this takes of the cores that are measured. At a rate requests are due
// at even distances, whatever becomes of those before, and each one's latency counts from when it
// was due.
import { readFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";

const { url, headers, bodies, connections, seconds, rate } = JSON.parse(readFileSync(0, "utf8"));

// The status and the end of an answer; null while some of it is still to come.
function answerIn(received) {
  const body = received.indexOf("\r\n\r\n") + 4;
  if (body < 4) return null;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.toString("latin1", 0, body));
  const end = body + Number(length[1]);
  if (end > received.length) return null;
  return { status: Number(received.toString("latin1", 9, 12)), end };
}

async function atOnce() {
  const { hostname, port, pathname } = new URL(url);
  const head = Object.entries({ host: `${hostname}:${port}`, connection: "keep-alive", ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  const requests = bodies.map((body) =>
    Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`),
  );
  const latencies = [];
  let [refused, failed] = [0, 0];
  const start = performance.now();
  const end = start + seconds * 1000;
  const share = Math.ceil(requests.length / connections);
  await Promise.all(
    Array.from({ length: connections }, (_, nth) => {
      let number = nth * share;
      let received = Buffer.alloc(0);
      let sent;
      return new Promise((resolve) => {
        const socket = net.connect({ host: hostname, port, noDelay: true });
        const send = () => {
          sent = performance.now();
          if (sent >= end) return socket.destroy();
          socket.write(requests[number++ % requests.length]);
        };
        socket.on("connect", send);
        socket.on("data", (chunk) => {
          received = received.length ? Buffer.concat([received, chunk]) : chunk;
          const answer = answerIn(received);
          if (answer === null) return;
          received = received.subarray(answer.end);
          if (answer.status < 300) latencies.push(performance.now() - sent);
          else refused++;
          send();
        });
        socket.on("error", () => failed++);
        socket.on("close", resolve);
        setTimeout(() => socket.destroy(), end - performance.now()).unref();
      });
    }),
  );
  return figures(latencies, refused, failed, start);
}

function figures(latencies, refused, failed, start) {
  latencies.sort((one, other) => one - other);
  const quantile = (part) => Math.round(latencies[Math.floor((latencies.length - 1) * part)] * 10) / 10;
  const used = process.cpuUsage();
  return {
    answered: latencies.length,
    refused,
    failed,
    seconds: (performance.now() - start) / 1000,
    cpu_us: used.user + used.system,
    p50_ms: quantile(0.5),
    p99_ms: quantile(0.99),
  };
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
  return figures(latencies, refused, failed, start);
}

process.stdout.write(JSON.stringify(await (rate ? paced() : atOnce())));
