import { StorageError } from "../errors.js"

/** A PersistentVolumeClaim within one cluster. Made only by `parseVolumeName`. */
export interface VolumeName {
  readonly namespace: string
  readonly pvc: string
}

const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
const NAMESPACE = new RegExp(`^${LABEL}$`)
const PVC = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)

/** A DNS-1123 label of at most 63 characters, as Kubernetes wants of a namespace. */
export function isNamespace(text: string): boolean {
  return text.length <= 63 && NAMESPACE.test(text)
}

/** A DNS-1123 subdomain of at most 253 characters, as Kubernetes wants of a PersistentVolumeClaim. */
export function isPvcName(text: string): boolean {
  return text.length <= 253 && PVC.test(text)
}

/** Throws StorageError `invalid` for names that no cluster can have; what passes holds no slash and no "..". */
export function parseVolumeName(namespace: string, pvc: string): VolumeName {
  if (!isNamespace(namespace)) {
    throw new StorageError("invalid", `not a namespace: ${shown(namespace)}`, {
      hint: "A namespace has up to 63 of a-z, 0-9 and '-', and begins and ends with a letter or digit.",
    })
  }
  if (!isPvcName(pvc)) {
    throw new StorageError("invalid", `not the name of a PersistentVolumeClaim: ${shown(pvc)}`, {
      hint: "Its name has up to 253 of a-z, 0-9, '-' and '.', and each part between dots begins and ends with a letter or digit.",
    })
  }
  return { namespace, pvc }
}

/** `namespace/pvc`: how a volume is keyed and shown. */
export function volumeKey({ namespace, pvc }: VolumeName): string {
  return `${namespace}/${pvc}`
}

/** The inverse of `volumeKey`. Throws StorageError `invalid`. */
export function parseVolumeKey(text: string): VolumeName {
  const slash = text.indexOf("/")
  if (slash < 0) throw new StorageError("invalid", `not namespace/pvc: ${shown(text)}`)
  return parseVolumeName(text.slice(0, slash), text.slice(slash + 1))
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
