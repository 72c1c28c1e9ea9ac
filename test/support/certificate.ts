import { execFileSync } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { scratch } from "./fixtures.js"

export interface Certificate {
  readonly key: string
  readonly cert: string
  /** SHA-256, as browsers show it. */
  readonly fingerprint: string
}

/** A certificate for this machine that nobody but itself has signed, made by the real openssl. */
export function selfSigned(name = "localhost"): Certificate {
  const directory = scratch()
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")]
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name},IP:127.0.0.1`]
  execFileSync("openssl", ["req", "-x509", ...kind, ...names, "-days", "2", "-keyout", key, "-out", cert], {
    stdio: ["ignore", "ignore", "pipe"],
  })
  const text = readFileSync(cert, "utf8")
  return { key: readFileSync(key, "utf8"), cert: text, fingerprint: new X509Certificate(text).fingerprint256 }
}
