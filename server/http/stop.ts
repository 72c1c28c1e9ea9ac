import { setTimeout as delay } from "node:timers/promises"
import type { DaemonServer } from "./server.js"

/** How long busy clients have to learn, by `Connection: close` in an answer, that they shall not ask here again. */
const FAREWELL_MS = 100
/** After it stopped listening: how long a connection that was accepted has to send its request. */
const STRAGGLERS_MS = 500
const LOOK_EVERY_MS = 20

/**
 * Ends the server so that every request that was taken is answered. First every answer ends its connection, while new ones are
 * still taken: an idle connection that is closed at once could have a request on its way. Then nothing new is accepted.
 * At the deadline, or when nobody waits for an answer any more, what is left is cut.
 */
export async function stopServer(server: DaemonServer, graceMs: number): Promise<void> {
  if (!server.listening) return
  const began = performance.now()
  const elapsed = (): number => performance.now() - began
  server.traffic.stopping = true
  await delay(Math.min(FAREWELL_MS, graceMs))

  let closed = false
  server.close(() => {
    closed = true
  })
  const stragglersUntil = elapsed() + STRAGGLERS_MS
  // Closing connections is told by no single event that also knows of the deadline, so this looks.
  while (!isClosed() && elapsed() < graceMs && (server.traffic.inFlight > 0 || elapsed() < stragglersUntil)) {
    await delay(LOOK_EVERY_MS)
  }
  server.closeAllConnections()

  function isClosed(): boolean {
    return closed
  }
}
