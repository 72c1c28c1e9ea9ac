import { accessSync, constants } from "node:fs"
import { dirname } from "node:path"
import { StorageError } from "../errors.js"
import { locate, type Location } from "./filesystem.js"

/** Whether what is written to a directory outlives the process, the pod and the machine's next boot. */
export type Durability =
  | { readonly durable: true }
  | {
      readonly durable: false
      readonly code: "in_memory" | "container_layer" | "empty_dir" | "read_only" | "not_writable"
      readonly message: string
      /** Whether it can at least be written until then. */
      readonly writable: boolean
    }

/**
 * Judges a directory, or the nearest one above it that exists. Without certainty it says no: a ledger that dies with the pod
 * remembers nothing. Throws StorageError where the directory cannot even be looked at.
 */
export function durabilityOf(directory: string): Durability {
  const location = nearest(directory)
  const writable = mayWrite(location.realPath)
  const reason = perishable(directory, location) ?? (writable ? undefined : notWritable(directory))
  return reason === undefined ? { durable: true } : { durable: false, ...reason, writable }
}

type Reason = Pick<Extract<Durability, { durable: false }>, "code" | "message">

function perishable(directory: string, { filesystem, readOnly }: Location): Reason | undefined {
  const is = `${directory} is on`
  if (["tmpfs", "ramfs", "devtmpfs", "rootfs"].includes(filesystem.type)) {
    return { code: "in_memory", message: `${is} ${filesystem.type}, which lives in memory` }
  }
  if (["overlay", "overlayfs", "aufs"].includes(filesystem.type)) {
    return { code: "container_layer", message: `${is} the container's own layer (${filesystem.type})` }
  }
  // The kubelet's name for the volumes that it deletes with the pod; the mount shows it as the directory it comes from.
  if (filesystem.root.includes("/kubernetes.io~empty-dir/")) {
    return { code: "empty_dir", message: `${is} an emptyDir, which is deleted with the pod` }
  }
  if (readOnly) return { code: "read_only", message: `${is} a filesystem that is mounted read-only` }
  return undefined
}

function notWritable(directory: string): Reason {
  return { code: "not_writable", message: `${directory} may not be written by the daemon's user` }
}

function nearest(directory: string): Location {
  try {
    return locate(directory)
  } catch (error) {
    const above = dirname(directory)
    if (!(error instanceof StorageError) || error.code !== "missing" || above === directory) throw error
    return nearest(above)
  }
}

function mayWrite(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}
