import { createCipheriv, createHash, randomBytes } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { poly1305 } from "@noble/ciphers/_poly1305.js"
import { scratch } from "../../support/fixtures.js"
import type { SealKey } from "../../../storage/restic/sealed.js"
import { CONFIG, KEY_JSON, KEY_NAME, SNAPSHOT, SNAPSHOT_NAME } from "./vectors.js"

/** Seals as restic does, for files that restic itself would not write. */
export function seal(key: SealKey, plaintext: Uint8Array, nonce: Uint8Array = randomBytes(16)): Buffer {
  const ciphertext = createCipheriv("aes-256-ctr", key.encrypt, nonce).update(plaintext)
  const s = createCipheriv("aes-128-ecb", key.k, null).setAutoPadding(false).update(nonce)
  return Buffer.concat([nonce, ciphertext, poly1305(ciphertext, Buffer.concat([key.r, s]))])
}

/** Writes a file under the name that its bytes give it. Returns the name. */
export function putHashNamed(directory: string, folder: string, bytes: Uint8Array): string {
  const name = createHash("sha256").update(bytes).digest("hex")
  writeFileSync(join(directory, folder, name), bytes)
  return name
}

/** The repository of known bytes, password "test", in a directory of its own. */
export function knownRepository(): string {
  const directory = scratch()
  for (const folder of ["keys", "snapshots", "index", "data", "locks"]) mkdirSync(join(directory, folder))
  writeFileSync(join(directory, "config"), CONFIG)
  writeFileSync(join(directory, "keys", KEY_NAME), KEY_JSON)
  writeFileSync(join(directory, "snapshots", SNAPSHOT_NAME), SNAPSHOT)
  // Never opened by a listing: that there is one is what counts.
  putHashNamed(directory, "index", Buffer.from("an index"))
  return directory
}
