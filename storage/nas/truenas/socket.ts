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
        // Judged below, before anything is sent: TrueNAS ships a certificate that it signed itself, and of one that is refused
        // here no fingerprint could be shown.
        rejectUnauthorized: false,
        ...(isIP(host) === 0 && { servername: host }),
      })
    : connectPlainly({ host, port })
  try {
    await opened(socket, secure ? "secureConnect" : "connect", address, patienceMs)
    if (secure) checkCertificate(socket as TLSSocket, fingerprint, address)
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
      reject(unreachable(address, cause))
    })
  })
}

/** Without a fingerprint, the chain, the dates and the name have to be right. */
function checkCertificate(socket: TLSSocket, wanted: string | undefined, address: TrueNasAddress): void {
  const where = authorityOf(address)
  // Typed as if there always were one.
  const certificate = socket.getPeerCertificate() as { readonly fingerprint256?: string } | null
  const shown = certificate?.fingerprint256 ?? "none"
  if (wanted !== undefined && shown !== wanted) {
    throw new StorageError("unreadable", `the certificate of ${where} is another one`, {
      facts: { wanted, shown },
      hint: "Nothing was sent. If it was renewed, compare the fingerprint with TrueNAS' own and configure that; if not, somebody is between.",
    })
  }
  if (wanted === undefined && !socket.authorized) {
    // Typed as an error; it is the error's code.
    const code = String(socket.authorizationError)
    throw new StorageError("unreadable", `the certificate of ${where} is not trusted (${code})`, {
      facts: { shown, code },
      hint: `Nothing was sent. If TrueNAS shows the same SHA-256 fingerprint for its certificate, configure it: ${shown}`,
    })
  }
}

function unreachable(address: TrueNasAddress, cause: Error): StorageError {
  const code = errnoOf(cause) ?? "unknown"
  return new StorageError("io", `${authorityOf(address)} cannot be reached (${code})`, {
    facts: { code },
    hint: "Check the address and the port, and that TrueNAS' web interface answers there.",
    cause,
  })
}

export function silent(address: TrueNasAddress, patienceMs: number): StorageError {
  return new StorageError("timeout", `${authorityOf(address)} did not answer within ${patienceMs / 1000} s`, {
    hint: "Check that TrueNAS is up and its web interface answers.",
  })
}
