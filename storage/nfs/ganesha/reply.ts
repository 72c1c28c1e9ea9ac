import { StorageError } from "../../errors.js"

/** Throws StorageError `corrupt`. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[]
  throw unknownReply(what)
}

export function unknownReply(what: string): StorageError {
  return new StorageError("corrupt", `NFS-Ganesha: the reply of ${what} has an unknown form`, {
    hint: "Cistern knows NFS-Ganesha from 4.3 on. Look at its version: `ganesha.nfsd -v`.",
  })
}

export function untold(what: string, said: string): StorageError {
  return new StorageError("unreadable", `NFS-Ganesha does not tell ${what}: ${said}`, {
    hint: "Run the daemon as root: D-Bus lets nobody else ask.",
  })
}
