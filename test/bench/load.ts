// Asks a server over many connections at once, each with one question under way, and prints what it saw.
// argv: port, connections, seconds, volumes. A process of its own, so that its work is not counted as the server's.
import { connect } from "node:net"
import { percentile } from "./measure.js"

const [port = 0, connections = 1, seconds = 1, volumes = 1] = process.argv.slice(2).map(Number)
const latencies: number[] = []
const statuses: Record<string, number> = {}
const began = performance.now()
const ends = began + seconds * 1000
let asked = 0
let open = connections

for (let index = 0; index < connections; index++) startConnection()

function startConnection(): void {
  const socket = connect(port, "127.0.0.1")
  socket.setNoDelay(true)
  let sent = 0
  let pending = ""

  const ask = () => {
    if (performance.now() >= ends) {
      socket.end()
      return
    }
    const volume = asked++ % volumes
    sent = performance.now()
    socket.write(`GET /exists/ns-${volume % 25}/app-${volume} HTTP/1.1\r\nHost: bench\r\n\r\n`)
  }
  socket.on("connect", ask)
  socket.on("data", (chunk) => {
    pending += chunk.toString("latin1")
    const status = statusOfWhole(pending)
    if (status === undefined) return
    pending = ""
    latencies.push(performance.now() - sent)
    statuses[status] = (statuses[status] ?? 0) + 1
    ask()
  })
  socket.on("error", (error) => {
    throw error
  })
  socket.on("close", () => {
    open--
    if (open === 0) report()
  })
}

/** The status of a response that has arrived completely. */
function statusOfWhole(text: string): string | undefined {
  const headEnd = text.indexOf("\r\n\r\n")
  if (headEnd < 0) return undefined
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd))
  const whole = length === null ? text.endsWith("0\r\n\r\n") : text.length >= headEnd + 4 + Number(length[1])
  return whole ? text.slice(9, 12) : undefined
}

function report(): void {
  const elapsed = (performance.now() - began) / 1000
  process.stdout.write(
    JSON.stringify({
      requests: latencies.length,
      perSecond: latencies.length / elapsed,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      statuses,
    }),
  )
}
