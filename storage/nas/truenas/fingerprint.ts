import { StorageError } from "../../errors.js"

/**
 * The SHA-256 of a certificate in its one spelling, `AA:BB:…`, from what people copy: upper or lower case, with colons or without, with
 * the name of the hash before it. Throws StorageError `invalid`.
 */
export function parseFingerprint(text: string): string {
  const hex = text
    .trim()
    .replace(/^sha-?256(\s+fingerprint)?\s*[:=]\s*/i, "")
    .replaceAll(":", "")
  if (!/^[0-9a-f]{64}$/i.test(hex)) {
    throw new StorageError("invalid", "the fingerprint is no SHA-256 of a certificate", {
      hint: "Take the 64 digits that `openssl x509 -noout -fingerprint -sha256` prints for the certificate.",
    })
  }
  return (hex.toUpperCase().match(/../g) ?? []).join(":")
}
