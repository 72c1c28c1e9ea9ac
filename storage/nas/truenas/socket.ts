import { connect as connectPlainly, isIP, type Socket } from "node:net"
import { connect as connectByTls, type TLSSocket } from "node:tls"
import { errnoOf } from "../../errno.js"
import { StorageError } from "../../errors.js"
import { authorityOf, type TrueNasAddress } from "./address.js"

/**
 * A connection to the other end, known to be the right one before the first byte of ours: by the fingerprint of its certificate where
 * one is given, or else by its name and this machine's authorities. Throws StorageError `io`, `timeout`, and `unreadable` for
 * a wrong certificate.
 */
export async function openSocket(
  address: TrueNasAddress,
  fingerprint: string | undefined,
  patienceMs: number,
): Promise<Socket> {
  const { host, port, secure } = address
  const socket = secure
    ? connectByTls({
        host,
        port,
        ALPNProtocols: ["http/1.1"],
        // The comparison below stands in for it: TrueNAS ships a certificate that it signed itself.
        rejectUnauthorized: fingerprint === undefined,
        ...(isIP(host) === 0 && { servername: host }),
      })
    : connectPlainly({ host, port })
  try {
    await opened(socket, secure ? "secureConnect" : "connect", address, patienceMs)
    if (secure && fingerprint !== undefined) checkFingerprint(socket as TLSSocket, fingerprint, address)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function opened(socket: Socket, event: string, address: TrueNasAddress, patienceMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(silent(address, patienceMs))
    }, patienceMs)
    socket.once(event, () => {
      clearTimeout(timer)
      resolve()
    })
    // Kept for the socket's whole life: an error that nobody listens to ends the process.
    socket.on("error", (cause) => {
      clearTimeout(timer)
      reject(unreachable(address, cause, socket))
    })
  })
}

function checkFingerprint(socket: TLSSocket, wanted: string, address: TrueNasAddress): void {
  const shown = fingerprintOf(socket)
  if (shown === wanted) return
  throw new StorageError("unreadable", `the certificate of ${authorityOf(address)} is another one`, {
    facts: { wanted, shown: shown ?? "none" },
    hint: "Nothing was sent. If it was renewed, compare the fingerprint with TrueNAS' own and configure that; if not, somebody is between.",
  })
}

function unreachable(address: TrueNasAddress, cause: Error, socket: Socket): StorageError {
  const where = authorityOf(address)
  const code = errnoOf(cause) ?? "unknown"
  const shown =
    socket instanceof Object && "getPeerCertificate" in socket
      ? fingerprintOf(socket as TLSSocket)
      : undefined
  if (shown !== undefined) {
    return new StorageError("unreadable", `the certificate of ${where} is not trusted (${code})`, {
      facts: { shown, code },
      hint: `Nothing was sent. If TrueNAS shows the same SHA-256 fingerprint for its certificate, configure it: ${shown}`,
      cause,
    })
  }
  return new StorageError("io", `${where} cannot be reached (${code})`, {
    facts: { code },
    hint: "Check the address and the port, and that TrueNAS' web interface answers there.",
    cause,
  })
}

function fingerprintOf(socket: TLSSocket): string | undefined {
  // Typed as if there always were one.
  const certificate = socket.getPeerCertificate() as { readonly fingerprint256?: string } | null
  return certificate?.fingerprint256
}

export function silent(address: TrueNasAddress, patienceMs: number): StorageError {
  return new StorageError("timeout", `${authorityOf(address)} did not answer within ${patienceMs / 1000} s`, {
    hint: "Check that TrueNAS is up and its web interface answers.",
  })
}
