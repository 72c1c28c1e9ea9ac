import { once } from "node:events"
import { connect as connectPlain, isIP, type Socket } from "node:net"
import { connect as connectTls, TLSSocket } from "node:tls"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import type { DsmAddress } from "./address.js"

/**
 * A connection to DSM that has proven to be DSM's; nothing was sent on it yet. Throws StorageError `io` or `timeout`, and `unreadable`
 * for another certificate than the one that was agreed on. All say `sent: false`.
 */
export async function connect(address: DsmAddress, deadline: AbortSignal): Promise<Socket> {
  const { host, port, secure, fingerprint } = address
  const name = isIP(host) === 0 ? { servername: host } : {}
  // A pinned certificate needs no authority; it is compared below, before the first byte.
  const trust = { rejectUnauthorized: fingerprint === undefined, ALPNProtocols: ["http/1.1"] }
  const socket = secure ? connectTls({ host, port, ...name, ...trust }) : connectPlain({ host, port })
  // Whoever waits for something on it is told; between two waits nobody would be, and Node would end the process.
  socket.on("error", () => undefined)
  try {
    await once(socket, secure ? "secureConnect" : "connect", { signal: deadline })
    if (fingerprint !== undefined) checkCertificate(socket, fingerprint)
    return socket
  } catch (cause) {
    socket.destroy()
    throw connectError(address, deadline, cause)
  }
}

function checkCertificate(socket: Socket, fingerprint: string): void {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.fingerprint256 : undefined
  if (shown?.replaceAll(":", "").toLowerCase() === fingerprint) return
  throw new StorageError("unreadable", "DSM shows another certificate than the one that was agreed on", {
    facts: { sent: false, shown: shown ?? "none" },
    hint: "Compare the fingerprint with Control Panel > Security > Certificate. Nothing was sent; where DSM has a new certificate, give its fingerprint.",
  })
}

function connectError({ host, port }: DsmAddress, deadline: AbortSignal, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause
  const where = `${host}:${port}`
  if (deadline.aborted) {
    return new StorageError("timeout", `no connection to DSM at ${where} in time`, {
      facts: { sent: false, host, port },
      hint: "Check that the NAS is up, and that its firewall lets this machine in.",
    })
  }
  const errno = errnoOf(cause) ?? "unknown"
  const isTrust = !/^E[A-Z0-9]+$/.test(errno)
  return new StorageError(
    isTrust ? "unreadable" : "io",
    isTrust
      ? `the certificate of DSM at ${where} is not to be trusted (${errno})`
      : `there is no connection to DSM at ${where} (${errno})`,
    {
      facts: { sent: false, host, port, errno },
      hint: isTrust
        ? "Give the SHA-256 fingerprint of its certificate, or use the name that the certificate is for."
        : "Check the address and the port (DSM listens for https on 5001), and that the NAS is up.",
      cause,
    },
  )
}
